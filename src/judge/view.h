/*
 * view - what was known of a group's hosts: watched, well, lost, changed
 *
 * Loaded from the journal's spans (journal/coverage.h), asked by the rules.
 * `watched` and `well` are stored as what holds; the rest of time is unwatched,
 * unwell. A host counts in [since, until) of its being in the configuration.
 *
 * Ownership: view_release() frees the sets.
 */
#ifndef FMX_JUDGE_VIEW_H
#define FMX_JUDGE_VIEW_H

#include "judge/reason.h"
#include "judge/span.h"
#include "mx/layout.h"

#define VIEW_NEVER INT64_MIN /* a frontier that nothing has passed */

struct view_host {
	uint16_t id, site;
	enum role role;
	enum place place;
	unsigned bit;            /* its bit in run.hosts */
	bool has_source;         /* something watches it at present */
	bool tells_envelopes;    /* of a real host: a visit of it has told one */
	int64_t since, until;    /* in the configuration; until INT64_MAX: still is */
	int64_t watermark;       /* VIEW_NEVER none yet */
	int64_t last_good_probe; /* VIEW_NEVER none */
	bool has_probes;
	bool is_down; /* its last probe failed: for what is said before the frontier */
	/* Of a real host `well` says all: without probes, it is well while watched. */
	struct spans watched, well, lost;
};

struct view {
	uint16_t group;
	struct view_host *hosts; /* former ones too */
	size_t host_count;
	struct spans changed, started;
	/* Set by view_finish(): all real hosts watched; and well, not changed, not
	 * started. */
	struct spans watched, sound;
	int64_t frontier; /* everything before it is known; never moves back */
	int64_t now;      /* T: the greatest seen, or a reader's clock, if later */
};

/* Computes `watched` and `sound`. After the sets are filled, before anything is asked. */
void view_finish(struct view *v);
/* Row 1's excuses over [from, to]: REASON_GRACE, _NOT_WATCHED, _NOT_WELL, _HOSTS_CHANGED,
 * or REASON_NONE. */
enum reason view_excuse(const struct view *v, int64_t from, int64_t to);
/* Were all real hosts of then well in all of [from, to]? */
bool view_is_well(const struct view *v, int64_t from, int64_t to);
/* Row 3: there was a low decoy, each was watched in [from, to], and none has a lost span
 * in [from - RUN_GAP, to]. */
bool view_saw_low(const struct view *v, int64_t from, int64_t to);
/* Is a low decoy configured at t? */
bool view_has_low(const struct view *v, int64_t t);
/* Every real host of then tells envelopes. */
bool view_tells_envelopes(const struct view *v, int64_t t);
const struct view_host *view_host(const struct view *v, uint16_t id); /* NULL unknown */
void view_release(struct view *v);

#endif
