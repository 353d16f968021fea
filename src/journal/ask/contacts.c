#include "journal/ask/contacts.h"

#include "journal/ask/ask_internal.h"
#include "journal/ask/pool.h"
#include "journal/take/slot.h"

/* ---- all of them ---- */

static struct contact read_contact(sqlite3_stmt *s)
{
	return (struct contact){ .host = (uint16_t)sqlite3_column_int(s, 1),
				 .visits = (uint64_t)sqlite3_column_int64(s, 2),
				 .last = sqlite3_column_int64(s, 3),
				 .deferred = db_moment(s, 4) };
}

int contacts_each(struct ask *a, contacts_fn fn, void *arg, struct error *e)
{
	struct contact at[SITE_MAX_HOSTS];
	struct addr client = { { 0 } };
	size_t count = 0;
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	sqlite3_stmt *s = db_statement(
	    a->db, "SELECT client, host, count(*), max(time), "
		   "max(CASE outcome WHEN 2 THEN time END) FROM visit WHERE depth > 0 "
		   "GROUP BY client, host");
	_Static_assert(OUTCOME_DEFERRED == 2 && DEPTH_KNOCK == 0, "as in the statement");
	while ((rc = db_step(a->db, s, e)) == 1) {
		struct addr next = db_addr(s, 0);
		if (count && !addr_equal(next, client)) {
			rc = fn(arg, client, at, count);
			count = 0;
		}
		if (rc != 1 && rc != 0)
			break;
		client = next;
		if (count < SITE_MAX_HOSTS)
			at[count++] = read_contact(s);
	}
	db_done(s);
	if (rc == 0 && count)
		rc = fn(arg, client, at, count);
	ask_end(a);
	return rc;
}

/* ---- one ---- */

static bool on_pool_run(void *arg, const struct pool_run *r)
{
	struct contacts_sender *c = arg;
	c->pool_hosts |= r->hosts;
	c->pool_last = stamp_later(c->pool_last, r->to);
	return true;
}

static void see_own(struct contacts_sender *c, const struct run_list *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		if (run_is_contact(&runs->at[i])) {
			c->own_hosts |= runs->at[i].hosts;
			if (!addr_equal(runs->at[i].client, c->who.clients[0]))
				c->twin_last =
				    stamp_later(c->twin_last, runs->at[i].last);
			if (c->moment_count < CONTACTS_MOMENTS)
				c->moments[c->moment_count++] = runs->at[i].began;
		}
}

/* More of a pool than a look-up reads, and it may have been anywhere at any time. */
static int see_pool(struct ask *a, uint16_t group, int64_t since,
		    struct contacts_sender *c, struct error *e)
{
	struct pool pool = {
		.who = &c->who, .met = { since, INT64_MAX }, .fn = on_pool_run, .arg = c
	};
	int rc = pool_each(&a->lookup, group, &pool, e);
	if (pool.too_many) {
		c->pool_hosts = UINT64_MAX;
		c->pool_last = INT64_MAX;
	}
	return rc;
}

int contacts_of(struct ask *a, uint16_t group, struct addr client, int64_t since,
		int64_t at, struct contacts_sender *ret, struct error *e)
{
	struct contacts_sender c = { .twin_last = MOMENT_NONE, .pool_last = MOMENT_NONE };
	struct run_list runs = { 0 };
	struct standing standing;
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	rc = sender_find(&a->lookup, client, &c.who, e);
	if (rc == 0)
		rc = sender_runs(&a->lookup, group, &c.who, since, INT64_MAX, &runs, e);
	see_own(&c, &runs);
	if (rc == 0)
		rc = see_pool(a, group, since, &c, e);
	if (rc == 0)
		rc = sender_standing(&a->lookup, group, &c.who, NULL, at, &a->sites.rules,
				     &standing, e);
	if (rc == 0) {
		c.tier = standing_tier(&standing);
		*ret = c;
	}
	run_list_release(&runs);
	ask_end(a);
	return rc;
}

/* ---- what logs told beside ---- */

int contacts_names(struct db *db, contacts_name_fn fn, void *arg, struct error *e)
{
	sqlite3_stmt *s = db_statement(db, "SELECT client, name, max(time) FROM visit "
					   "WHERE name IS NOT NULL GROUP BY client");
	int rc;
	while ((rc = db_step(db, s, e)) == 1) {
		rc = fn(arg, db_addr(s, 0), db_text(s, 1), sqlite3_column_int64(s, 2));
		if (rc != 0)
			break;
	}
	db_done(s);
	return rc;
}

int contacts_alive(struct db *db, uint16_t host, int64_t within, contacts_alive_fn fn,
		   void *arg, struct error *e)
{
	sqlite3_stmt *s = db_query(db,
				   "SELECT five FROM slot WHERE host = ?1 AND "
				   "visits > 0 ORDER BY five",
				   DB(host));
	struct span alive = { 0, 0 };
	bool has_any = false;
	int rc;
	while ((rc = db_step(db, s, e)) == 1) {
		int64_t five = sqlite3_column_int64(s, 0);
		rc = has_any && five - alive.until >= within ? fn(arg, &alive) : 0;
		if (rc != 0)
			break;
		if (!has_any || five - alive.until >= within)
			alive.since = five;
		alive.until = five + SLOT_FIVE;
		has_any = true;
	}
	db_done(s);
	return rc == 0 && has_any ? fn(arg, &alive) : rc;
}
