#include "journal/ask/due.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/ask/listed.h"
#include "journal/ask/proof.h"

enum {
	DUE_CHUNK = 250,   /* runs that are read at once; fewer in a shorter step */
	CURSOR_BYTES = 32, /* of a sweep: client, began, the resweep it answers */
};
/* A frontier that stands still holds back no seal; looked after once a minute of T. */
#define SEAL_LAG STAMP_HOUR
#define SEAL_INTERVAL STAMP_MINUTE

struct told_verdict {
	struct verdict now;
	struct told before;
	struct sender who;
};

/* A group that ever was, and how far its sweep is. */
struct due_group {
	uint16_t id;
	bool has_cursor;
	int64_t resweep, swept, frontier, began, sweeps_for;
	struct addr client; /* the sweep has passed its walk that began */
};

struct due {
	struct db *db;
	struct coverage *coverage;
	struct due_sink sink;
	bool is_held;
	struct lookup lookup;
	struct decided decided;
	struct run_list chunk;
	/* One step's. */
	size_t left, chunk_most;
	int64_t until;
	struct told_verdict *verdicts;
	size_t verdict_count, verdict_cap;
	struct listing *listings;
	size_t listing_count, listing_cap;
	int64_t now; /* T */
	/* A round visits each group once, over as many steps as it takes. */
	size_t turn, round_left;
	int64_t seal_next;
	struct seals {
		bool is_under_way;
		int64_t need, began;
		struct addr client;
	} seals; /* a pass over who is to be sealed: where in run_need it is */
};

struct due *due_new(struct db *db, struct coverage *c, const struct due_sink *sink)
{
	struct due *d = xcalloc(1, sizeof(*d));
	d->db = db;
	d->coverage = c;
	d->sink = sink ? *sink : (struct due_sink){ 0 };
	d->lookup.db = db;
	d->seal_next = INT64_MIN;
	return d;
}

void due_free(struct due *d)
{
	if (!d)
		return;
	decided_release(&d->decided);
	lookup_clear(&d->lookup);
	run_list_release(&d->chunk);
	free(d->verdicts);
	free(d->listings);
	free(d);
}

void due_hold(struct due *d, bool is_held)
{
	d->is_held = is_held;
}

/* ---- what is told ---- */

static void note_verdict(struct due *d, const struct told *before)
{
	d->verdicts =
	    xroom(d->verdicts, d->verdict_count, &d->verdict_cap, sizeof(*d->verdicts));
	d->verdicts[d->verdict_count++] =
	    (struct told_verdict){ d->decided.verdict, *before, d->decided.who };
}

static void note_listing(struct due *d, const struct listing *l)
{
	d->listings =
	    xroom(d->listings, d->listing_count, &d->listing_cap, sizeof(*d->listings));
	d->listings[d->listing_count++] = *l;
}

static void tell(struct due *d)
{
	for (size_t i = 0; d->sink.verdict && i < d->verdict_count; i++)
		d->sink.verdict(d->sink.arg, &d->verdicts[i].now, &d->verdicts[i].before,
				&d->verdicts[i].who);
	for (size_t i = 0; d->sink.listing && i < d->listing_count; i++)
		d->sink.listing(d->sink.arg, &d->listings[i]);
}

/* ---- one walk ---- */

static bool told_is_same(const struct told *a, const struct told *b)
{
	return a->is_told == b->is_told && a->order == b->order &&
	       a->order_reason == b->order_reason && a->fate == b->fate &&
	       a->fate_reason == b->fate_reason && a->tier == b->tier &&
	       a->is_final == b->is_final && a->returned_later == b->returned_later &&
	       a->missing == b->missing && a->delay_us == b->delay_us &&
	       a->delay_error_us == b->delay_error_us;
}

static bool row_is_same(const struct told *a, const struct told *b)
{
	return told_is_same(a, b) && a->is_sealed == b->is_sealed &&
	       a->order_excused == b->order_excused &&
	       a->fate_excused == b->fate_excused && a->stopped_at == b->stopped_at &&
	       a->corrected_at == b->corrected_at && a->need == b->need;
}

