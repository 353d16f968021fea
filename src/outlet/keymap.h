/*
 * keymap - a number for each (address, number)
 *
 * What a report counts by: senders of a group, walks of a sender, senders at a
 * host. Open addressing; nothing is ever taken out.
 *
 * Use:
 *	struct keymap m = { 0 };
 *	bool is_new;
 *	uint32_t *index = keymap_at(&m, client, host, &is_new);
 *	if (!index)
 *		...	// too many
 *	keymap_release(&m);
 *
 * Ownership: the map owns its memory; a pointer into it is good until the
 * next keymap_at().
 *
 * Limits: KEYMAP_MAX entries of 32 bytes.
 */
#ifndef FMX_OUTLET_KEYMAP_H
#define FMX_OUTLET_KEYMAP_H

#include <stdint.h>

#include "base/addr.h"

enum { KEYMAP_MAX = 1 << 26 };

struct keymap_slot;
struct keymap {
	struct keymap_slot *slots;
	size_t count, cap;
};

/* The value, 0 if the key is new; NULL when the map is full. */
uint32_t *keymap_at(struct keymap *m, struct addr a, uint64_t b, bool *ret_is_new);
/* NULL if there is none. */
const uint32_t *keymap_find(const struct keymap *m, struct addr a, uint64_t b);
void keymap_release(struct keymap *m);

#endif
