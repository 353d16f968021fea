/* What a report counts of the walks that stream by: each row a story. */
#include "outlet/report/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/stamp.h"

#define DAY0 (INT64_C(20000) * STAMP_DAY) /* 2024-10-04 */
#define SINCE (DAY0 + 2 * STAMP_DAY)
#define UNTIL (DAY0 + 9 * STAMP_DAY)
#define HOUR(n) (SINCE + (n)*STAMP_HOUR)

enum { BIT_LOW, BIT_MAIL, BIT_HIGH, BIT_CONTROL, BITS };

/* A group of four hosts, and a count of a week of it. */
struct rig {
	struct view_host hosts[BITS];
	struct view view;
	struct series series;
	struct count *count;
	struct ask_stream stream;
	struct report_counts counts;
	struct report_part parts[SERIES_MAX];
	uint64_t senders[COUNT_HOSTS];
};

static struct rig *begin(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	for (unsigned i = 0; i < BITS; i++)
		r->hosts[i] = (struct view_host){
			.id = (uint16_t)(i + 1),
			.role = i == BIT_MAIL      ? ROLE_REAL
				: i == BIT_CONTROL ? ROLE_CONTROL
						   : ROLE_DECOY,
			.bit = i,
		};
	r->view = (struct view){ .hosts = r->hosts,
				 .host_count = BITS,
				 .frontier = UNTIL + 30 * STAMP_DAY,
				 .now = UNTIL + 30 * STAMP_DAY };
	series_cut(SINCE, UNTIL, &r->series);
	r->count = count_new(&(struct count_spec){
	    .since = SINCE, .until = UNTIL, .series = &r->series, .view = &r->view });
	r->stream = count_stream(r->count);
	return r;
}

static void finish(struct rig *r)
{
	count_finish(r->count, &r->counts, r->parts, r->senders);
}

static void end(struct rig *r)
{
	for (size_t i = 0; i < r->counts.at_risk_count; i++)
		free(r->counts.at_risk[i].name);
	free(r->counts.at_risk);
	count_free(r->count);
	free(r);
}

static struct addr client(const char *text)
{
	struct addr a;
	assert_true(addr_parse(text, &a));
	return a;
}

static struct run run_at(enum run_kind kind, const char *from, int64_t began,
			 int64_t minutes, unsigned host)
{
	struct run r = { .kind = kind,
			 .client = client(from),
			 .began = began,
			 .last = began + minutes * STAMP_MINUTE,
			 .high = MOMENT_NONE,
			 .low = MOMENT_NONE,
			 .accepted = MOMENT_NONE,
			 .clean = MOMENT_NONE,
			 .unjudged = MOMENT_NONE,
			 .hosts = UINT64_C(1) << host,
			 .visits = 1 };
	for (int64_t t = began; t <= r.last; t += 30 * STAMP_MINUTE)
		r.half_hours |= UINT64_C(1) << (t % STAMP_DAY) / (30 * STAMP_MINUTE);
	if (host == BIT_HIGH)
		r.high = began;
	if (host == BIT_LOW)
		r.low = began;
	return r;
}

/* A walk of one run, with what was said of it. */
static void walk(struct rig *r, const struct run *main, struct verdict v,
		 const struct told *told)
{
	struct walk w = { .main = *main, .began = main->began, .last = main->last };
	struct sender sender = { .clients = { main->client }, .count = 1 };
	struct ask_walk a = {
		.walk = &w, .runs = main, .run_count = 1, .sender = &sender
	};
	w.has_real = main->kind == RUN_REAL;
	w.real = main->began;
	v.client = main->client;
	v.began = main->began;
	v.last = main->last;
	a.verdict = v;
	a.told = told ? *told : (struct told){ 0 };
	bool is_earlier = main->last < r->stream.since;
	assert_int_equal(is_earlier ? r->stream.earlier(r->stream.arg, &a)
				    : r->stream.walk(r->stream.arg, &a),
			 0);
}

static void aside(struct rig *r, const struct run *run)
{
	assert_int_equal(r->stream.aside(r->stream.arg, run), 0);
}

