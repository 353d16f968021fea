/*
 * logclock - how far the clock of a log, or of another machine, is from ours
 *
 * Learnt from lines that have just been written. One with a stamp ahead of us is
 * proof at once: nobody reads a line before it is written. One with a stamp
 * behind us may have been held up, so it takes a LOGCLOCK_WINDOW of lines of
 * which none came in time. Up to the slack the clocks count as equal.
 *
 * Use:
 *	struct logclock c = { 0 };
 *	logclock_line(&c, stamp, precision_us, now);	// of fresh lines only
 *	if (c.offset)					// log minus ours
 *		...
 *
 * Limits: in a log that several machines write together, the clock that is
 * furthest ahead counts. Lines that are held up for longer than the window look
 * like a clock that is behind: who uses the offset must be right either way.
 */
#ifndef FMX_SOURCE_LOGCLOCK_H
#define FMX_SOURCE_LOGCLOCK_H

#include <stdint.h>

#include "base/stamp.h"

#define LOGCLOCK_SLACK (2 * STAMP_SECOND)
#define LOGCLOCK_WINDOW STAMP_MINUTE
enum { LOGCLOCK_LINES = 3 }; /* a window has at least so many */

struct logclock {
	int64_t slack;  /* 0: LOGCLOCK_SLACK */
	int64_t offset; /* microseconds, log minus ours; 0: within the slack */
	int64_t began;  /* the window that runs; 0: none */
	int64_t best;   /* the greatest offset that one of its lines showed */
	unsigned lines;
};

/* Either way; 0: they agree. */
int64_t logclock_distance(const struct logclock *c);
/* What a moment by that clock may be wrong by; 0: they agree. */
int64_t logclock_doubt(const struct logclock *c);
void logclock_line(struct logclock *c, int64_t stamp, uint32_t precision_us, int64_t now);

#endif
