/*
 * clock_watch - notices a clock that jumps, and goes on with the old one meanwhile
 *
 * The clock is compared with the monotonic one. When they differ by
 * CLOCK_WATCH_JUMP more than before, somebody or something set it: for
 * CLOCK_WATCH_AGREES serve goes on as if it had not, and the time is held: nothing is
 * judged or deleted. A clock that stood still again for so long is taken as right; one
 * that came back is at once.
 *
 * Use:
 *	struct clock_watch *c = clock_watch_new(stamp_now(), stamp_monotonic());
 *	struct stamp_clock clock = clock_watch_clock(c);	// for all parts
 *	if (clock_watch_look(c, stamp_now(), stamp_monotonic()))	// each second
 *		... clock_watch_is_held(c) ...			// has changed
 *
 * Ownership: clock_watch_free(), after everybody who has its clock.
 *
 * Limits: what happens between a jump and the next look has the wrong time.
 */
#ifndef FMX_SERVE_SYSTEM_CLOCK_WATCH_H
#define FMX_SERVE_SYSTEM_CLOCK_WATCH_H

#include "base/stamp.h"

#define CLOCK_WATCH_JUMP STAMP_MINUTE
#define CLOCK_WATCH_AGREES (10 * STAMP_MINUTE)

struct clock_watch;
struct clock_watch *clock_watch_new(int64_t now, int64_t monotonic);
void clock_watch_free(struct clock_watch *c); /* NULL is fine */
/* The clock that is believed. */
struct stamp_clock clock_watch_clock(const struct clock_watch *c);
/* True: it began to be held, or is no longer. */
bool clock_watch_look(struct clock_watch *c, int64_t now, int64_t monotonic);
bool clock_watch_is_held(const struct clock_watch *c);
/* By how much the clock jumped ahead (negative: back), while it is held. */
int64_t clock_watch_jump(const struct clock_watch *c);

#endif
