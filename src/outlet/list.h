/*
 * list - the listed senders, for other software
 *
 * Plain: one address a line, each once, in order. JSON: with reason and
 * expiry. In observe mode nothing is listed and both are empty.
 */
#ifndef FMX_OUTLET_LIST_H
#define FMX_OUTLET_LIST_H

#include <jansson.h>

#include "base/buf.h"
#include "old/judge.h"

enum { LIST_VERSION = 1 };

struct list {
	struct listing *entries; /* by address, then site */
	size_t count, cap;
	uint64_t would_be; /* listed, but for the mode or the watched days */
};

/* Ownership: list_release(). */
struct list list_make(const struct judge *j);
void list_release(struct list *l);

void list_plain(const struct list *l, struct buf *out);
/* A new reference. j names the sites. */
json_t *list_json(const struct list *l, const struct judge *j);

#endif
