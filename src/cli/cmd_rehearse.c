/* rehearse - the row; rehearse/run.c does the work. */
#include <stddef.h>

#include "cli/cli.h"
#include "cli/verbs.h"

static const struct option_row options[] = {
	{ .name = "senders",
	  .argument = "N",
	  .meaning = "How many senders there are, of all kinds together; 300 if not "
		     "given." },
	{ .name = "seed",
	  .argument = "S",
	  .meaning = "Where the random numbers begin: the same number gives the same "
		     "run; 1 if not given." },
	{ .name = "layout",
	  .argument = "L",
	  .meaning =
	      "Which decoys there are: none, high (tried last), low (tried first) or "
	      "both; high if not given." },
	{ .name = "low",
	  .argument = "POSTURE",
	  .meaning =
	      "What the decoy that is tried first does: closed (nothing listens) or "
	      "reset; closed if not given. Without --layout it means --layout both." },
	{ .name = "greylist",
	  .meaning = "The real hosts put off senders that they see for the first time." },
	{ .name = "outage",
	  .meaning = "The real hosts are down during the third of the three times that "
		     "senders come." },
	{ .name = "no-filter",
	  .meaning = "The real hosts have no spam filter whose log tells which of the "
		     "accepted mail was spam." },
	{ .name = "enforce",
	  .meaning =
	      "Run with mode = enforce, and say who was listed and whose mail the lists "
	      "would have scored." },
	{ .name = "html",
	  .argument = "FILE",
	  .meaning = "Write the report as one page with charts too." },
	{ .name = "stay",
	  .meaning = "Keep everything running and say how to look at it, until Ctrl-C." },
	{ 0 },
};

const struct verb verb_rehearse = {
	.name = "rehearse",
	.run = rehearse_run,
	.program = "fakemx-rehearse",
	.synopsis = "[--senders N] [--seed S] [--layout L] [--low POSTURE] [--greylist] "
		    "[--outage] [--no-filter] [--enforce] [--html FILE] [--stay]",
	.summary =
	    "play the whole of it on this machine's loopback, with made-up senders",
	.help = "Starts fakemx-serve on loopback addresses with the decoys of a "
		"layout, two\n"
		"real hosts with a spam filter, and senders: mail programs that follow "
		"the rules\n"
		"of the real ones, and bots. All visits go over TCP and are seen as in "
		"earnest;\n"
		"days pass because the clock jumps while everybody waits. At the end the "
		"report\n"
		"is printed, and how each population fared. Nothing is changed on this "
		"machine,\n"
		"and no configuration is read.\n\n"
		"  fakemx rehearse\n"
		"  fakemx rehearse --layout both --low reset --senders 1000 --seed 7",
	.options = options,
};
