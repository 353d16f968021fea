#include "journal/take/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* A contact excuses walks that began up to 24 h later and settles those that began up to
 * 5 days earlier; a day more, for runs that were cut. */
#define WAKE_BEFORE (6 * STAMP_DAY)
#define WAKE_AFTER (2 * STAMP_DAY)

/* ---- the batch ---- */

void fold_add(struct fold *f, const struct run *r)
{
	size_t cap = f->cap;
	f->runs = xroom(f->runs, f->count, &f->cap, sizeof(*f->runs));
	if (f->cap != cap)
		f->order = xrealloc(f->order, f->cap, sizeof(struct run *));
	f->runs[f->count++] = *r;
}

void fold_clear(struct fold *f)
{
	f->count = 0;
}

void fold_release(struct fold *f)
{
	free(f->runs);
	free(f->order);
	*f = (struct fold){ 0 };
}

static int compare_runs(const void *a, const void *b)
{
	return run_compare(*(const struct run *const *)a, *(const struct run *const *)b);
}

/* ---- one client's rows of a day ---- */

enum { DAY_RUNS = 64 }; /* of one day: with gaps of half an hour at most 48 */

struct day {
	struct run rows[DAY_RUNS];
	bool is_joined[DAY_RUNS];
	size_t count;
};

static int read_day(struct db *db, const struct run *r, struct day *d, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db,
	    "SELECT " DB_RUN_STORED ", 0 FROM run WHERE kind = ?1 AND grp = ?2 AND "
	    "client = ?3 AND began >= ?4 AND began < ?4 + 86400000000",
	    DB(r->kind), DB(r->group), DB(r->client), DB(run_day(r)));
	int rc = 0;
	d->count = 0;
	while (d->count < DAY_RUNS && (rc = db_step(db, s, e)) > 0) {
		d->is_joined[d->count] = false;
		db_read_run(s, &d->rows[d->count++]);
	}
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* What joins may reach others: until none touches. */
static void join_day(struct day *d, struct run *r)
{
	bool is_more = true;
	while (is_more) {
		is_more = false;
		for (size_t i = 0; i < d->count; i++)
			if (!d->is_joined[i] && run_is_one(&d->rows[i], r)) {
				run_merge(r, &d->rows[i]);
				d->is_joined[i] = is_more = true;
			}
	}
}

/* What was told of a decoy run that goes on stays in its row. */
static int write_joined(struct db *db, const struct day *d, struct run *r,
			struct error *e)
{
	size_t joined = 0;
	bool is_there = false;
	int rc = 0;
	for (size_t i = 0; i < d->count && rc == 0; i++) {
		bool is_same = d->rows[i].began == r->began;
		joined += d->is_joined[i];
		is_there |= d->is_joined[i] && is_same;
		if (d->is_joined[i] && !is_same)
			rc = db_delete_run(db, &d->rows[i], e);
	}
	if (rc == 0 && joined == 1 && is_there)
		return db_write_facts(db, r, e);
	if (r->kind == RUN_DECOY)
		r->told.need = 0;
	return rc == 0 ? db_write_run(db, r, e) : rc;
}

/* ---- who is to be asked again ---- */

#define WAKE                                                                             \
	"INSERT OR IGNORE INTO woken(grp, client, began) SELECT grp, client, began "     \
	"FROM run "
#define WAKE_OPEN WAKE "INDEXED BY run_open WHERE need IS NOT NULL AND "
#define WAKE_ALL WAKE "WHERE kind = 3 AND "

/* Decoy walks that began in [since, until]. Of is_all sealed ones, too: what came late
 * may soften them. */
struct wake {
	uint16_t group;
	struct addr low, high;
	int64_t since, until;
	bool is_all;
};

#define IN_RANGE "grp = ?1 AND client BETWEEN ?2 AND ?3"
#define IN_TIME " AND began BETWEEN ?4 AND ?5"

