/*
 * past - the journal, folded once through a judge
 *
 * What report, list and explain begin with. The verdicts are the ones that
 * serve gave live: the same fold over the same records.
 *
 * Use:
 *	struct past p = { .on_verdict = f, .on_listing = g, .on_record = h,
 *			  .arg = arg };
 *	if (past_open(&p, journal, now, &e) != 0)
 *		...
 *	judge_coverage(p.judge, ...);
 *	past_release(&p);
 *
 * Ownership: the past owns its judge. Callbacks may ask p->judge.
 */
#ifndef FMX_OUTLET_PAST_H
#define FMX_OUTLET_PAST_H

#include "old/journal.h"
#include "old/judge.h"

struct past {
	/* All may be NULL. on_record comes after the judge took the record. */
	judge_verdict_fn on_verdict;
	judge_listing_fn on_listing;
	void (*on_record)(void *arg, const struct record *r);
	void *arg;
	/* Set by past_open(). */
	struct judge *judge;
	int64_t first_seen; /* of the first record; 0 if there is none */
	int64_t now;        /* the later of the caller's and the last record's */
};

/* Replays all of j, then lets the judge advance to now: a journal whose clock
 * was ahead (a trial) is not judged at a moment before its last record. */
FMX_MUST_CHECK int past_open(struct past *p, struct journal *j, int64_t now,
			     struct error *e);
void past_release(struct past *p);

#endif
