#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/decoy/decoy_own.h"

/* Bytes of one read. What they can make us answer must fit DECOY_PENDING_MAX,
 * for any client that pipelines mail and reads later. */
enum { READ_MAX = 1024, REPLIES_MAX = 256 * 1024 };

static struct decoy_talk *talk_of(const struct decoy_conn *c)
{
	return c->poll.data;
}

/* Clients share a limit by IPv4 address or IPv6 /64. */
static struct addr client_key(struct addr client)
{
	return addr_is_v4(client) ? client : prefix_of(client, 64).addr;
}

static struct decoy_conn **bucket(const struct decoy_set *d, struct addr client)
{
	return &d->clients[addr_hash(client_key(client)) & d->client_mask];
}

bool decoy_is_talking(const struct decoy_set *d, struct addr client)
{
	struct decoy_conn *c = *bucket(d, client);
	while (c && !addr_equal(c->client, client))
		c = c->next;
	return c != NULL;
}

bool decoy_is_over_client(const struct decoy_set *d, struct addr client)
{
	struct addr key = client_key(client);
	uint32_t count = 0;
	for (struct decoy_conn *c = *bucket(d, client); c; c = c->next)
		if (addr_equal(client_key(c->client), key))
			count++;
	return count >= d->limits.per_client;
}

static void link_in(struct decoy_set *d, struct decoy_conn *c)
{
	struct decoy_conn **head = bucket(d, c->client);
	c->next = *head;
	*head = c;
	c->older = d->newest;
	c->newer = NULL;
	*(d->newest ? &d->newest->newer : &d->oldest) = c;
	d->newest = c;
	d->counts.open++;
}

static void link_out(struct decoy_set *d, struct decoy_conn *c)
{
	struct decoy_conn **at = bucket(d, c->client);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	*(c->newer ? &c->newer->older : &d->newest) = c->older;
	*(c->older ? &c->older->newer : &d->oldest) = c->newer;
	d->counts.open--;
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

static void give(struct decoy_conn *c)
{
	const struct decoy_talk *t = talk_of(c);
	struct visit v = { .client = c->client,
			   .depth = DEPTH_CONNECT,
			   .time = c->time,
			   .answered = c->time,
			   .helo = "",
			   .mail_from = "",
			   .recipient_domain = "" };
	if (t) {
		v.depth = smtp_depth(&t->smtp);
		v.helo = text_or_empty(t->smtp.helo);
		v.mail_from = text_or_empty(t->smtp.mail_from);
		v.recipient_domain = text_or_empty(t->smtp.recipient_domain);
		for (size_t i = 0; i < t->smtp.envelope_count; i++)
			visit_add_envelope(&v, t->smtp.envelopes[i]);
	}
	decoy_give(c->listener, &v);
}

static void on_closed(uv_handle_t *h)
{
	struct decoy_set *d = h->data; /* the listener may be gone */
	d->handles--;
	free(h);
}

void decoy_talk_end(struct decoy_conn *c, enum decoy_end how)
{
	struct decoy_set *d = c->listener->set;
	struct decoy_talk *t = talk_of(c);
	give(c);
	link_out(d, c);
	if (t) {
		smtp_release(&t->smtp);
		free(t->pending);
		free(t);
	}
	c->poll.data = d;
	uv_close((uv_handle_t *)&c->poll, on_closed); /* before the descriptor goes */
	switch (how) {
	case DECOY_CLOSE: close(c->fd); break;
	case DECOY_LINGER: decoy_linger(d, c->fd); break;
	case DECOY_RESET: decoy_reset(c->fd); break;
	}
}

static void on_event(uv_poll_t *poll, int status, int events);

static void wait_for(struct decoy_conn *c, int events)
{
	int rc = uv_poll_start(&c->poll, events, on_event);
	assert(rc == 0); /* fails for a handle that closes only */
	(void)rc;
}

/* Keeps what the socket did not take. False: too much. */
static bool keep_pending(struct decoy_talk *t, const char *text, size_t len)
{
	if (len > DECOY_PENDING_MAX)
		return false;
	char *copy = len ? xcalloc(len, 1) : NULL;
	if (len)
		memcpy(copy, text, len);
	free(t->pending); /* may be what text points into */
	t->pending = copy;
	t->pending_len = (uint32_t)len;
	return true;
}

enum sent { SENT_ALL, SENT_PART, SENT_FAILED };

/* While replies wait nothing is read: a client that never reads costs
 * DECOY_PENDING_MAX here and what the kernel gives a socket. */
static enum sent say(struct decoy_conn *c, const char *text, size_t len)
{
	ssize_t n = len ? send(c->fd, text, len, MSG_NOSIGNAL) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return SENT_FAILED;
	size_t sent = n > 0 ? (size_t)n : 0;
	struct decoy_talk *t = talk_of(c);
	if (sent == len && (!t || !t->pending))
		return SENT_ALL;
	if (!t || !keep_pending(t, text + sent, len - sent)) {
		c->listener->set->counts.over_output++;
		return SENT_FAILED;
	}
	return t->pending ? SENT_PART : SENT_ALL;
}

static void answer(struct decoy_conn *c, const char *bytes, size_t len)
{
	struct decoy_set *d = c->listener->set;
	struct decoy_talk *t = talk_of(c);
	const struct smtp_who who = { c->listener->name, c->listener->cause,
				      d->limits.commands };
	struct buf out = BUF_INIT(REPLIES_MAX);
	enum smtp_next next = smtp_feed(&t->smtp, &who, bytes, len, &out);
	if (t->smtp.is_over_commands)
		d->counts.over_commands++;
	enum sent sent = say(c, buf_text(&out), out.len);
	buf_release(&out);
	if (sent == SENT_FAILED)
		decoy_talk_end(c, DECOY_RESET);
	else if (next == SMTP_CLOSE)
		decoy_talk_end(c, DECOY_LINGER);
	else if (sent == SENT_PART)
		wait_for(c, UV_WRITABLE);
}

static void on_readable(struct decoy_conn *c)
{
	char bytes[READ_MAX];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		decoy_talk_end(c, DECOY_CLOSE);
		return;
	}
	c->active_ms = decoy_now_ms(c->listener->set);
	if (!talk_of(c))
		c->poll.data = xcalloc(1, sizeof(struct decoy_talk));
	answer(c, bytes, (size_t)n);
}

