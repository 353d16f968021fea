#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "old/judge_internal.h"

enum { POOL_KEY = 11, POOL_LOOK_MAX = 4096 }; /* bits, group, is_v4 */
static_assert(offsetof(struct pool, is_v4) == POOL_KEY - 1, "a pool begins with its key");

static struct pool *pool_at(const struct judge *j, uint32_t id)
{
	return slab_get(&j->pools, id);
}

static struct domain *domain_of(const struct judge *j, const struct sender *s)
{
	if (s->name == NOTHING)
		return NULL;
	const struct name *n = slab_get(&j->names, s->name);
	return n->domain == NOTHING ? NULL : slab_get(&j->domains, n->domain);
}

uint64_t pool_hash(const void *table, uint32_t id)
{
	return hash_bytes(slab_get(table, id), POOL_KEY);
}

static bool pool_same(const void *table, uint32_t id, const void *key)
{
	return memcmp(slab_get(table, id), key, POOL_KEY) == 0;
}

/* The first 24 or 64 bits (DESIGN, "pool"); kept as the bytes of a prefix. */
static struct pool pool_key(const struct sender *s)
{
	struct pool key = { .group = s->group, .is_v4 = addr_is_v4(s->client) };
	memcpy(key.bits, s->client.bytes + (key.is_v4 ? 12 : 0), key.is_v4 ? 3 : 8);
	return key;
}

void pool_join(struct judge *j, uint32_t sender)
{
	struct sender *s = sender_at(j, sender);
	struct pool key = pool_key(s);
	uint64_t hash = hash_bytes(&key, POOL_KEY);
	uint32_t id = index_find(&j->pool_index, hash, pool_same, &j->pools, &key);
	if (id == NOTHING) {
		id = slab_take(&j->pools);
		key.first = NOTHING;
		key.flags = POOL_USED;
		*pool_at(j, id) = key;
		index_add(&j->pool_index, hash, id, pool_hash, &j->pools);
	}
	s->pool = id;
	s->next_in_pool = pool_at(j, id)->first;
	pool_at(j, id)->first = sender;
}

void pool_leave(struct judge *j, uint32_t sender)
{
	struct sender *s = sender_at(j, sender);
	uint32_t *at = &pool_at(j, s->pool)->first;
	while (*at != sender)
		at = &sender_at(j, *at)->next_in_pool;
	*at = s->next_in_pool;
	s->pool = s->next_in_pool = NOTHING;
}

static bool may_excuse(const struct judge *j, const struct sender *s)
{
	int64_t met = (int64_t)s->run.to * STAMP_SECOND;
	return s->run.to != 0 && met + j->rules.excuse + j->rules.final >= j->now;
}

void pool_disown(struct judge *j, const struct sender *s)
{
	if (may_excuse(j, s))
		pool_at(j, s->pool)->flags |= POOL_TWIN;
	domain_disown(j, s);
}

void domain_disown(struct judge *j, const struct sender *s)
{
	struct domain *d = domain_of(j, s);
	if (d && may_excuse(j, s))
		d->flags |= POOL_TWIN;
}

/* One by one, leaving would walk the chain of a large pool for each member. */
void pool_link_all(struct judge *j)
{
	for (uint32_t i = 0; i < j->pools.top; i++)
		if (pool_at(j, i)->flags & POOL_USED)
			pool_at(j, i)->first = NOTHING;
	for (uint32_t id = 0; id < j->senders.top; id++) {
		struct sender *s = sender_at(j, id);
		if (!(s->flags & SENDER_USED))
			continue;
		s->next_in_pool = pool_at(j, s->pool)->first;
		pool_at(j, s->pool)->first = id;
	}
}

bool run_meets(struct run r, int64_t from, int64_t to)
{
	return r.to != 0 && (int64_t)r.from * STAMP_SECOND <= to &&
	       (int64_t)r.to * STAMP_SECOND >= from;
}

