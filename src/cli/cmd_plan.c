/* plan - the row; plan_run.c does the work. */
#include "cli/cli.h"
#include "cli/domain_run.h"
#include "cli/verbs.h"
#include "cli/zone_work.h"

static const struct option_row options[] = {
	ZONE_WORK_OPTIONS, ZONE_WANT_OPTIONS, DOMAIN_OPTIONS,
	CHANGE_OPTIONS,    WAIT_OPTION,       { 0 },
};

const struct verb verb_plan = {
	.name = "plan",
	.run = plan_run,
	.program = "fakemx-net",
	.synopsis =
	    "DOMAIN... | --from FILE | --zone FILE [--origin NAME] [--layout LAYOUT] "
	    "--decoy NAME=ADDRESS",
	.summary = "the DNS change: shown, with what it means; nothing is written",
	.help =
	    "Shows what would change so that a domain's MX records have the wanted "
	    "layout, "
	    "what\n"
	    "is worth knowing about it, and what ten mail programs would do. Of a DOMAIN "
	    "each\n"
	    "name server is asked, and what to type at its provider is printed; said "
	    "again\n"
	    "afterwards, it tells whether that is done. Of a zone file the change of its "
	    "text is\n"
	    "shown. Exit code 2: something is to change; 0: all is as wanted.\n"
	    "With a configuration, its sites say what is wanted, and its `zone` sections "
	    "which files.\n\n"
	    "  fakemx plan example.com --decoy fake1.mx.example.com=192.0.2.30\n"
	    "  fakemx plan --zone /etc/bind/db.example.com --origin example.com \\\n"
	    "         --decoy fake1.mx.example.com=192.0.2.30",
	.least = 0,
	.most = CLI_ANY,
	.options = options,
	.passed_over = " yes max-change sample wait ",
};
