#include "old/estimate.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "old/store.h"

/* A sender that was seen at the worst host again and again needs no more than a
 * few of its moments: one at which a better host was well is enough. */
enum { MOMENTS = 4, NAME_MAX = 255, MINUTES_MAX = 10 * 366 * 24 * 60 };
enum { UNWELL_MIN = 5, UNWELL_PERCENT = 20, UNWELL_MINUTES = 10 };
#define ALIVE_WITHIN (30 * STAMP_MINUTE)

struct meeting {
	int64_t time;
	uint32_t who; /* of a sender: the host; of a pool: the sender */
};

struct sender {
	struct addr client;
	uint32_t network, domain; /* pools; NOTHING */
	uint32_t hosts;           /* a bit each */
	bool is_accepted;         /* mail that was not marked as spam */
	uint8_t moment_count;
	int64_t moments[MOMENTS]; /* at the worst rank */
	int64_t deferred;         /* the last time; 0 never */
	uint32_t deferred_host;
	struct meeting last[2]; /* at two different hosts */
	char *name;             /* NULL: none verified */
};

struct pool {
	uint64_t key;
	bool met_better;
	struct meeting last[2]; /* of two different senders */
};

struct minute {
	uint16_t visits, bad;
};

struct mx {
	unsigned rank;
	uint64_t visits, senders;
	struct minute *minutes; /* from first on */
	int64_t first, count;
	struct spans outages;
};

struct estimate {
	struct rules rules;
	struct mx hosts[ESTIMATE_MAX_HOSTS];
	size_t host_count;
	unsigned rank_count;
	int64_t since, until;
	uint64_t left_out;
	struct slab senders, pools;
	struct index sender_index, pool_index;
};

struct estimate *estimate_new(const uint16_t *ranks, size_t host_count,
			      const struct rules *rules)
{
	struct estimate *x = xcalloc(1, sizeof(*x));
	assert(host_count > 0 && host_count <= ESTIMATE_MAX_HOSTS);
	x->rules = *rules;
	x->host_count = host_count;
	for (size_t i = 0; i < host_count; i++) {
		assert(i == 0 || ranks[i] >= ranks[i - 1]);
		if (i > 0 && ranks[i] > ranks[i - 1])
			x->rank_count++;
		x->hosts[i].rank = x->rank_count;
	}
	x->rank_count++;
	x->since = INT64_MAX;
	x->until = INT64_MIN;
	x->senders = (struct slab)SLAB_INIT(sizeof(struct sender));
	x->pools = (struct slab)SLAB_INIT(sizeof(struct pool));
	return x;
}

void estimate_free(struct estimate *x)
{
	if (!x)
		return;
	for (uint32_t i = 0; i < x->senders.top; i++)
		free(((struct sender *)slab_get(&x->senders, i))->name);
	for (size_t i = 0; i < x->host_count; i++) {
		free(x->hosts[i].minutes);
		spans_release(&x->hosts[i].outages);
	}
	slab_release(&x->senders);
	slab_release(&x->pools);
	index_release(&x->sender_index);
	index_release(&x->pool_index);
	free(x);
}

/* ---- what is kept of a visit ---- */

static uint64_t sender_hash(const void *table, uint32_t id)
{
	return addr_hash(((const struct sender *)slab_get(table, id))->client);
}

static bool sender_same(const void *table, uint32_t id, const void *key)
{
	return memcmp(slab_get(table, id), key, sizeof(struct addr)) == 0;
}

static uint64_t pool_hash(const void *table, uint32_t id)
{
	return ((const struct pool *)slab_get(table, id))->key;
}

static bool pool_same(const void *table, uint32_t id, const void *key)
{
	return ((const struct pool *)slab_get(table, id))->key == *(const uint64_t *)key;
}

/* Keys are hashes: two pools that share one excuse each other, no more. */
static uint32_t pool_take(struct estimate *x, uint64_t key)
{
	uint32_t id = index_find(&x->pool_index, key, pool_same, &x->pools, &key);
	if (id != NOTHING)
		return id;
	if (x->pools.count >= INDEX_MAX)
		return NOTHING;
	id = slab_take(&x->pools);
	*(struct pool *)slab_get(&x->pools, id) = (struct pool){
		.key = key,
		.last = { { INT64_MIN, NOTHING }, { INT64_MIN, NOTHING } },
	};
	index_add(&x->pool_index, key, id, pool_hash, &x->pools);
	return id;
}

