#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "old/internal.h"
#include "old/row.h"
#include "old/schema.h"
#include "old/sql.h"

enum { PATH_LIMIT = 64 * 1024 };

/* ---- verify ---- */

static int unsound(const char *path, const char *why, struct error *e)
{
	return error_set(e, FMX_EFOREIGN,
			 "%s is damaged (%s): put a backup in its place with "
			 "`fakemx journal restore BACKUP`",
			 path, why);
}

static int check_pages(sqlite3 *db, const char *path, struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sql_prepare(db, path, "PRAGMA integrity_check(1)", &stmt, e);
	if (rc != 0)
		return rc;
	if (sqlite3_step(stmt) != SQLITE_ROW) {
		rc = sql_error(db, path, "read", e);
	} else {
		const char *said = (const char *)sqlite3_column_text(stmt, 0);
		if (!said || strcmp(said, "ok") != 0)
			rc = unsound(path, said ? said : "no answer", e);
	}
	(void)sqlite3_finalize(stmt); /* told above */
	return rc;
}

struct walked {
	uint64_t records, last_seq;
	int64_t last_seen;
};

static int check_rows(sqlite3 *db, const char *path, struct walked *w, struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	struct record r;
	int step = SQLITE_DONE;
	int rc = sql_prepare(db, path, "SELECT " ROW_COLUMNS " FROM record ORDER BY seq",
			     &stmt, e);
	if (rc != 0)
		return rc;
	while (rc == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (!row_read(stmt, &r))
			rc = unsound(path, "a record cannot be read", e);
		else if (r.seen < w->last_seen)
			rc = unsound(path, "its records are out of order", e);
		w->last_seen = r.seen;
		w->last_seq = r.seq;
		w->records++;
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = sql_error(db, path, "read", e);
	(void)sqlite3_finalize(stmt); /* told above */
	return rc;
}

static int check_totals(sqlite3 *db, const char *path, const struct walked *w,
			struct error *e)
{
	static const char *const questions[] = {
		"SELECT records FROM head",
		"SELECT last_seq FROM head",
		"SELECT last_seen FROM head",
		"SELECT max(upto_seq) FROM checkpoint",
		"SELECT max(length(state)) FROM checkpoint",
	};
	enum { COUNT = sizeof(questions) / sizeof(questions[0]) };
	int64_t n[COUNT] = { 0 };
	int rc = 0;
	for (size_t i = 0; i < COUNT && rc == 0; i++)
		rc = sql_number(db, path, questions[i], &n[i], e);
	if (rc != 0)
		return rc;
	if ((uint64_t)n[0] != w->records || (uint64_t)n[1] < w->last_seq ||
	    n[2] < w->last_seen || n[3] > n[1])
		return unsound(path, "its totals do not fit its records", e);
	return 0;
}

int journal_verify(const char *path, uint64_t *ret_records, struct error *e)
{
	sqlite3 *db;
	struct walked w = { .last_seen = INT64_MIN };

	if (access(path, R_OK) != 0)
		return error_set(e, -errno, "cannot open %s: %s", path, strerror(errno));
	int rc = journal_connect(path, SQLITE_OPEN_READONLY, &db, e);
	if (rc != 0)
		return rc;
	/* One moment for rows and totals, though serve may be writing. */
	rc = sql_exec(db, path, "BEGIN", e);
	if (rc == 0)
		rc = schema_open(db, path, false, e);
	if (rc == 0)
		rc = check_pages(db, path, e);
	if (rc == 0)
		rc = check_rows(db, path, &w, e);
	if (rc == 0)
		rc = check_totals(db, path, &w, e);
	(void)sqlite3_close(db); /* read only: nothing to lose */
	if (rc == 0)
		*ret_records = w.records;
	return rc;
}

/* ---- backup ---- */

/*
 * All pages in one step: one read transaction, which in WAL mode keeps no
 * writer waiting, and a copy of one moment. The copy leaves WAL mode, so that
 * it is one file.
 */
static int copy_pages(sqlite3 *from, const char *to, struct error *e)
{
	sqlite3 *db;
	int rc = journal_connect(to, SQLITE_OPEN_READWRITE, &db, e);
	if (rc != 0)
		return rc;
	sqlite3_backup *b = sqlite3_backup_init(db, "main", from, "main");
	if (b) {
		(void)sqlite3_backup_step(b, -1); /* finish repeats its error */
		(void)sqlite3_backup_finish(b);   /* and leaves it in db */
	}
	if (sqlite3_errcode(db) != SQLITE_OK)
		rc = sql_error(db, to, "write", e);
	else
		rc = sql_exec(db, to, "PRAGMA journal_mode = DELETE", e);
	(void)sqlite3_close(db); /* committed, or told above */
	return rc;
}

/* owner: the journal whose owner the copy is given to; NULL: the caller's. */
static int copy_to_new(sqlite3 *from, const char *to, const char *owner, struct error *e)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return error_set(e, -errno, "cannot make %s: %s", to, strerror(errno));
	int rc = owner ? journal_give(fd, owner, e) : 0;
	(void)close(fd); /* nothing was written */
	if (rc == 0)
		rc = copy_pages(from, to, e);
	if (rc != 0)
		(void)unlink(to); /* half a copy is none */
	return rc;
}

