/*
 * estimate - what a Fake MX would stop, told from the logs of the real hosts
 *
 * For the sceptic who wants numbers before DNS changes. A log of real hosts
 * shows two things that decide how a sender would meet a decoy:
 *
 *   - whom a worse MX sees although the better one was well, and who never came
 *     to the better one: it begins at the end of the list, as a high decoy
 *     expects. Whoever chose among n hosts at random would meet one more decoy
 *     less often: n/(n+1) of them; so that is the least, less two standard
 *     deviations.
 *   - who was deferred (greylisting, any 4xx) and never came back: it does not
 *     retry. At most so many would be lost at a low decoy; a program that does
 *     not retry may still walk on at once, which no log of real hosts can show.
 *
 * Hence a range per layout, or "cannot tell" with the reason. What can be told
 * of too few senders, or of a log that ends too soon after them, is not told.
 *
 * The visits go through take into a journal that is thrown away, and are asked of it:
 * sender, pool, tier and "well" are what a report of the journal means by them. A host
 * that nobody visits for an hour is not known to be well.
 *
 * Use:
 *	struct estimate *x;
 *	estimate_new(ranks, host_count, &rules, &x, &e);
 *	estimate_visit(x, host, &visit);	// any order; host: 0, 1, ... best first
 *	struct estimate_result r;
 *	estimate_make(x, on_name, &r, &e);	// once
 *	estimate_release(&r);
 *	estimate_free(x);
 *
 * Limits: beyond 64 MB the journal is a temporary file (250 bytes a visit). Bots that
 * learn, or that were kept off by a blocklist before they reached the log, are not seen.
 */
#ifndef FMX_OUTLET_ESTIMATE_ESTIMATE_H
#define FMX_OUTLET_ESTIMATE_ESTIMATE_H

#include <stdint.h>

#include "base/stamp.h"
#include "judge/name.h"
#include "judge/rule.h"

enum {
	ESTIMATE_MIN_TESTED = 30, /* deferred senders; fewer show no share */
	ESTIMATE_MAX_HOSTS = SITE_MAX_HOSTS,
	ESTIMATE_WHY_MAX = 160,
};

struct estimate_range {
	bool can_tell;
	char why_not[ESTIMATE_WHY_MAX];
	uint64_t least, most; /* senders that would have met decoys only */
};

struct estimate_at_risk {
	struct addr client;
	enum tier tier;
	int64_t since;            /* when it was deferred and gave up */
	char name[NAME_MAX_TEXT]; /* "" unknown */
};

struct estimate_host {
	uint64_t visits, senders;
};

struct estimate_result {
	int64_t since, until; /* of the visits */
	uint64_t senders;
	uint64_t worse_only;      /* worst host only, while a better one was well */
	uint64_t worse_plausible; /* of these with a verified name or accepted mail */
	uint64_t worse_excused;   /* a better host was not well, or their pool came */
	uint64_t tested;          /* were deferred, and the log goes on long enough */
	uint64_t gave_up;         /* of these, never came back */
	uint64_t too_late;        /* were deferred too near to the end of the log */
	struct estimate_range high, low, both;
	struct estimate_host hosts[ESTIMATE_MAX_HOSTS];
	struct estimate_at_risk *at_risk; /* known first, then by since */
	size_t at_risk_count;
};

struct estimate;
/* ranks: the preference of each host, ascending; equal ones are one rank. */
FMX_MUST_CHECK int estimate_new(const uint16_t *ranks, size_t host_count,
				const struct rules *rules, struct estimate **ret_estimate,
				struct error *e);
void estimate_free(struct estimate *x);
/* What fails is told by estimate_make(). */
void estimate_visit(struct estimate *x, size_t host, const struct visit *v);
/* The host says that it was down until then. */
void estimate_outage(struct estimate *x, size_t host, int64_t until);

/* Completes a name that a log told: its domain, and whether it is generic. */
typedef void (*estimate_name_fn)(struct name_fact *name);
FMX_MUST_CHECK int estimate_make(struct estimate *x, estimate_name_fn name,
				 struct estimate_result *ret_result, struct error *e);
void estimate_release(struct estimate_result *r);

/* What the ranges rest on, one sentence each: index 0, 1, ... until NULL. */
const char *estimate_assumption(size_t index);

#endif