static uint32_t network_of(struct estimate *x, struct addr client)
{
	struct prefix p = prefix_pool(client);
	return pool_take(x, hash_bytes(&p, sizeof(p)));
}

/* What stands behind the first label, if that is more than a top level. */
static uint32_t domain_of(struct estimate *x, const char *name)
{
	const char *dot = strchr(name, '.');
	return dot && strchr(dot + 1, '.') ? pool_take(x, hash_name(dot + 1)) : NOTHING;
}

static uint32_t sender_take(struct estimate *x, struct addr client)
{
	uint64_t hash = addr_hash(client);
	uint32_t id =
	    index_find(&x->sender_index, hash, sender_same, &x->senders, &client);
	if (id != NOTHING)
		return id;
	if (x->senders.count >= ESTIMATE_MAX_SENDERS) {
		x->left_out++;
		return NOTHING;
	}
	id = slab_take(&x->senders);
	*(struct sender *)slab_get(&x->senders, id) =
	    (struct sender){ .client = client,
			     .network = network_of(x, client),
			     .domain = NOTHING,
			     .last = { { INT64_MIN, NOTHING }, { INT64_MIN, NOTHING } } };
	index_add(&x->sender_index, hash, id, sender_hash, &x->senders);
	return id;
}

/* Keeps the latest of two different ones. */
static void meet(struct meeting last[2], int64_t time, uint32_t who)
{
	if (last[0].who == who) {
		last[0].time = time > last[0].time ? time : last[0].time;
	} else if (time >= last[0].time) {
		last[1] = last[0];
		last[0] = (struct meeting){ time, who };
	} else if (time > last[1].time) {
		last[1] = (struct meeting){ time, who };
	}
}

/* When somebody else than who was met last. */
static int64_t met_other(const struct meeting last[2], uint32_t who)
{
	return last[0].who == who ? last[1].time : last[0].time;
}

static void pool_meet(struct estimate *x, uint32_t id, uint32_t sender, int64_t time,
		      bool is_better)
{
	if (id == NOTHING)
		return;
	struct pool *p = slab_get(&x->pools, id);
	meet(p->last, time, sender);
	p->met_better |= is_better;
}

/* Room for the minute, on either side; NULL: too far from the others. */
static struct minute *minute_at(struct mx *h, int64_t minute)
{
	int64_t first = h->count == 0 || minute < h->first ? minute : h->first;
	int64_t end = minute + 1 > h->first + h->count ? minute + 1 : h->first + h->count;
	if (h->count == 0)
		end = minute + 1;
	if (end - first > MINUTES_MAX)
		return NULL;
	if (end - first > h->count) {
		int64_t spare = (end - first) / 2; /* where it grows */
		int64_t from = first < h->first && h->count ? first - spare : first;
		int64_t to = first < h->first && h->count ? end : end + spare;
		struct minute *m = xcalloc((size_t)(to - from), sizeof(*m));
		if (h->count)
			memcpy(m + (h->first - from), h->minutes,
			       (size_t)h->count * sizeof(*m));
		free(h->minutes);
		h->minutes = m;
		h->first = from;
		h->count = to - from;
	}
	return &h->minutes[minute - h->first];
}

/* As the judge counts (judge.h): only visits that were deferred or got to MAIL. */
static void count_minute(struct mx *h, const struct visit *v)
{
	struct minute *m = minute_at(h, v->time / STAMP_MINUTE);
	if (!m || m->visits == UINT16_MAX)
		return;
	bool is_bad = v->outcome == OUTCOME_DEFERRED || v->outcome == OUTCOME_ABORTED;
	if (v->depth >= DEPTH_MAIL || v->outcome == OUTCOME_DEFERRED) {
		m->visits++;
		m->bad = (uint16_t)(m->bad + is_bad);
	} else if (m->visits == 0) {
		m->visits = 1; /* a sign of life */
	}
}

static void learn_name(struct estimate *x, struct sender *s, const char *name)
{
	if (s->name || !name[0] || strlen(name) > NAME_MAX)
		return;
	s->name = xstrdup(name);
	s->domain = domain_of(x, name);
}

