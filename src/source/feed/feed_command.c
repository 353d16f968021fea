/* A feed that is the standard output of a command. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/program.h"
#include "source/feed/feed_own.h"

enum { SAID_MAX = 320 };

static const char ours[] = "fakemx-stream: ";

struct runner {
	uv_loop_t *loop;
	struct intake *in;
	char *command;
	bool is_ours; /* fakemx-stream */
	struct program program;
	uv_poll_t end; /* says that it has ended */
	uv_pipe_t out, err;
	unsigned open;   /* of these handles; 0: it does not run */
	bool is_alive;   /* the shell */
	bool is_watched; /* by `end` */
	bool is_stopped;
	struct intake_stream *stream;
	uint64_t start_at, wait_ms;
	uint64_t term_at;  /* its output is closed, so it ought to end; 0: no */
	uint64_t kill_at;  /* SIGTERM was sent, SIGKILL is next; 0: no */
	uint64_t leave_at; /* ended, but somebody holds its output; 0: no */
	uint64_t starts;
	int start_error;
	int64_t status;
	int signal;
	char said[SAID_MAX + 1]; /* its last line on standard error */
	size_t said_len;
	bool is_said_over; /* that line is at its end */
	char filled[FEED_COMMAND_MAX];
	char bytes[FEED_READ];
};

bool feed_fill_command(const char *command, int64_t since, struct stream_place place,
		       char *to, size_t size)
{
	char time[STAMP_TEXT_MAX], number[48];
	size_t n = 0;
	(void)stamp_text(since, time);
	(void)snprintf(number, sizeof(number), "%lld:%lld", (long long)place.sequence,
		       (long long)place.stored);
	for (const char *c = command; *c; c++) {
		const char *piece = c;
		size_t len = 1;
		if (c[0] == '%' && c[1] && strchr("sq%", c[1])) {
			c++;
			piece = *c == 's' ? time : *c == 'q' ? number : "%";
			len = strlen(piece);
		}
		if (n + len >= size)
			return false;
		memcpy(to + n, piece, len);
		n += len;
	}
	to[n] = '\0';
	return true;
}

struct runner *runner_new(uv_loop_t *loop, struct intake *in, const char *command,
			  bool is_ours)
{
	struct runner *r = xcalloc(1, sizeof(*r));
	r->loop = loop;
	r->in = in;
	r->command = xstrdup(command);
	r->is_ours = is_ours;
	r->wait_ms = FEED_WAIT_MS;
	return r;
}

/* The sentence quotes what the command said: "; " and all, on one line. */
static void tell_end(struct runner *r)
{
	char text[512], how[64];
	if (r->start_error)
		(void)snprintf(how, sizeof(how), "could not be started (%s)",
			       uv_strerror(r->start_error));
	else if (r->signal)
		(void)snprintf(how, sizeof(how), "was ended by SIG%s",
			       sigabbrev_np(r->signal) ? sigabbrev_np(r->signal) : "?");
	else
		(void)snprintf(how, sizeof(how), "ended with status %d", (int)r->status);
	if (r->status == FEED_NO_LIBRARY && strstr(r->said, "libnats"))
		(void)str_copy(r->said, sizeof(r->said), FEED_NEEDS_NATS);
	(void)snprintf(
	    text, sizeof(text), "the feed command %s%s%s; it is started again in %u s",
	    how, r->said_len ? ": " : "", r->said, (unsigned)(r->wait_ms / FEED_WAIT_MS));
	intake_lost(r->in, text);
}

/* All handles are closed: whatever ran is gone. */
static void finish(struct runner *r)
{
	bool was_good = r->stream && intake_is_good(r->stream);
	intake_close(r->stream);
	r->stream = NULL;
	r->term_at = r->kill_at = r->leave_at = 0;
	if (r->is_stopped)
		return;
	if (was_good)
		r->wait_ms = FEED_WAIT_MS;
	tell_end(r);
	r->start_at = uv_now(r->loop) + r->wait_ms;
	r->wait_ms *= 2;
	if (r->wait_ms > FEED_WAIT_LONGEST_MS)
		r->wait_ms = FEED_WAIT_LONGEST_MS;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct runner *r = h->data;
	if (--r->open == 0)
		finish(r);
}

static void close_once(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_handle_closed);
}

static void signal_group(const struct runner *r, int number)
{
	if (r->program.pid > 1)
		(void)kill(-r->program.pid, number); /* it may be gone */
}

static void end(struct runner *r)
{
	if (!r->is_alive || r->kill_at)
		return;
	signal_group(r, SIGTERM);
	r->kill_at = uv_now(r->loop) + FEED_KILL_MS;
}

static void on_ended(uv_poll_t *p, int error, int events)
{
	struct runner *r = p->data;
	int status;
	(void)error, (void)events; /* program_ended() looks for itself */
	(void)uv_poll_stop(p);     /* it closes the file */
	if (!program_ended(&r->program, &status)) {
		(void)uv_poll_start(p, UV_READABLE, on_ended);
		return;
	}
	r->is_alive = false;
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	r->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	r->term_at = r->kill_at = 0;
	signal_group(r, SIGKILL); /* what it left behind */
	r->leave_at = uv_now(r->loop) + FEED_KILL_MS;
	close_once(p);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct runner *r = h->data;
	(void)suggested;
	*buf = uv_buf_init(r->bytes, sizeof(r->bytes));
}

