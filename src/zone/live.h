/*
 * live - plan, apply and revert zones of a name server by dynamic update
 *
 * The same plans as for files, over another target: the primary server is
 * asked what is there; the update names all that as its prerequisites, so that
 * it is made on exactly what was planned on or not at all (RFC 2136 2.4). A
 * lost race is planned again, at most LIVE_RACES times. Then every name server
 * of the zone is asked until all have the new serial, or the time-out says
 * which have not. Many zones are worked on side by side, on one loop.
 *
 * Revert takes the MX records out first; the decoys' addresses stay for two
 * TTLs, for caches still name them, and go with the next revert.
 *
 * Use:
 *	struct live_options o = { .does = LIVE_APPLY, .server = ..., .done = done };
 *	live_run(&o, jobs, count, &e);
 *
 * Ownership: jobs are borrowed; results last for the call of done.
 *
 * Limits: LIVE_AT_ONCE zones under way. A zone's secondaries are found through
 * its NS records and the system's resolver, or named in options.
 */
#ifndef FMX_ZONE_LIVE_H
#define FMX_ZONE_LIVE_H

#include "dns/resolver.h"
#include "dns/tsig.h"
#include "mx/layout.h"
#include "zone/job.h"

enum { LIVE_AT_ONCE = 32, LIVE_RACES = 2, LIVE_MAX_SERVERS = 16 };
#define LIVE_AGREE_US INT64_C(60000000) /* until all name servers must agree */

enum live_does { LIVE_PLAN, LIVE_APPLY, LIVE_PLAN_REVERT, LIVE_REVERT };

struct live_options {
	enum live_does does;
	struct endpoint server;     /* the primary */
	const struct tsig_key *key; /* NULL: not signed */
	/* Whom to ask for agreement; none: the zone's NS records. */
	const struct endpoint *servers;
	size_t server_count;
	struct resolver_options resolver; /* for the names of NS records */
	int64_t agree_us;                 /* 0: LIVE_AGREE_US */
	unsigned at_once;                 /* zones under way; 0: LIVE_AT_ONCE */
	/* Called once for each job, in the order in which they end. */
	void (*done)(void *arg, size_t index, const struct job_result *r);
	void *arg;
};

/* 0 when every job had its call. A job's own failure is in its result. */
FMX_MUST_CHECK int live_run(const struct live_options *o, const struct job *jobs,
			    size_t count, struct error *e);

#endif
