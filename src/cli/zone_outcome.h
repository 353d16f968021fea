/*
 * zone_outcome - a run over many zones as values: what is asked, what came out
 *
 * Shared by zone_run (files, by threads) and zone_run_live (dynamic updates,
 * on a loop).
 *
 * Ownership: what tell gets lasts for the call.
 */
#ifndef FMX_CLI_ZONE_OUTCOME_H
#define FMX_CLI_ZONE_OUTCOME_H

#include "cli/zone_forecast.h"
#include "cli/zone_work.h"

enum zone_does { ZONE_PLAN, ZONE_APPLY, ZONE_PLAN_REVERT, ZONE_REVERT };

/* What is kept of a zone until it is told. */
struct zone_outcome {
	size_t index; /* in the work */
	enum job_outcome outcome;
	enum severity worst; /* of the findings */
	struct error error;
	char worst_text[FINDING_TEXT_MAX]; /* of the worst finding */
	int64_t gone_by;
	bool was_restored;
	struct buf text; /* as render() made it */
};

struct zone_totals {
	size_t zones, same, no_mail, changed, refused, failed, warned;
	int64_t gone_by; /* the latest */
};

struct zone_run {
	const struct zone_work *work;
	const struct cli *cli;
	enum zone_does does;
	const char *what; /* for the progress: "zones planned" */
	/* Which of the work's items; NULL: all. */
	const size_t *chosen;
	size_t chosen_count;
	/* Called by a worker, in its thread: makes the text. NULL: none. */
	void (*render)(const struct zone_run *run, const struct job *job,
		       const struct job_result *r, const struct zone_forecast *o,
		       struct buf *out);
	/* Called in the order of the list. */
	void (*tell)(struct zone_run *run, const struct zone_outcome *o);
	void *arg;
	struct zone_totals totals;
	bool interrupted;
};

void zone_totals_count(struct zone_totals *t, const struct zone_outcome *o);

#endif
