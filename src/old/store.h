/*
 * store - where the judge keeps many small things
 *
 * Four containers, each for one job:
 *	slab	items of one size, named by a 32 bit number that stays valid
 *	index	finds an item's number from the hash of its key
 *	dues	a queue of (second, number), earliest first: who comes next
 *	spans	stretches of time: sorted, apart, merged when they touch
 *
 * Numbers are given in an order that follows from the calls alone, never from
 * the hash (whose key differs in each process): what a judge says must not
 * depend on it.
 *
 * Use:
 *	struct slab s = SLAB_INIT(sizeof(struct thing));
 *	uint32_t id = slab_take(&s);	// zeroed
 *	struct thing *t = slab_get(&s, id);
 *	slab_give(&s, id);
 *
 * Ownership: slab_get()'s pointers live until slab_give() of that item: chunks
 * never move.
 *
 * Limits: INDEX_MAX items in an index (24 bit numbers). Dues may hold entries
 * that are stale; who takes one checks it.
 */
#ifndef FMX_OLD_STORE_H
#define FMX_OLD_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

#define NOTHING UINT32_MAX

enum { SLAB_CHUNK = 1024, INDEX_MAX = 0xfffffe };

struct slab {
	size_t item;    /* bytes of one */
	char **chunks;  /* SLAB_CHUNK items each */
	uint32_t count; /* in use */
	uint32_t top;   /* numbers given so far; beyond it nothing was used */
	uint32_t first_free;
};

#define SLAB_INIT(size)                                                                  \
	{                                                                                \
		.item = (size), .first_free = NOTHING                                    \
	}

uint32_t slab_take(struct slab *s);
void slab_give(struct slab *s, uint32_t id);
/* Which numbers are free, in the order in which slab_take() will give them:
 * s->top - s->count of them. */
void slab_free_ids(const struct slab *s, uint32_t *ret_ids);
/* An empty slab becomes one with numbers below top in use, but for those. */
void slab_restore(struct slab *s, uint32_t top, const uint32_t *free_ids, uint32_t count);
size_t slab_bytes(const struct slab *s);
void slab_release(struct slab *s);

static inline void *slab_get(const struct slab *s, uint32_t id)
{
	return s->chunks[id / SLAB_CHUNK] + (size_t)(id % SLAB_CHUNK) * s->item;
}

/* Slots hold 24 bits of number and 8 bits of hash. */
struct index {
	uint32_t *slots;
	uint32_t cap, count;
};

/* True if the item with that number has the key looked for. */
typedef bool (*index_same_fn)(const void *table, uint32_t id, const void *key);
/* The hash of a stored item's key, to grow and to remove. */
typedef uint64_t (*index_hash_fn)(const void *table, uint32_t id);

uint32_t index_find(const struct index *x, uint64_t hash, index_same_fn same,
		    const void *table, const void *key);
void index_add(struct index *x, uint64_t hash, uint32_t id, index_hash_fn hash_of,
	       const void *table);
void index_remove(struct index *x, uint64_t hash, uint32_t id, index_hash_fn hash_of,
		  const void *table);
void index_release(struct index *x);

/*
 * Entries are (second << 32 | number): the order is total. What is due a fixed
 * while after now comes in order already: it stands in a line, the last at the
 * end. What does not fit there goes into a heap.
 */
struct dues {
	uint64_t *heap;
	size_t heap_count, heap_cap;
	uint64_t *line; /* a ring */
	size_t line_first, line_count, line_cap;
};

void dues_push(struct dues *d, uint32_t second, uint32_t id);
/* False when nothing is due at or before `second`. */
FMX_MUST_CHECK bool dues_pop(struct dues *d, uint32_t second, uint32_t *ret_second,
			     uint32_t *ret_id);
/* The second of the first entry; UINT32_MAX when there is none. */
uint32_t dues_next(const struct dues *d);
/* Likely numbers of the next entries, the nearest first; returns how many. */
size_t dues_soon(const struct dues *d, uint32_t *ret_ids, size_t most);
/* All entries, the first due first. */
void dues_list(const struct dues *d, uint64_t *ret_entries);
size_t dues_bytes(const struct dues *d);
void dues_release(struct dues *d);

struct span {
	int64_t from, to; /* to is not part of it */
};

struct spans {
	struct span *at;
	size_t count, cap;
};

enum { SPANS_MAX = 4096 }; /* more: the oldest two become one */

void spans_add(struct spans *s, int64_t from, int64_t to);
/* Does [from, to] meet one? */
bool spans_meet(const struct spans *s, int64_t from, int64_t to);
/* Length of what lies inside [from, to) of the union of several. */
int64_t spans_cover(const struct spans *const *sets, size_t count, int64_t from,
		    int64_t to);
void spans_release(struct spans *s);

#endif
