/*
 * scored - which senders were listed during a rehearsal in mode enforce, and when
 *
 * The journal is asked after each step; a message that a real host took while its sender
 * was listed would have been scored by whoever uses the lists.
 *
 * Use:
 *	struct scored s;
 *	scored_init(&s, &population);
 *	scored_look(&s, journal, now, &e);	// after each step
 *	scored_is(&s, sender, moment)
 *	scored_release(&s);
 *
 * Ownership: borrows the population.
 */
#ifndef FMX_REHEARSE_SCORED_H
#define FMX_REHEARSE_SCORED_H

#include "rehearse/population.h"

struct scored {
	const struct population *population;
	struct scored_span {
		int64_t since,
		    until; /* all the time in which it was listed; 0, 0: never */
	} * spans;         /* of the sender with the same index */
};

void scored_init(struct scored *s, const struct population *p);
FMX_MUST_CHECK int scored_look(struct scored *s, const char *journal, int64_t now,
			       struct error *e);
bool scored_was_listed(const struct scored *s, size_t sender);
/* Was it listed at the moment? */
bool scored_is(const struct scored *s, size_t sender, int64_t moment);
void scored_release(struct scored *s);

#endif
