#include "dns/resolver.h"

#include <ares.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/mem.h"
#include "dns/window.h"

enum {
	TIMEOUT_MS = 2000,
	TRIES = 4,
	DIRECT_TRIES = 2,
	TICK_MS = 50, /* how late a time-out may be noticed */
	IDS = 128,
	SILENT_TRIES = 8,
};

struct question {
	struct question *next;
	struct server *server;
	resolver_callback *callback;
	void *arg;
	enum rr_type type;
	unsigned tries_left;
	uint16_t wire_len;
	uint8_t wire[MESSAGE_QUERY_MAX];
	char name[NAME_TEXT_MAX];
};

/* The recursive servers together, or one name server: a channel of c-ares, the
 * questions that wait for it, and its window. */
struct server {
	struct resolver *resolver;
	struct addr addr; /* of a name server */
	uint16_t port;
	uint64_t last_used; /* by the count of questions asked */
	struct server *next;
	ares_channel channel;
	unsigned tries;
	unsigned lost_in_row;   /* tries since the last answer */
	uint64_t first_loss_ms; /* of these; of the loop's clock */
	struct window window;
	struct question *first, **last;
};

struct socket_watch {
	uv_poll_t poll;
	struct server *server;
	ares_socket_t fd;
	struct socket_watch *next, **link;
};

struct resolver {
	uv_loop_t *loop;
	uv_timer_t tick;
	uv_idle_t soon; /* runs what was asked since the last turn of the loop */
	unsigned handles;
	bool is_closing, is_pumping;
	struct resolver_options options;
	struct resolver_counts counts;
	uint64_t open; /* questions neither answered nor given up */
	struct server recursive;
	struct server *direct; /* name servers asked directly */
	size_t direct_count;
	struct socket_watch *sockets;
	struct question *spare;  /* freed questions, for reuse */
	struct question *broken; /* names that cannot be asked */
	uint16_t ids[IDS];
	unsigned ids_left;
	struct answer answer; /* one at a time: callbacks do not nest */
};

/* ---- handles ---------------------------------------------------------- */

static void handle_closed(uv_handle_t *h)
{
	struct resolver *r = h->data;
	if (--r->handles == 0)
		free(r);
}

static void socket_closed(uv_handle_t *h)
{
	struct socket_watch *s = (struct socket_watch *)h;
	free(s);
}

static void server_pump(struct server *s);
static void forget_idle_servers(struct resolver *r);

static void pump_all(struct resolver *r)
{
	server_pump(&r->recursive);
	for (struct server *s = r->direct; s; s = s->next)
		server_pump(s);
}

static void on_socket(uv_poll_t *p, int status, int events)
{
	struct socket_watch *s = (struct socket_watch *)p;
	struct server *server = s->server;
	/* On an error c-ares finds out by itself when it reads. */
	bool readable = status < 0 || (events & UV_READABLE);
	bool writable = status < 0 || (events & UV_WRITABLE);
	ares_process_fd(server->channel, readable ? s->fd : ARES_SOCKET_BAD,
			writable ? s->fd : ARES_SOCKET_BAD);
	server_pump(server);
}

static struct socket_watch *find_socket(struct resolver *r, ares_socket_t fd)
{
	for (struct socket_watch *s = r->sockets; s; s = s->next)
		if (s->fd == fd)
			return s;
	return NULL;
}

static void forget_socket(struct socket_watch *s)
{
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	/* Out of epoll before c-ares closes the descriptor. */
	(void)uv_poll_stop(&s->poll);
	uv_close((uv_handle_t *)&s->poll, socket_closed);
}

static void watch_socket(struct server *server, ares_socket_t fd, int events)
{
	struct resolver *r = server->resolver;
	struct socket_watch *s = find_socket(r, fd);
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		if (uv_poll_init_socket(r->loop, &s->poll, fd) != 0) {
			free(s); /* the tick's time-outs end what was asked there */
			return;
		}
		s->server = server;
		s->fd = fd;
		s->next = r->sockets;
		s->link = &r->sockets;
		if (s->next)
			s->next->link = &s->next;
		r->sockets = s;
		/* The tick keeps the loop alive, and only while questions are open. */
		uv_unref((uv_handle_t *)&s->poll);
	}
	(void)uv_poll_start(&s->poll, events, on_socket);
}

