/* rehearse - the row; rehearse/run.c does the work. */
#include <stddef.h>

#include "cli/cli.h"
#include "cli/verbs.h"

static const struct option_row options[] = {
	{ .name = "senders",
	  .argument = "N",
	  .meaning = "How many senders there are, of all populations together; 300 "
		     "otherwise." },
	{ .name = "seed",
	  .argument = "S",
	  .meaning = "Number that all chance follows from; 1 otherwise." },
	{ .name = "layout",
	  .argument = "L",
	  .meaning = "none, high, low or both; both otherwise." },
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
	.synopsis = "[--senders N] [--seed S] [--layout L] [--html FILE] [--stay]",
	.summary =
	    "play the whole of it on this machine's loopback, with made-up senders",
	.help = "Starts fakemx-serve on loopback addresses with the decoys of the "
		"article, two\n"
		"real hosts that take all mail, and senders: mail programs that follow "
		"the rules\n"
		"of the real ones, and bots. All visits go over TCP and are seen as in "
		"earnest;\n"
		"days pass because the clock jumps while everybody waits. At the end the "
		"report\n"
		"is printed, and how each population fared. Nothing is changed on this "
		"machine,\n"
		"and no configuration is read.\n\n"
		"  fakemx rehearse\n"
		"  fakemx rehearse --layout high --senders 1000 --seed 7",
	.options = options,
};
