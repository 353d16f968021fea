/*
 * list_own - what list.c and the readers of servers' configurations share
 */
#ifndef FMX_ZONE_LIST_OWN_H
#define FMX_ZONE_LIST_OWN_H

#include "zone/list.h"

/* Copies the texts; include_base may be NULL. FMX_ETOOBIG. */
FMX_MUST_CHECK int list_push(struct zone_list *l, const char *origin, const char *path,
			     const char *include_base, bool is_dynamic, struct error *e);
/* folder/name, or name when it is absolute or folder is "". */
bool list_join(const char *folder, const char *name, char *to, size_t size);

/* BIND's named.conf: zone "x" { type primary; file "y"; }; include, options {
 * directory }. */
FMX_MUST_CHECK int list_named_conf(struct zone_list *l, const char *path,
				   struct error *e);
/* Knot's knot.conf: zone: - domain, file, storage; template: storage, file. */
FMX_MUST_CHECK int list_knot_conf(struct zone_list *l, const char *path, struct error *e);

#endif
