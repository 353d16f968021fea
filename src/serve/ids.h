/*
 * ids - which number a site and a host have over the life of a journal
 *
 * Records name sites and hosts by number, so a number must mean the same host
 * for as long as the journal lives. What has the same site name and host name
 * as before keeps its number; what is new gets the next one; a number is never
 * used again. Names compare as domain names do, without regard to case.
 *
 * Use:
 *	struct ids *ids = ids_new();
 *	ids_learn(ids, old_site);	// every definition the journal holds
 *	if (ids_give(ids, config.sites, config.site_count, &e) != 0)
 *		...
 *	ids_free(ids);
 *
 * Ownership: ids copies the names that it learns.
 *
 * Limits: 65,535 sites and as many hosts.
 */
#ifndef FMX_SERVE_IDS_H
#define FMX_SERVE_IDS_H

#include "base/error.h"
#include "mx/layout.h"

struct ids;

struct ids *ids_new(void);
void ids_free(struct ids *ids);

/* site and its hosts have these numbers from now on. A host may be learnt
 * alone: one that an earlier definition of the site had. */
void ids_learn(struct ids *ids, const struct site *s);
void ids_learn_host(struct ids *ids, uint16_t site_id, const char *host_name,
		    uint16_t host_id);

/* Numbers all sites and hosts, and remembers the new ones. -ERANGE when the
 * numbers are used up; then some have none. */
FMX_MUST_CHECK int ids_give(struct ids *ids, struct site *sites, size_t count,
			    struct error *e);

#endif
