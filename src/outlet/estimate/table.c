#include "outlet/estimate/table.h"

#include <stdlib.h>

#include "base/mem.h"

static struct table_slot *find(const struct table *t, uint64_t hash)
{
	size_t i = hash & (t->cap - 1);
	while (t->slots[i].is_taken && t->slots[i].hash != hash)
		i = (i + 1) & (t->cap - 1);
	return &t->slots[i];
}

/* At most three quarters are taken. */
static void grow(struct table *t)
{
	struct table bigger = { .cap = t->cap ? 2 * t->cap : 1024, .count = t->count };
	bigger.slots = xcalloc(bigger.cap, sizeof(*bigger.slots));
	for (size_t i = 0; i < t->cap; i++)
		if (t->slots[i].is_taken)
			*find(&bigger, t->slots[i].hash) = t->slots[i];
	free(t->slots);
	*t = bigger;
}

uint32_t *table_at(struct table *t, uint64_t hash, bool *ret_is_new)
{
	if (4 * t->count >= 3 * t->cap)
		grow(t);
	struct table_slot *s = find(t, hash);
	*ret_is_new = !s->is_taken;
	if (*ret_is_new) {
		*s = (struct table_slot){ .hash = hash, .is_taken = true };
		t->count++;
	}
	return &s->value;
}

void table_release(struct table *t)
{
	free(t->slots);
	*t = (struct table){ .slots = NULL };
}