void run_merge(struct run *into, struct run other)
{
	if (other.to == 0)
		return;
	if (into->to == 0) {
		*into = other;
		return;
	}
	into->from = other.from < into->from ? other.from : into->from;
	into->to = other.to > into->to ? other.to : into->to;
}

/*
 * A new run begins only when the old one is so far behind that no moment which
 * it could excuse is still undecided. Else the old one grows over the gap: it
 * may then excuse too much, never too little.
 */
bool run_extend(const struct judge *j, struct run *r, struct run with, int64_t frontier)
{
	int64_t reach =
	    (int64_t)r->to * STAMP_SECOND + j->rules.excuse + j->rules.confirm;
	bool is_new =
	    r->to != 0 && (int64_t)with.from * STAMP_SECOND > reach && reach < frontier;
	if (is_new)
		*r = with;
	else
		run_merge(r, with);
	return is_new;
}

void pool_contact(struct judge *j, const struct contact *c)
{
	struct sender *s = sender_at(j, c->sender);
	int64_t frontier = j->groups[s->group].frontier;
	struct run with = { c->from, c->to };
	struct domain *d = domain_of(j, s);
	struct pool *p = pool_at(j, s->pool);
	(void)run_extend(j, &s->run, with, frontier);
	if (run_extend(j, &p->run, with, frontier))
		p->flags &= (uint8_t)~POOL_TWIN;
	/* Shared by groups whose frontiers may be far behind. */
	if (d && run_extend(j, &d->run, with, earlier(frontier, j->now - j->rules.final)))
		d->flags &= (uint8_t)~POOL_TWIN;
}

