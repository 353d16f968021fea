/* publish - the row; publish_run.c does the work. */
#include <stddef.h>

#include "cli/cli.h"
#include "cli/verbs.h"

static const struct option_row options[] = {
	{ .name = "follow",
	  .meaning =
	      "Stay, and renew them every ten seconds, as fakemx-publish.service does." },
	{ .name = "empty",
	  .meaning = "Empty them, without looking at the journal; with --stale only if "
		     "nobody has published for that long." },
	{ .name = "stale",
	  .argument = "DURATION",
	  .meaning = "Empty them when serve has written nothing to the journal for this "
		     "long; 15m if not given." },
	{ 0 },
};

const struct verb verb_publish = {
	.name = "publish",
	.run = publish_run,
	.program = "fakemx-net",
	.synopsis = "[--follow | --empty] [--stale DURATION]",
	.summary = "keep the lists of the configuration's publish sections fresh",
	.help =
	    "Files are replaced as a whole, and only when their content changed; the "
	    "zone of a\n"
	    "DNSBL gets the differences by dynamic update. When the journal is gone or "
	    "stale, in\n"
	    "mode = observe and after `fakemx off`, all lists are emptied: other "
	    "software must not\n"
	    "act on what nobody looks after.\n\n"
	    "  fakemx publish\n"
	    "  systemctl enable --now fakemx-publish fakemx-publish-stale.timer",
	.options = options,
};
