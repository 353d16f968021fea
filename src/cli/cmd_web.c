/* web - the row; web_run.c does the work. */
#include "cli/cli.h"
#include "cli/verbs.h"

const struct verb verb_web = {
	.name = "web",
	.run = web_run,
	.program = "fakemx-web",
	.synopsis = "",
	.summary = "the report as a live page, with metrics and lists",
	.help =
	    "Answers HTTP where the configuration's web section says, 127.0.0.1:8025\n"
	    "without one, until it is ended. It only reads the journal, and asks nobody "
	    "for a\npassword: for others than this machine put a proxy in front of it "
	    "that "
	    "does.\n\n"
	    "  /                the report; a period can be chosen, a sender searched\n"
	    "  /site/NAME       the report of one site\n"
	    "  /sender/ADDRESS  one sender, as explain has it\n"
	    "  /list/FORMAT     the listed senders, for rspamd's http maps and others\n"
	    "  /metrics         for Prometheus: what serve counts\n"
	    "  /healthz         200, or 503 with what is wrong\n\n"
	    "  fakemx web",
};
