#include <stdlib.h>

#include "base/mem.h"
#include "journal/ask/ask_internal.h"
#include "journal/ask/listed.h"
#include "journal/ask/near.h"

static int say(struct ask *a, const struct sender *who, uint16_t group,
	       const struct listed *row, const struct listing_count *open,
	       struct listing *ret_listing, struct error *e)
{
	const struct view *v;
	int rc = coverage_view(a->coverage, group, a->now, &v, e);
	return rc == 0 ? listed_say(&a->lookup, who, v, &a->sites.rules, row, open,
				    a->now, ret_listing, e)
		       : rc;
}

/* Rows are written by due: what it has not come to yet is folded here, too. */
static int find_row(struct ask *a, const struct sender *who, uint16_t group,
		    struct listed *ret_row, struct listing_count *ret_open,
		    struct error *e)
{
	struct listed rows[LISTED_MOST];
	size_t count;
	const struct view *v;
	int rc = coverage_view(a->coverage, group, a->now, &v, e);
	if (rc == 0)
		rc = listed_fold(&a->lookup, who, v, &a->sites.rules, rows, &count,
				 ret_open, e);
	if (rc == 0 && count) {
		*ret_row = rows[count - 1];
		return 1;
	}
	return rc == 0 ? listed_find(&a->lookup, who, group, a->now, ret_row, e) : rc;
}

int ask_listing(struct ask *a, struct addr client, uint16_t group,
		struct listing *ret_listing, struct error *e)
{
	struct sender who;
	struct listed row;
	struct listing_count open;
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	rc = sender_find(&a->lookup, client, &who, e);
	if (rc == 0)
		rc = find_row(a, &who, group, &row, &open, e);
	if (rc >= 0)
		rc = say(a, &who, group, rc == 1 ? &row : NULL, &open, ret_listing, e);
	ret_listing->client = client;
	ask_end(a);
	return rc;
}

/* ---- many ---- */

struct listed_rows {
	struct listed *at;
	size_t count, cap;
};

static int read_rows(struct ask *a, sqlite3_stmt *s, struct listed_rows *rows,
		     struct error *e)
{
	int rc;
	while ((rc = db_step(a->db, s, e)) == 1) {
		rows->at = xroom(rows->at, rows->count, &rows->cap, sizeof(*rows->at));
		rows->at[rows->count++] = listed_read(s);
	}
	db_done(s);
	return rc;
}

/* Whom to tell of, and how. */
struct telling {
	struct near *near;
	size_t window; /* clients that near is asked of together */
	bool would_too;
	ask_listing_fn fn;
	void *arg;
	const struct view *view; /* of the last row's group, in one snapshot */
};

static int say_row(struct ask *a, struct telling *t, const struct listed *row,
		   struct listing *ret_listing, struct error *e)
{
	const struct listing_count none = { MOMENT_NONE, MOMENT_NONE };
	struct sender who;
	uint16_t group = sites_group(&a->sites, row->group);
	int rc = 0;
	if (!t->view || t->view->group != group)
		rc = coverage_view(a->coverage, group, a->now, &t->view, e);
	if (rc != 0)
		return rc;
	if (near_is_quiet(t->near, row->client))
		who = (struct sender){ .clients = { row->client },
				       .count = 1,
				       .is_quiet = true };
	else
		rc = sender_find(&a->lookup, row->client, &who, e);
	return rc == 0 ? listed_say(&a->lookup, &who, t->view, &a->sites.rules, row,
				    &none, a->now, ret_listing, e)
		       : rc;
}

/* A slice of those in force, by client: of many, by the table itself (+ keeps the index
 * away, which would be sorted anew for each slice). */
static int read_slice(struct ask *a, struct addr after, bool are_many,
		      struct listed_rows *rows, struct error *e)
{
#define SLICE(hint, until)                                                               \
	"SELECT " LISTED_COLUMNS " FROM listing " hint "WHERE client > ?2 AND " until    \
	" > ?1 AND since <= ?1 ORDER BY client, grp LIMIT ?3"
	sqlite3_stmt *s = db_query(a->db,
				   are_many ? SLICE("", "+until")
					    : SLICE("INDEXED BY listing_until ", "until"),
				   DB(a->now), DB(after), DB(ASK_SLICE + SITE_MAX_KIN));
	rows->count = 0;
	return read_rows(a, s, rows, e);
}

/* All rows of a client are in one slice: where it was cut, the last one comes again. */
static size_t whole_clients(const struct listed_rows *rows)
{
	size_t n = rows->count;
	if (n < ASK_SLICE + SITE_MAX_KIN)
		return n;
	while (n > 1 &&
	       addr_equal(rows->at[n - 2].client, rows->at[rows->count - 1].client))
		n--;
	return n - 1;
}

static int tell_rows(struct ask *a, const struct listed_rows *rows, size_t count,
		     struct telling *t, struct error *e)
{
	struct listing l;
	int rc = 0;
	t->view = NULL;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		size_t end = i + t->window < count ? i + t->window : count;
		if (i % t->window == 0)
			rc = near_read(t->near, rows->at[i].client,
				       rows->at[end - 1].client, end - i, e);
		if (rc == 0)
			rc = say_row(a, t, &rows->at[i], &l, e);
		if (rc == 0 && (l.is_listed || (t->would_too && l.would_be)))
			rc = t->fn(t->arg, &l);
	}
	return rc;
}

