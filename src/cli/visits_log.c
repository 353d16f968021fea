#include "cli/visits_log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/stamp.h"
#include "outlet/visits.h"
#include "source/maillog.h"
#include "source/maillog_lines.h"
#include "source/tail.h"

enum { LINE_MAX_BYTES = 64 * 1024, BYTES_AT_ONCE = 1 << 20, HOST = 1, PIPE_WAIT_MS = 10 };

struct printing {
	const struct cli *c;
	const struct visits_log *v;
	struct book_host host;
	struct buf line;
	struct maillog_lines *reader;
	uv_loop_t *loop; /* followed */
	int64_t now;
	uint64_t lines; /* of this file */
	char first[60]; /* of them, for a sentence */
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
		.now = stamp_now(),
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

static void on_text(void *arg, const char *line, size_t len)
{
	struct printing *p = arg;
	if (p->lines++ == 0)
		(void)snprintf(p->first, sizeof(p->first), "%.*s",
			       (int)(len < sizeof(p->first) ? len : sizeof(p->first)),
			       line);
	maillog_lines_line(p->reader, line, len, p->now);
}

/* No visit is a good answer only of a log that could have told one. */
static int judge_file(const struct printing *p, const char *file,
		      const struct maillog_lines_counts *before)
{
	struct error e;
	struct maillog_lines_counts after = maillog_lines_counts(p->reader);
	uint64_t lines = after.lines - before->lines;
	if (lines == 0 || after.used > before->used)
		return CLI_DONE;
	if (after.garbled - before->garbled < lines) {
		cli_warn(
		    p->c,
		    "%s has no line of a mail server's that takes mail: is it the log of "
		    "mail that comes in?",
		    file);
		return CLI_DONE;
	}
	(void)error_set(
	    &e, FMX_EFOREIGN,
	    "%s is no mail log: no line begins with a time and a host; the first is '%s'",
	    file, p->first);
	return cli_fail(p->c, &e);
}

/* gzip's first two bytes; a pipe is left alone. */
static bool is_compressed(const char *file)
{
	struct stat st;
	unsigned char head[2] = { 0 };
	if (stat(file, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	FILE *f = fopen(file, "re");
	if (!f)
		return false; /* told where it is read */
	size_t n = fread(head, 1, sizeof(head), f);
	(void)fclose(f); /* nothing was written */
	return n == sizeof(head) && head[0] == 0x1f && head[1] == 0x8b;
}

static int read_file(struct printing *p, const char *file)
{

	struct error e;
	if (is_compressed(file)) {
		(void)error_set(&e, FMX_EFOREIGN,
				"%s is compressed; read it with zcat %s | fakemx visits "
				"--maillog -",
				file, file);
		return cli_fail(p->c, &e);
	}
	struct maillog_lines_counts before = maillog_lines_counts(p->reader);
	p->lines = 0;
	struct tail *t =
	    tail_new(strcmp(file, "-") == 0 ? "/dev/stdin" : file, false, on_text, p);
	int rc = TAIL_MORE;
	while (rc == TAIL_MORE && !ferror(stdout)) {
		rc = tail_poll(t, 0, BYTES_AT_ONCE);
		if (rc == -EAGAIN) { /* a pipe whose writer is slower than we are */
			(void)poll(NULL, 0, PIPE_WAIT_MS);
			rc = TAIL_MORE;
		}
		/* time is what the lines say: a session without end is over
		 * when they have left it behind */
		maillog_lines_advance(p->reader, maillog_lines_newest(p->reader));
	}
	tail_free(t);
	if (rc >= 0)
		return judge_file(p, file, &before);
	(void)error_set(&e, rc, "cannot read %s: %s", file, strerror(-rc));
	return cli_fail(p->c, &e);
}

int visits_log_read(const struct cli *c, const struct visits_log *v)
{
	struct printing p = printing_of(c, v);
	int code = CLI_DONE;

	p.reader = maillog_lines_new(on_visit, &p);
	for (size_t i = 0; i < v->file_count && code == CLI_DONE; i++)
		code = read_file(&p, v->files[i]);
	maillog_lines_finish(p.reader);
	maillog_lines_free(p.reader);
	buf_release(&p.line);
	return code;
}

/* ---- a feed ---- */

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
	visits_watermark(upto, p->v->host, &p->line);
	print_line(p);
	if (fflush(stdout) != 0)
		uv_stop(p->loop);
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	struct printing *p = arg;
	(void)host;
	(void)is_over;
	cli_warn(p->c, "%s", sentence);
}

int visits_log_follow(const struct cli *c, const struct visits_log *v)
{
	uv_loop_t loop;
	struct error e;
	struct printing p = printing_of(c, v);
	static const uint16_t hosts[] = { HOST };
	struct stamp_clock clock = { .offset_us = NULL };
	struct maillog_spec spec = {
		.hosts = hosts,
		.host_count = 1,
		.path = v->files[0],
		.start = MAILLOG_SINCE,
		.since = v->span.since,
	};
	struct source_sink sink = { on_followed, on_watermark, on_trouble, NULL, &p };

	int rc = uv_loop_init(&loop);
	if (rc != 0)
		return cli_fail(c, (error_set(&e, rc, "cannot follow %s: %s", v->files[0],
					      uv_strerror(rc)),
				    &e));
	p.loop = &loop;
	struct maillog *m = maillog_new(&loop, clock, &spec, &sink);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* ends when nobody reads on */
	maillog_stop(m);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	maillog_free(m);
	rc = uv_loop_close(&loop);
	assert(rc == 0); /* the mail log had the only handle */
	(void)rc;
	buf_release(&p.line);
	return CLI_DONE;
}
