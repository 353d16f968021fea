#include "serve/probe/probe_schedule.h"

#include <strings.h>

#include "base/mem.h"
#include "look/probe.h"
#include "serve/probe/self_probe.h"

enum { UNWELL = 4 }; /* times as often */

struct target;

struct target_probe {
	struct target *target;
	struct probe *probe; /* NULL: not under way */
	uint64_t name;       /* the sink's */
};

/* One machine, however many sites name it. */
struct target {
	struct probe_schedule *schedule;
	uint16_t *ids; /* of all hosts that are this machine; at least one */
	size_t id_count;
	char name[NAME_MAX_TEXT];
	struct endpoint at[HOST_MAX_ADDRESSES];
	struct target_probe probes[HOST_MAX_ADDRESSES];
	size_t at_count;
	size_t open_probes;      /* of the round under way; 0: no round */
	bool is_well;            /* one address of the round was open */
	int64_t began;           /* of the last round; 0: none yet */
	bool was_told, was_well; /* the last result */
	char reply[REPLY_TEXT_MAX];
};

struct probe_schedule {
	uv_loop_t *loop;
	struct stamp_clock clock;
	struct probe_schedule_sink sink;
	struct target **targets;
	size_t count;
	size_t open_probes;
	int64_t interval;
};

struct probe_schedule *probe_schedule_new(uv_loop_t *loop, struct stamp_clock clock,
					  const struct probe_schedule_sink *sink)
{
	struct probe_schedule *h = xcalloc(1, sizeof(*h));
	h->loop = loop;
	h->clock = clock;
	h->sink = *sink;
	return h;
}

static void round_ends(struct target *p)
{
	struct probe_schedule *h = p->schedule;
	struct probe_schedule_result r = { .time = p->began,
					   .is_well = p->is_well,
					   .is_news =
					       !p->was_told || p->was_well != p->is_well,
					   .reply = p->reply };
	p->was_told = true;
	p->was_well = p->is_well;
	for (size_t i = 0; i < p->id_count; i++)
		h->sink.result(h->sink.arg, p->ids[i], &r);
}

static void on_probed(const struct probe_result *r, void *arg)
{
	struct target_probe *v = arg;
	struct target *p = v->target;
	struct probe_schedule *h = p->schedule;
	v->probe = NULL;
	h->open_probes--;
	p->open_probes--;
	bool is_open = r->known && r->state == STATE_OPEN;
	h->sink.ended(h->sink.arg, v->name, stamp_clock_now(h->clock), is_open);
	if (is_open)
		p->is_well = true;
	(void)str_copy(p->reply, sizeof(p->reply), r->reply);
	if (p->open_probes == 0)
		round_ends(p);
	probe_schedule_tick(h); /* who waited for a place has it now */
}

static int64_t timeout_of(const struct probe_schedule *h)
{
	/* A round is over before the next one is due. */
	int64_t most = h->interval * 3 / 4;
	return most < PROBE_SCHEDULE_TIMEOUT ? most : PROBE_SCHEDULE_TIMEOUT;
}

static void round_begins(struct target *p, int64_t now)
{
	struct probe_schedule *h = p->schedule;
	p->began = now;
	p->is_well = false;
	p->open_probes = p->at_count;
	h->open_probes += p->at_count;
	for (size_t i = 0; i < p->at_count; i++) {
		p->probes[i].name = h->sink.began(h->sink.arg, p->ids[0],
						  self_probe_route(p->at[i].addr), now);
		p->probes[i].probe = probe_start(h->loop, p->at[i].addr, p->at[i].port,
						 timeout_of(h), on_probed, &p->probes[i]);
	}
}

static bool is_due(const struct target *p, int64_t now)
{
	if (p->open_probes > 0)
		return false;
	/* Who is not well is looked at more often: how long it lasts is told
	 * to the second. A clock that was set back makes everybody due. */
	int64_t every =
	    p->schedule->interval / (p->was_told && !p->was_well ? UNWELL : 1);
	return !p->began || now - p->began >= every || now < p->began;
}

void probe_schedule_tick(struct probe_schedule *h)
{
	int64_t now = stamp_clock_now(h->clock);
	for (size_t i = 0; i < h->count && h->open_probes < PROBE_SCHEDULE_AT_ONCE; i++) {
		if (is_due(h->targets[i], now))
			round_begins(h->targets[i], now);
	}
}

