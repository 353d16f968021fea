#include "serve/policy/policy_server.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/socket_file.h"

enum {
	TICK_MS = 1000,
	ACCEPTS_AT_ONCE = 64,
	BACKLOG = 1024,
	SAY_MS = 60 * 1000,
	/* The shortest request has 4 bytes, and one may have begun before. */
	OUT_MAX = (POLICY_READ_MAX / 4 + 1) * (POLICY_ACTION_MAX + 16),
};

struct listener {
	uv_poll_t poll;
	struct policy_server *server;
	struct socket_file file; /* of a unix socket; file.fd of both kinds */
	struct endpoint at;
	bool is_paused, is_wanted;
	struct listener *next;
};

struct conn {
	uv_poll_t poll;
	struct policy_server *server;
	struct listener *listener;
	struct conn *next, *before;
	int fd;
	uint64_t peer;      /* whose it is: equal numbers are equal peers */
	uint64_t active_ms; /* the last byte, or the first of what is not complete */
	struct buf rest;    /* of answers that did not fit into the socket */
	struct policy_reader reader;
};

struct policy_server {
	uv_loop_t *loop;
	uv_timer_t tick;
	struct policy_limits limits;
	policy_answer_fn answer;
	void *arg;
	struct listener *listeners;
	struct conn *conns;
	struct buf out; /* answers to what was read at once */
	char in[POLICY_READ_MAX];
	struct policy_counts counts;
	uint64_t said, said_ms; /* of those closed: how many, and when */
	unsigned handles;
	bool is_stopped;
};

/* Connections */

static void on_conn_closed(uv_handle_t *h)
{
	struct conn *c = (struct conn *)h;
	c->server->handles--;
	buf_release(&c->rest);
	free(c);
}

static void close_conn(struct conn *c)
{
	struct policy_server *p = c->server;
	*(c->before ? &c->before->next : &p->conns) = c->next;
	if (c->next)
		c->next->before = c->before;
	p->counts.open--;
	uv_close((uv_handle_t *)&c->poll, on_conn_closed);
	close(c->fd);
}

static void on_conn(uv_poll_t *poll, int status, int events);

static void watch_conn(struct conn *c, int events)
{
	int rc = uv_poll_start(&c->poll, events, on_conn);
	assert(rc == 0); /* fails for a handle that closes only */
	(void)rc;
}

/* False: the client is gone. What does not fit waits, and nothing more is read
 * until it went. */
static bool send_all(struct conn *c, const char *data, size_t len)
{
	ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	size_t sent = n < 0 ? 0 : (size_t)n;
	if (sent == len)
		return true;
	struct buf rest = BUF_INIT(OUT_MAX);
	buf_add(&rest, data + sent, len - sent);
	buf_release(&c->rest);
	c->rest = rest;
	watch_conn(c, UV_WRITABLE);
	return true;
}

static void answer_one(struct conn *c)
{
	struct policy_server *p = c->server;
	char action[POLICY_ACTION_MAX];
	p->counts.requests++;
	p->answer(p->arg, &c->reader.request, action);
	buf_adds(&p->out, "action=");
	buf_adds(&p->out, action);
	buf_adds(&p->out, "\n\n");
}

/* False: it is no Postfix. */
static bool take(struct conn *c, const char *data, size_t len)
{
	while (len > 0) {
		size_t used;
		enum policy_next next = policy_read(&c->reader, data, len, &used);
		if (next == POLICY_BROKEN)
			return false;
		if (next == POLICY_REQUEST)
			answer_one(c);
		data += used;
		len -= used;
	}
	return true;
}

static void receive(struct conn *c)
{
	struct policy_server *p = c->server;
	ssize_t n = recv(c->fd, p->in, sizeof(p->in), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_conn(c);
		return;
	}
	uint64_t requests = p->counts.requests;
	bool was_within = policy_is_within(&c->reader);
	buf_clear(&p->out);
	bool is_fit = take(c, p->in, (size_t)n);
	p->counts.broken += !is_fit;
	bool is_sent = p->out.len == 0 || send_all(c, p->out.data, p->out.len);
	if (!is_fit || !is_sent)
		close_conn(c);
	else if (!was_within || p->counts.requests > requests)
		c->active_ms = uv_now(p->loop); /* half a request stays as old as it is */
}

static void send_rest(struct conn *c)
{
	struct buf rest = c->rest;
	c->rest = (struct buf)BUF_INIT(OUT_MAX);
	bool is_sent = send_all(c, rest.data, rest.len);
	buf_release(&rest);
	if (!is_sent)
		close_conn(c);
	else if (c->rest.len == 0)
		watch_conn(c, UV_READABLE);
}

static void on_conn(uv_poll_t *poll, int status, int events)
{
	struct conn *c = (struct conn *)poll;
	if (status < 0)
		close_conn(c);
	else if (events & UV_WRITABLE)
		send_rest(c);
	else
		receive(c);
}

