/*
 * pool - the neighbours of a sender at real hosts (DESIGN section 4, "Pool")
 *
 * Its /24 or /64, of both its addresses; the clients whose confirmed, non-generic names
 * share its registrable domain, or that have the same generic name. Never itself. (The
 * same envelope over the other family is proof.c's.)
 *
 * Use:
 *	struct pool p = { .who = &who, .met = { since, until }, .fn = on_run, .arg = x };
 *	pool_each(&q, group, &p, &e);
 *	if (p.too_many)
 *		...		// an excuse
 */
#ifndef FMX_JOURNAL_ASK_POOL_H
#define FMX_JOURNAL_ASK_POOL_H

#include "journal/ask/sender.h"
#include "judge/span.h"

struct pool_run {
	struct addr client;
	int64_t from, to;
	int64_t accepted; /* MOMENT_NONE */
	uint64_t hosts;   /* bits */
};
/* false ends the look-up. */
typedef bool (*pool_fn)(void *arg, const struct pool_run *r);

struct pool {
	const struct sender *who;
	struct span met; /* told of are the runs that share a moment with it */
	pool_fn fn;
	void *arg;
	size_t rows;
	bool is_over, too_many;
};

/* Each run of the pool with real hosts, told late or not. */
FMX_MUST_CHECK int pool_each(struct lookup *q, uint16_t group, struct pool *p,
			     struct error *e);

#endif