/* From when until when a report called it stopped. */
static void date_stop(struct told *t, int64_t now)
{
	bool is_stopped = t->fate == FATE_STOPPED;
	if (is_stopped && (t->stopped_at == 0 || t->corrected_at != 0)) {
		t->stopped_at = now;
		t->corrected_at = 0;
	} else if (!is_stopped && t->stopped_at != 0 && t->corrected_at == 0) {
		t->corrected_at = now;
	}
}

static struct told told_now(const struct told *before, const struct verdict *v,
			    const struct view *view, const struct rules *r)
{
	struct told t = *before;
	t.is_sealed |= view->now >= v->began + r->final;
	/* What is undecided may still turn out to have begun at another moment. */
	if (v->order_reason != REASON_UNDECIDED || t.is_sealed) {
		t.is_told = true;
		t.order_excused |= v->order_excused;
		t.fate_excused |= v->fate_excused;
		t.order = (uint8_t)v->order;
		t.order_reason = (uint8_t)v->order_reason;
		t.fate = (uint8_t)v->fate;
		t.fate_reason = (uint8_t)v->fate_reason;
		t.tier = (uint8_t)v->tier;
		t.is_final = v->is_final;
		t.returned_later = v->returned_later;
		t.delay_us = v->delay_us;
		t.delay_error_us = v->delay_error_us;
		t.missing = v->missing;
		date_stop(&t, view->now);
	}
	/* What is not sealed yet waits at least for that. */
	int64_t need = v->need == MOMENT_NONE ? v->began + r->final : v->need;
	need = need > view->frontier ? need : view->frontier + 1;
	t.need = t.is_sealed ? MOMENT_NONE : need;
	return t;
}

/* A listing that is over when it is found, of an import or after an outage, is said as of
 * its beginning. */
static int say_listing(struct due *d, const struct view *v, struct listed *row,
		       const struct listing_count *open, bool is_new, struct error *e)
{
	const struct rules *r = &d->lookup.sites->rules;
	bool is_in_force = row->until > v->now;
	int64_t at = is_in_force ? v->now : row->since;
	struct listing l;
	if (!is_in_force && !is_new)
		return 0;
	int rc = listed_say(&d->lookup, &d->decided.who, v, r, row, open, at, &l, e);
	if (rc != 0)
		return rc;
	bool is_off = !l.is_listed && !l.would_be;
	if (!is_new && (!is_off || row->off != MOMENT_NONE))
		return 0;
	row->why = l.reason;
	row->at = is_new ? at : row->at;
	row->off = is_off ? at : MOMENT_NONE;
	if (is_in_force)
		note_listing(d, &l);
	return listed_write(&d->lookup, row, e);
}

static int make_listings(struct due *d, const struct view *v, int64_t *ret_need,
			 struct error *e)
{
	const struct rules *r = &d->lookup.sites->rules;
	struct listed rows[LISTED_MOST], last;
	struct listing_count open;
	size_t count;
	int rc;
	do {
		rc = listed_fold(&d->lookup, &d->decided.who, v, r, rows, &count, &open,
				 e);
		*ret_need = open.need;
		for (size_t i = 0; rc == 0 && i < count; i++)
			rc = say_listing(d, v, &rows[i], &open, true, e);
	} while (rc == 0 && count == LISTED_MOST);
	if (rc != 0 || count)
		return rc;
	rc = listed_find(&d->lookup, &d->decided.who, v->group, v->now, &last, e);
	return rc == 1 ? say_listing(d, v, &last, &open, false, e) : rc;
}

static int decide_run(struct due *d, const struct view *v, const struct run *r,
		      struct error *e)
{
	const struct rules *rules = &d->lookup.sites->rules;
	struct run row = *r;
	int rc = decided_make(&d->lookup, r, v, rules, &d->decided, e);
	if (rc != 0)
		return rc;
	int64_t need = MOMENT_NONE;
	if (r->rcpt_hours)
		rc = make_listings(d, v, &need, e);
	row.told = told_now(&r->told, &d->decided.verdict, v, rules);
	/* An hour that may count, of a sealed walk too. */
	if (need > v->frontier && (row.told.need == MOMENT_NONE || need < row.told.need))
		row.told.need = need;
	if (rc == 0 && !row_is_same(&row.told, &r->told))
		rc = db_write_told(d->db, &row, row.told.need != r->told.need, e);
	if (rc == 0 && r->told.is_woken)
		rc = db_rest(d->db, r, e);
	if (rc == 0 && row.told.is_told && !told_is_same(&row.told, &r->told))
		note_verdict(d, &r->told);
	return rc;
}

