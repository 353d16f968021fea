#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "old/judge_internal.h"

struct sender_key {
	struct addr client;
	uint16_t group;
};
enum { SENDER_KEY = 18 }; /* bytes of it, without padding */

static uint64_t hash_key(const struct sender_key *k)
{
	return hash_bytes(k, SENDER_KEY);
}

static_assert(offsetof(struct sender, client) == 0 &&
		  offsetof(struct sender, group) == 16,
	      "a sender begins with its key");

uint64_t sender_hash(const void *table, uint32_t id)
{
	return hash_bytes(slab_get(table, id), SENDER_KEY);
}

static bool sender_same(const void *table, uint32_t id, const void *key)
{
	return memcmp(slab_get(table, id), key, SENDER_KEY) == 0;
}

static uint32_t find(const struct judge *j, const struct sender_key *k, uint64_t hash)
{
	return index_find(&j->sender_index, hash, sender_same, &j->senders, k);
}

uint32_t sender_find(const struct judge *j, struct addr client, uint16_t group)
{
	struct sender_key k = { client, group };
	return find(j, &k, hash_key(&k));
}

bool judge_fate(const struct judge *j, struct addr client, uint16_t site_id,
		enum fate *ret_fate)
{
	if (!judge_site_is_configured(j, site_id))
		return false;
	uint16_t group = j->sites[j->site_by_id[site_id] - 1]->group;
	uint32_t id = sender_find(j, client, group);
	const struct walk *w = id == NOTHING ? NULL : walk_at(j, sender_at(j, id)->walk);
	if (!w)
		return false;
	*ret_fate = w->shown.fate;
	return true;
}

void walk_trim(struct judge *j, struct walk *w, unsigned most)
{
	while (w->older != NOTHING) {
		struct walk *older = walk_at(j, w->older);
		int64_t end = (int64_t)older->since * STAMP_SECOND + j->rules.final;
		if (most > 0 && end > j->now) {
			most--;
			w = older;
			continue;
		}
		uint32_t id = w->older;
		w->older = older->older;
		slab_give(&j->walks, id);
	}
}

void walk_close(struct judge *j, struct sender *s)
{
	struct mark *m = mark_at(j, s->mark);
	if (s->walk == NOTHING)
		return;
	walk_trim(j, walk_at(j, s->walk), 0);
	slab_give(&j->walks, s->walk);
	s->walk = NOTHING;
	if (!m || !m->second)
		return;
	m->second = 0; /* it waited for sources that never came */
	if (!m->is_on && !m->counted)
		mark_drop(j, s);
}

/* All but the pool's chain. */
static void let_go(struct judge *j, uint32_t id)
{
	struct sender *s = sender_at(j, id);
	walk_close(j, s);
	mark_drop(j, s);
	if (s->name != NOTHING)
		((struct name *)slab_get(&j->names, s->name))->refs--;
	index_remove(&j->sender_index, sender_hash(&j->senders, id), id, sender_hash,
		     &j->senders);
	slab_give(&j->senders, id);
}

void sender_drop(struct judge *j, uint32_t id)
{
	pool_disown(j, sender_at(j, id));
	pool_leave(j, id);
	let_go(j, id);
}

/* Who goes first when there is no more room: the lower class, then the older. */
struct leaver {
	uint8_t class;
	int64_t since;
	struct addr client;
	uint32_t id;
};

static int compare_leavers(const void *a, const void *b)
{
	const struct leaver *x = a, *y = b;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	int by_addr = addr_compare(x->client, y->client);
	return by_addr != 0 ? by_addr : x->id < y->id ? -1 : x->id > y->id;
}

/* Undecided walks first, and those of senders that only knocked (knocks are
 * cheap to forge); then the others that met no real host; then those that did;
 * those on the list last. */
static struct leaver leaver_of(const struct judge *j, uint32_t id)
{
	const struct sender *s = sender_at(j, id);
	const struct walk *w = walk_at(j, s->walk);
	const struct mark *m = mark_at(j, s->mark);
	bool is_open = s->run.to == 0 && w &&
		       (w->shown.order_reason == REASON_UNDECIDED ||
			w->shown.order_reason == REASON_KNOCKS_ONLY ||
			w->shown.fate == FATE_PENDING);
	struct leaver l = { .client = s->client, .id = id };
	l.since = is_open ? w->began : (int64_t)s->last_visit * STAMP_SECOND;
	l.class = m && m->is_on ? 3 : is_open ? 0 : s->run.to == 0 ? 1 : 2;
	return l;
}

/* A sixteenth at a time, so that each newcomer costs little on average. */
static void make_room(struct judge *j)
{
	uint32_t count = 0, going = j->rules.max_senders / 16 + 1;
	struct leaver *all = xcalloc(j->senders.count, sizeof(*all));
	for (uint32_t i = 0; i < j->senders.top; i++)
		if (sender_at(j, i)->flags & SENDER_USED)
			all[count++] = leaver_of(j, i);
	assert(count == j->senders.count);
	qsort(all, count, sizeof(*all), compare_leavers);
	uint32_t over = count - j->rules.max_senders;
	for (uint32_t i = 0; i < going + over && i < count; i++) {
		listing_withdraw(j, sender_at(j, all[i].id), REASON_EXPIRED);
		pool_disown(j, sender_at(j, all[i].id));
		let_go(j, all[i].id);
		j->dropped++;
	}
	pool_link_all(j);
	free(all);
}

