/*
 * proof - what the journal knows for and against one walk, by look-ups
 *
 * Use:
 *	struct decided d = { 0 };
 *	decided_make(&q, &main, view, &rules, &d, &e);
 *	... d.verdict ...
 *	decided_release(&d);
 *
 * Each look-up reads at most LOOKUP_MOST rows; more is an excuse (proof.too_many).
 */
#ifndef FMX_JOURNAL_ASK_PROOF_H
#define FMX_JOURNAL_ASK_PROOF_H

#include "journal/ask/pool.h"

/* Where the sender's runs lie that have to do with a walk of main. */
struct span proof_span(const struct run *main, const struct rules *r);
/* The runs that are seen with main, for walk_of(): the sender's aside runs that touch it,
 * of a decoy run also the real ones. Appended. */
void proof_touching(const struct run *main, const struct run *runs, size_t count,
		    struct run_list *ret_touching);
/* What lies in the sender's own runs; the rest of *ret_proof is cleared. Pure. */
void proof_own(const struct walk *w, const struct run *runs, size_t count,
	       const struct rules *r, struct proof *ret_proof);
/* Does the client make more than half of the group's visits in the seven days (UTC) that
 * end with that of `at`? runs: the sender's, proof_span(). */
FMX_MUST_CHECK int proof_nat(struct lookup *q, const struct view *v, struct addr client,
			     int64_t at, const struct run *runs, size_t count,
			     bool *ret_is_nat, struct error *e);
/* The rest, after proof_own(): NAT, pool, envelopes, what speaks for the sender. */
FMX_MUST_CHECK int proof_make(struct lookup *q, const struct walk *w,
			      const struct sender *who, const struct run *runs,
			      size_t count, const struct view *v, const struct rules *r,
			      struct proof *proof, struct error *e);
/* What the journal knows of an envelope that a walk told to a decoy. */
struct told_envelope {
	uint64_t hash;
	int64_t told;     /* over the walk's family first; or when it began */
	bool is_accepted; /* by a real host, from 30 minutes before */
	/* Over the other family a real host was told it from 30 minutes before: of these
	 * attempts the first and the last are known. It counts as a contact of the pool.
	 */
	bool came_otherwise;
	int64_t from, to;
};
typedef void (*told_envelope_fn)(void *arg, const struct told_envelope *t);
/* The same of those alone that came otherwise. */
FMX_MUST_CHECK int proof_came_otherwise(struct lookup *q, uint16_t group,
					const struct run *main, told_envelope_fn fn,
					void *arg, struct error *e);
/* All of it for one run, a walk's main: what the journal says of it. Zero to begin with;
 * may be used again. */
struct decided {
	struct sender who;
	struct run_list runs;     /* the sender's in proof_span() */
	struct run_list touching; /* of these, what is seen with main */
	struct walk walk;
	struct proof proof;
	struct verdict verdict;
};
FMX_MUST_CHECK int decided_make(struct lookup *q, const struct run *main,
				const struct view *v, const struct rules *r,
				struct decided *d, struct error *e);
struct verdict decided_say(const struct decided *d, const struct view *v,
			   const struct rules *r);
void decided_release(struct decided *d);

#endif
