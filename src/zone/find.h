/*
 * find - which zone files are meant: one, a folder, a glob, a server's list
 *
 * What `--zone` (or `zone { file = }`) says becomes a list of zone and file:
 *
 *	FILE with an origin	that zone
 *	FOLDER, GLOB		every file in it whose name tells its zone:
 *				example.com, db.example.com, example.com.zone, ...
 *	named.conf, knot.conf,	the primary zones that the name server's own
 *	nsd.conf		configuration lists, with its folder for $INCLUDE
 *	-			standard input, a line a zone: FILE, or ZONE FILE
 *
 * Use:
 *	struct zone_list l = { 0 };
 *	zone_find(&l, "/etc/bind/zones", NULL, &e);
 *	zone_list_settle(&l);
 *	...
 *	zone_list_release(&l);
 */
#ifndef FMX_ZONE_FIND_H
#define FMX_ZONE_FIND_H

#include <stdio.h>

#include "zone/list.h"

/* origin NULL: told by the names. FMX_EUSAGE, -ENOENT, FMX_EMALFORMED. */
FMX_MUST_CHECK int zone_find(struct zone_list *l, const char *what, const char *origin,
			     struct error *e);
/* The lines of a stream ("-"). */
FMX_MUST_CHECK int zone_find_lines(struct zone_list *l, FILE *from, struct error *e);

/* "db.Example.COM" gives "example.com". False: no zone's name. */
FMX_MUST_CHECK bool zone_of_file_name(const char *path, char ret_origin[NAME_TEXT_MAX]);

#endif
