#include "journal/alarms.h"

int alarms_each(struct db *db, alarms_fn fn, void *arg, struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(db, "SELECT kind, host, client, since, quiet, text "
			     "FROM alarm ORDER BY since");
	int r;
	while ((r = db_step(db, s, e)) == 1) {
		struct alarms_kept a = {
			.kind = (const char *)sqlite3_column_text(s, 0),
			.host = (const char *)sqlite3_column_text(s, 1),
			.client = db_addr(s, 2),
			.since = sqlite3_column_int64(s, 3),
			.is_quiet = sqlite3_column_int(s, 4) != 0,
			.text = (const char *)sqlite3_column_text(s, 5),
		};
		fn(arg, &a);
	}
	return r;
}

static int put(struct db *db, const struct alarms_kept *a, struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(db, "INSERT OR REPLACE INTO alarm(kind, host, client, "
			     "since, quiet, text) "
			     "VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
	(void)sqlite3_bind_text(s, 1, a->kind, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 2, a->host, -1, SQLITE_STATIC);
	db_bind_addr(s, 3, a->client);
	(void)sqlite3_bind_int64(s, 4, a->since);
	(void)sqlite3_bind_int(s, 5, a->is_quiet);
	(void)sqlite3_bind_text(s, 6, a->text, -1, SQLITE_STATIC);
	return db_run(db, s, e);
}

int alarms_put(struct db *db, const struct alarms_kept *all, size_t count,
	       struct error *e)
{
	int r = db_begin(db, e);
	if (r < 0)
		return r;
	r = db_run(db, db_statement(db, "DELETE FROM alarm"), e);
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = put(db, &all[i], e);
	if (r >= 0)
		r = db_commit(db, e);
	if (r < 0)
		db_rollback(db);
	return r;
}
