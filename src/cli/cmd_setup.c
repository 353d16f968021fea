/* setup - the row; setup/setup_run.c does the work. */
#include "cli/cli.h"
#include "cli/verbs.h"

static const struct option_row options[] = {
	{ .name = "yes",
	  .meaning = "Ask nothing: take the options, and what was found for the rest. "
		     "Needed where standard input is no terminal." },
	{ .name = "decoy",
	  .argument = "NAME=ADDRESS[,ADDRESS]",
	  .meaning = "The high decoy (tried last). Without it the configuration only "
		     "watches: layout = none." },
	{ .name = "elsewhere",
	  .meaning = "The decoy stands on another machine, which runs fakemx too and "
		     "sends its visits here." },
	{ .name = "closed",
	  .meaning = "Nothing answers at the decoy: an address of yours without a mail "
		     "server. Only who knocks can be seen, never who was stopped." },
	{ .name = "log",
	  .argument = "WHERE",
	  .meaning = "The mail log of this machine's mail server: a path, journal, or "
		     "\"journal:MATCH\"." },
	{ .name = "conf",
	  .argument = "FILE",
	  .meaning = "Write the configuration here; -c says the same." },
	{ .name = "print",
	  .meaning = "Print the configuration on standard output and write no file." },
	{ .name = "resolver",
	  .argument = "ADDR[@PORT]",
	  .meaning = "Ask this recursive server instead of the system's." },
	{ 0 },
};

const struct verb verb_setup = {
	.name = "setup",
	.run = setup_run,
	.program = "fakemx-net",
	.synopsis = "[--decoy NAME=ADDRESS [--elsewhere | --closed]] [--log WHERE] "
		    "[--conf FILE | --print] [--yes] [DOMAIN]",
	.summary = "write a first configuration, from a few questions and from what it "
		   "finds",
	.help =
	    "Looks up the domain's MX hosts, finds out which of them is this machine,\n"
	    "which of its addresses are free and where its mail log is, asks what is\n"
	    "left, writes the configuration, checks it, and says the next step. It "
	    "never\n"
	    "touches the DNS, and never replaces a configuration that is there without\n"
	    "asking.\n\n"
	    "Exit code 0: written, and nothing stands in the way; 2: written, and\n"
	    "something is left to do first, which is said, or you answered no and "
	    "nothing\n"
	    "was written; 1: not written (no such domain, no MX record, a file that is\n"
	    "there and nobody to ask); 3: not written, because it would endanger mail "
	    "(its\n"
	    "mail is at a provider; the decoy's address is a mail server's); 64: "
	    "something\n"
	    "has to be said by an option.\n\n"
	    "  fakemx setup example.com\n"
	    "  fakemx setup --yes --decoy fake1.mx.example.com=198.51.100.30 example.com",
	.least = 0,
	.most = 1,
	.options = options,
};
