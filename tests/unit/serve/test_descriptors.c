#include "serve/system/descriptors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A site with two real hosts and a decoy; its reserve is 64 + 3 * 5 + 3 * 2 + 1. */
static const struct descriptors_want site = {
	.connections = 10000, .hosts = 3, .addresses = 3, .sockets = 1
};
enum { RESERVE = 86 };

static void what_is_wanted_is_given_where_the_limit_allows_it(void **state)
{
	(void)state;
	struct descriptors d;
	struct error e;
	assert_int_equal(descriptors_share(65536, &site, &d, &e), 0);
	assert_int_equal(d.reserve, RESERVE);
	assert_int_equal(d.connections, 10000);
	assert_int_equal(d.linger, 1024);
	assert_int_equal(d.policy, 1024);
}

static void a_small_limit_is_shared_and_never_exceeded(void **state)
{
	(void)state;
	struct descriptors d;
	struct error e;
	for (uint64_t limit = RESERVE + DESCRIPTORS_LEAST; limit < 20000; limit++) {
		assert_int_equal(descriptors_share(limit, &site, &d, &e), 0);
		uint64_t all = (uint64_t)d.reserve + d.connections + d.linger + d.policy;
		assert_true(all <= limit);
		assert_true(d.connections >= 16 && d.linger >= 8 && d.policy >= 16);
	}
}

static void without_postfix_nothing_is_kept_for_it(void **state)
{
	(void)state;
	struct descriptors_want none = site;
	struct descriptors d;
	struct error e;
	none.sockets = 0;
	assert_int_equal(descriptors_share(1024, &none, &d, &e), 0);
	assert_int_equal(d.policy, 0);
}

static void too_few_are_a_sentence(void **state)
{
	(void)state;
	struct descriptors d;
	struct error e;
	assert_int_equal(descriptors_share(8, &site, &d, &e), -EMFILE);
	assert_string_equal(
	    e.text, "this process may open 8 files at once, and serve needs 150 "
		    "for this configuration; raise the limit (LimitNOFILE= in the "
		    "unit, ulimit -n in a shell)");
	assert_int_equal(descriptors_share(149, &site, &d, &e), -EMFILE);
	assert_int_equal(descriptors_share(150, &site, &d, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wanted_is_given_where_the_limit_allows_it),
		cmocka_unit_test(a_small_limit_is_shared_and_never_exceeded),
		cmocka_unit_test(without_postfix_nothing_is_kept_for_it),
		cmocka_unit_test(too_few_are_a_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
