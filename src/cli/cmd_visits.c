/* visits - the visits, one JSON object a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "cli/visits_log.h"
#include "mx/host_name.h"
#include "outlet/visits.h"

enum { POLL_US = 200000, LINE_MAX_BYTES = 64 * 1024 };

struct printing {
	const struct cli *c;
	struct archive archive;
	struct ask_visits which;
	struct buf line;
};

static void print_line(struct buf *line)
{
	buf_adds(line, "\n");
	(void)fwrite(buf_text(line), 1, line->len, stdout); /* asked by is_broken() */
	buf_clear(line);
}

/* Nobody reads on, or the disk is full: main() says so. */
static bool is_broken(void)
{
	return ferror(stdout) != 0;
}

enum { STOP = 1 };

static int on_visit(void *arg, const struct ask_visit *v)
{
	struct printing *p = arg;
	struct visits_host host;
	p->which.after = v->id;
	visits_line(&v->visit,
		    visits_host_of(ask_sites(p->archive.ask), v->visit.host, &host),
		    v->seen, &p->line);
	print_line(&p->line);
	return is_broken() ? STOP : 0;
}

/* A new view of the journal: a host may have been defined since. */
static int ask_again(struct printing *p, struct error *e)
{
	ask_close(p->archive.ask);
	p->archive.ask = NULL;
	int rc = ask_open(p->archive.db, p->archive.now, &p->archive.ask, e);
	return rc == 0 ? ask_visits(p->archive.ask, &p->which, on_visit, p, e) : rc;
}

/* Asks again and again: a commit is at most a second apart, and asking costs
 * a few rows. */
static int follow(struct printing *p, struct error *e)
{
	int rc = 0;
	while (rc == 0 && fflush(stdout) == 0) {
		(void)usleep(POLL_US);
		rc = ask_again(p, e);
	}
	return rc;
}

/* CLI_DONE, or what was said of a host that is not there. */
static int find_host(struct printing *p)
{
	const char *name = cli_option(p->c, "host");
	const struct sites *s = ask_sites(p->archive.ask);
	for (size_t i = 0; name && i < s->host_count; i++) {
		const struct host *h = sites_host_of(s, s->hosts[i].host);
		if (h && strcasecmp(h->name, name) == 0) {
			p->which.host = h->id;
			return CLI_DONE;
		}
	}
	return name ? cli_usage(p->c, "the journal knows no host '%s'", name) : CLI_DONE;
}

static int print_visits(struct printing *p)
{
	struct error e;
	int rc = ask_visits(p->archive.ask, &p->which, on_visit, p, &e);
	if (rc == 0 && cli_flag(p->c, "follow"))
		rc = follow(p, &e);
	return rc < 0 ? cli_fail(p->c, &e) : CLI_DONE;
}

static int from_journal(const struct cli *c)
{
	struct printing p = { .c = c, .line = BUF_INIT(LINE_MAX_BYTES) };
	int code = archive_open_period(&p.archive, c);
	if (code)
		return code;
	code = find_host(&p);
	if (code == CLI_DONE) {
		p.which.since = p.archive.span.since;
		p.which.until = p.archive.span.until;
		code = print_visits(&p);
		buf_release(&p.line);
	}
	archive_close(&p.archive);
	return code;
}

static int check_logs(const struct cli *c, const struct visits_log *v)
{
	bool follows = cli_flag(c, "follow");
	char name[NAME_MAX_TEXT];
	const char *host = cli_option(c, "host");
	if (host && host_name_read(host, name, sizeof(name)) == 0)
		return cli_usage(c, "--host is the name of a host, not '%s'", host);
	if (follows && v->file_count != 1)
		return cli_usage(c, "--follow takes one --maillog");
	if (follows && v->why)
		return cli_usage(c, "--why reads logs to their end, without --follow");
	if (follows && cli_option(c, "until"))
		return cli_usage(c, "--follow of a mail log takes no --until");
	return visits_log_check_stamps(c, v);
}

