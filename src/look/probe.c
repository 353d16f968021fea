#include "look/probe.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"

enum step { STEP_CONNECT, STEP_GREETING, STEP_EHLO, STEP_HELO, STEP_QUIT, STEP_CLOSING };

enum { QUIT_PATIENCE_MS = 80, NAME_MAX_BYTES = 300, READ_SIZE = 2048 };

struct probe {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connecting;
	unsigned handles; /* still to be closed */
	enum step step;
	int64_t started;
	struct reply reply;
	struct probe_result result;
	probe_callback *callback; /* NULL once cancelled */
	void *arg;
	char name[NAME_MAX_BYTES];
	char in[READ_SIZE];
};

/* A line on its way: a peer may answer before the last one left, and both go. */
struct sent {
	uv_write_t request;
	char line[NAME_MAX_BYTES + 16];
};

static void on_closed(uv_handle_t *h)
{
	struct probe *p = h->data;
	if (--p->handles > 0)
		return;
	if (p->callback)
		p->callback(&p->result, p->arg);
	free(p);
}

static void probe_close(struct probe *p)
{
	if (p->step == STEP_CLOSING)
		return;
	p->step = STEP_CLOSING;
	uv_close((uv_handle_t *)&p->timer, on_closed);
	uv_close((uv_handle_t *)&p->tcp, on_closed);
}

static int64_t elapsed(const struct probe *p)
{
	return stamp_monotonic() - p->started;
}

/* The state is final from here on; what follows is only manners. */
static void decide(struct probe *p, enum state s, const char *reply)
{
	p->result.known = true;
	p->result.state = s;
	p->result.total_us = elapsed(p);
	(void)str_copy(p->result.reply, sizeof(p->result.reply), reply);
}

static void decide_and_close(struct probe *p, enum state s, const char *reply)
{
	decide(p, s, reply);
	probe_close(p);
}

/* We failed, not the other side: say so, and claim no state. */
static void give_up(struct probe *p, int uv_code)
{
	p->result.known = false;
	p->result.total_us = elapsed(p);
	if (uv_code == UV_ENETUNREACH || uv_code == UV_EADDRNOTAVAIL ||
	    uv_code == UV_EHOSTUNREACH || uv_code == UV_EAFNOSUPPORT)
		(void)str_copy(p->result.reply, sizeof(p->result.reply),
			       addr_is_v4(p->result.addr) ? "no IPv4 route from here"
							  : "no IPv6 route from here");
	else
		(void)snprintf(p->result.reply, sizeof(p->result.reply),
			       "cannot look: %s", uv_strerror(uv_code));
	probe_close(p);
}

static void on_time_out(uv_timer_t *t)
{
	struct probe *p = t->data;
	switch (p->step) {
	case STEP_CONNECT: decide_and_close(p, STATE_DEAD, "no answer to SYN"); return;
	case STEP_GREETING:
		decide_and_close(p, STATE_SILENT, "no greeting in time");
		return;
	case STEP_EHLO:
	case STEP_HELO:
		decide_and_close(p, STATE_SILENT, "no answer to EHLO in time");
		return;
	case STEP_QUIT: probe_close(p); return;
	case STEP_CLOSING: return;
	}
}

static void on_written(uv_write_t *w, int status)
{
	(void)status; /* a broken connection is told by the read, which knows more */
	free(w->data);
}

static void say(struct probe *p, enum step next, const char *verb, const char *argument)
{
	struct sent *s = xcalloc(1, sizeof(*s));
	int n = snprintf(s->line, sizeof(s->line), "%s%s%s\r\n", verb,
			 *argument ? " " : "", argument);
	assert(n > 0 && (size_t)n < sizeof(s->line));
	p->step = next;
	reply_init(&p->reply);
	uv_buf_t b = uv_buf_init(s->line, (unsigned)n);
	s->request.data = s;
	if (uv_write(&s->request, (uv_stream_t *)&p->tcp, &b, 1, on_written) != 0)
		free(s);
}

static void leave(struct probe *p)
{
	(void)uv_timer_start(&p->timer, on_time_out, QUIT_PATIENCE_MS, 0);
	say(p, STEP_QUIT, "QUIT", "");
}

static void note_local(struct probe *p)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	int len = sizeof(sa);
	if (uv_tcp_getsockname(&p->tcp, (struct sockaddr *)&sa, &len) == 0)
		p->result.local =
		    addr_from_sockaddr((struct sockaddr *)&sa, &p->result.local_port);
}

/* RFC 5321 4.1.3: who has no name says its address. */
static void own_name(struct probe *p)
{
	char host[256];
	size_t size = sizeof(host);
	if (uv_os_gethostname(host, &size) == 0 && strchr(host, '.')) {
		(void)str_copy(p->name, sizeof(p->name), host);
		return;
	}
	struct addr me = p->result.local; /* "[IPv6:::]" if it could not be asked */
	char text[ADDR_TEXT_MAX];
	(void)snprintf(p->name, sizeof(p->name), "[%s%s]",
		       addr_is_v4(me) ? "" : "IPv6:", addr_text(me, text));
}

static void greeting_read(struct probe *p)
{
	const struct reply *r = &p->reply;
	p->result.greeting_us = elapsed(p);
	(void)str_copy(p->result.greeting, sizeof(p->result.greeting), r->text);
	if (r->code / 100 == 2) {
		own_name(p);
		say(p, STEP_EHLO, "EHLO", p->name);
		return;
	}
	/* 3xx is no greeting; who sends it is as little use as one that says 4xx. */
	decide(p, r->code / 100 == 5 ? STATE_REJECT : STATE_BUSY, r->text);
	leave(p);
}

