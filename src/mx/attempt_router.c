#include "mx/attempt.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/*
 * OpenSMTPD (mta.c) does not walk a list. Whenever it may connect it asks
 * mta_find_route() for the best route, and a route is out of the question only
 * while it is in use for the first time or resting after a failure. Hence
 *  - a pause between any two connections to one domain, so refusals cost time;
 *  - equal preferences are dialled side by side while the first one hangs;
 *  - a route that rests 15 s is best again after it: whoever needs longer than
 *    that to come past the better hosts starts over with them.
 * This is that choice over simulated time.
 *
 * Whether two hosts that drop rest at the same moment, so that the third gets
 * its turn, hangs on a second or two: by so much the kernel's time-outs for a
 * SYN differ. Measured with two such hosts: 435 s in one run, 735 s in another.
 * So a run that goes round in circles is repeated with time-outs drawn by lot
 * (always the same lots). How long they take has a long tail; what two in five
 * stay below is within a factor of two of most.
 */

enum {
	QUIET_SECONDS = 3600, /* nothing new for so long: it goes round in circles */
	LOTS = 100,
};

struct route {
	double busy_until;  /* INFINITY: not in use */
	double rests_until; /* -INFINITY: never failed */
	bool was_tried;
};

struct router {
	struct attempt *a;
	const struct profile *p;
	const struct attempt_target *targets;
	size_t len;
	struct route routes[ATTEMPT_TARGETS_MAX];
	unsigned connections;
	uint32_t lots; /* 0: all time-outs are as the profile has them */
	double now, last_connect, last_news;
};

enum found { FOUND_ROUTE, FOUND_WAIT, FOUND_NONE };

/* mta_find_route(): the first of the best preference that has one to offer. */
static enum found find_route(const struct router *r, size_t *ret_at)
{
	bool is_level_busy = false;

	for (size_t i = 0; i < r->len; i++) {
		if (i > 0 && r->targets[i].preference != r->targets[i - 1].preference &&
		    is_level_busy)
			break;
		if (r->routes[i].busy_until < INFINITY) {
			is_level_busy = true;
		} else if (r->routes[i].rests_until <= r->now) {
			*ret_at = i;
			return FOUND_ROUTE;
		}
	}
	return is_level_busy ? FOUND_WAIT : FOUND_NONE;
}

/* 0 to 1: the middle bits of Marsaglia's MWC, even for seeds in a row. */
static double draw(struct router *r)
{
	r->lots = 36969 * (r->lots & 0xffff) + (r->lots >> 16);
	return (r->lots & 0xffff) / 65535.0;
}

static double session_seconds(struct router *r, enum state s)
{
	double seconds = r->p->rules[s].seconds;
	if (s != STATE_DEAD || !r->lots)
		return seconds;
	return seconds - 1.7 + 2 * draw(r); /* facts/senders.md, 1b: 133.3 to 135.1 */
}

static void connect_route(struct router *r, size_t at)
{
	struct route *route = &r->routes[at];

	route->busy_until = r->now + session_seconds(r, r->targets[at].state);
	r->connections++;
	r->last_connect = r->now;
	if (!route->was_tried) {
		route->was_tried = true;
		r->last_news = r->now;
		r->a->tried[r->a->tried_len++] = (uint8_t)at;
	}
}

/* The session that ends first, if it ends by `until`. */
static size_t next_end(const struct router *r, double until)
{
	size_t first = r->len;
	for (size_t i = 0; i < r->len; i++)
		if (r->routes[i].busy_until < INFINITY &&
		    r->routes[i].busy_until <= until &&
		    (first == r->len ||
		     r->routes[i].busy_until < r->routes[first].busy_until))
			first = i;
	return first;
}

