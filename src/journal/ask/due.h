/*
 * due - the work that time brings: decide, list, seal
 *
 * Decides the decoy walks whose `need` the frontier (or T) has passed, and, when spans,
 * rules, sites or the allow list changed or a late real contact came, all open walks of
 * the group in one coalesced pass; writes what is told and the listings that its hours
 * make; seals after five days, also where the frontier stands still (looked after once a
 * minute of T). A step is at most DUE_STEP runs or `most` microseconds, in a transaction
 * of its own; how far a pass is stands in the journal.
 *
 * Use:
 *	struct due *d = due_new(db, coverage, &sink);
 *	bool more;
 *	due_step(d, now, DUE_TIME, &more, &e);	// again at once while there is more
 */
#ifndef FMX_JOURNAL_ASK_DUE_H
#define FMX_JOURNAL_ASK_DUE_H

#include "journal/ask/sender.h"
#include "journal/take/coverage.h"
#include "judge/listing.h"

enum { DUE_STEP = 2000 };
#define DUE_TIME (20 * STAMP_MILLISECOND)

/* Told after its commit. */
struct due_sink {
	void (*verdict)(void *arg, const struct verdict *now, const struct told *before,
			const struct sender *who);
	void (*listing)(void *arg, const struct listing *l);
	void *arg;
};

struct due;
struct due *due_new(struct db *db, struct coverage *c, const struct due_sink *sink);
void due_free(struct due *d);
FMX_MUST_CHECK int due_step(struct due *d, int64_t now, int64_t most, bool *ret_more,
			    struct error *e);
/* Until nothing is left: import, verify, tests. */
FMX_MUST_CHECK int due_all(struct due *d, int64_t now, struct error *e);
/* A clock that jumped: nothing is judged or sealed while it is held. */
void due_hold(struct due *d, bool is_held);

#endif
