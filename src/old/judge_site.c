#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "old/judge_internal.h"

static struct spot *spot_at(const struct judge *j, uint32_t id)
{
	return slab_get(&j->spots, id);
}

uint64_t spot_hash(const void *table, uint32_t id)
{
	const struct spot *p = slab_get(table, id);
	return addr_hash(p->addr);
}

static bool spot_same(const void *table, uint32_t id, const void *key)
{
	const struct spot *p = slab_get(table, id);
	return memcmp(&p->addr, key, sizeof(p->addr)) == 0;
}

static struct spot *spot_find(const struct judge *j, struct addr a)
{
	uint32_t id = index_find(&j->spot_index, addr_hash(a), spot_same, &j->spots, &a);
	return id == NOTHING ? NULL : spot_at(j, id);
}

bool spot_is_ours(const struct judge *j, struct addr a)
{
	return spot_find(j, a) != NULL;
}

struct eye *eye_of_host(const struct judge *j, uint16_t host_id)
{
	if (host_id >= j->host_ids || j->eye_of[host_id] == NOTHING)
		return NULL;
	return slab_get(&j->eyes, j->eye_of[host_id]);
}

bool group_has_domain(const struct judge *j, uint16_t group, const char *domain)
{
	for (size_t i = group; i < j->site_count; i++)
		if (j->sites[i]->group == group && j->sites[i]->is_configured &&
		    site_has_domain(&j->sites[i]->site, domain))
			return true;
	return false;
}

/* The slot of the site with that id, made if need be. */
static uint16_t take_slot(struct judge *j, uint16_t site_id)
{
	if (site_id >= j->site_ids) {
		uint32_t ids = (uint32_t)site_id + 1;
		j->site_by_id = xrealloc(j->site_by_id, ids, sizeof(*j->site_by_id));
		memset(j->site_by_id + j->site_ids, 0,
		       (ids - j->site_ids) * sizeof(*j->site_by_id));
		j->site_ids = ids;
	}
	if (j->site_by_id[site_id])
		return (uint16_t)(j->site_by_id[site_id] - 1);
	size_t n = j->site_count;
	if ((n & (n - 1)) == 0) { /* room for the next power of two */
		j->sites = xrealloc(j->sites, n ? 2 * n : 1, sizeof(struct site_slot *));
		j->groups = xrealloc(j->groups, n ? 2 * n : 1, sizeof(*j->groups));
	}
	j->sites[n] = xcalloc(1, sizeof(**j->sites));
	j->sites[n]->group = (uint16_t)n;
	j->groups[n] = (struct group){ .open_from = STAMP_NEVER, .frontier = -1 };
	j->site_count++;
	j->site_by_id[site_id] = (uint16_t)(n + 1);
	return (uint16_t)n;
}

static void append_eye(uint32_t **list, size_t *count, uint32_t eye)
{
	for (size_t i = 0; i < *count; i++)
		if ((*list)[i] == eye)
			return;
	size_t n = *count;
	if ((n & (n - 1)) == 0)
		*list = xrealloc(*list, n ? 2 * n : 1, sizeof(**list));
	(*list)[(*count)++] = eye;
}

/* The hosts of one configured site look through their eyes for the group. */
static void use_eyes(struct judge *j, const struct site *s, struct group *g)
{
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		struct eye *eye = eye_of_host(j, h->id);
		eye->is_watched |= host_is_watched(h);
		if (h->role == ROLE_REAL)
			append_eye(&g->eyes, &g->eye_count, j->eye_of[h->id]);
		else if (h->place == PLACE_LOW)
			append_eye(&g->lows, &g->low_count, j->eye_of[h->id]);
	}
}