void estimate_visit(struct estimate *x, size_t host, const struct visit *v)
{
	assert(host < x->host_count && host < ESTIMATE_MAX_HOSTS);
	struct mx *h = &x->hosts[host];
	uint32_t id = v->depth >= DEPTH_CONNECT ? sender_take(x, v->client) : NOTHING;
	if (id == NOTHING)
		return;
	struct sender *s = slab_get(&x->senders, id);
	bool is_worst = h->rank + 1 == x->rank_count;
	h->visits++;
	h->senders += !(s->hosts & UINT32_C(1) << host);
	s->hosts |= UINT32_C(1) << host;
	x->since = v->time < x->since ? v->time : x->since;
	x->until = v->time > x->until ? v->time : x->until;
	learn_name(x, s, v->name);
	meet(s->last, v->time, (uint32_t)host);
	pool_meet(x, s->network, id, v->time, !is_worst);
	pool_meet(x, s->domain, id, v->time, !is_worst);
	count_minute(h, v);
	s->is_accepted |= v->outcome == OUTCOME_ACCEPTED && v->spam != SPAM_YES;
	if (is_worst && s->moment_count < MOMENTS)
		s->moments[s->moment_count++] = v->time;
	if (v->outcome == OUTCOME_DEFERRED && v->time >= s->deferred) {
		s->deferred = v->time;
		s->deferred_host = (uint32_t)host;
	}
}

void estimate_outage(struct estimate *x, size_t host, int64_t until)
{
	assert(host < x->host_count && host < ESTIMATE_MAX_HOSTS);
	spans_add(&x->hosts[host].outages, until - ALIVE_WITHIN,
		  until + x->rules.unwell_tail);
}

/* ---- what follows ---- */

/* Stretches in which the host was not well, their tail included. */
static struct spans unwell_of(const struct estimate *x, const struct mx *h)
{
	struct spans spans = { .count = 0 };
	unsigned visits = 0, bad = 0;
	for (size_t i = 0; i < h->outages.count; i++)
		spans_add(&spans, h->outages.at[i].from, h->outages.at[i].to);
	for (int64_t i = 0; i < h->count; i++) {
		visits += h->minutes[i].visits;
		bad += h->minutes[i].bad;
		if (i >= UNWELL_MINUTES) {
			visits -= h->minutes[i - UNWELL_MINUTES].visits;
			bad -= h->minutes[i - UNWELL_MINUTES].bad;
		}
		if (visits < UNWELL_MIN || bad * 100 < visits * UNWELL_PERCENT)
			continue;
		int64_t end = (h->first + i + 1) * STAMP_MINUTE;
		spans_add(&spans, end - (UNWELL_MINUTES + 1) * STAMP_MINUTE,
			  end + x->rules.unwell_tail);
	}
	return spans;
}

static bool was_visited(const struct mx *h, int64_t from, int64_t to)
{
	for (int64_t m = from / STAMP_MINUTE; m <= to / STAMP_MINUTE; m++) {
		if (m >= h->first && m < h->first + h->count &&
		    h->minutes[m - h->first].visits > 0)
			return true;
	}
	return false;
}

struct making {
	const struct estimate *x;
	struct spans unwell[ESTIMATE_MAX_HOSTS];
	struct estimate_result *r;
	size_t at_risk_cap;
	uint64_t worst_tested, worst_gave_up, worst_all; /* senders of the worst only */
};

/* One of the better hosts would have taken a sender that asked. */
static bool better_was_well(const struct making *m, int64_t time)
{
	for (size_t i = 0; i < m->x->host_count; i++) {
		const struct mx *h = &m->x->hosts[i];
		if (h->rank + 1 < m->x->rank_count &&
		    !spans_meet(&m->unwell[i], time, time) &&
		    was_visited(h, time - ALIVE_WITHIN, time) &&
		    was_visited(h, time, time + ALIVE_WITHIN))
			return true;
	}
	return false;
}

static bool pool_met_better(const struct estimate *x, uint32_t id)
{
	return id != NOTHING &&
	       ((const struct pool *)slab_get(&x->pools, id))->met_better;
}