/* ---- slices ---- */

static bool has_time(const struct due *d)
{
	return d->left > 0 && stamp_monotonic() < d->until;
}

static int read_chunk(struct due *d, sqlite3_stmt *s, struct error *e)
{
	struct run r;
	int rc;
	d->chunk.count = 0;
	while ((rc = db_step(d->db, s, e)) == 1) {
		db_read_run(s, &r);
		run_list_add(&d->chunk, &r);
	}
	db_done(s);
	return rc;
}

/* How many of the chunk were decided before the step's time was over. */
static int decide_chunk(struct due *d, const struct view *v, size_t *ret_count,
			struct error *e)
{
	size_t i = 0;
	int rc = 0;
	while (rc == 0 && i < d->chunk.count && has_time(d)) {
		rc = decide_run(d, v, &d->chunk.at[i++], e);
		d->left--;
	}
	*ret_count = i;
	return rc;
}

/* The chunk, decided; 0 runs: there was nothing, and the view is not even loaded. */
static int decide_read(struct due *d, uint16_t id, size_t *ret_count, struct error *e)
{
	const struct view *v;
	*ret_count = 0;
	if (d->chunk.count == 0)
		return 0;
	int rc =
	    coverage_view(d->coverage, sites_group(d->lookup.sites, id), d->now, &v, e);
	return rc == 0 ? decide_chunk(d, v, ret_count, e) : rc;
}

static int step_needs(struct due *d, uint16_t id, int64_t frontier, struct error *e)
{
	size_t count = 1;
	int rc = 0;
	while (rc == 0 && count > 0 && has_time(d)) {
		sqlite3_stmt *s = db_query(
		    d->db,
		    "SELECT " DB_RUN_COLUMNS " FROM run INDEXED BY run_need "
		    "WHERE grp = ?1 AND need IS NOT NULL AND need <= ?2 LIMIT ?3",
		    DB(id), DB(frontier), DB((int64_t)d->chunk_most));
		rc = read_chunk(d, s, e);
		if (rc == 0)
			rc = decide_read(d, id, &count, e);
	}
	return rc;
}

/* Of a run that is gone, or joined another, the row is dropped at the end: when none is
 * left, not when time was over before the first of them was decided. */
static int step_woken(struct due *d, uint16_t id, struct error *e)
{
	bool is_done = false;
	size_t count;
	int rc = 0;
	while (rc == 0 && !is_done && has_time(d)) {
		sqlite3_stmt *s =
		    db_query(d->db,
			     "SELECT " DB_RUN_COLUMNS " FROM (SELECT 3 AS kind, grp, "
			     "client, began FROM woken WHERE grp = ?1) CROSS JOIN run "
			     "USING (kind, grp, client, began) LIMIT ?2",
			     DB(id), DB((int64_t)d->chunk_most));
		rc = read_chunk(d, s, e);
		is_done = d->chunk.count == 0;
		if (rc == 0)
			rc = decide_read(d, id, &count, e);
	}
	if (rc != 0 || !is_done)
		return rc;
	return db_change(d->db, e, "DELETE FROM woken WHERE grp = ?1", DB(id));
}

static int read_seals(struct due *d, uint16_t id, int64_t frontier, struct error *e)
{
	if (!d->seals.is_under_way)
		d->seals = (struct seals){ true, frontier, INT64_MAX, { { 0xff } } };
	sqlite3_stmt *s = db_query(
	    d->db,
	    "SELECT " DB_RUN_COLUMNS " FROM (SELECT kind, grp, client, began "
	    "FROM run INDEXED BY run_need WHERE grp = ?1 AND need IS NOT NULL AND "
	    "(need, kind, client, began) > (?2, 3, ?3, ?4) AND need <= ?5 "
	    "AND began <= ?6 ORDER BY need, kind, client, began LIMIT ?7) "
	    "CROSS JOIN run USING (kind, grp, client, began)",
	    DB(id), DB(d->seals.need), DB(d->seals.client), DB(d->seals.began),
	    DB(d->now + SEAL_LAG), DB(d->now - d->lookup.sites->rules.final),
	    DB((int64_t)d->chunk_most));
	return read_chunk(d, s, e);
}

