/* In fakemx a verb may lack the function that does its work (cli/verbs.h); in
 * the program that its row names, none may. */
#include "cli/cli.h"
#include "cli/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_verb_can_be_run_in_fakemx_net(void **state)
{
	(void)state;
	for (const struct verb *const *v = verbs_all(); *v; v++)
		if (!(*v)->run && strcmp((*v)->program, "fakemx-net") == 0)
			fail_msg("%s has no function", (*v)->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_can_be_run_in_fakemx_net),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
