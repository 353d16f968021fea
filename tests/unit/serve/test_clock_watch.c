#include "serve/system/clock_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S STAMP_SECOND
#define NOON (1700000000 * S)
#define YEAR (365 * STAMP_DAY)

/* What the parts believe the time to be when the clock says so. */
static int64_t believed(const struct clock_watch *c, int64_t clock)
{
	return clock + *clock_watch_clock(c).offset_us;
}

static void a_clock_that_is_slewed_is_believed(void **state)
{
	(void)state;
	struct clock_watch *c = clock_watch_new(NOON, 0);
	for (int i = 1; i < 1000; i++) {
		assert_false(clock_watch_look(c, NOON + i * 11 * S / 10, i * S));
		assert_int_equal(believed(c, NOON), NOON);
	}
	clock_watch_free(c);
}

static void a_year_for_three_seconds_changes_nothing(void **state)
{
	(void)state;
	struct clock_watch *c = clock_watch_new(NOON, 0);
	assert_false(clock_watch_look(c, NOON + S, S));
	assert_true(clock_watch_look(c, NOON + YEAR + 2 * S, 2 * S));
	assert_true(clock_watch_is_held(c));
	assert_int_equal(clock_watch_jump(c), YEAR);
	assert_int_equal(believed(c, NOON + YEAR + 2 * S), NOON + 2 * S);
	assert_false(clock_watch_look(c, NOON + YEAR + 3 * S, 3 * S)); /* said once */
	assert_true(clock_watch_look(c, NOON + 5 * S, 5 * S));
	assert_false(clock_watch_is_held(c));
	assert_int_equal(believed(c, NOON + 5 * S), NOON + 5 * S);
	clock_watch_free(c);
}

static void a_clock_that_was_set_is_believed_after_ten_minutes(void **state)
{
	(void)state;
	struct clock_watch *c = clock_watch_new(NOON, 0);
	int64_t back = NOON - STAMP_HOUR;
	assert_true(clock_watch_look(c, back + S, S));
	assert_int_equal(clock_watch_jump(c), -STAMP_HOUR);
	for (int i = 2; i <= 600; i++)
		assert_false(clock_watch_look(c, back + i * S, i * S));
	assert_int_equal(believed(c, back + 600 * S), NOON + 600 * S);
	assert_true(clock_watch_look(c, back + 601 * S, 601 * S));
	assert_false(clock_watch_is_held(c));
	assert_int_equal(believed(c, back + 601 * S), back + 601 * S);
	clock_watch_free(c);
}

static void one_that_goes_on_jumping_is_not(void **state)
{
	(void)state;
	struct clock_watch *c = clock_watch_new(NOON, 0);
	for (int i = 1; i <= 3600; i++)
		(void)clock_watch_look(c, NOON + (i / 300 + 1) * STAMP_HOUR + i * S,
				       i * S);
	assert_true(clock_watch_is_held(c));
	assert_int_equal(believed(c, NOON + 13 * STAMP_HOUR + 3600 * S), NOON + 3600 * S);
	clock_watch_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_is_slewed_is_believed),
		cmocka_unit_test(a_year_for_three_seconds_changes_nothing),
		cmocka_unit_test(a_clock_that_was_set_is_believed_after_ten_minutes),
		cmocka_unit_test(one_that_goes_on_jumping_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
