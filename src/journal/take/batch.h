/*
 * batch - lines that wait to be written, copied whole
 *
 * Ownership: batch_release() frees; an item's texts live until batch_drop() of it.
 */
#ifndef FMX_JOURNAL_TAKE_BATCH_H
#define FMX_JOURNAL_TAKE_BATCH_H

#include "journal/take/take.h"

/* A line as it waits: small, since a hundred thousand may. */
struct item {
	enum line_kind kind;
	enum compared answer;
	uint16_t host;
	bool is_ok, is_spoken, is_over; /* over its budget: counted only */
	bool is_confirmed, is_generic;
	int64_t time, since, seen;
	struct addr client;
	const char *text, *position; /* of a name: name and domain */
	struct visit visit;
};

struct batch {
	struct item *items;
	size_t first, count, cap; /* items[first .. count) wait */
	struct batch_texts *texts;
};

struct item *batch_add(struct batch *b, const struct line *l);
size_t batch_waiting(const struct batch *b);
/* The first n were written. */
void batch_drop(struct batch *b, size_t n);
void batch_release(struct batch *b);

#endif
