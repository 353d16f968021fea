/*
 * list - the listed senders, for other software
 *
 * Plain: one address a line, each once, in order. JSON: with reason and
 * expiry. In observe mode nothing is listed and both are empty.
 *
 * Ownership: list_release().
 */
#ifndef FMX_OUTLET_LIST_H
#define FMX_OUTLET_LIST_H

#include <jansson.h>

#include "journal/ask/ask.h"

enum { LIST_VERSION = 1 };

struct list {
	struct listing *entries; /* by address, then site */
	size_t count, cap;
	uint64_t would_be; /* listed, but for the mode or the watched days */
	const struct sites *sites;
};

FMX_MUST_CHECK int list_make(struct ask *a, struct list *ret_list, struct error *e);
void list_release(struct list *l);

void list_plain(const struct list *l, struct buf *out);
json_t *list_json(const struct list *l); /* a new reference */

#endif
