#include "serve/past.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "serve/own.h"

#define S STAMP_SECOND
#define NOON (1700000000 * S)

enum { MAIL = 1, FAKE = 2 };

static struct addr address(const char *text)
{
	struct addr a;
	assert_true(addr_parse(text, &a));
	return a;
}

static struct visit log_visit(const char *client, int64_t time)
{
	return (struct visit){ .client = address(client),
			       .site = 1,
			       .host = MAIL,
			       .depth = DEPTH_HELO,
			       .source = VISIT_SOURCE_MAILLOG,
			       .precision_us = (uint32_t)S,
			       .time = time,
			       .helo = "",
			       .mail_from = "",
			       .recipient_domain = "",
			       .name = "" };
}

static void put_visit(struct past *p, struct visit v)
{
	struct record r = {
		.kind = RECORD_VISIT, .time = v.time, .seen = v.time, .visit = v
	};
	past_record(p, &r);
}

static void put_watermark(struct past *p, int64_t upto)
{
	struct record r = {
		.kind = RECORD_WATERMARK, .host = MAIL, .time = upto, .seen = upto + S
	};
	past_record(p, &r);
}

static void put_allow(struct past *p, const char *text, bool is_on, const char *note)
{
	struct record r = {
		.kind = RECORD_ALLOW, .is_ok = is_on, .text = text, .note = note
	};
	past_record(p, &r);
}

/* past */

static void a_log_read_again_gives_no_visit_twice(void **state)
{
	(void)state;
	struct past *p = past_new();
	struct visit a = log_visit("192.0.2.1", NOON + S);
	struct visit b = log_visit("192.0.2.1", NOON + 2 * S);
	put_watermark(p, NOON);
	put_visit(p, a);
	put_visit(p, a); /* two in one second */
	assert_true(past_has_visit(p, &a));
	assert_true(past_has_visit(p, &a));
	assert_false(past_has_visit(p, &a)); /* a third one is new */
	assert_false(past_has_visit(p, &b));
	past_free(p);
}

static void a_reader_that_starts_anew_gives_no_visit_twice(void **state)
{
	(void)state;
	struct past *p = past_new();
	struct visit a = log_visit("192.0.2.1", NOON + S);
	struct visit b = log_visit("192.0.2.2", NOON + S);
	past_mark(p, MAIL, NOON, NOON);
	assert_false(past_has_visit(p, &a));
	assert_false(past_has_visit(p, &a)); /* twice in one second */
	past_reread(p, FAKE);
	assert_false(past_has_visit(p, &b));
	for (int times = 0; times < 2; times++) {
		past_reread(p, MAIL);
		assert_true(past_has_visit(p, &a));
		assert_true(past_has_visit(p, &a));
		assert_true(past_has_visit(p, &b));
	}
	assert_false(past_has_visit(p, &a));
	past_free(p);
}

static void what_a_watermark_has_passed_is_not_remembered(void **state)
{
	(void)state;
	struct past *p = past_new();
	struct visit late = log_visit("192.0.2.1", NOON - S);
	put_watermark(p, NOON);
	put_visit(p, late);
	assert_false(past_has_visit(p, &late));
	int64_t upto, seen;
	assert_true(past_watermark(p, MAIL, &upto, &seen));
	assert_int_equal(upto, NOON);
	assert_false(past_watermark(p, FAKE, &upto, &seen));
	past_free(p);
}

static void the_last_probes_are_remembered(void **state)
{
	(void)state;
	struct past *p = past_new();
	struct past_probe probe;
	for (int i = 0; i < 2 * PAST_MAX_PROBES; i++) {
		struct record r = { .kind = RECORD_HEALTH,
				    .host = MAIL,
				    .time = NOON + i,
				    .seen = NOON };
		past_record(p, &r);
	}
	size_t count = 0;
	while (past_probe(p, count, &probe)) {
		assert_true(probe.time >= NOON + PAST_MAX_PROBES);
		count++;
	}
	assert_int_equal(count, PAST_MAX_PROBES);
	past_free(p);
}

static void remembering_is_bounded_and_keeps_what_is_new(void **state)
{
	(void)state;
	struct past *p = past_new();
	for (int i = 0; i < PAST_MAX_VISITS; i++)
		put_visit(p, log_visit("192.0.2.1", NOON + i));
	put_watermark(p, NOON + PAST_MAX_VISITS);
	struct visit newest = log_visit("192.0.2.9", NOON + PAST_MAX_VISITS);
	put_visit(p, newest);
	assert_true(past_has_visit(p, &newest));
	past_free(p);
}

static void entries_of_the_configuration_are_known_from_others(void **state)
{
	(void)state;
	struct past *p = past_new();
	put_allow(p, "192.0.2.1", true, PAST_CONFIG_NOTE);
	put_allow(p, "partner.example", true, PAST_CONFIG_NOTE);
	put_allow(p, "192.0.2.7", true, "asked for by the shop");
	assert_true(past_config_allows(p, "192.0.2.1"));
	assert_true(past_config_allows(p, "Partner.example"));
	assert_false(past_config_allows(p, "192.0.2.7"));
	put_allow(p, "192.0.2.1", false, "");
	put_allow(p, "partner.example", true, "somebody wants to keep it");
	assert_false(past_config_allows(p, "192.0.2.1"));
	assert_false(past_config_allows(p, "partner.example"));
	assert_null(past_config_allow(p, 0));
	past_free(p);
}

/* own */

static void probe(struct own *o, const char *from, int64_t time)
{
	own_ended(o, own_began(o, MAIL, address(from), time), time + 1, true);
}

