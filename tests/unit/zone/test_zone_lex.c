#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/stamp.h"
#include "zone/lex.h"
#include "zone/serial.h"

static void add_span(struct buf *b, const char *text, struct lex_span s)
{
	buf_adds(b, "[");
	buf_add(b, text + s.begin, s.len);
	buf_adds(b, "]");
}

/* "kind[owner][ttl][class][type][rdata]" of every entry that is not blank. */
static void describe(const char *text, struct buf *out)
{
	static const char kinds[] = "-ROTIG";
	struct lex l;
	struct lex_entry en;
	struct error e;
	uint32_t at = 0;
	int rc;
	assert_int_equal(lex_init(&l, text, strlen(text), &e), 0);
	while ((rc = lex_next(&l, &en, &e)) > 0) {
		assert_int_equal(en.whole.begin, at); /* no byte between entries */
		at += en.whole.len;
		if (en.kind == LEX_BLANK)
			continue;
		buf_addf(out, "%c", kinds[en.kind]);
		add_span(out, text, en.owner);
		add_span(out, text, en.ttl);
		add_span(out, text, en.class_);
		add_span(out, text, en.type);
		add_span(out, text, en.rdata);
	}
	if (rc < 0)
		buf_addf(out, "!%s", e.text);
	else
		assert_int_equal(at, strlen(text)); /* and none left */
}

static void entries_are_cut_where_the_rules_say(void **state)
{
	(void)state;
	/* clang-format off */
	static const struct {
		const char *story, *text, *want;
	} rows[] = {
		{ "a plain record", "www 300 IN A 192.0.2.1\n", "R[www][300][IN][A][192.0.2.1]" },
		{ "class before TTL", "www IN 5m A 192.0.2.1\n", "R[www][5m][IN][A][192.0.2.1]" },
		{ "neither", "@ MX 10 mail\n", "R[@][][][MX][10 mail]" },
		{ "blank owner", "\tIN\tMX\t10 mail\n", "R[][][IN][MX][10 mail]" },
		{ "no final newline", "a A 192.0.2.1", "R[a][][][A][192.0.2.1]" },
		{ "CRLF", "a A 192.0.2.1\r\nb A 192.0.2.2\r\n", "R[a][][][A][192.0.2.1]R[b][][][A][192.0.2.2]" },
		{ "an owner that looks like a class", "IN IN A 192.0.2.1\n", "R[IN][][IN][A][192.0.2.1]" },
		{ "an owner that looks like a TTL", "300 A 192.0.2.1\n", "R[300][][][A][192.0.2.1]" },
		{ "comment after", "a MX 10 b ; c ( \" d\n", "R[a][][][MX][10 b]" },
		{ "parentheses over lines", "@ SOA a b ( 1 ; serial\n 2 3 4 5 )\n", "R[@][][][SOA][a b ( 1 ; serial\n 2 3 4 5]" },
		{ "parenthesis before the type", "@ ( IN\nMX 10\nb )\n", "R[@][][IN][MX][10\nb]" },
		{ "quoted", "a TXT \"x ; ( y\" \"q\\\"r\"\n", "R[a][][][TXT][\"x ; ( y\" \"q\\\"r\"]" },
		{ "escaped", "a\\.b\\ c\\;d A 192.0.2.1\n", "R[a\\.b\\ c\\;d][][][A][192.0.2.1]" },
		{ "directives", "$ORIGIN example.com.\n$ttl 1h\n$INCLUDE f x\n$GENERATE 1-9 h$ A 10.0.0.$\n",
		  "O[][][][$ORIGIN][example.com.]T[][][][$ttl][1h]I[][][][$INCLUDE][f x]G[][][][$GENERATE][1-9 h$ A 10.0.0.$]" },
		{ "UTF-8 in a comment", "; gr\xc3\xbc\xc3\x9f\na A 1\n", "R[a][][][A][1]" },
		{ "open parenthesis", "a SOA ( 1\n", "!line 1: a parenthesis is opened and never closed" },
		{ "stray parenthesis", "a A 1 )\n", "!line 1: a parenthesis is closed and was never opened" },
		{ "open quote", "a TXT \"x\nb A 1\n", "!line 1: a quote that is never closed, or a NUL byte" },
		{ "no type", "\nwww 300\n", "!line 2: a record without a type" },
		{ "unknown directive", "$FOO 1\n", "!line 1: unknown directive \"$FOO\"" },
		{ "directive without value", "$TTL\n", "!line 1: a directive without its value" },
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_INIT(4096);
		describe(rows[i].text, &out);
		if (strcmp(buf_text(&out), rows[i].want) != 0)
			fail_msg("%s:\n got %s\nwant %s", rows[i].story, buf_text(&out),
				 rows[i].want);
		buf_release(&out);
	}
}

