#include "dns/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void fill(struct window *w)
{
	while (window_has_room(w))
		window_sent(w);
}

static void lose(struct window *w, unsigned count)
{
	while (count-- > 0) {
		if (w->open == 0)
			window_sent(w);
		window_lost(w);
	}
}

static void answer(struct window *w, unsigned count)
{
	while (count-- > 0) {
		if (w->open == 0)
			window_sent(w);
		window_answered(w);
	}
}

static void answers_let_it_grow_to_the_limit(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 4, 32);
	for (int round = 0; round < 4; round++) {
		unsigned before = w.size;
		fill(&w);
		answer(&w, w.open);
		assert_int_equal(w.size, before * 2 > 32 ? 32 : before * 2);
	}
}

static void a_window_that_is_lost_starts_again_from_the_least(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 32, 64);
	fill(&w);
	lose(&w, 32);
	assert_int_equal(w.size, WINDOW_MIN);
	assert_int_equal(w.threshold, 16);
	/* Quickly up to half of what was too much, then slowly. */
	answer(&w, 14);
	assert_int_equal(w.size, 16);
	answer(&w, 15);
	assert_int_equal(w.size, 16);
	answer(&w, 1);
	assert_int_equal(w.size, 17);
}

static void losses_of_one_window_count_once(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 64, 64);
	fill(&w);
	lose(&w, 64);
	assert_int_equal(w.threshold, 32);
}

static void names_that_nobody_answers_for_do_not_slow_it(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 64, 64);
	for (int i = 0; i < 1000; i++) {
		lose(&w, 1);
		answer(&w, 19); /* one in twenty is lost */
	}
	assert_int_equal(w.size, 64);
}

static void it_never_falls_below_the_least(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 16, 16);
	lose(&w, 1000);
	assert_int_equal(w.size, WINDOW_MIN);
	assert_int_equal(w.threshold, WINDOW_MIN);
	assert_true(window_has_room(&w));
	answer(&w, 1000);
	assert_int_equal(w.size, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_let_it_grow_to_the_limit),
		cmocka_unit_test(a_window_that_is_lost_starts_again_from_the_least),
		cmocka_unit_test(losses_of_one_window_count_once),
		cmocka_unit_test(names_that_nobody_answers_for_do_not_slow_it),
		cmocka_unit_test(it_never_falls_below_the_least),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
