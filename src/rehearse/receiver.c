#include "rehearse/receiver.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "judge/visit.h"
#include "rehearse/socket.h"

enum { FIRST_PID = 2000, MAX_SESSIONS = 4096 };

struct receiver {
	uv_loop_t *loop;
	uv_tcp_t listener;
	struct stamp_clock clock;
	struct receiver_options options;
	void *triplets; /* of struct triplet, tsearch() */
	int log_fd;
	char name[NAME_MAX_TEXT];
	/* Postfix gives a session a process of its own: the reader of its log
	 * tells concurrent sessions apart by the process id. */
	bool busy_pids[MAX_SESSIONS];
	uint64_t queue_ids;
};

/* Client's network, sender and recipient that were seen together, and since when. */
struct triplet {
	uint64_t hash;
	int64_t since;
};

struct session {
	struct receiver *receiver;
	uv_tcp_t tcp;
	unsigned pid;
	struct addr addr;
	char client[ADDR_TEXT_MAX];
	char line[RECEIVER_LINE_MAX];
	size_t len;
	bool in_data, was_quit, is_spam;
	char queue_id[16];
	char helo[64], from[VISIT_TEXT_MAX], to[VISIT_TEXT_MAX];
	size_t size;
	unsigned ehlo, mail, rcpt, taken, data, commands;
};

FMX_PRINTF(4, 5)
static void log_line(const struct receiver *s, const char *program, unsigned pid,
		     const char *fmt, ...)
{
	char stamp[STAMP_TEXT_MAX], text[RECEIVER_LINE_MAX * 2];
	int64_t now = stamp_clock_now(s->clock);
	int n = (int)strcspn(stamp_text(now - now % STAMP_SECOND, stamp), "Z");
	int len = snprintf(text, sizeof(text), "%.*s.%06d+00:00 %.*s %s[%u]: ", n, stamp,
			   (int)(now % STAMP_SECOND), (int)strcspn(s->name, "."), s->name,
			   program, pid);
	va_list ap;
	va_start(ap, fmt);
	len += vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, ap);
	va_end(ap);
	if ((size_t)len > sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len++] = '\n';
	/* A log that cannot be written shows as visits that are missing. */
	(void)!write(s->log_fd, text, (size_t)len);
}

static void on_closed(uv_handle_t *h)
{
	struct session *c = h->data;
	c->receiver->busy_pids[c->pid - FIRST_PID] = false;
	free(c);
}

static void end(struct session *c)
{
	if (uv_is_closing((uv_handle_t *)&c->tcp))
		return;
	char counts[128] = "";
	size_t n = 0;
	const struct {
		const char *name;
		unsigned count;
	} all[] = { { "ehlo", c->ehlo },     { "mail", c->mail },
		    { "rcpt", c->rcpt },     { "data", c->data },
		    { "quit", c->was_quit }, { "commands", c->commands } };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].count || i == 5)
			n += (size_t)snprintf(counts + n, sizeof(counts) - n, " %s=%u",
					      all[i].name, all[i].count);
	if (!c->was_quit)
		log_line(c->receiver, "postfix/smtpd", c->pid,
			 "lost connection after %s from unknown[%s]",
			 c->in_data ? "DATA"
			 : c->rcpt  ? "RCPT"
			 : c->mail  ? "MAIL"
			 : c->ehlo  ? "EHLO"
				    : "CONNECT",
			 c->client);
	log_line(c->receiver, "postfix/smtpd", c->pid, "disconnect from unknown[%s]%s",
		 c->client, counts);
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

FMX_PRINTF(2, 3) static void reply(struct session *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool is_said = socket_say(&c->tcp, fmt, ap);
	va_end(ap);
	if (!is_said)
		end(c);
}

/* The text between < and >. False: there is none. */
static bool path_of(const char *line, char *to, size_t size)
{
	const char *open = strchr(line, '<');
	const char *close = open ? strchr(open, '>') : NULL;
	if (!close || (size_t)(close - open) > size)
		return false;
	memcpy(to, open + 1, (size_t)(close - open - 1));
	to[close - open - 1] = '\0';
	return true;
}

static void on_mail(struct session *c, const char *line)
{
	c->mail++;
	if (!c->ehlo || !path_of(line, c->from, sizeof(c->from)))
		reply(c, "503 5.5.1 Error: send HELO/EHLO first\r\n");
	else
		reply(c, "250 2.1.0 Ok\r\n");
}

