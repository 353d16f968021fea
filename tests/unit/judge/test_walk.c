/* What of the touching runs makes a walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "judge/rule.h"

#define ZERO (INT64_C(1800000000) * STAMP_SECOND)
#define S STAMP_SECOND

/* A run of one visit. */
static struct run run_at(enum run_kind kind, enum place place, int64_t time,
			 uint32_t width)
{
	struct visit v = { .depth = kind == RUN_ASIDE ? DEPTH_KNOCK : DEPTH_DATA,
			   .precision_us = width,
			   .time = ZERO + time };
	struct run_where w = { .group = 1, .place = place, .is_late = kind == RUN_LATE };
	w.role = place == PLACE_REAL ? ROLE_REAL : ROLE_DECOY;
	struct run r = run_of(&v, &w);
	assert_int_equal(r.kind, kind);
	return r;
}

static struct run lasting(struct run r, int64_t seconds)
{
	r.last = r.began + seconds * S;
	return r;
}

static void low_is_the_first_of_main_and_what_came_aside(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		int64_t main, aside;
		uint32_t main_width, aside_width;
		int64_t low;
		uint32_t width;
	} rows[] = {
		{ "the knock is first", 10, 5, 7, 1, 5, 1 },
		{ "the contact is first", 5, 10, 7, 9, 5, 7 },
		{ "both at once: the wider", 5, 5, 7, 9, 5, 9 },
		{ "both at once, the other wider", 5, 5, 9, 7, 5, 9 },
		{ "earlier and narrower", 6, 5, 9, 7, 5, 7 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct run main =
		    run_at(RUN_DECOY, PLACE_LOW, rows[i].main * S, rows[i].main_width);
		struct run aside =
		    run_at(RUN_ASIDE, PLACE_LOW, rows[i].aside * S, rows[i].aside_width);
		struct walk w;
		walk_of(&main, &aside, 1, &w);
		if (!w.has_low || w.low != ZERO + rows[i].low * S ||
		    w.low_width != rows[i].width)
			fail_msg("%s: got %lld %u", rows[i].story,
				 (long long)(w.low - ZERO) / S, w.low_width);
		assert_int_equal(w.began, main.began);
	}
}

static void what_is_no_part_of_the_walk_is_passed_over(void **state)
{
	(void)state;
	struct run decoy = run_at(RUN_DECOY, PLACE_HIGH, 100 * S, 1);
	struct run real = run_at(RUN_REAL, PLACE_REAL, 100 * S, 1);
	const struct run touching[] = {
		lasting(run_at(RUN_LATE, PLACE_REAL, 10 * S, 1), 900),
		lasting(run_at(RUN_DECOY, PLACE_HIGH, 20 * S, 1), 900),
		lasting(run_at(RUN_DECOY, PLACE_LOW, 20 * S, 1), 900),
		run_at(RUN_ASIDE, PLACE_HIGH, 30 * S, 1),
	};
	struct walk w;
	walk_of(&decoy, touching, 4, &w);
	assert_false(w.has_real || w.has_low || w.has_next);
	assert_int_equal(w.high, decoy.began); /* no other walk's, and no knock */
	assert_int_equal(w.last, decoy.last);
	walk_of(&real, touching, 4, &w);
	assert_true(w.has_real && !w.has_high && !w.has_low);
	assert_int_equal(w.real, real.began);
	/* A real run is a walk of its own: another is no part of it. */
	struct run other = lasting(run_at(RUN_REAL, PLACE_REAL, 50 * S, 1), 500);
	walk_of(&real, &other, 1, &w);
	assert_int_equal(w.real, real.began);
	assert_int_equal(w.last, real.last);
	walk_of(&decoy, &other, 1, &w);
	assert_int_equal(w.real, other.began);
	assert_int_equal(w.last, other.last);
	struct run knock = lasting(run_at(RUN_ASIDE, PLACE_HIGH, 50 * S, 1), 500);
	walk_of(&decoy, &knock, 1, &w);
	assert_int_equal(w.last, knock.last);
}

static void the_first_of_two_real_runs_is_the_most_innocent(void **state)
{
	(void)state;
	struct run decoy = run_at(RUN_DECOY, PLACE_LOW, 100 * S, 1);
	struct run touching[] = { run_at(RUN_REAL, PLACE_REAL, 102 * S, 5),
				  run_at(RUN_REAL, PLACE_REAL, 103 * S, 9) };
	struct walk w;
	touching[0].answered = ZERO + 110 * S;
	touching[1].earlier = 4 * S;
	walk_of(&decoy, touching, 2, &w);
	assert_int_equal(w.real, ZERO + 102 * S);
	assert_int_equal(w.real_width, 5);
	assert_int_equal(w.real_earlier, 3 * S);
	assert_int_equal(w.real_answered, ZERO + 110 * S);
	assert_int_equal(w.next, w.real);
	assert_int_equal(w.next_earlier, 3 * S);
}

