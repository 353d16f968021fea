/*
 * published - a list as a file that is the old or the new one, renewed when it changed
 *
 * Use:
 *	struct published_list l = { LIST_RSPAMD, head, filter, ask };
 *	published_file("/var/lib/fakemx-lists/rspamd.map", &l, &is_changed, &e);
 *
 * Ownership: borrows everything.
 *
 * Limits: a new file has mode 0644; one that is there keeps mode and owner. Of a zone
 * the serial is greater than the old file's.
 */
#ifndef FMX_OUTLET_PUBLISHED_H
#define FMX_OUTLET_PUBLISHED_H

#include "outlet/gate.h"

struct published_list {
	enum list_format format;
	struct list_head head;
	struct list_filter filter;
	struct ask *ask;           /* NULL: head.note says why there is none */
	struct list_counts counts; /* of the last time */
};

FMX_MUST_CHECK int published_file(const char *path, struct published_list *l,
				  bool *ret_changed, struct error *e);

#endif
