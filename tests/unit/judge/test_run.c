#include "judge/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ZERO (INT64_C(1799971200) * STAMP_SECOND) /* a midnight */
#define S STAMP_SECOND
#define M STAMP_MINUTE

static struct visit visit_at(int64_t time)
{
	return (
	    struct visit){ .depth = DEPTH_DATA, .precision_us = 1, .time = ZERO + time };
}

static const struct run_where real = { .group = 1,
				       .role = ROLE_REAL,
				       .place = PLACE_REAL };
static const struct run_where high = {
	.group = 1, .role = ROLE_DECOY, .place = PLACE_HIGH, .names_ours = true
};

static struct run real_at(int64_t time)
{
	struct visit v = visit_at(time);
	return run_of(&v, &real);
}

static void a_visit_is_of_one_kind(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		enum role role;
		enum depth depth;
		bool is_late;
		enum run_kind want;
	} rows[] = {
		{ "a contact with a real host", ROLE_REAL, DEPTH_CONNECT, false,
		  RUN_REAL },
		{ "told late", ROLE_REAL, DEPTH_DATA, true, RUN_LATE },
		{ "a knock at one", ROLE_REAL, DEPTH_KNOCK, false, RUN_ASIDE },
		{ "a contact with a decoy", ROLE_DECOY, DEPTH_CONNECT, false, RUN_DECOY },
		{ "told late: no accusation", ROLE_DECOY, DEPTH_DATA, true, RUN_ASIDE },
		{ "a knock at a decoy", ROLE_DECOY, DEPTH_KNOCK, false, RUN_ASIDE },
		{ "a control", ROLE_CONTROL, DEPTH_DATA, false, RUN_ASIDE },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct visit v = visit_at(0);
		struct run_where w = { .role = rows[i].role,
				       .place = PLACE_HIGH,
				       .is_late = rows[i].is_late };
		v.depth = rows[i].depth;
		struct run r = run_of(&v, &w);
		if (r.kind != rows[i].want)
			fail_msg("%s: got %s, want %s", rows[i].story,
				 run_kind_name(r.kind), run_kind_name(rows[i].want));
	}
}

static void a_visit_tells_its_facts(void **state)
{
	(void)state;
	struct visit v = visit_at(25 * STAMP_HOUR + 31 * M);
	v.ended = v.time + 5 * S;
	visit_add_envelope(&v, 7);
	visit_add_envelope(&v, 3);
	struct run_where w = high;
	w.id = 9;
	w.host_bit = 3;
	struct run r = run_of(&v, &w);
	assert_int_equal(run_day(&r), ZERO + STAMP_DAY);
	assert_int_equal(r.rcpt_hours, 1U << 1);
	assert_int_equal(r.half_hours, UINT64_C(1) << 3);
	assert_int_equal(r.hosts, 8);
	assert_int_equal(r.last, v.ended);
	assert_int_equal(r.high, v.time);
	assert_int_equal(r.low, MOMENT_NONE);
	assert_int_equal(r.envelope_count, 2);
	assert_int_equal(r.envelopes[0], 3);
	assert_int_equal(r.first_ids[0], 9);
	assert_int_equal(r.told.need, MOMENT_NONE);
	assert_int_equal(r.told.delay_us, -1);
	v.envelope_count = VISIT_ENVELOPES_MANY; /* a decoy's with more tells none */
	assert_int_equal(run_of(&v, &w).envelope_count, 0);
	w.names_ours = false;
	assert_int_equal(run_of(&v, &w).rcpt_hours, 0);
}