static void on_out(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct runner *r = s->data;
	bool goes_on = n >= 0;
	if (n > 0)
		goes_on = intake_bytes(r->stream, buf->base, (size_t)n, uv_now(r->loop));
	if (goes_on)
		return;
	close_once(s);
	if (n > 0)
		end(r);
	else if (r->is_alive) /* as a rule it is about to say why it ends */
		r->term_at = uv_now(r->loop) + FEED_KILL_MS;
}

/* Keeps the last line, so that no quote or control character of it can be
 * taken for ours. */
static void hear(struct runner *r, char c)
{
	if (c == '\n') {
		r->is_said_over = true;
		/* It goes on trying. What else is said, the dynamic loader says. */
		if (r->is_ours && strncmp(r->said, ours, sizeof(ours) - 1) == 0)
			intake_lost(r->in, r->said);
		return;
	}
	if (r->is_said_over)
		r->said_len = 0;
	r->is_said_over = false;
	if (r->said_len == SAID_MAX || c == '\r')
		return;
	r->said[r->said_len++] = c == '"' ? '\'' : c < ' ' || c == 0x7f ? '?' : c;
	r->said[r->said_len] = '\0';
}

static void on_err(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct runner *r = s->data;
	for (ssize_t i = 0; i < n; i++)
		hear(r, buf->base[i]);
	if (n < 0)
		close_once(s);
}

static void close_end(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

/* The reading end of a pipe is the loop's; the other is a file. */
static int open_pipe(uv_pipe_t *to, int *ret_other)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_other = ends[1];
	int rc = uv_pipe_open(to, ends[0]);
	if (rc != 0)
		(void)close(ends[0]);
	return rc;
}

static int watch_end(struct runner *r)
{
	int rc = uv_poll_init(r->loop, &r->end, r->program.fd);
	if (rc != 0)
		return rc;
	r->open++;
	r->is_watched = true;
	return uv_poll_start(&r->end, UV_READABLE, on_ended);
}

/* It runs, and the loop cannot have it. */
static void drop(struct runner *r)
{
	signal_group(r, SIGKILL);
	if (r->is_watched)
		close_once(&r->end);
	program_leave(&r->program);
	r->is_alive = false;
}

static int spawn(struct runner *r)
{
	const char *argv[] = { "/bin/sh", "-c", r->filled, NULL };
	int files[3] = { -1, -1, -1 };
	struct error e;
	int rc = open_pipe(&r->out, &files[1]);
	if (rc == 0)
		rc = open_pipe(&r->err, &files[2]);
	if (rc == 0)
		rc = program_start(argv, NULL, files, &r->program, &e);
	close_end(files[1]);
	close_end(files[2]);
	r->is_alive = rc == 0;
	if (rc == 0)
		rc = watch_end(r);
	if (rc == 0)
		rc = uv_read_start((uv_stream_t *)&r->out, on_alloc, on_out);
	if (rc == 0)
		rc = uv_read_start((uv_stream_t *)&r->err, on_alloc, on_err);
	return rc;
}

/* Nothing was begun, so nothing is to be closed. */
static void refuse(struct runner *r)
{
	r->start_error = UV_E2BIG;
	finish(r);
}

static void start(struct runner *r)
{
	r->end.data = r->out.data = r->err.data = r;
	r->is_watched = false;
	r->program = (struct program){ .fd = -1 };
	r->said_len = 0;
	r->said[0] = '\0';
	r->status = r->signal = 0;
	r->stream = intake_open(r->in);
	r->starts++;
	if (!feed_fill_command(r->command, intake_since(r->in), intake_place(r->in),
			       r->filled, sizeof(r->filled))) {
		refuse(r);
		return;
	}
	/* Of a loop's pipes nothing can fail but their later use. */
	(void)uv_pipe_init(r->loop, &r->out, 0);
	(void)uv_pipe_init(r->loop, &r->err, 0);
	r->open = 2;
	r->start_error = spawn(r);
	if (r->start_error == 0)
		return;
	close_once(&r->out);
	close_once(&r->err);
	if (r->is_alive)
		drop(r);
}

void runner_tick(struct runner *r, uint64_t now_ms)
{
	if (r->open == 0 && !r->is_stopped && now_ms >= r->start_at)
		start(r);
	if (r->term_at && now_ms >= r->term_at) {
		r->term_at = 0;
		end(r);
	}
	if (r->kill_at && now_ms >= r->kill_at) {
		signal_group(r, SIGKILL);
		r->kill_at = 0;
	}
	if (r->leave_at && now_ms >= r->leave_at) {
		r->leave_at = 0;
		close_once(&r->out);
		close_once(&r->err);
	}
}

void runner_stop(struct runner *r)
{
	r->is_stopped = true;
	if (r->open == 0)
		return;
	end(r);
	close_once(&r->out);
	close_once(&r->err);
}

bool runner_is_closed(const struct runner *r)
{
	return r->is_stopped && r->open == 0;
}

void runner_count(const struct runner *r, struct feed_counts *to)
{
	to->starts = r->starts;
	to->open = r->is_alive;
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	free(r->command);
	free(r);
}