static void a_real_run_before_the_low_visit_is_over_open_or_the_next(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		int64_t began, last; /* microseconds from the low visit */
		uint32_t width;
		bool is_open, has_next;
	} rows[] = {
		{ "over before", -10, -1, 1, false, false },
		{ "over as the low visit came", -10, 0, 1, true, false },
		{ "open", -10, 50, 1, true, false },
		{ "its width ends as the low visit comes", -5, 50, 5, true, false },
		{ "it may have begun after", -4, 50, 5, false, true },
		{ "begun at once", 0, 50, 1, false, true },
		{ "begun after", 7, 50, 1, false, true },
	};
	struct run decoy = run_at(RUN_DECOY, PLACE_LOW, 100 * S, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct run real =
		    run_at(RUN_REAL, PLACE_REAL, 100 * S + rows[i].began, rows[i].width);
		struct walk w;
		real.last = decoy.began + rows[i].last;
		walk_of(&decoy, &real, 1, &w);
		if (w.is_real_open_at_low != rows[i].is_open ||
		    w.has_next != rows[i].has_next)
			fail_msg("%s: got %d %d", rows[i].story, w.is_real_open_at_low,
				 w.has_next);
	}
}

static void the_moment_of_a_walk(void **state)
{
	(void)state;
	struct run low = run_at(RUN_DECOY, PLACE_LOW, 0, 3);
	struct run high = run_at(RUN_DECOY, PLACE_HIGH, 5 * S, 3);
	struct run real = run_at(RUN_REAL, PLACE_REAL, 9 * S, 7);
	struct run knock = run_at(RUN_ASIDE, PLACE_LOW, 20 * S, 1);
	struct walk w;
	int64_t from, to;
	real.earlier = 2 * S;
	walk_of(&high, &real, 1, &w);
	assert_int_equal(walk_moment(&w, &from, &to), high.began + 2);
	assert_int_equal(from, high.began);
	assert_int_equal(to, high.began + 2);
	walk_of(&low, &real, 1, &w);
	assert_int_equal(walk_moment(&w, &from, &to), real.began + 6);
	assert_int_equal(from, real.began - 2 * S);
	assert_int_equal(to, real.began + 6);
	walk_of(&real, &knock, 1, &w); /* waits for the low visit, asks about R */
	assert_int_equal(walk_moment(&w, &from, &to), knock.began);
	assert_int_equal(to, real.began + 6);
	walk_of(&low, NULL, 0, &w);
	assert_int_equal(walk_moment(&w, &from, &to), low.began + 2);
	assert_int_equal(from, low.began);
}

static void early_is_what_no_proof_decides(void **state)
{
	(void)state;
	struct run high = run_at(RUN_DECOY, PLACE_HIGH, 0, 3);
	struct run low = run_at(RUN_DECOY, PLACE_LOW, 0, 3);
	struct run real = run_at(RUN_REAL, PLACE_REAL, 9 * S, 1);
	struct rules r = rules_default();
	struct view v = { .now = ZERO + S, .frontier = high.began + 1 + r.confirm };
	struct walk w;
	walk_of(&high, &real, 1, &w);
	assert_true(walk_is_early(&w, &v, &r));
	w.main.told.is_sealed = true;
	assert_false(walk_is_early(&w, &v, &r));
	walk_of(&low, &real, 1, &w); /* the contact is its moment */
	v.frontier += 9 * S - 2;
	assert_true(walk_is_early(&w, &v, &r));
	v.frontier++;
	assert_false(walk_is_early(&w, &v, &r));
	v.frontier = high.began + 2 + r.confirm;
	walk_of(&high, NULL, 0, &w);
	assert_false(walk_is_early(&w, &v, &r));
	v.frontier = VIEW_NEVER;
	v.now = high.began + r.final - 1;
	assert_true(walk_is_early(&w, &v, &r));
	v.now++;
	assert_false(walk_is_early(&w, &v, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(low_is_the_first_of_main_and_what_came_aside),
		cmocka_unit_test(what_is_no_part_of_the_walk_is_passed_over),
		cmocka_unit_test(the_first_of_two_real_runs_is_the_most_innocent),
		cmocka_unit_test(
		    a_real_run_before_the_low_visit_is_over_open_or_the_next),
		cmocka_unit_test(the_moment_of_a_walk),
		cmocka_unit_test(early_is_what_no_proof_decides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
