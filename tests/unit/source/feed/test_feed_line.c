#include "source/feed/feed_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "outlet/visits.h"

#define NOON INT64_C(1795435200000000) /* 2026-11-23T12:00:00Z */

static int parse(const char *text, struct feed_line *l, struct error *e)
{
	return feed_parse(text, strlen(text), l, e);
}

static struct visit full_visit(void)
{
	struct visit v = { .depth = DEPTH_DATA,
			   .outcome = OUTCOME_ACCEPTED,
			   .source = VISIT_SOURCE_MAILLOG,
			   .spam = SPAM_YES,
			   .precision_us = STAMP_SECOND,
			   .earlier_us = STAMP_SECOND / 4,
			   .envelope_count = VISIT_ENVELOPES_MANY,
			   .envelopes = { 1, 2, 3, 4, 5, 6, 7, UINT64_MAX },
			   .time = NOON,
			   .answered = NOON + STAMP_SECOND / 4,
			   .ended = NOON + STAMP_MINUTE,
			   .helo = "mx.sender.example",
			   .mail_from = "\"a\\b\"@sender.example",
			   .recipient_domain = "example.com",
			   .name = "mx.sender.example" };
	assert_true(addr_parse("2001:db8::25", &v.client));
	return v;
}

static void as_line(const struct visit *v, struct buf *b)
{
	struct visits_host host = { .role = ROLE_REAL,
				    .name = "MX2.example",
				    .site = "" };
	visits_line(v, &host, 0, b);
}

static void what_the_judge_needs_survives_the_way(void **state)
{
	(void)state;
	struct visit v = full_visit();
	struct buf b = BUF_INIT(FEED_LINE_MAX);
	struct feed_line l;
	struct error e;
	as_line(&v, &b);
	assert_int_equal(parse(buf_text(&b), &l, &e), 0);
	assert_int_equal(l.kind, FEED_VISIT);
	assert_string_equal(l.host, "mx2.example");
	assert_true(addr_equal(l.visit.client, v.client));
	assert_int_equal(l.visit.depth, v.depth);
	assert_int_equal(l.visit.outcome, v.outcome);
	assert_int_equal(l.visit.source, VISIT_SOURCE_FEED);
	assert_int_equal(l.visit.spam, SPAM_YES);
	assert_int_equal(l.visit.precision_us, v.precision_us);
	assert_int_equal(l.visit.earlier_us, v.earlier_us);
	assert_int_equal(l.visit.envelope_count, v.envelope_count);
	assert_memory_equal(l.visit.envelopes, v.envelopes, sizeof(v.envelopes));
	assert_int_equal(l.role, ROLE_REAL);
	assert_int_equal(l.source, VISIT_SOURCE_MAILLOG);
	assert_true(l.visit.time == v.time && l.visit.answered == v.answered);
	assert_true(l.visit.ended == v.ended);
	assert_string_equal(l.visit.helo, v.helo);
	assert_string_equal(l.visit.mail_from, v.mail_from);
	assert_string_equal(l.visit.recipient_domain, v.recipient_domain);
	assert_string_equal(l.visit.name, v.name);
	buf_release(&b);
}

static void precision_of_every_width_survives(void **state)
{
	(void)state;
	static const uint32_t widths[] = { 1, 7, 999, 1000, 250000, 1000000, 60000000 };
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct visit v = full_visit();
		struct buf b = BUF_INIT(FEED_LINE_MAX);
		struct feed_line l;
		struct error e;
		v.precision_us = widths[i];
		as_line(&v, &b);
		assert_int_equal(parse(buf_text(&b), &l, &e), 0);
		assert_int_equal(l.visit.precision_us, widths[i]);
		buf_release(&b);
	}
}

static void a_line_that_is_cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct visit v = full_visit();
	struct buf b = BUF_INIT(FEED_LINE_MAX);
	struct feed_line l;
	struct error e;
	as_line(&v, &b);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(feed_parse(b.data, len, &l, &e), FMX_EMALFORMED);
	assert_int_equal(feed_parse(b.data, b.len, &l, &e), 0);
	buf_release(&b);
}

