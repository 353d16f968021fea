#include "outlet/estimate/estimate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "judge/span.h"
#include "outlet/estimate/estimate_internal.h"
#include "outlet/estimate/table.h"

/* A sender that was seen at the worst host again and again needs no more than a
 * few of its moments: one at which a better host was well is enough. */
enum { MOMENTS = 4, NAME_MAX = 255, MINUTES_MAX = 10 * 366 * 24 * 60 };
#define NOTHING UINT32_MAX
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
	struct sender *senders;
	size_t sender_count, sender_cap;
	struct pool *pools;
	size_t pool_count, pool_cap;
	struct table sender_at, pool_at;
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
	return x;
}

void estimate_free(struct estimate *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->sender_count; i++)
		free(x->senders[i].name);
	for (size_t i = 0; i < x->host_count; i++) {
		free(x->hosts[i].minutes);
		spans_release(&x->hosts[i].outages);
	}
	free(x->senders);
	free(x->pools);
	table_release(&x->sender_at);
	table_release(&x->pool_at);
	free(x);
}

/* ---- what is kept of a visit ---- */

/* Two pools that share a hash excuse each other, no more. */
static uint32_t pool_take(struct estimate *x, uint64_t hash)
{
	bool is_new;
	uint32_t *at = table_at(&x->pool_at, hash, &is_new);
	if (!is_new)
		return *at;
	*at = (uint32_t)x->pool_count;
	x->pools = xroom(x->pools, x->pool_count, &x->pool_cap, sizeof(*x->pools));
	x->pools[x->pool_count++] = (struct pool){
		.last = { { INT64_MIN, NOTHING }, { INT64_MIN, NOTHING } },
	};
	return *at;
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
	bool is_new;
	uint32_t *at = table_at(&x->sender_at, addr_hash(client), &is_new);
	if (!is_new)
		return *at;
	if (x->sender_count >= ESTIMATE_MAX_SENDERS) {
		*at = NOTHING;
		return NOTHING;
	}
	*at = (uint32_t)x->sender_count;
	x->senders =
	    xroom(x->senders, x->sender_count, &x->sender_cap, sizeof(*x->senders));
	x->senders[x->sender_count++] =
	    (struct sender){ .client = client,
			     .network = network_of(x, client),
			     .domain = NOTHING,
			     .last = { { INT64_MIN, NOTHING }, { INT64_MIN, NOTHING } } };
	return *at;
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
	struct pool *p = &x->pools[id];
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
	if (id == NOTHING) {
		x->left_out += v->depth >= DEPTH_CONNECT;
		return;
	}
	struct sender *s = &x->senders[id];
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
		spans_add(&spans, h->outages.at[i].since, h->outages.at[i].until);
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
	struct estimate_worst worst;
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
	return id != NOTHING && x->pools[id].met_better;
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
	const struct pool *p = &x->pools[id];
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
	const struct sender *s = &x->senders[id];
	bool is_worst = met_worst_alone(x, s);
	m->worst.all += is_worst;
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
	m->worst.tested += is_worst;
	if (is_back)
		return;
	m->r->gave_up++;
	m->worst.gave_up += is_worst;
	if (s->name || s->is_accepted)
		add_at_risk(m, s);
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
	struct estimate_result r = { .senders = x->sender_count,
				     .left_out = x->left_out,
				     .since = x->sender_count ? x->since : 0,
				     .until = x->sender_count ? x->until : 0 };
	struct making m = { .x = x, .r = &r };
	for (size_t i = 0; i < x->host_count; i++) {
		r.hosts[i] =
		    (struct estimate_host){ x->hosts[i].visits, x->hosts[i].senders };
		m.unwell[i] = unwell_of(x, &x->hosts[i]);
	}
	for (uint32_t id = 0; id < x->sender_count; id++)
		judge_sender(&m, id);
	estimate_ranges(&r, &m.worst, x->host_count, x->rank_count);
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
