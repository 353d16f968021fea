#include "source/knock/knock_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/mem.h"

/* RFC 6298: 1 s at first, 3 s in old systems; a timer's tick more or less. */
enum { SILENCE_LEAST_MS = 800, SILENCE_MOST_MS = 3500 };

enum {
	WAYS = 8, /* entries of a bucket: two cache lines */
	BUCKETS = KNOCK_TABLE_MAX / WAYS,
	AGAIN = 1, /* of a mark: it was sent again */
};

/*
 * A knock is known by the keyed hash of its addresses and ports: 62 bits that
 * nobody can choose. That, and a bucket of few entries instead of a chain, make
 * a SYN of a flood one or two misses of the cache.
 */
struct entry {
	uint64_t mark; /* 0: empty */
	uint32_t sequence;
	uint32_t ms; /* of the first; wraps, only differences mean anything */
};

struct bucket {
	struct entry entries[WAYS];
};

struct knock_table {
	struct bucket buckets[BUCKETS];
};
static_assert(sizeof(struct knock_table) == 2 << 20, "a large page");

struct knock_table *knock_table_new(void)
{
	/* One large page, where the kernel has one: with small ones, finding the
	 * memory costs as much as fetching it. */
	struct knock_table *t = aligned_alloc(sizeof(*t), sizeof(*t));
	if (!t)
		return xcalloc(1, sizeof(*t));
	(void)madvise(t, sizeof(*t), MADV_HUGEPAGE); /* as it likes */
	return memset(t, 0, sizeof(*t));
}

void knock_table_free(struct knock_table *t)
{
	free(t);
}

static uint64_t hash_of(const struct knock_syn *s)
{
	uint8_t key[2 * sizeof(struct addr) + 2 * sizeof(uint16_t)];
	uint8_t *at = key;
	memcpy(at, &s->from, sizeof(s->from));
	memcpy(at += sizeof(s->from), &s->to, sizeof(s->to));
	memcpy(at += sizeof(s->to), &s->from_port, sizeof(s->from_port));
	memcpy(at + sizeof(s->from_port), &s->to_port, sizeof(s->to_port));
	return hash_bytes(key, sizeof(key));
}

static enum knock_kind take_again(struct entry *known, uint32_t sequence, int32_t after)
{
	bool was_again = known->mark & AGAIN;
	known->mark |= AGAIN;
	return !was_again && known->sequence == sequence && after >= SILENCE_LEAST_MS &&
		       after <= SILENCE_MOST_MS
		   ? KNOCK_UNANSWERED
		   : KNOCK_AGAIN;
}

static size_t bucket_of(uint64_t hash)
{
	return (hash >> 32) % BUCKETS;
}

uint64_t knock_table_seek(const struct knock_table *t, const struct knock_syn *s)
{
	uint64_t hash = hash_of(s);
	const struct entry *entries = t->buckets[bucket_of(hash)].entries;
	__builtin_prefetch(&entries[0], 1);
	__builtin_prefetch(&entries[WAYS / 2], 1);
	return hash;
}

enum knock_kind knock_table_take(struct knock_table *t, const struct knock_syn *s,
				 int64_t time)
{
	return knock_table_take_at(t, knock_table_seek(t, s), s->sequence, time);
}

enum knock_kind knock_table_take_at(struct knock_table *t, uint64_t sought,
				    uint32_t sequence, int64_t time)
{
	const int32_t tries = (int32_t)(KNOCK_TRIES / STAMP_MILLISECOND);
	uint64_t mark = (sought | 2) & ~(uint64_t)AGAIN;
	struct bucket *b = &t->buckets[bucket_of(sought)];
	struct entry *oldest = &b->entries[0];
	uint32_t now = (uint32_t)(time / STAMP_MILLISECOND);
	for (size_t i = 0; i < WAYS; i++) {
		struct entry *known = &b->entries[i];
		int32_t after = (int32_t)(now - known->ms);
		/* One from long ago, or from before the clock was set back, is
		 * another knock's now. */
		if ((known->mark & ~(uint64_t)AGAIN) == mark && after > -tries &&
		    after < tries)
			return take_again(known, sequence, after);
		if (known->mark == 0 ||
		    (oldest->mark != 0 && after > (int32_t)(now - oldest->ms)))
			oldest = known;
	}
	*oldest = (struct entry){ mark, sequence, now };
	return KNOCK_NEW;
}
