#include <assert.h>
#include <errno.h>

#include "old/internal.h"
#include "old/row.h"
#include "old/sql.h"

/* Deleted in one transaction: some ten milliseconds of a writer's patience. */
enum { DELETE_SLICE = 5000 };

uint64_t journal_seq_before(struct journal *j, int64_t before)
{
	sqlite3_stmt *stmt = NULL;
	uint64_t seq = 0;

	/* seen never decreases, so the first record that is not before ends
	 * the search. */
	if (sql_prepare(j->db, j->path,
			"SELECT seq, seen FROM record WHERE seq > "
			"coalesce((SELECT upto_seq FROM checkpoint), 0) ORDER BY seq",
			&stmt, NULL) != 0)
		return 0;
	while (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int64(stmt, 1) < before)
		seq = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(
	    stmt); /* an error ends the search early: less is deleted */
	return seq;
}

int journal_allowed(struct journal *j, journal_record_fn fn, void *arg, struct error *e)
{
	struct record r;
	sqlite3_stmt *stmt = NULL;
	int step = SQLITE_DONE;
	int rc =
	    sql_prepare(j->db, j->path,
			"SELECT " ROW_COLUMNS
			" FROM record WHERE kind = 9 /* RECORD_ALLOW */ ORDER BY seq",
			&stmt, e);
	if (rc != 0)
		return rc;
	while (rc == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW)
		if (row_read(stmt, &r)) /* `verify` tells of the others */
			rc = fn(arg, &r, e);
	if (rc == 0 && step != SQLITE_DONE)
		rc = sql_error(j->db, j->path, "read", e);
	(void)sqlite3_finalize(stmt); /* told above */
	return rc;
}

static int check_upto(struct journal *j, const struct head *head, uint64_t upto_seq,
		      struct error *e)
{
	int64_t old = 0;
	int rc = sql_number(j->db, j->path, "SELECT upto_seq FROM checkpoint", &old, e);
	if (rc != 0)
		return rc;
	if ((int64_t)upto_seq > head->last_seq || (int64_t)upto_seq < old)
		return error_set(
		    e, -EINVAL,
		    "the checkpoint of %s cannot move from record %lld to %lld", j->path,
		    (long long)old, (long long)upto_seq);
	return 0;
}

static int put_checkpoint(struct journal *j, uint64_t upto_seq, const void *data,
			  size_t len, struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc =
	    sql_prepare(j->db, j->path,
			"INSERT OR REPLACE INTO checkpoint VALUES (1, ?1, ?2)", &stmt, e);
	if (rc != 0)
		return rc;
	(void)sqlite3_bind_int64(stmt, 1, (int64_t)upto_seq);
	if (sqlite3_bind_blob64(stmt, 2, len ? data : "", len, SQLITE_STATIC) !=
	    SQLITE_OK)
		rc = error_set(e, FMX_ETOOBIG,
			       "the checkpoint of %s is too big (%zu bytes)", j->path,
			       len);
	else
		rc = sql_done(j->db, j->path, stmt, e);
	(void)sqlite3_finalize(stmt); /* told above */
	return rc;
}

/* ALLOW records stay: there are few, and the list with its notes is asked for.
 * A replay passes over them all the same. */
#define DELETABLE "seq <= ?1 AND kind <> 9 /* RECORD_ALLOW */"
_Static_assert(RECORD_ALLOW == 9, "as in DELETABLE");

static int run_delete(struct journal *j, const char *sql, uint64_t upto_seq,
		      struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sql_prepare(j->db, j->path, sql, &stmt, e);
	if (rc != 0)
		return rc;
	(void)sqlite3_bind_int64(stmt, 1, (int64_t)upto_seq);
	(void)sqlite3_bind_int64(stmt, 2, DELETE_SLICE);
	rc = sql_done(j->db, j->path, stmt, e);
	(void)sqlite3_finalize(stmt); /* told above */
	return rc;
}

static int delete_slice(struct journal *j, uint64_t upto_seq, int64_t *ret_deleted,
			struct error *e)
{
	struct head head = { 0 };
	int rc = journal_begin(j, &head, e);
	if (rc != 0)
		return rc;
	rc = run_delete(j,
			"DELETE FROM record WHERE " DELETABLE " AND seq < "
			"(SELECT seq FROM record WHERE " DELETABLE
			" ORDER BY seq LIMIT 1) + ?2",
			upto_seq, e);
	if (rc != 0) {
		sql_rollback(j->db);
		return rc;
	}
	int64_t deleted = sqlite3_changes64(j->db);
	head.records -= deleted;
	rc = journal_end(j, &head, e);
	if (rc == 0)
		*ret_deleted = deleted;
	return rc;
}

/*
 * The checkpoint first: from then on a replay passes over the records up to
 * upto_seq, so it does not matter that the slices are deleted one by one, nor
 * when the power fails among them. The next call deletes what is left.
 */
int64_t journal_retain(struct journal *j, uint64_t upto_seq, const void *data, size_t len,
		       struct error *e)
{
	struct head head = { 0 };
	int64_t total = 0;
	int64_t deleted = 0;

	assert(j->mode == JOURNAL_WRITE);
	int rc = journal_begin(j, &head, e);
	if (rc != 0)
		return rc;
	rc = check_upto(j, &head, upto_seq, e);
	if (rc == 0)
		rc = put_checkpoint(j, upto_seq, data, len, e);
	if (rc != 0) {
		sql_rollback(j->db);
		return rc;
	}
	rc = journal_end(j, &head, e);
	do {
		if (rc == 0)
			rc = delete_slice(j, upto_seq, &deleted, e);
		total += rc == 0 ? deleted : 0;
	} while (rc == 0 && deleted > 0);
	return rc == 0 ? total : rc;
}