static bool met_worst_alone(const struct estimate *x, const struct sender *s)
{
	for (size_t i = 0; i < x->host_count; i++) {
		if (s->hosts & UINT32_C(1) << i && x->hosts[i].rank + 1 < x->rank_count)
			return false;
	}
	return x->rank_count > 1;
}

static void judge_worst(struct making *m, const struct sender *s)
{
	bool is_excused =
	    pool_met_better(m->x, s->network) || pool_met_better(m->x, s->domain);
	bool was_well = false;
	for (unsigned i = 0; i < s->moment_count && !was_well; i++)
		was_well = better_was_well(m, s->moments[i]);
	if (is_excused || !was_well) {
		m->r->worse_excused++;
		return;
	}
	m->r->worse_only++;
	m->r->worse_plausible += s->name || s->is_accepted;
}

static bool pool_came_back(const struct estimate *x, uint32_t id, uint32_t sender,
			   int64_t after)
{
	if (id == NOTHING)
		return false;
	const struct pool *p = slab_get(&x->pools, id);
	return met_other(p->last, sender) > after;
}

/* A visit at another host in the same second is the walk on. */
static bool came_back(const struct estimate *x, const struct sender *s, uint32_t id)
{
	const struct meeting *last = s->last;
	int64_t there = last[0].who == s->deferred_host ? last[0].time : last[1].time;
	return there > s->deferred || met_other(last, s->deferred_host) >= s->deferred ||
	       pool_came_back(x, s->network, id, s->deferred) ||
	       pool_came_back(x, s->domain, id, s->deferred);
}

static void add_at_risk(struct making *m, const struct sender *s)
{
	struct estimate_result *r = m->r;
	if (r->at_risk_count == m->at_risk_cap) {
		m->at_risk_cap = m->at_risk_cap ? m->at_risk_cap * 2 : 64;
		r->at_risk = xrealloc(r->at_risk, m->at_risk_cap, sizeof(*r->at_risk));
	}
	r->at_risk[r->at_risk_count++] =
	    (struct estimate_at_risk){ .client = s->client,
				       .tier = s->is_accepted ? TIER_KNOWN : TIER_WEAK,
				       .since = s->deferred,
				       .name = s->name ? s->name : "" };
}

static void judge_sender(struct making *m, uint32_t id)
{
	const struct estimate *x = m->x;
	const struct sender *s = slab_get(&x->senders, id);
	bool is_worst = met_worst_alone(x, s);
	m->worst_all += is_worst;
	if (is_worst)
		judge_worst(m, s);
	if (s->deferred == 0)
		return;
	bool is_back = came_back(x, s, id);
	if (!is_back && s->deferred > x->until - x->rules.patience) {
		m->r->too_late++;
		return;
	}
	m->r->tested++;
	m->worst_tested += is_worst;
	if (is_back)
		return;
	m->r->gave_up++;
	m->worst_gave_up += is_worst;
	if (s->name || s->is_accepted)
		add_at_risk(m, s);
}

static void FMX_PRINTF(2, 3)
    cannot_tell(struct estimate_range *range, const char *fmt, ...)
{
	va_list args;
	*range = (struct estimate_range){ .can_tell = false };
	va_start(args, fmt);
	(void)vsnprintf(range->why_not, sizeof(range->why_not), fmt, args);
	va_end(args);
}

/* How many of `all` do not retry at most, when `gave_up` of `tested` did not:
 * Wilson's interval at two standard deviations. */
static uint64_t at_most(uint64_t gave_up, uint64_t tested, uint64_t all)
{
	double n = (double)tested, p = (double)gave_up / n, z = 2;
	double upper =
	    (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) /
	    (1 + z * z / n);
	return gave_up + (uint64_t)ceil(fmin(upper, 1) * (double)(all - tested));
}

/* Senders that met the worst host alone meet no low decoy. */
static void make_low(struct making *m)
{
	struct estimate_result *r = m->r;
	uint64_t tested = r->tested - m->worst_tested;
	uint64_t gave_up = r->gave_up - m->worst_gave_up;
	if (tested < ESTIMATE_MIN_TESTED) {
		cannot_tell(&r->low,
			    "%llu senders were deferred and watched long enough; %d show "
			    "who does not retry",
			    (unsigned long long)tested, ESTIMATE_MIN_TESTED);
		return;
	}
	r->low = (struct estimate_range){
		.can_tell = true,
		.most = at_most(gave_up, tested, r->senders - m->worst_all),
	};
}

