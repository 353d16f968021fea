/*
 * tail - the visits that a journal held when it was opened and that a source may give
 * again
 *
 * A source is read again from where its host was told up to: from then on a line that the
 * journal holds is not news, as often as it holds it.
 *
 * Ownership: tail_free().
 */
#ifndef FMX_JOURNAL_TAIL_H
#define FMX_JOURNAL_TAIL_H

#include "journal/coverage.h"
#include "judge/visit.h"

struct tail;
/* Notes what the hosts were told; rows up to last_id are read when first asked for. */
struct tail *tail_new(struct db *db, const struct sites *s, struct coverage *c,
		      int64_t last_id);
void tail_free(struct tail *t);
/* By host, client and time. */
bool tail_has(struct tail *t, const struct visit *v);

#endif
