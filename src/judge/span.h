/*
 * span - stretches of time in which something holds
 *
 * A set is an array that is sorted, apart and merged: [since, until) each, so
 * that a moment is found by halving. Journal rows are loaded into sets; the
 * rules ask sets and know no table.
 *
 * Use:
 *	struct spans s = { 0 };
 *	spans_add(&s, since, until);	// any order; what touches is joined
 *	if (spans_meet(&s, t, t))
 *		...
 *	spans_release(&s);
 *
 * Ownership: spans_release() frees the array. Zero is the empty set.
 */
#ifndef FMX_JUDGE_SPAN_H
#define FMX_JUDGE_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* The numbers are stored: never change one. */
enum span_kind {
	SPAN_WATCHED = 1, /* of a host: its source told of all */
	SPAN_WELL = 2,    /* of a real host: it took mail */
	SPAN_LOST = 3,    /* of a host: knocks or lines of then were dropped */
	SPAN_CHANGED = 4, /* of a group: its set of real hosts is new */
	SPAN_STARTED = 5, /* of a group: we had only begun to watch */
};

struct span {
	int64_t since, until;
};

struct spans {
	struct span *at;
	size_t count, cap;
};

void spans_add(struct spans *s, int64_t since, int64_t until);
/* Does one of them share a moment with [since, until]? */
bool spans_meet(const struct spans *s, int64_t since, int64_t until);
/* Is all of [since, until] in one of them? */
bool spans_hold(const struct spans *s, int64_t since, int64_t until);
/* What both sets have in common, and what is left of a after b: a new set. */
struct spans spans_both(const struct spans *a, const struct spans *b);
struct spans spans_less(const struct spans *a, const struct spans *b);
/* How much of [since, until) is in the set; 0 when until is before since. */
int64_t spans_time(const struct spans *s, int64_t since, int64_t until);
/* The least t with spans_time(s, since, t) >= amount, INT64_MAX if none. */
int64_t spans_reach(const struct spans *s, int64_t since, int64_t amount);
void spans_release(struct spans *s);

#endif