uint32_t sender_take(struct judge *j, struct addr client, uint16_t group)
{
	struct sender_key k = { client, group };
	uint64_t hash = hash_key(&k);
	uint32_t id = find(j, &k, hash);
	if (id != NOTHING)
		return id;
	if (j->senders.count >= j->rules.max_senders)
		make_room(j);
	id = slab_take(&j->senders);
	struct sender *s = sender_at(j, id);
	s->client = client;
	s->group = group;
	s->flags = SENDER_USED;
	s->day = (uint8_t)(second_down(j->now) / 86400);
	s->pool = s->next_in_pool = s->walk = s->mark = NOTHING;
	s->name = j->names.count ? name_find(j, client) : NOTHING;
	if (s->name != NOTHING)
		((struct name *)slab_get(&j->names, s->name))->refs++;
	index_add(&j->sender_index, hash, id, sender_hash, &j->senders);
	pool_join(j, id);
	return id;
}

static void tell_pool(struct judge *j, uint32_t id, uint32_t accepted)
{
	struct sender *s = sender_at(j, id);
	struct contact c = { id, s->run.from, s->run.to, true };
	if (c.to)
		pool_contact(j, &c);
	if (accepted)
		pool_accept(j, id, accepted);
}

/* Two records of one address become one; what excuses is kept. */
static void merge_into(struct judge *j, uint32_t into, uint32_t from)
{
	struct sender *a = sender_at(j, into), *b = sender_at(j, from);
	run_merge(&a->run, b->run);
	a->accepted = b->accepted > a->accepted ? b->accepted : a->accepted;
	a->last_visit = b->last_visit > a->last_visit ? b->last_visit : a->last_visit;
	sender_drop(j, from);
	tell_pool(j, into, a->accepted);
}

void sender_regroup(struct judge *j, uint16_t from, uint16_t to)
{
	for (uint32_t id = 0; id < j->senders.top; id++) {
		struct sender *s = sender_at(j, id);
		if (!(s->flags & SENDER_USED) || s->group != from)
			continue;
		uint32_t other = sender_find(j, s->client, to);
		if (other != NOTHING) {
			merge_into(j, other, id);
			continue;
		}
		uint32_t accepted = pool_accepted(j, s);
		pool_leave(j, id);
		index_remove(&j->sender_index, sender_hash(&j->senders, id), id,
			     sender_hash, &j->senders);
		s->group = to;
		index_add(&j->sender_index, sender_hash(&j->senders, id), id, sender_hash,
			  &j->senders);
		pool_join(j, id);
		tell_pool(j, id, accepted);
		struct walk *w = walk_at(j, s->walk);
		if (w && w->need)
			dues_push(&j->groups[to].waits, w->need, id);
	}
}

static uint32_t halved(uint32_t count, uint32_t days)
{
	return days < 32 ? count >> days : 0;
}

/*
 * Counts are halved each day, so that a NAT that begins today is seen within
 * days. As for wellness, only visits that meant mail count at a real host: our
 * own health probes would be the majority of a quiet site. Knocks do not count:
 * forged ones would hide a NAT.
 */
void sender_count_visit(struct judge *j, struct sender *s, const struct step *st)
{
	if (!st->is_contact || (st->place == PLACE_REAL && st->v->depth < DEPTH_MAIL))
		return;
	if (st->time < st->eye->watermark)
		return; /* late: it must not make a majority look small */
	struct group *g = &j->groups[s->group];
	uint32_t today = second_down(j->now) / 86400;
	if (today != g->day) {
		g->visits = halved(g->visits, today - g->day);
		g->day = today;
	}
	if ((uint8_t)today != s->day) {
		s->visits = halved(s->visits, (uint8_t)(today - s->day));
		s->day = (uint8_t)today;
	}
	g->visits += g->visits < UINT32_MAX;
	s->visits += s->visits < UINT32_MAX;
	if (sender_is_nat(j, s)) {
		g->has_nat = true;
		g->nat = s->client;
	} else if (g->has_nat && addr_equal(g->nat, s->client)) {
		g->has_nat = false;
	}
}

bool sender_is_nat(const struct judge *j, const struct sender *s)
{
	const struct group *g = &j->groups[s->group];
	uint8_t behind = (uint8_t)((uint8_t)g->day - s->day);
	return g->visits >= NAT_MIN_VISITS && halved(s->visits, behind) > g->visits / 2;
}

bool judge_nat(const struct judge *j, uint16_t site_id, struct addr *ret_client)
{
	if (!judge_site_is_configured(j, site_id))
		return false;
	const struct group *g = &j->groups[j->sites[j->site_by_id[site_id] - 1]->group];
	if (g->has_nat)
		*ret_client = g->nat;
	return g->has_nat;
}

