/*
 * proof - what the journal knows for and against one walk, by look-ups
 *
 * Each look-up reads at most PROOF_MOST rows; more is an excuse (proof.too_many).
 */
#ifndef FMX_JOURNAL_PROOF_H
#define FMX_JOURNAL_PROOF_H

#include "journal/coverage.h"
#include "judge/listing.h"

enum { PROOF_MOST = 4096 };

/* The sender: one address, or the two of one confirmed, non-generic name. */
struct sender {
	struct addr clients[2];
	size_t count;
	char name[NAME_MAX_TEXT], domain[NAME_MAX_TEXT]; /* of clients[0]; "" */
	bool is_confirmed, is_generic;
};
FMX_MUST_CHECK int sender_find(struct db *db, struct addr client,
			       struct sender *ret_sender, struct error *e);
/* All runs of the sender in the group (kin included) that meet [since, until], by client
 * and began; at most PROOF_MOST. Caller frees *ret_runs. */
FMX_MUST_CHECK int sender_runs(struct db *db, const struct sites *s, uint16_t group,
			       const struct sender *who, int64_t since, int64_t until,
			       struct run **ret_runs, size_t *ret_count, bool *ret_more,
			       struct error *e);
FMX_MUST_CHECK int proof_make(struct db *db, const struct sites *s, const struct walk *w,
			      const struct sender *who, const struct view *v,
			      const struct rules *r, struct proof *ret_proof,
			      struct error *e);
FMX_MUST_CHECK int proof_obstacle(struct db *db, const struct sites *s, uint16_t group,
				  const struct sender *who, const struct view *v,
				  const struct rules *r, int64_t now,
				  struct listing_obstacle *ret, struct error *e);
bool allow_has(struct db *db, const struct sender *who, const char *envelope_domain);

#endif