/* Those that are sealed, and wait for their hours alone, are passed over. */
static void drop_sealed(struct run_list *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->count; i++)
		if (!l->at[i].told.is_sealed)
			l->at[kept++] = l->at[i];
	l->count = kept;
}

/* Nothing is waited for beyond the five days, so that who is to be sealed is among those
 * who wait for what lies between the frontier and now. */
static int step_seals(struct due *d, uint16_t id, int64_t frontier, struct error *e)
{
	while (has_time(d)) {
		size_t count;
		int rc = read_seals(d, id, frontier, e);
		d->seals.is_under_way = rc == 0 && d->chunk.count > 0;
		if (!d->seals.is_under_way)
			return rc;
		const struct run *r = &d->chunk.at[d->chunk.count - 1];
		struct seals next = { true, r->told.need, r->began, r->client };
		drop_sealed(&d->chunk);
		rc = decide_read(d, id, &count, e);
		if (rc != 0 || count < d->chunk.count)
			return rc; /* these come again */
		d->seals = next;
	}
	return 0;
}

/* ---- the sweep: all open walks of a group, in the order of their keys ---- */

static int64_t get_number(const uint8_t *at)
{
	uint64_t n = 0;
	for (size_t i = 0; i < 8; i++)
		n = n << 8 | at[i];
	return (int64_t)n;
}