static void round_dropped(struct target *p)
{
	struct probe_schedule *h = p->schedule;
	for (size_t i = 0; i < p->at_count; i++) {
		struct target_probe *c = &p->probes[i];
		if (!c->probe)
			continue;
		probe_cancel(c->probe);
		c->probe = NULL;
		h->open_probes--;
		h->sink.ended(h->sink.arg, c->name, stamp_clock_now(h->clock), false);
	}
	p->open_probes = 0;
}

void probe_schedule_all_now(struct probe_schedule *h)
{
	for (size_t i = 0; i < h->count; i++) {
		round_dropped(h->targets[i]);
		h->targets[i]->began = 0;
	}
	probe_schedule_tick(h);
}

bool probe_schedule_is_idle(const struct probe_schedule *h)
{
	int64_t now = stamp_clock_now(h->clock);
	for (size_t i = 0; i < h->count; i++) {
		if (h->targets[i]->open_probes > 0 || is_due(h->targets[i], now))
			return false;
	}
	return true;
}

static void target_free(struct target *p)
{
	round_dropped(p);
	free(p->ids);
	free(p);
}

static bool is_same(const struct target *p, const struct host *h)
{
	if (strcasecmp(p->name, h->name) != 0 || p->at_count != h->address_count)
		return false;
	for (size_t i = 0; i < p->at_count; i++) {
		if (!addr_equal(p->at[i].addr, h->addresses[i].addr) ||
		    p->at[i].port != h->addresses[i].port)
			return false;
	}
	return true;
}

static struct target *find(struct target *const *targets, size_t count,
			   const struct host *host)
{
	for (size_t i = 0; i < count; i++) {
		if (is_same(targets[i], host))
			return targets[i];
	}
	return NULL;
}

static struct target *target_new(struct probe_schedule *h, const struct host *host)
{
	struct target *p = xcalloc(1, sizeof(*p));
	p->schedule = h;
	(void)str_copy(p->name, sizeof(p->name), host->name);
	p->at_count = host->address_count;
	for (size_t i = 0; i < p->at_count; i++) {
		p->at[i] = host->addresses[i];
		p->probes[i].target = p;
	}
	return p;
}

static void add_host(struct probe_schedule *h, const struct host *host,
		     struct target **old, size_t old_count, bool *is_kept)
{
	struct target *p = find(h->targets, h->count, host);
	if (!p) {
		p = find(old, old_count, host);
		for (size_t i = 0; p && i < old_count; i++) {
			if (old[i] == p)
				is_kept[i] = true;
		}
		if (p) {
			/* Its numbers are learnt anew, and the round under way
			 * tells those. */
			p->id_count = 0;
		} else {
			p = target_new(h, host);
		}
		h->targets[h->count++] = p;
	}
	p->ids = xrealloc(p->ids, p->id_count + 1, sizeof(*p->ids));
	p->ids[p->id_count++] = host->id;
}

void probe_schedule_set(struct probe_schedule *h, const struct site *sites, size_t count,
			int64_t interval)
{
	struct target **old = h->targets;
	size_t old_count = h->count, hosts = 0;
	for (size_t i = 0; i < count; i++)
		hosts += sites[i].host_count;
	h->interval = interval;
	h->targets = xcalloc(hosts + 1, sizeof(struct target *));
	h->count = 0;
	bool *is_kept = xcalloc(old_count + 1, sizeof(bool));
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sites[i].host_count; k++) {
			const struct host *host = &sites[i].hosts[k];
			if (host->role == ROLE_REAL && !host->is_elsewhere)
				add_host(h, host, old, old_count, is_kept);
		}
	}
	for (size_t i = 0; i < old_count; i++) {
		if (!is_kept[i])
			target_free(old[i]);
	}
	free(is_kept);
	free(old);
}

void probe_schedule_stop(struct probe_schedule *h)
{
	for (size_t i = 0; i < h->count; i++)
		target_free(h->targets[i]);
	h->count = 0;
}

void probe_schedule_free(struct probe_schedule *h)
{
	if (!h)
		return;
	probe_schedule_stop(h);
	free(h->targets);
	free(h);
}