/* Whatever the bytes are: entries tile the text up to the end or the error. */
static void any_bytes_are_tiled_by_entries(void **state)
{
	(void)state;
	static const char alphabet[] = "a1 \t\n\r();\"\\$@IN MX$TTL";
	unsigned seed = 4711;
	for (int round = 0; round < 20000; round++) {
		char text[64];
		size_t n = 0;
		for (; n < sizeof(text); n++) {
			seed = seed * 1103515245U + 12345U;
			text[n] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		struct lex l;
		struct lex_entry en;
		uint32_t at = 0;
		int rc;
		assert_int_equal(lex_init(&l, text, n, NULL), 0);
		while ((rc = lex_next(&l, &en, NULL)) > 0) {
			assert_int_equal(en.whole.begin, at);
			assert_true(en.whole.len > 0);
			at += en.whole.len;
		}
		if (rc == 0)
			assert_int_equal(at, n);
	}
}

static void ttls_have_units_and_a_limit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} rows[] = { { "300", 300 },
		     { "1h", 3600 },
		     { "1w2d3h4m5s", 788645 },
		     { "1H30", 3630 },
		     { "2147483647", INT32_MAX },
		     { "2147483648", -1 },
		     { "9999999999999999999999", -1 },
		     { "h", -1 },
		     { "1x", -1 },
		     { "", -1 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t got = 0;
		bool ok =
		    lex_ttl(rows[i].text,
			    (struct lex_span){ 0, (uint32_t)strlen(rows[i].text) }, &got);
		if ((ok ? (int64_t)got : -1) != rows[i].want)
			fail_msg("%s: got %d %u, want %lld", rows[i].text, ok, got,
				 (long long)rows[i].want);
	}
}

static void a_serial_never_moves_back(void **state)
{
	(void)state;
	int64_t now = stamp_civil(2026, 11, 23, 12, 0, 0) * STAMP_SECOND;
	static const struct {
		const char *story;
		uint32_t current, highest, want;
	} rows[] = {
		{ "a counter counts", 7, 7, 8 },
		{ "a counter follows the highest server", 7, 20, 21 },
		{ "a counter goes round and leaves 0 out", UINT32_MAX, UINT32_MAX, 1 },
		{ "a server at the top goes round", 7, UINT32_MAX, 1 },
		{ "a date moves to today", 2026010203, 2026010203, 2026112300 },
		{ "today's date counts on", 2026112304, 2026112304, 2026112305 },
		{ "after 99 the next number", 2026112399, 2026112399, 2026112400 },
		{ "a date in the future counts on", 2027010100, 2027010100, 2027010101 },
		{ "Unix time", 1700000000, 1700000000, 1795435200 },
		{ "Unix time ahead", 1795435300, 1795435300, 1795435301 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t got = serial_next(rows[i].current, rows[i].highest, now);
		if (got != rows[i].want)
			fail_msg("%s: got %u, want %u", rows[i].story, got, rows[i].want);
		assert_true(serial_is_newer(got, rows[i].highest));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_cut_where_the_rules_say),
		cmocka_unit_test(any_bytes_are_tiled_by_entries),
		cmocka_unit_test(ttls_have_units_and_a_limit),
		cmocka_unit_test(a_serial_never_moves_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