/* A walk with a real host in it can end once no visit in time can come any
 * more that would belong to it. */
static bool walk_is_over(const struct judge *j, const struct sender *s,
			 const struct walk *w)
{
	int64_t end = (int64_t)s->last_visit * STAMP_SECOND + j->rules.walk_gap;
	if (!(w->bits & WALK_REAL))
		return false;
	bool may_soften =
	    w->shown.order == ORDER_BACKDOOR || w->older != NOTHING || w->need != 0;
	return (j->groups[s->group].frontier > end && !may_soften) ||
	       j->now > end + j->rules.final;
}

/* Each hour another part, so that all are looked at twice a day. */
static void sweep_walks(struct judge *j, uint32_t hour)
{
	enum { PARTS = 12, RUN = 64 };
	for (uint32_t i = hour % PARTS * RUN; i < j->walks.top; i++) {
		if (i % RUN == 0 && i / RUN % PARTS != hour % PARTS)
			i += (PARTS - 1) * RUN;
		if (i >= j->walks.top)
			return;
		struct walk *w = walk_at(j, i);
		if (w->began == 0 || !(w->bits & WALK_REAL))
			continue;
		struct sender *s = sender_at(j, w->sender);
		if (s->walk != i)
			continue; /* an older one */
		walk_trim(j, w, OLDER_MAX);
		if (walk_is_over(j, s, w))
			walk_close(j, s);
	}
}

void sender_fetch(const struct judge *j, const struct sender *s)
{
	if (s->walk != NOTHING) {
		const char *w = slab_get(&j->walks, s->walk);
		__builtin_prefetch(w);
		__builtin_prefetch(w + 64);
	}
	__builtin_prefetch(slab_get(&j->pools, s->pool));
	if (s->mark != NOTHING)
		__builtin_prefetch(slab_get(&j->marks, s->mark));
}

void dues_fetch(const struct judge *j, const struct dues *d)
{
	enum { AHEAD = 4 };
	uint32_t ids[AHEAD];
	size_t n = dues_soon(d, ids, AHEAD);
	for (size_t i = 2; i < n; i++)
		if (ids[i] < j->senders.top)
			__builtin_prefetch(sender_at(j, ids[i]));
	for (size_t i = 0; i < 2 && i < n; i++) {
		const struct sender *s =
		    ids[i] < j->senders.top ? sender_at(j, ids[i]) : NULL;
		if (s && s->flags & SENDER_USED)
			sender_fetch(j, s);
	}
}

/* What is known of a sender is dropped when it no longer matters. */
static bool sender_is_stale(const struct judge *j, const struct sender *s)
{
	int64_t last = (int64_t)s->last_visit * STAMP_SECOND;
	int64_t keep = s->accepted ? later(j->rules.known_window, j->rules.pool_accepted)
				   : j->rules.pool_accepted;
	if (s->walk != NOTHING || j->now <= last + later(keep, j->rules.excuse))
		return false;
	const struct mark *m = mark_at(j, s->mark);
	return !m || !(m->is_on || m->second);
}

static void sweep_senders(struct judge *j)
{
	uint32_t before = j->senders.count;
	for (uint32_t id = 0; id < j->senders.top; id++) {
		const struct sender *s = sender_at(j, id);
		if (s->flags & SENDER_USED && sender_is_stale(j, s))
			let_go(j, id);
	}
	if (j->senders.count < before)
		pool_link_all(j);
}

static void sweep_pools(struct judge *j)
{
	for (uint32_t i = 0; i < j->pools.top; i++) {
		struct pool *p = slab_get(&j->pools, i);
		int64_t met = (int64_t)p->run.to * STAMP_SECOND + 2 * j->rules.excuse;
		int64_t took =
		    (int64_t)p->accepted * STAMP_SECOND + j->rules.pool_accepted;
		if (!(p->flags & POOL_USED) || p->first != NOTHING || met > j->now ||
		    took > j->now)
			continue;
		index_remove(&j->pool_index, pool_hash(&j->pools, i), i, pool_hash,
			     &j->pools);
		slab_give(&j->pools, i);
	}
}

static void sweep_names(struct judge *j)
{
	for (uint32_t i = 0; i < j->names.top; i++) {
		const struct name *n = slab_get(&j->names, i);
		int64_t end = (int64_t)n->seen * STAMP_SECOND + j->rules.known_window;
		if (n->text && n->refs == 0 && end < j->now)
			name_drop(j, i);
	}
}

void judge_sweep(struct judge *j)
{
	uint32_t second = second_down(j->now);
	sweep_walks(j, second / 3600);
	letter_sweep(j);
	j->next_sweep = second / 3600 * 3600 + 3600;
	if (second < j->next_sweep_all)
		return;
	j->next_sweep_all = second / 86400 * 86400 + 86400;
	sweep_senders(j);
	sweep_pools(j);
	sweep_names(j);
}
