/*
 * catalog - the members that a catalog zone lists (RFC 9432)
 *
 * A name server takes more zones from a catalog than its configuration names:
 * "a1b2.zones.CATALOG PTR example.com.", and perhaps the group that tells how
 * each is configured: "group.a1b2.zones.CATALOG TXT internal".
 *
 * Use:
 *	struct catalog c;
 *	if (catalog_read(path, "catalog.example", &c, &e) == 0)
 *		... c.members[i].zone, c.members[i].group
 *	catalog_release(&c);
 *
 * Ownership: catalog_release frees the members.
 */
#ifndef FMX_ZONE_CATALOG_H
#define FMX_ZONE_CATALOG_H

#include "base/error.h"
#include "dns/name.h"

struct catalog_member {
	char *unique; /* the label that its records stand under */
	char *zone;   /* NULL: a group of no member */
	char *group;  /* NULL: none is said */
};

struct catalog {
	struct catalog_member *members;
	size_t count, cap;
};

/* The catalog's zone file. -ENOENT and the like; FMX_EMALFORMED. */
FMX_MUST_CHECK int catalog_read(const char *path, const char *origin, struct catalog *ret,
				struct error *e);
void catalog_release(struct catalog *c);

#endif
