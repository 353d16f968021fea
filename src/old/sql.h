/*
 * sql - the few SQLite calls that every part of the journal makes
 *
 * One place turns SQLite's codes into ours, with a sentence that names the
 * file and, where a person can do something about it, what.
 *
 * Ownership: statements belong to who prepared them.
 */
#ifndef FMX_OLD_SQL_H
#define FMX_OLD_SQL_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

/* Never SQLITE_OK, _ROW or _DONE. doing completes "cannot ... PATH". Returns
 * -ENOSPC, -EBUSY, -EACCES, FMX_EFOREIGN (damaged, not ours), -EIO. */
int sql_error(sqlite3 *db, const char *path, const char *doing, struct error *e);

FMX_MUST_CHECK int sql_exec(sqlite3 *db, const char *path, const char *sql,
			    struct error *e);
FMX_MUST_CHECK int sql_prepare(sqlite3 *db, const char *path, const char *sql,
			       sqlite3_stmt **ret_stmt, struct error *e);
/* The one number that sql gives; 0 when there is no row or it is NULL. */
FMX_MUST_CHECK int sql_number(sqlite3 *db, const char *path, const char *sql,
			      int64_t *ret_number, struct error *e);
/* Steps a statement that gives no rows, and resets it. */
FMX_MUST_CHECK int sql_done(sqlite3 *db, const char *path, sqlite3_stmt *stmt,
			    struct error *e);
/* Ends a transaction if one is open; what it wrote is gone. */
void sql_rollback(sqlite3 *db);

#endif
