/*
 * tally - counts visits and verdicts of a period, by the rules of the report
 *
 * DESIGN section 4, "report". Pure counting: it is given visits and verdicts
 * as a replay brings them, verdicts in any number per walk (the last one
 * holds), and counts at the end.
 *
 *   - A visit counts when its time, a walk when its beginning lies in
 *     [since, until). What was learnt later about such a walk counts too.
 *   - order and fate count each sender of a group once, by its latest walk of
 *     the period. Senders seen at control addresses only are not counted there.
 *   - `stopped` is final; `stopped_provisional` may still come back. A sender
 *     at risk is in neither, but in `at_risk`.
 *   - An attempt is a sender, group and half hour with a visit at a decoy or
 *     real host.
 *   - Delays and returns count walks: one sender may have several.
 *   - Percentiles are nearest rank.
 *   - A sender counts as listed, or would-be listed, once if it came onto the
 *     list in the period, whatever became of it.
 *
 * Use:
 *	struct tally *t = tally_new(since, until);
 *	tally_visit(t, &visit, group, role, names_recipient);
 *	tally_verdict(t, &verdict);
 *	tally_group(t, group, &counts);
 *
 * Ownership: the tally copies what it keeps; struct tally_group has the list
 * at_risk to be freed by tally_group_release(), whose names stay the tally's.
 *
 * Limits: KEYMAP_MAX senders, walks and attempts; tally_failed() asks.
 */
#ifndef FMX_OUTLET_TALLY_H
#define FMX_OUTLET_TALLY_H

#include <stdint.h>

#include "old/judge.h"
#include "outlet/series.h"

enum {
	ORDER_COUNT = ORDER_BACKDOOR + 1,
	TIER_COUNT = TIER_KNOWN + 1,
	TALLY_DELAY_BINS = 9,
};

/* A delay is in the first bin whose end it is not above; the last bin has no
 * end. A delay is told up to ten minutes (rules.delay_window). */
extern const int64_t tally_delay_ends_us[TALLY_DELAY_BINS - 1];
extern const char *const tally_delay_names[TALLY_DELAY_BINS]; /* "10 ms" ... "longer" */

struct tally_delay {
	uint64_t count;
	int64_t p50_us, p95_us, max_us; /* of count 0: 0 */
	uint64_t bins[TALLY_DELAY_BINS];
};

struct tally_at_risk {
	struct addr client;
	enum tier tier;
	int64_t since;
	const char *name; /* "" unknown */
	bool is_final;
};

struct tally_group {
	uint64_t order[ORDER_COUNT];
	uint64_t reached, stopped, stopped_provisional, pending, unknown;
	uint64_t only_knocked; /* counted among unknown too */
	uint64_t stopped_attempts, stopped_naming_recipient;
	uint64_t background_senders;   /* seen at a control address */
	uint64_t background_at_decoys; /* of those: seen at a decoy too */
	uint64_t background_stopped;   /* of the stopped: seen at a control address */
	struct tally_delay delay;
	uint64_t returned_later;
	uint64_t listed;               /* senders that came onto the list */
	uint64_t would_be_listed;      /* but for the mode or the watched days */
	struct tally_at_risk *at_risk; /* known first, then by since */
	size_t at_risk_count;
	uint64_t at_risk_tier[TIER_COUNT];
};

/* A part of the period. Each sender counts once, by its latest walk that began
 * in this part; so the parts' sums are not the period's counts. */
struct tally_part {
	uint64_t reached, stopped, stopped_provisional, at_risk, rest;
	uint64_t low_visits, high_visits, control_visits; /* at decoys and controls */
};

struct tally;
struct tally *tally_new(int64_t since, int64_t until);
void tally_free(struct tally *t);

/* names_recipient: the visit got to RCPT for a domain of the site. */
void tally_visit(struct tally *t, const struct visit *v, uint16_t group, enum place place,
		 bool names_recipient);
void tally_verdict(struct tally *t, const struct verdict *v);
void tally_listing(struct tally *t, const struct listing *l);
/* The client's name as it is known now. */
void tally_name(struct tally *t, struct addr client, const char *name);

bool tally_failed(const struct tally *t);
void tally_host(const struct tally *t, uint16_t host, uint64_t *ret_visits,
		uint64_t *ret_senders);
/* Anything at all of the group in the period? */
bool tally_has(const struct tally *t, uint16_t group);
void tally_group(const struct tally *t, uint16_t group, struct tally_group *ret_group);
void tally_group_release(struct tally_group *g);
/* One for each part of the series, which lies inside the period. */
void tally_series(const struct tally *t, uint16_t group, const struct series *s,
		  struct tally_part *ret_parts);

/* The value at p percent of n sorted values, n at least 1: the smallest one
 * with at least p percent of all not above it. */
int64_t tally_percentile(const int64_t *sorted, size_t n, unsigned p);

#endif
