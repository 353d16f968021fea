/*
 * The configuration as rows: numbers, former hosts, groups, changed spans.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/site.h"

enum { DEFINITION_MAX = 256 * 1024 * 1024 };
#define CHANGED_LEAST (48 * STAMP_HOUR)

struct define {
	struct db *db;
	struct sites old;
	struct site *now;
	size_t count;
	const struct rules *rules;
	int64_t at;
	uint16_t last_site, last_host;
	bool is_changed;
};

/* ---- numbers ---- */

static struct site *old_site(const struct define *d, const char *name)
{
	for (size_t i = 0; i < d->old.count; i++)
		if (strcmp(d->old.all[i].name, name) == 0)
			return &d->old.all[i];
	return NULL;
}

/* A host that took another role is another host: what was seen of it was of that role. */
static uint16_t old_host(const struct define *d, uint16_t site, const struct host *h)
{
	for (size_t i = 0; i < d->old.host_count; i++) {
		const struct host_place *p = &d->old.hosts[i];
		if (p->site == site && p->role == h->role &&
		    strcmp(p->definition->name, h->name) == 0)
			return p->host;
	}
	return 0;
}

static int give_number(uint16_t *last, uint16_t *ret_id, const char *what,
		       struct error *e)
{
	if (*last == UINT16_MAX)
		return error_set(e, FMX_ETOOBIG,
				 "the journal has had %u %s, and has no number left for "
				 "another: begin a new journal",
				 UINT16_MAX, what);
	*ret_id = ++*last;
	return 0;
}

static int number_site(struct define *d, struct site *s, struct error *e)
{
	const struct site *was = old_site(d, s->name);
	int rc = 0;
	s->id = was ? was->id : 0;
	if (!was)
		rc = give_number(&d->last_site, &s->id, "sites", e);
	for (size_t i = 0; i < s->host_count && rc == 0; i++) {
		struct host *h = &s->hosts[i];
		h->id = old_host(d, s->id, h);
		if (h->id == 0)
			rc = give_number(&d->last_host, &h->id, "hosts", e);
	}
	return rc;
}

/* ---- groups: sites that share an address ---- */

struct spot {
	struct endpoint at;
	size_t site;
};

static int compare_spots(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int order = addr_compare(x->at.addr, y->at.addr);
	return order ? order : (x->at.port > y->at.port) - (x->at.port < y->at.port);
}

static size_t root_of(size_t *to, size_t i)
{
	while (to[i] != i)
		i = to[i] = to[to[i]];
	return i;
}

static void join(size_t *to, size_t a, size_t b)
{
	a = root_of(to, a);
	b = root_of(to, b);
	if (a != b)
		to[a] = b;
}

static size_t collect_spots(const struct define *d, struct spot **ret)
{
	size_t count = 0;
	for (size_t i = 0; i < d->count; i++)
		for (size_t k = 0; k < d->now[i].host_count; k++)
			count += d->now[i].hosts[k].address_count;
	struct spot *spots = xcalloc(count ? count : 1, sizeof(*spots));
	size_t n = 0;
	for (size_t i = 0; i < d->count; i++)
		for (size_t k = 0; k < d->now[i].host_count; k++)
			for (size_t a = 0; a < d->now[i].hosts[k].address_count; a++)
				spots[n++] =
				    (struct spot){ d->now[i].hosts[k].addresses[a], i };
	qsort(spots, count, sizeof(*spots), compare_spots);
	*ret = spots;
	return count;
}

/* group[i]: the least id of the sites that d->now[i] shares addresses with. */
static uint16_t *make_groups(const struct define *d)
{
	struct spot *spots;
	size_t count = collect_spots(d, &spots);
	size_t *to = xcalloc(d->count + 1, sizeof(*to));
	uint16_t *least = xcalloc(d->count + 1, sizeof(*least));
	uint16_t *group = xcalloc(d->count + 1, sizeof(*group));
	for (size_t i = 0; i < d->count; i++)
		to[i] = i;
	for (size_t i = 1; i < count; i++)
		if (compare_spots(&spots[i - 1], &spots[i]) == 0)
			join(to, spots[i - 1].site, spots[i].site);
	for (size_t i = 0; i < d->count; i++) {
		uint16_t *g = &least[root_of(to, i)];
		*g = *g == 0 || d->now[i].id < *g ? d->now[i].id : *g;
	}
	for (size_t i = 0; i < d->count; i++)
		group[i] = least[root_of(to, i)];
	free(spots);
	free(to);
	free(least);
	return group;
}

