/*
 * publish_zone - a list as the zone of a DNSBL, kept by dynamic update (RFC 2136)
 *
 * What is there is read once (AXFR), and again when the serial is not the one that the
 * last update left, or after PUBLISH_ZONE_AGE; then only differences are sent, in
 * messages of at most PUBLISH_PIECE bytes. Names of the zone that are no address
 * are nobody's business here. The server counts the serial on.
 *
 * Use:
 *	struct publish_zone z = { 0 };
 *	publish_zone(&z, section, &list, &changes, &e);		// again and again
 *	publish_zone_release(&z);
 *
 * Ownership: publish_zone_release() frees what is remembered: 32 bytes an address.
 */
#ifndef FMX_CLI_PUBLISH_ZONE_H
#define FMX_CLI_PUBLISH_ZONE_H

#include "outlet/published.h"

enum { PUBLISH_PIECE = 14000 };
#define PUBLISH_ZONE_AGE STAMP_HOUR

struct publish_names {
	struct publish_name *at;
	size_t count, cap;
};

struct publish_zone {
	struct publish_names there; /* by address */
	uint32_t serial;            /* of the zone that has these */
	int64_t read;               /* when all of it was read; 0: never */
};

FMX_MUST_CHECK int publish_zone(struct publish_zone *z, const struct config_publish *p,
				struct published_list *l, uint64_t *ret_changes,
				struct error *e);
void publish_zone_release(struct publish_zone *z);

#endif
