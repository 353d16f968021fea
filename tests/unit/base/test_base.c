#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/number.h"
#include "base/stamp.h"
#include "base/suggestion.h"
#include "base/utf8.h"

static void addresses_read_and_print_alike(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "2001:DB8::0:1", "2001:db8::1" },
		{ "192.0.2.1:25", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.", NULL },
		{ "192.0.2.1.", NULL },
		{ "192.0.2.1.1", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.0001", NULL },
		{ "192.0.2.01", NULL },
		{ "192.0..1", NULL },
		{ ".192.0.2.1", NULL },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "[::1]", NULL },
		{ "", NULL },
		{ "mail.example.com", NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a;
		char text[ADDR_TEXT_MAX];
		bool ok = addr_parse(rows[i].text, &a);
		const char *got = ok ? addr_text(a, text) : NULL;
		struct addr n;
		assert_int_equal(addr_parse_n(rows[i].text, strlen(rows[i].text), &n),
				 ok);
		assert_true(!ok || addr_equal(a, n));
		if (!!got != !!rows[i].want || (got && strcmp(got, rows[i].want) != 0))
			fail_msg("%s: got %s, want %s", rows[i].text,
				 got ? got : "refusal",
				 rows[i].want ? rows[i].want : "refusal");
	}
}

static void special_addresses_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "8.8.8.8", "public" },
		{ "10.1.2.3", "private" },
		{ "172.31.255.255", "private" },
		{ "172.32.0.0", "public" },
		{ "127.0.0.30", "loopback" },
		{ "192.0.2.30", "documentation" },
		{ "169.254.1.1", "link-local" },
		{ "255.255.255.255", "unroutable" },
		{ "2001:db8::5", "documentation" },
		{ "fd00::1", "private" },
		{ "fe80::1", "link-local" },
		{ "2600::1", "public" },
		{ "::1", "loopback" },
		{ "::", "unroutable" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a;
		assert_true(addr_parse(rows[i].text, &a));
		const char *got = addr_kind_name(addr_kind(a));
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: got %s, want %s", rows[i].text, got, rows[i].want);
	}
}

static void a_pool_is_a_24_or_a_64(void **state)
{
	(void)state;
	struct addr a, b;
	char text[PREFIX_TEXT_MAX];
	assert_true(addr_parse("192.0.2.77", &a));
	assert_string_equal(prefix_text(prefix_pool(a), text), "192.0.2.0/24");
	assert_true(addr_parse("2001:db8:1:2:3::4", &b));
	assert_string_equal(prefix_text(prefix_pool(b), text), "2001:db8:1:2::/64");
	assert_false(prefix_has(prefix_pool(b), a));
	struct prefix p;
	assert_true(prefix_parse("192.0.2.128/25", &p));
	assert_false(prefix_has(p, a));
	assert_false(prefix_parse("192.0.2.0/33", &p));
	assert_false(prefix_parse("192.0.2.0/-1", &p));
	assert_false(prefix_parse("192.0.2.0/", &p));
}

static void moments_survive_text(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want; /* NULL: refused */
		int64_t precision;
	} rows[] = {
		{ "2026-11-23T14:05:09Z", "2026-11-23T14:05:09Z", STAMP_SECOND },
		{ "2026-11-23T14:05:09.250+02:00", "2026-11-23T12:05:09.25Z", 1000 },
		{ "2024-02-29 00:00:00.1234567Z", "2024-02-29T00:00:00.123456Z", 1 },
		{ "2026-11-23", "2026-11-23T00:00:00Z", STAMP_SECOND },
		{ "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z", 100000 },
		{ "2023-02-29", NULL, 0 },
		{ "2026-11-23T14:05:09", NULL, 0 },
		{ "2026-13-01", NULL, 0 },
		{ "yesterday", NULL, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t t, precision;
		char text[STAMP_TEXT_MAX];
		if (!stamp_parse(rows[i].text, &t, &precision)) {
			if (rows[i].want)
				fail_msg("%s: refused", rows[i].text);
			continue;
		}
		assert_non_null(rows[i].want);
		assert_string_equal(stamp_text(t, text), rows[i].want);
		assert_int_equal(precision, rows[i].precision);
	}
}

static void durations_have_units_and_limits(void **state)
{
	(void)state;
	int64_t us;
	assert_true(stamp_parse_duration("90", &us));
	assert_int_equal(us, 90 * STAMP_SECOND);
	assert_true(stamp_parse_duration("7d", &us));
	assert_int_equal(us, 7 * STAMP_DAY);
	assert_false(stamp_parse_duration("-1s", &us));
	assert_false(stamp_parse_duration("1 week", &us));
	assert_false(stamp_parse_duration("99999999999999999999d", &us));
}

