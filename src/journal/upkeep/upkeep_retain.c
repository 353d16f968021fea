#include "journal/upkeep/upkeep.h"

#include <stdio.h>

#include "journal/upkeep/upkeep_own.h"

/* The least that is kept whatever the configuration says: walks are open for five days;
 * accepted mail counts for 90. */
#define VISITS_LEAST (6 * STAMP_DAY)
#define RUNS_LEAST (96 * STAMP_DAY)

enum { KEYS_MOST = 4 };
enum age { AGE_SHORT, AGE_LONG };

/*
 * A table without an index by age is walked through once a day by its key, some rows a
 * step. select: the key's columns after ?1.., at most ?5 rows, and whether it is older
 * than ?6; erase: one row by its key.
 */
#define AFTER(columns, marks, table, old)                                                \
	"SELECT " columns ", " old " FROM " table " WHERE (" columns ") > (" marks       \
	") ORDER BY " columns " LIMIT ?5"
static const struct walk_through {
	enum age age;
	int keys;
	const char *select, *erase;
} tables[] = {
	{ AGE_SHORT, 2,
	  AFTER("grp, hash", "?1, ?2", "envelope",
		"max(coalesce(told4, 0), coalesce(told6, 0), coalesce(real4_last, 0), "
		"coalesce(real6_last, 0), coalesce(accepted, 0)) < ?6"),
	  "DELETE FROM envelope WHERE grp = ?1 AND hash = ?2" },
	{ AGE_SHORT, 2, AFTER("host, time", "?1, ?2", "probe", "time < ?6"),
	  "DELETE FROM probe WHERE host = ?1 AND time = ?2" },
	{ AGE_SHORT, 3, AFTER("host, five, client", "?1, ?2, ?3", "refusal", "five < ?6"),
	  "DELETE FROM refusal WHERE host = ?1 AND five = ?2 AND client = ?3" },
	{ AGE_LONG, 2, AFTER("host, five", "?1, ?2", "slot", "five < ?6"),
	  "DELETE FROM slot WHERE host = ?1 AND five = ?2" },
	{ AGE_LONG, 4,
	  AFTER("host, site, kind, since", "?1, ?2, ?3, ?4", "span", "until < ?6"),
	  "DELETE FROM span WHERE host = ?1 AND site = ?2 AND kind = ?3 AND since = ?4" },
	{ AGE_LONG, 3, AFTER("client, grp, since", "?1, ?2, ?3", "listing", "until < ?6"),
	  "DELETE FROM listing WHERE client = ?1 AND grp = ?2 AND since = ?3" },
	{ AGE_LONG, 1, AFTER("client", "?1", "name", "learnt < ?6"),
	  "DELETE FROM name WHERE client = ?1" },
	{ AGE_LONG, 2, AFTER("client, domain", "?1, ?2", "spf", "passed_at < ?6"),
	  "DELETE FROM spf WHERE client = ?1 AND domain = ?2" },
	{ AGE_LONG, 2, AFTER("client, zone", "?1, ?2", "compared", "time < ?6"),
	  "DELETE FROM compared WHERE client = ?1 AND zone = ?2" },
	{ AGE_LONG, 1, AFTER("domain", "?1", "wrote_to", "last < ?6"),
	  "DELETE FROM wrote_to WHERE domain = ?1" },
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static int erase_row(struct db *db, const char *erase, int keys, sqlite3_stmt *row,
		     struct error *e)
{
	sqlite3_stmt *s = db_statement(db, erase);
	for (int i = 1; i <= keys; i++)
		(void)sqlite3_bind_value(s, i, sqlite3_column_value(row, i - 1));
	return db_run(db, s, e);
}

/* ---- visits: the oldest have the least numbers; runs: by an index ---- */

static int delete_visits(struct db *db, int64_t before, size_t most, bool *ret_more,
			 struct error *e)
{
	int rc = upkeep_keep_last_id(db, e);
	sqlite3_stmt *s = db_query(db,
				   "DELETE FROM visit WHERE seen < ?1 AND id < "
				   "(SELECT min(id) FROM visit) + ?2",
				   DB(before), DB((int64_t)most));
	if (rc == 0)
		rc = db_run(db, s, e);
	*ret_more = rc == 0 && sqlite3_changes64(db_sqlite(db)) > 0;
	return rc;
}

static int delete_runs(struct db *db, int64_t before, size_t most, bool *ret_more,
		       struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db,
	    "SELECT kind, grp, client, began FROM run WHERE kind > 0 AND began < ?1 "
	    "AND began + last < ?1 ORDER BY began LIMIT ?2",
	    DB(before), DB((int64_t)most));
	int rc;
	*ret_more = false;
	while ((rc = db_step(db, s, e)) > 0) {
		rc = erase_row(db,
			       "DELETE FROM run WHERE kind = ?1 AND grp = ?2 AND client "
			       "= ?3 AND began = ?4",
			       4, s, e);
		if (rc != 0)
			break;
		*ret_more = true;
	}
	db_done(s);
	return rc;
}

