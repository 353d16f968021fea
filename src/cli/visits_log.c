#include "cli/visits_log.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/stamp.h"
#include "cli/old_logs.h"
#include "cli/visits_log_why.h"
#include "config/config.h"
#include "outlet/visits.h"
#include "serve/system/labclock.h"
#include "source/maillog/maillog.h"

enum { LINE_MAX_BYTES = 64 * 1024, HOST = 1 };

struct printing {
	const struct cli *c;
	const struct visits_log *v;
	struct visits_log *followed; /* v; NULL: read to its end */
	FILE *out;
	struct visits_host host;
	struct buf line;
	uv_loop_t *loop; /* followed */
	struct why *why; /* NULL: the visits are wanted */
};

static struct printing printing_of(const struct cli *c, const struct visits_log *v)
{
	return (struct printing){
		.c = c,
		.v = v,
		.out = v->out ? v->out : stdout,
		.host = { .role = ROLE_REAL, .name = v->host, .site = "" },
		.line = BUF_INIT(LINE_MAX_BYTES),
	};
}

static void print_line(struct printing *p)
{
	buf_adds(&p->line, "\n");
	(void)fwrite(buf_text(&p->line), 1, p->line.len, p->out); /* main() asks */
	buf_clear(&p->line);
}

static void print_visit(struct printing *p, const struct visit *v)
{
	if (v->time < p->v->span.since || v->time >= p->v->span.until)
		return;
	visits_line(v, &p->host, 0, &p->line);
	print_line(p);
}

/* ---- old logs ---- */

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	(void)local;
	print_visit(arg, v);
}

static void on_no_visit(void *arg, const struct visit *v, const struct addr *local)
{
	(void)arg;
	(void)v;
	(void)local;
}

static void on_made(void *arg, const struct maillog_made *made, const char *line,
		    size_t len)
{
	struct printing *p = arg;
	why_line(p->why, made, line, len);
}

int visits_log_read(const struct cli *c, const struct visits_log *v)
{
	struct printing p = printing_of(c, v);
	struct old_logs_sink sink = { .visit = v->why ? on_no_visit : on_visit,
				      .since = v->span.since,
				      .prints = true,
				      .is_needed = true,
				      .stamps = v->stamps,
				      .filter = v->filter,
				      .made = v->why ? on_made : NULL,
				      .arg = &p };
	p.why = v->why ? why_new() : NULL;
	int code = old_logs_read(c, v->files, v->file_count, &sink);
	if (p.why)
		why_end(p.why);
	buf_release(&p.line);
	return code;
}

/* ---- followed ---- */

int visits_log_check_stamps(const struct cli *c, const struct visits_log *v)
{
	return v->stamps && !stamp_is_zone(v->stamps)
		   ? cli_usage(c,
			       "--stamps: this machine knows no zone '%s'; one is "
			       "Europe/Berlin",
			       v->stamps)
		   : CLI_DONE;
}

/* One line at once, for whoever waits for it. */
static void print_at_once(struct printing *p)
{
	print_line(p);
	if (fflush(p->out) != 0)
		uv_stop(p->loop);
}

static void on_followed(void *arg, const struct visit *v)
{
	struct printing *p = arg;
	print_visit(p, v);
	if (fflush(p->out) != 0)
		uv_stop(p->loop);
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct printing *p = arg;
	(void)host;
	if (!p->v->is_feed)
		return;
	visits_watermark(upto, stamp_now(), p->v->host, &p->line);
	print_at_once(p);
	p->followed->told = upto;
}

static void on_outage(void *arg, uint16_t host, int64_t until)
{
	struct printing *p = arg;
	(void)host;
	if (!p->v->is_feed)
		return;
	visits_mark(VISITS_OUTAGE, until, p->v->host, &p->line);
	print_at_once(p);
}

static void on_gap(void *arg, uint16_t host, int64_t from, int64_t to)
{
	struct printing *p = arg;
	(void)host;
	visits_gap(from, to, p->v->host, &p->line);
	print_at_once(p);
}

static void on_delivered(void *arg, uint16_t host, const char *domain, int64_t time)
{
	struct printing *p = arg;
	(void)host;
	visits_delivered(domain, time, p->v->host, &p->line);
	print_at_once(p);
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	struct printing *p = arg;
	(void)host;
	(void)is_over;
	cli_warn(p->c, "%s", sentence);
}

/* Standard input is at its end. */
static void on_ended(void *arg)
{
	struct printing *p = arg;
	p->followed->has_ended = true;
	uv_stop(p->loop);
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
		.stamps = v->stamps,
		.filter = v->filter,
		.ended = on_ended,
	};
	struct source_sink sink = { .visit = on_followed,
				    .watermark = on_watermark,
				    .trouble = on_trouble,
				    .outage = on_outage,
				    .gap = v->is_feed ? on_gap : NULL,
				    .delivered = v->is_feed ? on_delivered : NULL,
				    .arg = p };
	uv_poll_t reader = { .data = p };

	if (v->is_feed) {
		visits_mark(VISITS_SINCE, v->complete ? v->complete : v->span.since,
			    v->host, &p->line);
		print_at_once(p);
	}
	/* Of a regular file nobody can tell, and it has no reader to lose. To be polled
	 * it is made one that does not wait; but a slow reader is to be waited for. */
	int flags = fcntl(fileno(p->out), F_GETFL);
	bool can_tell = uv_poll_init(p->loop, &reader, fileno(p->out)) == 0;
	(void)fcntl(fileno(p->out), F_SETFL, flags);
	if (can_tell)
		(void)uv_poll_start(&reader, UV_DISCONNECT, on_reader_gone);
	struct maillog *m = maillog_new(p->loop, clock, &spec, &sink);
	(void)uv_run(p->loop, UV_RUN_DEFAULT); /* ends when nobody reads on */
	maillog_stop(m);
	if (can_tell)
		uv_close((uv_handle_t *)&reader, NULL);
	while (uv_run(p->loop, UV_RUN_DEFAULT) != 0)
		; /* a last line that nobody took has stopped it again */
	maillog_free(m);
}

int visits_log_follow(const struct cli *c, struct visits_log *v)
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
		p.followed = v;
		follow(&p, clock.clock);
		rc = uv_loop_close(&loop);
		assert(rc == 0); /* all handles were closed */
		buf_release(&p.line);
	}
	labclock_close(&clock);
	return code;
}
