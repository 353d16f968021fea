/*
 * attempt - one queue run: the rules of a profile over addresses in one order
 *
 * Walks the targets as the program would, from the best, and says how the run
 * ended, after how many seconds, and what was tried on the way. The order of
 * targets that the rules leave free (equal preferences, addresses of one host)
 * is the caller's; predict.h tries them all.
 *
 * Use:
 *	struct attempt a;
 *	attempt_run(&a, profile_find("postfix"), targets, n);
 *	if (a.end == ATTEMPT_DELIVERED)
 *		printf("%.0f s\n", a.seconds);
 *
 * Ownership: plain data.
 *
 * Limits: ATTEMPT_TARGETS_MAX targets. A time-out costs its whole length and
 * a refusal nothing; round trips and DNS are not counted.
 */
#ifndef FMX_MX_ATTEMPT_H
#define FMX_MX_ATTEMPT_H

#include <stdint.h>

#include "mx/profile.h"

enum { ATTEMPT_TARGETS_MAX = 128 };

/* One address of one host, as the program sees it. */
struct attempt_target {
	uint16_t preference;
	uint8_t host, address; /* the caller's numbers */
	enum state state;
	bool is_v6;
};

enum attempt_end {
	ATTEMPT_DELIVERED,
	ATTEMPT_TRIED_ALL, /* every target, and none took the message */
	ATTEMPT_LIMITED,   /* one of the program's limits cut the walk short */
	ATTEMPT_CIRCLES, /* the run itself never ends: back to the best again and again */
	ATTEMPT_STOPPED, /* REACTION_LATER at the last one tried */
	ATTEMPT_HANGS,   /* REACTION_HANG at the last one tried */
	ATTEMPT_BOUNCED, /* because of the last one tried */
};

enum attempt_limit { LIMIT_NONE, LIMIT_NAMES, LIMIT_ADDRESSES, LIMIT_SESSIONS };

struct attempt {
	enum attempt_end end;
	enum attempt_limit limit;
	double seconds; /* from the first connection to the end */
	bool is_by_lot; /* seconds, and whether it ends at all, is chance */
	uint8_t tried_len;
	/* Places in the array of targets, in order of their first try. */
	uint8_t tried[ATTEMPT_TARGETS_MAX];
};

/* targets_len is 1..ATTEMPT_TARGETS_MAX; sorted by preference, and all targets
 * of one host that share a place in the order next to each other. */
void attempt_run(struct attempt *ret_attempt, const struct profile *p,
		 const struct attempt_target *targets, size_t targets_len);

/* OpenSMTPD's way (DIAL_ROUTER); attempt_run() calls it. */
void attempt_run_router(struct attempt *ret_attempt, const struct profile *p,
			const struct attempt_target *targets, size_t targets_len);

/* A run that ended in ATTEMPT_CIRCLES may do so by a second or two only: replaces
 * it by what time-outs of uneven length mostly come to. Otherwise does nothing.
 * A simulation of hours, a hundred times: not for every order of targets. */
void attempt_draw_lots(struct attempt *a, const struct profile *p,
		       const struct attempt_target *targets, size_t targets_len);

#endif
