/*
 * explain - one sender: visits, walks, order, fate, listing, and why
 *
 * Use:
 *	struct explain x;
 *	if (explain_make(ask, db, client, &x, &e) != 0)
 *		...
 *	explain_text(&x, &style, &buf);
 *	explain_release(&x);
 *
 * Ownership: explain_release() frees all of it; it points into the ask.
 *
 * Limits: visits are those whose numbers the runs keep (judge/run.h), all are counted;
 * the latest EXPLAIN_MAX visits, walks and listing changes are kept, how many older
 * ones there were is told.
 */
#ifndef FMX_OUTLET_EXPLAIN_H
#define FMX_OUTLET_EXPLAIN_H

#include <jansson.h>

#include "journal/ask/ask.h"
#include "outlet/text.h"

enum { EXPLAIN_VERSION = 1, EXPLAIN_MAX = 1000 };

struct explain_visit {
	int64_t seen;
	struct visit visit; /* its texts are the explain's own */
};

struct explain_walk {
	struct verdict verdict;
	uint32_t number; /* of the site, from 1 */
	struct told told;
	int64_t real; /* its first contact with a real host; 0 none */
	/* A report made from told.stopped_at until then called it stopped: the sender
	 * came, however late, or was excused; 0: it still does. */
	int64_t corrected_at;
	bool has_returned; /* it came */
};

struct explain {
	struct addr client;
	struct sender sender; /* with its name, and its other address */
	bool was_looked_up;   /* its name; otherwise a mail log may have told one */
	bool spf_passes, is_allowed;
	const struct sites *sites;
	struct explain_visit *visits; /* by time */
	size_t visit_count, visit_cap;
	uint64_t visits_total;
	struct explain_walk *walks; /* by beginning */
	size_t walk_count, walk_cap, walks_left_out;
	struct listing *changes; /* onto and off the list, the oldest first */
	size_t change_count, change_cap, changes_left_out;
	struct listing *standing; /* now, for each group it was seen at */
	size_t standing_count, standing_cap;
};

FMX_MUST_CHECK int explain_make(struct ask *a, struct db *db, struct addr client,
				struct explain *ret_explain, struct error *e);
void explain_release(struct explain *x);

/* The name of the group or site with that id; "" unknown. Lent until the next call. */
const char *explain_site(const struct explain *x, uint16_t id, char text[SITE_NAME_MAX]);

void explain_text(const struct explain *x, const struct text_style *style,
		  struct buf *out);
json_t *explain_json(const struct explain *x); /* a new reference */

#endif
