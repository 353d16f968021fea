/*
 * The configuration as rows: numbers, former hosts, groups, changed spans.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/site.h"

enum { DEFINITION_MAX = 256 * 1024 * 1024 };
#define CHANGED_LEAST (48 * STAMP_HOUR)

struct define {
	struct db *db;
	struct sites old;
	const struct site **names;         /* of old, sorted */
	const struct host_place **hosts;   /* of old, sorted */
	bool *is_site_here, *is_host_here; /* by number */
	struct site *now;
	size_t count;
	const struct rules *rules;
	int64_t at;
	uint16_t last_site, last_host;
	bool is_changed, keeps_numbers;
};

/* ---- numbers ---- */

static int compare_names(const void *a, const void *b)
{
	const struct site *x = *(const struct site *const *)a;
	const struct site *y = *(const struct site *const *)b;
	return strcmp(x->name, y->name);
}

/* A host that took another role is another host: what was seen of it was of that role. */
static int compare_hosts(const void *a, const void *b)
{
	const struct host_place *x = *(const struct host_place *const *)a;
	const struct host_place *y = *(const struct host_place *const *)b;
	int order = (x->site > y->site) - (x->site < y->site);
	if (order == 0)
		order = (x->role > y->role) - (x->role < y->role);
	return order ? order : strcmp(x->definition->name, y->definition->name);
}

/* There may be ten thousand of each. */
static void index_old(struct define *d)
{
	d->names = xcalloc(d->old.count + 1, sizeof(struct site *));
	d->hosts = xcalloc(d->old.host_count + 1, sizeof(struct host_place *));
	for (size_t i = 0; i < d->old.count; i++)
		d->names[i] = &d->old.all[i];
	for (size_t i = 0; i < d->old.host_count; i++)
		d->hosts[i] = &d->old.hosts[i];
	qsort(d->names, d->old.count, sizeof(struct site *), compare_names);
	qsort(d->hosts, d->old.host_count, sizeof(struct host_place *), compare_hosts);
}

static const struct site *old_site(const struct define *d, const struct site *s)
{
	const struct site *const *found =
	    bsearch(&s, d->names, d->old.count, sizeof(struct site *), compare_names);
	return found ? *found : NULL;
}

static uint16_t old_host(const struct define *d, uint16_t site, const struct host *h)
{
	struct host_place want = { .site = site, .role = h->role, .definition = h };
	const struct host_place *key = &want;
	const struct host_place *const *found =
	    bsearch(&key, d->hosts, d->old.host_count, sizeof(struct host_place *),
		    compare_hosts);
	return found ? (*found)->host : 0;
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

static int keep_numbers(const struct define *d, const struct site *s, struct error *e)
{
	const struct site *was = old_site(d, s);
	bool is_kept = d->old.count == 0 || (was && was->id == s->id);
	for (size_t i = 0; i < s->host_count && is_kept && was; i++)
		is_kept = old_host(d, s->id, &s->hosts[i]) == s->hosts[i].id;
	for (size_t i = 0; i < s->host_count && is_kept; i++)
		d->is_host_here[s->hosts[i].id] = true;
	d->is_site_here[s->id] = true;
	return is_kept
		   ? 0
		   : error_set(e, -ESTALE,
			       "the journal %s was replaced by one of other sites and "
			       "hosts: restart fakemx serve, or put the old one back",
			       db_path(d->db));
}

static int number_site(struct define *d, struct site *s, struct error *e)
{
	const struct site *was = old_site(d, s);
	if (d->keeps_numbers)
		return keep_numbers(d, s, e);
	int rc = 0;
	s->id = was ? was->id : 0;
	if (!was)
		rc = give_number(&d->last_site, &s->id, "sites", e);
	for (size_t i = 0; i < s->host_count && rc == 0; i++) {
		struct host *h = &s->hosts[i];
		h->id = old_host(d, s->id, h);
		if (h->id == 0)
			rc = give_number(&d->last_host, &h->id, "hosts", e);
		d->is_host_here[h->id] = true;
	}
	d->is_site_here[s->id] = true;
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
	sqlite3_stmt *s =
	    db_query(d->db,
		     "UPDATE site SET kin = min((SELECT kin FROM site WHERE id = ?1), "
		     "(SELECT kin FROM site WHERE id = ?2)) WHERE kin IN "
		     "(SELECT kin FROM site WHERE id IN (?1, ?2))",
		     DB(site), DB(group));
	int rc = site == group ? 0 : db_run(d->db, s, e);
	s = db_query(d->db, "INSERT OR IGNORE INTO grp(id) VALUES (?1)", DB(group));
	return rc == 0 ? db_run(d->db, s, e) : rc;
}

/* ---- rows ---- */

/* A definition as its row has it. */
struct texts {
	struct buf definition, domains;
};

static void make_texts(const struct site *n, struct texts *t)
{
	struct site bare = *n;
	bare.domain_count = 0;
	t->definition = (struct buf)BUF_INIT(DEFINITION_MAX);
	t->domains = (struct buf)BUF_INIT(DEFINITION_MAX);
	site_text(&bare, &t->definition);
	for (size_t i = 0; i < n->domain_count; i++)
		buf_addf(&t->domains, "%s\n", n->domains[i]);
}

static void release_texts(struct texts *t)
{
	buf_release(&t->definition);
	buf_release(&t->domains);
}

/* Of a row of `site`: ?1 to ?6. */
#define SITE_VALUES(d, n, group, t)                                                      \
	DB((n)->id), DB((n)->name), DB(group), DB((d)->at),                              \
	    DB(buf_text(&(t)->definition)), DB(buf_text(&(t)->domains))

static int write_site(struct define *d, const struct site *n, uint16_t group,
		      const struct texts *t, struct error *e)
{
	return db_change(
	    d->db, e,
	    "INSERT INTO site(id, name, grp, kin, since, definition, domains) VALUES "
	    "(?1, ?2, ?3, ?1, ?4, ?5, ?6) ON CONFLICT(id) DO UPDATE SET grp = ?3, "
	    "until = NULL, definition = ?5, domains = ?6",
	    SITE_VALUES(d, n, group, t));
}

/* 1 if it stands so already. */
static int is_written(struct define *d, const struct site *n, uint16_t group,
		      const struct texts *t, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    d->db,
	    "SELECT 1 FROM site WHERE id = ?1 AND grp = ?3 AND until IS NULL AND "
	    "definition = ?5 AND domains = ?6",
	    SITE_VALUES(d, n, group, t));
	int rc = db_step(d->db, s, e);
	db_done(s);
	return rc;
}

