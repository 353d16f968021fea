#include "journal/ask/listed.h"

#include <stdlib.h>

#include "base/mem.h"
#include "journal/ask/proof.h"

enum { HOURS_A_DAY = 24 };
#define KEPT (7 * STAMP_DAY) /* longer than any envelope is */

struct listed listed_read(sqlite3_stmt *s)
{
	return (struct listed){ .client = db_addr(s, 0),
				.group = (uint16_t)sqlite3_column_int(s, 1),
				.since = sqlite3_column_int64(s, 2),
				.until = sqlite3_column_int64(s, 3),
				.first = sqlite3_column_int64(s, 4),
				.at = sqlite3_column_int64(s, 5),
				.off = db_moment(s, 6),
				.why = (enum reason)sqlite3_column_int(s, 7) };
}

static int find_last(struct lookup *q, struct addr client, uint16_t group, int64_t now,
		     struct listed *ret_row, struct error *e)
{
	sqlite3_stmt *s = db_query(q->db,
				   "SELECT " LISTED_COLUMNS
				   " FROM listing WHERE client = ?1 AND grp = ?2 "
				   "AND since <= ?3 ORDER BY since DESC LIMIT 1",
				   DB(client), DB(group), DB(now));
	int rc = db_step(q->db, s, e);
	if (rc == 1)
		*ret_row = listed_read(s);
	db_done(s);
	return rc;
}

int listed_find(struct lookup *q, const struct sender *who, uint16_t group, int64_t now,
		struct listed *ret_row, struct error *e)
{
	uint16_t kin[SITE_MAX_KIN];
	size_t kin_count = sites_kin(q->sites, group, kin);
	struct listed row;
	bool is_found = false;
	for (size_t i = 0; i < who->count * kin_count; i++) {
		int rc = find_last(q, who->clients[i / kin_count], kin[i % kin_count],
				   now, &row, e);
		if (rc < 0)
			return rc;
		if (rc == 1 && (!is_found || row.until > ret_row->until)) {
			*ret_row = row;
			is_found = true;
		}
	}
	return is_found;
}

static int compare_hours(const void *a, const void *b)
{
	const struct listing_hour *x = a, *y = b;
	return (x->began > y->began) - (x->began < y->began);
}

static size_t add_hours(const struct run *r, int64_t from, struct listing_hour *hours)
{
	size_t count = 0;
	for (int h = 0; h < HOURS_A_DAY; h++) {
		int64_t began = run_day(r) + h * STAMP_HOUR;
		if (r->rcpt_hours >> h & 1 && began >= from)
			hours[count++].began = began;
	}
	return count;
}

static size_t sort_hours(struct listing_hour *hours, size_t count)
{
	size_t kept = 0;
	if (count)
		qsort(hours, count, sizeof(*hours), compare_hours);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || hours[kept - 1].began != hours[i].began)
			hours[kept++] = hours[i];
	return kept;
}

/* The eligible hours in the runs, with what keeps each from counting. Caller frees. */
static size_t hours_of(const struct run_list *runs, int64_t from, const struct view *v,
		       const struct rules *r, struct listing_hour **ret_hours)
{
	struct listing_hour *hours =
	    xcalloc(runs->count * HOURS_A_DAY + 1, sizeof(*hours));
	struct spans met = { 0 };
	size_t count = 0;
	for (size_t i = 0; i < runs->count; i++) {
		const struct run *at = &runs->at[i];
		if (at->kind == RUN_DECOY)
			count += add_hours(at, from, hours + count);
		if (at->kind == RUN_REAL)
			spans_add(&met, at->began - at->earlier, at->last + 1);
	}
	count = sort_hours(hours, count);
	for (size_t i = 0; i < count; i++) {
		int64_t began = hours[i].began, end = began + STAMP_HOUR;
		hours[i].has_contact =
		    spans_meet(&met, began - r->excuse, end + r->confirm);
		/* What the frontier has not passed is not known to be watched yet. */
		hours[i].is_excused = v->frontier >= end + r->confirm &&
				      view_excuse(v, began, end - 1) != REASON_NONE;
	}
	spans_release(&met);
	*ret_hours = hours;
	return count;
}

/* The first of the two hours that made a listing: what was counted before the second. */
static int64_t first_of(const struct listing_hour *hours, size_t count, int64_t from,
			int64_t since, const struct rules *r, int64_t frontier)
{
	struct listing_count open;
	struct span none;
	size_t before = 0;
	while (before < count && hours[before].began + STAMP_HOUR < since)
		before++;
	(void)listing_fold(hours, before, from, r, frontier, &none, 1, &open);
	return open.hour;
}

