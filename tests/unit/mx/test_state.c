#include "mx/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void each_state_reads_back_from_its_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STATE_COUNT; i++) {
		enum state got;
		assert_true(state_parse(state_name((enum state)i), &got));
		assert_int_equal(got, i);
	}
}

static void a_word_that_is_no_state_is_refused(void **state)
{
	(void)state;
	static const char *const words[] = { "", "Open", "clos", "closedx", "tarpit" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		enum state got = STATE_SILENT;
		assert_false(state_parse(words[i], &got));
		assert_int_equal(got, STATE_SILENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_reads_back_from_its_name),
		cmocka_unit_test(a_word_that_is_no_state_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
