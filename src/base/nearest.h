/*
 * nearest - the known word that a mistyped one was probably meant to be
 *
 * Use:
 *	struct nearest n = nearest_to("reprot");
 *	nearest_offer(&n, "report");
 *	nearest_offer(&n, "revert");
 *	if (n.best)		// "report"
 *
 * Ownership: borrows the word and the candidates.
 *
 * Limits: words longer than NEAREST_MAX_WORD have no neighbour. A neighbour
 * is at most a third of the word away, so that nothing far-fetched is offered.
 */
#ifndef FMX_BASE_NEAREST_H
#define FMX_BASE_NEAREST_H

enum { NEAREST_MAX_WORD = 40 };

struct nearest {
	const char *word;
	const char *best; /* NULL while nothing is near enough */
	unsigned distance;
};

struct nearest nearest_to(const char *word);
void nearest_offer(struct nearest *n, const char *candidate);

#endif
