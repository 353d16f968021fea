/*
 * revise - what earlier reports said, and what became of it
 *
 * No report is kept, so an earlier report is what one would have said: it
 * calls a sender stopped from the verdict that says so on, provisionally or
 * for good, until a later verdict says otherwise. Such a later verdict is a
 * correction, and belongs to the period in which it was given, however old
 * the walk is:
 *
 *   returned	the sender came to a real host: in the same walk, or in a later
 *		one after the stop was final
 *   excused	what was learnt later explains it otherwise (its pool, an
 *		outage, an address that was allowed)
 *
 * A stop that is withdrawn and given again before anybody came is none.
 *
 * Use:
 *	struct revise *r = revise_new();
 *	revise_verdict(r, &verdict);		// each, in the order of a replay
 *	revise_group(r, group, since, until, &counts);
 *	revise_free(r);
 *
 * Ownership: the revise copies what it keeps.
 *
 * Limits: KEYMAP_MAX walks that were ever stopped; revise_failed() asks. What
 * was said of records that retention has deleted is not known.
 */
#ifndef FMX_OUTLET_REVISE_H
#define FMX_OUTLET_REVISE_H

#include <stdint.h>

#include "old/judge.h"

/* Each sender once; one that both returned and was excused returned. */
struct revise_counts {
	uint64_t senders, returned, excused;
	uint64_t after_final;   /* of the returned: their stop had been final */
	int64_t p50_us, max_us; /* of the returned: from the walk's beginning until
				 * they came; 0 if there are none */
};

struct revise;
struct revise *revise_new(void);
void revise_free(struct revise *r);
bool revise_failed(const struct revise *r);

void revise_verdict(struct revise *r, const struct verdict *v);
/* Corrections given in [since, until). */
void revise_group(const struct revise *r, uint16_t group, int64_t since, int64_t until,
		  struct revise_counts *ret_counts);

/* Does v correct `before`, the verdict given earlier of the same walk, and was
 * that one a stop? */
bool revise_is_correction(const struct verdict *before, const struct verdict *v);

#endif