/* True if the message's fate is decided: it was taken, or handed back. */
static bool end_session(struct router *r, size_t at)
{
	r->now = r->routes[at].busy_until;
	r->routes[at].busy_until = INFINITY;
	r->routes[at].rests_until = r->now + r->p->router.rest_seconds;
	r->connections--;

	switch (r->p->rules[r->targets[at].state].reaction) {
	case REACTION_DELIVER: r->a->end = ATTEMPT_DELIVERED; return true;
	case REACTION_LATER: r->a->end = ATTEMPT_STOPPED; return true;
	case REACTION_BOUNCE: r->a->end = ATTEMPT_BOUNCED; return true;
	case REACTION_HANG: r->a->end = ATTEMPT_HANGS; return true;
	case REACTION_ADDRESS:
	case REACTION_HOST: return false;
	}
	assert(false); /* the switch above is complete: -Wswitch says so */
	return true;
}

/* When the connector looks again, having connected or not: after the pause, or
 * at the next poll or check; a session that ends wakes it earlier. */
static double look_again(const struct router *r, enum found found)
{
	if (r->connections >= r->p->router.most)
		return INFINITY;
	if (found == FOUND_WAIT) {
		double check = r->p->router.check_seconds;
		double poll = r->now + r->p->router.poll_seconds;
		return fmin(poll, 1 + check * (floor((r->now - 1) / check) + 1));
	}
	return r->last_connect + r->p->router.pause_seconds;
}

static void run(struct attempt *ret_attempt, const struct profile *p,
		const struct attempt_target *targets, size_t targets_len, uint32_t lots)
{
	struct router r = {
		.a = ret_attempt, .p = p, .targets = targets, .len = targets_len
	};
	r.lots = lots;
	r.last_connect = -INFINITY;
	for (size_t i = 0; i < r.len; i++)
		r.routes[i] =
		    (struct route){ .busy_until = INFINITY, .rests_until = -INFINITY };

	*ret_attempt = (struct attempt){ .end = ATTEMPT_CIRCLES };
	while (r.now - r.last_news <= QUIET_SECONDS) {
		enum found found = FOUND_ROUTE; /* for look_again(): after the pause */
		size_t at;
		if (r.connections < p->router.most &&
		    r.now >= r.last_connect + p->router.pause_seconds) {
			found = find_route(&r, &at);
			if (found == FOUND_NONE) {
				ret_attempt->end = ATTEMPT_TRIED_ALL;
				break;
			}
			if (found == FOUND_ROUTE)
				connect_route(&r, at);
		}
		double wake = look_again(&r, found);
		at = next_end(&r, wake);
		if (at == r.len)
			r.now = wake;
		else if (end_session(&r, at))
			break;
	}
	ret_attempt->seconds = r.now;
}

/* Sooner is before later, and going round in circles is last. */
static int compare_runs(const void *a, const void *b)
{
	const struct attempt *x = a, *y = b;
	if ((x->end == ATTEMPT_CIRCLES) != (y->end == ATTEMPT_CIRCLES))
		return x->end == ATTEMPT_CIRCLES ? 1 : -1;
	return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

void attempt_run_router(struct attempt *ret_attempt, const struct profile *p,
			const struct attempt_target *targets, size_t targets_len)
{
	run(ret_attempt, p, targets, targets_len, 0);
}

void attempt_draw_lots(struct attempt *a, const struct profile *p,
		       const struct attempt_target *targets, size_t targets_len)
{
	struct attempt runs[LOTS];
	bool has_dead = false;

	for (size_t i = 0; i < targets_len; i++)
		has_dead |= targets[i].state == STATE_DEAD;
	if (a->end != ATTEMPT_CIRCLES || !has_dead)
		return;
	for (uint32_t lot = 0; lot < LOTS; lot++)
		run(&runs[lot], p, targets, targets_len, (lot + 1) * 2654435761u);
	qsort(runs, LOTS, sizeof(runs[0]), compare_runs);
	*a = runs[LOTS * 2 / 5];
	a->seconds = round(a->seconds);
	a->is_by_lot = true;
}
