#include "rehearse/call.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rehearse/socket.h"

/* The answer that is awaited. */
enum stage { AT_GREETING, AT_EHLO, AT_MAIL, AT_RCPT, AT_DATA, AT_END, AT_QUIT };

struct call {
	struct call_spec spec;
	struct call_result result;
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	enum stage stage;
	unsigned open_handles;
	char line[1024];
	size_t len;
};

static void on_closed(uv_handle_t *h)
{
	struct call *c = h->data;
	if (--c->open_handles)
		return;
	c->spec.on_over(c->spec.arg, c->spec.host, &c->result);
	free(c);
}

static void end(struct call *c)
{
	if (uv_is_closing((uv_handle_t *)&c->tcp))
		return;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

/* The state that a failure at this stage shows; after the message was taken, or
 * refused, nothing changes it. */
static void end_as(struct call *c, enum state state)
{
	if (c->stage != AT_QUIT)
		c->result.state = state;
	end(c);
}

FMX_PRINTF(2, 3) static void say(struct call *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool is_said = socket_say(&c->tcp, fmt, ap);
	va_end(ap);
	if (!is_said)
		end_as(c, STATE_RESET);
}

static void quit(struct call *c, enum state state)
{
	c->result.state = state;
	c->stage = AT_QUIT;
	say(c, "QUIT\r\n");
}

static void refused(struct call *c, unsigned code)
{
	bool is_final = code >= 500;
	switch (c->stage) {
	case AT_GREETING: quit(c, is_final ? STATE_REJECT : STATE_BUSY); break;
	case AT_EHLO: quit(c, is_final ? STATE_REJECT : STATE_DEFER_HELO); break;
	case AT_MAIL: quit(c, is_final ? STATE_REJECT : STATE_DEFER_MAIL); break;
	default: quit(c, is_final ? STATE_REJECT : STATE_DEFER_RCPT); break;
	}
}

static void on_reply(struct call *c, unsigned code)
{
	if (c->stage == AT_GREETING) {
		c->result.was_greeted = true;
		c->spec.on_greeted(c->spec.arg);
	}
	if (c->stage == AT_QUIT) {
		end(c);
		return;
	}
	if (code >= 400) {
		refused(c, code);
		return;
	}
	switch (c->stage++) {
	case AT_GREETING: say(c, "EHLO %s\r\n", c->spec.helo); break;
	case AT_EHLO: say(c, "MAIL FROM:<%s>\r\n", c->spec.mail_from); break;
	case AT_MAIL: say(c, "RCPT TO:<" CALL_RECIPIENT ">\r\n"); break;
	case AT_RCPT: say(c, "DATA\r\n"); break;
	case AT_DATA:
		say(c,
		    "From: <%s>\r\nTo: <" CALL_RECIPIENT ">\r\nSubject: %s\r\n"
		    "\r\nA message of the rehearsal.\r\n.\r\n",
		    c->spec.mail_from, c->spec.subject);
		break;
	case AT_END: quit(c, STATE_OPEN); break;
	case AT_QUIT: break;
	}
}

/* A reply is over with its line "250 ", not "250-" (RFC 5321 4.2.1). */
static void on_line(struct call *c)
{
	c->line[c->len] = '\0';
	bool is_reply = c->len >= 3 && isdigit((unsigned char)c->line[0]) &&
			isdigit((unsigned char)c->line[1]) &&
			isdigit((unsigned char)c->line[2]);
	if (!is_reply)
		end_as(c, STATE_BANNER_CLOSE);
	else if (c->line[3] != '-')
		on_reply(c, (unsigned)strtoul(c->line, NULL, 10));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct call *c = stream->data;
	if (n < 0) {
		end_as(c, n == UV_EOF ? STATE_BANNER_CLOSE : STATE_RESET);
		return;
	}
	for (ssize_t i = 0; i < n && !uv_is_closing((uv_handle_t *)&c->tcp); i++) {
		if (b->base[i] == '\n') {
			on_line(c);
			c->len = 0;
		} else if (c->len < sizeof(c->line) - 1) {
			c->line[c->len++] = b->base[i];
		} else {
			end_as(c, STATE_BANNER_CLOSE);
		}
	}
}

static void on_connect(uv_connect_t *request, int status)
{
	struct call *c = request->data;
	if (status == UV_ECANCELED)
		return; /* the timer closed it */
	/* A reset may overtake the news that the handshake was done. */
	c->result.was_connected = status == 0 || status == UV_ECONNRESET;
	if (status < 0) {
		end_as(c, status == UV_ECONNRESET     ? STATE_RESET
			  : status == UV_ECONNREFUSED ? STATE_CLOSED
						      : STATE_UNREACHABLE);
		return;
	}
	if (uv_read_start((uv_stream_t *)&c->tcp, socket_alloc, on_read) < 0)
		end_as(c, STATE_RESET);
}

static void on_late(uv_timer_t *t)
{
	struct call *c = t->data;
	end_as(c, c->result.was_connected ? STATE_SILENT : STATE_DEAD);
}

struct call *call_begin(uv_loop_t *loop, const struct call_spec *spec)
{
	struct call *c = xcalloc(1, sizeof(*c));
	c->spec = *spec;
	c->tcp.data = c->timer.data = c->connect.data = c;
	c->open_handles = 2;
	(void)uv_tcp_init(loop, &c->tcp);     /* these two fail */
	(void)uv_timer_init(loop, &c->timer); /* for wrong flags only */
	(void)uv_timer_start(&c->timer, on_late, CALL_SECONDS * 1000, 0);

	struct sockaddr_storage from, to;
	(void)addr_to_sockaddr(spec->from, 0, &from);
	(void)addr_to_sockaddr(spec->to.addr, spec->to.port, &to);
	int rc = uv_tcp_bind(&c->tcp, (struct sockaddr *)&from, 0);
	if (rc == 0)
		rc = uv_tcp_connect(&c->connect, &c->tcp, (struct sockaddr *)&to,
				    on_connect);
	if (rc < 0)
		end_as(c, STATE_UNREACHABLE);
	return c;
}

void call_abort(struct call *c)
{
	end_as(c, STATE_SILENT);
}
