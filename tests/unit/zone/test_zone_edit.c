#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "zone/edit.h"

#define SOA "@ IN SOA ns1 host ( 7 3600 600 86400 300 )\n"
#define SOA8 "@ IN SOA ns1 host ( 8 3600 600 86400 300 )\n"

/* "+30 fake1" or "-30 fake1", "t600" sets the TTL of all MX, "+A fake1 192.0.2.30". */
static size_t read_changes(const char *text, const struct zone_facts *facts,
			   struct zone_change *out)
{
	size_t n = 0;
	char sign, host[64], rdata[64];
	unsigned value;
	int used;
	for (; *text; text += used) {
		if (sscanf(text, "%c%u %63s %n", &sign, &value, host, &used) == 3) {
			out[n] = (struct zone_change){
				.action = sign == '+' ? EDIT_ADD : EDIT_REMOVE,
				.type = EDIT_MX,
				.ttl = facts->mx_count ? facts->mx[0].ttl : 300,
				.preference = (uint16_t)value
			};
			(void)snprintf(out[n].target, NAME_TEXT_MAX, "%s.example.com",
				       host);
			(void)str_copy(out[n].owner, NAME_TEXT_MAX, "example.com");
		} else if (sscanf(text, "%cA %63s %63s %n", &sign, host, rdata, &used) ==
			   3) {
			out[n] =
			    (struct zone_change){ .action = sign == '+' ? EDIT_ADD
									: EDIT_REMOVE,
						  .type = EDIT_A,
						  .ttl = 300 };
			(void)snprintf(out[n].owner, NAME_TEXT_MAX, "%s.example.com",
				       host);
			static char kept[64];
			(void)str_copy(kept, sizeof(kept), rdata);
			out[n].rdata = kept;
		} else {
			assert_int_equal(sscanf(text, "t%u %n", &value, &used), 1);
			for (uint32_t i = 0; i < facts->mx_count; i++)
				for (int k = 0; k < 2; k++, n++) {
					out[n] = (struct zone_change){
						.action = k ? EDIT_ADD : EDIT_REMOVE,
						.type = EDIT_MX,
						.ttl = k ? value : facts->mx[i].ttl,
						.preference = facts->mx[i].preference
					};
					(void)str_copy(out[n].target, NAME_TEXT_MAX,
						       facts->mx[i].exchange);
					(void)str_copy(out[n].owner, NAME_TEXT_MAX,
						       "example.com");
				}
			n--;
		}
		n++;
	}
	return n;
}

static struct zone_digest set_of(struct digest_reader *r, const char *text,
				 struct zone_facts *facts)
{
	struct zone_input in = {
		.path = "t", .text = text, .len = strlen(text), .origin = "example.com"
	};
	struct zone_digest s;
	struct error e;
	if (digest_read(r, &in, &s, facts, &e) != 0)
		fail_msg("%s in:\n%s", e.text, text);
	return s;
}

/* The record set after is the one before plus the changes, SOA apart. */
static void is_judged_equal(struct digest_reader *r, const char *before,
			    const char *after, const struct zone_change *changes,
			    size_t count)
{
	struct zone_digest want = set_of(r, before, NULL);
	for (size_t i = 0; i < count; i++) {
		struct buf line = BUF_INIT(4096);
		zone_change_line(&changes[i], &line);
		struct zone_digest one = set_of(r, buf_text(&line), NULL);
		want = changes[i].action == EDIT_ADD ? digest_add(want, one)
						     : digest_take(want, one);
		buf_release(&line);
	}
	/* both SOA records begin the texts, in the same form */
	want = digest_add(digest_take(want, set_of(r, SOA, NULL)), set_of(r, SOA8, NULL));
	assert_true(digest_equal(want, set_of(r, after, NULL)));
}

