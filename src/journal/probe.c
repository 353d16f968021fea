#include "journal/probe.h"

int probe_each_last(struct db *db, uint16_t host, unsigned most, probe_fn fn, void *arg,
		    struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db, "SELECT time FROM probe WHERE host = ?1 ORDER BY time DESC LIMIT ?2",
	    DB(host), DB(most));
	int r;
	while ((r = db_step(db, s, e)) > 0)
		fn(arg, host, sqlite3_column_int64(s, 0));
	return r;
}