/* All ids of what either site ever was one with get the lesser number. */
static int make_kin(struct define *d, uint16_t site, uint16_t group, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    d->db, "UPDATE site SET kin = min((SELECT kin FROM site WHERE id = ?1), "
		   "(SELECT kin FROM site WHERE id = ?2)) WHERE kin IN "
		   "(SELECT kin FROM site WHERE id IN (?1, ?2))");
	(void)sqlite3_bind_int(s, 1, site);
	(void)sqlite3_bind_int(s, 2, group);
	int rc = db_run(d->db, s, e);
	s = db_statement(d->db, "INSERT OR IGNORE INTO grp(id) VALUES (?1)");
	(void)sqlite3_bind_int(s, 1, group);
	return rc == 0 ? db_run(d->db, s, e) : rc;
}

/* ---- rows ---- */

static int write_site(struct define *d, const struct site *n, uint16_t group,
		      const char *text, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    d->db, "INSERT INTO site(id, name, grp, kin, since, definition) VALUES "
		   "(?1, ?2, ?3, ?1, ?4, ?5) ON CONFLICT(id) DO UPDATE SET grp = ?3, "
		   "until = NULL, definition = ?5");
	(void)sqlite3_bind_int(s, 1, n->id);
	(void)sqlite3_bind_text(s, 2, n->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(s, 3, group);
	(void)sqlite3_bind_int64(s, 4, d->at);
	(void)sqlite3_bind_text(s, 5, text, -1, SQLITE_STATIC);
	return db_run(d->db, s, e);
}

static int write_host(struct define *d, const struct site *n, struct host *h,
		      struct error *e)
{
	struct buf text = BUF_INIT(DEFINITION_MAX);
	struct site alone = { .id = n->id, .hosts = h, .host_count = 1 };
	(void)str_copy(alone.name, sizeof(alone.name), n->name);
	site_text(&alone, &text);
	/* One that comes back keeps its beginning: what was between is unwatched. */
	sqlite3_stmt *s = db_statement(
	    d->db, "INSERT INTO host(id, site, name, role, place, since, source, "
		   "definition) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) "
		   "DO UPDATE SET place = ?5, here_until = NULL, source = ?7, "
		   "definition = ?8");
	(void)sqlite3_bind_int(s, 1, h->id);
	(void)sqlite3_bind_int(s, 2, n->id);
	(void)sqlite3_bind_text(s, 3, h->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(s, 4, (int)h->role);
	(void)sqlite3_bind_int(s, 5, (int)h->place);
	(void)sqlite3_bind_int64(s, 6, d->at);
	(void)sqlite3_bind_int(s, 7, host_is_watched(h));
	(void)sqlite3_bind_text(s, 8, buf_text(&text), -1, SQLITE_STATIC);
	int rc = db_run(d->db, s, e);
	buf_release(&text);
	return rc;
}

/* Is every real address of a one of b's too? */
static bool reals_within(const struct site *a, const struct site *b)
{
	for (size_t i = 0; i < a->host_count; i++)
		for (size_t k = 0;
		     a->hosts[i].role == ROLE_REAL && k < a->hosts[i].address_count;
		     k++) {
			bool has = false;
			for (size_t n = 0; n < b->host_count && !has; n++)
				has = b->hosts[n].role == ROLE_REAL &&
				      host_has_address(&b->hosts[n],
						       a->hosts[i].addresses[k].addr);
			if (!has)
				return false;
		}
	return true;
}

/* Senders may hold the old set for two of its times to live. */
static int note_change(struct define *d, uint16_t site, int64_t ttl, struct error *e)
{
	ttl = ttl > 0 ? ttl : d->rules->mx_ttl;
	int64_t lasts = 2 * ttl > CHANGED_LEAST ? 2 * ttl : CHANGED_LEAST;
	return db_add_span(d->db, 0, site, SPAN_CHANGED,
			   (struct span){ d->at, d->at + lasts }, e);
}

static bool same_text(const struct site *a, const char *text)
{
	struct buf b = BUF_INIT(DEFINITION_MAX);
	site_text(a, &b);
	bool is_same = strcmp(buf_text(&b), text) == 0;
	buf_release(&b);
	return is_same;
}

static int define_site(struct define *d, struct site *n, uint16_t group, struct error *e)
{
	struct buf text = BUF_INIT(DEFINITION_MAX);
	const struct site *was = old_site(d, n->name);
	const struct site_place *at = was ? &d->old.places[was - d->old.all] : NULL;
	int rc = 0;
	site_text(n, &text);
	if (was && at->until == INT64_MAX && at->group == group &&
	    same_text(was, buf_text(&text))) {
		buf_release(&text);
		return 0;
	}
	d->is_changed = true;
	rc = write_site(d, n, group, buf_text(&text), e);
	for (size_t i = 0; i < n->host_count && rc == 0; i++)
		rc = write_host(d, n, &n->hosts[i], e);
	if (rc == 0)
		rc = make_kin(d, n->id, group, e);
	if (rc == 0 && was && (!reals_within(was, n) || !reals_within(n, was)))
		rc = note_change(d, n->id, n->mx_ttl, e);
	buf_release(&text);
	return rc;
}

/* ---- what is gone ---- */

static bool is_host_here(const struct define *d, uint16_t id)
{
	for (size_t i = 0; i < d->count; i++)
		for (size_t k = 0; k < d->now[i].host_count; k++)
			if (d->now[i].hosts[k].id == id)
				return true;
	return false;
}

/* It is spoken for up to now: what it brings later is late. */
static int close_hosts(struct define *d, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->old.host_count && rc == 0; i++) {
		const struct host_place *p = &d->old.hosts[i];
		if (p->until != INT64_MAX || is_host_here(d, p->host))
			continue;
		sqlite3_stmt *s = db_statement(
		    d->db, "UPDATE host SET here_until = ?2, source = 0, "
			   "told = max(coalesce(told, ?2), ?2) WHERE id = ?1");
		(void)sqlite3_bind_int(s, 1, p->host);
		(void)sqlite3_bind_int64(s, 2, d->at);
		rc = db_run(d->db, s, e);
		d->is_changed = true;
	}
	return rc;
}

