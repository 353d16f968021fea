#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "judge/rule.h"

static void rules_read_back_from_their_text(void **state)
{
	(void)state;
	struct rules rules = rules_default(), back;
	struct buf text = BUF_INIT(4096), again = BUF_INIT(4096);
	rules.enforce = true;
	rules.patience = 5;
	rules.listing_most = 17;
	rules_text(&rules, &text);
	assert_int_equal(rules_parse(buf_text(&text), &back, NULL), 0);
	rules_text(&back, &again);
	assert_string_equal(buf_text(&text), buf_text(&again));
	assert_int_equal(back.listing_most, 17);
	static const char *const bad[] = {
		"enforce",       "enforce=2\n", "surprise=1\n",
		"patience=-1\n", "final=\n",    "listing_expires=999999999999\n",
		"confirm=1"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error e = { .text = "" };
		back.patience = 77;
		assert_int_equal(rules_parse(bad[i], &back, &e), FMX_EMALFORMED);
		assert_true(e.text[0] != '\0');
		assert_int_equal(back.patience, 77);
	}
	assert_int_equal(rules_parse("", &back, NULL), 0);
	assert_int_equal(back.patience, 4 * STAMP_HOUR);
	buf_release(&text);
	buf_release(&again);
}

static void each_word_has_its_text(void **state)
{
	(void)state;
	for (int r = REASON_NONE; r <= REASON_WITHDRAWN; r++)
		assert_true(reason_text((enum reason)r)[0] != '\0');
	for (int t = TIER_NONE; t < TIER_COUNT; t++)
		assert_non_null(tier_name((enum tier)t));
	assert_string_equal(order_name(ORDER_BACKDOOR), "backdoor");
	assert_string_equal(fate_name(FATE_STOPPED), "stopped");
	assert_string_equal(tier_name(TIER_RETURNING), "returning");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_read_back_from_their_text),
		cmocka_unit_test(each_word_has_its_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
