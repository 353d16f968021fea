/*
 * health - asks every real host again and again whether it takes mail
 *
 * A round is one probe (look/probe.h) of each address of a host; the host is
 * well when one of them is `open`. Hosts of several sites that are the same
 * machine (same name and addresses) are probed once, and told of each. What
 * we could not look at (no route, no descriptors) counts as not well: that
 * only excuses.
 *
 * Use:
 *	struct health *h = health_new(loop, clock, &sink);
 *	health_set(h, sites, count, interval);	// again after a reload
 *	health_tick(h);		// each second: starts the rounds that are due
 *	health_stop(h);		// then uv_run(), then health_free(h)
 *
 * Ownership: copies what it needs of sites. Callbacks are never called from
 * within health_new() or health_set().
 *
 * Limits: HEALTH_AT_ONCE probes at a time; more wait for their turn.
 */
#ifndef FMX_SERVE_HEALTH_H
#define FMX_SERVE_HEALTH_H

#include <uv.h>

#include "base/stamp.h"
#include "mx/layout.h"

enum { HEALTH_AT_ONCE = 64 };
#define HEALTH_TIMEOUT (10 * STAMP_SECOND)

struct health_result {
	int64_t time; /* when the round began */
	bool is_well;
	bool is_news;      /* the first result, or another than the last one */
	const char *reply; /* what the last address said, printable; lent */
};

struct health_sink {
	/* A connection to the host is about to be made, from our address; what is
	 * returned names it when it is over. */
	uint64_t (*began)(void *arg, uint16_t host, struct addr from, int64_t now);
	void (*ended)(void *arg, uint64_t probe, int64_t now, bool was_open);
	void (*result)(void *arg, uint16_t host, const struct health_result *r);
	void *arg;
};

struct health;
struct health *health_new(uv_loop_t *loop, struct stamp_clock clock,
			  const struct health_sink *sink);
/* Hosts that stay keep their turn; new ones are due at once. */
void health_set(struct health *h, const struct site *sites, size_t count,
		int64_t interval);
void health_tick(struct health *h);
/* All hosts are due now; rounds that are under way are given up. */
void health_all_now(struct health *h);
/* No round is under way or due. */
bool health_is_idle(const struct health *h);
void health_stop(struct health *h);
void health_free(struct health *h);

#endif
