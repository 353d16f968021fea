#include "source/knock/knock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "source/knock/knock_own.h"

enum {
	TICK_MS = 1000,
	LOOK_TICKS = 10, /* between two looks at what addresses this machine has */
	QUIET_TICKS = 2, /* without a loss: it is over */
};

static int64_t clock_offset(const struct knock *k)
{
	return k->clock.offset_us ? *k->clock.offset_us : 0;
}

/* Packets */

static bool may_give(struct knock *k)
{
	if (k->tokens <= 0) {
		k->counts.flooded++;
		return false;
	}
	k->tokens--;
	return true;
}

static void give(struct knock *k, const struct knock_target *t, struct addr from,
		 int64_t time)
{
	const struct visit v = { .client = from,
				 .site = t->site,
				 .host = t->host,
				 .depth = DEPTH_KNOCK,
				 .source = VISIT_SOURCE_KNOCK,
				 .precision_us = 1,
				 .time = time,
				 .helo = "",
				 .mail_from = "",
				 .recipient_domain = "",
				 .name = "" };
	k->counts.visits++;
	k->sink.source.visit(k->sink.source.arg, &v);
}

static void take_first(struct knock *k)
{
	const struct knock_ahead *a = &k->ahead[k->ahead_first];
	enum knock_kind kind =
	    knock_table_take_at(k->table, a->sought, a->sequence, a->time);
	k->ahead_first = (k->ahead_first + 1) % KNOCK_AHEAD;
	k->ahead_count--;
	knock_silent_take(k, a->target, a->from, kind, a->time);
	if (kind != KNOCK_NEW)
		k->counts.again++;
	else if (may_give(k))
		give(k, a->target, a->from, a->time);
}

/* From the decoy's own address: our own look whether it refuses. */
static void on_packet(void *arg, const void *packet, size_t len, int64_t time)
{
	struct knock *k = arg;
	struct knock_syn s;
	k->counts.packets++;
	if (!knock_read(packet, len, &s) || addr_equal(s.from, s.to))
		return;
	struct endpoint to = { s.to, s.to_port };
	struct knock_target *t = knock_target_find(k, to);
	if (!t)
		return;
	if (k->ahead_count == KNOCK_AHEAD)
		take_first(k);
	size_t last = (k->ahead_first + k->ahead_count++) % KNOCK_AHEAD;
	k->ahead[last] = (struct knock_ahead){ .target = t,
					       .from = s.from,
					       .sought = knock_table_seek(k->table, &s),
					       .sequence = s.sequence,
					       .time = time + clock_offset(k) };
}

static void read_rings(struct knock *k)
{
	for (size_t i = 0; i < KNOCK_FAMILIES; i++)
		(void)knock_ring_read(&k->rings[i], on_packet, k);
	while (k->ahead_count > 0)
		take_first(k);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct knock *k = poll->data;
	(void)events;
	if (status < 0) { /* taken off the socket, or it would come again at once */
		int code;
		socklen_t len = sizeof(code);
		(void)getsockopt(k->rings[poll - k->polls].fd, SOL_SOCKET, SO_ERROR,
				 &code, &len);
	}
	read_rings(k);
}

/* Watermarks */

static int64_t read_upto(struct knock *k)
{
	int64_t now = stamp_now(), upto = now;
	read_rings(k);
	for (size_t i = 0; i < KNOCK_FAMILIES; i++) {
		int64_t to = knock_ring_upto(&k->rings[i], now);
		upto = to < upto ? to : upto;
	}
	k->counts.lost = k->rings[0].lost + k->rings[1].lost;
	return upto == 0 ? 0 : upto + clock_offset(k);
}

static void tell_loss(const struct knock *k, bool is_over)
{
	const struct source_sink *s = &k->sink.source;
	char text[256];
	if (k->host_count == 0)
		return;
	(void)snprintf(text, sizeof(text),
		       is_over ? "knocks are counted in full again; %llu were lost, and "
				 "%llu beyond the limit"
			       : "more knocks at closed decoys than can be taken: %llu "
				 "were lost, and %llu beyond the limit of 2000 a second; "
				 "for that time nobody is said to have skipped a decoy",
		       (unsigned long long)k->counts.lost,
		       (unsigned long long)k->counts.flooded);
	s->trouble(s->arg, k->hosts[0].id, is_over, text);
}

static void note_loss(struct knock *k, int64_t now)
{
	uint64_t lost = k->counts.lost + k->counts.flooded;
	k->quiet = lost == k->lost_known ? k->quiet + 1 : 0;
	k->lost_known = lost;
	if (!k->is_losing && k->quiet == 0) {
		k->is_losing = true;
		tell_loss(k, false);
	} else if (k->is_losing && k->quiet >= QUIET_TICKS) {
		k->is_losing = false;
		tell_loss(k, true);
		for (size_t i = 0; i < k->host_count; i++)
			if (k->hosts[i].is_watched)
				k->sink.blind(k->sink.source.arg, k->hosts[i].id, now,
					      "");
	}
}