static int compare_triplets(const void *a, const void *b)
{
	const struct triplet *x = a, *y = b;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static bool is_put_off(struct session *c)
{
	struct receiver *s = c->receiver;
	if (!s->options.greylists)
		return false;
	char text[PREFIX_TEXT_MAX + 2 * VISIT_TEXT_MAX], network[PREFIX_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%s %s %s",
			 prefix_text(prefix_pool(c->addr), network), c->from, c->to);
	struct triplet *t = xcalloc(1, sizeof(*t));
	*t = (struct triplet){ hash_bytes(text, (size_t)n), stamp_clock_now(s->clock) };
	int64_t now = t->since;
	struct triplet *const *known = tsearch(t, &s->triplets, compare_triplets);
	assert(known); /* out of memory */
	if (*known != t)
		free(t);
	return now < (*known)->since + RECEIVER_PUT_OFF_US;
}

static void on_rcpt(struct session *c, const char *line)
{
	c->rcpt++;
	if (!c->mail || !path_of(line, c->to, sizeof(c->to))) {
		reply(c, "503 5.5.1 Error: need MAIL command\r\n");
		return;
	}
	struct receiver *s = c->receiver;
	if (is_put_off(c)) {
		log_line(s, "postfix/smtpd", c->pid,
			 "NOQUEUE: reject: RCPT from unknown[%s]: 450 4.2.0 <%s>: "
			 "Recipient address rejected: Greylisted; from=<%s> to=<%s> "
			 "proto=ESMTP helo=<%s>",
			 c->client, c->to, c->from, c->to, c->helo);
		reply(c, "450 4.2.0 <%s>: Recipient address rejected: Greylisted\r\n",
		      c->to);
		return;
	}
	c->taken++;
	(void)snprintf(c->queue_id, sizeof(c->queue_id), "%010llX",
		       (unsigned long long)(UINT64_C(0x4A0000000) + ++s->queue_ids));
	log_line(s, "postfix/smtpd", c->pid, "%s: client=unknown[%s]", c->queue_id,
		 c->client);
	reply(c, "250 2.1.5 Ok\r\n");
}

static void on_data_end(struct session *c)
{
	struct receiver *s = c->receiver;
	log_line(s, "postfix/cleanup", FIRST_PID - 1, "%s: message-id=<%s@%s>",
		 c->queue_id, c->queue_id, s->name);
	log_line(s, "postfix/qmgr", FIRST_PID - 2,
		 "%s: from=<%s>, size=%zu, nrcpt=1 (queue active)", c->queue_id, c->from,
		 c->size);
	if (s->options.filters)
		log_line(
		    s, "rspamd", FIRST_PID - 4,
		    "<%s>; task; rspamd_task_write_log: id: <%s@%s>, qid: <%s>, ip: "
		    "%s, from: <%s>, (default: %s [%s/15.00] [], len: %zu, time: 9ms",
		    c->queue_id, c->queue_id, s->name, c->queue_id, c->client, c->from,
		    c->is_spam ? "T (add header):" : "F (no action):",
		    c->is_spam ? "9.10" : "0.10", c->size);
	reply(c, "250 2.0.0 Ok: queued as %s\r\n", c->queue_id);
	log_line(s, "postfix/local", FIRST_PID - 3,
		 "%s: to=<%s>, relay=local, delay=0.01, delays=0.01/0/0/0, dsn=2.0.0, "
		 "status=sent (delivered to mailbox)",
		 c->queue_id, c->to);
	log_line(s, "postfix/qmgr", FIRST_PID - 2, "%s: removed", c->queue_id);
	c->in_data = c->is_spam = false;
	c->size = 0;
}

static bool is_command(const char *line, const char *verb)
{
	size_t n = strlen(verb);
	return strncasecmp(line, verb, n) == 0 && (!line[n] || line[n] == ' ');
}

static void on_command(struct session *c, const char *line)
{
	c->commands++;
	if (is_command(line, "EHLO") || is_command(line, "HELO")) {
		c->ehlo++;
		(void)str_copy(c->helo, sizeof(c->helo), line[4] ? line + 5 : "");
		reply(c, "250-%s\r\n250-8BITMIME\r\n250 SIZE 10240000\r\n",
		      c->receiver->name);
	} else if (is_command(line, "MAIL")) {
		on_mail(c, line);
	} else if (is_command(line, "RCPT")) {
		on_rcpt(c, line);
	} else if (is_command(line, "DATA") && c->taken) {
		c->data++;
		c->in_data = true;
		reply(c, "354 End data with <CR><LF>.<CR><LF>\r\n");
	} else if (is_command(line, "QUIT")) {
		c->was_quit = true;
		reply(c, "221 2.0.0 Bye\r\n");
		end(c);
	} else {
		reply(c, "502 5.5.2 Error: command not recognized\r\n");
	}
}

static void on_line(struct session *c)
{
	if (!c->in_data) {
		on_command(c, c->line);
		return;
	}
	c->size += strlen(c->line) + 2;
	c->is_spam = c->is_spam || strcmp(c->line, "Subject: " RECEIVER_SPAM) == 0;
	if (strcmp(c->line, ".") == 0)
		on_data_end(c);
}

static void on_bytes(struct session *c, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len && !uv_is_closing((uv_handle_t *)&c->tcp); i++) {
		if (bytes[i] == '\n') {
			if (c->len && c->line[c->len - 1] == '\r')
				c->len--;
			c->line[c->len] = '\0';
			c->len = 0;
			on_line(c);
		} else if (c->len < sizeof(c->line) - 1) {
			c->line[c->len++] = bytes[i];
		} else {
			end(c);
		}
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct session *c = stream->data;
	if (n < 0)
		end(c);
	else
		on_bytes(c, b->base, (size_t)n);
}

static unsigned free_pid(struct receiver *s)
{
	for (unsigned i = 0; i < MAX_SESSIONS; i++) {
		if (s->busy_pids[i])
			continue;
		s->busy_pids[i] = true;
		return FIRST_PID + i;
	}
	return 0;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct receiver *s = listener->data;
	unsigned pid = status < 0 ? 0 : free_pid(s);
	if (!pid)
		return; /* the client waits; the driver never has so many */
	struct session *c = xcalloc(1, sizeof(*c));
	c->receiver = s;
	c->pid = pid;
	c->tcp.data = c;
	(void)uv_tcp_init(s->loop, &c->tcp); /* fails for flags only */
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0) {
		uv_close((uv_handle_t *)&c->tcp, on_closed);
		return;
	}
	struct sockaddr_storage sa;
	int len = sizeof(sa);
	if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&sa, &len) < 0)
		memset(&sa, 0, sizeof(sa));
	c->addr = addr_from_sockaddr((struct sockaddr *)&sa, NULL);
	(void)addr_text(c->addr, c->client);
	log_line(s, "postfix/smtpd", pid, "connect from unknown[%s]", c->client);
	if (uv_read_start((uv_stream_t *)&c->tcp, socket_alloc, on_read) < 0) {
		end(c);
		return;
	}
	reply(c, "220 %s ESMTP Postfix\r\n", s->name);
}

