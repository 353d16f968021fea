/*
 * sight - when a site could not be judged: not all watched, or not all well
 *
 * The gaps behind the one number `coverage`. Asked of the judge, which answers
 * for any stretch of time; a stretch that is neither all in sight nor all out
 * of it is halved until it is short.
 *
 * Use:
 *	struct sight s;
 *	sight_find(judge, site_id, since, until, &s);
 *	for (size_t i = 0; i < s.count; i++)
 *		...s.gaps[i].from, s.gaps[i].until...
 *	sight_release(&s);
 *
 * Ownership: sight_release() frees the gaps.
 *
 * Limits: gaps begin and end to the second, if the judge need not be asked more
 * than SIGHT_MAX_QUESTIONS times; from then on a stretch that is partly in
 * sight is a gap whole.
 */
#ifndef FMX_OUTLET_SIGHT_H
#define FMX_OUTLET_SIGHT_H

#include "old/judge.h"

enum { SIGHT_MAX_QUESTIONS = 20000 };

struct sight_gap {
	int64_t from, until;
};

struct sight {
	struct sight_gap *gaps; /* ascending, apart */
	size_t count, cap;
	int64_t longest_us;
};

void sight_find(const struct judge *j, uint16_t site_id, int64_t since, int64_t until,
		struct sight *ret_sight);
void sight_release(struct sight *s);

#endif
