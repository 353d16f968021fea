/* What is remembered of clients, and what goes first. */
#include "source/name/names_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct addr nth(unsigned i)
{
	struct addr a;
	assert_true(addr_parse("10.64.0.0", &a));
	a.bytes[13] = (uint8_t)(64 + (i >> 16));
	a.bytes[14] = (uint8_t)(i >> 8);
	a.bytes[15] = (uint8_t)i;
	return a;
}

static void the_longest_known_goes_first(void **state)
{
	(void)state;
	struct names_cache *c = names_cache_new(3);
	struct record_name got;
	for (unsigned i = 0; i < 3; i++)
		names_cache_learnt(c,
				   &(struct record_name){ .client = nth(i),
							  .is_confirmed = true,
							  .name = "a.b.example",
							  .domain = "b.example" },
				   1000);
	names_cache_failed(c, nth(0), 50); /* written again: now the newest */
	names_cache_asking(c, nth(3));
	assert_int_equal(names_cache_count(c), 3);
	assert_false(names_cache_get(c, nth(1), 0, &got));
	assert_false(names_cache_get(c, nth(3), 0, &got)); /* asked, nothing known */
	assert_true(names_cache_get(c, nth(0), 0, &got));
	assert_string_equal(got.name, "a.b.example");
	assert_string_equal(got.domain, "b.example");
	assert_true(got.is_confirmed);
	assert_false(names_cache_is_due(c, nth(0), 49));
	assert_true(names_cache_is_due(c, nth(0), 50));
	assert_false(names_cache_is_due(c, nth(3), STAMP_NEVER - 1));
	assert_true(names_cache_is_due(c, nth(1), 0));
	names_cache_forget(c, "b.example");
	assert_int_equal(names_cache_count(c), 1);
	names_cache_free(c);
}

static void a_pass_and_a_name_go_each_by_itself(void **state)
{
	(void)state;
	struct names_cache *c = names_cache_new(3);
	struct record_name got;
	names_cache_passed(c, nth(0), 100);
	assert_true(names_cache_get(c, nth(0), 99, &got));
	assert_true(got.spf_passes);
	assert_string_equal(got.name, "");
	assert_true(names_cache_is_due(c, nth(0), 0)); /* its name is not known */
	names_cache_learnt(
	    c,
	    &(struct record_name){ .client = nth(0), .name = "a.example", .domain = "" },
	    200);
	assert_true(names_cache_get(c, nth(0), 99, &got));
	assert_true(got.spf_passes);
	assert_true(names_cache_get(c, nth(0), 100, &got));
	assert_false(got.spf_passes);
	assert_string_equal(got.name, "a.example");
	names_cache_passed(c, nth(1), 100);
	assert_false(names_cache_get(c, nth(1), 100, &got));
	names_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_known_goes_first),
		cmocka_unit_test(a_pass_and_a_name_go_each_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
