/*
 * Knot's journal beside the file, as kjournalprint 3.2.6 prints it. A real knotd is in
 * tests/system/test_zone_servers.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "zone/knot_journal.h"

#define FILE_TEXT                                                                        \
	"$TTL 300\n@ SOA ns1 host 7 3600 600 86400 300\n@ NS ns1\nns1 A 30.0.0.61\n"     \
	"@ MX 10 Mail\nmail A 30.0.0.25\n"
#define SOA(n)                                                                           \
	"z.example.  \t300\tSOA\tns1.z.example. host.z.example. " n                      \
	" 3600 600 86400 300\n"
#define CHANGE(from, to, removed, added)                                                 \
	";; Changes between zone versions: " from " -> " to ", changeset: 1\n"           \
	";; Removed\n" SOA(from) removed ";; Added\n" SOA(to) added
#define X "x.z.example.\t60\tA\t30.0.0.9\n"
#define MX "z.example.\t300\tMX\t10 mail.z.example.\n"

/* clang-format off */
static const struct {
	const char *story;
	bool continues_file;
	const char *printed;
	size_t differs; /* by how many records */
} rows[] = {
	{ "nothing was ever changed", true, "The journal is empty\n", 0 },
	{ "a record by zone-set", true, CHANGE("7", "8", "", X), 1 },
	{ "and taken back", true, CHANGE("7", "8", "", X) CHANGE("8", "9", X, ""), 0 },
	{ "a record of the file removed", true, CHANGE("7", "8", MX, ""), 1 },
	{ "before the file's serial, so it is in the file or was replaced", true, CHANGE("5", "6", "", X), 0 },
	{ "one change before, one after", true, CHANGE("6", "7", "", X) CHANGE("7", "8", MX, ""), 1 },
	{ "of differences to the file all count", false, CHANGE("5", "6", "", X), 1 },
	{ "a journal that holds the whole zone, as the file", false,
	  ";; Zone-in-journal, serial: 7, changeset: 1\n;; Added\n" SOA("7") MX "mail.z.example. 300 A 30.0.0.25\n", 0 },
	{ "TTLs are Knot's", false, ";; Zone-in-journal, serial: 7, changeset: 1\n;; Added\nmail.z.example. 60 A 30.0.0.25\n", 0 },
	{ "a TTL that the file has now, too", false, CHANGE("5", "6", "mail.z.example. 60 A 30.0.0.25\n", "mail.z.example. 300 A 30.0.0.25\n"), 0 },
	{ "what Knot signs is not in the file", false,
	  CHANGE("7", "8", "", "z.example. 300 DNSKEY 256 3 13 vNwBVdMa5N7ISy5CwzrTHxgWfC4PwbexHRA/XCMBTQKtAhjBw8VlOo3Dw32uWGQKP2E9KnH141u6xmX559zvqA==\n"
	  "z.example. 0 CDS 44429 13 2 877EF21E33F10E03081F6BBBF479DE78D03AD71B161B0E03FD9FFE0B66E175CA\n"
	  "mail.z.example. 300 NSEC z.example. A RRSIG NSEC\n"), 0 },
};
/* clang-format on */

static int judge(const char *printed, bool continues_file, bool is_signing,
		 struct error *e)
{
	struct knot_journal *j = knot_journal_new("/j", continues_file, is_signing);
	struct zone_input in = { "/z/z.example.zone", FILE_TEXT, sizeof(FILE_TEXT) - 1,
				 "z.example", NULL };
	char *text = xstrdup(printed);
	int rc = knot_journal_judge(j, &in, 7, text, e);
	free(text);
	knot_journal_free(j);
	return rc;
}

static void what_the_journal_comes_to_must_be_in_the_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error e = { 0, "" };
		char words[40];
		int rc = judge(rows[i].printed, rows[i].continues_file, false, &e);
		(void)snprintf(words, sizeof(words), " by %zu record%s ", rows[i].differs,
			       rows[i].differs == 1 ? "" : "s");
		if (rc != (rows[i].differs ? FMX_EREFUSED : 0) ||
		    (rc != 0 && !strstr(e.text, words)))
			fail_msg("%s: got %d %s", rows[i].story, rc, e.text);
	}
}

static void the_way_round_is_told(void **state)
{
	(void)state;
	struct error e;
	assert_int_equal(judge(CHANGE("7", "8", "", X), true, false, &e), FMX_EREFUSED);
	assert_non_null(strstr(e.text, "knotc -f zone-flush, then zone-freeze"));
	assert_non_null(strstr(e.text, "`kjournalprint -D /j z.example` shows it"));
	/* it would write its signatures, too */
	assert_int_equal(judge(CHANGE("7", "8", "", X), false, true, &e), FMX_EREFUSED);
	assert_null(strstr(e.text, "zone-flush"));
	assert_non_null(strstr(e.text, "put these records into the file"));
}

static void a_journal_that_cannot_be_read_is_no_empty_one(void **state)
{
	(void)state;
	char folder[] = "/tmp/fakemx-journal-XXXXXX", data[64];
	struct zone_input in = { "/z", FILE_TEXT, sizeof(FILE_TEXT) - 1, "z.example",
				 NULL };
	struct error e;
	assert_non_null(mkdtemp(folder));
	struct knot_journal *j = knot_journal_new(folder, true, false);
	assert_int_equal(knot_journal_check(j, &in, 7, &e), 0); /* there is none */
	(void)snprintf(data, sizeof(data), "%s/data.mdb", folder);
	FILE *f = fopen(data, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	/* without kjournalprint, or by its own words */
	assert_int_equal(knot_journal_check(j, &in, 7, &e), FMX_EREFUSED);
	assert_non_null(strstr(e.text, "cannot be seen"));
	assert_non_null(strstr(e.text, "kjournalprint"));
	knot_journal_free(j);
	assert_return_code(unlink(data), 0);
	assert_return_code(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_journal_comes_to_must_be_in_the_file),
		cmocka_unit_test(the_way_round_is_told),
		cmocka_unit_test(a_journal_that_cannot_be_read_is_no_empty_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
