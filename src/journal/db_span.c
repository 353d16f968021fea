#include "journal/db.h"

static int insert(struct db *db, uint16_t host, uint16_t site, enum span_kind kind,
		  int64_t since, int64_t until, struct error *e)
{
	if (since >= until)
		return 0;
	return db_change(db, e,
			 "REPLACE INTO span(host, site, kind, since, until) VALUES "
			 "(?1, ?2, ?3, ?4, ?5)",
			 DB(host), DB(site), DB(kind), DB(since), DB(until));
}

static int erase(struct db *db, uint16_t host, uint16_t site, enum span_kind kind,
		 int64_t since, struct error *e)
{
	return db_change(db, e,
			 "DELETE FROM span WHERE host = ?1 AND site = ?2 AND "
			 "kind = ?3 AND since = ?4",
			 DB(host), DB(site), DB(kind), DB(since));
}

/* The last row that begins at or before `before`: 1 if there is one. The rows of one host
 * (or site) and kind lie apart, so by `until` as by `since`. */
static int last_before(struct db *db, uint16_t host, uint16_t site, enum span_kind kind,
		       int64_t before, struct span *ret, struct error *e)
{
	sqlite3_stmt *s = db_query(db,
				   "SELECT since, until FROM span WHERE host = ?1 AND "
				   "site = ?2 AND kind = ?3 AND since <= ?4 "
				   "ORDER BY since DESC LIMIT 1",
				   DB(host), DB(site), DB(kind), DB(before));
	int rc = db_step(db, s, e);
	if (rc > 0) {
		ret->since = sqlite3_column_int64(s, 0);
		ret->until = sqlite3_column_int64(s, 1);
	}
	db_done(s);
	return rc;
}

int db_add_span(struct db *db, uint16_t host, uint16_t site, enum span_kind kind,
		struct span s, struct error *e)
{
	struct span old;
	int rc = 0;
	if (s.since >= s.until)
		return 0;
	while ((rc = last_before(db, host, site, kind, s.until, &old, e)) > 0 &&
	       old.until >= s.since) {
		if (old.since <= s.since)
			return old.until >= s.until
				   ? 0
				   : insert(db, host, site, kind, old.since, s.until, e);
		s.since = old.since < s.since ? old.since : s.since;
		s.until = old.until > s.until ? old.until : s.until;
		rc = erase(db, host, site, kind, old.since, e);
		if (rc != 0)
			return rc;
	}
	return rc < 0 ? rc : insert(db, host, site, kind, s.since, s.until, e);
}

int db_cut_span(struct db *db, uint16_t host, uint16_t site, enum span_kind kind,
		struct span s, struct error *e)
{
	struct span old;
	int rc = 0;
	if (s.since >= s.until)
		return 0;
	while ((rc = last_before(db, host, site, kind, s.until - 1, &old, e)) > 0 &&
	       old.until > s.since) {
		rc = erase(db, host, site, kind, old.since, e);
		if (rc == 0 && old.until > s.until)
			rc = insert(db, host, site, kind, s.until, old.until, e);
		if (rc == 0 && old.since < s.since)
			return insert(db, host, site, kind, old.since, s.since, e);
		if (rc != 0)
			return rc;
	}
	return rc < 0 ? rc : 0;
}
