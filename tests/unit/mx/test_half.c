#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mx/half.h"

/* An experiment that was begun must find its half again, whatever the version:
 * these never change. */
static void a_seed_gives_the_same_half_for_ever(void **state)
{
	(void)state;
	static const struct {
		const char *seed, *domain;
		bool want;
	} rows[] = { { "autumn", "example.com", true },
		     { "autumn", "example.net", false },
		     { "autumn", "example.org", false },
		     { "autumn", "xn--bcher-kva.example", true },
		     { "spring", "example.com", false },
		     { "spring", "example.net", true },
		     { "spring", "example.org", false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct half h;
		half_init(&h, rows[i].seed);
		if (half_has(&h, rows[i].domain) != rows[i].want)
			fail_msg("%s, %s: got %d, want %d", rows[i].seed, rows[i].domain,
				 !rows[i].want, rows[i].want);
	}
}

static unsigned count_half(const char *seed, const char *other, unsigned *ret_both)
{
	struct half h, o;
	unsigned in = 0;
	half_init(&h, seed);
	half_init(&o, other);
	*ret_both = 0;
	for (unsigned i = 0; i < 10000; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "d%u.example", i);
		in += half_has(&h, name);
		*ret_both += half_has(&h, name) && half_has(&o, name);
	}
	return in;
}

/* Five standard deviations of 10,000 throws of a coin are 250; of the quarter 217. */
static void it_is_half_of_many_and_no_other_seeds_half(void **state)
{
	(void)state;
	static const char *const seeds[] = { "1", "2", "autumn",
					     "a longer word, says one" };
	for (size_t i = 0; i < 4; i++) {
		unsigned both, in = count_half(seeds[i], "another", &both);
		assert_in_range(in, 4750, 5250);
		assert_in_range(both, 2283, 2717);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_gives_the_same_half_for_ever),
		cmocka_unit_test(it_is_half_of_many_and_no_other_seeds_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
