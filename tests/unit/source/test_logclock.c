#include "source/logclock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define S STAMP_SECOND
#define T0 (INT64_C(1795446000) * S)

/* Lines that arrive each second from..to, each `held` after it was written by a
 * clock that is `off`, in whole seconds if so wanted. */
static void lines(struct logclock *c, int from, int to, int64_t off, int64_t held,
		  uint32_t precision)
{
	for (int i = from; i < to; i++) {
		int64_t now = T0 + i * S + 123456, stamp = now - held + off;
		logclock_line(c, stamp - stamp % precision, precision, now);
	}
}

static void clocks_that_agree_show_nothing(void **state)
{
	(void)state;
	struct logclock c = { 0 };
	lines(&c, 0, 200, 0, S / 4, S);
	assert_true(c.offset == 0);
	lines(&c, 200, 400, 19 * S / 10, S / 10, 1);
	assert_true(c.offset == 0);
	lines(&c, 400, 600, -19 * S / 10, S / 10, 1);
	assert_true(c.offset == 0);
}

static void a_clock_ahead_is_known_by_the_first_line(void **state)
{
	(void)state;
	struct logclock c = { 0 };
	lines(&c, 0, 1, 300 * S, S / 4, S);
	assert_true(c.offset > 298 * S && c.offset <= 300 * S);
	lines(&c, 1, 200, 300 * S, S / 4, S);
	assert_true(c.offset > 298 * S && c.offset <= 300 * S);
}

static void a_clock_behind_takes_a_minute_of_lines(void **state)
{
	(void)state;
	struct logclock c = { 0 };
	lines(&c, 0, 59, -30 * S, S / 4, S);
	assert_true(c.offset == 0);
	lines(&c, 59, 62, -30 * S, S / 4, S);
	assert_true(c.offset < -29 * S && c.offset > -31 * S);
}

static void lines_that_were_held_up_are_no_clock(void **state)
{
	(void)state;
	struct logclock c = { 0 };
	lines(&c, 0, 50, 0, 40 * S, 1);
	lines(&c, 50, 51, 0, S / 4, 1);
	assert_true(c.offset == 0);
	/* two after a night's silence are not a minute of them */
	lines(&c, 40000, 40002, 0, 40 * S, 1);
	lines(&c, 40100, 40101, 0, S / 4, 1);
	assert_true(c.offset == 0);
}

static void a_clock_that_was_set_right_is_right_again(void **state)
{
	(void)state;
	struct logclock c = { 0 };
	lines(&c, 0, 200, 10 * S, 0, 1);
	assert_true(c.offset == 10 * S);
	lines(&c, 200, 330, 0, S / 4, 1);
	assert_true(c.offset == 0);
	lines(&c, 330, 500, -10 * S, 0, 1);
	assert_true(c.offset < -9 * S);
	lines(&c, 500, 630, 0, S / 4, 1);
	assert_true(c.offset == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_that_agree_show_nothing),
		cmocka_unit_test(a_clock_ahead_is_known_by_the_first_line),
		cmocka_unit_test(a_clock_behind_takes_a_minute_of_lines),
		cmocka_unit_test(lines_that_were_held_up_are_no_clock),
		cmocka_unit_test(a_clock_that_was_set_right_is_right_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
