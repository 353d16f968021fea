/*
 * zone_run - many zones by parallel workers, results in order
 *
 * Each worker has its own libzscanner and outlook. A batch of zones is worked
 * on side by side, then told in the order of the list, so that memory does not
 * grow with the list and the output does not depend on the threads. One bad
 * zone never stops the others; Ctrl-C lets the zones under way finish.
 *
 * Use:
 *	struct zone_run run = { .work = &w, .cli = c, .does = ZONE_PLAN, .tell = tell };
 *	zone_run(&run);
 *	run.totals.changed ...
 *
 * Ownership: what tell gets lasts for the call.
 */
#ifndef FMX_CLI_ZONE_RUN_H
#define FMX_CLI_ZONE_RUN_H

#include "cli/zone_outlook.h"
#include "cli/zone_work.h"

enum { ZONE_BATCH = 256, ZONE_THREADS_MAX = 16 };

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
	size_t zones, same, changed, refused, failed, warned;
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
		       const struct job_result *r, const struct zone_outlook *o,
		       struct buf *out);
	/* Called in the order of the list. */
	void (*tell)(struct zone_run *run, const struct zone_outcome *o);
	void *arg;
	struct zone_totals totals;
	bool interrupted;
};

void zone_run(struct zone_run *run);

/* For zone_run.c: the zones that are changed by dynamic update. */
void zone_run_live(struct zone_run *run, struct progress *progress);
void zone_run_count(struct zone_totals *t, const struct zone_outcome *o);

#endif