static void a_probe_explains_one_visit_of_its_time(void **state)
{
	(void)state;
	struct own *o = own_new();
	probe(o, "192.0.2.30", NOON);
	struct visit v = log_visit("192.0.2.30", NOON);
	struct visit other = log_visit("192.0.2.31", NOON);
	struct visit late = log_visit("192.0.2.30", NOON + 30 * S);
	struct visit mail = log_visit("192.0.2.30", NOON);
	struct visit elsewhere = log_visit("192.0.2.30", NOON);
	mail.depth = DEPTH_RCPT;
	elsewhere.host = FAKE;
	assert_false(own_explains(o, &other));
	assert_false(own_explains(o, &late));
	assert_false(own_explains(o, &mail));
	assert_false(own_explains(o, &elsewhere));
	assert_true(own_explains(o, &v));
	assert_false(own_explains(o, &v)); /* that is somebody else */
	own_free(o);
}

static void each_of_two_probes_explains_the_visit_that_is_nearest(void **state)
{
	(void)state;
	struct own *o = own_new();
	probe(o, "192.0.2.30", NOON);
	probe(o, "192.0.2.30", NOON + S);
	for (int64_t t = NOON + S; t >= NOON; t -= S) {
		struct visit v = log_visit("192.0.2.30", t);
		v.precision_us = 1;
		assert_true(own_explains(o, &v));
	}
	own_free(o);
}

static void a_log_that_is_faster_than_the_probe_is_understood(void **state)
{
	(void)state;
	struct own *o = own_new();
	(void)own_began(o, MAIL, address("::1"), NOON);
	struct visit v = log_visit("::1", NOON + 9 * S);
	assert_true(own_explains(o, &v)); /* the probe is not over */
	own_free(o);
}

static void a_log_read_late_finds_every_probe(void **state)
{
	(void)state;
	struct own *o = own_new();
	for (int i = 0; i < 2 * OWN_KEPT; i++)
		probe(o, "192.0.2.30", NOON + i * 60 * S);
	for (int i = OWN_KEPT; i < 2 * OWN_KEPT; i++) {
		struct visit v = log_visit("192.0.2.30", NOON + i * 60 * S);
		assert_true(own_explains(o, &v));
	}
	own_free(o);
}

static void a_log_without_our_probes_is_suspected_once_it_had_them(void **state)
{
	(void)state;
	struct own *o = own_new();
	int64_t now = NOON;
	for (int i = 0; i < 10; i++, now += 60 * S)
		probe(o, "192.0.2.30", now);
	assert_false(own_is_missing(o, MAIL, 60 * S, now)); /* never had any: NAT */
	assert_int_equal(own_proven(o, MAIL), STAMP_NEVER);
	for (int i = 0; i < OWN_TRUST; i++, now += 60 * S) {
		struct visit v = log_visit("192.0.2.30", now);
		probe(o, "192.0.2.30", now);
		assert_true(own_explains(o, &v));
	}
	assert_false(own_is_missing(o, MAIL, 60 * S, now));
	assert_int_equal(own_proven(o, MAIL), now - 60 * S);
	probe(o, "192.0.2.30", now);
	probe(o, "192.0.2.30", now + 60 * S);
	assert_int_equal(own_proven(o, MAIL), now - 60 * S);
	assert_false(own_is_missing(o, MAIL, 60 * S, now + 100 * S));
	probe(o, "192.0.2.30", now + 120 * S);
	assert_false(own_is_missing(o, MAIL, 60 * S, now + 121 * S)); /* may yet come */
	assert_true(own_is_missing(o, MAIL, 60 * S, now + 140 * S));
	/* One that is seen again, however young, ends the suspicion. */
	struct visit v = log_visit("192.0.2.30", now + 140 * S);
	probe(o, "192.0.2.30", now + 140 * S);
	assert_true(own_explains(o, &v));
	assert_false(own_is_missing(o, MAIL, 60 * S, now + 140 * S));
	own_free(o);
}

static void a_host_that_does_not_answer_is_no_reason_to_suspect_its_log(void **state)
{
	(void)state;
	struct own *o = own_new();
	int64_t now = NOON;
	for (int i = 0; i < OWN_TRUST; i++, now += 60 * S) {
		struct visit v = log_visit("192.0.2.30", now);
		probe(o, "192.0.2.30", now);
		assert_true(own_explains(o, &v));
	}
	for (int i = 0; i < 10; i++, now += 60 * S)
		own_ended(o, own_began(o, MAIL, address("192.0.2.30"), now), now, false);
	assert_false(own_is_missing(o, MAIL, 60 * S, now + 60 * S));
	own_free(o);
}

static void a_connection_to_loopback_leaves_from_loopback(void **state)
{
	(void)state;
	struct addr to = address("127.0.0.1");
	assert_true(addr_equal(own_route(to), to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_read_again_gives_no_visit_twice),
		cmocka_unit_test(a_reader_that_starts_anew_gives_no_visit_twice),
		cmocka_unit_test(what_a_watermark_has_passed_is_not_remembered),
		cmocka_unit_test(the_last_probes_are_remembered),
		cmocka_unit_test(remembering_is_bounded_and_keeps_what_is_new),
		cmocka_unit_test(entries_of_the_configuration_are_known_from_others),
		cmocka_unit_test(a_probe_explains_one_visit_of_its_time),
		cmocka_unit_test(each_of_two_probes_explains_the_visit_that_is_nearest),
		cmocka_unit_test(a_log_that_is_faster_than_the_probe_is_understood),
		cmocka_unit_test(a_log_read_late_finds_every_probe),
		cmocka_unit_test(a_log_without_our_probes_is_suspected_once_it_had_them),
		cmocka_unit_test(
		    a_host_that_does_not_answer_is_no_reason_to_suspect_its_log),
		cmocka_unit_test(a_connection_to_loopback_leaves_from_loopback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