static void a_buffer_stops_at_its_limit(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(10);
	buf_adds(&b, "12345");
	buf_addf(&b, "%d", 678901);
	assert_true(buf_failed(&b));
	buf_adds(&b, "x");
	assert_string_equal(buf_text(&b), "12345");
	buf_release(&b);
}

static void json_text_is_always_valid(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(1000);
	buf_add_json(&b, "a\"b\\c\n\xff\xc3\xa9\xed\xa0\x80");
	assert_string_equal(buf_text(&b),
			    "\"a\\\"b\\\\c\\u000a\\ufffd\xc3\xa9\\ufffd\\ufffd\\ufffd\"");
	buf_release(&b);
}

/* C1, the direction of writing, and what is beyond the first plane. */
#define DECEPTIVE                                                                        \
	"\xc2\x9b"                                                                       \
	"2J \xe2\x80\xae"                                                                \
	"x \xf3\xa0\x81\x81 \xc3\xa9\x1b\xff"

static void what_a_terminal_would_obey_is_not_printed(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(1000);
	char text[] = DECEPTIVE;
	struct error e;
	utf8_make_safe(text);
	assert_string_equal(text, "??2J ???x ???? \xc3\xa9??");
	(void)error_set(&e, FMX_EUSAGE, "%s", DECEPTIVE);
	assert_string_equal(e.text, text);
	buf_add_json(&b, DECEPTIVE);
	assert_string_equal(buf_text(&b), "\"\\u009b2J \\u202ex \\udb40\\udc41 "
					  "\xc3\xa9\\u001b\\ufffd\"");
	buf_release(&b);
}

static void a_slip_finds_its_word(void **state)
{
	(void)state;
	static const struct {
		const char *word, *want;
	} rows[] = {
		{ "reprot", "report" }, { "rport", "report" },
		{ "report", "report" }, { "explian", "explain" },
		{ "xyz", NULL },        { "", NULL },
		{ "r", NULL },          { "RePROT", "report" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct suggestion n = suggestion_for(rows[i].word);
		suggestion_offer(&n, "explain");
		suggestion_offer(&n, "revert");
		suggestion_offer(&n, "report");
		if (!rows[i].want)
			assert_null(n.best);
		else
			assert_string_equal(n.best, rows[i].want);
	}
}

static void a_number_is_digits_alone(void **state)
{
	static const struct {
		const char *text;
		uint64_t most;
		bool is_number;
		uint64_t number;
	} rows[] = {
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "007", 7, true, 7 },
		{ "65535", UINT16_MAX, true, 65535 },
		{ "65536", UINT16_MAX, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999", UINT64_MAX, false, 0 },
		{ "", 9, false, 0 },
		{ "+1", 9, false, 0 },
		{ " 1", 9, false, 0 },
		{ "1 ", 9, false, 0 },
		{ "-1", 9, false, 0 },
		{ "1.", 9, false, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t n = 0;
		bool is =
		    number_parse(rows[i].text, strlen(rows[i].text), rows[i].most, &n);
		if (is != rows[i].is_number || n != rows[i].number)
			fail_msg("\"%s\": got %d, %llu", rows[i].text, is,
				 (unsigned long long)n);
	}
}

static void an_endpoint_is_an_address_and_perhaps_a_port(void **state)
{
	(void)state;
	struct endpoint at;
	assert_true(endpoint_parse("192.0.2.1", 53, &at) && at.port == 53);
	assert_true(endpoint_parse("2001:db8::1@5353", 53, &at) && at.port == 5353);
	static const char *const bad[] = { "",
					   "@53",
					   "ns.example",
					   "192.0.2.1@",
					   "192.0.2.1@0",
					   "192.0.2.1@65536",
					   "192.0.2.1@53x",
					   "192.0.2.1:53" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(endpoint_parse(bad[i], 53, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_and_print_alike),
		cmocka_unit_test(special_addresses_are_told),
		cmocka_unit_test(a_pool_is_a_24_or_a_64),
		cmocka_unit_test(moments_survive_text),
		cmocka_unit_test(durations_have_units_and_limits),
		cmocka_unit_test(a_buffer_stops_at_its_limit),
		cmocka_unit_test(json_text_is_always_valid),
		cmocka_unit_test(what_a_terminal_would_obey_is_not_printed),
		cmocka_unit_test(a_slip_finds_its_word),
		cmocka_unit_test(a_number_is_digits_alone),
		cmocka_unit_test(an_endpoint_is_an_address_and_perhaps_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