/* The user of a unix socket's other end; an address of a TCP one. */
static uint64_t peer_of(const struct listener *l, int fd)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(sa);
	struct ucred who;
	socklen_t who_len = sizeof(who);
	if (*l->file.path)
		return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) == 0
			   ? who.uid
			   : UINT64_MAX;
	if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0)
		return UINT64_MAX; /* gone again */
	return addr_hash(addr_from_sockaddr((struct sockaddr *)&sa, NULL));
}

/* Between two requests: nothing is lost when it is closed. */
static bool is_idle(const struct conn *c)
{
	return !policy_is_within(&c->reader) && c->rest.len == 0;
}

/* Is there room for one more of this peer? If need be the longest idle one goes. */
static bool make_room(struct policy_server *p, uint64_t peer)
{
	struct conn *oldest = NULL, *own = NULL;
	uint32_t count = 0;
	for (struct conn *c = p->conns; c; c = c->next) {
		bool is_own = c->peer == peer;
		count += is_own;
		if (!is_idle(c))
			continue;
		if (!oldest || c->active_ms <= oldest->active_ms)
			oldest = c;
		if (is_own && (!own || c->active_ms <= own->active_ms))
			own = c;
	}
	bool is_over_peer = count >= p->limits.per_peer;
	if (!is_over_peer && p->counts.open < p->limits.connections)
		return true;
	struct conn *gone = is_over_peer ? own : oldest;
	if (!gone)
		return false;
	p->counts.made_room++;
	close_conn(gone);
	return true;
}

/* Rarely, whatever comes. */
static void say_crowded(struct policy_server *p, uint64_t now)
{
	uint64_t all = p->counts.made_room + p->counts.over_connections;
	if (all == p->said || (p->said_ms && now - p->said_ms < SAY_MS))
		return;
	log_warning("policy-crowded open=%u closed=%llu refused=%llu note=\"more "
		    "connections to the policy service than it may have; those idle for "
		    "longest were closed; who holds them? (ss -xp, ss -tnp)\"",
		    p->counts.open, (unsigned long long)p->counts.made_room,
		    (unsigned long long)p->counts.over_connections);
	p->said = all;
	p->said_ms = now;
}

static void begin_conn(struct listener *l, int fd, uint64_t peer)
{
	struct policy_server *p = l->server;
	int on = 1;
	struct conn *c = xcalloc(1, sizeof(*c));
	*c = (struct conn){
		.server = p, .listener = l, .next = p->conns, .fd = fd, .peer = peer
	};
	c->rest = (struct buf)BUF_INIT(OUT_MAX);
	c->active_ms = uv_now(p->loop);
	if (uv_poll_init(p->loop, &c->poll, fd) != 0) {
		close(fd);
		free(c);
		return;
	}
	if (!*l->file.path)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p->handles++;
	p->counts.open++;
	p->counts.connections++;
	if (p->conns)
		p->conns->before = c;
	p->conns = c;
	watch_conn(c, UV_READABLE);
}

/* Listeners */

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct listener *l = (struct listener *)poll;
	struct policy_server *p = l->server;
	(void)status, (void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(l->file.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno == ECONNABORTED)
			continue;
		if (fd < 0 && errno != EAGAIN && errno != EINTR) {
			/* Out of descriptors: the tick tries again. */
			(void)uv_poll_stop(&l->poll);
			l->is_paused = true;
		}
		if (fd < 0)
			return;
		uint64_t peer = peer_of(l, fd);
		if (make_room(p, peer)) {
			begin_conn(l, fd, peer);
		} else {
			p->counts.over_connections++;
			close(fd);
		}
	}
}

static void on_listener_closed(uv_handle_t *h)
{
	struct listener *l = (struct listener *)h;
	l->server->handles--;
	free(l);
}

static void close_listener(struct listener *l)
{
	struct policy_server *p = l->server;
	struct conn *next;
	for (struct conn *c = p->conns; c; c = next) {
		next = c->next;
		if (c->listener == l)
			close_conn(c);
	}
	p->counts.listeners--;
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	if (*l->file.path)
		socket_file_close(&l->file);
	else
		close(l->file.fd);
}

static int failed(struct endpoint at, int error, struct error *e)
{
	char text[ADDR_TEXT_MAX];
	addr_text(at.addr, text);
	if (error == EADDRINUSE)
		return error_set(e, -error,
				 "policy: %s port %u is in use by another program (ss "
				 "-ltnp 'sport = :%u' shows which)",
				 text, at.port, at.port);
	return error_set(e, -error, "policy: cannot listen on %s port %u: %s", text,
			 at.port, strerror(error));
}

static int listen_tcp(struct endpoint at, int *ret_fd, struct error *e)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(at.addr, at.port, &sa);
	int on = 1;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(at, errno, e);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&sa, len) != 0 || listen(fd, BACKLOG) != 0) {
		int error = errno;
		close(fd);
		return failed(at, error, e);
	}
	*ret_fd = fd;
	return 0;
}