static void the_other_kinds_have_a_time_and_a_host(void **state)
{
	(void)state;
	static const struct {
		const char *kind, *word;
		enum feed_kind want;
	} rows[] = { { VISITS_OUTAGE, "outage", FEED_OUTAGE },
		     { VISITS_SINCE, "since", FEED_SINCE } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = BUF_INIT(FEED_LINE_MAX);
		struct feed_line l;
		struct error e;
		visits_mark(rows[i].kind, NOON + 1, "mx2.example", &b);
		assert_int_equal(parse(buf_text(&b), &l, &e), 0);
		assert_int_equal(l.kind, rows[i].want);
		assert_true(l.time == NOON + 1);
		assert_string_equal(l.host, "mx2.example");
		buf_clear(&b);
		visits_mark(rows[i].kind, INT64_MIN, "mx2.example", &b);
		int rc = parse(buf_text(&b), &l, &e);
		assert_int_equal(rc, rows[i].want == FEED_SINCE ? 0 : FMX_EMALFORMED);
		buf_release(&b);
	}
}

static void a_gap_a_delivery_and_a_watermark_say_more(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(FEED_LINE_MAX);
	struct feed_line l;
	struct error e;
	visits_watermark(NOON, NOON + 5, "mx2.example", &b);
	assert_int_equal(parse(buf_text(&b), &l, &e), 0);
	assert_int_equal(l.kind, FEED_WATERMARK);
	assert_true(l.time == NOON && l.sent == NOON + 5);
	buf_clear(&b);
	visits_gap(NOON, NOON + 7, "mx2.example", &b);
	assert_int_equal(parse(buf_text(&b), &l, &e), 0);
	assert_int_equal(l.kind, FEED_GAP);
	assert_true(l.from == NOON && l.time == NOON + 7);
	assert_string_equal(l.host, "mx2.example");
	buf_clear(&b);
	visits_gap(INT64_MIN, NOON, "mx2.example", &b);
	assert_int_equal(parse(buf_text(&b), &l, &e), 0);
	assert_true(l.from == 0 && l.time == NOON);
	buf_clear(&b);
	visits_delivered("Other.example", NOON, "mx2.example", &b);
	assert_int_equal(parse(buf_text(&b), &l, &e), 0);
	assert_int_equal(l.kind, FEED_DELIVERED);
	assert_string_equal(l.texts[FEED_DOMAIN], "other.example");
	buf_clear(&b);
	visits_mark("delivered", NOON, "mx2.example", &b);
	assert_int_equal(parse(buf_text(&b), &l, &e), FMX_EMALFORMED);
	buf_release(&b);
}

#define HEAD "{\"time\": \"2026-11-23T12:00:00Z\", \"host\": \"mx2\", "
#define GOOD HEAD "\"address\": \"192.0.2.1\", \"depth\": \"rcpt\""

