#include "old/store.h"

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

/* In the order of the numbers: items are read as they lie in memory, and only
 * the slots, which are few bytes, are jumped about in. */
static void grow(struct index *x, index_hash_fn hash_of, const void *table)
{
	struct index old = *x;
	uint32_t top = 0;
	for (uint32_t i = 0; i < old.cap; i++)
		top = (old.slots[i] & 0xffffff) > top ? old.slots[i] & 0xffffff : top;
	uint8_t *is_used = xcalloc(top / 8 + 1, 1);
	for (uint32_t i = 0; i < old.cap; i++) {
		uint32_t number = old.slots[i] & 0xffffff; /* id + 1 */
		is_used[number / 8] |= (uint8_t)(1U << number % 8);
	}
	x->cap = old.cap < 64 ? 64 : old.cap + old.cap / 3;
	x->slots = xcalloc(x->cap, sizeof(*x->slots));
	for (uint32_t id = 0; id < top; id++) {
		if (!(is_used[(id + 1) / 8] & 1U << (id + 1) % 8))
			continue;
		uint64_t hash = hash_of(table, id);
		place(x, hash, slot_of(hash, id));
	}
	free(is_used);
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

static void heap_push(struct dues *d, uint64_t entry)
{
	if (d->heap_count == d->heap_cap) {
		d->heap_cap += d->heap_cap / 8 + 16;
		d->heap = xrealloc(d->heap, d->heap_cap, sizeof(*d->heap));
	}
	size_t i = d->heap_count++;
	for (; i > 0 && d->heap[(i - 1) / 2] > entry; i = (i - 1) / 2)
		d->heap[i] = d->heap[(i - 1) / 2];
	d->heap[i] = entry;
}

static uint64_t heap_pop(struct dues *d)
{
	uint64_t first = d->heap[0], last = d->heap[--d->heap_count];
	size_t i = 0;
	for (size_t child = 1; child < d->heap_count; child = 2 * i + 1) {
		if (child + 1 < d->heap_count && d->heap[child + 1] < d->heap[child])
			child++;
		if (d->heap[child] >= last)
			break;
		d->heap[i] = d->heap[child];
		i = child;
	}
	d->heap[i] = last;
	return first;
}

static uint64_t *line_at(const struct dues *d, size_t i)
{
	size_t at = d->line_first + i;
	return &d->line[at < d->line_cap ? at : at - d->line_cap];
}

/* What stands before the wrap moves to the new end. */
static void line_grow(struct dues *d)
{
	size_t old = d->line_cap, head = old - d->line_first;
	d->line_cap += old / 8 + 16;
	d->line = xrealloc(d->line, d->line_cap, sizeof(*d->line));
	if (d->line_first == 0)
		return;
	memmove(d->line + d->line_cap - head, d->line + d->line_first,
		head * sizeof(*d->line));
	d->line_first = d->line_cap - head;
}

/* Where in the line the entry belongs, if that is near the end; else false. */
static bool line_place(const struct dues *d, uint64_t entry, size_t *ret_place)
{
	enum { LOOK = 16 };
	size_t i = d->line_count;
	while (i > 0 && d->line_count - i<LOOK && * line_at(d, i - 1)> entry)
		i--;
	*ret_place = i;
	return i == 0 || *line_at(d, i - 1) <= entry;
}

void dues_push(struct dues *d, uint32_t second, uint32_t id)
{
	uint64_t entry = (uint64_t)second << 32 | id;
	size_t place;
	if (!line_place(d, entry, &place)) {
		heap_push(d, entry);
		return;
	}
	if (d->line_count == d->line_cap)
		line_grow(d);
	for (size_t i = d->line_count++; i > place; i--)
		*line_at(d, i) = *line_at(d, i - 1);
	*line_at(d, place) = entry;
}

static bool heap_is_next(const struct dues *d)
{
	if (d->heap_count == 0)
		return false;
	return d->line_count == 0 || d->heap[0] < d->line[d->line_first];
}

uint32_t dues_next(const struct dues *d)
{
	if (d->heap_count + d->line_count == 0)
		return UINT32_MAX;
	return (uint32_t)((heap_is_next(d) ? d->heap[0] : *line_at(d, 0)) >> 32);
}

bool dues_pop(struct dues *d, uint32_t second, uint32_t *ret_second, uint32_t *ret_id)
{
	if (d->heap_count + d->line_count == 0 || dues_next(d) > second)
		return false;
	uint64_t entry;
	if (heap_is_next(d)) {
		entry = heap_pop(d);
	} else {
		entry = *line_at(d, 0);
		d->line_first = d->line_first + 1 == d->line_cap ? 0 : d->line_first + 1;
		d->line_count--;
	}
	*ret_second = (uint32_t)(entry >> 32);
	*ret_id = (uint32_t)entry;
	return true;
}

size_t dues_soon(const struct dues *d, uint32_t *ret_ids, size_t most)
{
	size_t n = 0;
	bool is_heap = heap_is_next(d);
	if (!is_heap)
		for (; n < most && n < d->line_count; n++)
			ret_ids[n] = (uint32_t)*line_at(d, n);
	else
		for (; n < most && n < d->heap_count; n++)
			ret_ids[n] = (uint32_t)d->heap[n];
	return n;
}

static int compare_entries(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

void dues_list(const struct dues *d, uint64_t *ret_entries)
{
	size_t n = 0;
	for (size_t i = 0; i < d->line_count; i++)
		ret_entries[n++] = *line_at(d, i);
	for (size_t i = 0; i < d->heap_count; i++)
		ret_entries[n++] = d->heap[i];
	if (n > 0)
		qsort(ret_entries, n, sizeof(*ret_entries), compare_entries);
}

size_t dues_bytes(const struct dues *d)
{
	return d->heap_cap * sizeof(*d->heap) + d->line_cap * sizeof(*d->line);
}

void dues_release(struct dues *d)
{
	free(d->heap);
	free(d->line);
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
