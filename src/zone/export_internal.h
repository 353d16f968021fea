/*
 * export_internal - what the files of export share: words for zones and tools
 */
#ifndef FMX_ZONE_EXPORT_INTERNAL_H
#define FMX_ZONE_EXPORT_INTERNAL_H

#include "zone/export.h"

/* A MX record of both sets is kept; one with another preference or TTL changes. */
enum export_fate { EXPORT_KEPT, EXPORT_CHANGED, EXPORT_NEW };
enum export_fate export_fate(const struct export *r, const struct zone_mx *mx);

void export_table(const struct export *r, struct buf *out);
void export_zone(const struct export *r, struct buf *out);
void export_nsupdate(const struct export *r, struct buf *out);
void export_knotc(const struct export *r, struct buf *out);
void export_powerdns(const struct export *r, struct buf *out);
FMX_MUST_CHECK int export_dnscontrol(const struct export *r, struct buf *out,
				     struct error *e);
void export_octodns(const struct export *r, struct buf *out);

#endif
