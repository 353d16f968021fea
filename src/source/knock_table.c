#include "source/knock_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { BUCKETS = 2 * KNOCK_TABLE_MAX, NONE = 0 }; /* items count from 1 */

/* RFC 6298: 1 s at first, 3 s in old systems; a timer's tick more or less. */
#define SILENCE_LEAST (800 * STAMP_MILLISECOND)
#define SILENCE_MOST (3500 * STAMP_MILLISECOND)

struct key {
	struct addr from, to;
	uint16_t from_port, to_port;
};

struct item {
	struct key key;
	uint32_t sequence;
	uint32_t next; /* of its bucket */
	int64_t time;  /* of the first */
	bool is_again;
};

struct knock_table {
	uint32_t newest; /* items are used in turn */
	uint32_t heads[BUCKETS];
	struct item items[KNOCK_TABLE_MAX + 1];
};

struct knock_table *knock_table_new(void)
{
	return xcalloc(1, sizeof(struct knock_table));
}

void knock_table_free(struct knock_table *t)
{
	free(t);
}

static uint32_t *bucket_of(struct knock_table *t, const struct key *k)
{
	return &t->heads[hash_bytes(k, sizeof(*k)) % BUCKETS];
}

static bool keys_equal(const struct key *a, const struct key *b)
{
	return a->from_port == b->from_port && a->to_port == b->to_port &&
	       addr_equal(a->from, b->from) && addr_equal(a->to, b->to);
}

static void unlink_item(struct knock_table *t, uint32_t id)
{
	if (t->items[id].time == 0)
		return; /* never used */
	uint32_t *at = bucket_of(t, &t->items[id].key);
	while (*at != NONE && *at != id)
		at = &t->items[*at].next;
	if (*at == id)
		*at = t->items[id].next;
}

static void add(struct knock_table *t, uint32_t *head, const struct item *from)
{
	uint32_t id = t->newest % KNOCK_TABLE_MAX + 1;
	t->newest = id;
	unlink_item(t, id);
	t->items[id] = *from;
	t->items[id].next = *head;
	*head = id;
}

enum knock_kind knock_table_take(struct knock_table *t, const struct knock_syn *s,
				 int64_t time)
{
	struct item now = { .key = { s->from, s->to, s->from_port, s->to_port },
			    .sequence = s->sequence,
			    .time = time ? time : 1 };
	uint32_t *head = bucket_of(t, &now.key);
	for (uint32_t id = *head; id != NONE; id = t->items[id].next) {
		struct item *known = &t->items[id];
		int64_t after = time - known->time;
		/* A knock from long ago, or from before the clock was set back, leaves
		 * in its turn. */
		if (!keys_equal(&known->key, &now.key) || after > KNOCK_TRIES ||
		    after < -KNOCK_TRIES)
			continue;
		bool was_again = known->is_again;
		known->is_again = true;
		return !was_again && known->sequence == s->sequence &&
			       after >= SILENCE_LEAST && after <= SILENCE_MOST
			   ? KNOCK_UNANSWERED
			   : KNOCK_AGAIN;
	}
	add(t, head, &now);
	return KNOCK_NEW;
}