static const struct verdict reached = {
	.order = ORDER_STRAIGHT, .fate = FATE_REACHED, .is_final = true, .delay_us = -1
};
static const struct verdict stopped = {
	.order = ORDER_BACKDOOR, .fate = FATE_STOPPED, .is_final = true, .delay_us = -1
};
static const struct verdict provisional = { .order = ORDER_BACKDOOR,
					    .fate = FATE_STOPPED,
					    .delay_us = -1 };
static const struct verdict pending = { .fate = FATE_PENDING, .delay_us = -1 };

static void a_sender_counts_once_by_its_latest_walk_that_is_not_pending(void **state)
{
	(void)state;
	struct rig *r = begin();
	struct run a = run_at(RUN_DECOY, "192.0.2.1", HOUR(1), 5, BIT_HIGH);
	struct run b = run_at(RUN_REAL, "192.0.2.1", HOUR(30), 5, BIT_MAIL);
	struct run c = run_at(RUN_DECOY, "192.0.2.1", HOUR(60), 5, BIT_HIGH);
	walk(r, &a, stopped, NULL);
	walk(r, &b, reached, NULL);
	walk(r, &c, pending, NULL);
	struct run d = run_at(RUN_DECOY, "192.0.2.2", HOUR(61), 5, BIT_HIGH);
	walk(r, &d, pending, NULL);
	finish(r);
	assert_int_equal(r->counts.reached, 1);
	assert_int_equal(r->counts.stopped, 0);
	assert_int_equal(r->counts.pending, 1);
	assert_int_equal(r->counts.order[ORDER_STRAIGHT], 1);
	/* The stopped walk was an attempt all the same. */
	assert_int_equal(r->counts.attempts_stopped, 1);
	assert_int_equal(r->counts.stopped_attempts, 0);
	assert_int_equal(r->senders[BIT_HIGH], 2);
	assert_int_equal(r->senders[BIT_MAIL], 1);
	end(r);
}

static void a_walk_counts_in_the_period_that_it_overlaps(void **state)
{
	(void)state;
	struct rig *r = begin();
	/* 40 minutes before the period until 20 minutes into it: one half hour of it */
	struct run a =
	    run_at(RUN_DECOY, "192.0.2.1", SINCE - 40 * STAMP_MINUTE, 60, BIT_HIGH);
	walk(r, &a, stopped, NULL);
	struct run b = run_at(RUN_DECOY, "192.0.2.2", SINCE - STAMP_HOUR, 5, BIT_HIGH);
	walk(r, &b, stopped, NULL);
	struct run c = run_at(RUN_DECOY, "192.0.2.3", UNTIL, 5, BIT_HIGH);
	walk(r, &c, stopped, NULL);
	finish(r);
	assert_int_equal(r->counts.stopped, 1);
	assert_int_equal(r->counts.background_senders, 0);
	/* What began before it is in no part, and its bits are of the day before. */
	assert_int_equal(r->parts[0].stopped, 0);
	end(r);
}

static void attempts_are_half_hours_of_stopped_walks(void **state)
{
	(void)state;
	struct rig *r = begin();
	struct run a = run_at(RUN_DECOY, "192.0.2.1", HOUR(1), 95, BIT_HIGH);
	a.rcpt_hours = 2;
	walk(r, &a, stopped, NULL);
	struct run b = run_at(RUN_DECOY, "192.0.2.2", HOUR(1), 5, BIT_HIGH);
	walk(r, &b, provisional, NULL);
	struct verdict weak = stopped;
	weak.tier = TIER_WEAK;
	struct run c = run_at(RUN_DECOY, "192.0.2.3", HOUR(1), 5, BIT_HIGH);
	walk(r, &c, weak, NULL);
	finish(r);
	assert_int_equal(r->counts.stopped, 1);
	assert_int_equal(r->counts.stopped_provisional, 1);
	assert_int_equal(r->counts.stopped_attempts, 4);
	assert_int_equal(r->counts.attempts_stopped, 5);
	assert_int_equal(r->counts.stopped_naming_recipient, 1);
	assert_int_equal(r->counts.at_risk_count, 1);
	assert_int_equal(r->counts.at_risk_tier[TIER_WEAK], 1);
	end(r);
}