/*
 * If all chose at random among n, part = n/(n+1) of as many would choose the
 * last of n + 1. What was seen and what will be seen both vary, together by
 * part x sqrt(count (2n - 1) / n). If all but a few chose the last on purpose, those
 * few make it more by chance: by 2n at most, again at two standard deviations.
 */
static void make_high(struct making *m)
{
	struct estimate_result *r = m->r;
	double n = m->x->rank_count, part = n / (n + 1);
	double sure = (double)(r->worse_only - r->worse_plausible);
	double spread = 2 * sqrt(sure * (2 * n - 1) / n);
	unsigned long long excused = r->worse_excused;
	if (r->worse_excused > r->worse_only && r->worse_excused >= UNWELL_MIN) {
		cannot_tell(&r->high,
			    "of %llu senders at the worst MX alone, %llu came when no "
			    "better one was seen to be well, or their pool did",
			    excused + r->worse_only, excused);
		return;
	}
	r->high = (struct estimate_range){
		.can_tell = true,
		.least = (uint64_t)floor(fmax(part * (sure - spread), 0)),
		.most = r->worse_only + r->worse_excused + 2 * m->x->rank_count,
	};
}

static bool is_blind(struct making *m)
{
	for (size_t i = 0; i < m->x->host_count; i++) {
		if (m->x->hosts[i].visits > 0)
			continue;
		cannot_tell(&m->r->high, "no visit at one of the MX hosts was read");
		m->r->low = m->r->both = m->r->high;
		return true;
	}
	return false;
}

static void make_ranges(struct making *m)
{
	struct estimate_result *r = m->r;
	if (is_blind(m))
		return;
	make_low(m);
	if (m->x->rank_count == 1) {
		/* First, last and only: who begins where cannot be seen. */
		r->high = r->both = r->low;
		return;
	}
	make_high(m);
	r->both = r->high.can_tell ? r->low : r->high;
	if (r->both.can_tell) {
		r->both.least = r->high.least;
		r->both.most = r->high.most + r->low.most;
	}
}

static int compare_at_risk(const void *a, const void *b)
{
	const struct estimate_at_risk *x = a, *y = b;
	if (x->tier != y->tier)
		return x->tier > y->tier ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return addr_compare(x->client, y->client);
}

void estimate_make(const struct estimate *x, struct estimate_result *ret_result)
{
	struct estimate_result r = { .senders = x->senders.count,
				     .left_out = x->left_out,
				     .since = x->senders.count ? x->since : 0,
				     .until = x->senders.count ? x->until : 0 };
	struct making m = { .x = x, .r = &r };
	for (size_t i = 0; i < x->host_count; i++) {
		r.hosts[i] =
		    (struct estimate_host){ x->hosts[i].visits, x->hosts[i].senders };
		m.unwell[i] = unwell_of(x, &x->hosts[i]);
	}
	for (uint32_t id = 0; id < x->senders.top; id++)
		judge_sender(&m, id);
	make_ranges(&m);
	if (r.at_risk_count)
		qsort(r.at_risk, r.at_risk_count, sizeof(*r.at_risk), compare_at_risk);
	for (size_t i = 0; i < x->host_count; i++)
		spans_release(&m.unwell[i]);
	*ret_result = r;
}

void estimate_release(struct estimate_result *r)
{
	free(r->at_risk);
	*r = (struct estimate_result){ .at_risk = NULL };
}

const char *estimate_assumption(size_t index)
{
	static const char *const texts[] = {
		"The coming weeks bring the same senders as the log.",
		"Who met the worst MX alone, while a better one was well, chose the last "
		"one or chose at random; and stays with the last when that is a decoy.",
		"Who was never deferred retries as often as those who were.",
		"A sender that did not come back within 4 hours of a deferral does not "
		"retry. It may still walk on from a decoy at once: so the upper end is "
		"an upper bound.",
		"Senders that a firewall or blocklist keeps off before the log are not "
		"counted.",
	};
	return index < sizeof(texts) / sizeof(texts[0]) ? texts[index] : NULL;
}
