/*
 * envelope - which messages were told to decoys, and what real hosts made of them
 *
 * A row of `envelope` is one message, by the keyed hash of its sender and recipient, told
 * to a decoy in time. Whichever line comes first: what a real host was told waits in
 * memory until the frontier has passed it by 30 minutes, since until then a decoy's line
 * of a message that the real host saw at most 30 minutes later may come. Over
 * ENVELOPE_WAITS of them the older half is kept as rows.
 *
 * Ownership: envelopes_free().
 */
#ifndef FMX_JOURNAL_TAKE_ENVELOPE_H
#define FMX_JOURNAL_TAKE_ENVELOPE_H

#include "journal/take/coverage.h"
#include "judge/visit.h"

enum { ENVELOPE_WAITS = 200000 };
#define ENVELOPE_BEFORE (30 * STAMP_MINUTE)

struct envelopes;
/* last_id: the newest visit. What waited is read again from the visits' tail when it is
 * first asked for. */
struct envelopes *envelopes_new(struct db *db, struct coverage *c, int64_t last_id);
void envelopes_free(struct envelopes *en);
/* v's hashes are keyed. In a transaction. Of a decoy only visits told in time count. */
FMX_MUST_CHECK int envelopes_told(struct envelopes *en, const struct visit *v,
				  uint16_t group, struct error *e);
FMX_MUST_CHECK int envelopes_real(struct envelopes *en, const struct visit *v,
				  uint16_t group, struct error *e);
/* A real visit with more envelopes than a line names may have brought any of its sender's
 * and its pool's: of each client a row, by this hash, says when the last was accepted. */
uint64_t envelopes_many(const struct db *db, struct addr client);
FMX_MUST_CHECK int envelopes_note_many(struct db *db, uint16_t group, struct addr client,
				       int64_t time, struct error *e);
/* Last in the transaction: what is too much for memory becomes rows. */
FMX_MUST_CHECK int envelopes_spill(struct envelopes *en, const struct coverage *c,
				   struct error *e);
/* After the commit: drops what nobody can need, and what was spilt. After a rollback
 * envelopes_undo() drops what came since. */
void envelopes_keep(struct envelopes *en, const struct coverage *c);
void envelopes_undo(struct envelopes *en);

#endif
