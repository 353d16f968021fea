#include "cli/visits_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/stamp.h"
#include "config/config.h"
#include "outlet/visits.h"
#include "serve/labclock.h"
#include "source/lines.h"
#include "source/logfiles.h"
#include "source/maillog.h"
#include "source/maillog_lines.h"

enum { LINE_MAX_BYTES = 64 * 1024, HOST = 1 };

struct printing {
	const struct cli *c;
	const struct visits_log *v;
	struct book_host host;
	struct buf line;
	struct maillog_lines *reader;
	uv_loop_t *loop; /* followed */
	struct progress progress;
	int64_t now;    /* no line of this file is younger */
	uint64_t lines; /* of this file */
	char first[60]; /* of them, for a sentence */
	struct maillog_lines_counts before;
};

static struct printing printing_of(const struct cli *c, const struct visits_log *v)
{
	return (struct printing){
		.c = c,
		.v = v,
		.host = { .role = ROLE_REAL,
			  .place = PLACE_REAL,
			  .name = v->host,
			  .site = "" },
		.line = BUF_INIT(LINE_MAX_BYTES),
	};
}

static void print_line(struct printing *p)
{
	buf_adds(&p->line, "\n");
	(void)fwrite(buf_text(&p->line), 1, p->line.len, stdout); /* main() asks */
	buf_clear(&p->line);
}

static void print_visit(struct printing *p, const struct visit *v)
{
	if (v->time < p->v->span.since || v->time >= p->v->span.until)
		return;
	visits_object(v, &p->host, 0, &p->line);
	print_line(p);
}

/* ---- old logs ---- */

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	(void)local;
	print_visit(arg, v);
}

static void on_begin(void *arg, const char *file, int64_t latest)
{
	struct printing *p = arg;
	(void)file;
	p->now = latest;
	p->lines = 0;
	p->before = maillog_lines_counts(p->reader);
}

static void on_text(void *arg, const char *line, size_t len)
{
	struct printing *p = arg;
	if (p->lines++ == 0)
		(void)snprintf(p->first, sizeof(p->first), "%.*s",
			       (int)(len < sizeof(p->first) ? len : sizeof(p->first)),
			       line);
	maillog_lines_line(p->reader, line, len, p->now);
}

/* Time is what the lines say: a session without end is over when they have left
 * it behind. */
static bool on_pause(void *arg, uint64_t done, uint64_t total)
{
	struct printing *p = arg;
	maillog_lines_advance(p->reader, maillog_lines_newest(p->reader));
	progress_set(&p->progress, done >> 20, total >> 20, NULL);
	return !ferror(stdout);
}

/* No visit is a good answer only of a log that could have told one. */
static int judge_file(void *arg, const char *file, struct error *e)
{
	struct printing *p = arg;
	struct maillog_lines_counts after = maillog_lines_counts(p->reader);
	uint64_t lines = after.lines - p->before.lines;
	if (lines == 0 || after.used > p->before.used)
		return 0;
	if (after.garbled - p->before.garbled < lines) {
		cli_warn(
		    p->c,
		    "%s has no line of a mail server's that takes mail: is it the log of "
		    "mail that comes in?",
		    file);
		return 0;
	}
	return error_set(e, FMX_EFOREIGN,
			 "%s is no mail log: no line begins with a time and a host; the "
			 "first is '%s'",
			 file, p->first);
}

/* What nobody could read, by kind. Other programs' lines belong into a log. */
static void tell_unread(const struct printing *p, const struct logfiles_counts *files)
{
	struct maillog_lines_counts c = maillog_lines_counts(p->reader);
	if (c.garbled == 0 && files->too_long == 0 && files->unfinished == 0)
		return;
	cli_warn(p->c,
		 "of %" PRIu64 " lines %" PRIu64 " could not be read, %" PRIu64
		 " were longer than %d bytes, %" PRIu64 " had no end, %" PRIu64
		 " were other programs'",
		 c.lines, c.garbled, files->too_long, LINES_MAX, files->unfinished,
		 c.foreign);
}

