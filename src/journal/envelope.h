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
#ifndef FMX_JOURNAL_ENVELOPE_H
#define FMX_JOURNAL_ENVELOPE_H

#include "journal/coverage.h"
#include "judge/visit.h"

enum { ENVELOPE_WAITS = 200000 };
#define ENVELOPE_BEFORE (30 * STAMP_MINUTE)

struct envelopes;
struct envelopes *envelopes_new(struct db *db);
void envelopes_free(struct envelopes *en);
/* v's hashes are keyed. In a transaction. Of a decoy only visits told in time count. */
FMX_MUST_CHECK int envelopes_told(struct envelopes *en, const struct visit *v,
				  uint16_t group, struct error *e);
FMX_MUST_CHECK int envelopes_real(struct envelopes *en, const struct visit *v,
				  uint16_t group, struct error *e);
/* After a rollback: what was added since envelopes_kept() waits no more. */
void envelopes_undo(struct envelopes *en);
/* Last in the transaction: drops what nobody can need, spills what is too much. */
FMX_MUST_CHECK int envelopes_keep(struct envelopes *en, const struct coverage *c,
				  struct error *e);
/* At a start: from the visits' tail. */
FMX_MUST_CHECK int envelopes_refill(struct envelopes *en, struct coverage *c,
				    struct error *e);

#endif
