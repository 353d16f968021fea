/*
 * reports - the report of each period, kept while it is young or nothing changed
 *
 * A report of millions of visits takes seconds to count, and is asked for by whoever
 * reloads a page: so it is counted at most once a minute, or twenty times as long as
 * it took, by one thread at a time; meanwhile the others get the one before. While the
 * journal is as it was (SQLite's data_version) it holds for a quarter of an hour.
 *
 * Use:
 *	const struct report *r;
 *	int rc = reports_get(all, PAGE_PERIOD_WEEK, &r, &e);
 *	if (rc < 0)
 *		...
 *	reports_done(all, r);
 *
 * Ownership: what is got is lent until reports_done(), also when a newer one is there.
 * For several threads.
 */
#ifndef FMX_OUTLET_WEB_REPORTS_H
#define FMX_OUTLET_WEB_REPORTS_H

#include "base/stamp.h"
#include "outlet/page/page.h"

struct reports;
/* half: of report_span. */
struct reports *reports_new(const char *journal, const char *half,
			    struct stamp_clock clock);
void reports_free(struct reports *all); /* nobody asks any more */
FMX_MUST_CHECK int reports_get(struct reports *all, enum page_period period,
			       const struct report **ret_report, struct error *e);
void reports_done(struct reports *all, const struct report *r);

#endif
