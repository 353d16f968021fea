/*
 * serials - the highest SOA serial at the name servers of many zones
 *
 * A serial that a name server has seen must be exceeded, or its secondaries
 * keep what they have. The zone's NS records and their addresses come from a
 * resolver; each server is asked itself.
 *
 * Use:
 *	struct zone_serial *s = xcalloc(count, sizeof(*s));
 *	...				// s[i].origin
 *	serials_ask(s, count, &resolver_options, &e);
 *	if (s[i].is_known) ... s[i].highest
 *
 * Limits: SERIALS_AT_ONCE zones under way, one try of a second per question:
 * what does not answer is not waited for, and is_known says so. A resolver that
 * answered nothing to the first SERIALS_AT_ONCE zones is asked of no other.
 */
#ifndef FMX_ZONE_SERIALS_H
#define FMX_ZONE_SERIALS_H

#include "base/error.h"
#include "dns/name.h"
#include "dns/resolver.h"

enum { SERIALS_AT_ONCE = 64, SERIALS_SERVER_MAX = NAME_TEXT_MAX + ADDR_TEXT_MAX + 32 };
#define SERIALS_AGREE_US INT64_C(60000000) /* until all name servers must agree */

struct zone_serial {
	const char *origin;
	uint32_t wanted; /* for serials_agree() */
	uint32_t highest;
	bool is_known; /* at least one name server answered */
	/* "" or a name server that answered with an older serial than wanted; with a
	 * newer one. */
	char lagging[SERIALS_SERVER_MAX], ahead[SERIALS_SERVER_MAX];
};

/* 0 when all were asked, whatever they answered. */
FMX_MUST_CHECK int serials_ask(struct zone_serial *zones, size_t count,
			       const struct resolver_options *resolver, struct error *e);

/* Asks again and again, until every name server that answers has the serial that
 * is wanted of its zone, at most SERIALS_AGREE_US long: then lagging says who has
 * not, and zones whose turn has not come are not known. */
FMX_MUST_CHECK int serials_agree(struct zone_serial *zones, size_t count,
				 const struct resolver_options *resolver,
				 struct error *e);

#endif
