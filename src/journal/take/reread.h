/*
 * reread - what a source gives a second time
 *
 * A log or feed is read again from where it was believed up to, after a restart, a
 * reload, or a connection that broke. What the journal holds of its host since then,
 * written or waiting, is compared with what comes: as often as it was given.
 *
 * Use:
 *	reread_begin(r, host, since);
 *	if (reread_has(r, batch, &visit))	// it was given before
 *		...
 *
 * Ownership: reread_free().
 *
 * Limits: REREAD_MOST visits are remembered, the newest; what is older may be doubled. A
 * visit that a source gave more than REREAD_AHEAD before it happened is not found.
 */
#ifndef FMX_JOURNAL_TAKE_REREAD_H
#define FMX_JOURNAL_TAKE_REREAD_H

#include "journal/take/batch.h"

enum { REREAD_MOST = 200000 };
#define REREAD_AHEAD (5 * STAMP_MINUTE)

struct reread;
struct reread *reread_new(struct db *db);
void reread_free(struct reread *r); /* NULL is fine */
/* The source of the host begins anew, with what it saw since then. */
void reread_begin(struct reread *r, uint16_t host, int64_t since);
bool reread_has(struct reread *r, const struct batch *waiting, const struct visit *v);

#endif