static void accepted_mail_counts_by_what_the_filter_said(void **state)
{
	(void)state;
	struct visit v = visit_at(0);
	v.outcome = OUTCOME_ACCEPTED;
	assert_int_equal(run_of(&v, &real).unjudged, ZERO);
	assert_int_equal(run_of(&v, &real).clean, MOMENT_NONE);
	v.spam = SPAM_NO;
	assert_int_equal(run_of(&v, &real).clean, ZERO);
	v.spam = SPAM_YES;
	struct run r = run_of(&v, &real);
	assert_true(r.accepted == ZERO && r.clean == MOMENT_NONE &&
		    r.unjudged == MOMENT_NONE);
	v.outcome = OUTCOME_DEFERRED;
	assert_int_equal(run_of(&v, &real).accepted, MOMENT_NONE);
}

static void runs_touch_within_half_an_hour_of_each_others_ends(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		int64_t first, ended, width, second, earlier;
		bool touches, is_one;
	} rows[] = {
		{ "a minute apart", 0, 0, 1, M, 0, true, true },
		{ "half an hour apart", 0, 0, 1, 30 * M, 0, true, true },
		{ "longer apart", 0, 0, 1, 30 * M + 1, 0, false, false },
		{ "a session of an hour between", 0, 60 * M, 1, 90 * M, 0, true, true },
		{ "a whole second", 0, 0, S, 30 * M + S - 1, 0, true, true },
		{ "a whole second and more", 0, 0, S, 30 * M + S, 0, false, false },
		{ "it may have begun earlier", 0, 0, 1, 30 * M + 5 * S, 5 * S, true,
		  true },
		{ "case 8: over midnight they touch, and are two", 1439 * M, 0, 1,
		  1441 * M, 0, true, false },
		{ "a session over midnight", 1439 * M, 1500 * M, 1, 1441 * M, 0, true,
		  false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct visit a = visit_at(rows[i].first), b = visit_at(rows[i].second);
		a.ended = rows[i].ended ? ZERO + rows[i].ended : 0;
		a.precision_us = (uint32_t)rows[i].width;
		b.earlier_us = (uint32_t)rows[i].earlier;
		struct run x = run_of(&a, &real), y = run_of(&b, &real);
		if (run_touches(&x, &y, RUN_GAP) != rows[i].touches ||
		    run_touches(&y, &x, RUN_GAP) != rows[i].touches ||
		    run_is_one(&x, &y) != rows[i].is_one)
			fail_msg("%s: got %d %d, want %d %d", rows[i].story,
				 run_touches(&x, &y, RUN_GAP), run_is_one(&x, &y),
				 rows[i].touches, rows[i].is_one);
	}
	struct run a = real_at(0), b = real_at(0);
	b.kind = RUN_DECOY;
	assert_false(run_is_one(&a, &b));
	b = real_at(0);
	b.group = 2;
	assert_false(run_is_one(&a, &b));
	b = real_at(0);
	b.client.bytes[0] = 1;
	assert_false(run_is_one(&a, &b));
}

static bool told_equal(const struct told *a, const struct told *b)
{
	return a->order == b->order && a->order_reason == b->order_reason &&
	       a->fate == b->fate && a->tier == b->tier && a->is_told == b->is_told &&
	       a->order_excused == b->order_excused && a->need == b->need &&
	       a->delay_us == b->delay_us;
}

#define SAME(array) (memcmp(a->array, b->array, sizeof(a->array)) == 0)

static bool facts_equal(const struct run *a, const struct run *b)
{
	return a->kind == b->kind && a->began == b->began && a->width == b->width &&
	       a->earlier == b->earlier && a->answered == b->answered &&
	       a->last == b->last && a->high == b->high && a->low == b->low &&
	       a->high_width == b->high_width && a->low_width == b->low_width &&
	       a->accepted == b->accepted && a->clean == b->clean &&
	       a->unjudged == b->unjudged;
}

static bool counts_equal(const struct run *a, const struct run *b)
{
	return a->rcpt_hours == b->rcpt_hours && a->half_hours == b->half_hours &&
	       a->hosts == b->hosts && a->visits == b->visits && a->depth == b->depth &&
	       a->envelope_count == b->envelope_count && SAME(envelopes) &&
	       SAME(id_count) && SAME(first_ids) && SAME(last_ids);
}

