#include "cli/old_logs.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/stamp.h"
#include "cli/visits_log_why.h"
#include "source/maillog/input.h"
#include "source/maillog/lines.h"
#include "source/maillog/logfiles.h"
#include "source/maillog/maillog_lines.h"

/* In so many lines a program that nobody reads is looked for. */
enum { FILTER_PIECE = 1 << 16, FILTER_WAIT_MS = 100, LOOK_LINES = 100, LOOK_MAX = 512 };

struct reading {
	const struct cli *c;
	const struct old_logs_sink *sink;
	struct maillog_lines *reader;
	struct input *filter; /* NULL: none */
	bool is_filter_failed;
	struct error filter_error;
	struct progress progress;
	int64_t now;        /* no line of this file is younger */
	uint64_t lines;     /* of this file */
	char first[60];     /* of them, for a sentence */
	const char *unread; /* the mail server of these lines that nobody reads; NULL */
	uint64_t losses;
	const char *limit; /* which key of whose configuration */
	struct maillog_lines_counts before;
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct reading *p = arg;
	p->sink->visit(p->sink->arg, v, local);
}

static void on_started(void *arg, int64_t at)
{
	struct reading *p = arg;
	if (p->sink->started)
		p->sink->started(p->sink->arg, at);
}

static void on_made(void *arg, const struct maillog_made *made, const char *line,
		    size_t len)
{
	struct reading *p = arg;
	p->sink->made(p->sink->arg, made, line, len);
}

static void on_lost(void *arg, int64_t from, int64_t to, bool is_journald)
{
	struct reading *p = arg;
	(void)from;
	(void)to;
	p->losses++;
	p->limit = maillog_lines_limit(is_journald);
}

static void on_begin(void *arg, const char *file, int64_t latest)
{
	struct reading *p = arg;
	(void)file;
	p->now = latest;
	p->lines = 0;
	p->unread = NULL;
	p->before = maillog_lines_counts(p->reader);
}

static void on_filter_line(void *arg, const char *line, size_t len)
{
	struct reading *p = arg;
	maillog_lines_verdict(p->reader, line, len, p->now);
}

/* As far as the log is, or to its end. */
static void read_filter(struct reading *p, bool is_all)
{
	int rc = p->filter ? TAIL_MORE : TAIL_AT_END;
	while (rc > TAIL_AT_END && (is_all || !maillog_lines_verdicts_ahead(p->reader))) {
		if (rc == TAIL_WAIT)
			input_wait(p->filter, FILTER_WAIT_MS);
		rc = input_poll(p->filter, (uint64_t)(stamp_monotonic() / 1000),
				FILTER_PIECE, &p->filter_error);
		p->is_filter_failed = rc < 0;
		maillog_lines_verdicts(p->reader, rc <= TAIL_AT_END);
	}
}

static void look_for_unread(struct reading *p, const char *line, size_t len)
{
	char text[LOOK_MAX];
	(void)snprintf(text, sizeof(text), "%.*s",
		       (int)(len < sizeof(text) ? len : sizeof(text)), line);
	p->unread = why_unread_server(text);
}

static void on_text(void *arg, const char *line, size_t len)
{
	struct reading *p = arg;
	if (p->lines++ == 0)
		(void)snprintf(p->first, sizeof(p->first), "%.*s",
			       (int)(len < sizeof(p->first) ? len : sizeof(p->first)),
			       line);
	if (p->lines <= LOOK_LINES && !p->unread)
		look_for_unread(p, line, len);
	maillog_lines_line(p->reader, line, len, p->now);
	read_filter(p, false);
}

static bool on_pause(void *arg, uint64_t done, uint64_t total)
{
	struct reading *p = arg;
	progress_set(&p->progress, done >> 20, total >> 20, NULL);
	return !ferror(stdout);
}

