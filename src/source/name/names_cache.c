#include "source/name/names_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/name.h"
#include "old/store.h"

struct entry {
	struct addr client;
	uint32_t older, newer; /* in the order in which they were written */
	char *name;            /* NULL: nothing was learnt; domain is a tail of it */
	int64_t until;         /* STAMP_NEVER: somebody asks */
	int64_t spf_until;     /* SPF passed, which counts so long */
	uint16_t domain_at;
	bool is_confirmed, is_generic;
};

struct names_cache {
	struct slab entries;
	struct index index;
	uint32_t oldest, newest;
	uint32_t most;
};

struct names_cache *names_cache_new(uint32_t most)
{
	struct names_cache *c = xcalloc(1, sizeof(*c));
	c->entries = (struct slab)SLAB_INIT(sizeof(struct entry));
	c->oldest = c->newest = NOTHING;
	c->most = most;
	return c;
}

static struct entry *at(const struct names_cache *c, uint32_t id)
{
	return slab_get(&c->entries, id);
}

void names_cache_free(struct names_cache *c)
{
	if (!c)
		return;
	for (uint32_t id = c->oldest; id != NOTHING; id = at(c, id)->newer)
		free(at(c, id)->name);
	slab_release(&c->entries);
	index_release(&c->index);
	free(c);
}

static uint64_t hash_of(const void *table, uint32_t id)
{
	return addr_hash(((const struct entry *)slab_get(table, id))->client);
}

static bool same(const void *table, uint32_t id, const void *key)
{
	return memcmp(slab_get(table, id), key, sizeof(struct addr)) == 0;
}

static uint32_t find(const struct names_cache *c, struct addr client)
{
	return index_find(&c->index, addr_hash(client), same, &c->entries, &client);
}

static void unlink_entry(struct names_cache *c, const struct entry *e)
{
	if (e->older == NOTHING)
		c->oldest = e->newer;
	else
		at(c, e->older)->newer = e->newer;
	if (e->newer == NOTHING)
		c->newest = e->older;
	else
		at(c, e->newer)->older = e->older;
}

static void link_newest(struct names_cache *c, uint32_t id)
{
	struct entry *e = at(c, id);
	e->older = c->newest;
	e->newer = NOTHING;
	if (c->newest == NOTHING)
		c->oldest = id;
	else
		at(c, c->newest)->newer = id;
	c->newest = id;
}

static void drop(struct names_cache *c, uint32_t id)
{
	struct entry *e = at(c, id);
	unlink_entry(c, e);
	index_remove(&c->index, addr_hash(e->client), id, hash_of, &c->entries);
	free(e->name);
	slab_give(&c->entries, id);
}

/* The client's entry, as the newest. */
static struct entry *take(struct names_cache *c, struct addr client)
{
	uint32_t id = find(c, client);
	if (id != NOTHING) {
		unlink_entry(c, at(c, id));
		link_newest(c, id);
		return at(c, id);
	}
	if (c->entries.count >= c->most)
		drop(c, c->oldest);
	id = slab_take(&c->entries);
	*at(c, id) = (struct entry){ .client = client };
	index_add(&c->index, addr_hash(client), id, hash_of, &c->entries);
	link_newest(c, id);
	return at(c, id);
}

bool names_cache_is_due(const struct names_cache *c, struct addr client, int64_t now)
{
	uint32_t id = find(c, client);
	return id == NOTHING || at(c, id)->until <= now;
}

void names_cache_asking(struct names_cache *c, struct addr client)
{
	take(c, client)->until = STAMP_NEVER;
}

void names_cache_learnt(struct names_cache *c, const struct record_name *n, int64_t until)
{
	struct entry *e = take(c, n->client);
	size_t len = strlen(n->name), tail = strlen(n->domain);
	bool is_tail = tail <= len && strcmp(n->name + len - tail, n->domain) == 0;
	free(e->name);
	e->name = xstrdup(n->name);
	e->domain_at = (uint16_t)(is_tail ? len - tail : len);
	e->is_confirmed = n->is_confirmed;
	e->is_generic = n->is_generic;
	e->until = until;
}

void names_cache_passed(struct names_cache *c, struct addr client, int64_t until)
{
	take(c, client)->spf_until = until;
}

void names_cache_failed(struct names_cache *c, struct addr client, int64_t until)
{
	take(c, client)->until = until;
}

void names_cache_retry(struct names_cache *c)
{
	for (uint32_t id = c->oldest; id != NOTHING; id = at(c, id)->newer)
		if (!at(c, id)->name)
			at(c, id)->until = 0;
}

bool names_cache_get(const struct names_cache *c, struct addr client, int64_t now,
		     struct record_name *ret_name)
{
	uint32_t id = find(c, client);
	const struct entry *e = id == NOTHING ? NULL : at(c, id);
	if (!e || (!e->name && e->spf_until <= now))
		return false;
	*ret_name = (struct record_name){
		.client = client,
		.is_confirmed = e->is_confirmed,
		.is_generic = e->is_generic,
		.spf_passes = e->spf_until > now,
		.name = e->name ? e->name : "",
		.domain = e->name ? e->name + e->domain_at : "",
	};
	return true;
}

void names_cache_forget(struct names_cache *c, const char *what)
{
	struct addr client;
	if (addr_parse(what, &client)) {
		uint32_t id = find(c, client);
		if (id != NOTHING)
			drop(c, id);
		return;
	}
	for (uint32_t id = c->oldest, next; id != NOTHING; id = next) {
		const struct entry *e = at(c, id);
		next = e->newer;
		if (*what && e->name && name_is_below(e->name, what))
			drop(c, id);
	}
}

uint32_t names_cache_count(const struct names_cache *c)
{
	return c->entries.count;
}