static void fold(const struct run_list *runs, const struct listed *last,
		 const struct view *v, const struct rules *r, struct listed *rows,
		 size_t *ret_count, struct listing_count *ret_open)
{
	struct listing_hour *hours;
	struct span made[LISTED_MOST];
	int64_t from = last->until;
	size_t count = hours_of(runs, from, v, r, &hours);
	*ret_count =
	    listing_fold(hours, count, from, r, v->frontier, made, LISTED_MOST, ret_open);
	for (size_t i = 0; i < *ret_count; i++) {
		int64_t first =
		    first_of(hours, count, from, made[i].since, r, v->frontier);
		rows[i] = (struct listed){ .client = last->client,
					   .group = v->group,
					   .since = made[i].since,
					   .until = made[i].until,
					   .first = first,
					   .at = v->now,
					   .off = MOMENT_NONE };
		from = made[i].until;
	}
	free(hours);
}

int listed_fold(struct lookup *q, const struct sender *who, const struct view *v,
		const struct rules *r, struct listed ret_rows[LISTED_MOST],
		size_t *ret_count, struct listing_count *ret_open, struct error *e)
{
	struct listed last = { .until = INT64_MIN };
	struct run_list runs = { 0 };
	*ret_count = 0;
	*ret_open = (struct listing_count){ MOMENT_NONE, MOMENT_NONE };
	int rc = listed_find(q, who, v->group, INT64_MAX, &last, e);
	int64_t since = rc == 1 ? last.until - r->excuse : INT64_MIN;
	if (rc >= 0)
		rc = sender_runs(q, v->group, who, since, INT64_MAX, &runs, e);
	last.client = who->clients[0];
	if (rc == 0 && !runs.has_more)
		fold(&runs, &last, v, r, ret_rows, ret_count, ret_open);
	run_list_release(&runs);
	return rc;
}

int listed_write(struct lookup *q, const struct listed *row, struct error *e)
{
	return db_change(q->db, e,
			 "REPLACE INTO listing(" LISTED_COLUMNS ") "
			 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			 DB(row->client), DB(row->group), DB(row->since), DB(row->until),
			 DB(row->first), DB(row->at), DB_MOMENT(row->off), DB(row->why));
}

/* What withdraws a listing: a contact near an hour that counted, told late or the
 * pool's, or mail accepted of either. */
struct withdrawal {
	const struct rules *rules;
	const struct listed *row; /* NULL: not listed */
	int64_t accepted_since, kept_since;
	struct listing_obstacle *obstacle;
};

static bool is_near(const struct withdrawal *x, int64_t hour, int64_t from, int64_t to)
{
	return to >= hour - x->rules->excuse &&
	       from <= hour + STAMP_HOUR + x->rules->confirm;
}

static bool is_near_counted(const struct withdrawal *x, int64_t from, int64_t to)
{
	return x->row && (is_near(x, x->row->first, from, to) ||
			  is_near(x, x->row->since - STAMP_HOUR, from, to));
}

/* An outage, or a time that nobody saw, that was found when the hour had counted. */
static bool is_excused(const struct listed *row, const struct view *v)
{
	int64_t hours[] = { row->first, row->since - STAMP_HOUR };
	for (size_t i = 0; i < 2; i++)
		if (view_excuse(v, hours[i], hours[i] + STAMP_HOUR - 1) != REASON_NONE)
			return true;
	return false;
}

static bool on_contact(void *arg, const struct pool_run *r)
{
	struct withdrawal *x = arg;
	x->obstacle->pool_accepted |=
	    r->accepted != MOMENT_NONE && r->accepted >= x->accepted_since;
	x->obstacle->is_withdrawn |= is_near_counted(x, r->from, r->to);
	return !x->obstacle->pool_accepted;
}

static void on_envelope(void *arg, const struct told_envelope *t)
{
	struct withdrawal *x = arg;
	x->obstacle->is_withdrawn |=
	    t->came_otherwise && is_near_counted(x, t->from, t->to);
}

static void see_own_runs(struct withdrawal *x, const struct run_list *runs)
{
	for (size_t i = 0; i < runs->count; i++) {
		const struct run *r = &runs->at[i];
		struct pool_run met = { .client = r->client,
					.from = r->began - r->earlier,
					.to = r->last,
					.accepted = r->accepted };
		if (run_is_contact(r))
			(void)on_contact(x, &met); /* all are read anyway */
		x->obstacle->is_at_risk |= r->told.tier != TIER_NONE;
	}
}

