#include "model/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* On cache lines: an item of 64 bytes is then in one. */
static char *new_chunk(size_t item)
{
	size_t bytes = (SLAB_CHUNK * item + 63) / 64 * 64;
	char *p = aligned_alloc(64, bytes);
	if (!p)
		abort(); /* as xcalloc() */
	memset(p, 0, bytes);
	return p;
}

uint32_t slab_take(struct slab *s)
{
	uint32_t id = s->first_free;
	if (id != NOTHING) {
		memcpy(&s->first_free, slab_get(s, id), sizeof(s->first_free));
	} else {
		id = s->top++;
		if (id % SLAB_CHUNK == 0) {
			size_t chunk = id / SLAB_CHUNK;
			s->chunks = xrealloc(s->chunks, chunk + 1, sizeof(*s->chunks));
			s->chunks[chunk] = new_chunk(s->item);
		}
	}
	s->count++;
	memset(slab_get(s, id), 0, s->item);
	return id;
}

/* A free item's first bytes hold the number of the next free one. */
void slab_give(struct slab *s, uint32_t id)
{
	assert(id < s->top && s->count > 0);
	memset(slab_get(s, id), 0, s->item);
	memcpy(slab_get(s, id), &s->first_free, sizeof(s->first_free));
	s->first_free = id;
	s->count--;
}

void slab_free_ids(const struct slab *s, uint32_t *ret_ids)
{
	size_t n = 0;
	for (uint32_t id = s->first_free; id != NOTHING; n++) {
		assert(n < s->top - s->count);
		ret_ids[n] = id;
		memcpy(&id, slab_get(s, id), sizeof(id));
	}
}

void slab_restore(struct slab *s, uint32_t top, const uint32_t *free_ids, uint32_t count)
{
	assert(s->top == 0);
	for (uint32_t i = 0; i < top; i++)
		(void)slab_take(s);
	for (uint32_t i = count; i > 0; i--)
		slab_give(s, free_ids[i - 1]);
}

size_t slab_bytes(const struct slab *s)
{
	size_t chunks = (s->top + SLAB_CHUNK - 1) / SLAB_CHUNK;
	return chunks * (SLAB_CHUNK * s->item + sizeof(*s->chunks));
}

void slab_release(struct slab *s)
{
	for (size_t i = 0; i * SLAB_CHUNK < s->top; i++)
		free(s->chunks[i]);
	free(s->chunks);
	*s = (struct slab){ .item = s->item, .first_free = NOTHING };
}

/*
 * Open addressing with linear probes. The home of a hash is its upper half
 * scaled to the capacity, so that the capacity need not be a power of two and
 * grows by a third: between 5/8 and 5/6 full.
 */
static uint32_t home_of(const struct index *x, uint64_t hash)
{
	return (uint32_t)(((hash >> 32) * x->cap) >> 32);
}

static uint32_t slot_of(uint64_t hash, uint32_t id)
{
	return (uint32_t)(hash & 0xff) << 24 | (id + 1);
}

static uint32_t next_slot(const struct index *x, uint32_t at)
{
	return at + 1 == x->cap ? 0 : at + 1;
}

uint32_t index_find(const struct index *x, uint64_t hash, index_same_fn same,
		    const void *table, const void *key)
{
	if (x->cap == 0)
		return NOTHING;
	uint32_t tag = (uint32_t)(hash & 0xff);
	for (uint32_t at = home_of(x, hash); x->slots[at] != 0; at = next_slot(x, at)) {
		uint32_t id = (x->slots[at] & 0xffffff) - 1;
		if (x->slots[at] >> 24 == tag && same(table, id, key))
			return id;
	}
	return NOTHING;
}

static void place(struct index *x, uint64_t hash, uint32_t slot)
{
	uint32_t at = home_of(x, hash);
	while (x->slots[at] != 0)
		at = next_slot(x, at);
	x->slots[at] = slot;
}

static void grow(struct index *x, index_hash_fn hash_of, const void *table)
{
	struct index old = *x;
	x->cap = old.cap < 64 ? 64 : old.cap + old.cap / 3;
	x->slots = xcalloc(x->cap, sizeof(*x->slots));
	for (uint32_t i = 0; i < old.cap; i++)
		if (old.slots[i] != 0)
			place(x, hash_of(table, (old.slots[i] & 0xffffff) - 1),
			      old.slots[i]);
	free(old.slots);
}

void index_add(struct index *x, uint64_t hash, uint32_t id, index_hash_fn hash_of,
	       const void *table)
{
	assert(id < INDEX_MAX);
	if (x->count >= x->cap / 6 * 5)
		grow(x, hash_of, table);
	place(x, hash, slot_of(hash, id));
	x->count++;
}

