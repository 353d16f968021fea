/*
 * conf_knot - Knot's knot.conf, as far as it names zone files
 */
#ifndef FMX_ZONE_CONF_KNOT_H
#define FMX_ZONE_CONF_KNOT_H

#include "zone/list.h"

enum { KNOT_CONF_MAX = 256 << 20, KNOT_CONF_DEPTH = 8 };

FMX_MUST_CHECK int conf_knot_read(struct zone_list *l, const char *path, struct error *e);

#endif
