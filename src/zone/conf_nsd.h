/*
 * conf_nsd - NSD's nsd.conf, as far as it names zone files
 *
 * zone and pattern, with include-pattern; zonesdir; include with patterns; and
 * the zones that nsd-control added, in zonelistfile. NSD takes no updates.
 */
#ifndef FMX_ZONE_CONF_NSD_H
#define FMX_ZONE_CONF_NSD_H

#include "zone/list.h"

enum { NSD_CONF_MAX = 256 << 20, NSD_CONF_DEPTH = 8 };

FMX_MUST_CHECK int conf_nsd_read(struct zone_list *l, const char *path, struct error *e);

#endif
