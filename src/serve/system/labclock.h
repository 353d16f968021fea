/*
 * labclock - the clock of a trial: eight bytes of a file that anybody may move
 *
 * With `lab = true` and `clock = FILE` the daemon's time is the real time plus
 * the microseconds that the file's first eight bytes hold, as the machine
 * writes an int64_t. Whoever runs the trial maps the same file and adds hours
 * while everybody waits; the daemon notices within LABCLOCK_POLL_MS.
 *
 * Use:
 *	struct labclock c = LABCLOCK_REAL;
 *	labclock_open("/tmp/x/clock", &c, &e);
 *	stamp_clock_now(c.clock);
 *	labclock_close(&c);
 *
 * Ownership: the mapping lives until labclock_close(). Nothing else points to
 * it but copies of .clock.
 *
 * Limits: who truncates the file kills the daemon (SIGBUS): it is a trial.
 */
#ifndef FMX_SERVE_SYSTEM_LABCLOCK_H
#define FMX_SERVE_SYSTEM_LABCLOCK_H

#include "base/error.h"
#include "base/stamp.h"

enum { LABCLOCK_POLL_MS = 50 };

struct labclock {
	struct stamp_clock clock;
	void *map; /* NULL: the real clock */
};

#define LABCLOCK_REAL                                                                    \
	{                                                                                \
		.clock = { .offset_us = NULL }, .map = NULL                              \
	}

/* path "" is the real clock. A file shorter than eight bytes is refused. */
FMX_MUST_CHECK int labclock_open(const char *path, struct labclock *ret_clock,
				 struct error *e);
void labclock_close(struct labclock *c);
int64_t labclock_offset(const struct labclock *c); /* 0 for the real clock */

#endif
