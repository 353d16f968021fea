/* plan - the row; plan_run.c does the work. */
#include "cli/cli.h"
#include "cli/verbs.h"
#include "cli/zone_work.h"

static const struct option_row options[] = {
	ZONE_WORK_OPTIONS,
	ZONE_WANT_OPTIONS,
	{ .name = "format",
	  .argument = "nsupdate|knotc",
	  .meaning = "Print commands for a DNS that is changed elsewhere." },
	{ 0 },
};

const struct verb verb_plan = {
	.name = "plan",
	.run = plan_run,
	.program = "fakemx-net",
	.synopsis = "--zone FILE [--origin NAME] --layout LAYOUT [--decoy NAME=ADDRESS]",
	.summary = "the DNS change: shown, with what it means; nothing is written",
	.help = "Shows what would change in zone files so that their MX records have the "
		"wanted\n"
		"layout, what is worth knowing about it, and what ten mail programs "
		"would do.\n"
		"Idempotent: of a zone that is as wanted nothing changes, and the exit "
		"code is 0.\n"
		"With a configuration, the `zone` sections say which files.\n\n"
		"  fakemx plan --zone /etc/bind/db.example.com --origin example.com \\\n"
		"         --layout high --decoy fake1.mx.example.com=192.0.2.30",
	.options = options,
};
