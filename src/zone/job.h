/*
 * job - plan, apply or revert one zone file, and prove it before it is written
 *
 * The way of every change: read and judge what is there, plan, edit the text,
 * judge the result (record set after = before + exactly the plan), keep the
 * former version, write, have it checked, rename, reload. Where any step says
 * no, the zone file is as it was; after a failed reload its bytes are restored
 * with a serial that is newer still (a serial never moves back).
 *
 * Use, one worker per thread:
 *	struct job_worker *w = job_worker_new();
 *	job_plan(w, &job, &result);
 *	...
 *	job_worker_free(w);
 *
 * Ownership: a result points into the worker and lasts until its next job.
 */
#ifndef FMX_ZONE_JOB_H
#define FMX_ZONE_JOB_H

#include "zone/dynamic.h"
#include "zone/history.h"
#include "zone/plan.h"

enum { JOB_NOTE_MAX = 1200 };

enum job_outcome {
	JOB_SAME,    /* nothing to do */
	JOB_NO_MAIL, /* nothing to do: no MX record, or a null MX; no mail domain */
	JOB_CHANGED, /* or would be changed, when planned */
	JOB_REFUSED, /* it would endanger mail or the zone; exit 3 */
	JOB_FAILED,  /* file, command, server, or not a zone; exit 1 */
};

struct job {
	char origin[NAME_TEXT_MAX];
	char path[4096];
	char include_base[4096]; /* "": the folder of path */
	const struct plan_want *want;
	const char *check, *reload; /* "": none */
	const char *state;          /* folder for the former versions */
	/* A serial seen at a name server; the new one exceeds it too. */
	uint32_t serial_floor;
	bool has_serial_floor;
	bool is_unrecorded; /* nothing was ever applied to the zone: recorded.h */
	int64_t now;
	struct dynamic_of dynamic; /* what its server's configuration says */
	bool needs_no_diff;        /* nobody is shown what changes */
};

struct job_result {
	enum job_outcome outcome;
	struct error error; /* REFUSED, FAILED: the sentence */
	const struct plan *plan;
	const struct plan_want *want;   /* with the decoys of before; NULL: the job's */
	const struct zone_facts *facts; /* of the zone as it is */
	const struct zone_ranges *ranges;
	uint64_t lacking;        /* of plan->after: study_lacking() */
	uint32_t serial;         /* the new one; 0 when nothing changes */
	const char *diff;        /* unified; "" when nothing changes */
	int64_t gone_by;         /* when caches have forgotten what was there before */
	char note[JOB_NOTE_MAX]; /* what is left to do, or why nothing is; "" for nothing
				  */
	bool was_restored;       /* revert: the former bytes, serial apart */
	bool lags; /* changed, but not at all name servers: note says where */
	/* revert: no record of an apply was found, and a decoy is still an MX host: note
	 * says what to do. */
	bool is_left;
	int64_t again_at; /* revert of live DNS: when the second step is due; 0: none */
};

struct job_worker;
struct job_worker *job_worker_new(void);
void job_worker_free(struct job_worker *w);

void job_plan(struct job_worker *w, const struct job *job, struct job_result *ret);
void job_apply(struct job_worker *w, const struct job *job, struct job_result *ret);
void job_revert(struct job_worker *w, const struct job *job, struct job_result *ret);
/* What revert would do. */
void job_plan_revert(struct job_worker *w, const struct job *job, struct job_result *ret);

/* Of a zone of which no apply is recorded: true, and the note gets it added, when a
 * decoy of the want, or one that is called so, is still an MX host. */
bool job_note_left(const struct plan_want *want, const struct zone_facts *facts,
		   char *note, size_t size);

const char *job_outcome_name(enum job_outcome o); /* "same" "changed" ... */

#endif