static int say_useless(const struct reading *p, const char *file, uint64_t lines,
		       bool is_garbled, struct error *e)
{
	const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
	char hint[PATH_MAX + 64] = "";
	if (!p->sink->made)
		(void)snprintf(hint, sizeof(hint),
			       "; 'fakemx visits --why --maillog %s' says more", file);
	if (p->unread)
		return error_set(e, FMX_EFOREIGN, "%s is a log of %s, " WHY_UNREAD "%s",
				 name, p->unread, hint);
	if (is_garbled)
		return error_set(
		    e, FMX_EFOREIGN,
		    "%s is no mail log that fakemx reads: no line begins with "
		    "a time, and the first is '%s'%s",
		    name, p->first, hint);
	return error_set(e, FMX_EFOREIGN,
			 "none of the %" PRIu64 " lines of %s is of a session at a mail "
			 "server whose log fakemx reads%s",
			 lines, name, hint);
}

/* No visit is a good answer only of a log that could have told one. */
static int judge_file(void *arg, const char *file, struct error *e)
{
	struct reading *p = arg;
	struct maillog_lines_counts after = maillog_lines_counts(p->reader);
	uint64_t lines = after.lines - p->before.lines;
	if (lines == 0 || after.used > p->before.used)
		return 0;
	bool is_garbled = after.garbled - p->before.garbled == lines;
	int code = say_useless(p, file, lines, is_garbled, e);
	if (is_garbled || p->sink->is_needed)
		return code;
	cli_warn(p->c, "%s", e->text);
	return 0;
}

/* What nobody could read, by kind. Other programs' lines belong into a log. */
static void tell_unread(const struct reading *p, const struct logfiles_counts *files)
{
	struct maillog_lines_counts c = maillog_lines_counts(p->reader);
	if (c.jumps)
		cli_warn(p->c,
			 "%" PRIu64 " times the stamps jump back by more than a day: was "
			 "the clock set, or are these logs of several machines?",
			 c.jumps);
	if (p->losses)
		cli_warn(p->c,
			 "lines were left out of the log by a rate limit %" PRIu64
			 " time%s, "
			 "so visits are missing here: raise %s",
			 p->losses, number_plural(p->losses), p->limit);
	if (c.garbled == 0 && files->too_long == 0)
		return;
	cli_warn(p->c,
		 "of %" PRIu64 " lines %" PRIu64 " could not be read, %" PRIu64
		 " were longer than %d bytes, %" PRIu64
		 " were other programs' (--why says which)",
		 c.lines, c.garbled, files->too_long, LINES_MAX, c.foreign);
}

static void open_filter(struct reading *p)
{
	struct input_spec in = { .where = p->sink->filter,
				 .what = "the spam filter's log",
				 .since = p->sink->since,
				 .has_earlier = true };
	if (!in.where)
		return;
	p->filter = input_new(&in, on_filter_line, p);
	maillog_lines_verdicts(p->reader, false);
}

int old_logs_read(const struct cli *c, char *const *files, size_t count,
		  const struct old_logs_sink *sink)
{
	struct error e;
	struct reading p = { .c = c, .sink = sink };
	struct logfiles_counts counts;
	for (size_t i = 0; i < count; i++)
		if (files[i][0] == '\0')
			return cli_usage(c, "--maillog needs a file, or - for standard "
					    "input: the name of one is empty");
	struct logfiles_hooks hooks = { on_begin,   on_text,     on_pause,
					judge_file, sink->since, &p };

	p.reader = maillog_lines_new(on_visit, &p);
	maillog_lines_on_started(p.reader, on_started);
	maillog_lines_on_lost(p.reader, on_lost);
	maillog_lines_stamps(p.reader, sink->stamps);
	if (sink->made)
		maillog_lines_on_made(p.reader, on_made);
	open_filter(&p);
	progress_begin(&p.progress, c, "MiB of log");
	if (sink->prints && isatty(STDOUT_FILENO))
		p.progress.is_shown = false; /* the visits show where it stands */
	int rc = logfiles_read(files, count, &hooks, &counts, &e);
	read_filter(&p, true);
	maillog_lines_finish(p.reader);
	progress_end(&p.progress);
	if (!sink->made)
		tell_unread(&p, &counts);
	input_free(p.filter);
	maillog_lines_free(p.reader);
	if (rc == 0 && p.is_filter_failed) /* which visit is spam is not known */
		rc = error_set(&e, p.filter_error.code, "%s", p.filter_error.text);
	return rc < 0 ? cli_fail(c, &e) : CLI_DONE;
}
