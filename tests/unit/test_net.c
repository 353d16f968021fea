/* In fakemx a verb may lack the function that does its work (cli/verbs.h); in
 * fakemx-net, which is executed then, none may. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_verb_can_be_run_in_fakemx_net(void **state)
{
	(void)state;
	for (const struct verb *const *v = cli_verbs(); *v; v++)
		if (!(*v)->run)
			fail_msg("%s has no function", (*v)->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_can_be_run_in_fakemx_net),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