static uint32_t newer(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void pool_accept(struct judge *j, uint32_t sender, uint32_t at)
{
	struct sender *s = sender_at(j, sender);
	struct domain *d = domain_of(j, s);
	pool_at(j, s->pool)->accepted = newer(pool_at(j, s->pool)->accepted, at);
	if (d)
		d->accepted = newer(d->accepted, at);
}

bool pool_met(const struct judge *j, const struct sender *s, int64_t from, int64_t to)
{
	const struct domain *d = domain_of(j, s);
	return run_meets(pool_at(j, s->pool)->run, from, to) ||
	       (d && run_meets(d->run, from, to));
}

static bool other_met(const struct judge *j, uint32_t id, const struct sender *not_this,
		      int64_t from)
{
	const struct sender *s = id == NOTHING ? NULL : sender_at(j, id);
	return s && s != not_this && run_meets(s->run, from, TIME_MAX);
}

/* Asks the members one by one; *left is how many more may be asked. */
static bool member_met(const struct judge *j, const struct sender *s, int64_t from,
		       uint32_t *left)
{
	const struct domain *d = domain_of(j, s);
	const struct name *n;
	uint32_t id = pool_at(j, s->pool)->first;
	for (; id != NOTHING && *left > 0; id = sender_at(j, id)->next_in_pool, (*left)--)
		if (other_met(j, id, s, from))
			return true;
	for (uint32_t at = d ? d->first : NOTHING; at != NOTHING && *left > 0;
	     at = n->next_in_domain, (*left)--) {
		n = slab_get(&j->names, at);
		if (other_met(j, sender_find(j, n->client, s->group), s, from))
			return true;
	}
	return false;
}

/* The pool's run holds the sender's own contacts too: then look who else. */
bool pool_others_met(const struct judge *j, const struct sender *s, int64_t from)
{
	const struct domain *d = domain_of(j, s);
	const struct pool *p = pool_at(j, s->pool);
	uint32_t left = POOL_LOOK_MAX;
	bool has_pool = run_meets(p->run, from, TIME_MAX);
	bool has_domain = d && run_meets(d->run, from, TIME_MAX);
	if (!has_pool && !has_domain)
		return false;
	if (!run_meets(s->run, from, TIME_MAX) || (has_pool && p->flags & POOL_TWIN) ||
	    (has_domain && d->flags & POOL_TWIN))
		return true;
	return member_met(j, s, from, &left) || left == 0; /* too many to ask: excused */
}

uint32_t pool_accepted(const struct judge *j, const struct sender *s)
{
	const struct domain *d = domain_of(j, s);
	return newer(pool_at(j, s->pool)->accepted, d ? d->accepted : 0);
}

/* What the sender is held for that a contact of its pool could change. */
static uint8_t flags_of(const struct judge *j, const struct sender *s)
{
	const struct walk *w = walk_at(j, s->walk);
	const struct mark *m = mark_at(j, s->mark);
	bool is_accused =
	    (w && (w->shown.order == ORDER_BACKDOOR || w->older != NOTHING)) ||
	    (m && m->counted);
	return (uint8_t)((is_accused ? POOL_ACCUSED : 0) |
			 (w && w->shown.fate == FATE_STOPPED ? POOL_STOPPED : 0) |
			 (m && m->is_on ? POOL_LISTED : 0));
}

void pool_flag(struct judge *j, const struct sender *s)
{
	uint8_t flags = flags_of(j, s);
	struct domain *d = flags ? domain_of(j, s) : NULL;
	if (!flags)
		return;
	pool_at(j, s->pool)->flags |= flags;
	if (d)
		d->flags |= flags;
}

static uint8_t ask(struct judge *j, uint32_t id, const struct contact *c)
{
	if (id != c->sender) {
		if (c->is_late)
			listing_late_contact(j, sender_at(j, id), c);
		settle(j, id);
	}
	return flags_of(j, sender_at(j, id));
}

static uint8_t ask_prefix(struct judge *j, const struct pool *p, const struct contact *c)
{
	uint8_t left = 0;
	for (uint32_t id = p->first; id != NOTHING; id = sender_at(j, id)->next_in_pool)
		left |= ask(j, id, c);
	return left;
}

static uint8_t ask_domain(struct judge *j, const struct domain *d,
			  const struct contact *c)
{
	uint8_t left = 0;
	const struct name *n;
	for (uint32_t at = d->first; at != NOTHING; at = n->next_in_domain) {
		n = slab_get(&j->names, at);
		for (size_t g = 0; g < j->site_count; g++) {
			uint32_t id = sender_find(j, n->client, (uint16_t)g);
			if (id != NOTHING)
				left |= ask(j, id, c);
		}
	}
	return left;
}

void pool_ask_again(struct judge *j, const struct contact *c, uint8_t flags)
{
	const struct sender *s = sender_at(j, c->sender);
	struct pool *p = pool_at(j, s->pool);
	struct domain *d = domain_of(j, s);
	if (p->flags & flags)
		p->flags = (uint8_t)((p->flags & POOL_LASTING) | ask_prefix(j, p, c));
	if (d && d->flags & flags)
		d->flags = (uint8_t)((d->flags & POOL_TWIN) | ask_domain(j, d, c));
}

bool pool_excuse(struct judge *j, uint32_t sender, struct run met, uint32_t accepted)
{
	const struct sender *s = sender_at(j, sender);
	struct pool *p = pool_at(j, s->pool);
	struct run before = p->run;
	bool is_news = accepted > p->accepted;
	(void)run_extend(j, &p->run, met, j->groups[s->group].frontier);
	p->accepted = newer(p->accepted, accepted);
	p->flags |= POOL_TWIN;
	return is_news || before.from != p->run.from || before.to != p->run.to;
}

void pool_ask_twins(struct judge *j, uint32_t sender, const struct contact *c,
		    uint8_t flags)
{
	struct pool *p = pool_at(j, sender_at(j, sender)->pool);
	if (p->flags & flags)
		p->flags = (uint8_t)((p->flags & POOL_LASTING) | ask_prefix(j, p, c));
}
