#include "journal/take/view_read.h"

#include "base/mem.h"

static struct spans *set_of(struct view_host *h, int kind)
{
	switch (kind) {
	case SPAN_WATCHED: return &h->watched;
	case SPAN_WELL: return &h->well;
	case SPAN_LOST: return &h->lost;
	default: return NULL;
	}
}

static int read_host_spans(struct db *db, struct view_host *h, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db, "SELECT kind, since, until FROM span WHERE host = ?1 AND site = 0",
	    DB(h->id));
	int rc;
	while ((rc = db_step(db, s, e)) > 0) {
		struct spans *to = set_of(h, sqlite3_column_int(s, 0));
		if (to)
			spans_add(to, sqlite3_column_int64(s, 1),
				  sqlite3_column_int64(s, 2));
	}
	return rc;
}

static int read_site_spans(struct db *db, uint16_t site, struct view *v, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db, "SELECT kind, since, until FROM span WHERE host = 0 AND site = ?1",
	    DB(site));
	int rc;
	while ((rc = db_step(db, s, e)) > 0)
		spans_add(sqlite3_column_int(s, 0) == SPAN_CHANGED ? &v->changed
								   : &v->started,
			  sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2));
	return rc;
}

static int64_t never(sqlite3_stmt *s, int column)
{
	int64_t t = db_moment(s, column);
	return t == MOMENT_NONE ? VIEW_NEVER : t;
}

static int read_frontier(struct db *db, struct view *v, struct error *e)
{
	sqlite3_stmt *s =
	    db_query(db, "SELECT frontier FROM grp WHERE id = ?1", DB(v->group));
	int rc = db_step(db, s, e);
	if (rc > 0)
		v->frontier = never(s, 0);
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int read_host(struct db *db, const struct host_place *p, struct view_host *h,
		     struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db, "SELECT told, good, probed, probe_ok, tells FROM host WHERE id = ?1",
	    DB(p->host));
	int rc = db_step(db, s, e);
	bool has_probes = rc > 0 && sqlite3_column_type(s, 2) != SQLITE_NULL;
	*h = (struct view_host){
		.id = p->host,
		.site = p->site,
		.role = p->role,
		.place = p->place,
		.bit = p->bit,
		.has_source = p->has_source,
		.tells_envelopes = sqlite3_column_int(s, 4),
		.since = p->since,
		.until = p->until,
		.watermark = never(s, 0),
		.last_good_probe = never(s, 1),
		.has_probes = has_probes,
		.is_down = has_probes && !sqlite3_column_int(s, 3),
	};
	db_done(s);
	return rc < 0 ? rc : read_host_spans(db, h, e);
}

int view_read(struct db *db, const struct sites *all, uint16_t group,
	      struct view *ret_view, struct error *e)
{
	struct view v = { .group = group, .frontier = VIEW_NEVER };
	int rc = 0;
	v.hosts = xcalloc(all->host_count + 1, sizeof(*v.hosts));
	for (size_t i = 0; i < all->host_count && rc == 0; i++)
		if (all->hosts[i].group == group)
			rc = read_host(db, &all->hosts[i], &v.hosts[v.host_count++], e);
	for (size_t i = 0; i < all->count && rc == 0; i++)
		if (all->places[i].group == group)
			rc = read_site_spans(db, all->all[i].id, &v, e);
	if (rc == 0)
		rc = read_frontier(db, &v, e);
	if (rc != 0) {
		view_release(&v);
		return rc;
	}
	view_finish(&v);
	*ret_view = v;
	return 0;
}
