#include "outlet/web/web.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"

enum { STACK = 1024 * 1024, DATE_MAX = 40 };

/* One held connection. */
struct line {
	bool is_open;
	int fd;
	int64_t since; /* monotonic: its beginning, or its last answer's end */
};

struct web {
	struct MHD_Daemon *daemon;
	struct config_web config;
	struct answerer *answerer;
	pthread_mutex_t lock;
	struct line lines[WEB_CONNECTIONS];
};

/* ---- headers ---- */

static void add(struct MHD_Response *r, const char *name, const char *value)
{
	(void)MHD_add_response_header(r, name,
				      value); /* fails for bad bytes only: ours */
}

static const char *date(int64_t t, char text[DATE_MAX])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(t / STAMP_SECOND);
	struct tm tm;
	(void)gmtime_r(&seconds, &tm);
	(void)snprintf(text, DATE_MAX, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT",
		       days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3,
		       tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return text;
}

static void add_headers(struct MHD_Response *r, const struct answer *a)
{
	char text[256];
	char when[DATE_MAX];
	add(r, "Content-Type", a->type);
	add(r, "X-Content-Type-Options", "nosniff");
	add(r, "Referrer-Policy", "no-referrer");
	add(r, "Cross-Origin-Resource-Policy", "same-origin");
	(void)snprintf(text, sizeof(text),
		       "default-src 'none'; style-src '%s'; form-action 'self'; "
		       "base-uri 'none'; frame-ancestors 'none'",
		       page_css_hash);
	add(r, "Content-Security-Policy", a->is_page ? text : "default-src 'none'");
	if (a->seconds > 0) {
		(void)snprintf(text, sizeof(text), "max-age=%d", a->seconds);
		add(r, "Expires", date(stamp_now() + a->seconds * STAMP_SECOND, when));
	}
	add(r, "Cache-Control", a->seconds > 0 ? text : "private, no-cache");
	if (*a->etag)
		add(r, "ETag", a->etag);
	if (a->modified > 0)
		add(r, "Last-Modified", date(a->modified, when));
	if (*a->location)
		add(r, "Location", a->location);
	if (a->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		add(r, "Allow", "GET, HEAD");
}

/* ---- one request ---- */

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static const char *argument(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
}

static bool has_body(struct MHD_Connection *c)
{
	const char *length = header(c, "Content-Length");
	return header(c, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

/* RFC 9110: If-None-Match goes before If-Modified-Since. Of dates only the one that we
 * gave is known: whatever else is asked again. */
static bool is_known(struct MHD_Connection *c, const struct answer *a)
{
	char when[DATE_MAX];
	const char *match = header(c, "If-None-Match");
	const char *since = header(c, "If-Modified-Since");
	if (match)
		return *a->etag && (strcmp(match, "*") == 0 || strstr(match, a->etag));
	return since && a->modified > 0 && strcmp(since, date(a->modified, when)) == 0;
}

static enum MHD_Result send_answer(struct MHD_Connection *c, struct answer *a)
{
	unsigned status = (unsigned)a->status;
	size_t len = a->body.len;
	if (status == MHD_HTTP_OK && is_known(c, a)) {
		status = MHD_HTTP_NOT_MODIFIED;
		len = 0;
	}
	char *body = buf_take(&a->body);
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(body);
		return MHD_NO;
	}
	add_headers(r, a);
	enum MHD_Result queued = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return queued;
}

/* libmicrohttpd calls it for the headers, and again when there is no body. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version,
				  const char *upload, size_t *upload_size, void **state)
{
	static char seen;
	struct web *w = arg;
	(void)version, (void)upload, (void)upload_size;
	struct route_request q = { .method = method,
				   .path = url,
				   .host = header(c, "Host"),
				   .period = argument(c, "period"),
				   .address = argument(c, "address"),
				   .has_body = has_body(c) };
	struct route route = route_of(&w->config, &q);
	if (!*state && route.kind != ROUTE_NOTHING) {
		*state = &seen; /* kept alive: the answer comes after the request */
		return MHD_YES;
	}
	struct answer a;
	answer_make(w->answerer, &route, &a);
	enum MHD_Result queued = send_answer(c, &a);
	answer_release(&a);
	return queued;
}

/* ---- connections ---- */

static int fd_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	return i ? i->connect_fd : -1;
}

/* fd's line, or with -1 a free one. */
static struct line *line_of(struct web *w, int fd)
{
	for (size_t i = 0; i < WEB_CONNECTIONS; i++)
		if (fd < 0 ? !w->lines[i].is_open
			   : w->lines[i].is_open && w->lines[i].fd == fd)
			return &w->lines[i];
	return NULL;
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct web *w = arg;
	bool is_begun = what == MHD_CONNECTION_NOTIFY_STARTED;
	(void)context;
	(void)pthread_mutex_lock(&w->lock);
	struct line *l = line_of(w, is_begun ? -1 : fd_of(c));
	if (l)
		*l = (struct line){ is_begun, fd_of(c), stamp_monotonic() };
	(void)pthread_mutex_unlock(&w->lock);
}

static void on_answered(void *arg, struct MHD_Connection *c, void **state,
			enum MHD_RequestTerminationCode how)
{
	struct web *w = arg;
	(void)state, (void)how;
	(void)pthread_mutex_lock(&w->lock);
	struct line *l = line_of(w, fd_of(c));
	if (l)
		l->since = stamp_monotonic();
	(void)pthread_mutex_unlock(&w->lock);
}

void web_tick(struct web *w)
{
	int64_t now = stamp_monotonic();
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < WEB_CONNECTIONS; i++)
		if (w->lines[i].is_open &&
		    now - w->lines[i].since > WEB_SECONDS * STAMP_SECOND)
			(void)shutdown(w->lines[i].fd, SHUT_RDWR); /* its thread ends */
	(void)pthread_mutex_unlock(&w->lock);
}

/* What clients do wrong is theirs to hear, and no line in our log. */
static void on_log(void *arg, const char *fmt, va_list ap)
{
	(void)arg, (void)fmt, (void)ap;
}

int web_start(int fd, const struct answerer_options *options, struct web **ret_web,
	      struct error *e)
{
	struct web *w = xcalloc(1, sizeof(*w));
	w->config = options->config->web;
	w->answerer = answerer_new(options);
	(void)pthread_mutex_init(&w->lock, NULL); /* cannot fail on Linux */
	w->daemon = MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
		MHD_USE_POLL | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, on_request, w, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)WEB_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)WEB_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)WEB_REQUEST_MAX, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
	    w, MHD_OPTION_NOTIFY_COMPLETED, on_answered, w, MHD_OPTION_END);
	if (w->daemon) {
		*ret_web = w;
		return 0;
	}
	answerer_free(w->answerer);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
	return error_set(e, FMX_EFOREIGN, "the HTTP library does not start");
}

void web_stop(struct web *w)
{
	MHD_stop_daemon(w->daemon);
	answerer_free(w->answerer);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}