static int wake_range(struct db *db, const struct wake *w, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db,
	    w->is_all
		? "SELECT count(*) FROM (SELECT 1 FROM run WHERE kind = 3 AND " IN_RANGE
		  " LIMIT 4097)"
		: "SELECT count(*) FROM (SELECT 1 FROM run INDEXED BY run_open WHERE "
		  "need IS NOT NULL AND " IN_RANGE " LIMIT 4097)",
	    DB(w->group), DB(w->low), DB(w->high));
	int64_t rows = 0;
	int rc = db_number(db, s, &rows, e);
	if (rc != 0 || rows == 0)
		return rc;
	if (rows > FOLD_WAKES)
		return db_ask_again(db, w->group, e);
	return db_change(
	    db, e, w->is_all ? WAKE_ALL IN_RANGE IN_TIME : WAKE_OPEN IN_RANGE IN_TIME,
	    DB(w->group), DB(w->low), DB(w->high), DB(w->since), DB(w->until));
}

/* The ids under which walks of a group may stand. */
struct kin {
	uint16_t ids[SITE_MAX_KIN];
	size_t count;
};

static int wake_kin(struct db *db, const struct kin *kin, struct wake w, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < kin->count && rc == 0; i++) {
		w.group = kin->ids[i];
		rc = wake_range(db, &w, e);
	}
	return rc;
}

/* What is said of an address is said of its sender, whose other one lies elsewhere. */
static int wake_twins(struct db *db, const struct kin *kin, struct wake w,
		      struct error *e)
{
	int rc, done = 0;
	sqlite3_stmt *s = db_query(
	    db, "SELECT b.client FROM " DB_TWINS " AND a.client BETWEEN ?1 AND ?2",
	    DB(w.low), DB(w.high));
	while (done == 0 && (rc = db_step(db, s, e)) > 0) {
		w.low = w.high = db_addr(s, 0);
		done = wake_kin(db, kin, w, e);
	}
	db_done(s);
	return done != 0 ? done : rc < 0 ? rc : 0;
}

/* What many rows of a batch ask alike is asked once. */
struct asked {
	uint64_t hashes[1024];
};

/* moment: a day's, odd for what is asked of sealed walks, too; 0 for what is of none. */
static bool is_new(struct asked *asked, uint64_t hash, int64_t moment)
{
	hash ^= hash_bytes(&moment, sizeof(moment));
	uint64_t *slot = &asked->hashes[(hash >> 32) % 1024];
	if (*slot == (hash | 1))
		return false;
	*slot = hash | 1;
	return true;
}

/* More of one name than a look-up reads excuse by their number. */
static sqlite3_stmt *wake_name(struct db *db, bool is_whole, bool is_all)
{
#define NAMED(column)                                                                    \
	"grp IN (SELECT id FROM grp) AND client IN (SELECT client FROM name "            \
	"WHERE " column " = ?1 LIMIT 4097)"
#define BEGAN " AND began BETWEEN ?2 AND ?3"
	if (is_all)
		return is_whole ? db_statement(db, WAKE_ALL NAMED("name") BEGAN)
				: db_statement(db, WAKE_ALL NAMED("domain") BEGAN);
	return is_whole ? db_statement(db, WAKE_OPEN NAMED("name"))
			: db_statement(db, WAKE_OPEN NAMED("domain"));
}

/* Of who shares the client's name: w, sealed ones too, or (NULL) all that is open. */
static int wake_named(struct db *db, struct addr client, const struct wake *w,
		      struct asked *asked, struct error *e)
{
	char text[NAME_MAX_TEXT] = "";
	sqlite3_stmt *s =
	    db_query(db,
		     "SELECT generic, CASE WHEN generic THEN name ELSE domain END "
		     "FROM name WHERE client = ?1 AND confirmed_at IS NOT NULL",
		     DB(client));
	int rc = db_step(db, s, e);
	bool is_whole = rc > 0 && sqlite3_column_int(s, 0);
	(void)str_copy(text, sizeof(text), rc > 0 ? db_text(s, 1) : "");
	db_done(s);
	if (rc < 0 || !*text)
		return rc < 0 ? rc : 0;
	if (asked && !is_new(asked, hash_name(text), w ? w->since + 1 : 0))
		return 0;
	s = wake_name(db, is_whole, w != NULL);
	(void)sqlite3_bind_text(s, 1, text, -1, SQLITE_TRANSIENT);
	if (w) {
		(void)sqlite3_bind_int64(s, 2, w->since);
		(void)sqlite3_bind_int64(s, 3, w->until);
	}
	return db_run(db, s, e);
}

