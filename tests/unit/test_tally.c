#include "outlet/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/stamp.h"

enum { GROUP = 1, OTHER_GROUP = 2, LOW = 1, REAL = 2, HIGH = 3, CONTROL = 4 };

/* A whole number of half hours, so that minutes below lie where they seem. */
#define DAY_BEGINS (INT64_C(1795392000) * STAMP_SECOND)
#define AT(minute) (DAY_BEGINS + (minute)*STAMP_MINUTE)

static struct addr client(unsigned n)
{
	char text[32];
	struct addr a;
	(void)snprintf(text, sizeof(text), "198.51.%u.%u", n / 200, n % 200 + 1);
	assert_true(addr_parse(text, &a));
	return a;
}

static void visits(struct tally *t, unsigned who, uint16_t host, int64_t minute)
{
	struct visit v = { .client = client(who),
			   .site = GROUP,
			   .host = host,
			   .depth = DEPTH_RCPT,
			   .precision_us = 1,
			   .time = AT(minute),
			   .helo = "",
			   .mail_from = "",
			   .recipient_domain = "",
			   .name = "" };
	enum place place = host == REAL   ? PLACE_REAL
			   : host == HIGH ? PLACE_HIGH
					  : PLACE_LOW;
	if (host == CONTROL)
		place = PLACE_CONTROL;
	tally_visit(t, &v, GROUP, place, host == HIGH);
}

static struct verdict verdict(unsigned who, uint32_t walk, enum order order,
			      enum fate fate)
{
	return (struct verdict){ .client = client(who),
				 .site = GROUP,
				 .walk = walk,
				 .began = AT(walk),
				 .at = AT(walk),
				 .order = order,
				 .fate = fate,
				 .is_final = fate == FATE_STOPPED,
				 .delay_us = -1 };
}

static void says(struct tally *t, struct verdict v)
{
	tally_verdict(t, &v);
}

static struct tally *all_day(void)
{
	return tally_new(DAY_BEGINS, DAY_BEGINS + STAMP_DAY);
}

/* Counts, compared whole, so that a number that should not move is seen. */
static void counts_are(struct tally *t, struct tally_group want)
{
	struct tally_group got;
	tally_group(t, GROUP, &got);
	want.at_risk = got.at_risk;
	assert_memory_equal(got.order, want.order, sizeof(got.order));
	assert_int_equal(got.reached, want.reached);
	assert_int_equal(got.stopped, want.stopped);
	assert_int_equal(got.stopped_provisional, want.stopped_provisional);
	assert_int_equal(got.pending, want.pending);
	assert_int_equal(got.unknown, want.unknown);
	assert_int_equal(got.only_knocked, want.only_knocked);
	assert_int_equal(got.stopped_attempts, want.stopped_attempts);
	assert_int_equal(got.stopped_naming_recipient, want.stopped_naming_recipient);
	assert_int_equal(got.background_senders, want.background_senders);
	assert_int_equal(got.delay.count, want.delay.count);
	assert_int_equal(got.delay.p50_us, want.delay.p50_us);
	assert_int_equal(got.delay.p95_us, want.delay.p95_us);
	assert_int_equal(got.delay.max_us, want.delay.max_us);
	assert_int_equal(got.returned_later, want.returned_later);
	assert_int_equal(got.at_risk_count, want.at_risk_count);
	tally_group_release(&got);
	assert_false(tally_failed(t));
	tally_free(t);
}

static void a_walk_that_is_judged_anew_counts_by_its_last_verdict(void **state)
{
	(void)state;
	struct tally *t = all_day();
	says(t, verdict(1, 1, ORDER_UNKNOWN, FATE_PENDING));
	says(t, verdict(1, 1, ORDER_BACKDOOR, FATE_STOPPED));
	says(t, verdict(1, 1, ORDER_STRAIGHT, FATE_REACHED));
	counts_are(
	    t, (struct tally_group){ .order = { [ORDER_STRAIGHT] = 1 }, .reached = 1 });
}

static void a_sender_counts_once_by_its_latest_walk(void **state)
{
	(void)state;
	struct tally *t = all_day();
	says(t, verdict(1, 1, ORDER_STRAIGHT, FATE_REACHED));
	says(t, verdict(1, 2, ORDER_BACKDOOR, FATE_STOPPED));
	says(t, verdict(2, 1, ORDER_SKIPPED, FATE_REACHED));
	/* a late correction of an earlier walk is no later walk */
	says(t, verdict(1, 1, ORDER_SHOTGUN, FATE_REACHED));
	counts_are(t, (struct tally_group){
			  .order = { [ORDER_BACKDOOR] = 1, [ORDER_SKIPPED] = 1 },
			  .reached = 1,
			  .stopped = 1 });
}