int journal_backup(struct journal *j, const char *to, struct error *e)
{
	return copy_to_new(j->db, to, NULL, e);
}

/* ---- restore ---- */

/* Names of the files beside path. */
struct names {
	struct buf wal, shm, temp, kept, kept_wal;
};

static void name_files(struct names *n, const char *path)
{
	*n = (struct names){ BUF_INIT(PATH_LIMIT), BUF_INIT(PATH_LIMIT),
			     BUF_INIT(PATH_LIMIT), BUF_INIT(PATH_LIMIT),
			     BUF_INIT(PATH_LIMIT) };
	buf_addf(&n->wal, "%s-wal", path);
	buf_addf(&n->shm, "%s-shm", path);
	buf_addf(&n->temp, "%s.restoring", path);
	buf_addf(&n->kept, "%s.before-restore", path);
	buf_addf(&n->kept_wal, "%s.before-restore-wal", path);
}

static void release_names(struct names *n)
{
	buf_release(&n->wal);
	buf_release(&n->shm);
	buf_release(&n->temp);
	buf_release(&n->kept);
	buf_release(&n->kept_wal);
}

static int move(const char *from, const char *to, struct error *e)
{
	if (rename(from, to) == 0 || errno == ENOENT)
		return 0;
	return error_set(e, -errno, "cannot rename %s to %s: %s", from, to,
			 strerror(errno));
}

static int remove_file(const char *path, struct error *e)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	return error_set(e, -errno, "cannot remove %s: %s", path, strerror(errno));
}

/* Whoever restores twice still has the journal that he began with. */
static int keep_what_is_kept(const struct names *n, struct error *e)
{
	const char *kept = buf_text(&n->kept);
	if (access(kept, F_OK) != 0)
		return 0;
	return error_set(
	    e, -EEXIST,
	    "what an earlier restore replaced is still kept as %s: move it away "
	    "(and the same with -wal, if there), then restore again",
	    kept);
}

/*
 * The old -wal goes with the old file: beside the new one SQLite would take
 * it for its own. The -shm file is an index that SQLite makes again.
 */
static int exchange(const struct names *n, const char *path, struct error *e)
{
	int rc = remove_file(buf_text(&n->kept_wal), e); /* of a restore that failed */
	if (rc == 0)
		rc = move(buf_text(&n->wal), buf_text(&n->kept_wal), e);
	if (rc == 0)
		rc = move(path, buf_text(&n->kept), e);
	if (rc == 0)
		rc = remove_file(buf_text(&n->shm), e);
	if (rc == 0)
		rc = move(buf_text(&n->temp), path, e);
	return rc;
}

static int sync_folder(const char *path, struct error *e)
{
	char *copy = xstrdup(path);
	int rc = 0;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		rc = error_set(e, -errno, "cannot sync the folder of %s: %s", path,
			       strerror(errno));
	if (fd >= 0)
		(void)close(fd); /* synced or told */
	free(copy);
	return rc;
}

static int copy_beside(const char *from, const char *to, const char *path,
		       struct error *e)
{
	sqlite3 *db;
	int rc = remove_file(to, e); /* of a restore that was killed */
	if (rc == 0)
		rc = journal_connect(from, SQLITE_OPEN_READONLY, &db, e);
	if (rc != 0)
		return rc;
	rc = copy_to_new(db, to, path, e);
	(void)sqlite3_close(db); /* read only */
	return rc;
}

int journal_restore(const char *from, const char *path, struct error *e)
{
	struct names n;
	uint64_t records = 0;
	int lock = -1;

	int rc = journal_lock_file(path, &lock, e);
	if (rc != 0)
		return rc;
	name_files(&n, path);
	rc = keep_what_is_kept(&n, e);
	if (rc == 0)
		rc = journal_verify(from, &records, e);
	if (rc == 0)
		rc = copy_beside(from, buf_text(&n.temp), path, e);
	if (rc == 0)
		rc = exchange(&n, path, e);
	if (rc == 0)
		rc = sync_folder(path, e);
	release_names(&n);
	(void)close(lock);
	return rc;
}