static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct server *server = data;
	int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
	struct socket_watch *s;
	if (events)
		watch_socket(server, fd, events);
	else if ((s = find_socket(server->resolver, fd)))
		forget_socket(s);
}

/* ---- questions -------------------------------------------------------- */

static uint16_t next_id(struct resolver *r)
{
	if (r->ids_left == 0) {
		ssize_t n = getrandom(r->ids, sizeof(r->ids), 0);
		assert(n ==
		       sizeof(r->ids)); /* getrandom(2): up to 256 bytes come whole */
		r->ids_left = IDS;
	}
	return r->ids[--r->ids_left];
}

static struct question *question_new(struct resolver *r)
{
	struct question *q = r->spare;
	if (q)
		r->spare = q->next;
	else
		q = xcalloc(1, sizeof(*q));
	q->next = NULL;
	return q;
}

static void question_end(struct resolver *r, struct question *q)
{
	resolver_callback *callback = q->callback;
	void *arg = q->arg;
	q->next = r->spare;
	r->spare = q;
	r->open--;
	if (r->is_closing)
		return;
	callback(&r->answer, arg);
	if (r->open == 0)
		(void)uv_timer_stop(&r->tick);
}

static enum lookup_status failure_of(int ares_status)
{
	switch (ares_status) {
	case ARES_ECONNREFUSED: return LOOKUP_UNREACHABLE;
	case ARES_EBADRESP: return LOOKUP_GARBAGE;
	default: return LOOKUP_TIMEOUT;
	}
}

static void queue_question(struct server *s, struct question *q)
{
	q->next = NULL;
	*s->last = q;
	s->last = &q->next;
}

static unsigned timeout_ms(const struct resolver *r)
{
	return r->options.timeout_ms ? r->options.timeout_ms : TIMEOUT_MS;
}

/* Not one answer to many tries in more than two time-outs: nobody is there, and
 * a long list must not learn that name by name. */
static bool is_silent(const struct server *s)
{
	uint64_t silence = uv_now(s->resolver->loop) - s->first_loss_ms;
	return s->lost_in_row >= SILENT_TRIES &&
	       2 * silence >= 5 * timeout_ms(s->resolver);
}

static void note_loss(struct server *s)
{
	s->resolver->counts.lost++;
	window_lost(&s->window);
	if (s->lost_in_row++ == 0)
		s->first_loss_ms = uv_now(s->resolver->loop);
}

/* What waits for a silent server fails now; what is asked later tries again. */
static void end_waiting(struct server *s)
{
	struct question *q = s->first;
	s->first = NULL;
	s->last = &s->first;
	while (q) {
		struct question *next = q->next;
		answer_failed(&s->resolver->answer, LOOKUP_TIMEOUT);
		question_end(s->resolver, q);
		q = next;
	}
}

/* Tries are ours and not c-ares': it would send again all that was lost, at
 * once, and lose it again to a server that was overrun. */
static bool try_again(struct server *s, struct question *q)
{
	if (q->tries_left == 0 || s->resolver->is_closing || is_silent(s))
		return false;
	q->tries_left--;
	message_set_id(q->wire, next_id(s->resolver));
	queue_question(s, q);
	return true;
}

/* c-ares does this too, but once in the life of a channel. */
static bool ask_without_edns(struct server *s, struct question *q)
{
	size_t len = q->wire_len;
	if (s->resolver->is_closing || !message_drop_edns(q->wire, &len))
		return false;
	q->wire_len = (uint16_t)len;
	message_set_id(q->wire, next_id(s->resolver));
	queue_question(s, q);
	return true;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *wire, int len)
{
	struct question *q = arg;
	struct server *s = q->server;
	struct resolver *r = s->resolver;
	(void)timeouts; /* of one server of several: another one answered */
	if (wire && len > 0) {
		r->counts.answered++;
		s->lost_in_row = 0;
		window_answered(&s->window);
		if (message_is_formerr(wire, (size_t)len) && ask_without_edns(s, q))
			return;
		answer_read(&r->answer, wire, (size_t)len, q->name, q->type);
	} else {
		note_loss(s);
		if (try_again(s, q))
			return;
		answer_failed(&r->answer, failure_of(status));
	}
	question_end(r, q);
	if (!r->is_closing && s->first && is_silent(s))
		end_waiting(s);
}

