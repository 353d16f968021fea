/*
 * table - a number for each hash
 *
 * Open addressing; nothing is ever taken out. Keys are 64 bit keyed hashes
 * (base/hash.h), and equal hashes are one thing: among four million the chance that
 * two are is one in two million, and an estimate may be wrong by one.
 *
 * Use:
 *	struct table t = { .slots = NULL };
 *	bool is_new;
 *	uint32_t *index = table_at(&t, addr_hash(a), &is_new);
 *	if (is_new)
 *		*index = count++;
 *	table_release(&t);
 *
 * Ownership: a pointer into the table is good until the next table_at().
 */
#ifndef FMX_OUTLET_ESTIMATE_TABLE_H
#define FMX_OUTLET_ESTIMATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
	uint64_t hash;
	uint32_t value;
	bool is_taken;
};

struct table {
	struct table_slot *slots;
	size_t count, cap;
};

uint32_t *table_at(struct table *t, uint64_t hash, bool *ret_is_new);
void table_release(struct table *t);

#endif
