#include "journal/take/coverage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/take/view_read.h"

/* What is known of a host now: its row. VIEW_NEVER where there is none. */
struct state {
	int64_t told, probed, good, unwell_until, judged;
	bool probe_ok, tells, is_dirty;
};

struct group {
	uint16_t id;
	int64_t frontier;
	bool is_cached;
	int64_t data_version;
	uint64_t changes;
	struct view view;
};

struct coverage {
	struct db *db;
	const struct sites *sites;
	struct state *states; /* of sites->hosts; NULL: to be read */
	size_t *group_of;     /* of sites->hosts */
	struct group *groups; /* of all sites, former ones too; by id */
	size_t group_count;
	uint64_t changes; /* counted up by what makes a view another one */
};

/* ---- groups ---- */

/* c->group_count if there is none. */
static size_t find_group(const struct coverage *c, uint16_t id)
{
	size_t low = 0, high = c->group_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (c->groups[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->group_count && c->groups[low].id == id ? low : c->group_count;
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

static void make_groups(struct coverage *c, const struct sites *s)
{
	size_t count = 0;
	c->groups = xcalloc(s->count + 1, sizeof(*c->groups));
	for (size_t i = 0; i < s->count; i++)
		c->groups[i] =
		    (struct group){ .id = s->places[i].group, .frontier = VIEW_NEVER };
	qsort(c->groups, s->count, sizeof(*c->groups), compare_groups);
	for (size_t i = 0; i < s->count; i++)
		if (i == 0 || c->groups[i].id != c->groups[count - 1].id)
			c->groups[count++] = c->groups[i];
	c->group_count = count;
}

static void drop_groups(struct coverage *c)
{
	for (size_t i = 0; i < c->group_count; i++)
		if (c->groups[i].is_cached)
			view_release(&c->groups[i].view);
	free(c->groups);
	free(c->group_of);
	c->groups = NULL;
	c->group_of = NULL;
	c->group_count = 0;
}

void coverage_sites(struct coverage *c, const struct sites *s)
{
	coverage_reset(c);
	drop_groups(c);
	c->sites = s;
	make_groups(c, s);
	c->group_of = xcalloc(s->host_count + 1, sizeof(*c->group_of));
	for (size_t i = 0; i < s->host_count; i++)
		c->group_of[i] = find_group(c, s->hosts[i].group);
}

struct coverage *coverage_new(struct db *db, const struct sites *s)
{
	struct coverage *c = xcalloc(1, sizeof(*c));
	c->db = db;
	coverage_sites(c, s);
	return c;
}

void coverage_free(struct coverage *c)
{
	if (!c)
		return;
	coverage_reset(c);
	drop_groups(c);
	free(c);
}

const struct sites *coverage_get_sites(const struct coverage *c)
{
	return c->sites;
}

void coverage_reset(struct coverage *c)
{
	free(c->states);
	c->states = NULL;
	c->changes++;
}

int64_t coverage_frontier(const struct coverage *c, uint16_t group)
{
	size_t at = find_group(c, group);
	return at < c->group_count ? c->groups[at].frontier : VIEW_NEVER;
}

/* ---- the rows of hosts and groups ---- */

static int64_t never(sqlite3_stmt *s, int column)
{
	int64_t t = db_moment(s, column);
	return t == MOMENT_NONE ? VIEW_NEVER : t;
}
_Static_assert(VIEW_NEVER == MOMENT_NONE, "one is bound as the other");

static struct state read_state(sqlite3_stmt *s)
{
	return (struct state){
		.told = never(s, 1),
		.probed = never(s, 2),
		.probe_ok = sqlite3_column_int(s, 3),
		.good = never(s, 4),
		.unwell_until = never(s, 5),
		.judged = never(s, 6),
		.tells = sqlite3_column_int(s, 7),
	};
}

static int read_frontiers(struct coverage *c, struct error *e)
{
	sqlite3_stmt *s = db_statement(c->db, "SELECT id, frontier FROM grp");
	int rc;
	while ((rc = db_step(c->db, s, e)) > 0) {
		size_t at = find_group(c, (uint16_t)sqlite3_column_int(s, 0));
		if (at < c->group_count)
			c->groups[at].frontier = never(s, 1);
	}
	return rc;
}

static int load(struct coverage *c, struct error *e)
{
	if (c->states)
		return 0;
	c->states = xcalloc(c->sites->host_count + 1, sizeof(*c->states));
	sqlite3_stmt *s =
	    db_statement(c->db, "SELECT id, told, probed, probe_ok, good, unwell_until, "
				"judged, tells FROM host");
	int rc;
	while ((rc = db_step(c->db, s, e)) > 0) {
		const struct host_place *p =
		    sites_host(c->sites, (uint16_t)sqlite3_column_int(s, 0));
		if (p)
			c->states[p - c->sites->hosts] = read_state(s);
	}
	if (rc == 0)
		rc = read_frontiers(c, e);
	if (rc != 0)
		coverage_reset(c);
	return rc;
}

int64_t coverage_least_frontier(struct coverage *c)
{
	int64_t least = INT64_MAX;
	if (load(c, NULL) != 0)
		return VIEW_NEVER;
	for (size_t i = 0; i < c->group_count; i++)
		if (c->groups[i].frontier != VIEW_NEVER)
			least = stamp_earlier(least, c->groups[i].frontier);
	return least == INT64_MAX ? VIEW_NEVER : least;
}

static int write_state(struct coverage *c, size_t at, struct error *e)
{
	struct state *st = &c->states[at];
	sqlite3_stmt *s =
	    db_query(c->db,
		     "UPDATE host SET told = ?2, probed = ?3, probe_ok = ?4, good = ?5, "
		     "unwell_until = ?6, judged = ?7, tells = ?8 WHERE id = ?1",
		     DB(c->sites->hosts[at].host), DB_MOMENT(st->told),
		     DB_MOMENT(st->probed), DB(st->probe_ok), DB_MOMENT(st->good),
		     DB_MOMENT(st->unwell_until), DB_MOMENT(st->judged), DB(st->tells));
	st->is_dirty = false;
	return db_run(c->db, s, e);
}

/* ---- one machine: a ring of hosts that are configured and have a source ---- */

struct seat {
	struct coverage *c;
	size_t at, first;
	uint16_t id;
	struct state *st;
	struct error *e;
};

typedef int (*seat_fn)(struct seat *seat, int64_t a, int64_t b);

/* fn for the host and its siblings. A host that is not watched is passed over, but may be
 * probed. */
static int each_seat(struct coverage *c, uint16_t host, bool is_for_real, seat_fn fn,
		     int64_t a, int64_t b, struct error *e)
{
	const struct host_place *p = sites_host(c->sites, host);
	int rc = load(c, e);
	if (!p || rc != 0)
		return rc;
	size_t first = (size_t)(p - c->sites->hosts), at = first;
	do {
		const struct host_place *h = &c->sites->hosts[at];
		struct seat seat = { c, at, first, h->host, &c->states[at], e };
		bool is_meant = is_for_real ? h->role == ROLE_REAL : h->has_source;
		if (is_meant && h->until == INT64_MAX) {
			rc = fn(&seat, a, b);
			seat.st->is_dirty = true;
		}
		at = h->sibling;
	} while (at != first && rc == 0);
	c->changes++;
	return rc;
}

/* Something of the past is another than it was when the frontier passed it. */
static int ask_again(struct seat *seat, int64_t since)
{
	struct group *g = &seat->c->groups[seat->c->group_of[seat->at]];
	if (g->frontier == VIEW_NEVER || since >= g->frontier)
		return 0;
	return db_ask_again(seat->c->db, g->id, seat->e);
}

static int add(struct seat *seat, enum span_kind kind, int64_t since, int64_t until)
{
	return db_add_span(seat->c->db, seat->id, 0, kind, (struct span){ since, until },
			   seat->e);
}

static int cut(struct seat *seat, enum span_kind kind, int64_t since, int64_t until)
{
	return db_cut_span(seat->c->db, seat->id, 0, kind, (struct span){ since, until },
			   seat->e);
}

static bool is_well_while_watched(const struct seat *seat)
{
	return seat->c->sites->hosts[seat->at].role == ROLE_REAL &&
	       seat->st->probed == VIEW_NEVER;
}

/* ---- watched ---- */

static int take_watermark(struct seat *seat, int64_t upto, int64_t unused)
{
	struct state *st = seat->st;
	(void)unused;
	int64_t from = st->told;
	if (from != VIEW_NEVER && upto <= from)
		return 0;
	st->told = upto;
	if (from == VIEW_NEVER)
		return 0;
	int rc = add(seat, SPAN_WATCHED, from, upto);
	if (rc == 0 && is_well_while_watched(seat))
		rc = add(seat, SPAN_WELL, stamp_later(from, st->unwell_until), upto);
	return rc;
}

int coverage_watermark(struct coverage *c, uint16_t host, int64_t upto, struct error *e)
{
	return each_seat(c, host, false, take_watermark, upto, 0, e);
}

static int take_gap(struct seat *seat, int64_t from, int64_t to)
{
	struct state *st = seat->st;
	int64_t told = st->told;
	if (told == VIEW_NEVER || to > told)
		st->told = to;
	if (told == VIEW_NEVER || from == 0 || from >= told)
		return 0;
	int rc = cut(seat, SPAN_WATCHED, from, stamp_earlier(to, told));
	if (rc == 0 && is_well_while_watched(seat))
		rc = cut(seat, SPAN_WELL, from, stamp_earlier(to, told));
	return rc == 0 ? ask_again(seat, from) : rc;
}

int coverage_gap(struct coverage *c, uint16_t host, int64_t from, int64_t to,
		 struct error *e)
{
	return each_seat(c, host, false, take_gap, from, to, e);
}

static int take_lost(struct seat *seat, int64_t from, int64_t to)
{
	sqlite3 *sqlite = db_sqlite(seat->c->db);
	sqlite3_int64 before = sqlite3_total_changes64(sqlite);
	int rc = add(seat, SPAN_LOST, from, to);
	bool is_new = sqlite3_total_changes64(sqlite) != before;
	return rc == 0 && is_new ? ask_again(seat, from) : rc;
}

int coverage_lost(struct coverage *c, uint16_t host, int64_t from, int64_t to,
		  struct error *e)
{
	return each_seat(c, host, false, take_lost, from, to, e);
}

int64_t coverage_told_until(struct coverage *c, uint16_t host)
{
	const struct host_place *p = sites_host(c->sites, host);
	if (!p || load(c, NULL) != 0)
		return VIEW_NEVER;
	/* Of a host that is gone all is late. */
	return p->until != INT64_MAX ? INT64_MAX : c->states[p - c->sites->hosts].told;
}

int coverage_tells(struct coverage *c, uint16_t host, struct error *e)
{
	const struct host_place *p = sites_host(c->sites, host);
	int rc = load(c, e);
	if (!p || rc != 0 || c->states[p - c->sites->hosts].tells)
		return rc;
	c->states[p - c->sites->hosts].tells = true;
	c->states[p - c->sites->hosts].is_dirty = true;
	c->changes++;
	return db_ask_again(c->db, p->group, e);
}

/* ---- well ---- */

static int keep_probe(struct seat *seat, int64_t time, bool is_ok)
{
	sqlite3_stmt *s = db_query(seat->c->db,
				   "REPLACE INTO probe(host, time, ok) VALUES "
				   "(?1, ?2, ?3)",
				   DB(seat->id), DB(time), DB(is_ok));
	return db_run(seat->c->db, s, seat->e);
}

/* The first probe ends "well while it is watched". */
static int first_probe(struct seat *seat, int64_t time, bool is_ok)
{
	struct state *st = seat->st;
	int64_t since = st->told == VIEW_NEVER ? time : st->told;
	if (is_ok)
		return add(seat, SPAN_WELL, stamp_later(since, st->unwell_until), time);
	return cut(seat, SPAN_WELL, stamp_earlier(since, time), INT64_MAX);
}

static int next_probe(struct seat *seat, int64_t time, bool is_ok)
{
	struct state *st = seat->st;
	if (!is_ok)
		return 0;
	if (st->probe_ok)
		return add(seat, SPAN_WELL, stamp_later(st->good, st->unwell_until),
			   time);
	st->unwell_until =
	    stamp_later(st->unwell_until, time + seat->c->sites->rules.unwell_tail);
	return 0;
}

static int take_probe(struct seat *seat, int64_t time, int64_t is_ok)
{
	struct state *st = seat->st;
	if (st->probed != VIEW_NEVER && time <= st->probed)
		return 0;
	int rc = keep_probe(seat, time, is_ok);
	if (rc == 0)
		rc = st->probed == VIEW_NEVER ? first_probe(seat, time, is_ok)
					      : next_probe(seat, time, is_ok);
	st->probed = time;
	st->probe_ok = is_ok;
	if (is_ok)
		st->good = time;
	return rc;
}

int coverage_probe(struct coverage *c, uint16_t host, int64_t time, bool ok,
		   struct error *e)
{
	return each_seat(c, host, true, take_probe, time, ok, e);
}

/* The good probe before and after: VIEW_NEVER if there is none. */
static int probes_around(struct seat *seat, int64_t a, int64_t b, int64_t *ret_before,
			 int64_t *ret_after)
{
	sqlite3_stmt *s = db_query(seat->c->db,
				   "SELECT (SELECT max(time) FROM probe WHERE "
				   "host = ?1 AND ok AND time <= ?2), "
				   "(SELECT min(time) FROM probe WHERE host = ?1 AND "
				   "ok AND time >= ?3)",
				   DB(seat->id), DB(a), DB(b));
	int rc = db_step(seat->c->db, s, seat->e);
	*ret_before = never(s, 0);
	*ret_after = never(s, 1);
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* There was trouble in [a, b]: unwell to six hours after the next good probe. */
static int take_trouble(struct seat *seat, int64_t a, int64_t b)
{
	struct state *st = seat->st;
	int64_t before = VIEW_NEVER, after = VIEW_NEVER;
	int64_t until = b;
	if (st->probed != VIEW_NEVER) {
		int rc = probes_around(seat, a, b, &before, &after);
		if (rc != 0)
			return rc;
		a = before == VIEW_NEVER ? a : before;
		until = after == VIEW_NEVER ? b : after;
		/* The next good probe is still to come. */
		st->probe_ok = st->probe_ok && after != VIEW_NEVER;
	}
	until += seat->c->sites->rules.unwell_tail;
	st->unwell_until = stamp_later(st->unwell_until, until);
	int rc = cut(seat, SPAN_WELL, a, until);
	return rc == 0 ? ask_again(seat, a) : rc;
}

static int take_outage(struct seat *seat, int64_t until, int64_t unused)
{
	int64_t since = until;
	int rc = 0;
	(void)unused;
	/* Without probes the last sign of life is a visit. */
	if (seat->st->probed == VIEW_NEVER) {
		rc = slot_last_visit(seat->c->db, seat->id, until, &since, seat->e);
	}
	/* A probe of that very moment is not the one after it. */
	return rc == 0 ? take_trouble(seat, since, until + 1) : rc;
}

int coverage_outage(struct coverage *c, uint16_t host, int64_t until, struct error *e)
{
	return each_seat(c, host, true, take_outage, until, 0, e);
}

/* ---- frontier ---- */

static int found_trouble(void *arg, const struct host_place *h, int64_t since,
			 struct error *e)
{
	return each_seat(arg, h->host, true, take_trouble, since, since + 2 * SLOT_FIVE,
			 e);
}

/* Each ten minutes that end by `frontier`, once. */
static int judge_slots(struct coverage *c, size_t at, int64_t frontier, struct error *e)
{
	const struct host_place *h = &c->sites->hosts[at];
	struct state *st = &c->states[at];
	int64_t limit = slot_of(frontier) - SLOT_FIVE; /* of the first not yet whole */
	if (h->role != ROLE_REAL || limit <= st->judged)
		return 0;
	int rc = slot_judge(c->db, c->sites, h, st->judged, limit, found_trouble, c, e);
	st->judged = limit;
	st->is_dirty = true;
	return rc;
}

/* Before it everything of the host is known. INT64_MAX: it is not asked. */
static int64_t host_frontier(const struct coverage *c, size_t at)
{
	const struct host_place *h = &c->sites->hosts[at];
	const struct state *st = &c->states[at];
	if (!h->has_source || h->until != INT64_MAX)
		return INT64_MAX;
	bool has_probes = h->role == ROLE_REAL && st->probed != VIEW_NEVER;
	return has_probes ? stamp_earlier(st->told, st->good) : st->told;
}

static int write_frontier(struct coverage *c, struct group *g, int64_t t, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    c->db,
	    "INSERT INTO grp(id, frontier) VALUES (?1, ?2) ON CONFLICT DO UPDATE "
	    "SET frontier = ?2",
	    DB(g->id), DB(t));
	g->frontier = t;
	c->changes++;
	return db_run(c->db, s, e);
}

static int move_group(struct coverage *c, size_t group, int64_t to, struct error *e)
{
	struct group *g = &c->groups[group];
	int rc = 0;
	if (to == INT64_MAX || to <= g->frontier)
		return 0;
	for (size_t i = 0; i < c->sites->host_count && rc == 0; i++)
		if (c->group_of[i] == group)
			rc = judge_slots(c, i, to, e);
	return rc == 0 ? write_frontier(c, g, to, e) : rc;
}

int coverage_move(struct coverage *c, int64_t seen, struct error *e)
{
	int rc = load(c, e);
	if (rc != 0)
		return rc;
	int64_t *to = xcalloc(c->group_count + 1, sizeof(*to));
	for (size_t i = 0; i < c->group_count; i++)
		to[i] = INT64_MAX;
	for (size_t i = 0; i < c->sites->host_count; i++)
		to[c->group_of[i]] =
		    stamp_earlier(to[c->group_of[i]], host_frontier(c, i));
	for (size_t i = 0; i < c->group_count && rc == 0; i++)
		rc = move_group(c, i, to[i], e);
	free(to);
	for (size_t i = 0; i < c->sites->host_count && rc == 0; i++)
		if (c->states[i].is_dirty)
			rc = write_state(c, i, e);
	if (rc == 0 && seen > db_meta(c->db, "seen", 0))
		rc = db_set_meta(c->db, "seen", seen, e);
	return rc;
}

/* ---- views ---- */

/* Counted up by the commits of other connections. */
static int64_t data_version(struct coverage *c)
{
	sqlite3_stmt *s = db_statement(c->db, "PRAGMA data_version");
	int64_t version = db_step(c->db, s, NULL) > 0 ? sqlite3_column_int64(s, 0) : -1;
	db_done(s);
	return version;
}

int coverage_view(struct coverage *c, uint16_t group, int64_t now,
		  const struct view **ret_view, struct error *e)
{
	size_t at = find_group(c, group);
	if (at == c->group_count)
		return error_set(e, FMX_EUSAGE, "the journal %s has no group %u",
				 db_path(c->db), group);
	struct group *g = &c->groups[at];
	int64_t version = data_version(c);
	if (!g->is_cached || g->changes != c->changes || g->data_version != version) {
		struct view v;
		int rc = view_read(c->db, c->sites, group, &v, e);
		if (rc != 0)
			return rc;
		if (g->is_cached)
			view_release(&g->view);
		g->view = v;
		g->is_cached = true;
		g->changes = c->changes;
		g->data_version = version;
	}
	g->view.now = stamp_later(now, db_meta(c->db, "seen", 0));
	*ret_view = &g->view;
	return 0;
}
