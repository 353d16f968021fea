#include "source/decoy/decoy.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/decoy/decoy_own.h"

struct decoy_limits decoy_limits_default(void)
{
	return (struct decoy_limits){ .connections = 10000,
				      .lingering = DECOY_LINGER_MAX,
				      .per_client = 50,
				      .commands = 1000,
				      .idle_ms = 60 * 1000,
				      .total_ms = 5 * 60 * 1000,
				      .check_ms = 5 * 60 * 1000 };
}

/* Watermarks */

static int compare_marks(const void *a, const void *b)
{
	const struct decoy_mark *x = a, *y = b;
	return (x->host > y->host) - (x->host < y->host);
}

static void find_oldest(struct decoy_set *d, int64_t now)
{
	for (struct decoy_listener *l = d->listeners; l; l = l->next)
		l->oldest = now;
	for (struct decoy_conn *c = d->oldest; c; c = c->newer)
		if (c->time < c->listener->oldest)
			c->listener->oldest = c->time;
}

static void give_watermarks(struct decoy_set *d)
{
	find_oldest(d, stamp_clock_now(d->clock));
	for (size_t i = 0, first = 0; i < d->mark_count; first = i) {
		int64_t upto = INT64_MAX;
		for (; i < d->mark_count && d->marks[i].host == d->marks[first].host; i++)
			if (d->marks[i].listener->oldest < upto)
				upto = d->marks[i].listener->oldest;
		if (upto <= d->marks[first].given)
			continue; /* nothing new, or the clock was set back */
		d->marks[first].given = upto;
		d->sink.watermark(d->sink.arg, d->marks[first].host, upto);
	}
}

static int64_t given_before(const struct decoy_mark *marks, size_t count, uint16_t host)
{
	for (size_t i = 0; i < count; i++)
		if (marks[i].host == host)
			return marks[i].given; /* the host's first keeps it */
	return 0;
}

static bool same_endpoint(struct endpoint a, struct endpoint b)
{
	return a.port == b.port && addr_equal(a.addr, b.addr);
}

static struct decoy_listener *find_listener(struct decoy_listener *l, struct endpoint at)
{
	while (l && !same_endpoint(l->at, at))
		l = l->next;
	return l;
}

static void make_marks(struct decoy_set *d, const struct decoy_spec *specs, size_t count)
{
	struct decoy_mark *old = d->marks;
	size_t old_count = d->mark_count;
	d->marks = xcalloc(count + 1, sizeof(*d->marks));
	d->mark_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct decoy_listener *l = find_listener(d->listeners, specs[i].at);
		if (l)
			d->marks[d->mark_count++] =
			    (struct decoy_mark){ specs[i].host, l,
						 given_before(old, old_count,
							      specs[i].host) };
	}
	free(old);
	qsort(d->marks, d->mark_count, sizeof(*d->marks), compare_marks);
}

/* Listeners */

static void on_listener_closed(uv_handle_t *h)
{
	struct decoy_listener *l = (struct decoy_listener *)h;
	l->set->handles--;
	free(l->name);
	free(l->cause);
	free(l->refusal);
	free(l);
}

static void dismiss_all(struct decoy_set *d, const struct decoy_listener *l)
{
	struct decoy_conn *newer;
	for (struct decoy_conn *c = d->oldest; c; c = newer) {
		newer = c->newer;
		if (c->listener == l)
			decoy_talk_dismiss(c);
	}
}

static void close_listener(struct decoy_listener *l)
{
	dismiss_all(l->set, l);
	l->set->counts.listeners--;
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	close(l->fd);
}

/* Is called before the first client and whenever a definition changed. Clients
 * that a different host had until now are that host's. */
static void define_listener(struct decoy_listener *l, const struct decoy_spec *s)
{
	const struct smtp_who who = { s->name, s->cause, 0 };
	struct buf refusal = BUF_INIT(SMTP_REPLY_MAX);
	if (l->host != s->host)
		dismiss_all(l->set, l);
	free(l->name);
	free(l->cause);
	free(l->refusal);
	smtp_refuse(&who, &refusal);
	l->refusal_len = refusal.len;
	l->refusal = buf_take(&refusal);
	l->site = s->site;
	l->host = s->host;
	l->posture = s->posture;
	decoy_close_resets(l->fd, s->posture == POSTURE_RESET);
	l->name = xstrdup(s->name);
	l->cause = xstrdup(s->cause);
}