/* From the definitions: which eyes the group has, and whether all can see. */
static void refresh_group(struct judge *j, uint16_t group)
{
	struct group *g = &j->groups[group];
	for (size_t i = group; i < j->site_count; i++) {
		const struct site *s = &j->sites[i]->site;
		for (size_t k = 0; j->sites[i]->group == group && k < s->host_count;
		     k++) {
			struct eye *eye = eye_of_host(j, s->hosts[k].id);
			eye->is_watched = false;
			eye->group = group;
		}
	}
	g->eye_count = g->low_count = 0;
	for (size_t i = group; i < j->site_count; i++)
		if (j->sites[i]->group == group && j->sites[i]->is_configured)
			use_eyes(j, &j->sites[i]->site, g);
	if (group_is_measurable(j, group)) {
		if (g->open_from != STAMP_NEVER)
			spans_add(&g->unwatched, g->open_from, j->now);
		g->open_from = STAMP_NEVER;
	} else if (g->open_from == STAMP_NEVER) {
		g->open_from = j->now;
	}
	group_frontier(j, group);
}

/* Hosts that share an address are one machine, if their roles agree: what one's
 * source or health says is said of all. */
static uint32_t choose_eye(struct judge *j, const struct host *h)
{
	bool is_real = h->role == ROLE_REAL;
	struct eye *old = eye_of_host(j, h->id);
	if (old && old->is_real == is_real)
		return j->eye_of[h->id];
	for (size_t i = 0; i < h->address_count; i++) {
		const struct spot *p = spot_find(j, h->addresses[i].addr);
		if (p && p->eye != NOTHING &&
		    ((struct eye *)slab_get(&j->eyes, p->eye))->is_real == is_real)
			return p->eye;
	}
	uint32_t id = slab_take(&j->eyes);
	struct eye *eye = slab_get(&j->eyes, id);
	eye->host_id = h->id;
	eye->is_real = is_real;
	eye->defined = j->now;
	if (is_real)
		eye->minutes = xcalloc(EYE_MINUTES, sizeof(*eye->minutes));
	return id;
}

static void remember_ids(struct judge *j, uint16_t host_id)
{
	if (host_id < j->host_ids)
		return;
	uint32_t ids = (uint32_t)host_id + 1;
	j->eye_of = xrealloc(j->eye_of, ids, sizeof(*j->eye_of));
	j->site_of = xrealloc(j->site_of, ids, sizeof(*j->site_of));
	for (uint32_t i = j->host_ids; i < ids; i++) {
		j->eye_of[i] = NOTHING;
		j->site_of[i] = 0;
	}
	j->host_ids = ids;
}

/* Notes one address; returns the site that had it first. */
static uint16_t note_spot(struct judge *j, struct addr a, uint16_t site, uint32_t eye,
			  bool is_real)
{
	struct spot *p = spot_find(j, a);
	if (!p) {
		uint32_t id = slab_take(&j->spots);
		p = spot_at(j, id);
		*p = (struct spot){ .addr = a, .site = site, .eye = eye };
		index_add(&j->spot_index, addr_hash(a), id, spot_hash, &j->spots);
	}
	p->was_real |= is_real;
	p->eye = eye;
	return p->site;
}

/* The absorbed group's past goes to the other; its senders follow. */
static void merge_groups(struct judge *j, uint16_t from, uint16_t to)
{
	struct group *a = &j->groups[from], *b = &j->groups[to];
	for (size_t i = 0; i < a->unwell.count; i++)
		spans_add(&b->unwell, a->unwell.at[i].from, a->unwell.at[i].to);
	for (size_t i = 0; i < a->unwatched.count; i++)
		spans_add(&b->unwatched, a->unwatched.at[i].from, a->unwatched.at[i].to);
	for (size_t i = 0; i < a->changed.count; i++)
		spans_add(&b->changed, a->changed.at[i].from, a->changed.at[i].to);
	for (size_t i = 0; i < a->lost.count; i++)
		spans_add(&b->lost, a->lost.at[i].from, a->lost.at[i].to);
	b->open_from = earlier(a->open_from, b->open_from);
	b->decided = later(a->decided, b->decided);
	for (size_t i = 0; i < j->site_count; i++)
		if (j->sites[i]->group == from)
			j->sites[i]->group = to;
	sender_regroup(j, from, to);
	letter_regroup(j, from, to);
	dues_release(&a->waits);
}

