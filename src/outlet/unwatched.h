/*
 * unwatched - which decoys nobody watches, and why, as the journal says
 *
 * A closed decoy is watched by its knocks, for which serve needs a capability.
 * Where it lacks that, serve journals the reason (record.h, HEALTH of a decoy);
 * a watermark takes it back.
 *
 * Use:
 *	struct unwatched u = { 0 };
 *	unwatched_record(&u, &record);		// each, in order
 *	const char *why = unwatched_why(&u, host);
 *	unwatched_release(&u);
 *
 * Ownership: copies the reasons. Limits: one reason a host.
 */
#ifndef FMX_OUTLET_UNWATCHED_H
#define FMX_OUTLET_UNWATCHED_H

#include <stddef.h>

#include "old/record.h"

struct unwatched {
	char **why; /* by host id */
	size_t count;
};

void unwatched_record(struct unwatched *u, const struct record *r);
/* "" if the host is watched. */
const char *unwatched_why(const struct unwatched *u, uint16_t host);
void unwatched_release(struct unwatched *u);

#endif
