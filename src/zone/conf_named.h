/*
 * conf_named - BIND's named.conf, as far as it names zone files
 *
 * Limits: ZONE_CONF_MAX bytes with its includes, CONF_MAX_DEPTH deep. Zones in
 * views are taken as if there were none.
 */
#ifndef FMX_ZONE_CONF_NAMED_H
#define FMX_ZONE_CONF_NAMED_H

#include "zone/list.h"

enum { ZONE_CONF_MAX = 256 << 20, CONF_MAX_DEPTH = 8 };

FMX_MUST_CHECK int conf_named_read(struct zone_list *l, const char *path,
				   struct error *e);

#endif