static void put_number(uint8_t *at, int64_t n)
{
	for (size_t i = 0; i < 8; i++)
		at[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
}

static struct due_group read_group(sqlite3_stmt *s)
{
	struct due_group g = { .id = (uint16_t)sqlite3_column_int(s, 0),
			       .resweep = sqlite3_column_int64(s, 1),
			       .swept = sqlite3_column_int64(s, 2),
			       .frontier = db_moment(s, 4) }; /* NONE is VIEW_NEVER */
	const uint8_t *at = sqlite3_column_blob(s, 3);
	g.has_cursor = at && sqlite3_column_bytes(s, 3) == CURSOR_BYTES;
	if (g.has_cursor) {
		memcpy(g.client.bytes, at, sizeof(g.client.bytes));
		g.began = get_number(at + 16);
		g.sweeps_for = get_number(at + 24);
	}
	return g;
}

static int write_group(struct due *d, const struct due_group *g, struct error *e)
{
	uint8_t cursor[CURSOR_BYTES];
	sqlite3_stmt *s =
	    db_query(d->db, "UPDATE grp SET swept = ?2, cursor = ?3 WHERE id = ?1",
		     DB(g->id), DB(g->swept));
	if (g->has_cursor) {
		memcpy(cursor, g->client.bytes, sizeof(g->client.bytes));
		put_number(cursor + 16, g->began);
		put_number(cursor + 24, g->sweeps_for);
		(void)sqlite3_bind_blob(s, 3, cursor, sizeof(cursor), SQLITE_TRANSIENT);
	}
	return db_run(d->db, s, e);
}

static int read_sweep(struct due *d, const struct due_group *g, struct error *e)
{
	sqlite3_stmt *s =
	    db_query(d->db,
		     "SELECT " DB_RUN_COLUMNS " FROM run INDEXED BY run_open "
		     "WHERE grp = ?1 AND need IS NOT NULL "
		     "AND (client, kind, began) > (?2, 3, ?3) "
		     "ORDER BY client, kind, began LIMIT ?4",
		     DB(g->id), DB(g->client), DB(g->began), DB((int64_t)d->chunk_most));
	return read_chunk(d, s, e);
}

/* What asks for a sweep while one is on its way has another follow it. */
static int step_sweep(struct due *d, struct due_group *g, struct error *e)
{
	int rc = 0;
	bool has_moved = false;
	while (rc == 0 && g->swept < g->resweep && has_time(d)) {
		size_t count;
		if (!g->has_cursor) {
			g->client = (struct addr){ { 0 } };
			g->began = INT64_MIN;
			g->sweeps_for = g->resweep;
			g->has_cursor = true;
		}
		has_moved = true;
		rc = read_sweep(d, g, e);
		if (rc == 0)
			rc = decide_read(d, g->id, &count, e);
		if (rc != 0)
			break;
		if (d->chunk.count == 0) {
			g->has_cursor = false;
			g->swept = g->sweeps_for;
		} else if (count > 0) {
			g->client = d->chunk.at[count - 1].client;
			g->began = d->chunk.at[count - 1].began;
		}
	}
	return rc == 0 && has_moved ? write_group(d, g, e) : rc;
}

static int step_group(struct due *d, struct due_group *g, int64_t frontier,
		      struct error *e)
{
	int rc = step_needs(d, g->id, frontier, e);
	if (rc == 0 && frontier != VIEW_NEVER)
		rc = step_woken(d, g->id, e);
	if (rc == 0 && g->swept < g->resweep)
		rc = step_sweep(d, g, e);
	bool is_behind = frontier < d->now - SEAL_LAG;
	if (rc == 0 && is_behind && d->now >= d->seal_next)
		rc = step_seals(d, g->id, frontier, e);
	return rc;
}

static int load_groups(struct due *d, struct due_group **ret_groups, size_t *ret_count,
		       struct error *e)
{
	struct due_group *groups = NULL;
	size_t count = 0, cap = 0;
	int rc;
	sqlite3_stmt *s =
	    db_statement(d->db, "SELECT id, resweep, swept, cursor, frontier FROM grp "
				"ORDER BY id");
	while ((rc = db_step(d->db, s, e)) == 1) {
		groups = xroom(groups, count, &cap, sizeof(*groups));
		groups[count++] = read_group(s);
	}
	db_done(s);
	*ret_groups = groups;
	*ret_count = count;
	return rc;
}

static int compare_groups(const void *a, const void *b)
{
	const struct due_group *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

/* Of the group that its runs are judged with now. */
static int64_t frontier_of(const struct due *d, const struct due_group *groups,
			   size_t count, uint16_t id)
{
	struct due_group key = { .id = sites_group(d->lookup.sites, id) };
	const struct due_group *g =
	    bsearch(&key, groups, count, sizeof(*groups), compare_groups);
	return g ? g->frontier : VIEW_NEVER;
}

/* Goes on with the group that time ran out on. */
static int step_round(struct due *d, struct due_group *groups, size_t count,
		      struct error *e)
{
	int rc = 0;
	if (d->round_left == 0 || d->round_left > count)
		d->round_left = count;
	while (rc == 0 && d->round_left > 0 && has_time(d)) {
		struct due_group *g = &groups[d->turn % count];
		rc = step_group(d, g, frontier_of(d, groups, count, g->id), e);
		if (rc == 0 && has_time(d)) {
			d->turn = (d->turn + 1) % count;
			d->round_left--;
		}
	}
	return rc;
}

static int step(struct due *d, struct error *e)
{
	struct due_group *groups;
	size_t count;
	int rc = load_groups(d, &groups, &count, e);
	if (rc == 0)
		rc = step_round(d, groups, count, e);
	if (rc == 0 && d->now >= d->seal_next && d->round_left == 0)
		d->seal_next = d->now + SEAL_INTERVAL;
	free(groups);
	return rc;
}

int due_step(struct due *d, int64_t now, int64_t most, bool *ret_more, struct error *e)
{
	*ret_more = false;
	if (d->is_held)
		return 0;
	d->lookup.sites = coverage_get_sites(d->coverage);
	lookup_clear(&d->lookup);
	d->verdict_count = d->listing_count = 0;
	d->now = db_meta(d->db, "seen", 0);
	d->now = now > d->now ? now : d->now;
	d->left = DUE_STEP;
	d->until = stamp_monotonic() + most;
	d->chunk_most = most < DUE_TIME ? DUE_CHUNK / 16 : DUE_CHUNK;
	int rc = db_begin(d->db, e);
	if (rc != 0)
		return rc;
	rc = step(d, e);
	*ret_more = rc == 0 && d->round_left > 0;
	if (rc == 0)
		rc = db_commit(d->db, e);
	if (rc != 0) {
		db_rollback(d->db);
		return rc;
	}
	tell(d);
	return 0;
}

int due_all(struct due *d, int64_t now, struct error *e)
{
	bool has_more = !d->is_held;
	int rc = 0;
	d->seal_next = INT64_MIN;
	while (rc == 0 && has_more)
		rc = due_step(d, now, DUE_TIME, &has_more, e);
	return rc;
}
