/*
 * domain_internal - what was told of a domain, for domain.c and domain_differ.c
 */
#ifndef FMX_ZONE_DOMAIN_INTERNAL_H
#define FMX_ZONE_DOMAIN_INTERNAL_H

#include "zone/domain.h"

enum { DOMAIN_NOBODY = SEEN_SERVERS_MAX };

/* A record of a name that the plan must know, and who said so. */
struct domain_told {
	size_t server; /* DOMAIN_NOBODY: a cache */
	enum range_type type;
	char owner[NAME_TEXT_MAX];
	char *rdata;
	struct addr addr; /* A and AAAA */
};

struct domain_known {
	const struct seen *seen;
	const struct plan_want *want;
	const struct plan *plan;
	const struct domain_told *told;
	size_t told_count;
};

/* Fills servers, server_count and differing. Pure. */
void domain_differ(const struct domain_known *k, struct domain_result *ret);

#endif
