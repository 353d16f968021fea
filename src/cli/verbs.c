/* The table of verbs, in the order in which help lists them. */
#include "cli/verbs.h"

#include <stddef.h>

#include "cli/cli.h"

/* clang-format off */
static const struct verb *const verbs[] = {
	&verb_setup,
	&verb_check,
	&verb_plan,
	&verb_apply,
	&verb_revert,
	&verb_predict,
	&verb_rehearse,
	&verb_serve,
	&verb_report,
	&verb_visits,
	&verb_feed,
	&verb_explain,
	&verb_list,
	&verb_publish,
	&verb_off,
	&verb_web,
	&verb_allow,
	&verb_forget,
	&verb_journal,
	NULL,
};
/* clang-format on */

const struct verb *const *verbs_all(void)
{
	return verbs;
}