static void check_equal(const struct run *a, const struct run *b, const char *what)
{
	if (!facts_equal(a, b) || !counts_equal(a, b) || !told_equal(&a->told, &b->told))
		fail_msg(
		    "%s: began %lld %lld width %u %u earlier %u %u answered %lld %lld",
		    what, (long long)(a->began - ZERO), (long long)(b->began - ZERO),
		    a->width, b->width, a->earlier, b->earlier, (long long)a->answered,
		    (long long)b->answered);
}

static struct run merged(const struct run *a, const struct run *b)
{
	struct run r = *a;
	run_merge(&r, b);
	return r;
}

enum { DOMAIN = 400 };

static size_t add_real(struct run *domain, size_t n)
{
	static const int64_t times[] = { 0, 1, 2 };
	for (unsigned bits = 0; bits < 3 * 2 * 2 * 3 * 3; bits++) {
		struct visit v = visit_at(times[bits % 3]);
		struct run_where w = real;
		v.precision_us = bits / 3 % 2 ? 1000000 : 1;
		v.earlier_us = bits / 6 % 2 ? 3 : 0;
		v.answered = bits / 12 % 3 ? v.time + bits / 12 % 3 : 0;
		v.outcome = bits / 36 % 3 ? OUTCOME_ACCEPTED : OUTCOME_DEFERRED;
		v.spam = bits / 36 % 3 == 1 ? SPAM_NO : SPAM_UNKNOWN;
		w.id = 1 + bits % 7;
		domain[n++] = run_of(&v, &w);
	}
	return n;
}

static void check_merging(const struct run *domain, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			struct run ij = merged(&domain[i], &domain[j]);
			struct run ji = merged(&domain[j], &domain[i]);
			check_equal(&ij, &ji, "commutative");
			for (size_t k = 0; k < n; k++) {
				struct run jk = merged(&domain[j], &domain[k]);
				struct run left = merged(&ij, &domain[k]);
				struct run right = merged(&domain[i], &jk);
				check_equal(&left, &right, "associative");
			}
		}
}

static void merging_real_runs_knows_no_order(void **state)
{
	(void)state;
	static struct run domain[DOMAIN];
	check_merging(domain, add_real(domain, 0));
}

static size_t add_decoy(struct run *domain, size_t n)
{
	for (unsigned bits = 0; bits < 2 * 2 * 2 * 2 * 4; bits++) {
		struct visit v = visit_at(bits % 2);
		struct run_where w = high;
		w.place = bits / 2 % 2 ? PLACE_LOW : PLACE_HIGH;
		v.precision_us = bits / 4 % 2 ? 5 : 1;
		for (uint64_t e = 0; e < 8; e++)
			visit_add_envelope(&v, bits / 8 % 2 ? 2 * e : 3 * e + 1);
		w.id = 1 + bits % 5;
		struct run r = run_of(&v, &w);
		r.told.is_told = bits / 16 % 4 > 0;
		r.told.order = bits / 16 % 4 > 1 ? 3 : 1;
		r.told.tier = bits / 16 % 4 == 3;
		r.told.order_excused = bits % 5 == 2;
		r.told.need = bits % 3 ? ZERO + bits % 3 : MOMENT_NONE;
		domain[n++] = r;
	}
	return n;
}

static void merging_decoy_runs_knows_no_order(void **state)
{
	(void)state;
	static struct run domain[DOMAIN];
	check_merging(domain, add_decoy(domain, 0));
}

/* Case 6. */
static void two_contacts_of_one_second_are_one_row_in_both_orders(void **state)
{
	(void)state;
	struct visit a = visit_at(0), b = visit_at(0);
	a.precision_us = b.precision_us = 1000000;
	b.answered = ZERO + 300000;
	struct run x = run_of(&a, &real), y = run_of(&b, &real);
	struct run xy = merged(&x, &y), yx = merged(&y, &x);
	check_equal(&xy, &yx, "both orders");
	assert_int_equal(xy.answered, ZERO + 300000);
	assert_int_equal(xy.width, 1000000);
}

