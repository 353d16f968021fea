/* apply and revert - the rows; apply_run.c does the work. */
#include "cli/cli.h"
#include "cli/domain_run.h"
#include "cli/verbs.h"
#include "cli/zone_work.h"

static const struct option_row apply_options[] = {
	ZONE_WORK_OPTIONS, ZONE_WANT_OPTIONS, CHANGE_OPTIONS, WAIT_OPTION, { 0 },
};

/* What apply took, revert takes too. */
static const struct option_row revert_options[] = {
	ZONE_WORK_OPTIONS, ZONE_WANT_OPTIONS, DOMAIN_OPTIONS,
	CHANGE_OPTIONS,    WAIT_OPTION,       { 0 },
};

const struct verb verb_apply = {
	.name = "apply",
	.run = apply_run,
	.program = "fakemx-net",
	.synopsis =
	    "--zone FILE [--origin NAME] [--layout LAYOUT] --decoy NAME=ADDRESS [--yes]",
	.summary = "the DNS change: planned, proven equal but for the plan, and written",
	.help = "Plans as `plan` does, asks, and writes. Every byte of a zone file stays "
		"but for\n"
		"the plan and the SOA serial; the record set is proven to be the old one "
		"plus the\n"
		"plan before the file is replaced; the former version is kept for "
		"`revert`. Can be\n"
		"stopped and run again at any time.\n\n"
		"  fakemx apply --zone /etc/bind/db.example.com --origin example.com \\\n"
		"         --layout high --decoy fake1.mx.example.com=192.0.2.30 --yes",
	.least = 0,
	.most = CLI_ANY, /* none, but apply_run says better why */
	.options = apply_options,
	.passed_over = " wait ",
};

const struct verb verb_revert = {
	.name = "revert",
	.run = revert_run,
	.program = "fakemx-net",
	.synopsis = "DOMAIN... [--decoy NAME] | --zone FILE [--origin NAME] [--yes]",
	.summary = "undo what apply did; the serial moves on, never back",
	.help =
	    "Gives a zone file that nobody changed since its former bytes back, all but "
	    "the\n"
	    "serial, which goes on counting so that no secondary keeps the decoy. In a "
	    "file\n"
	    "that was changed since, what apply did is taken back where it is still "
	    "there, and\n"
	    "what stays is said. Of a DOMAIN the name servers are asked, and what to "
	    "take out at its provider is printed: first the MX "
	    "records,\n"
	    "then the decoys' addresses; exit code 2 while something is left to do.\n\n"
	    "  fakemx revert example.com --decoy fake1.mx.example.com\n"
	    "  fakemx revert --zone /etc/bind/db.example.com --origin example.com --yes",
	.least = 0,
	.most = CLI_ANY,
	.options = revert_options,
	.passed_over = " layout ttl online renumber max-change sample ",
};