static void a_line_says_only_what_can_be(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int want;
	} rows[] = {
		{ GOOD "}", 0 },
		{ GOOD ", \"unheard\": [1, {}]}", 0 },
		{ GOOD ", \"role\": \"real\", \"seen\": null}", 0 },
		{ GOOD ", \"role\": \"decoy\", \"source\": \"knock\"}", 0 },
		{ GOOD ", \"role\": \"master\"}", FMX_EMALFORMED },
		{ GOOD ", \"source\": \"hearsay\"}", FMX_EMALFORMED },
		{ GOOD ", \"envelopes\": [\"00000000000000fF\"]}", FMX_EMALFORMED },
		{ GOOD ", \"envelopes\": [\"0x000000000000ff\"]}", FMX_EMALFORMED },
		{ GOOD ", \"envelopes\": \"00000000000000ff\"}", FMX_EMALFORMED },
		{ GOOD ", \"envelopes\": [\"00000000000000ff\", null]}", 0 },
		{ GOOD ", \"earlier_seconds\": -1}", FMX_EMALFORMED },
		{ GOOD ", \"earlier_seconds\": null}", 0 },
		{ GOOD ", \"role\": 1}", FMX_EMALFORMED },
		{ GOOD ", \"outcome\": null, \"helo\": null}", 0 },
		{ GOOD ", \"outcome\": \"eaten\"}", FMX_EMALFORMED },
		{ GOOD ", \"helo\": 7}", FMX_EMALFORMED },
		{ GOOD ", \"helo\": \"a\\u0000b\"}", FMX_EMALFORMED },
		{ GOOD ", \"spam\": \"yes\"}", FMX_EMALFORMED },
		{ GOOD ", \"unknown_recipient\": 1}", FMX_EMALFORMED },
		{ GOOD ", \"ended\": \"never\"}", FMX_EMALFORMED },
		{ GOOD ", \"precision_seconds\": 0}", FMX_EMALFORMED },
		{ GOOD ", \"precision_seconds\": -1}", FMX_EMALFORMED },
		{ GOOD ", \"precision_seconds\": 1e300}", FMX_EMALFORMED },
		{ GOOD ", \"precision_seconds\": \"1\"}", FMX_EMALFORMED },
		{ GOOD ", \"depth\": \"data\"}", FMX_EMALFORMED }, /* twice */
		{ GOOD "} {}", FMX_EMALFORMED },
		{ HEAD "\"depth\": \"rcpt\"}", FMX_EMALFORMED },
		{ HEAD "\"address\": \"192.0.2\", \"depth\": \"rcpt\"}", FMX_EMALFORMED },
		{ HEAD "\"address\": \"192.0.2.1\", \"depth\": \"deep\"}",
		  FMX_EMALFORMED },
		{ HEAD "\"address\": \"192.0.2.1\"}", FMX_EMALFORMED },
		{ "{\"host\": \"mx2\", \"address\": \"192.0.2.1\", \"depth\": \"rcpt\"}",
		  FMX_EMALFORMED },
		{ "{\"time\": \"1969-01-01T00:00:00Z\", \"host\": \"mx2\", \"address\": "
		  "\"192.0.2.1\", \"depth\": \"rcpt\"}",
		  FMX_EMALFORMED },
		{ "{\"watermark\": \"soon\", \"host\": \"mx2\"}", FMX_EMALFORMED },
		{ "{\"watermark\": 5, \"host\": \"mx2\"}", FMX_EMALFORMED },
		{ "{\"watermark\": \"2026-11-23T12:00:00Z\"}", FMX_EMALFORMED },
		{ "{\"watermark\": \"2026-11-23T12:00:00Z\", \"host\": \"\"}",
		  FMX_EMALFORMED },
		{ "[]", FMX_EMALFORMED },
		{ "null", FMX_EMALFORMED },
		{ "", FMX_EMALFORMED },
		{ "connect from unknown[192.0.2.1]", FMX_EMALFORMED },
		{ "\xff\xfe{}", FMX_EMALFORMED },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct feed_line l;
		struct error e;
		int got = parse(rows[i].line, &l, &e);
		if (got != rows[i].want)
			fail_msg("%s: got %d, want %d", rows[i].line, got, rows[i].want);
		/* Not only that it is wrong, but what would be right. */
		if (got != 0 && !strstr(e.text, "must ") &&
		    !strstr(e.text, "cannot be read"))
			fail_msg("%s: \"%s\" does not say what to write", rows[i].line,
				 e.text);
	}
}

static void texts_are_cut_and_times_that_run_backwards_are_not_known(void **state)
{
	(void)state;
	char helo[1000];
	memset(helo, 'h', sizeof(helo) - 1);
	helo[sizeof(helo) - 1] = '\0';
	struct visit v = full_visit();
	v.helo = helo;
	v.recipient_domain = "EXAMPLE.com";
	v.answered = NOON - 1;
	v.ended = NOON - STAMP_DAY;
	struct buf b = BUF_INIT(FEED_LINE_MAX);
	struct feed_line l;
	struct error e;
	as_line(&v, &b);
	assert_int_equal(parse(buf_text(&b), &l, &e), 0);
	assert_int_equal(strlen(l.visit.helo), VISIT_TEXT_MAX - 1);
	assert_string_equal(l.visit.recipient_domain, "example.com");
	assert_true(l.visit.answered == 0 && l.visit.ended == 0);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_judge_needs_survives_the_way),
		cmocka_unit_test(precision_of_every_width_survives),
		cmocka_unit_test(a_line_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(the_other_kinds_have_a_time_and_a_host),
		cmocka_unit_test(a_gap_a_delivery_and_a_watermark_say_more),
		cmocka_unit_test(a_line_says_only_what_can_be),
		cmocka_unit_test(
		    texts_are_cut_and_times_that_run_backwards_are_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