static void server_pump(struct server *s)
{
	/* ares_send may call back at once, and the callback may ask more: the
	 * outer call goes on with what was added. */
	if (s->resolver->is_pumping || s->resolver->is_closing)
		return;
	s->resolver->is_pumping = true;
	while (s->first && window_has_room(&s->window)) {
		struct question *q = s->first;
		s->first = q->next;
		if (!s->first)
			s->last = &s->first;
		window_sent(&s->window);
		ares_send(s->channel, q->wire, q->wire_len, on_answer, q);
	}
	s->resolver->is_pumping = false;
}

static void end_broken(struct resolver *r)
{
	while (r->broken) {
		struct question *q = r->broken;
		r->broken = q->next;
		answer_failed(&r->answer, LOOKUP_GARBAGE);
		question_end(r, q);
	}
}

static void on_soon(uv_idle_t *h)
{
	struct resolver *r = h->data;
	(void)uv_idle_stop(h);
	end_broken(r);
	pump_all(r);
}

static void on_tick(uv_timer_t *t)
{
	struct resolver *r = t->data;
	ares_process_fd(r->recursive.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (struct server *s = r->direct; s; s = s->next)
		if (s->window.open > 0)
			ares_process_fd(s->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	forget_idle_servers(r);
	pump_all(r);
}

static void enqueue(struct server *s, const char *name, enum rr_type type,
		    enum message_flags flags, resolver_callback *callback, void *arg)
{
	struct resolver *r = s->resolver;
	assert(!r->is_closing);
	struct question *q = question_new(r);
	q->server = s;
	q->callback = callback;
	q->arg = arg;
	q->type = type;
	if (r->open++ == 0)
		(void)uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
	r->counts.asked++;
	s->last_used = r->counts.asked;
	(void)uv_idle_start(&r->soon, on_soon);

	size_t len;
	if (!name || !message_ask(name, type, flags, next_id(r), q->wire, &len)) {
		q->next = r->broken;
		r->broken = q;
		return;
	}
	(void)str_copy(q->name, sizeof(q->name), name);
	q->wire_len = (uint16_t)len;
	q->tries_left = s->tries - 1;
	queue_question(s, q);
}

void resolver_ask(struct resolver *r, const char *name, enum rr_type type,
		  resolver_callback *callback, void *arg)
{
	enqueue(&r->recursive, name, type, MESSAGE_RECURSE, callback, arg);
}

/* ---- servers ---------------------------------------------------------- */

static int set_server(struct server *s, struct addr addr, uint16_t port)
{
	struct ares_addr_port_node node = { .udp_port = port, .tcp_port = port };
	if (addr_is_v4(addr)) {
		node.family = AF_INET;
		memcpy(&node.addr.addr4, addr.bytes + 12, 4);
	} else {
		node.family = AF_INET6;
		memcpy(&node.addr.addr6, addr.bytes, 16);
	}
	return ares_set_servers_ports(s->channel, &node);
}

static int server_init(struct server *s, struct resolver *r, unsigned tries,
		       bool is_given, struct error *e)
{
	char lookups[] = "b", nowhere[] = "/dev/null";
	struct ares_options o = {
		/* NOCHECKRESP: SERVFAIL is an answer, and ours to judge. EDNS says
		 * that our own packets have it, so that large answers are taken. */
		.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_STAYOPEN |
			 ARES_FLAG_EDNS,
		.timeout = (int)timeout_ms(r),
		.tries = 1,
		.ednspsz = MESSAGE_UDP_MAX,
		.lookups = lookups,
		.socket_receive_buffer_size = 1 << 20,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = s,
		/* A server that is given needs no file to be read for it. */
		.resolvconf_path = nowhere,
	};
	s->resolver = r;
	s->tries = tries;
	s->last = &s->first;
	window_init(&s->window, RESOLVER_WINDOW_START, RESOLVER_WINDOW_MAX);
	int code = ares_init_options(
	    &s->channel, &o,
	    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
		ARES_OPT_LOOKUPS | ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB |
		(is_given ? ARES_OPT_RESOLVCONF : 0));
	if (code != ARES_SUCCESS)
		return error_set(e, -EIO, "cannot start the resolver: %s",
				 ares_strerror(code));
	return 0;
}

static bool server_is_idle(const struct server *s)
{
	return s->window.open == 0 && !s->first;
}

static void server_release(struct server *s)
{
	ares_destroy(s->channel); /* closes its sockets through on_socket_state */
	while (s->first) {
		struct question *q = s->first;
		s->first = q->next;
		free(q);
	}
}

/* Only outside c-ares: a channel must not end within its own callback. */
static void forget_idle_servers(struct resolver *r)
{
	while (r->direct_count > RESOLVER_SERVERS_MAX) {
		struct server **oldest = NULL;
		for (struct server **at = &r->direct; *at; at = &(*at)->next)
			if (server_is_idle(*at) &&
			    (!oldest || (*at)->last_used < (*oldest)->last_used))
				oldest = at;
		if (!oldest)
			return;
		struct server *s = *oldest;
		*oldest = s->next;
		r->direct_count--;
		server_release(s);
		free(s);
	}
}

static int direct_new(struct resolver *r, struct addr addr, uint16_t port,
		      struct server **ret_server)
{
	struct server *s = xcalloc(1, sizeof(*s));
	unsigned tries = r->options.tries ? r->options.tries : DIRECT_TRIES;
	if (server_init(s, r, tries, true, NULL) != 0) {
		free(s);
		return -EIO;
	}
	if (set_server(s, addr, port) != ARES_SUCCESS) {
		server_release(s);
		free(s);
		return -EIO;
	}
	s->addr = addr;
	s->port = port;
	s->next = r->direct;
	r->direct = s;
	r->direct_count++;
	*ret_server = s;
	return 0;
}

void resolver_ask_server(struct resolver *r, struct addr server, uint16_t port,
			 const char *name, enum rr_type type, resolver_callback *callback,
			 void *arg)
{
	struct server *s = r->direct;
	while (s && !(s->port == port && addr_equal(s->addr, server)))
		s = s->next;
	if (!s && direct_new(r, server, port, &s) != 0) {
		/* Out of memory or descriptors in c-ares: the question fails. */
		enqueue(&r->recursive, NULL, type, MESSAGE_PLAIN, callback, arg);
		return;
	}
	enqueue(s, name, type, MESSAGE_PLAIN, callback, arg);
}

/* ---- life ------------------------------------------------------------- */

int resolver_new(uv_loop_t *loop, const struct resolver_options *options,
		 struct resolver **ret_resolver, struct error *e)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	r->loop = loop;
	r->options = *options;
	int code = server_init(&r->recursive, r, options->tries ? options->tries : TRIES,
			       options->has_server, e);
	if (code == 0 && options->has_server &&
	    set_server(&r->recursive, options->server, options->port) != ARES_SUCCESS) {
		ares_destroy(r->recursive.channel);
		code = error_set(e, -EIO, "cannot use that resolver");
	}
	if (code != 0) {
		free(r);
		return code;
	}
	r->tick.data = r->soon.data = r;
	r->handles = 2;
	int n = uv_timer_init(loop, &r->tick);
	assert(n == 0);
	n = uv_idle_init(loop, &r->soon);
	assert(n == 0);
	*ret_resolver = r;
	return 0;
}

static void free_list(struct question *q)
{
	while (q) {
		struct question *next = q->next;
		free(q);
		q = next;
	}
}

void resolver_free(struct resolver *r)
{
	r->is_closing = true;
	server_release(&r->recursive);
	while (r->direct) {
		struct server *s = r->direct;
		r->direct = s->next;
		server_release(s);
		free(s);
	}
	free_list(r->spare);
	free_list(r->broken);
	uv_close((uv_handle_t *)&r->tick, handle_closed);
	uv_close((uv_handle_t *)&r->soon, handle_closed);
}

struct resolver_counts resolver_counts(const struct resolver *r)
{
	struct resolver_counts c = r->counts;
	c.window = r->recursive.window.size;
	return c;
}
