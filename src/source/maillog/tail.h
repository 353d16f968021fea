/*
 * tail - a growing file, line by line, through rotation
 *
 * Asked from time to time; no event loop inside. A partial last line waits for
 * its end.
 *
 * Renamed and made anew: the old file is read to its end and on for
 * TAIL_OLD_MS, because whoever writes may hold it open for a while; then the
 * new one from its beginning. Copied and truncated ("copytruncate"): what we
 * had not read before the copy was made is read from the copy, packed or not,
 * which is known by the bytes that we read last; then the file from its
 * beginning. So is any other file that became shorter, or other than it was.
 *
 * What was rotated away before we came can be read first: PATH.1,
 * PATH-20261122, PATH.2.gz and the like, in the order of their last change
 * (tail_earlier()). A copy whose original was not truncated yet is not read.
 *
 * Use:
 *	struct tail *t = tail_new("/var/log/mail.log", true, on_line, arg);
 *	switch (tail_poll(t, now_ms, 1 << 20)) {
 *	case TAIL_AT_END: ...	// all there was at the time of the call
 *	case TAIL_MORE: ...	// the budget is used up: ask again
 *	default: ...		// -errno: cannot be opened or read; ask later
 *	}
 *	tail_free(t);
 *
 * Ownership: lines are lent for the call, without LF or NUL at the end.
 *
 * Limits: lines as in lines.h. What a program writes between the copying and the
 * truncation of a copytruncate is nowhere, as that way of rotation has it.
 */
#ifndef FMX_SOURCE_MAILLOG_TAIL_H
#define FMX_SOURCE_MAILLOG_TAIL_H

#include <stdint.h>

#include "base/attr.h"
#include "source/maillog/lines.h"

enum { TAIL_OLD_MS = 60 * 1000 };
/* TAIL_WAIT: nothing now, though it may not be the end (output.h). */
enum { TAIL_AT_END = 0, TAIL_MORE = 1, TAIL_WAIT = 2 };

struct tail_counts {
	uint64_t bytes, too_long, rotations;
};

struct tail;
/* from_end: skip what is in the file now. If there is no file yet, everything
 * in it is new. */
struct tail *tail_new(const char *path, bool from_end, lines_fn fn, void *arg);
/* Before the first poll: read, in front of the file, those that were rotated
 * from it and changed last at or after `since` (microseconds). */
void tail_earlier(struct tail *t, int64_t since);
FMX_MUST_CHECK int tail_poll(struct tail *t, uint64_t now_ms, size_t budget);
/* Why one of the rotated files was not read, or not to its end, or that the file was
 * truncated and has no copy; once, then NULL until the next. Valid until the next call.
 */
const char *tail_missed(struct tail *t);
struct tail_counts tail_counts(const struct tail *t);
void tail_free(struct tail *t);

#endif