int receiver_listen(struct receiver *s, struct endpoint *at, struct error *e)
{
	int fd = socket_listen(at, e);
	if (fd < 0)
		return fd;
	int rc = uv_tcp_init(s->loop, &s->listener);
	if (rc == 0)
		rc = uv_tcp_open(&s->listener, fd);
	s->listener.data = s;
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&s->listener, 1024, on_connection);
	assert(rc == 0); /* a listening socket of our own */
	return 0;
}

int receiver_new(uv_loop_t *loop, struct stamp_clock clock, const char *name,
		 struct endpoint *at, const char *log_path,
		 const struct receiver_options *options, struct receiver **ret_receiver,
		 struct error *e)
{
	int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return error_set(e, -errno, "cannot write %s: %m", log_path);
	struct receiver *s = xcalloc(1, sizeof(*s));
	*s = (struct receiver){
		.loop = loop, .clock = clock, .log_fd = log_fd, .options = *options
	};
	bool fits = str_copy(s->name, sizeof(s->name), name);
	assert(fits);
	int rc = receiver_listen(s, at, e);
	if (rc == 0)
		*ret_receiver = s;
	else
		receiver_free(s);
	return rc;
}

void receiver_stop(struct receiver *s)
{
	if (!uv_is_closing((uv_handle_t *)&s->listener))
		uv_close((uv_handle_t *)&s->listener, NULL);
}

void receiver_free(struct receiver *s)
{
	if (!s)
		return;
	tdestroy(s->triplets, free);
	(void)close(s->log_fd);
	free(s);
}