/* A run at a real host speaks of its prefix, and of who shares its name. Where many rows
 * ask the same, it is of the whole day. */
static int wake_of_real(struct db *db, const struct kin *kin, const struct run *r,
			struct asked *asked, struct error *e)
{
	struct wake w = { .group = r->group,
			  .since = r->began - WAKE_BEFORE,
			  .until = r->last + WAKE_AFTER,
			  .is_all = r->kind == RUN_LATE };
	prefix_pool_range(r->client, &w.low, &w.high);
	int rc = wake_kin(db, kin, w, e);
	w.since = run_day(r) - WAKE_BEFORE;
	w.until = run_day(r) + RUN_REACH + WAKE_AFTER;
	if (rc == 0 && is_new(asked, addr_hash(w.low), w.since + w.is_all))
		rc = wake_twins(db, kin, w, e);
	return rc == 0 ? wake_named(db, r->client, w.is_all ? &w : NULL, asked, e) : rc;
}

/* Its own: of so few days there are never too many. */
static int wake_own(struct db *db, const struct kin *kin, const struct wake *w,
		    struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < kin->count && rc == 0; i++) {
		rc = db_change(db, e,
			       WAKE_ALL
			       "grp = ?1 AND client = ?2 AND began BETWEEN ?3 AND ?4",
			       DB(kin->ids[i]), DB(w->low), DB(w->since), DB(w->until));
	}
	return rc;
}

/* One at a decoy, knocks too, of those of the same sender that it may touch; of itself,
 * too. */
static int wake_of_decoy(struct db *db, const struct kin *kin, const struct run *r,
			 struct error *e)
{
	struct wake w = { .group = r->group,
			  .low = r->client,
			  .high = r->client,
			  .since = r->began - STAMP_DAY - 2 * RUN_GAP,
			  .until = r->last + 2 * RUN_GAP,
			  .is_all = true };
	int rc = wake_own(db, kin, &w, e);
	return rc == 0 ? wake_twins(db, kin, w, e) : rc;
}

int fold_wake_client(struct db *db, struct addr client, struct error *e)
{
	return db_change(db, e,
			 WAKE_OPEN
			 "grp IN (SELECT id FROM grp) AND client IN (SELECT ?1 UNION "
			 "ALL SELECT b.client FROM " DB_TWINS " AND a.client = ?1)",
			 DB(client));
}

int fold_wake_named(struct db *db, struct addr client, struct error *e)
{
	int rc = fold_wake_client(db, client, e);
	return rc == 0 ? wake_named(db, client, NULL, NULL, e) : rc;
}

/* ---- the whole ---- */

static int write_run(struct db *db, const struct kin *kin, struct run *r,
		     struct asked *asked, struct error *e)
{
	struct day d;
	int rc = read_day(db, r, &d, e);
	if (rc != 0)
		return rc;
	join_day(&d, r);
	rc = write_joined(db, &d, r, e);
	if (rc != 0)
		return rc;
	bool is_real = r->kind == RUN_REAL || r->kind == RUN_LATE;
	return is_real ? wake_of_real(db, kin, r, asked, e)
		       : wake_of_decoy(db, kin, r, e);
}

int fold_write(struct fold *f, struct db *db, const struct sites *sites, struct error *e)
{
	struct kin kin = { .count = 0 };
	struct asked asked = { { 0 } };
	struct run now;
	int rc = 0;
	for (size_t i = 0; i < f->count; i++)
		f->order[i] = &f->runs[i];
	if (f->count > 0)
		qsort(f->order, f->count, sizeof(struct run *), compare_runs);
	for (size_t i = 0; i < f->count && rc == 0;) {
		now = *f->order[i++];
		while (i < f->count && run_is_one(&now, f->order[i]))
			run_merge(&now, f->order[i++]);
		if (kin.count == 0 || kin.ids[0] != now.group)
			kin.count = sites_kin(sites, now.group, kin.ids);
		rc = write_run(db, &kin, &now, &asked, e);
	}
	return rc;
}