static void edits_imitate_their_neighbours(void **state)
{
	(void)state;
	/* clang-format off */
	static const struct {
		const char *story, *zone, *changes, *want;
	} rows[] = {
		{ "owner as the neighbour's", "@ IN MX 10 mail\nmail A 192.0.2.1\n", "+30 fake1",
		  "@ IN MX 10 mail\n@ IN MX 30 fake1\nmail A 192.0.2.1\n" },
		{ "blank owner, tabs", "\tIN\tMX\t10 mail\n\tIN\tMX\t20 backup ; old\n", "+30 fake1",
		  "\tIN\tMX\t10 mail\n\tIN\tMX\t20 backup ; old\n\tIN\tMX\t30 fake1\n" },
		{ "absolute names", "@ MX 10 mail.example.com.\n", "+30 fake1",
		  "@ MX 10 mail.example.com.\n@ MX 30 fake1.example.com.\n" },
		{ "TTL and class kept", "@ 600 IN MX 10 mail\n", "+30 fake1",
		  "@ 600 IN MX 10 mail\n@ 600 IN MX 30 fake1\n" },
		{ "columns kept", "@ MX 100   mail\n", "+5 fake1", "@ MX 100   mail\n@ MX 5     fake1\n" },
		{ "no final newline", "@ MX 10 mail", "+30 fake1", "@ MX 10 mail\n@ MX 30 fake1" },
		{ "parentheses", "@ MX ( 10\n mail )\n", "+30 fake1", "@ MX ( 10\n mail )\n@\tIN\tMX\t30 fake1\n" },
		{ "another origin at the MX", "$ORIGIN com.\nexample MX 10 mail.example\n", "+30 fake1",
		  "$ORIGIN com.\nexample MX 10 mail.example\nexample MX 30 fake1.example\n" },
		{ "an address at the end", "@ MX 10 mail\nmail A 192.0.2.1\n\tTXT x\n", "+A fake1 192.0.2.30",
		  "@ MX 10 mail\nmail A 192.0.2.1\n\tTXT x\nfake1\t300\tIN\tA\t192.0.2.30\n" },
		{ "an address without a last newline", "@ MX 10 mail", "+A fake1 192.0.2.30",
		  "@ MX 10 mail\nfake1\t300\tIN\tA\t192.0.2.30" },
		{ "taken out", "@ MX 10 mail\n@ MX 30 fake1\nmail A 192.0.2.1\n", "-30 fake1",
		  "@ MX 10 mail\nmail A 192.0.2.1\n" },
		{ "taken out, owner handed on", "@ MX 0 fake0 ; decoy\n; comment\n MX 10 mail\n", "-0 fake0",
		  "; comment\n@ MX 10 mail\n" },
		{ "two taken out, owner handed on", "@ MX 0 fake0\n MX 30 fake1\n MX 10 mail\n", "-0 fake0 -30 fake1",
		  "@ MX 10 mail\n" },
		{ "two with owners taken out, one handed on", "@ MX 10 mail\n@ MX 0 fake0\n@ MX 30 fake1\n TXT x\n",
		  "-0 fake0 -30 fake1", "@ MX 10 mail\n@ TXT x\n" },
		{ "one for another", "mail A 192.0.2.1\n@ MX 10 mail\n MX 30 fake1\n TXT x\n", "-30 fake1 +30 fake2",
		  "mail A 192.0.2.1\n@ MX 10 mail\n MX 30 fake2\n TXT x\n" },
		{ "one for another, first of its owner", "mail A 192.0.2.1\n@ MX 30 fake1\n TXT x\n", "-30 fake1 +30 fake2",
		  "mail A 192.0.2.1\n@ MX 30 fake2\n@ TXT x\n" },
		{ "renumbered", "@ MX 0 mail\n", "-0 mail +10 mail", "@ MX 10 mail\n" },
		{ "a TTL for all", "@ 3600 MX 10 mail\n@ MX 20 backup\n@ IN 3600 MX 30 fake1\n@ IN MX 40 x\n", "t200",
		  "@ 200 MX 10 mail\n@ 200 MX 20 backup\n@ IN 200 MX 30 fake1\n@ 200 IN MX 40 x\n" },
	};
	/* clang-format on */
	struct digest_reader *r = digest_reader_new();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf zone = BUF_INIT(4096), want = BUF_INIT(4096),
			   got = BUF_INIT(1 << 20);
		buf_addf(&zone, "%s%s", SOA, rows[i].zone);
		buf_addf(&want, "%s%s", SOA8, rows[i].want);
		struct zone_facts facts;
		(void)set_of(r, buf_text(&zone), &facts);
		static struct zone_change changes[PLAN_MAX_EDITS];
		size_t n = read_changes(rows[i].changes, &facts, changes);
		struct zone_input in = { .path = "t",
					 .text = zone.data,
					 .len = zone.len,
					 .origin = "example.com" };
		static struct zone_ranges ranges;
		struct error e;
		assert_int_equal(ranges_read(&in, NULL, 0, &ranges, &e), 0);
		if (zone_edit(&in, &ranges, changes, n, 8, &got, &e) != 0)
			fail_msg("%s: %s", rows[i].story, e.text);
		ranges_release(&ranges);
		if (strcmp(buf_text(&got), buf_text(&want)) != 0)
			fail_msg("%s:\ngot  %s\nwant %s", rows[i].story, buf_text(&got),
				 buf_text(&want));
		is_judged_equal(r, buf_text(&zone), buf_text(&got), changes, n);
		buf_release(&zone);
		buf_release(&want);
		buf_release(&got);
	}
	digest_reader_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_imitate_their_neighbours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
