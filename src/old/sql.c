#include "old/sql.h"

#include <errno.h>
#include <string.h>

static int damaged(const char *path, const char *why, struct error *e)
{
	return error_set(e, FMX_EFOREIGN,
			 "%s is damaged (%s): put a backup in its place with "
			 "`fakemx journal restore BACKUP`",
			 path, why);
}

static int failed(const char *path, const char *doing, int cause, struct error *e)
{
	return error_set(e, -cause, "cannot %s %s: %s", doing, path, strerror(cause));
}

/* SQLite keeps what the kernel said for these two codes only. */
static int kernel_error(sqlite3 *db, int fallback)
{
	int cause = sqlite3_system_errno(db);
	return cause != 0 ? cause : fallback;
}

int sql_error(sqlite3 *db, const char *path, const char *doing, struct error *e)
{
	switch (sqlite3_errcode(db)) {
	case SQLITE_FULL: return failed(path, "write", ENOSPC, e);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(e, -EBUSY,
				 "cannot %s %s: another process is writing to it", doing,
				 path);
	case SQLITE_NOTADB:
		return error_set(e, FMX_EFOREIGN,
				 "%s is not a fakemx journal: name another file, or move "
				 "this one away",
				 path);
	/* Our statements never change: one that does not fit is the file's fault. */
	case SQLITE_ERROR:
	case SQLITE_CORRUPT: return damaged(path, sqlite3_errmsg(db), e);
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY: return failed(path, doing, EACCES, e);
	case SQLITE_CANTOPEN: return failed(path, doing, kernel_error(db, EACCES), e);
	case SQLITE_IOERR: return failed(path, doing, kernel_error(db, EIO), e);
	default:
		return error_set(e, -EIO, "cannot %s %s: %s", doing, path,
				 sqlite3_errmsg(db));
	}
}

int sql_exec(sqlite3 *db, const char *path, const char *sql, struct error *e)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_error(db, path, "use", e);
	return 0;
}

int sql_prepare(sqlite3 *db, const char *path, const char *sql, sqlite3_stmt **ret_stmt,
		struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
	    SQLITE_OK)
		return sql_error(db, path, "use", e);
	*ret_stmt = stmt;
	return 0;
}

int sql_number(sqlite3 *db, const char *path, const char *sql, int64_t *ret_number,
	       struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sql_prepare(db, path, sql, &stmt, e);
	if (rc != 0)
		return rc;
	int step = sqlite3_step(stmt);
	if (step == SQLITE_ROW || step == SQLITE_DONE)
		*ret_number = step == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	else
		rc = sql_error(db, path, "read", e);
	(void)sqlite3_finalize(stmt); /* its error was reported by the step */
	return rc;
}

int sql_done(sqlite3 *db, const char *path, sqlite3_stmt *stmt, struct error *e)
{
	int rc = 0;
	if (sqlite3_step(stmt) != SQLITE_DONE)
		rc = sql_error(db, path, "write", e);
	(void)sqlite3_reset(stmt); /* as above */
	return rc;
}

void sql_rollback(sqlite3 *db)
{
	if (!sqlite3_get_autocommit(db)) {
		/* A failed rollback leaves nothing to do: SQLite then undoes
		 * the transaction when the file is opened next. */
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	}
}