static int are_many(struct ask *a, bool *ret_many, struct error *e)
{
	sqlite3_stmt *s = db_query(a->db,
				   "SELECT count(*) FROM (SELECT 1 FROM listing "
				   "INDEXED BY listing_until WHERE until > ?1 "
				   "LIMIT ?2)",
				   DB(a->now), DB(ASK_SLICE));
	int64_t count = 0;
	int rc = db_number(a->db, s, &count, e);
	*ret_many = count == ASK_SLICE;
	return rc;
}

static int tell_slices(struct ask *a, struct telling *t, struct error *e)
{
	struct listed_rows rows = { 0 };
	struct addr after = { { 0 } };
	bool has_many, has_more = true;
	int rc = are_many(a, &has_many, e);
	if (rc == 0)
		rc = near_begin(t->near, &a->lookup, e);
	/* Between few there is too much to read. */
	t->window = has_many ? NEAR_WINDOW : 1;
	while (rc == 0 && has_more) {
		rc = read_slice(a, after, has_many, &rows, e);
		size_t count = whole_clients(&rows);
		has_more = count < rows.count;
		if (rc == 0)
			rc = tell_rows(a, &rows, count, t, e);
		if (rc == 0 && has_more &&
		    (count == 0 || addr_compare(rows.at[count - 1].client, after) <= 0))
			rc = error_set(
			    e, FMX_EFOREIGN,
			    "the journal's listings are damaged: their order is "
			    "not that of addresses");
		if (count)
			after = rows.at[count - 1].client;
		if (rc == 0 && has_more)
			rc = ask_renew(a, e);
	}
	free(rows.at);
	return rc;
}

int ask_listed(struct ask *a, bool would_too, ask_listing_fn fn, void *arg,
	       struct error *e)
{
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	struct near near = { .is_usable = false };
	struct telling t = { &near, 1, would_too, fn, arg, NULL };
	if (would_too || a->sites.rules.enforce)
		rc = tell_slices(a, &t, e);
	near_release(&near);
	ask_end(a);
	return rc;
}

/* As it was written: obstacles are of now. */
static struct listing listing_of(const struct ask *a, const struct listed *row)
{
	bool is_on = a->sites.rules.enforce;
	enum reason on = is_on ? REASON_LISTED : REASON_OBSERVE;
	bool was_kept_off = row->off != MOMENT_NONE && row->off <= row->at;
	return (struct listing){
		.client = row->client,
		.site = sites_group(&a->sites, row->group),
		.is_listed = is_on && !was_kept_off,
		.would_be = !is_on && !was_kept_off,
		.reason = row->off == MOMENT_NONE || was_kept_off ? row->why : on,
		.counted_visits = 2,
		.at = row->at,
		.since = row->since,
		.until = row->until,
		.need = MOMENT_NONE,
	};
}

static int tell_history(struct ask *a, const struct listed *row, ask_listing_fn fn,
			void *arg)
{
	struct listing l = listing_of(a, row);
	int rc = fn(arg, &l);
	if (rc != 0 || row->off == MOMENT_NONE || row->off <= row->at)
		return rc;
	l.is_listed = l.would_be = false;
	l.reason = row->why;
	l.at = row->off;
	return fn(arg, &l);
}

int ask_listing_history(struct ask *a, struct addr client, ask_listing_fn fn, void *arg,
			struct error *e)
{
	struct listed_rows rows = { 0 };
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	sqlite3_stmt *s = db_query(a->db,
				   "SELECT " LISTED_COLUMNS " FROM listing "
				   "WHERE client = ?1 ORDER BY since",
				   DB(client));
	rc = read_rows(a, s, &rows, e);
	for (size_t i = 0; rc == 0 && i < rows.count; i++)
		rc = tell_history(a, &rows.at[i], fn, arg);
	ask_end(a);
	free(rows.at);
	return rc;
}

int ask_listings(struct ask *a, int64_t since, int64_t until, ask_listing_fn fn,
		 void *arg, struct error *e)
{
	struct listed_rows rows = { 0 };
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	sqlite3_stmt *s = db_query(
	    a->db,
	    "SELECT " LISTED_COLUMNS " FROM listing INDEXED BY listing_until "
	    "WHERE until > ?1 AND since >= ?1 AND since < ?2 ORDER BY client, since",
	    DB(since), DB(until));
	rc = read_rows(a, s, &rows, e);
	for (size_t i = 0; rc == 0 && i < rows.count; i++) {
		struct listing l = listing_of(a, &rows.at[i]);
		rc = fn(arg, &l);
	}
	ask_end(a);
	free(rows.at);
	return rc;
}

int ask_spf(struct ask *a, struct addr client, bool *ret_passes, struct error *e)
{
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	sqlite3_stmt *s =
	    db_query(a->db, "SELECT 1 FROM spf WHERE client = ?1", DB(client));
	rc = db_step(a->db, s, e);
	if (rc >= 0)
		*ret_passes = rc == 1;
	db_done(s);
	ask_end(a);
	return rc < 0 ? rc : 0;
}