/* A start that one visit leaves open is open for the run, whichever began first. */
static void how_early_it_may_have_begun_is_of_all_its_visits(void **state)
{
	(void)state;
	struct visit a = visit_at(10 * S), b = visit_at(12 * S);
	b.earlier_us = 5 * STAMP_SECOND;
	struct run x = run_of(&a, &real), y = run_of(&b, &real);
	run_merge(&x, &y);
	assert_int_equal(x.began, ZERO + 10 * S);
	assert_int_equal(x.earlier, 3 * S);
	assert_int_equal(x.visits, 2);
}

static void the_smallest_envelopes_and_the_outermost_numbers_are_kept(void **state)
{
	(void)state;
	struct run all = { 0 };
	for (int64_t i = 0; i < 40; i++) {
		struct visit v = visit_at(i * S);
		struct run_where w = high;
		visit_add_envelope(&v, (uint64_t)(100 - i));
		w.id = 1 + (i * 7) % 40;
		struct run r = run_of(&v, &w);
		if (i == 0)
			all = r;
		else
			run_merge(&all, &r);
	}
	assert_int_equal(all.envelope_count, RUN_ENVELOPES);
	assert_int_equal(all.envelopes[0], 61);
	assert_int_equal(all.envelopes[RUN_ENVELOPES - 1], 76);
	assert_int_equal(all.id_count[0], RUN_IDS);
	for (int i = 0; i < RUN_IDS; i++) {
		assert_int_equal(all.first_ids[i], 1 + i);
		assert_int_equal(all.last_ids[i], 25 + i);
	}
	struct run few = { 0 };
	for (int64_t i = 0; i < 9; i++) {
		struct visit v = visit_at(i * S);
		struct run_where w = real;
		w.id = 1 + i;
		struct run r = run_of(&v, &w);
		if (i == 0)
			few = r;
		else
			run_merge(&few, &r);
	}
	assert_int_equal(few.id_count[1], RUN_IDS_REAL);
	assert_int_equal(few.last_ids[0], 6);
}

/* Case 8: a connection each 20 minutes has one run a day. */
static void a_sender_that_never_rests_has_one_run_a_day(void **state)
{
	(void)state;
	enum { DAYS = 5 };
	struct run runs[DAYS + 1];
	size_t count = 0;
	for (int64_t t = 0; t < DAYS * STAMP_DAY; t += 20 * M) {
		struct run r = real_at(t);
		if (count > 0 && run_is_one(&runs[count - 1], &r))
			run_merge(&runs[count - 1], &r);
		else
			runs[count++] = r;
	}
	assert_int_equal(count, DAYS);
	assert_int_equal(runs[2].visits, 72);
	assert_int_equal(runs[2].half_hours, (UINT64_C(1) << 48) - 1);
	assert_true(run_touches(&runs[1], &runs[2], RUN_GAP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_visit_is_of_one_kind),
		cmocka_unit_test(a_visit_tells_its_facts),
		cmocka_unit_test(accepted_mail_counts_by_what_the_filter_said),
		cmocka_unit_test(runs_touch_within_half_an_hour_of_each_others_ends),
		cmocka_unit_test(merging_real_runs_knows_no_order),
		cmocka_unit_test(merging_decoy_runs_knows_no_order),
		cmocka_unit_test(two_contacts_of_one_second_are_one_row_in_both_orders),
		cmocka_unit_test(how_early_it_may_have_begun_is_of_all_its_visits),
		cmocka_unit_test(
		    the_smallest_envelopes_and_the_outermost_numbers_are_kept),
		cmocka_unit_test(a_sender_that_never_rests_has_one_run_a_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
