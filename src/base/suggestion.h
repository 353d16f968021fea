/*
 * suggestion - the known word that a mistyped one was probably meant to be
 *
 * Use:
 *	struct suggestion n = suggestion_for("reprot");
 *	suggestion_offer(&n, "report");
 *	suggestion_offer(&n, "revert");
 *	if (n.best)		// "report"
 *
 * Ownership: borrows the word and the candidates.
 *
 * Limits: words longer than SUGGESTION_MAX_WORD have no neighbour. A neighbour
 * is at most a third of the word away, so that nothing far-fetched is offered.
 */
#ifndef FMX_BASE_SUGGESTION_H
#define FMX_BASE_SUGGESTION_H

enum { SUGGESTION_MAX_WORD = 40 };

struct suggestion {
	const char *word;
	const char *best; /* NULL while nothing is near enough */
	unsigned distance;
};

struct suggestion suggestion_for(const char *word);
void suggestion_offer(struct suggestion *n, const char *candidate);

#endif
