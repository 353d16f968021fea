/*
 * fold - runs of a batch merged with the rows of `run`
 *
 * Sorted by key, one row is read and written for each run that the batch touches. A
 * run may join rows that did not touch before. What a changed row may say of decoy
 * walks makes these be asked again (`woken`): its own, if it is of a decoy; those
 * of its sender, of its prefix and of who shares its name, if it is of a real host.
 * Over FOLD_WAKES of them all open walks of the group are asked again in slices.
 *
 * Use:
 *	struct fold f = { 0 };
 *	fold_add(&f, &run);		// run_of() of each visit
 *	fold_write(&f, db, sites, &e);	// in a transaction
 *	fold_clear(&f);			// for the next batch; fold_release() at the end
 *
 * Ownership: fold_release() frees.
 */
#ifndef FMX_JOURNAL_TAKE_FOLD_H
#define FMX_JOURNAL_TAKE_FOLD_H

#include "journal/site.h"

enum { FOLD_WAKES = 4096 };

struct fold {
	struct run *runs;
	const struct run **order;
	size_t count, cap;
};

void fold_add(struct fold *f, const struct run *r);
FMX_MUST_CHECK int fold_write(struct fold *f, struct db *db, const struct sites *s,
			      struct error *e);
void fold_clear(struct fold *f);
void fold_release(struct fold *f);

/* Something was learnt of a client: its open decoy walks are asked again. */
FMX_MUST_CHECK int fold_wake_client(struct db *db, struct addr client, struct error *e);
/* ... and those of whoever its name makes its pool or its other address. */
FMX_MUST_CHECK int fold_wake_named(struct db *db, struct addr client, struct error *e);

#endif