static void on_writable(struct decoy_conn *c)
{
	struct decoy_talk *t = talk_of(c);
	switch (say(c, t->pending, t->pending_len)) {
	case SENT_FAILED: decoy_talk_end(c, DECOY_RESET); break;
	case SENT_PART: break;
	case SENT_ALL: wait_for(c, UV_READABLE); break;
	}
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct decoy_conn *c = (struct decoy_conn *)poll;
	if (status < 0)
		decoy_talk_end(c, DECOY_CLOSE); /* reset by the client */
	else if (events & UV_WRITABLE)
		on_writable(c);
	else if (events & UV_READABLE)
		on_readable(c);
}

static enum sent greet(struct decoy_conn *c)
{
	const struct smtp_who who = { c->listener->name, c->listener->cause, 0 };
	struct buf out = BUF_INIT(SMTP_REPLY_MAX);
	smtp_greet(&who, &out);
	enum sent sent = say(c, buf_text(&out), out.len);
	buf_release(&out);
	return sent;
}

bool decoy_talk_begin(struct decoy_listener *l, int fd, struct addr client, int64_t time)
{
	struct decoy_conn *c = xcalloc(1, sizeof(*c));
	c->listener = l;
	c->client = client;
	c->time = time;
	c->start_ms = c->active_ms = c->held_ms = decoy_now_ms(l->set);
	c->fd = fd;
	if (uv_poll_init(l->set->loop, &c->poll, fd) != 0) {
		free(c);
		return false;
	}
	l->set->handles++;
	link_in(l->set, c);
	if (greet(c) == SENT_ALL)
		wait_for(c, UV_READABLE);
	else
		decoy_talk_end(c, DECOY_RESET);
	return true;
}

void decoy_talk_dismiss(struct decoy_conn *c)
{
	const struct smtp_who who = { c->listener->name, c->listener->cause, 0 };
	struct buf out = BUF_INIT(SMTP_REPLY_MAX);
	smtp_close(&who, "is going out of service", &out);
	(void)!send(c->fd, out.data, out.len, MSG_NOSIGNAL); /* gone? no matter */
	buf_release(&out);
	decoy_talk_end(c, DECOY_LINGER);
}

/* Nobody holds the watermark of a host back for longer: what comes of the connection
 * is another visit. */
static void let_go(struct decoy_conn *c, uint32_t now)
{
	if (now - c->held_ms < DECOY_HELD_MS)
		return;
	give(c);
	c->time = stamp_clock_now(c->listener->set->clock);
	c->held_ms = now;
}

void decoy_talk_time_out(struct decoy_set *d)
{
	uint32_t now = decoy_now_ms(d);
	struct decoy_conn *newer;
	for (struct decoy_conn *c = d->oldest; c; c = newer) {
		newer = c->newer;
		if (now - c->start_ms < d->limits.total_ms &&
		    now - c->active_ms < d->limits.idle_ms) {
			let_go(c, now);
			continue;
		}
		d->counts.over_time++;
		decoy_talk_end(c, DECOY_RESET);
	}
}
