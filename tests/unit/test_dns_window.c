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

static void answers_let_it_grow_to_the_limit(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 4, 32);
	for (int round = 0; round < 4; round++) {
		unsigned before = w.size;
		fill(&w);
		while (w.open > 0)
			window_answered(&w, false);
		assert_int_equal(w.size, before * 2 > 32 ? 32 : before * 2);
	}
}

static void losses_of_one_window_halve_it_once(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 32, 64);
	fill(&w);
	while (w.open > 0)
		window_lost(&w);
	assert_int_equal(w.size, 16);
	fill(&w);
	window_lost(&w);
	assert_int_equal(w.size, 8);
}

static void it_never_falls_below_the_least(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 16, 16);
	for (int i = 0; i < 100; i++) {
		window_sent(&w);
		window_lost(&w);
	}
	assert_int_equal(w.size, WINDOW_MIN);
	assert_true(window_has_room(&w));
}

static void after_a_loss_it_grows_by_one_a_window(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 16, 64);
	window_sent(&w);
	window_lost(&w);
	assert_int_equal(w.size, 8);
	fill(&w);
	while (w.open > 0)
		window_answered(&w, false);
	assert_int_equal(w.size, 9);
}

static void an_answer_after_a_lost_try_counts_as_loss(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 16, 64);
	window_sent(&w);
	window_answered(&w, true);
	assert_int_equal(w.size, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_let_it_grow_to_the_limit),
		cmocka_unit_test(losses_of_one_window_halve_it_once),
		cmocka_unit_test(it_never_falls_below_the_least),
		cmocka_unit_test(after_a_loss_it_grows_by_one_a_window),
		cmocka_unit_test(an_answer_after_a_lost_try_counts_as_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