static void each_fate_has_its_place(void **state)
{
	(void)state;
	struct tally *t = all_day();
	says(t, verdict(1, 1, ORDER_STRAIGHT, FATE_REACHED));
	says(t, verdict(2, 1, ORDER_BACKDOOR, FATE_STOPPED));
	struct verdict v = verdict(3, 1, ORDER_BACKDOOR, FATE_STOPPED);
	v.is_final = false;
	says(t, v);
	says(t, verdict(4, 1, ORDER_UNKNOWN, FATE_PENDING));
	v = verdict(5, 1, ORDER_UNKNOWN, FATE_UNKNOWN);
	v.only_knocked = true;
	says(t, v);
	counts_are(t, (struct tally_group){ .order = { [ORDER_STRAIGHT] = 1,
						       [ORDER_BACKDOOR] = 2,
						       [ORDER_UNKNOWN] = 2 },
					    .reached = 1,
					    .stopped = 1,
					    .stopped_provisional = 1,
					    .pending = 1,
					    .unknown = 1,
					    .only_knocked = 1 });
}

static void who_is_at_risk_is_in_no_stopped_figure(void **state)
{
	(void)state;
	struct tally *t = all_day();
	struct tally_group got;
	static const enum tier tiers[] = { TIER_WEAK, TIER_KNOWN, TIER_PLAUSIBLE };
	for (unsigned i = 0; i < 3; i++) {
		visits(t, i, HIGH, 1);
		struct verdict v = verdict(i, 1, ORDER_BACKDOOR, FATE_STOPPED);
		v.tier = tiers[i];
		v.is_final = i != 1;
		says(t, v);
	}
	tally_name(t, client(1), "old.name.example");
	tally_name(t, client(1), "mail.good.example");
	tally_name(t, client(1), "");
	tally_group(t, GROUP, &got);
	assert_int_equal(got.at_risk_count, 3);
	assert_int_equal(got.at_risk[0].tier, TIER_KNOWN);
	assert_string_equal(got.at_risk[0].name, "mail.good.example");
	assert_int_equal(got.at_risk[0].since, AT(1));
	assert_int_equal(got.at_risk[1].tier, TIER_PLAUSIBLE);
	assert_string_equal(got.at_risk[1].name, "");
	assert_int_equal(got.at_risk[2].tier, TIER_WEAK);
	tally_group_release(&got);
	counts_are(t, (struct tally_group){ .order = { [ORDER_BACKDOOR] = 3 },
					    .at_risk_count = 3 });
}

static void an_attempt_is_a_sender_and_a_half_hour(void **state)
{
	(void)state;
	struct tally *t = all_day();
	visits(t, 1, LOW, 0);
	visits(t, 1, HIGH, 1);
	visits(t, 1, LOW, 29); /* the same half hour */
	visits(t, 1, LOW, 30);
	visits(t, 1, LOW, 2);      /* late: the first half hour again */
	visits(t, 1, CONTROL, 90); /* in no MX: no attempt */
	visits(t, 2, LOW, 1);      /* another sender */
	visits(t, 3, LOW, 1);      /* one that is not stopped */
	says(t, verdict(1, 1, ORDER_BACKDOOR, FATE_STOPPED));
	says(t, verdict(2, 1, ORDER_UNKNOWN, FATE_STOPPED));
	says(t, verdict(3, 1, ORDER_STRAIGHT, FATE_REACHED));
	counts_are(t, (struct tally_group){ .order = { [ORDER_BACKDOOR] = 1,
						       [ORDER_UNKNOWN] = 1,
						       [ORDER_STRAIGHT] = 1 },
					    .reached = 1,
					    .stopped = 2,
					    .stopped_attempts = 3,
					    .stopped_naming_recipient = 1,
					    .background_senders = 1 });
}

static void the_background_is_no_sender_of_the_site(void **state)
{
	(void)state;
	struct tally *t = all_day();
	visits(t, 1, CONTROL, 1);
	visits(t, 1, CONTROL, 50);
	visits(t, 2, CONTROL, 1);
	struct verdict v = verdict(1, 1, ORDER_UNKNOWN, FATE_UNKNOWN);
	v.only_control = true;
	says(t, v);
	counts_are(t, (struct tally_group){ .background_senders = 2 });
}

static void hosts_count_visits_and_distinct_senders(void **state)
{
	(void)state;
	uint64_t seen_visits;
	uint64_t seen_senders;
	struct tally *t = all_day();
	visits(t, 1, HIGH, 1);
	visits(t, 1, HIGH, 500);
	visits(t, 2, HIGH, 1);
	visits(t, 2, REAL, 1);
	tally_host(t, HIGH, &seen_visits, &seen_senders);
	assert_int_equal(seen_visits, 3);
	assert_int_equal(seen_senders, 2);
	tally_host(t, LOW, &seen_visits, &seen_senders);
	assert_int_equal(seen_visits, 0);
	assert_int_equal(seen_senders, 0);
	tally_free(t);
}