static bool is_our_own(const struct lookup *q, const struct sender *who,
		       const struct rules *r)
{
	for (size_t i = 0; i < who->count; i++)
		if (sites_is_own(q->sites, who->clients[i]) ||
		    (!r->lab && addr_kind(who->clients[i]) != ADDR_PUBLIC))
			return true;
	return false;
}

/* Of the runs that hold all of the 90 days. */
static int see_standing(struct lookup *q, const struct sender *who,
			const struct run_list *runs, const struct rules *r, int64_t at,
			struct listing_obstacle *o, struct error *e)
{
	struct standing st = { .has_name = who->is_confirmed && !who->is_generic };
	int rc = sender_spf(q, who, at, r, &st, e);
	sender_accepted(runs->at, runs->count, at, r, &st);
	o->is_at_risk |= standing_tier(&st) != TIER_NONE;
	return rc;
}

static int see_pool(struct lookup *q, const struct sender *who, const struct view *v,
		    struct withdrawal *x, const struct run_list *runs,
		    const struct span *met, struct error *e)
{
	struct pool pool = { .who = who, .met = *met, .fn = on_contact, .arg = x };
	int rc = pool_each(q, v->group, &pool, e);
	for (size_t i = 0; rc == 0 && x->row && i < runs->count; i++)
		if (runs->at[i].kind == RUN_DECOY && runs->at[i].last >= x->kept_since)
			rc = proof_came_otherwise(q, v->group, &runs->at[i], on_envelope,
						  x, e);
	x->obstacle->is_withdrawn |= pool.too_many;
	return rc;
}

/* The pool is asked last: what holds before it is the reason. */
static int look_up(struct lookup *q, const struct sender *who, const struct view *v,
		   const struct rules *r, const struct listed *row, int64_t now,
		   struct listing_obstacle *o, struct error *e)
{
	int64_t at = row ? row->since : now;
	struct withdrawal x = { r, row, stamp_day(now - r->pool_accepted), now - KEPT,
				o };
	struct run_list runs = { 0 };
	int64_t since = x.accepted_since;
	if (row && row->first - r->excuse < since)
		since = row->first - r->excuse;
	int64_t known = stamp_day(at - r->known_window);
	/* A host whose clock is ahead tells of what has not been yet: it excuses, too. */
	int64_t until = now < v->now ? now : INT64_MAX;
	int rc =
	    sender_runs(q, v->group, who, since < known ? since : known, until, &runs, e);
	see_own_runs(&x, &runs);
	if (rc == 0)
		rc = see_standing(q, who, &runs, r, at, o, e);
	if (rc == 0)
		rc = proof_nat(q, v, who->clients[0], at, runs.at, runs.count, &o->is_nat,
			       e);
	if (rc == 0 && !o->is_allowed && !o->is_own && !o->is_nat && !o->is_at_risk)
		rc = see_pool(q, who, v, &x, &runs, &(struct span){ since, until }, e);
	o->is_withdrawn |= runs.has_more;
	run_list_release(&runs);
	return rc;
}

static int find_obstacle(struct lookup *q, const struct sender *who, const struct view *v,
			 const struct rules *r, const struct listed *row, int64_t now,
			 struct listing_obstacle *o, struct error *e)
{
	int rc = sender_is_allowed(q, who, &o->is_allowed, e);
	o->is_own = is_our_own(q, who, r);
	if (rc == 0 && !who->is_quiet)
		rc = look_up(q, who, v, r, row, now, o, e);
	o->is_withdrawn |= row && is_excused(row, v);
	return rc;
}

int listed_say(struct lookup *q, const struct sender *who, const struct view *v,
	       const struct rules *r, const struct listed *row,
	       const struct listing_count *open, int64_t now, struct listing *ret_listing,
	       struct error *e)
{
	struct listing_obstacle o = { .is_own = false };
	struct span last = { row ? row->since : 0, row ? row->until : 0 };
	int64_t watched = spans_time(&v->watched, 0, v->frontier > 0 ? v->frontier : 0);
	int rc = find_obstacle(q, who, v, r, row, now, &o, e);
	if (rc != 0)
		return rc;
	*ret_listing = listing_say(row ? &last : NULL, open, &o, r,
				   r->lab || watched >= r->watched_days, now);
	ret_listing->client = row ? row->client : who->clients[0];
	ret_listing->site = v->group;
	return 0;
}
