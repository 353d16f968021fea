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
#include "zone/export.h"

enum zone_does { ZONE_PLAN, ZONE_APPLY, ZONE_PLAN_REVERT, ZONE_REVERT };

/* What is kept of a zone until it is told. */
struct zone_outcome {
	size_t index; /* in the work */
	enum job_outcome outcome;
	bool has_findings;
	enum severity worst; /* of the findings */
	struct error error;
	char worst_text[FINDING_TEXT_MAX]; /* of the worst finding */
	int64_t gone_by;
	uint32_t serial; /* the new one */
	bool was_restored;
	bool lags;    /* changed, but not at all name servers: note says where */
	bool is_left; /* a decoy is left, and nothing known of it: note says what to do */
	int64_t again_at; /* when the second step of a revert is due; 0: none */
	char note[JOB_NOTE_MAX];
	struct buf text; /* as render() made it */
};

struct zone_totals {
	size_t zones, same, no_mail, changed, refused, failed, warned, left;
	int64_t gone_by;  /* the latest */
	int64_t again_at; /* likewise; 0: none */
	unsigned worst;   /* 0: no finding at all, else a severity + 1 */
};

/* Makes the text of a zone; not 0 when that format cannot say it. */
struct zone_run;
typedef int zone_render_fn(const struct zone_run *run, const struct job *job,
			   const struct job_result *r, const struct zone_forecast *o,
			   struct buf *out, struct error *e);

struct zone_run {
	const struct zone_work *work;
	const struct cli *cli;
	enum zone_does does;
	const char *what; /* for the progress: "zones planned" */
	/* Which of the work's items; NULL: all. */
	const size_t *chosen;
	size_t chosen_count;
	/* Called by a worker, in its thread. NULL: none. */
	zone_render_fn *render;
	enum export_format format; /* for zone_render_export */
	/* Called in the order of the list. */
	void (*tell)(struct zone_run *run, const struct zone_outcome *o);
	void *arg;
	struct zone_totals totals;
	bool interrupted;
};

/* What a job says of itself, but for the forecast. */
void zone_outcome_take(struct zone_outcome *o, const struct job_result *r);
/* What the forecast says, and the text, if there is to be one. */
void zone_outcome_fill(struct zone_outcome *o, const struct zone_run *run,
		       const struct job *job, const struct job_result *r,
		       struct zone_forecast *forecast);
void zone_totals_count(struct zone_totals *t, const struct zone_outcome *o);

#endif
