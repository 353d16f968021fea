#include "old/schema.h"

#include <stdio.h>

#include "old/journal.h"
#include "old/sql.h"

enum { SCHEMA_APPLICATION_ID = 0x464d584a }; /* "FMXJ" */

/*
 * `head` has one row: totals that would otherwise cost a scan, and the last
 * seq, which must never be used again even when its record is deleted. Every
 * writer changes it in the transaction that changes `record`.
 *
 * There is no second index: records are written in order and read in order.
 */
static const char *const steps[] = {
	/* 1 */
	"CREATE TABLE record("
	" seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, seen INTEGER NOT NULL,"
	" time INTEGER NOT NULL, site INTEGER, host INTEGER, client BLOB, depth INTEGER,"
	" outcome INTEGER, source INTEGER, flags INTEGER, precision INTEGER,"
	" answered INTEGER, ended INTEGER, helo TEXT, mail_from TEXT, domain TEXT,"
	" name TEXT, text TEXT, note TEXT);"
	"CREATE TABLE head(one INTEGER PRIMARY KEY CHECK (one = 1),"
	" records INTEGER NOT NULL, last_seq INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL);"
	"INSERT INTO head VALUES (1, 0, 0, 0);",
	/* 2: what retention deletes, a checkpoint keeps */
	"CREATE TABLE checkpoint(one INTEGER PRIMARY KEY CHECK (one = 1),"
	" upto_seq INTEGER NOT NULL, state BLOB NOT NULL);",
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == JOURNAL_SCHEMA_VERSION,
	       "each version has its step");

static int migrate_step(sqlite3 *db, const char *path, int64_t to, struct error *e)
{
	char version[128];
	(void)snprintf(version, sizeof(version),
		       "PRAGMA user_version = %d; PRAGMA application_id = %d;", (int)to,
		       (int)SCHEMA_APPLICATION_ID);
	int rc = sql_exec(db, path, steps[to - 1], e);
	if (rc == 0)
		rc = sql_exec(db, path, version, e);
	return rc;
}

/* The version is asked again inside the transaction: two processes may find
 * the same old file. */
static int migrate(sqlite3 *db, const char *path, struct error *e)
{
	int64_t version = 0;
	while (version < JOURNAL_SCHEMA_VERSION) {
		int rc = sql_exec(db, path, "BEGIN IMMEDIATE", e);
		if (rc == 0)
			rc = sql_number(db, path, "PRAGMA user_version", &version, e);
		if (rc == 0 && version < JOURNAL_SCHEMA_VERSION)
			rc = migrate_step(db, path, ++version, e);
		if (rc == 0)
			rc = sql_exec(db, path, "COMMIT", e);
		if (rc != 0) {
			sql_rollback(db);
			return rc;
		}
	}
	return 0;
}

static int check_owner(sqlite3 *db, const char *path, int64_t *ret_version,
		       struct error *e)
{
	int64_t id = 0;
	int64_t tables = 0;
	int rc = sql_number(db, path, "PRAGMA application_id", &id, e);
	if (rc == 0)
		rc = sql_number(db, path, "PRAGMA user_version", ret_version, e);
	if (rc == 0)
		rc = sql_number(db, path, "SELECT count(*) FROM sqlite_schema", &tables,
				e);
	if (rc != 0)
		return rc;

	bool is_new = tables == 0 && id == 0 && *ret_version == 0;
	if (id != SCHEMA_APPLICATION_ID && !is_new)
		return error_set(e, FMX_EFOREIGN,
				 "%s is a database, but not a fakemx journal: name "
				 "another file, or move this one away",
				 path);
	if (*ret_version > JOURNAL_SCHEMA_VERSION)
		return error_set(
		    e, FMX_EFOREIGN,
		    "%s was written by a newer fakemx (schema %lld, this one "
		    "knows %d): install that version",
		    path, (long long)*ret_version, JOURNAL_SCHEMA_VERSION);
	return 0;
}

int schema_open(sqlite3 *db, const char *path, bool may_write, struct error *e)
{
	int64_t version = 0;
	int rc = check_owner(db, path, &version, e);
	if (rc != 0 || version == JOURNAL_SCHEMA_VERSION)
		return rc;
	if (may_write)
		return migrate(db, path, e);
	if (version == 0)
		return error_set(e, FMX_EFOREIGN,
				 "%s is empty: `fakemx serve` fills it, or name another",
				 path);
	return error_set(e, FMX_EFOREIGN,
			 "%s has the older schema %lld: the next start of `fakemx serve` "
			 "brings it up to date",
			 path, (long long)version);
}
