#include "outlet/keymap.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

enum { FIRST_CAP = 64 };

struct keymap_slot {
	struct addr a;
	uint64_t b;
	uint32_t value;
	bool is_used;
};

/* The slot of the key, or the free one where it belongs. cap is a power of 2
 * and a quarter of it is free. */
static struct keymap_slot *probe(struct keymap_slot *slots, size_t cap, struct addr a,
				 uint64_t b)
{
	struct {
		struct addr a;
		uint64_t b;
	} key = { a, b };
	_Static_assert(sizeof(key) == sizeof(a) + sizeof(b), "no padding is hashed");

	size_t i = (size_t)hash_bytes(&key, sizeof(key)) & (cap - 1);
	while (slots[i].is_used && (slots[i].b != b || !addr_equal(slots[i].a, a)))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static void grow(struct keymap *m)
{
	size_t cap = m->cap ? 2 * m->cap : FIRST_CAP;
	struct keymap_slot *slots = xcalloc(cap, sizeof(*slots));
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].is_used)
			*probe(slots, cap, m->slots[i].a, m->slots[i].b) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
}

uint32_t *keymap_at(struct keymap *m, struct addr a, uint64_t b, bool *ret_is_new)
{
	if (m->count >= m->cap / 4 * 3) {
		if (m->count >= KEYMAP_MAX)
			return NULL;
		grow(m);
	}
	struct keymap_slot *s = probe(m->slots, m->cap, a, b);
	*ret_is_new = !s->is_used;
	if (!s->is_used) {
		*s = (struct keymap_slot){ .a = a, .b = b, .is_used = true };
		m->count++;
	}
	return &s->value;
}

const uint32_t *keymap_find(const struct keymap *m, struct addr a, uint64_t b)
{
	if (m->cap == 0)
		return NULL;
	struct keymap_slot *s = probe(m->slots, m->cap, a, b);
	return s->is_used ? &s->value : NULL;
}

void keymap_release(struct keymap *m)
{
	free(m->slots);
	*m = (struct keymap){ 0 };
}
