#include "zone/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- the server ---- */

/* Where Debian, FreeBSD and others keep them. */
static enum zone_server server_of_path(const char *path)
{
	static const struct {
		const char *part;
		enum zone_server server;
	} places[] = { { "/bind/", ZONE_SERVER_BIND },
		       { "/named/", ZONE_SERVER_BIND },
		       { "/namedb/", ZONE_SERVER_BIND },
		       { "/knot/", ZONE_SERVER_KNOT },
		       { "/nsd/", ZONE_SERVER_NSD } };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strstr(path, places[i].part))
			return places[i].server;
	return ZONE_SERVER_UNKNOWN;
}

void zone_server_reload(enum zone_server s, const char *zone, char *to, size_t size)
{
	static const char *const commands[] = { [ZONE_SERVER_BIND] = "rndc reload",
						[ZONE_SERVER_KNOT] = "knotc zone-reload",
						[ZONE_SERVER_NSD] =
						    "nsd-control reload" };
	const char *gap = zone ? " " : "", *name = zone ? zone : "";
	if (s == ZONE_SERVER_UNKNOWN)
		(void)snprintf(to, size,
			       "BIND `rndc reload%s%s`, Knot `knotc zone-reload%s%s`, "
			       "NSD `nsd-control reload%s%s`",
			       gap, name, gap, name, gap, name);
	else
		(void)snprintf(to, size, "`%s%s%s`", commands[s], gap, name);
}

/* ---- items ---- */

int zone_list_push(struct zone_list *l, const char *origin, const char *path,
		   const char *include_base, const char *problem, struct error *e)
{
	if (l->count == ZONE_LIST_MAX)
		return error_set(e, FMX_ETOOBIG, "more than %d zones", ZONE_LIST_MAX);
	l->items = xroom(l->items, l->count, &l->cap, sizeof(*l->items));
	l->items[l->count++] =
	    (struct zone_item){ .origin = xstrdup(origin),
				.path = xstrdup(path),
				.include_base =
				    include_base ? xstrdup(include_base) : NULL,
				.server = server_of_path(path),
				.problem = problem };
	return 0;
}

bool zone_list_join(const char *folder, const char *name, char *to, size_t size)
{
	int n = *name == '/' || !*folder ? snprintf(to, size, "%s", name)
					 : snprintf(to, size, "%s/%s", folder, name);
	return n >= 0 && (size_t)n < size;
}

int zone_list_add_zone(struct zone_list *l, const char *origin, struct error *e)
{
	return zone_list_push(l, origin, "", NULL, NULL, e);
}

/* ---- the whole list ---- */

static int by_path(const void *a, const void *b)
{
	const struct zone_item *x = a, *y = b;
	int c = strcmp(x->path, y->path);
	return c ? c : strcmp(x->origin, y->origin);
}

static int by_origin(const void *a, const void *b)
{
	const struct zone_item *x = a, *y = b;
	int c = strcmp(x->origin, y->origin);
	return c ? c : strcmp(x->path, y->path);
}

static void release_item(struct zone_item *i)
{
	free(i->origin);
	free(i->path);
	free(i->include_base);
	knot_journal_free(i->knot);
}

void zone_list_settle(struct zone_list *l)
{
	if (l->count == 0)
		return;
	qsort(l->items, l->count, sizeof(*l->items), by_path);
	size_t kept = 1;
	for (size_t i = 1; i < l->count; i++) {
		struct zone_item *last = &l->items[kept - 1], *now = &l->items[i];
		bool same_file = strcmp(last->path, now->path) == 0;
		if (same_file && strcmp(last->origin, now->origin) == 0) {
			release_item(now);
			continue;
		}
		if (same_file && *now->path)
			last->is_shared = now->is_shared = true;
		l->items[kept++] = *now;
	}
	l->count = kept;
	qsort(l->items, l->count, sizeof(*l->items), by_origin);
}

void zone_list_release(struct zone_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		release_item(&l->items[i]);
	free(l->items);
	*l = (struct zone_list){ 0 };
}
