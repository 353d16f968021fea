/*
 * journal_counts - what the journal says in numbers, off the loop
 *
 * What must be counted row by row is counted by a worker thread with a connection of
 * its own, every JOURNAL_COUNTS_EVERY, or twenty times as long as it took: the senders,
 * the list, and the report of the last seven days, so that a metric and the report are
 * one number.
 *
 * Use:
 *	struct journal_counts *c = journal_counts_new(loop, path);
 *	journal_counts_tick(c, now);	// each second
 *	journal_counts_stop(c);		// then uv_run(), then journal_counts_free(c)
 */
#ifndef FMX_SERVE_METRICS_JOURNAL_COUNTS_H
#define FMX_SERVE_METRICS_JOURNAL_COUNTS_H

#include <uv.h>

#include "base/stamp.h"
#include "outlet/report/report.h"

#define JOURNAL_COUNTS_EVERY (5 * STAMP_MINUTE)
#define JOURNAL_COUNTS_PERIOD (7 * STAMP_DAY)

struct journal_counts;
struct journal_counts *journal_counts_new(uv_loop_t *loop, const char *path);
void journal_counts_tick(struct journal_counts *c, int64_t now);
struct journal_numbers {
	uint64_t senders, listed, would_be;
	int64_t counted_at;   /* the clock's */
	struct report report; /* of JOURNAL_COUNTS_PERIOD */
};
/* NULL: they were not counted yet. Lent until the loop turns. */
const struct journal_numbers *journal_counts_get(const struct journal_counts *c);
void journal_counts_stop(struct journal_counts *c);
void journal_counts_free(struct journal_counts *c); /* NULL is fine */

#endif