static int take_inherited(struct decoy_set *d, struct endpoint at)
{
	for (size_t i = 0; i < d->inherited_count; i++) {
		struct endpoint bound;
		int fd = d->inherited[i];
		if (fd >= 0 && decoy_is_listening(fd, &bound) &&
		    same_endpoint(bound, at)) {
			d->inherited[i] = -1;
			return fd;
		}
	}
	return -1;
}

static int open_listener(struct decoy_set *d, const struct decoy_spec *s,
			 struct decoy_listener **ret_listener, struct error *e)
{
	int fd = take_inherited(d, s->at);
	if (fd < 0) {
		int rc = decoy_listen(s, &fd, e);
		if (rc != 0)
			return rc;
	}
	struct decoy_listener *l = xcalloc(1, sizeof(*l));
	l->set = d;
	l->fd = fd;
	l->at = s->at;
	l->host = s->host;
	int rc = uv_poll_init(d->loop, &l->poll, fd);
	if (rc != 0) {
		close(fd);
		free(l);
		return error_set(e, rc, "%s: %s", s->name, uv_strerror(rc));
	}
	d->handles++;
	d->counts.listeners++;
	*ret_listener = l;
	return 0;
}

static void listen_on(struct decoy_listener *l)
{
	int rc = uv_poll_start(&l->poll, UV_READABLE, decoy_on_acceptable);
	assert(rc == 0); /* fails for a handle that closes only */
	(void)rc;
	l->is_paused = false;
}

/* Quadratic, over the few addresses of one machine. */
static int check_specs(const struct decoy_spec *specs, size_t count, struct error *e)
{
	char at[DECOY_AT_TEXT_MAX];
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (same_endpoint(specs[i].at, specs[j].at) &&
			    specs[i].posture != specs[j].posture)
				return error_set(e, FMX_EUSAGE,
						 "%s and %s share %s but not their "
						 "posture: %s and %s; make them the same",
						 specs[j].name, specs[i].name,
						 decoy_at_text(specs[i].at, at),
						 posture_name(specs[j].posture),
						 posture_name(specs[i].posture));
	return 0;
}

/* The listeners that specs need and the set has not. */
static int open_missing(struct decoy_set *d, const struct decoy_spec *specs, size_t count,
			struct decoy_listener **ret_opened, struct error *e)
{
	struct decoy_listener *opened = NULL;
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct decoy_listener *l = NULL;
		if (specs[i].posture == POSTURE_CLOSED ||
		    find_listener(d->listeners, specs[i].at) ||
		    find_listener(opened, specs[i].at))
			continue;
		rc = open_listener(d, &specs[i], &l, e);
		if (l) {
			l->next = opened;
			opened = l;
		}
	}
	for (struct decoy_listener *next; rc != 0 && opened; opened = next) {
		next = opened->next;
		close_listener(opened);
	}
	*ret_opened = opened;
	return rc;
}

static const struct decoy_spec *find_spec(const struct decoy_spec *specs, size_t count,
					  struct endpoint at)
{
	for (size_t i = 0; i < count; i++)
		if (same_endpoint(specs[i].at, at) && specs[i].posture != POSTURE_CLOSED)
			return &specs[i];
	return NULL;
}

int decoy_apply(struct decoy_set *d, const struct decoy_spec *specs, size_t count,
		struct error *e)
{
	struct decoy_listener *opened;
	assert(!d->is_stopped);
	int rc = check_specs(specs, count, e);
	if (rc == 0)
		rc = open_missing(d, specs, count, &opened, e);
	if (rc != 0)
		return rc;
	struct decoy_listener **at = &d->listeners;
	while (*at)
		at = &(*at)->next;
	*at = opened;
	for (at = &d->listeners; *at;) {
		struct decoy_listener *l = *at;
		const struct decoy_spec *s = find_spec(specs, count, l->at);
		if (s) {
			define_listener(l, s);
			listen_on(l);
			at = &l->next;
		} else {
			*at = l->next;
			close_listener(l);
		}
	}
	make_marks(d, specs, count);
	decoy_check_apply(d, specs, count);
	decoy_check_tick(d);
	return 0;
}

