/*
 * list - which zone files are meant: one, a folder, a glob, a server's list
 *
 * What `--zone` (or `zone { file = }`) says becomes a list of zone and file:
 *
 *	FILE with an origin	that zone
 *	FOLDER, GLOB		every file in it whose name tells its zone:
 *				example.com, db.example.com, example.com.zone, ...
 *	named.conf, knot.conf	the primary zones that the name server's own
 *				configuration lists, with its folder for $INCLUDE
 *	-			standard input, a line a zone: FILE, or ZONE FILE
 *
 * A file that serves several zones is in the list once for each, and marked:
 * a change for one would change them all.
 *
 * Use:
 *	struct zone_list l = { 0 };
 *	zone_list_add(&l, "/etc/bind/zones", NULL, &e);
 *	zone_list_settle(&l);
 *	...
 *	zone_list_release(&l);
 *
 * Ownership: the list owns its items.
 *
 * Limits: ZONE_LIST_MAX zones; a server's list ZONE_CONF_MAX bytes with its
 * includes, CONF_MAX_DEPTH deep. Of a server's configuration only what names
 * zone files is understood: zones in views are taken as if there were none.
 */
#ifndef FMX_ZONE_LIST_H
#define FMX_ZONE_LIST_H

#include <stdio.h>

#include "zone/walk.h"

enum { ZONE_LIST_MAX = 1000000, ZONE_CONF_MAX = 256 << 20, CONF_MAX_DEPTH = 8 };

struct zone_item {
	char *origin; /* "" with a problem: the name does not tell it */
	char *path;
	char *include_base; /* NULL: the folder of path */
	bool is_shared;     /* the file serves another zone too */
	bool is_dynamic;    /* its server takes updates for it */
};

struct zone_list {
	struct zone_item *items;
	size_t count, cap;
};

/* origin NULL: told by the names. FMX_EUSAGE, -ENOENT, FMX_EMALFORMED. */
FMX_MUST_CHECK int zone_list_add(struct zone_list *l, const char *what,
				 const char *origin, struct error *e);
/* A zone without a file: one that its server updates. */
FMX_MUST_CHECK int zone_list_add_zone(struct zone_list *l, const char *origin,
				      struct error *e);
/* The lines of a stream ("-"). */
FMX_MUST_CHECK int zone_list_add_lines(struct zone_list *l, FILE *from, struct error *e);
/* Sorts by zone, drops what is in twice, marks shared files. */
void zone_list_settle(struct zone_list *l);
void zone_list_release(struct zone_list *l);

/* "db.Example.COM" gives "example.com". False: no zone's name. */
FMX_MUST_CHECK bool zone_of_file_name(const char *path, char ret_origin[NAME_TEXT_MAX]);

#endif