int upkeep_keep_last_id(struct db *db, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    db, "INSERT INTO meta(name, value) SELECT 'last_id', id FROM visit WHERE "
		"id = (SELECT max(id) FROM visit) ON CONFLICT DO UPDATE SET "
		"value = excluded.value WHERE excluded.value > value");
	return db_run(db, s, e);
}

/* ---- the others: where the walk through is stands in meta ---- */

static void cursor_name(int key, char name[32])
{
	(void)snprintf(name, 32, "retain key %d", key);
}

/* Before the first row: numbers and texts are less than any blob, NULL than none. */
static int bind_cursor(struct db *db, sqlite3_stmt *select, int keys, struct error *e)
{
	int rc = 0;
	for (int i = 1; i <= keys && rc >= 0; i++) {
		char name[32];
		cursor_name(i, name);
		sqlite3_stmt *s =
		    db_statement(db, "SELECT value FROM meta WHERE name = ?1");
		(void)sqlite3_bind_text(s, 1, name, -1, SQLITE_TRANSIENT);
		rc = db_step(db, s, e);
		if (rc > 0)
			(void)sqlite3_bind_value(select, i, sqlite3_column_value(s, 0));
		else
			(void)sqlite3_bind_int64(select, i, INT64_MIN);
		db_done(s);
	}
	return rc < 0 ? rc : 0;
}

static int keep_cursor(struct db *db, sqlite3_stmt *row, int keys, struct error *e)
{
	int rc = 0;
	for (int i = 1; i <= keys && rc == 0; i++) {
		char name[32];
		cursor_name(i, name);
		sqlite3_stmt *s =
		    db_statement(db, "REPLACE INTO meta(name, value) VALUES (?1, ?2)");
		(void)sqlite3_bind_text(s, 1, name, -1, SQLITE_TRANSIENT);
		(void)sqlite3_bind_value(s, 2, sqlite3_column_value(row, i - 1));
		rc = db_run(db, s, e);
	}
	return rc;
}

/* The next table; after the last all is done for the day. */
static int next_table(struct db *db, int64_t table, int64_t now, struct error *e)
{
	bool is_end = table + 1 == TABLES;
	int rc = db_run(
	    db, db_statement(db, "DELETE FROM meta WHERE name LIKE 'retain key _'"), e);
	if (rc == 0)
		rc = db_set_meta(db, "retain table", is_end ? 0 : table + 1, e);
	if (rc == 0 && is_end)
		rc = db_set_meta(db, "retain day", now / STAMP_DAY, e);
	return rc;
}

/* The row under the cursor may be deleted: what is read next is found by its key. */
static int walk_table(struct db *db, int64_t now, const int64_t before[2], size_t most,
		      bool *ret_more, struct error *e)
{
	int64_t at = db_meta(db, "retain table", 0);
	const struct walk_through *t = &tables[at < 0 || at >= TABLES ? 0 : at];
	sqlite3_stmt *s = db_statement(db, t->select);
	size_t rows = 0;
	(void)sqlite3_bind_int64(s, 5, (int64_t)most);
	(void)sqlite3_bind_int64(s, 6, before[t->age]);
	int rc = bind_cursor(db, s, t->keys, e);
	while (rc == 0 && (rc = db_step(db, s, e)) > 0) {
		rc = sqlite3_column_int(s, t->keys)
			 ? erase_row(db, t->erase, t->keys, s, e)
			 : 0;
		if (rc == 0 && ++rows == most)
			rc = keep_cursor(db, s, t->keys, e);
	}
	db_done(s);
	*ret_more = rc == 0;
	return rc == 0 && rows < most ? next_table(db, t - tables, now, e) : rc;
}

int retain_step(struct db *db, int64_t now, int64_t retention, size_t most,
		bool *ret_more, struct error *e)
{
	int64_t visits = retention > VISITS_LEAST ? retention : VISITS_LEAST;
	int64_t runs = retention > RUNS_LEAST ? retention : RUNS_LEAST;
	const int64_t before[] = {
		[AGE_SHORT] = now - VISITS_LEAST, [AGE_LONG] = now - runs
	};
	bool is_more = false;
	int rc = db_begin(db, e);
	if (rc != 0)
		return rc;
	rc = delete_visits(db, now - visits, most, &is_more, e);
	if (rc == 0 && !is_more)
		rc = delete_runs(db, now - runs, most, &is_more, e);
	if (rc == 0 && !is_more && db_meta(db, "retain day", -1) < now / STAMP_DAY)
		rc = walk_table(db, now, before, most, &is_more, e);
	if (rc == 0)
		rc = db_commit(db, e);
	else
		db_rollback(db);
	if (rc == 0)
		*ret_more = is_more;
	return rc;
}
