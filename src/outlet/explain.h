/*
 * explain - one sender: visits, walks, order, fate, listing, and why
 *
 * Use:
 *	struct explain x;
 *	if (explain_make(journal, client, stamp_now(), &x, &e) != 0)
 *		...
 *	explain_text(&x, &style, &buf);
 *	explain_release(&x);
 *
 * Ownership: explain_release() frees all of it.
 *
 * Limits: the latest EXPLAIN_MAX_VISITS visits, walks and listing changes are
 * kept; how many older ones there were is told.
 */
#ifndef FMX_OUTLET_EXPLAIN_H
#define FMX_OUTLET_EXPLAIN_H

#include <jansson.h>

#include "base/buf.h"
#include "old/journal.h"
#include "old/judge.h"
#include "outlet/book.h"
#include "outlet/report.h"

enum { EXPLAIN_VERSION = 1, EXPLAIN_MAX_VISITS = 1000 };

struct explain_visit {
	int64_t seen;
	struct visit visit; /* its texts are the explain's own */
};

struct explain_walk {
	struct verdict verdict; /* the last one of this walk */
	uint32_t revisions;     /* how often an earlier verdict was corrected */
	int64_t stopped_at;   /* a report made from then on called it stopped; 0 never */
	bool was_final;       /* and finally */
	int64_t corrected_at; /* until then; 0: it still does */
	bool has_returned;    /* the correction: a real host met it */
};

struct explain {
	struct addr client;
	char *name; /* as last learnt; "" unknown */
	bool has_name_record, is_confirmed, is_generic, spf_passes;
	bool is_allowed;
	int64_t now;
	struct explain_visit *visits;
	size_t visit_count, visits_left_out;
	struct explain_walk *walks;
	size_t walk_count, walks_left_out;
	struct listing *changes; /* onto and off the list */
	size_t change_count, changes_left_out;
	struct listing *standing; /* now, for each group it was seen at */
	size_t standing_count;
	struct book *book;
};

FMX_MUST_CHECK int explain_make(struct journal *j, struct addr client, int64_t now,
				struct explain *ret_explain, struct error *e);
void explain_release(struct explain *x);

/* The name of the site with that id; "" unknown. */
const char *explain_site(const struct explain *x, uint16_t site);

void explain_text(const struct explain *x, const struct report_style *style,
		  struct buf *out);
json_t *explain_json(const struct explain *x); /* a new reference */

#endif
