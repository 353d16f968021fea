/* off - the row; off_run.c does the work. */
#include <stddef.h>

#include "cli/cli.h"
#include "cli/verbs.h"

static const struct option_row options[] = {
	{ .name = "yes", .meaning = "Do it without asking." },
	{ 0 },
};

const struct verb verb_off = {
	.name = "off",
	.run = off_run,
	.program = "fakemx-net",
	.synopsis = "[--yes]",
	.summary = "the way out: lists emptied, the decoys taken out of the DNS",
	.help =
	    "Empties all lists and keeps them empty, puts off nobody's mail any more, "
	    "and undoes the\n"
	    "DNS change of every site: the zone file or dynamic update of its zone "
	    "section, or what\n"
	    "to type at its provider. Says by when the decoys are gone everywhere; until "
	    "then they\n"
	    "keep answering, so leave `fakemx serve` running. Needs neither serve nor "
	    "the "
	    "journal.\n"
	    "`fakemx apply` is the way in again.\n\n"
	    "  fakemx off --yes",
	.options = options,
};
