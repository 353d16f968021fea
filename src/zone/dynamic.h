/*
 * dynamic - is a zone file all of its zone, and will a change of it be seen?
 *
 * A name server that takes updates keeps them in a journal: BIND in a file beside
 * the zone's, Knot in a database (knot_journal.h). A change of the file alone would
 * be overwritten, or would lose what the journal holds.
 *
 * Limits: what a server holds in its memory alone is not seen.
 */
#ifndef FMX_ZONE_DYNAMIC_H
#define FMX_ZONE_DYNAMIC_H

#include "zone/knot_journal.h"

struct dynamic_of {
	bool is_static; /* its server's configuration says: it takes no updates */
	const struct knot_journal *knot; /* NULL: none that Knot fills */
};

/* serial: of the file's SOA. FMX_EREFUSED, and what to do instead. */
FMX_MUST_CHECK int dynamic_check(const struct dynamic_of *of, const struct zone_input *in,
				 uint32_t serial, struct error *e);

#endif