int visits_log_read(const struct cli *c, const struct visits_log *v)
{
	struct error e;
	struct printing p = printing_of(c, v);
	struct logfiles_counts counts;
	struct logfiles_hooks hooks = { on_begin,   on_text,       on_pause,
					judge_file, v->span.since, &p };

	p.reader = maillog_lines_new(on_visit, &p);
	progress_begin(&p.progress, c, "MiB of log");
	if (isatty(STDOUT_FILENO))
		p.progress.is_shown = false; /* the visits show where it stands */
	int rc = logfiles_read(v->files, v->file_count, &hooks, &counts, &e);
	maillog_lines_finish(p.reader);
	progress_end(&p.progress);
	tell_unread(&p, &counts);
	maillog_lines_free(p.reader);
	buf_release(&p.line);
	return rc < 0 ? cli_fail(c, &e) : CLI_DONE;
}

/* ---- a feed ---- */

/* One line at once, for whoever waits for it. */
static void print_at_once(struct printing *p)
{
	print_line(p);
	if (fflush(stdout) != 0)
		uv_stop(p->loop);
}

static void on_followed(void *arg, const struct visit *v)
{
	struct printing *p = arg;
	print_visit(p, v);
	if (fflush(stdout) != 0)
		uv_stop(p->loop);
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct printing *p = arg;
	(void)host;
	visits_mark(VISITS_WATERMARK, upto, p->v->host, &p->line);
	print_at_once(p);
}

static void on_outage(void *arg, uint16_t host, int64_t until)
{
	struct printing *p = arg;
	(void)host;
	visits_mark(VISITS_OUTAGE, until, p->v->host, &p->line);
	print_at_once(p);
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	struct printing *p = arg;
	(void)host;
	(void)is_over;
	cli_warn(p->c, "%s", sentence);
}

/* The reader is gone: noticed even while there is nothing to write. */
static void on_reader_gone(uv_poll_t *poll, int status, int events)
{
	struct printing *p = poll->data;
	if (status < 0 || events & UV_DISCONNECT)
		uv_stop(p->loop);
}

/* The clock of a trial, which may jump (fakemx.conf(5), clock). */
static int open_clock(const struct cli *c, struct labclock *ret_clock)
{
	struct config config;
	struct error e;
	*ret_clock = (struct labclock){ .map = NULL };
	if (!c->lab || !c->has_config)
		return CLI_DONE;
	int code = cli_config(c, &config);
	if (code != CLI_DONE)
		return code;
	int rc = labclock_open(config.clock, ret_clock, &e);
	config_release(&config);
	return rc < 0 ? cli_fail(c, &e) : CLI_DONE;
}

static void follow(struct printing *p, struct stamp_clock clock)
{
	static const uint16_t hosts[] = { HOST };
	const struct visits_log *v = p->v;
	struct maillog_spec spec = {
		.hosts = hosts,
		.host_count = 1,
		.path = v->files[0],
		.start = MAILLOG_SINCE,
		.since = v->span.since,
	};
	struct source_sink sink = { .visit = on_followed,
				    .watermark = on_watermark,
				    .trouble = on_trouble,
				    .outage = on_outage,
				    .arg = p };
	uv_poll_t reader = { .data = p };

	visits_mark(VISITS_SINCE, v->span.since, v->host, &p->line);
	print_at_once(p);
	/* Of a regular file nobody can tell, and it has no reader to lose. */
	bool can_tell = uv_poll_init(p->loop, &reader, STDOUT_FILENO) == 0;
	if (can_tell)
		(void)uv_poll_start(&reader, UV_DISCONNECT, on_reader_gone);
	struct maillog *m = maillog_new(p->loop, clock, &spec, &sink);
	(void)uv_run(p->loop, UV_RUN_DEFAULT); /* ends when nobody reads on */
	maillog_stop(m);
	if (can_tell)
		uv_close((uv_handle_t *)&reader, NULL);
	(void)uv_run(p->loop, UV_RUN_DEFAULT);
	maillog_free(m);
}

int visits_log_follow(const struct cli *c, const struct visits_log *v)
{
	uv_loop_t loop;
	struct error e;
	struct labclock clock;
	struct printing p = printing_of(c, v);

	int code = open_clock(c, &clock);
	if (code != CLI_DONE)
		return code;
	int rc = uv_loop_init(&loop);
	if (rc != 0) {
		(void)error_set(&e, rc, "cannot follow %s: %s", v->files[0],
				uv_strerror(rc));
		code = cli_fail(c, &e);
	} else {
		p.loop = &loop;
		follow(&p, clock.clock);
		rc = uv_loop_close(&loop);
		assert(rc == 0); /* all handles were closed */
		buf_release(&p.line);
	}
	labclock_close(&clock);
	return code;
}