/* The files of all --maillog, then the arguments. */
static int from_logs(const struct cli *c, int argc, char **argv)
{
	char name[NAME_MAX_TEXT] = "";
	struct visits_log v = { .host = cli_option(c, "host"),
				.stamps = cli_option(c, "stamps"),
				.filter = cli_option(c, "filter"),
				.why = cli_flag(c, "why") };
	v.files = xcalloc((size_t)argc + CLI_MAX_GIVEN, sizeof(*v.files));
	for (const char *file; (file = cli_option_at(c, "maillog", v.file_count));)
		v.files[v.file_count++] = (char *)(uintptr_t)file;
	for (int i = 0; i < argc; i++)
		v.files[v.file_count++] = argv[i];
	if (!v.host && gethostname(name, sizeof(name) - 1) == 0)
		v.host = name;

	int code = check_logs(c, &v);
	if (code == CLI_DONE)
		code = archive_span(c, stamp_now(), &v.span);
	if (code == CLI_DONE)
		code = cli_flag(c, "follow") ? visits_log_follow(c, &v)
					     : visits_log_read(c, &v);
	free(v.files);
	return code;
}

static int run(struct cli *c, int argc, char **argv)
{
	if (cli_option(c, "maillog"))
		return from_logs(c, argc, argv);
	if (argc > 0)
		return cli_usage(c, "'%s': visits takes files after --maillog only",
				 argv[0]);
	if (cli_option(c, "stamps") || cli_option(c, "filter") || cli_flag(c, "why"))
		return cli_usage(c, "%s goes with --maillog",
				 cli_option(c, "stamps")   ? "--stamps"
				 : cli_option(c, "filter") ? "--filter"
							   : "--why");
	return from_journal(c);
}

static const struct option_row options[] = {
	{ .name = "follow", .meaning = "Go on with what comes, until interrupted." },
	ARCHIVE_SINCE,
	ARCHIVE_UNTIL,
	{ .name = "maillog",
	  .may_repeat = true,
	  .argument = "FILE",
	  .meaning =
	      "Not the journal's visits, but those in this mail log (Postfix, Exim, "
	      "OpenSMTPD, Sendmail), with whatever containers or journalctl put in "
	      "front; more files may follow, in any order, packed or not. - is standard "
	      "input, journal systemd's." },
	{ .name = "host",
	  .argument = "NAME",
	  .meaning =
	      "From the journal, only the visits to this host; with --maillog, the host "
	      "whose log it is (this machine's name if not given)." },
	{ .name = "filter",
	  .argument = "WHERE",
	  .meaning =
	      "Where a spam filter (rspamd, SpamAssassin, amavis) writes its verdicts, "
	      "if "
	      "that is another log: a file, or journal with a match behind a colon." },
	{ .name = "stamps",
	  .argument = "ZONE",
	  .meaning = "The time zone of the times in the log where they name none; this "
		     "machine's if not given." },
	{ .name = "why",
	  .meaning =
	      "Instead of the visits: the lines of the log that told of a session, and "
	      "why nothing was made of the others." },
	{ 0 },
};

const struct verb verb_visits = {
	.name = "visits",
	.run = run,
	.synopsis = "[--follow] [--since TIME] [--until TIME] [--host NAME] "
		    "[--maillog FILE...] [--filter WHERE] [--stamps ZONE] [--why]",
	.summary = "the visits, one JSON object a line",
	.help = "In the order in which they were seen. What is not known is null.\n\n"
		"  fakemx visits --since 1h | jq -r 'select(.role == \"decoy\") | "
		".address'\n"
		"  fakemx visits --follow\n"
		"  fakemx visits --maillog /var/log/mail.log.1 /var/log/mail.log\n\n"
		"To send a mail log's visits to another machine's serve: fakemx feed.",
	.most = CLI_ANY,
	.options = options,
};
