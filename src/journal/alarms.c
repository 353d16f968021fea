#include "journal/alarms.h"

int alarms_each(struct db *db, alarms_fn fn, void *arg, struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(db, "SELECT kind, host, client, since, quiet, text "
			     "FROM alarm ORDER BY since");
	int r;
	while ((r = db_step(db, s, e)) == 1) {
		struct alarms_kept a = {
			.kind = db_text(s, 0),
			.host = db_text(s, 1),
			.client = db_addr(s, 2),
			.since = sqlite3_column_int64(s, 3),
			.is_quiet = sqlite3_column_int(s, 4) != 0,
			.text = db_text(s, 5),
		};
		fn(arg, &a);
	}
	return r;
}

static int put(struct db *db, const struct alarms_kept *a, struct error *e)
{
	return db_change(db, e,
			 "INSERT OR REPLACE INTO alarm(kind, host, client, "
			 "since, quiet, text) "
			 "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
			 DB(a->kind), DB(a->host), DB(a->client), DB(a->since),
			 DB(a->is_quiet), DB(a->text));
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