/* The set */

static void end_out_of_files(struct decoy_set *d)
{
	if (d->reserve < 0)
		d->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int probe = d->is_out_of_files ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	if (probe < 0)
		return;
	close(probe);
	d->is_out_of_files = false;
	if (d->listeners)
		d->sink.trouble(d->sink.arg, d->listeners->host, true,
				"connections can be taken again");
}

static void on_tick(uv_timer_t *timer)
{
	struct decoy_set *d = timer->data;
	decoy_linger_close(d, false);
	decoy_talk_time_out(d);
	end_out_of_files(d);
	for (struct decoy_listener *l = d->listeners; l; l = l->next)
		if (l->is_paused)
			listen_on(l);
	decoy_check_tick(d);
	give_watermarks(d);
}

struct decoy_set *decoy_new(uv_loop_t *loop, struct stamp_clock clock,
			    const struct decoy_limits *limits,
			    const struct source_sink *sink)
{
	struct decoy_set *d = xcalloc(1, sizeof(*d));
	size_t buckets = 64;
	while (buckets < limits->connections && buckets < 1 << 20)
		buckets *= 2;
	d->loop = loop;
	d->clock = clock;
	d->limits = *limits;
	d->sink = *sink;
	d->clients = xcalloc(buckets, sizeof(struct decoy_conn *));
	d->client_mask = buckets - 1;
	d->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	d->tick.data = d;
	int rc = uv_timer_init(loop, &d->tick);
	if (rc == 0)
		rc = uv_timer_start(&d->tick, on_tick, DECOY_TICK_MS, DECOY_TICK_MS);
	assert(rc == 0); /* timers need nothing that could lack */
	(void)rc;
	d->handles = 1;
	return d;
}

int decoy_inherit(struct decoy_set *d, int fd, struct error *e)
{
	struct endpoint at;
	if (!decoy_is_listening(fd, &at)) {
		close(fd);
		return error_set(e, FMX_EUSAGE,
				 "descriptor %d, handed over at the start, is not a "
				 "listening TCP socket (systemd: ListenStream=)",
				 fd);
	}
	int flags = fcntl(fd, F_GETFL);
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	d->inherited = xrealloc(d->inherited, d->inherited_count + 1, sizeof(int));
	d->inherited[d->inherited_count++] = fd;
	return 0;
}

void decoy_set_limits(struct decoy_set *d, const struct decoy_limits *limits)
{
	d->limits = *limits;
}

struct decoy_counts decoy_counts(const struct decoy_set *d)
{
	return d->counts;
}

static void on_tick_closed(uv_handle_t *h)
{
	struct decoy_set *d = h->data;
	d->handles--;
}

void decoy_stop(struct decoy_set *d)
{
	struct decoy_listener *next;
	if (d->is_stopped)
		return;
	d->is_stopped = true;
	for (struct decoy_listener *l = d->listeners; l; l = l->next)
		dismiss_all(d, l);
	give_watermarks(d);
	for (struct decoy_listener *l = d->listeners; l; l = next) {
		next = l->next;
		close_listener(l);
	}
	d->listeners = NULL;
	d->mark_count = 0;
	decoy_check_apply(d, NULL, 0);
	decoy_linger_close(d, true);
	uv_close((uv_handle_t *)&d->tick, on_tick_closed);
}

void decoy_free(struct decoy_set *d)
{
	if (!d)
		return;
	assert(d->is_stopped && d->handles == 0);
	for (size_t i = 0; i < d->inherited_count; i++)
		if (d->inherited[i] >= 0)
			close(d->inherited[i]);
	if (d->reserve >= 0)
		close(d->reserve);
	free(d->inherited);
	free(d->clients);
	free(d->marks);
	free(d);
}
