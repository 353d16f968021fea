/*
 * Zones that were once planned wrongly, refused wrongly, or should have been
 * refused. Each is applied, applied again (nothing), and reverted to its bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/job.h"

#define SOA "@ IN SOA ns1 host 7 3600 600 86400 300\n"
#define SOA8 "@ IN SOA ns1 host 8 3600 600 86400 300\n"
#define TOP "$TTL 3600\n" SOA " NS ns1\n"
#define TOP8 "$TTL 3600\n" SOA8 " NS ns1\n"
#define MAIL "ns1 A 8.8.8.2\nmail A 8.8.8.1\n"
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX1024                                                                          \
	HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64 HEX64    \
	    HEX64 HEX64 HEX64
#define FAKE "fake1\t3600\tIN\tA\t8.8.8.30\n"

enum { RENUMBER = 1, NO_DECOY = 2, LOW = 4 };

/* clang-format off */
static const struct {
	const char *story;
	int ttl; /* -1: as it is */
	unsigned options;
	const char *zone;
	const char *want; /* the zone after; or, after a '!', a part of the refusal */
} rows[] = {
	{ "a new decoy and a TTL for all", 300, 0, TOP "@ MX 10 mail\n" MAIL,
	  TOP8 "@ 300 MX 10 mail\n@ 300 MX 20 fake1\n" MAIL "fake1\t300\tIN\tA\t8.8.8.30\n" },
	{ "the MX set has two TTLs: the shorter for all", -1, 0, TOP "@ 300 MX 10 mail\n@ 600 MX 15 b\n" MAIL,
	  TOP8 "@ 300 MX 10 mail\n@ 300 MX 15 b\n@ 300 MX 25 fake1\n" MAIL "fake1\t300\tIN\tA\t8.8.8.30\n" },
	{ "a decoy that stands twice goes twice", -1, NO_DECOY, TOP "@ MX 10 mail\n@ MX 20 fake1\n@ MX 20 FAKE1\n" MAIL,
	  TOP8 "@ MX 10 mail\n" MAIL },
	{ "a real host that stands twice is renumbered twice", -1, RENUMBER | LOW, TOP "@ MX 0 mail\n@ MX 0 mail\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 10 mail\n@ MX 0 fake1\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "one exchange at two preferences, with a TTL", 300, NO_DECOY, TOP "@ MX 10 mail\n@ MX 20 mail\n" MAIL,
	  TOP8 "@ 300 MX 10 mail\n@ 300 MX 20 mail\n" MAIL },
	{ "the SOA comes from a $GENERATE", -1, 0, "$TTL 3600\n$GENERATE 1-1 @ SOA \"ns1 host 7 3600 600 86400 300\"\n@ NS ns1\n@ MX 10 mail\n" MAIL,
	  "!$GENERATE" },
	{ "the MX comes from a $GENERATE", -1, 0, TOP "$GENERATE 1-1 @ MX \"1$ mail\"\n" MAIL, "!$GENERATE" },
	{ "an MX from a $GENERATE that would have to go", -1, NO_DECOY, TOP "$GENERATE 1-1 @ MX \"20 fake$\"\n@ MX 10 mail\n" MAIL,
	  "!does not stand in" },
	{ "a null MX beside a real one", -1, 0, TOP "@ MX 0 .\n@ MX 10 mail\n" MAIL, "!null MX" },
	{ "without $TTL a follower keeps its TTL when a decoy goes", -1, NO_DECOY,
	  "@ 300 IN SOA ns1 host 7 3600 600 86400 300\n NS ns1\n@ MX 10 mail\n@ 3600 MX 20 fake1\nwww A 8.8.8.8\n",
	  "@ 300 IN SOA ns1 host 8 3600 600 86400 300\n NS ns1\n@ MX 10 mail\nwww 3600 A 8.8.8.8\n" },
	{ "without $TTL, and servers that read it otherwise", -1, NO_DECOY,
	  "@ 3600 IN SOA ns1 host 7 3600 600 86400 300\n NS ns1\n@ MX 10 mail\n@ 300 MX 20 fake1\nwww A 8.8.8.8\n", "!write a $TTL" },
	{ "without $TTL a new line says its TTL as its neighbour does", -1, 0,
	  "@ 3600 IN SOA ns1 host 7 3600 600 86400 300\n NS ns1\n@ MX 10 mail\nwww A 8.8.8.8\n" MAIL,
	  "@ 3600 IN SOA ns1 host 8 3600 600 86400 300\n NS ns1\n@ MX 10 mail\n@ MX 20 fake1\nwww A 8.8.8.8\n" MAIL FAKE },
	{ "without $TTL a new TTL is not inherited", 60, 0,
	  "@ 3600 IN SOA ns1 host 7 3600 600 86400 300\n NS ns1\n@ MX 10 mail\n; www\n\nwww A 8.8.8.8\n" MAIL,
	  "@ 3600 IN SOA ns1 host 8 3600 600 86400 300\n NS ns1\n@ 60 MX 10 mail\n@ 60 MX 20 fake1\n; www\n\nwww 3600 A 8.8.8.8\n" MAIL
	  "fake1\t60\tIN\tA\t8.8.8.30\n" },
	{ "without $TTL an include inherits", 60, 0,
	  "@ 3600 IN SOA ns1 host 7 3600 600 86400 300\n NS ns1\n@ MX 10 mail\n$GENERATE 1-2 h$ A 8.8.8.$\n" MAIL, "!$TTL" },
	{ "the SOA's minimum where nobody says a TTL", -1, 0, SOA " NS ns1\n MX 10 mail\n" MAIL,
	  SOA8 " NS ns1\n MX 10 mail\n MX 20 fake1\n" MAIL "fake1\t300\tIN\tA\t8.8.8.30\n" },
	{ "no TTL at all", -1, 0, "mail A 8.8.8.1\n" SOA " NS ns1\n MX 10 mail\n", "!says no TTL" },
	{ "what a zone transfer prints", -1, 0,
	  "; <<>> DiG <<>> axfr\nexample.com. 3600 IN SOA ns1.example.com. h.example.com. 7 3600 600 86400 300\n"
	  "example.com. 3600 IN NS ns1.example.com.\nexample.com. 3600 IN MX 10 mail.example.com.\n"
	  "example.com. 3600 IN SOA ns1.example.com. h.example.com. 7 3600 600 86400 300\n;; Query time: 0 msec\n",
	  "; <<>> DiG <<>> axfr\nexample.com. 3600 IN SOA ns1.example.com. h.example.com. 8 3600 600 86400 300\n"
	  "example.com. 3600 IN NS ns1.example.com.\nexample.com. 3600 IN MX 10 mail.example.com.\n"
	  "example.com. 3600 IN MX 20 fake1.example.com.\n"
	  "example.com. 3600 IN SOA ns1.example.com. h.example.com. 8 3600 600 86400 300\n;; Query time: 0 msec\n"
	  FAKE },
	{ "two SOA records that differ", -1, 0, TOP "@ MX 10 mail\n@ SOA ns1 host 8 3600 600 86400 300\n" MAIL, "!SOA" },
	{ "$GENERATE downwards", -1, 0, TOP "@ MX 10 mail\n$GENERATE 2001-2003 r${-2000,0,n} CNAME x\n$GENERATE 1-3 h${-5} A 10.0.0.$\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 20 fake1\n$GENERATE 2001-2003 r${-2000,0,n} CNAME x\n$GENERATE 1-3 h${-5} A 10.0.0.$\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "an MX of a $GENERATE whose offset stays", -1, 0, TOP "@ MX 10 mail\n$GENERATE 7-7 @ MX \"${36,9} m$\"\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 53 fake1\n$GENERATE 7-7 @ MX \"${36,9} m$\"\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "a step that overflows", -1, 0, TOP "@ MX 10 mail\n$GENERATE 1-3/9223372036854775807 a$ A 10.0.0.1\n" MAIL, "!line 5: $GENERATE" },
	{ "an offset that overflows", -1, 0, TOP "@ MX 10 mail\n$GENERATE 1-3 a${9223372036854775807} A 10.0.0.1\n" MAIL, "!line 5: $GENERATE" },
	{ "a $GENERATE that would make more", -1, 0, TOP "@ MX 10 mail\n$GENERATE 1-1000000 $$GENERATE TXT \"1-1000000 h A\"\n$GENERATE 1-900000 a$ A 1.2.3.4\n" MAIL,
	  "!more than" },
	{ "a type that libzscanner lacks", -1, 0, TOP "@ MX 10 mail\nw WKS 1.2.3.4 tcp smtp\nh HIP 2 2001 AwEA\nn NSAP-PTR w\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 20 fake1\nw WKS 1.2.3.4 tcp smtp\nh HIP 2 2001 AwEA\nn NSAP-PTR w\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "a type that nobody knows", -1, 0, TOP "@ MX 10 mail\nw BLUB 1\n" MAIL, "!line 5" },
	{ "unusual bytes in owners", -1, 0, TOP "@ MX 10 mail\na+b TXT x\nx=y#z&:~ TXT a\n\303\274 TXT b\nq CNAME a+b\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 20 fake1\na+b TXT x\nx=y#z&:~ TXT a\n\303\274 TXT b\nq CNAME a+b\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "$ORIGIN @", -1, 0, "$ORIGIN @\n" TOP "@ MX 10 mail\n" MAIL, "$ORIGIN @\n" TOP8 "@ MX 10 mail\n@ MX 20 fake1\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "base64 in pieces", -1, 0, TOP "@ MX 10 mail\nk DNSKEY 257 3 8 ( AwE AAb\n C= )\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 20 fake1\nk DNSKEY 257 3 8 ( AwE AAb\n C= )\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "a blank and a comment before the first record", -1, 0, "   ; hello\n\n" TOP "@ MX 10 mail\n" MAIL,
	  "   ; hello\n\n" TOP8 "@ MX 10 mail\n@ MX 20 fake1\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "a name that ends with an escaped backslash", -1, 0, TOP "@ MX 10 mail\nx CNAME foo\\\\.\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 20 fake1\nx CNAME foo\\\\.\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "a parenthesis at the margin", -1, 0, TOP "( @ MX 10 mail )\n" MAIL, TOP8 "( @ MX 10 mail )\n@\tIN\tMX\t20 fake1\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "a TLSA that is a whole certificate", -1, 0,
	  TOP "@ MX 10 mail\n_25._tcp.mail TLSA 3 0 0 ( " HEX1024 "\n " HEX64 " )\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 20 fake1\n_25._tcp.mail TLSA 3 0 0 ( " HEX1024 "\n " HEX64 " )\n" MAIL
	  "fake1\tIN\tA\t8.8.8.30\n_25._tcp.fake1\tIN\tTLSA\t3 0 0 " HEX1024 HEX64 "\n" },
	{ "the decoy's name is an alias, in bytes", -1, 0, TOP "@ MX 10 mail\nfake1 TYPE5 \\# 3 017800\n" MAIL, "!alias" },
	{ "the decoy's name has an address, in bytes", -1, 0, TOP "@ MX 10 mail\nfake1 TYPE1 \\# 4 08080808\n" MAIL, "!already has the address 8.8.8.8" },
	{ "an MX in bytes", -1, 0, TOP "@ TYPE15 \\# 16 000a 046d61696c07 6578616d706c6500\n" MAIL, "!written as bytes" },
	{ "an MX by number", -1, 0, TOP "@ TYPE15 10 mail\n" MAIL, TOP8 "@ TYPE15 10 mail\n@ TYPE15 20 fake1\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "the decoy's name is delegated", -1, 0, TOP "@ MX 10 mail\nfake1 NS ns.example.net.\n" MAIL, "!delegated" },
	{ "all names are redirected", -1, 0, TOP "@ MX 10 mail\nother DNAME example.net.\n" MAIL,
	  TOP8 "@ MX 10 mail\n@ MX 20 fake1\nother DNAME example.net.\n" MAIL "fake1\tIN\tA\t8.8.8.30\n" },
	{ "written by Plesk", -1, 0, "; *** This file is automatically generated by Plesk ***\n" TOP "@ MX 10 mail\n" MAIL,
	  "!plesk bin dns --add example.com" },
	{ "written by cPanel", -1, 0,
	  "; cPanel first:11.25.0-STABLE_42399 (update_time):1284112382 Cpanel::ZoneFile::VERSION:1.3\n" TOP "@ MX 10 mail\n" MAIL,
	  "!whmapi1" },
	{ "written by Mail-in-a-Box", -1, 0,
	  "$ORIGIN example.com.\n$TTL 86400 ; default time to live\n@ IN SOA ns1.example.com. hostmaster.example.com. (\n"
	  "\t7 ; serial number\n\t7200 ; Refresh (secondary nameserver update interval)\n"
	  "\t3600 ; Retry (when refresh fails, how often to try again, should be lower than the refresh)\n"
	  "\t1209600 ; Expire (when refresh fails, how long secondary nameserver will keep records around anyway)\n"
	  "\t86400 ; Negative caching TTL\n\t)\n\tIN\tMX\t10 mail.example.com.\n", "!Custom DNS" },
	{ "an owner handed on beyond an $ORIGIN", -1, NO_DECOY, TOP "@ MX 10 mail\nx A 8.8.8.8\n@ MX 20 fake1\n$ORIGIN sub\n TXT apex\n",
	  TOP8 "@ MX 10 mail\nx A 8.8.8.8\n$ORIGIN sub\nexample.com. TXT apex\n" },
};
/* clang-format on */

struct spot {
	char folder[64], path[128], state[128];
	struct plan_want want;
	struct job job;
};

static void write_zone(const struct spot *p, const char *text)
{
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static char *read_zone(const struct spot *p)
{
	char *text;
	size_t len;
	struct error e;
	assert_int_equal(zone_read_file(p->path, &text, &len, &e), 0);
	return text;
}

static void prepare(struct spot *p, size_t row)
{
	struct plan_decoy decoy = { .name = "fake1.example.com", .address_count = 1 };
	assert_true(addr_parse("8.8.8.30", &decoy.addresses[0]));
	p->want = (struct plan_want){ .layout = LAYOUT_HIGH, .ttl = rows[row].ttl };
	p->want.renumber = rows[row].options & RENUMBER;
	if (rows[row].options & NO_DECOY) {
		p->want.layout = LAYOUT_NONE;
		(void)str_copy(p->want.former[p->want.former_count++], NAME_TEXT_MAX,
			       decoy.name);
	} else if (rows[row].options & LOW) {
		p->want.layout = LAYOUT_LOW;
		p->want.low = decoy;
	} else {
		p->want.high = decoy;
	}
	p->job = (struct job){ .want = &p->want, .check = "", .reload = "" };
	p->job.state = p->state;
	p->job.now = stamp_civil(2026, 11, 30, 0, 0, 0) * STAMP_SECOND;
	(void)str_copy(p->job.origin, NAME_TEXT_MAX, "example.com");
	(void)str_copy(p->job.path, sizeof(p->job.path), p->path);
	write_zone(p, rows[row].zone);
}

static void must_be(const struct spot *p, const char *story, const char *want)
{
	char *got = read_zone(p);
	if (strcmp(got, want) != 0)
		fail_msg("%s:\ngot:\n%s\nwant:\n%s", story, got, want);
	free(got);
}

/* Every byte, but for the serial: 7 became 8, and 9. */
static void is_reverted(const struct spot *p, size_t row)
{
	char *got = read_zone(p);
	size_t n = strlen(rows[row].zone);
	if (strlen(got) != n)
		fail_msg("%s: after revert:\n%s", rows[row].story, got);
	for (size_t i = 0; i < n; i++)
		if (got[i] != rows[row].zone[i] &&
		    !(rows[row].zone[i] == '7' && got[i] == '9'))
			fail_msg("%s: after revert:\n%s", rows[row].story, got);
	free(got);
}

static void run_row(struct spot *p, struct job_worker *w, size_t i)
{
	struct job_result r;
	const char *story = rows[i].story;
	prepare(p, i);
	job_apply(w, &p->job, &r);
	if (rows[i].want[0] == '!') {
		if (r.outcome < JOB_REFUSED || !strstr(r.error.text, rows[i].want + 1))
			fail_msg("%s: got %s: %s, want a refusal with %s", story,
				 job_outcome_name(r.outcome), r.error.text,
				 rows[i].want + 1);
		must_be(p, story, rows[i].zone);
		return;
	}
	if (r.outcome != JOB_CHANGED)
		fail_msg("%s: %s: %s", story, job_outcome_name(r.outcome), r.error.text);
	must_be(p, story, rows[i].want);
	job_apply(w, &p->job, &r);
	if (r.outcome != JOB_SAME)
		fail_msg("%s: again: %s: %s", story, job_outcome_name(r.outcome),
			 r.error.text);
	if (rows[i].options & NO_DECOY)
		return; /* the bytes before held a decoy: not what revert gives back */
	job_revert(w, &p->job, &r);
	if (r.outcome != JOB_CHANGED)
		fail_msg("%s: revert: %s: %s", story, job_outcome_name(r.outcome),
			 r.error.text);
	is_reverted(p, i);
}

static void each_is_planned_as_name_servers_read_it(void **state)
{
	(void)state;
	struct spot p = { .folder = "/tmp/fakemx-odd-XXXXXX" };
	char command[128];
	assert_non_null(mkdtemp(p.folder));
	(void)snprintf(p.path, sizeof(p.path), "%s/zone", p.folder);
	(void)snprintf(p.state, sizeof(p.state), "%s/state", p.folder);
	struct job_worker *w = job_worker_new();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&p, w, i);
	job_worker_free(w);
	(void)snprintf(command, sizeof(command), "rm -r %s", p.folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_planned_as_name_servers_read_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
