/*
 * list - zones and the files they stand in
 *
 * A file that serves several zones is in the list once for each, and marked:
 * a change for one would change them all. find.h fills it.
 *
 * Ownership: the list owns its items.
 *
 * Limits: ZONE_LIST_MAX zones.
 */
#ifndef FMX_ZONE_LIST_H
#define FMX_ZONE_LIST_H

#include "base/error.h"
#include "dns/name.h"
#include "zone/knot_journal.h"

enum { ZONE_LIST_MAX = 1000000 };

/* Whose zone it is, as far as is known: by its configuration, or where its file
 * stands. */
enum zone_server {
	ZONE_SERVER_UNKNOWN,
	ZONE_SERVER_BIND,
	ZONE_SERVER_KNOT,
	ZONE_SERVER_NSD
};

struct zone_item {
	char *origin; /* "" with a problem: the name does not tell it */
	char *path;
	char *include_base; /* NULL: the folder of path */
	bool is_shared;     /* the file serves another zone too */
	enum zone_server server;
	bool is_static; /* its server's configuration says: it takes no updates */
	/* Where Knot may hold more than the file does; NULL: nowhere. */
	struct knot_journal *knot;
	const char *problem; /* why its file must not be changed; NULL: it may. A
				constant, of the server's configuration */
};

struct zone_list {
	struct zone_item *items;
	size_t count, cap;
	/* Of zones that a server has and that are not in the list; "" for none. */
	char note[600];
};

/* Copies the texts; include_base and problem may be NULL; problem is kept as it is.
 * FMX_ETOOBIG. */
FMX_MUST_CHECK int zone_list_push(struct zone_list *l, const char *origin,
				  const char *path, const char *include_base,
				  const char *problem, struct error *e);
/* A zone without a file: one that its server updates. */
FMX_MUST_CHECK int zone_list_add_zone(struct zone_list *l, const char *origin,
				      struct error *e);
/* Sorts by zone, drops what is in twice, marks shared files. */
void zone_list_settle(struct zone_list *l);
void zone_list_release(struct zone_list *l);

/* The command that makes the server load a zone again, or, where zone is NULL, all
 * of them; in words where the server is not known. */
void zone_server_reload(enum zone_server s, const char *zone, char *to, size_t size);

/* folder/name, or name when it is absolute or folder is "". */
bool zone_list_join(const char *folder, const char *name, char *to, size_t size);

#endif