static int close_sites(struct define *d, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->old.count && rc == 0; i++) {
		bool is_here = d->old.places[i].until != INT64_MAX;
		for (size_t k = 0; k < d->count && !is_here; k++)
			is_here = d->now[k].id == d->old.all[i].id;
		if (is_here)
			continue;
		sqlite3_stmt *s =
		    db_statement(d->db, "UPDATE site SET until = ?2 WHERE id = ?1");
		(void)sqlite3_bind_int(s, 1, d->old.all[i].id);
		(void)sqlite3_bind_int64(s, 2, d->at);
		rc = db_run(d->db, s, e);
		if (rc == 0)
			rc = note_change(d, d->old.all[i].id, 0, e);
		d->is_changed = true;
	}
	return rc;
}

/* ---- the whole ---- */

static int write_rules(struct define *d, struct error *e)
{
	struct buf now = BUF_INIT(64 * 1024), was = BUF_INIT(64 * 1024);
	int rc = 0;
	rules_text(d->rules, &now);
	rules_text(&d->old.rules, &was);
	sqlite3_stmt *s = db_statement(d->db, "REPLACE INTO rules VALUES (1, ?1)");
	(void)sqlite3_bind_text(s, 1, buf_text(&now), -1, SQLITE_STATIC);
	if (d->old.generation == 0 || strcmp(buf_text(&now), buf_text(&was)) != 0) {
		d->is_changed = true;
		rc = db_run(d->db, s, e);
	}
	buf_release(&now);
	buf_release(&was);
	return rc;
}

static int note_start(struct define *d, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->count && rc == 0; i++)
		rc = db_add_span(d->db, 0, d->now[i].id, SPAN_STARTED,
				 (struct span){ d->at, d->at + d->rules->grace }, e);
	return rc;
}

static int define_all(struct define *d, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->count && rc == 0; i++)
		rc = number_site(d, &d->now[i], e);
	if (rc != 0)
		return rc;
	uint16_t *group = make_groups(d);
	/* The group's row is first: kin are found by it. */
	for (int first = 1; first >= 0; first--)
		for (size_t i = 0; i < d->count && rc == 0; i++)
			if ((group[i] == d->now[i].id) == first)
				rc = define_site(d, &d->now[i], group[i], e);
	free(group);
	if (rc == 0)
		rc = close_hosts(d, e);
	if (rc == 0)
		rc = close_sites(d, e);
	return rc == 0 ? write_rules(d, e) : rc;
}

static int define_changes(struct define *d, bool is_started, struct error *e)
{
	int rc = sites_load(d->db, &d->old, e);
	if (rc != 0)
		return rc;
	if (d->old.count > 0)
		d->last_site = d->old.all[d->old.count - 1].id;
	if (d->old.host_count > 0)
		d->last_host = d->old.hosts[d->old.host_count - 1].host;
	rc = define_all(d, e);
	if (rc == 0 && is_started)
		rc = note_start(d, e);
	if (rc == 0 && (d->is_changed || is_started))
		rc = db_set_meta(d->db, "generation", d->old.generation + 1, e);
	/* A start is excused by its span, which lies before nothing that is decided. */
	if (rc == 0 && d->is_changed && d->old.generation > 0)
		rc = db_ask_again(d->db, 0, e);
	sites_release(&d->old);
	return rc;
}

int sites_define(struct db *db, struct site *sites, size_t count,
		 const struct rules *rules, int64_t now, bool is_started, struct error *e)
{
	struct define d = {
		.db = db, .now = sites, .count = count, .rules = rules, .at = now
	};
	int rc = db_begin(db, e);
	if (rc != 0)
		return rc;
	rc = define_changes(&d, is_started, e);
	if (rc == 0)
		return db_commit(db, e);
	db_rollback(db);
	return rc;
}
