/*
 * domain - plan a domain's MX set from its name servers, for people to type
 *
 * Where there is no zone file and no dynamic update: each name server is asked
 * itself, for caches remember what was there before. The plan is made on the
 * copy with the newest serial; where another one differs from what is wanted,
 * it is named.
 *
 * Use:
 *	struct domain_planner *p;
 *	if (domain_planner_new(loop, &look_options, &p, &e) != 0)
 *		...
 *	domain_plan(p, &(struct domain_ask){ "example.com", &want, false }, done, me);
 *	uv_run(loop, UV_RUN_DEFAULT);
 *	domain_planner_free(p);
 *	uv_run(loop, UV_RUN_DEFAULT);		// handles close
 *
 * Ownership: a result lasts for the call of done; want must live until then.
 * Each ask gets one call, never from within domain_plan; none after
 * domain_planner_free, which must not be called from within one.
 *
 * Limits: the caller bounds how many it asks at once.
 */
#ifndef FMX_ZONE_DOMAIN_H
#define FMX_ZONE_DOMAIN_H

#include "look/look.h"
#include "zone/job.h"

enum { DOMAIN_DIFFERENCE_MAX = 400 };

struct domain_ask {
	const char *domain;
	/* revert: its decoys, low, high and former, are what is taken out; with
	 * none, those hosts that are called like one. */
	const struct plan_want *want;
	bool reverts;
};

/* What one name server lacks or has too much, once the plan is made; "" when
 * it is as wanted. NULL server: not one. */
struct domain_difference {
	const struct seen_server *server;
	char text[DOMAIN_DIFFERENCE_MAX];
};

struct domain_result {
	const char *domain;
	const char *zone; /* that the domain is in */
	/* SAME: as wanted at the newest copy; see differing. Refused and failed
	 * with their sentence; diff is "". */
	struct job_result job;
	/* What was wanted; of a revert: no layout, and the decoys by name. */
	const struct plan_want *want;
	/* What the world sees besides; findings add it to the plan. */
	const struct seen *seen;
	struct domain_difference servers[SEEN_SERVERS_MAX];
	size_t server_count;
	size_t differing;     /* servers that answer and are not as wanted */
	bool is_address_step; /* revert: the MX is out, its addresses are left */
};

typedef void domain_callback(const struct domain_result *r, void *arg);

struct domain_planner;

FMX_MUST_CHECK int domain_planner_new(uv_loop_t *loop, const struct look_options *options,
				      struct domain_planner **ret, struct error *e);
void domain_planner_free(struct domain_planner *p);

void domain_plan(struct domain_planner *p, const struct domain_ask *ask,
		 domain_callback *done, void *arg);

#endif
