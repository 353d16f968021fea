/*
 * probe_schedule - asks every real host again and again whether it takes mail
 *
 * A round is one probe (look/probe.h) of each address of a host; the host is
 * well when one of them is `open`. Hosts of several sites that are the same
 * machine (same name and addresses) are probed once, and told of each. What
 * we could not look at (no route, no descriptors) counts as not well: that
 * only excuses.
 *
 * Use:
 *	struct probe_schedule *h = probe_schedule_new(loop, clock, &sink);
 *	probe_schedule_set(h, sites, count, interval);	// again after a reload
 *	probe_schedule_tick(h);		// each second: starts the rounds that are due
 *	probe_schedule_stop(h);		// then uv_run(), then probe_schedule_free(h)
 *
 * Ownership: copies what it needs of sites. Callbacks are never called from
 * within probe_schedule_new() or probe_schedule_set().
 *
 * Limits: PROBE_SCHEDULE_AT_ONCE probes at a time; more wait for their turn.
 */
#ifndef FMX_SERVE_PROBE_PROBE_SCHEDULE_H
#define FMX_SERVE_PROBE_PROBE_SCHEDULE_H

#include <uv.h>

#include "base/stamp.h"
#include "mx/layout.h"

enum { PROBE_SCHEDULE_AT_ONCE = 64 };
#define PROBE_SCHEDULE_TIMEOUT (10 * STAMP_SECOND)

struct probe_schedule_result {
	int64_t time; /* when the round began */
	bool is_well;
	bool is_news;      /* the first result, or another than the last one */
	const char *reply; /* what the last address said, printable; lent */
};

struct probe_schedule_sink {
	/* A connection to the host is about to be made, from our address; what is
	 * returned names it when it is over. */
	uint64_t (*began)(void *arg, uint16_t host, struct addr from, int64_t now);
	void (*ended)(void *arg, uint64_t probe, int64_t now, bool was_open);
	void (*result)(void *arg, uint16_t host, const struct probe_schedule_result *r);
	void *arg;
};

struct probe_schedule;
struct probe_schedule *probe_schedule_new(uv_loop_t *loop, struct stamp_clock clock,
					  const struct probe_schedule_sink *sink);
/* Hosts that stay keep their turn; new ones are due at once. */
void probe_schedule_set(struct probe_schedule *h, const struct site *sites, size_t count,
			int64_t interval);
void probe_schedule_tick(struct probe_schedule *h);
/* All hosts are due now; rounds that are under way are given up. */
void probe_schedule_all_now(struct probe_schedule *h);
/* No round is under way or due. */
bool probe_schedule_is_idle(const struct probe_schedule *h);
void probe_schedule_stop(struct probe_schedule *h);
void probe_schedule_free(struct probe_schedule *h);

#endif