static void who_knocks_and_never_comes_is_told_apart(void **state)
{
	(void)state;
	struct rig *r = begin();
	struct run a = run_at(RUN_ASIDE, "192.0.2.1", HOUR(1), 0, BIT_LOW);
	aside(r, &a);
	/* It came three days later. */
	struct run b = run_at(RUN_REAL, "192.0.2.2", HOUR(80), 0, BIT_MAIL);
	struct run c = run_at(RUN_ASIDE, "192.0.2.2", HOUR(8), 0, BIT_HIGH);
	walk(r, &b, reached, NULL);
	aside(r, &c);
	/* Its knock belongs to its walk. */
	struct run d = run_at(RUN_DECOY, "192.0.2.3", HOUR(1), 5, BIT_HIGH);
	struct run f = run_at(RUN_ASIDE, "192.0.2.3", HOUR(1) + STAMP_MINUTE, 0, BIT_LOW);
	walk(r, &d, stopped, NULL);
	aside(r, &f);
	finish(r);
	assert_int_equal(r->counts.attempts_knocked, 1);
	assert_int_equal(r->counts.only_knocked, 1);
	assert_int_equal(r->counts.attempts_stopped, 1);
	end(r);
}

static void the_background_is_who_came_to_control_addresses(void **state)
{
	(void)state;
	struct rig *r = begin();
	struct run a = run_at(RUN_ASIDE, "192.0.2.1", HOUR(1), 0, BIT_CONTROL);
	aside(r, &a);
	struct run b = run_at(RUN_DECOY, "192.0.2.2", HOUR(1), 0, BIT_HIGH);
	struct run c = run_at(RUN_ASIDE, "192.0.2.2", HOUR(2), 0, BIT_CONTROL);
	walk(r, &b, stopped, NULL);
	aside(r, &c);
	finish(r);
	assert_int_equal(r->counts.background_senders, 2);
	assert_int_equal(r->counts.background_at_decoys, 1);
	assert_int_equal(r->counts.background_stopped, 1);
	assert_int_equal(r->counts.only_knocked, 0);
	assert_int_equal(r->senders[BIT_CONTROL], 2);
	end(r);
}

static void delays_are_of_walks_and_say_how_exact_they_are(void **state)
{
	(void)state;
	static const int64_t us[] = { 5000, 250000, STAMP_SECOND, 40 * STAMP_SECOND };
	struct rig *r = begin();
	for (size_t i = 0; i < 4; i++) {
		struct verdict v = reached;
		v.delay_us = us[i];
		v.delay_error_us = i == 2 ? STAMP_SECOND / 2 : 10;
		struct run a =
		    run_at(RUN_DECOY, "192.0.2.1", HOUR((int64_t)i), 0, BIT_LOW);
		walk(r, &a, v, NULL);
	}
	finish(r);
	const struct report_delay *d = &r->counts.delay;
	assert_int_equal(d->count, 4);
	assert_int_equal(d->p50_us, 250000);
	assert_int_equal(d->p95_us, 40 * STAMP_SECOND);
	assert_int_equal(d->max_us, 40 * STAMP_SECOND);
	assert_int_equal(d->exact_within_us, STAMP_SECOND / 2);
	assert_int_equal(d->bins[0] + d->bins[2] * 10 + d->bins[7] * 100, 121);
	end(r);
}

static void a_part_counts_a_sender_by_its_latest_walk_that_began_in_it(void **state)
{
	(void)state;
	struct rig *r = begin();
	struct run a = run_at(RUN_DECOY, "192.0.2.1", HOUR(1), 5, BIT_HIGH);
	struct run b = run_at(RUN_REAL, "192.0.2.1", HOUR(5), 5, BIT_MAIL);
	struct run c = run_at(RUN_DECOY, "192.0.2.1", HOUR(30), 5, BIT_HIGH);
	walk(r, &a, stopped, NULL);
	walk(r, &b, reached, NULL);
	walk(r, &c, provisional, NULL);
	finish(r);
	assert_int_equal(r->series.count, 7);
	assert_int_equal(r->parts[0].stopped, 0);
	assert_int_equal(r->parts[0].reached, 1);
	assert_int_equal(r->parts[1].stopped_provisional, 1);
	assert_int_equal(r->counts.stopped_provisional, 1);
	end(r);
}

