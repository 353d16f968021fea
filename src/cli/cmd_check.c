/* check - the row; check_run.c does the work. */
#include "cli/cli.h"
#include "cli/verbs.h"

static const struct option_row options[] = {
	{ .name = "decoy",
	  .may_repeat = true,
	  .argument = "NAME",
	  .meaning = "This MX host is a decoy, whatever it looks like." },
	{ .name = "from",
	  .argument = "FILE",
	  .meaning =
	      "Read domains from a file, or from stdin with -; print one JSON object per "
	      "line as they complete." },
	{ .name = "resolver",
	  .argument = "ADDR[@PORT]",
	  .meaning = "Ask this recursive server instead of the system's." },
	{ .name = "port", .argument = "N", .meaning = "Probe this port instead of 25." },
	{ .name = "no-probe",
	  .meaning = "Look at the DNS alone; connect to no mail host." },
	{ .name = "vantage-check",
	  .meaning =
	      "First find out whether port 25 is open from here, at mail hosts of large "
	      "providers." },
	{ 0 },
};

const struct verb verb_check = {
	.name = "check",
	.run = check_run,
	.program = "fakemx-net",
	.synopsis = "[--decoy NAME]... [--no-probe] DOMAIN... | --from FILE",
	.summary =
	    "what the world sees of a domain's mail, with findings and predictions",
	.help =
	    "Looks up the MX hosts, connects to port 25 of each address (EHLO and QUIT,\n"
	    "never a mail command), asks every name server, reads SPF, MTA-STS and "
	    "TLSA,\n"
	    "and tells an intended Fake MX from a broken one. A host is a decoy if\n"
	    "declared (--decoy, or the configuration), or if it is first or last alone\n"
	    "while another host is open, and called like one (fake1.mx.example.com), or\n"
	    "last and not open.\n\n"
	    "  fakemx check example.com\n"
	    "  fakemx check --json --no-probe --from domains.txt >results.jsonl",
	.least = 0,
	.most = CLI_ANY,
	.options = options,
};