static void join(struct judge *j, uint16_t site, uint16_t other)
{
	uint16_t a = j->sites[site]->group, b = j->sites[other]->group;
	if (a < b)
		merge_groups(j, b, a);
	else if (b < a)
		merge_groups(j, a, b);
}

static void note_hosts(struct judge *j, uint16_t index)
{
	const struct site *s = &j->sites[index]->site;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		remember_ids(j, h->id);
		uint32_t eye = choose_eye(j, h);
		j->eye_of[h->id] = eye;
		j->site_of[h->id] = (uint16_t)(index + 1);
		for (size_t k = 0; k < h->address_count; k++)
			join(j, index,
			     note_spot(j, h->addresses[k].addr, index, eye,
				       h->role == ROLE_REAL));
	}
}

static bool has_real(const struct site *s, struct addr a)
{
	for (size_t i = 0; i < s->host_count; i++)
		if (s->hosts[i].role == ROLE_REAL && host_has_address(&s->hosts[i], a))
			return true;
	return false;
}

/* Is every real address of a one of b's too? */
static bool reals_within(const struct site *a, const struct site *b)
{
	for (size_t i = 0; i < a->host_count; i++)
		for (size_t k = 0;
		     a->hosts[i].role == ROLE_REAL && k < a->hosts[i].address_count; k++)
			if (!has_real(b, a->hosts[i].addresses[k].addr))
				return false;
	return true;
}

/* Senders may hold the old set for two of its times to live. */
static void hosts_changed(struct judge *j, uint16_t group, int64_t time)
{
	int64_t lasts = later(2 * j->rules.mx_ttl, 48 * STAMP_HOUR);
	group_blind(j, group, &j->groups[group].changed, earlier(time, j->now),
		    j->now + lasts);
}

int site_define(struct judge *j, const struct record *r, struct error *e)
{
	struct site s;
	int rc = site_parse(r->text, &s, e);
	if (rc != 0)
		return rc;
	uint16_t index = take_slot(j, s.id);
	struct site_slot *slot = j->sites[index];
	struct site old = slot->site;
	bool was_configured = slot->is_configured, is_first = old.host_count == 0;
	slot->site = s;
	slot->is_configured = true;
	note_hosts(j, index);
	refresh_group(j, slot->group);
	bool is_change =
	    !was_configured || !reals_within(&old, &s) || !reals_within(&s, &old);
	if (!is_first && is_change)
		hosts_changed(j, slot->group, time_clamp(r->time));
	site_release(&old);
	return 0;
}

void site_undefine(struct judge *j, uint16_t site_id)
{
	if (site_id >= j->site_ids || !j->site_by_id[site_id])
		return;
	struct site_slot *slot = j->sites[j->site_by_id[site_id] - 1];
	if (!slot->is_configured)
		return;
	slot->is_configured = false;
	refresh_group(j, slot->group);
	hosts_changed(j, slot->group, j->now);
}

size_t judge_site_count(const struct judge *j)
{
	return j->site_count;
}

const struct site *judge_site(const struct judge *j, size_t index)
{
	assert(index < j->site_count);
	return &j->sites[index]->site;
}

bool judge_site_is_configured(const struct judge *j, uint16_t site_id)
{
	return site_id < j->site_ids && j->site_by_id[site_id] &&
	       j->sites[j->site_by_id[site_id] - 1]->is_configured;
}

const struct host *judge_host(const struct judge *j, uint16_t host_id,
			      const struct site **ret_site)
{
	if (host_id >= j->host_ids || !j->site_of[host_id])
		return NULL;
	const struct site *s = &j->sites[j->site_of[host_id] - 1]->site;
	for (size_t i = 0; i < s->host_count; i++)
		if (s->hosts[i].id == host_id) {
			if (ret_site)
				*ret_site = s;
			return &s->hosts[i];
		}
	return NULL;
}

uint16_t judge_group(const struct judge *j, uint16_t site_id)
{
	if (site_id >= j->site_ids || !j->site_by_id[site_id])
		return site_id;
	return j->sites[j->sites[j->site_by_id[site_id] - 1]->group]->site.id;
}
