/*
 * journal_counts - how many senders and listings the journal holds, off the loop
 *
 * What must be counted row by row is counted by a worker thread with a connection of
 * its own, every JOURNAL_COUNTS_EVERY, or twenty times as long as it took.
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

#define JOURNAL_COUNTS_EVERY (5 * STAMP_MINUTE)

struct journal_counts;
struct journal_counts *journal_counts_new(uv_loop_t *loop, const char *path);
void journal_counts_tick(struct journal_counts *c, int64_t now);
/* False: they were not counted yet. */
bool journal_counts_get(const struct journal_counts *c, uint64_t *ret_senders,
			uint64_t *ret_listed);
void journal_counts_stop(struct journal_counts *c);
void journal_counts_free(struct journal_counts *c); /* NULL is fine */

#endif