/* 0666: the folder says who may connect. Postfix's smtpd is neither of our user
 * nor of our group. */
static int open_listener(struct policy_server *p, const struct policy_socket *s,
			 struct error *e)
{
	struct socket_file file = { .fd = -1 };
	int rc = *s->path ? socket_file_open(&file, s->path, 0666, e)
			  : listen_tcp(s->at, &file.fd, e);
	if (rc != 0)
		return rc;
	struct listener *l = xcalloc(1, sizeof(*l));
	*l = (struct listener){ .server = p, .file = file, .at = s->at };
	rc = uv_poll_init(p->loop, &l->poll, file.fd);
	if (rc != 0) {
		*s->path ? socket_file_close(&file) : (void)close(file.fd);
		free(l);
		return error_set(e, rc, "policy: %s", uv_strerror(rc));
	}
	p->handles++;
	p->counts.listeners++;
	l->is_wanted = true;
	l->is_paused = true; /* until all could be opened */
	l->next = p->listeners;
	p->listeners = l;
	return 0;
}

static struct listener *find(struct policy_server *p, const struct policy_socket *s)
{
	for (struct listener *l = p->listeners; l; l = l->next) {
		if (*s->path ? strcmp(l->file.path, s->path) == 0
			     : !*l->file.path && l->at.port == s->at.port &&
				   addr_equal(l->at.addr, s->at.addr))
			return l;
	}
	return NULL;
}

static void resume(struct policy_server *p)
{
	for (struct listener *l = p->listeners; l; l = l->next) {
		if (!l->is_paused)
			continue;
		l->is_paused = false;
		int rc = uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
		assert(rc == 0);
		(void)rc;
	}
}

int policy_server_apply(struct policy_server *p, const struct policy_socket *sockets,
			size_t count, struct error *e)
{
	int rc = 0;
	assert(!p->is_stopped);
	for (struct listener *l = p->listeners; l; l = l->next)
		l->is_wanted = false;
	struct listener *old = p->listeners;
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct listener *l = find(p, &sockets[i]);
		if (l)
			l->is_wanted = true;
		else
			rc = open_listener(p, &sockets[i], e);
	}
	/* New ones stand before the old. On error those go, else the unwanted. */
	bool is_new = true;
	for (struct listener **at = &p->listeners, *l; (l = *at);) {
		is_new = is_new && l != old;
		if (rc != 0 ? is_new : !l->is_wanted) {
			*at = l->next;
			close_listener(l);
		} else {
			at = &l->next;
		}
	}
	resume(p);
	return rc;
}

/* The server */

static void on_tick(uv_timer_t *timer)
{
	struct policy_server *p = timer->data;
	uint64_t now = uv_now(p->loop);
	struct conn *next;
	resume(p);
	say_crowded(p, now);
	for (struct conn *c = p->conns; c; c = next) {
		next = c->next;
		if (now - c->active_ms <
		    (is_idle(c) ? p->limits.idle_ms : p->limits.request_ms))
			continue;
		p->counts.over_time++;
		close_conn(c);
	}
}

struct policy_limits policy_limits_default(void)
{
	return (struct policy_limits){ .connections = 1024,
				       .per_peer = 768,
				       .idle_ms = 6 * 60 * 1000,
				       .request_ms = 10 * 1000 };
}

struct policy_server *policy_server_new(uv_loop_t *loop,
					const struct policy_limits *limits,
					policy_answer_fn answer, void *arg)
{
	struct policy_server *p = xcalloc(1, sizeof(*p));
	p->loop = loop;
	p->limits = *limits;
	p->answer = answer;
	p->arg = arg;
	p->out = (struct buf)BUF_INIT(OUT_MAX);
	p->tick.data = p;
	int rc = uv_timer_init(loop, &p->tick);
	if (rc == 0)
		rc = uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
	assert(rc == 0); /* timers need nothing that could lack */
	(void)rc;
	p->handles = 1;
	return p;
}

void policy_server_set_connections(struct policy_server *p, uint32_t connections)
{
	p->limits.connections = connections;
	p->limits.per_peer = connections - connections / 4;
}

struct policy_counts policy_server_counts(const struct policy_server *p)
{
	return p->counts;
}

static void on_tick_closed(uv_handle_t *h)
{
	struct policy_server *p = h->data;
	p->handles--;
}

void policy_server_stop(struct policy_server *p)
{
	struct listener *next;
	if (p->is_stopped)
		return;
	p->is_stopped = true;
	for (struct listener *l = p->listeners; l; l = next) {
		next = l->next;
		close_listener(l);
	}
	p->listeners = NULL;
	uv_close((uv_handle_t *)&p->tick, on_tick_closed);
}

void policy_server_free(struct policy_server *p)
{
	if (!p)
		return;
	assert(p->is_stopped && p->handles == 0);
	buf_release(&p->out);
	free(p);
}
