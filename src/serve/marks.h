/*
 * marks - when the watermarks that sources give are worth a record
 *
 * Sources say about once a second and host up to when they are complete. The
 * judge needs that in the journal, but not each second: an idle site must not
 * fill a disk. A watermark is written
 *
 *   - for each host once a MARKS_INTERVAL, so that coverage can be computed
 *     (less often with more than 600 hosts: ten records a second at most);
 *   - for all hosts of a group once they have passed a visit by `confirm`, so
 *     that the visit is judged on time;
 *   - for one host, when the judge has something due and no record came for
 *     MARKS_TICK: the judge's time passes with records alone (ledger.h);
 *   - for all hosts, when the engine asks: after the clock jumped, and at the end.
 *
 * Pure: no clock, no journal.
 *
 * Use:
 *	marks_set(m, hosts, count, confirm);	// again after a reload
 *	marks_note(m, host, upto, now);		// from the source
 *	marks_visit(m, host, time);
 *	marks_write(m, now, MARKS_DUE, write, arg);
 *
 * Ownership: plain memory, marks_free().
 */
#ifndef FMX_SERVE_MARKS_H
#define FMX_SERVE_MARKS_H

#include <stdint.h>

#include "base/attr.h"
#include "base/stamp.h"

#define MARKS_INTERVAL STAMP_MINUTE
#define MARKS_TICK (5 * STAMP_SECOND)

struct marks_host {
	uint16_t host;
	uint16_t group;  /* sites judged together, judge_group() */
	bool has_source; /* one that gives watermarks is at work for it */
};

enum marks_need {
	MARKS_DUE,  /* what the first two rules ask for */
	MARKS_ONE,  /* and if those ask for nothing, the one longest unwritten */
	MARKS_EACH, /* everything newer than what was written */
};

typedef void (*marks_write_fn)(void *arg, uint16_t host, int64_t upto);

struct marks;
struct marks *marks_new(void);
void marks_free(struct marks *m);

/* What is known of hosts that stay is kept. */
void marks_set(struct marks *m, const struct marks_host *hosts, size_t count,
	       int64_t confirm);
void marks_note(struct marks *m, uint16_t host, int64_t upto, int64_t now);
/* What the journal already says, from a replay. */
void marks_past(struct marks *m, uint16_t host, int64_t upto, int64_t seen);
void marks_visit(struct marks *m, uint16_t host, int64_t time);
/* Returns how many were written. */
size_t marks_write(struct marks *m, int64_t now, enum marks_need need,
		   marks_write_fn write, void *arg);

/* True once every source at work has given a watermark at or after since. */
bool marks_are_fresh(const struct marks *m, int64_t since);

#endif