static void delays_and_returns_count_walks(void **state)
{
	(void)state;
	struct tally *t = all_day();
	for (uint32_t walk = 1; walk <= 20; walk++) {
		struct verdict v = verdict(1, walk, ORDER_STRAIGHT, FATE_REACHED);
		v.delay_us = (21 - walk) * STAMP_SECOND;
		says(t, v);
		v.delay_us = 0;
		if (walk == 20)
			says(t, v); /* corrected: not counted twice */
	}
	struct verdict v = verdict(1, 21, ORDER_STRAIGHT, FATE_REACHED);
	v.returned_later = true;
	says(t, v);
	counts_are(t, (struct tally_group){ .order = { [ORDER_STRAIGHT] = 1 },
					    .reached = 1,
					    .returned_later = 1,
					    .delay = { .count = 20,
						       .p50_us = 10 * STAMP_SECOND,
						       .p95_us = 19 * STAMP_SECOND,
						       .max_us = 20 * STAMP_SECOND } });
}

static void who_came_onto_the_list_counts_once(void **state)
{
	(void)state;
	struct tally *t = all_day();
	struct tally_group got;
	struct listing l = { .client = client(1),
			     .site = GROUP,
			     .reason = REASON_OBSERVE,
			     .at = AT(1),
			     .until = AT(2000) };
	tally_listing(t, &l);
	l.at = AT(2);
	l.until = 0; /* it went from it */
	tally_listing(t, &l);
	l.at = AT(3);
	l.until = AT(2000);
	tally_listing(t, &l);
	l.client = client(2);
	l.is_listed = true;
	tally_listing(t, &l);
	l.client = client(3);
	l.at = AT(-1); /* before the period */
	tally_listing(t, &l);
	tally_group(t, GROUP, &got);
	assert_int_equal(got.would_be_listed, 1);
	assert_int_equal(got.listed, 1);
	tally_group_release(&got);
	tally_free(t);
}

static void only_the_period_counts(void **state)
{
	(void)state;
	struct tally *t = tally_new(AT(10), AT(20));
	visits(t, 1, LOW, 9);
	visits(t, 1, LOW, 20);
	says(t, verdict(1, 9, ORDER_BACKDOOR, FATE_STOPPED));
	says(t, verdict(1, 20, ORDER_BACKDOOR, FATE_STOPPED));
	assert_false(tally_has(t, GROUP));
	/* the latest walk of the period, though there was a later one */
	visits(t, 2, LOW, 10);
	says(t, verdict(2, 10, ORDER_STRAIGHT, FATE_REACHED));
	says(t, verdict(2, 25, ORDER_BACKDOOR, FATE_STOPPED));
	assert_true(tally_has(t, GROUP));
	counts_are(
	    t, (struct tally_group){ .order = { [ORDER_STRAIGHT] = 1 }, .reached = 1 });
}

static void groups_do_not_mix(void **state)
{
	(void)state;
	struct tally *t = all_day();
	struct verdict v = verdict(1, 1, ORDER_BACKDOOR, FATE_STOPPED);
	v.site = OTHER_GROUP;
	says(t, v);
	says(t, verdict(1, 1, ORDER_STRAIGHT, FATE_REACHED));
	counts_are(
	    t, (struct tally_group){ .order = { [ORDER_STRAIGHT] = 1 }, .reached = 1 });
}

static void many_senders_are_counted_exactly(void **state)
{
	(void)state;
	struct tally *t = all_day();
	for (unsigned i = 0; i < 20000; i++) {
		visits(t, i, LOW, 1);
		says(t, verdict(i, 1, ORDER_BACKDOOR, FATE_STOPPED));
	}
	counts_are(t, (struct tally_group){ .order = { [ORDER_BACKDOOR] = 20000 },
					    .stopped = 20000,
					    .stopped_attempts = 20000 });
}

static void percentiles_are_nearest_rank(void **state)
{
	(void)state;
	static const int64_t values[] = { 10, 20, 30, 40, 50 };
	static const struct {
		size_t n;
		unsigned p;
		int64_t want;
	} cases[] = {
		{ 5, 0, 10 },  { 5, 20, 10 },  { 5, 21, 20 }, { 5, 50, 30 },
		{ 5, 95, 50 }, { 5, 100, 50 }, { 1, 50, 10 }, { 1, 95, 10 },
		{ 2, 50, 10 }, { 2, 51, 20 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(tally_percentile(values, cases[i].n, cases[i].p),
				 cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_that_is_judged_anew_counts_by_its_last_verdict),
		cmocka_unit_test(a_sender_counts_once_by_its_latest_walk),
		cmocka_unit_test(each_fate_has_its_place),
		cmocka_unit_test(who_is_at_risk_is_in_no_stopped_figure),
		cmocka_unit_test(an_attempt_is_a_sender_and_a_half_hour),
		cmocka_unit_test(the_background_is_no_sender_of_the_site),
		cmocka_unit_test(hosts_count_visits_and_distinct_senders),
		cmocka_unit_test(delays_and_returns_count_walks),
		cmocka_unit_test(who_came_onto_the_list_counts_once),
		cmocka_unit_test(only_the_period_counts),
		cmocka_unit_test(groups_do_not_mix),
		cmocka_unit_test(many_senders_are_counted_exactly),
		cmocka_unit_test(percentiles_are_nearest_rank),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