static int write_host(struct define *d, const struct site *n, struct host *h,
		      struct error *e)
{
	struct buf text = BUF_INIT(DEFINITION_MAX);
	struct site alone = { .id = n->id, .hosts = h, .host_count = 1 };
	(void)str_copy(alone.name, sizeof(alone.name), n->name);
	site_text(&alone, &text);
	/* One that comes back keeps its beginning: what was between is unwatched. */
	int rc = db_change(
	    d->db, e,
	    "INSERT INTO host(id, site, name, role, place, since, source, "
	    "definition) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) "
	    "DO UPDATE SET place = ?5, here_until = NULL, source = ?7, "
	    "definition = ?8",
	    DB(h->id), DB(n->id), DB(h->name), DB(h->role), DB(h->place), DB(d->at),
	    DB(host_is_watched(h)), DB(buf_text(&text)));
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

static int write_all_of(struct define *d, struct site *n, uint16_t group,
			const struct texts *t, struct error *e)
{
	const struct site *was = old_site(d, n);
	int rc = write_site(d, n, group, t, e);
	for (size_t i = 0; i < n->host_count && rc == 0; i++)
		rc = write_host(d, n, &n->hosts[i], e);
	if (rc == 0)
		rc = make_kin(d, n->id, group, e);
	if (rc == 0 && was && (!reals_within(was, n) || !reals_within(n, was)))
		rc = note_change(d, n->id, n->mx_ttl, e);
	d->is_changed = true;
	return rc;
}

static int define_site(struct define *d, struct site *n, uint16_t group, struct error *e)
{
	struct texts t;
	make_texts(n, &t);
	int rc = is_written(d, n, group, &t, e);
	if (rc == 0)
		rc = write_all_of(d, n, group, &t, e);
	release_texts(&t);
	return rc < 0 ? rc : 0;
}

/* ---- what is gone ---- */

/* It is spoken for up to now: what it brings later is late. */
static int close_hosts(struct define *d, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->old.host_count && rc == 0; i++) {
		const struct host_place *p = &d->old.hosts[i];
		if (p->until != INT64_MAX || d->is_host_here[p->host])
			continue;
		sqlite3_stmt *s =
		    db_query(d->db,
			     "UPDATE host SET here_until = ?2, source = 0, "
			     "told = max(coalesce(told, ?2), ?2) WHERE id = ?1",
			     DB(p->host), DB(d->at));
		rc = db_run(d->db, s, e);
		d->is_changed = true;
	}
	return rc;
}

static int close_sites(struct define *d, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->old.count && rc == 0; i++) {
		bool is_here = d->old.places[i].until != INT64_MAX ||
			       d->is_site_here[d->old.all[i].id];
		if (is_here)
			continue;
		sqlite3_stmt *s =
		    db_query(d->db, "UPDATE site SET until = ?2 WHERE id = ?1",
			     DB(d->old.all[i].id), DB(d->at));
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
	sqlite3_stmt *s =
	    db_query(d->db, "REPLACE INTO rules VALUES (1, ?1)", DB(buf_text(&now)));
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
	index_old(d);
	d->is_site_here = xcalloc(UINT16_MAX + 1, sizeof(bool));
	d->is_host_here = xcalloc(UINT16_MAX + 1, sizeof(bool));
	rc = define_all(d, e);
	if (rc == 0 && is_started)
		rc = note_start(d, e);
	if (rc == 0 && (d->is_changed || is_started))
		rc = db_set_meta(d->db, "generation", d->old.generation + 1, e);
	/* A start is excused by its span, which lies before nothing that is decided. */
	if (rc == 0 && d->is_changed && d->old.generation > 0)
		rc = db_ask_again(d->db, 0, e);
	free(d->names);
	free(d->hosts);
	free(d->is_site_here);
	free(d->is_host_here);
	sites_release(&d->old);
	return rc;
}

static int define_in_one(struct define *d, bool is_started, struct error *e)
{
	int rc = db_begin(d->db, e);
	if (rc != 0)
		return rc;
	rc = define_changes(d, is_started, e);
	if (rc == 0)
		return db_commit(d->db, e);
	db_rollback(d->db);
	return rc;
}

int sites_define(struct db *db, struct site *sites, size_t count,
		 const struct rules *rules, int64_t now, bool is_started, struct error *e)
{
	struct define d = {
		.db = db, .now = sites, .count = count, .rules = rules, .at = now
	};
	return define_in_one(&d, is_started, e);
}

int sites_move(struct db *db, struct site *sites, size_t count, const struct rules *rules,
	       int64_t now, struct error *e)
{
	struct define d = { .db = db,
			    .now = sites,
			    .count = count,
			    .rules = rules,
			    .at = now,
			    .keeps_numbers = true };
	return define_in_one(&d, true, e);
}