/* Followers that a hole would cut off from their home move into it. */
void index_remove(struct index *x, uint64_t hash, uint32_t id, index_hash_fn hash_of,
		  const void *table)
{
	uint32_t hole = home_of(x, hash);
	while (x->slots[hole] != slot_of(hash, id)) {
		assert(x->slots[hole] != 0);
		hole = next_slot(x, hole);
	}
	x->count--;
	for (uint32_t at = next_slot(x, hole); x->slots[at] != 0; at = next_slot(x, at)) {
		uint32_t home = home_of(x, hash_of(table, (x->slots[at] & 0xffffff) - 1));
		uint32_t to_hole = hole >= home ? hole - home : hole + x->cap - home;
		uint32_t to_at = at >= home ? at - home : at + x->cap - home;
		if (to_hole < to_at) {
			x->slots[hole] = x->slots[at];
			hole = at;
		}
	}
	x->slots[hole] = 0;
}

void index_release(struct index *x)
{
	free(x->slots);
	*x = (struct index){ 0 };
}

void dues_push(struct dues *d, uint32_t second, uint32_t id)
{
	if (d->count == d->cap) {
		d->cap += d->cap / 8 + 16;
		d->at = xrealloc(d->at, d->cap, sizeof(*d->at));
	}
	uint64_t entry = (uint64_t)second << 32 | id;
	size_t i = d->count++;
	for (; i > 0 && d->at[(i - 1) / 2] > entry; i = (i - 1) / 2)
		d->at[i] = d->at[(i - 1) / 2];
	d->at[i] = entry;
}

bool dues_pop(struct dues *d, uint32_t second, uint32_t *ret_second, uint32_t *ret_id)
{
	if (d->count == 0 || d->at[0] >> 32 > second)
		return false;
	*ret_second = (uint32_t)(d->at[0] >> 32);
	*ret_id = (uint32_t)d->at[0];
	uint64_t last = d->at[--d->count];
	size_t i = 0;
	for (size_t child = 1; child < d->count; child = 2 * i + 1) {
		if (child + 1 < d->count && d->at[child + 1] < d->at[child])
			child++;
		if (d->at[child] >= last)
			break;
		d->at[i] = d->at[child];
		i = child;
	}
	d->at[i] = last;
	return true;
}

void dues_release(struct dues *d)
{
	free(d->at);
	*d = (struct dues){ 0 };
}

/* The first span that ends at or after t. */
static size_t first_ending_at(const struct spans *s, int64_t t)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->at[middle].to < t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void spans_add(struct spans *s, int64_t from, int64_t to)
{
	if (from >= to)
		return;
	size_t first = first_ending_at(s, from), end = first;
	for (; end < s->count && s->at[end].from <= to; end++) {
		from = s->at[end].from < from ? s->at[end].from : from;
		to = s->at[end].to > to ? s->at[end].to : to;
	}
	if (end == first) {
		if (s->count == s->cap) {
			s->cap = s->cap ? 2 * s->cap : 4;
			s->at = xrealloc(s->at, s->cap, sizeof(*s->at));
		}
		memmove(s->at + first + 1, s->at + first,
			(s->count - first) * sizeof(*s->at));
		s->count++;
	} else {
		memmove(s->at + first + 1, s->at + end,
			(s->count - end) * sizeof(*s->at));
		s->count -= end - first - 1;
	}
	s->at[first] = (struct span){ from, to };
	if (s->count > SPANS_MAX) {
		s->at[1].from = s->at[0].from;
		memmove(s->at, s->at + 1, (s->count - 1) * sizeof(*s->at));
		s->count--;
	}
}

bool spans_meet(const struct spans *s, int64_t from, int64_t to)
{
	size_t i = first_ending_at(s, from);
	if (i < s->count && s->at[i].to == from)
		i++;
	return i < s->count && s->at[i].from <= to;
}

/* Sweeps all sets at once: the next span of any set is the one that begins
 * first; `done` is how far the union has been counted. */
int64_t spans_cover(const struct spans *const *sets, size_t count, int64_t from,
		    int64_t to)
{
	enum { SETS_MAX = 8 };
	size_t next[SETS_MAX];
	int64_t done = from, sum = 0;
	assert(count <= SETS_MAX);
	for (size_t i = 0; i < count; i++)
		next[i] = first_ending_at(sets[i], from);
	for (;;) {
		const struct span *first = NULL;
		size_t which = 0;
		for (size_t i = 0; i < count; i++) {
			if (next[i] == sets[i]->count)
				continue;
			const struct span *at = &sets[i]->at[next[i]];
			if (!first || at->from < first->from) {
				first = at;
				which = i;
			}
		}
		if (!first || first->from >= to)
			return sum;
		next[which]++;
		int64_t begin = first->from > done ? first->from : done;
		int64_t end = first->to < to ? first->to : to;
		if (end > begin) {
			sum += end - begin;
			done = end;
		}
	}
}

void spans_release(struct spans *s)
{
	free(s->at);
	*s = (struct spans){ 0 };
}
