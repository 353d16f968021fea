/*
 * tail - a growing file, line by line, through rotation
 *
 * Asked from time to time; no event loop inside. A partial last line waits for
 * its end. When the file was renamed and made anew, the old one is read to its
 * end and on for TAIL_OLD_MS, because whoever writes may hold it open for a
 * while; then the new one from its beginning. A file that became shorter is
 * read from its beginning.
 *
 * What was rotated away before we came can be read first: PATH.1, PATH-20261122
 * and the like, in order of their last change (tail_earlier()).
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
 * Limits: a line is cut after TAIL_LINE_MAX bytes, counted. What is written
 * between the copying and the truncation of a "copytruncate" is lost, as that
 * way of rotation has it.
 */
#ifndef FMX_SOURCE_TAIL_H
#define FMX_SOURCE_TAIL_H

#include <stdint.h>

#include "base/attr.h"

enum { TAIL_LINE_MAX = 8192, TAIL_OLD_MS = 60 * 1000 };
enum { TAIL_AT_END = 0, TAIL_MORE = 1 };

typedef void (*tail_line_fn)(void *arg, const char *line, size_t len);

struct tail_counts {
	uint64_t bytes, too_long, rotations;
};

struct tail;
/* from_end: skip what is in the file now. If there is no file yet, everything
 * in it is new. */
struct tail *tail_new(const char *path, bool from_end, tail_line_fn fn, void *arg);
/*
 * Before the first poll: read, in front of the file, those that were renamed
 * from it and changed last at or after `since` (microseconds). NULL, or the
 * name of one that would be wanted but is compressed, which is not read.
 */
const char *tail_earlier(struct tail *t, int64_t since);
FMX_MUST_CHECK int tail_poll(struct tail *t, uint64_t now_ms, size_t budget);
struct tail_counts tail_counts(const struct tail *t);
void tail_free(struct tail *t);

#endif
