#include "outlet/sight.h"

#include <stdlib.h>

#include "base/mem.h"

struct asking {
	const struct judge *judge;
	uint16_t site;
	unsigned questions;
	struct sight *sight;
};

/* Stretches come in order: one that begins where the last ended goes on. */
static void add_gap(struct sight *s, int64_t from, int64_t until)
{
	bool goes_on = s->count > 0 && s->gaps[s->count - 1].until == from;
	if (s->count == s->cap && !goes_on) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->gaps = xrealloc(s->gaps, s->cap, sizeof(*s->gaps));
	}
	if (!goes_on)
		s->gaps[s->count++].from = from;
	struct sight_gap *last = &s->gaps[s->count - 1];
	last->until = until;
	if (s->longest_us < last->until - last->from)
		s->longest_us = last->until - last->from;
}

/* A stretch and its half are 0 and 1 exactly: all of a whole number of
 * microseconds, or nothing. Recursion is as deep as a period has seconds in
 * powers of two. */
static void look_at(struct asking *a, int64_t from, int64_t until)
{
	double seen = judge_coverage(a->judge, a->site, from, until);
	a->questions++;
	if (seen >= 1)
		return;
	if (seen <= 0 || until - from <= STAMP_SECOND ||
	    a->questions >= SIGHT_MAX_QUESTIONS) {
		add_gap(a->sight, from, until);
		return;
	}
	int64_t middle = from + (until - from) / 2;
	look_at(a, from, middle);
	look_at(a, middle, until);
}

/* Halving ends anywhere inside a second; gaps are told in whole ones. */
static void round_out(struct sight_gap *g, int64_t since, int64_t until)
{
	int64_t from = g->from - g->from % STAMP_SECOND;
	int64_t to = g->until + STAMP_SECOND - 1;
	to -= to % STAMP_SECOND;
	g->from = from > since ? from : since;
	g->until = to < until ? to : until;
}

void sight_find(const struct judge *j, uint16_t site_id, int64_t since, int64_t until,
		struct sight *ret_sight)
{
	*ret_sight = (struct sight){ .gaps = NULL };
	struct asking a = { .judge = j, .site = site_id, .sight = ret_sight };
	if (since < until && since >= 0)
		look_at(&a, since, until);
	for (size_t i = 0; i < ret_sight->count; i++)
		round_out(&ret_sight->gaps[i], since, until);
}

void sight_release(struct sight *s)
{
	free(s->gaps);
	*s = (struct sight){ .gaps = NULL };
}
