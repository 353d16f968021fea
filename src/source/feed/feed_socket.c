/* A feed that comes over a unix socket, from any number of machines. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "source/feed/feed_own.h"

enum { SOCKET_MODE = 0660, BACKLOG = 16, RETRY_MS = 5000 };

struct peer {
	uv_pipe_t pipe;
	struct listener *listener;
	struct intake_stream *stream; /* NULL: one too many */
	uint64_t heard_ms;
	struct peer *next;
};

struct listener {
	uv_loop_t *loop;
	struct intake *in;
	char *path;
	uv_pipe_t server;
	bool is_listening, is_stopped;
	unsigned open; /* handles: the server's and the peers' */
	uint64_t retry_at;
	struct peer *peers;
	uint32_t peer_count;
	uint64_t accepted, too_many;
	char bytes[FEED_READ];
};

struct listener *listener_new(uv_loop_t *loop, struct intake *in, const char *path)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	l->loop = loop;
	l->in = in;
	l->path = xstrdup(path);
	return l;
}

static void on_peer_closed(uv_handle_t *h)
{
	struct peer *p = h->data;
	struct listener *l = p->listener;
	for (struct peer **at = &l->peers; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	if (p->stream)
		l->peer_count--;
	intake_close(p->stream);
	free(p);
	l->open--;
}

static void close_peer(struct peer *p)
{
	if (!uv_is_closing((uv_handle_t *)&p->pipe))
		uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct peer *p = h->data;
	(void)suggested;
	*buf = uv_buf_init(p->listener->bytes, sizeof(p->listener->bytes));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = s->data;
	bool goes_on = n >= 0;
	p->heard_ms = uv_now(s->loop);
	if (n > 0)
		goes_on = intake_bytes(p->stream, buf->base, (size_t)n, p->heard_ms);
	if (!goes_on)
		close_peer(p);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct listener *l = server->data;
	if (status < 0)
		return;
	struct peer *p = xcalloc(1, sizeof(*p));
	p->listener = l;
	p->pipe.data = p;
	p->heard_ms = uv_now(l->loop);
	(void)uv_pipe_init(l->loop, &p->pipe, 0); /* cannot fail */
	p->next = l->peers;
	l->peers = p;
	l->open++;
	bool is_ours = uv_accept(server, (uv_stream_t *)&p->pipe) == 0;
	if (is_ours)
		l->accepted++;
	if (is_ours && l->peer_count == FEED_MAX_CONNECTIONS) {
		l->too_many++;
		is_ours = false;
	}
	if (is_ours) {
		p->stream = intake_open(l->in);
		l->peer_count++;
		is_ours = uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read) == 0;
	}
	if (!is_ours)
		close_peer(p);
}

/* A socket that nobody answers is what a serve left that was killed. */
static int make_room(const struct listener *l, struct error *e)
{
	struct stat st;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (lstat(l->path, &st) != 0)
		return 0; /* bind() says what is wrong */
	if (!S_ISSOCK(st.st_mode))
		return error_set(e, -EEXIST, "%s is there and is no socket", l->path);
	if (!str_copy(to.sun_path, sizeof(to.sun_path), l->path))
		return error_set(e, -ENAMETOOLONG, "%s is longer than %d bytes", l->path,
				 FEED_SOCKET_MAX);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(e, -errno, "socket: %s", strerror(errno));
	int rc = connect(fd, (struct sockaddr *)&to, sizeof(to));
	(void)close(fd);
	if (rc == 0)
		return error_set(e, -EADDRINUSE, "another process listens at %s",
				 l->path);
	(void)unlink(l->path); /* bind() says if it is still there */
	return 0;
}

static void on_server_closed(uv_handle_t *h)
{
	struct listener *l = h->data;
	l->open--;
}

/* The mode is set before anybody can be accepted. */
static int listen_at(struct listener *l, struct error *e)
{
	int rc = make_room(l, e);
	if (rc < 0)
		return rc;
	l->server.data = l;
	(void)uv_pipe_init(l->loop, &l->server, 0); /* cannot fail */
	l->open++;
	rc = uv_pipe_bind(&l->server, l->path);
	if (rc == 0 && chmod(l->path, SOCKET_MODE) != 0)
		rc = -errno;
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&l->server, BACKLOG, on_connection);
	if (rc == 0)
		return 0;
	uv_close((uv_handle_t *)&l->server, on_server_closed);
	return error_set(e, rc, "cannot listen at %s: %s", l->path, uv_strerror(rc));
}

static void try_to_listen(struct listener *l, uint64_t now_ms)
{
	struct error e;
	char text[512];
	l->retry_at = now_ms + RETRY_MS;
	l->is_listening = listen_at(l, &e) == 0;
	if (l->is_listening)
		return;
	(void)snprintf(text, sizeof(text), "no feed can come: %.400s", e.text);
	intake_lost(l->in, text);
}

void listener_tick(struct listener *l, uint64_t now_ms)
{
	if (!l->is_listening && !l->is_stopped && now_ms >= l->retry_at)
		try_to_listen(l, now_ms);
	for (struct peer *p = l->peers; p; p = p->next) {
		if (now_ms - p->heard_ms >= FEED_IDLE_MS)
			close_peer(p);
	}
}

void listener_stop(struct listener *l)
{
	l->is_stopped = true;
	if (l->is_listening)
		uv_close((uv_handle_t *)&l->server, on_server_closed); /* removes it */
	l->is_listening = false;
	for (struct peer *p = l->peers; p; p = p->next)
		close_peer(p);
}

bool listener_is_closed(const struct listener *l)
{
	return l->is_stopped && l->open == 0;
}

void listener_count(const struct listener *l, struct feed_counts *to)
{
	to->accepted = l->accepted;
	to->too_many = l->too_many;
	to->open = l->peer_count;
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	free(l->path);
	free(l);
}