static void give_watermarks(struct knock *k, int64_t upto)
{
	const struct source_sink *s = &k->sink.source;
	for (size_t i = 0; i < k->host_count; i++) {
		struct knock_host *h = &k->hosts[i];
		if (!h->is_watched || upto <= h->given)
			continue;
		h->given = upto;
		s->watermark(s->arg, h->id, upto);
	}
}

/* Until a loss is over, its end is not known either. */
static void catch_up(struct knock *k)
{
	int64_t upto = read_upto(k);
	note_loss(k, stamp_clock_now(k->clock));
	if (!k->is_losing)
		give_watermarks(k, upto);
}

static void on_tick(uv_timer_t *timer)
{
	struct knock *k = timer->data;
	k->tokens += KNOCK_RATE;
	k->tokens = k->tokens > KNOCK_BURST ? KNOCK_BURST : k->tokens;
	if (++k->ticks % LOOK_TICKS == 0)
		knock_hosts_look(k, stamp_clock_now(k->clock));
	catch_up(k);
}

/* The watcher */

static void open_rings(struct knock *k)
{
	struct error e;
	int rc = knock_ring_open(false, &k->rings[0], &e);
	k->rings[1].fd = -1;
	if (rc == 0)
		rc = knock_ring_open(true, &k->rings[1], &e);
	if (rc != 0)
		(void)str_copy(k->why_not, sizeof(k->why_not), e.text);
}

struct knock *knock_new(uv_loop_t *loop, struct stamp_clock clock,
			const struct knock_sink *sink)
{
	struct knock *k = xcalloc(1, sizeof(*k));
	k->clock = clock;
	k->sink = *sink;
	k->tokens = KNOCK_BURST;
	open_rings(k);
	k->tick.data = k;
	int rc = uv_timer_init(loop, &k->tick);
	if (rc == 0)
		rc = uv_timer_start(&k->tick, on_tick, TICK_MS, TICK_MS);
	assert(rc == 0); /* timers need nothing that could lack */
	k->handles = 1;
	return k;
}

static bool has_family(const struct knock *k, bool is_v6)
{
	for (size_t i = 0; i < k->target_count; i++)
		if (addr_is_v4(k->targets[i].at.addr) != is_v6)
			return true;
	return false;
}

/* A ring is made when it is first needed, and only its filter changes later. */
static int set_ring(struct knock *k, size_t nth, const struct endpoint *targets,
		    struct error *e)
{
	struct knock_ring *r = &k->rings[nth];
	struct knock_filter f;
	bool was_started = r->map != NULL;
	if (!was_started && !has_family(k, r->is_v6))
		return 0;
	knock_filter_make(targets, k->target_count, r->is_v6, &f);
	int rc = knock_ring_set(r, &f, e);
	if (rc != 0 || was_started)
		return rc;
	rc = uv_poll_init(k->tick.loop, &k->polls[nth], r->fd);
	if (rc == 0) {
		k->polls[nth].data = k; /* there is something to close */
		k->handles++;
		rc = uv_poll_start(&k->polls[nth], UV_READABLE, on_readable);
	}
	return rc == 0 ? 0 : error_set(e, rc, "a packet socket: %s", uv_strerror(rc));
}

static void set_rings(struct knock *k)
{
	struct endpoint *targets = xcalloc(k->target_count + 1, sizeof(*targets));
	struct error e;
	if (k->rings[0].fd >= 0 && k->rings[1].fd >= 0)
		k->why_not[0] = '\0'; /* what failed before is tried again */
	for (size_t i = 0; i < k->target_count; i++)
		targets[i] = k->targets[i].at;
	for (size_t i = 0; i < KNOCK_FAMILIES && !k->why_not[0]; i++)
		if (set_ring(k, i, targets, &e) != 0)
			(void)str_copy(k->why_not, sizeof(k->why_not), e.text);
	free(targets);
}

void knock_apply(struct knock *k, const struct decoy_spec *specs, size_t count)
{
	assert(!k->is_stopped);
	/* What is there belongs to the hosts of before. */
	catch_up(k);
	knock_hosts_set(k, specs, count);
	if (k->host_count > 0 && !k->table)
		k->table = knock_table_new();
	set_rings(k);
	knock_hosts_look(k, stamp_clock_now(k->clock));
}

struct knock_counts knock_counts(const struct knock *k)
{
	return k->counts;
}

static void on_closed(uv_handle_t *h)
{
	struct knock *k = h->data;
	k->handles--;
}

void knock_stop(struct knock *k)
{
	if (k->is_stopped)
		return;
	catch_up(k);
	k->is_stopped = true;
	uv_close((uv_handle_t *)&k->tick, on_closed);
	for (size_t i = 0; i < KNOCK_FAMILIES; i++)
		if (k->polls[i].data)
			uv_close((uv_handle_t *)&k->polls[i], on_closed);
}

void knock_free(struct knock *k)
{
	if (!k)
		return;
	assert(k->is_stopped && k->handles == 0);
	for (size_t i = 0; i < KNOCK_FAMILIES; i++)
		knock_ring_close(&k->rings[i]);
	knock_hosts_release(k);
	knock_table_free(k->table);
	free(k);
}
