#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "outlet/json.h"
#include "outlet/visits.h"

#define NOON (INT64_C(1795392000) * STAMP_SECOND + 12 * STAMP_HOUR)

static const struct visits_host fake1 = { .role = ROLE_DECOY,
					  .name = "fake1.mx.example.com",
					  .site = "example" };

static struct visit bare_visit(void)
{
	struct visit v = { .depth = DEPTH_KNOCK,
			   .source = VISIT_SOURCE_KNOCK,
			   .precision_us = 1,
			   .time = NOON,
			   .helo = "",
			   .mail_from = "",
			   .recipient_domain = "",
			   .name = "" };
	assert_true(addr_parse("2001:db8::25", &v.client));
	return v;
}

static void line_is(const struct visit *v, const struct visits_host *host, int64_t seen,
		    const char *want)
{
	struct buf b = BUF_INIT(4096);
	visits_line(v, host, seen, &b);
	assert_string_equal(buf_text(&b), want);
	json_t *o = json_loads(buf_text(&b), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_int_equal(json_object_size(o), 19);
	json_decref(o);
	buf_release(&b);
}

static void what_is_not_known_of_a_visit_is_null(void **state)
{
	(void)state;
	struct visit v = bare_visit();
	line_is(&v, NULL, 0,
		"{\"time\": \"2026-11-23T12:00:00Z\", \"seen\": null, \"site\": null, "
		"\"host\": null, \"role\": null, \"address\": \"2001:db8::25\", "
		"\"depth\": \"knock\", \"outcome\": null, \"helo\": null, \"sender\": "
		"null, \"recipient_domain\": null, \"name\": null, \"source\": "
		"\"knock\", \"precision_seconds\": 1e-6, \"answered\": null, "
		"\"ended\": null, \"spam\": null, \"envelopes\": [], "
		"\"earlier_seconds\": 0.0}");
}

static void a_visit_with_everything_has_every_key(void **state)
{
	(void)state;
	struct visit v = bare_visit();
	v.depth = DEPTH_DATA;
	v.outcome = OUTCOME_ACCEPTED;
	v.source = VISIT_SOURCE_MAILLOG;
	v.helo = "mx.sender.example";
	v.mail_from = "a@sender.example";
	v.recipient_domain = "example.com";
	v.name = "mx.sender.example";
	v.precision_us = STAMP_SECOND;
	v.answered = NOON + STAMP_SECOND / 2;
	v.ended = NOON + STAMP_MINUTE;
	v.spam = SPAM_YES;
	v.earlier_us = STAMP_SECOND / 4;
	visit_add_envelope(&v, 255);
	visit_add_envelope(&v, UINT64_MAX);
	line_is(&v, &fake1, NOON + STAMP_SECOND / 4,
		"{\"time\": \"2026-11-23T12:00:00Z\", \"seen\": "
		"\"2026-11-23T12:00:00.25Z\", \"site\": \"example\", \"host\": "
		"\"fake1.mx.example.com\", \"role\": \"decoy\", \"address\": "
		"\"2001:db8::25\", \"depth\": \"data\", \"outcome\": \"accepted\", "
		"\"helo\": \"mx.sender.example\", \"sender\": \"a@sender.example\", "
		"\"recipient_domain\": \"example.com\", \"name\": \"mx.sender.example\", "
		"\"source\": \"maillog\", \"precision_seconds\": 1.0, "
		"\"answered\": \"2026-11-23T12:00:00.5Z\", \"ended\": "
		"\"2026-11-23T12:01:00Z\", \"spam\": true, \"envelopes\": "
		"[\"00000000000000ff\", \"ffffffffffffffff\"], \"earlier_seconds\": "
		"0.25}");
}

static void bytes_from_the_network_stay_one_line_of_json(void **state)
{
	(void)state;
	char every[256];
	for (int i = 1; i < 256; i++)
		every[i - 1] = (char)i;
	every[255] = '\0';
	struct visit v = bare_visit();
	struct buf b = BUF_INIT(8192);
	v.helo = every;
	v.mail_from =
	    "\xed\xa0\x80 surrogate, \xc0\x80 overlong, \xf4\x90\x80\x80 beyond";
	visits_line(&v, &fake1, 0, &b);
	assert_null(strchr(buf_text(&b), '\n'));
	json_t *o = json_loads(buf_text(&b), 0, NULL);
	assert_non_null(o);
	assert_non_null(json_string_value(json_object_get(o, "helo")));
	json_decref(o);
	buf_release(&b);
}

static void a_line_of_a_feed_names_its_host(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(4096);
	visits_mark(VISITS_SINCE, INT64_MIN, "mail", &b);
	assert_string_equal(buf_text(&b), "{\"since\": null, \"host\": \"mail\"}");
	buf_clear(&b);
	visits_watermark(NOON, NOON + STAMP_SECOND, "mail \"x\"", &b);
	assert_string_equal(buf_text(&b), "{\"watermark\": \"2026-11-23T12:00:00Z\", "
					  "\"host\": \"mail \\\"x\\\"\", "
					  "\"sent\": \"2026-11-23T12:00:01Z\"}");
	buf_release(&b);
}

static void json_values_read_as_people_write_them(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(4096);
	json_t *o = json_object();
	json_add(o, "delay", json_seconds(20000));
	json_add(o, "day", json_seconds(STAMP_DAY));
	json_add(o, "text", json_text("a\xff"));
	json_add(o, "none", json_text_or_null(""));
	json_print(o, &b);
	json_decref(o);
	assert_string_equal(buf_text(&b), "{\n  \"delay\": 0.02,\n  \"day\": 86400.0,\n  "
					  "\"text\": \"a\\uFFFD\",\n  \"none\": "
					  "null\n}\n");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_of_a_visit_is_null),
		cmocka_unit_test(a_visit_with_everything_has_every_key),
		cmocka_unit_test(bytes_from_the_network_stay_one_line_of_json),
		cmocka_unit_test(a_line_of_a_feed_names_its_host),
		cmocka_unit_test(json_values_read_as_people_write_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
