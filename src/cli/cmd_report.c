/* report - what the decoys did: good mail first, then stopped senders. */
#include "cli/archive.h"
#include "cli/estimate_log.h"
#include "cli/verbs.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

static int print(const struct cli *c, const struct report *r)
{
	const char *page = cli_option(c, "html");
	int code = page ? archive_write_page(c, r, page) : CLI_DONE;
	if (code == CLI_DONE && c->json)
		archive_print_json(report_json(r));
	if (page || c->json)
		return code;
	struct buf b = BUF_INIT(TEXT_MAX);
	struct text_style style = archive_style();
	report_text(r, &style, &b);
	archive_print(&b);
	return CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	struct report r;
	struct error e;

	int code = archive_check_page(c);
	if (code != CLI_DONE)
		return code;
	if (cli_option(c, "maillog"))
		return estimate_log_run(c, argc, argv);
	if (argc > 0)
		return cli_usage(c, "'%s': report takes files after --maillog only",
				 argv[0]);
	code = archive_open_period(&a, c);
	if (code)
		return code;
	a.span.half = a.config.half;
	if (report_make(a.ask, &a.span, &r, &e) != 0) {
		code = cli_fail(c, &e);
	} else {
		if (cli_option(c, "anonymous"))
			report_anonymize(&r);
		code = print(c, &r);
		report_release(&r);
	}
	archive_close(&a);
	return code;
}

static const struct option_row options[] = {
	ARCHIVE_SINCE,
	ARCHIVE_UNTIL,
	ARCHIVE_HTML,
	{ .name = "anonymous",
	  .meaning = "Without any address, name or domain: a report to show others "
		     "(docs/evidence.md)." },
	{ .name = "maillog",
	  .may_repeat = true,
	  .argument = "[HOST=]FILE",
	  .meaning =
	      "Before any DNS change: estimate from this log of a real host what a "
	      "Fake MX would stop; more may follow, best MX first." },
	{ 0 },
};

const struct verb verb_report = {
	.name = "report",
	.run = run,
	.synopsis = "[--since TIME] [--until TIME] [--html FILE] [--anonymous] "
		    "[--maillog [HOST=]FILE...]",
	.summary = "what the decoys did: good mail first, then stopped senders",
	.help =
	    "Good mail first: which known sender or message may be lost, and how late "
	    "the others\ncame; then how much of the spam was stopped. Each sender counts "
	    "once, by its latest\nwalk in the period. A stopped one tried decoys only "
	    "and "
	    "did not come back for five days;\none that may have been good is shown as "
	    "at "
	    "risk and counted nowhere else.\n\n"
	    "  fakemx report --since 7d\n"
	    "  fakemx report --since 30d --html /var/www/fakemx/report.html\n"
	    "  fakemx report --json --since 2026-11-01 --until 2026-12-01\n\n"
	    "Before any DNS change, --maillog estimates from the logs of the real "
	    "hosts what each\nlayout would stop, as a range with its assumptions, and "
	    "names known good senders\nthat do not retry.\n\n"
	    "  fakemx report --maillog /var/log/mail.log*\n"
	    "  fakemx report --maillog mx1.example.com=mx1.log "
	    "mx2.example.com=mx2.log",
	.most = CLI_ANY,
	.options = options,
};