static void ehlo_read(struct probe *p)
{
	const struct reply *r = &p->reply;
	if (r->code / 100 == 5 && p->step == STEP_EHLO) {
		say(p, STEP_HELO, "HELO", p->name);
		return;
	}
	p->result.ehlo_us = elapsed(p);
	if (r->code / 100 == 2 && p->step == STEP_EHLO) {
		(void)str_copy(p->result.keywords, sizeof(p->result.keywords),
			       r->keywords);
		p->result.has_starttls = reply_has_keyword(r, "STARTTLS");
	}
	switch (r->code / 100) {
	case 2: decide(p, STATE_OPEN, p->result.greeting); break;
	case 5: decide(p, STATE_REJECT, r->text); break;
	default: decide(p, STATE_DEFER_HELO, r->text);
	}
	leave(p);
}

static void reply_read(struct probe *p)
{
	switch (p->step) {
	case STEP_GREETING: greeting_read(p); return;
	case STEP_EHLO:
	case STEP_HELO: ehlo_read(p); return;
	case STEP_QUIT: probe_close(p); return;
	case STEP_CONNECT:
	case STEP_CLOSING: return;
	}
}

static void not_smtp(struct probe *p)
{
	if (p->step == STEP_QUIT) {
		probe_close(p);
		return;
	}
	char text[REPLY_TEXT_MAX];
	int shown = (int)sizeof(text) - 16;
	(void)snprintf(text, sizeof(text), "not SMTP: %.*s", shown, p->reply.text);
	decide_and_close(p, STATE_BANNER_CLOSE, text);
}

static void connection_ended(struct probe *p, int uv_code)
{
	if (p->step == STEP_QUIT)
		probe_close(p);
	else if (uv_code == UV_EOF)
		decide_and_close(p, STATE_BANNER_CLOSE,
				 "connection closed by the other side");
	else
		decide_and_close(p, STATE_RESET, "connection reset by the other side");
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct probe *p = s->data;
	if (n < 0) {
		connection_ended(p, (int)n);
		return;
	}
	const char *data = b->base;
	size_t len = (size_t)n;
	while (len > 0 && p->step != STEP_CLOSING) {
		size_t used = 0;
		enum reply_progress progress = reply_feed(&p->reply, data, len, &used);
		data += used;
		len -= used;
		if (progress == REPLY_MORE)
			return;
		if (progress == REPLY_DONE)
			reply_read(p);
		else
			not_smtp(p);
		/* After a bad line nothing can be told from the rest. */
		if (progress == REPLY_BAD)
			return;
	}
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret_buf)
{
	struct probe *p = h->data;
	(void)suggested;
	*ret_buf = uv_buf_init(p->in, sizeof(p->in));
}

static void on_connected(uv_connect_t *c, int status)
{
	struct probe *p = c->data;
	if (p->step == STEP_CLOSING)
		return;
	if (status == 0) {
		p->result.connect_us = elapsed(p);
		note_local(p);
		p->step = STEP_GREETING;
		reply_init(&p->reply);
		status = uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
		if (status != 0)
			give_up(p, status);
		return;
	}
	if (status == UV_ECONNREFUSED)
		decide_and_close(p, STATE_CLOSED, "connection refused");
	else if (status == UV_ETIMEDOUT)
		decide_and_close(p, STATE_DEAD, "no answer to SYN");
	else if (status == UV_ECONNRESET)
		decide_and_close(p, STATE_RESET, "connection reset by the other side");
	else
		decide_and_close(p, STATE_UNREACHABLE, uv_strerror(status));
}

struct probe *probe_start(uv_loop_t *loop, struct addr addr, uint16_t port,
			  int64_t timeout_us, probe_callback *callback, void *arg)
{
	assert(callback && timeout_us > 0);
	struct probe *p = xcalloc(1, sizeof(*p));
	p->result = (struct probe_result){ .addr = addr,
					   .port = port,
					   .connect_us = -1,
					   .greeting_us = -1,
					   .ehlo_us = -1 };
	p->callback = callback;
	p->arg = arg;
	p->started = stamp_monotonic();
	p->tcp.data = p->timer.data = p->connecting.data = p;
	p->handles = 2;
	int r = uv_timer_init(loop, &p->timer);
	assert(r == 0);
	/* The loop's idea of now may be old, and time-outs count from it. */
	uv_update_time(loop);
	(void)uv_timer_start(
	    &p->timer, on_time_out,
	    (uint64_t)((timeout_us + STAMP_MILLISECOND - 1) / STAMP_MILLISECOND), 0);
	r = uv_tcp_init(loop, &p->tcp);
	assert(r == 0);

	struct sockaddr_storage sa;
	(void)addr_to_sockaddr(addr, port, &sa);
	/* A refusal that a sender would see comes to on_connected, even if the
	 * kernel knows it at once; what fails here is ours alone. */
	r = uv_tcp_connect(&p->connecting, &p->tcp, (struct sockaddr *)&sa, on_connected);
	if (r != 0)
		give_up(p, r);
	return p;
}

void probe_cancel(struct probe *p)
{
	p->callback = NULL;
	probe_close(p);
}