static void corrections_belong_to_when_they_were_given(void **state)
{
	(void)state;
	struct rig *r = begin();
	struct told told = { .is_told = true,
			     .is_final = true,
			     .stopped_at = DAY0 - 9 * STAMP_DAY };
	/* Stopped long before, and came in the period after all. */
	struct run a = run_at(RUN_DECOY, "192.0.2.1", DAY0 - 10 * STAMP_DAY, 5, BIT_HIGH);
	struct run b = run_at(RUN_REAL, "192.0.2.1", HOUR(10), 5, BIT_MAIL);
	walk(r, &a, stopped, &told);
	walk(r, &b, reached, NULL);
	/* Excused by what was learnt in the period. */
	struct told excused = { .is_told = true,
				.stopped_at = DAY0 - STAMP_DAY,
				.corrected_at = HOUR(3) };
	struct verdict unknown = { .fate = FATE_UNKNOWN, .delay_us = -1 };
	struct run c = run_at(RUN_DECOY, "192.0.2.2", DAY0 - STAMP_DAY, 5, BIT_HIGH);
	walk(r, &c, unknown, &excused);
	/* Excused before it: another report's. */
	excused.corrected_at = SINCE - 1;
	struct run d = run_at(RUN_DECOY, "192.0.2.3", DAY0 - STAMP_DAY, 5, BIT_HIGH);
	walk(r, &d, unknown, &excused);
	/* Still stands. */
	struct run f = run_at(RUN_DECOY, "192.0.2.4", DAY0 - STAMP_DAY, 5, BIT_HIGH);
	walk(r, &f, stopped, &told);
	finish(r);
	const struct report_revised *v = &r->counts.revised;
	assert_int_equal(v->senders, 2);
	assert_int_equal(v->returned, 1);
	assert_int_equal(v->after_final, 1);
	assert_int_equal(v->excused, 1);
	assert_int_equal(v->max_us, HOUR(10) - (DAY0 - 10 * STAMP_DAY));
	end(r);
}

static int note_missing(void *arg, size_t row, const struct run *decoy, uint64_t hash,
			struct error *e)
{
	(void)e;
	*(size_t *)arg = row;
	assert_int_equal(hash, 77);
	assert_true(addr_equal(decoy->client, client("192.0.2.1")));
	return 0;
}

static void a_missing_message_is_at_risk_though_its_sender_came(void **state)
{
	(void)state;
	struct rig *r = begin();
	struct verdict v = reached;
	size_t row = 99;
	v.missing = 77;
	v.tier = TIER_KNOWN;
	struct run a = run_at(RUN_DECOY, "192.0.2.1", HOUR(1), 5, BIT_HIGH);
	walk(r, &a, v, NULL);
	v.tier = TIER_NONE; /* nothing speaks for it: it may well be spam */
	struct run b = run_at(RUN_DECOY, "192.0.2.2", HOUR(1), 5, BIT_HIGH);
	walk(r, &b, v, NULL);
	finish(r);
	assert_int_equal(r->counts.reached, 2);
	assert_int_equal(r->counts.at_risk_count, 1);
	assert_int_equal(r->counts.messages_missing, 1);
	assert_true(r->counts.at_risk[0].is_message);
	assert_int_equal(count_each_missing(r->count, note_missing, &row, NULL), 0);
	assert_int_equal(row, 0);
	end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_sender_counts_once_by_its_latest_walk_that_is_not_pending),
		cmocka_unit_test(a_walk_counts_in_the_period_that_it_overlaps),
		cmocka_unit_test(attempts_are_half_hours_of_stopped_walks),
		cmocka_unit_test(who_knocks_and_never_comes_is_told_apart),
		cmocka_unit_test(the_background_is_who_came_to_control_addresses),
		cmocka_unit_test(delays_are_of_walks_and_say_how_exact_they_are),
		cmocka_unit_test(
		    a_part_counts_a_sender_by_its_latest_walk_that_began_in_it),
		cmocka_unit_test(corrections_belong_to_when_they_were_given),
		cmocka_unit_test(a_missing_message_is_at_risk_though_its_sender_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
