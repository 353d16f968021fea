#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "journal/schema.h"
#include "journal/upkeep/upkeep.h"

enum { PATH_LIMIT = 64 * 1024 };

/* ---- copies ---- */

/*
 * All pages in one step: one read transaction, which in WAL mode keeps no writer waiting,
 * and a copy of one moment. The copy leaves WAL mode, so that it is one file.
 */
static int copy_pages(struct db *from, const char *to, struct error *e)
{
	sqlite3 *copy = NULL;
	int rc = sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE, NULL);
	sqlite3_backup *b = NULL;
	if (rc == SQLITE_OK)
		b = sqlite3_backup_init(copy, "main", db_sqlite(from), "main");
	if (b) {
		(void)sqlite3_backup_step(b, -1); /* finish repeats its error */
		rc = sqlite3_backup_finish(b);
	} else {
		rc = sqlite3_errcode(copy);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	int cause = sqlite3_system_errno(copy);
	(void)sqlite3_close(copy); /* committed, or told below */
	if (rc == SQLITE_OK)
		return 0;
	cause = rc == SQLITE_FULL ? ENOSPC : cause ? cause : EIO;
	return error_set(e, -cause, "cannot write %s: %s", to, strerror(cause));
}

static int remove_file(const char *path, struct error *e)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	return error_set(e, -errno, "cannot remove %s: %s", path, strerror(errno));
}

/* owner: the journal whose owner the copy is given to; NULL: the caller's. */
static int copy_to_new(struct db *from, const char *to, const char *owner,
		       struct error *e)
{
	int rc = remove_file(to, e); /* of one that was killed */
	if (rc != 0)
		return rc;
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return error_set(e, -errno, "cannot make %s: %s", to, strerror(errno));
	rc = owner ? db_give(fd, owner, e) : 0;
	(void)close(fd); /* nothing was written */
	if (rc == 0)
		rc = copy_pages(from, to, e);
	if (rc != 0)
		(void)unlink(to); /* half a copy is none */
	return rc;
}

/* As which of the journal's files the file is open, or NULL: through whatever link. */
static const char *own_file(struct db *db, const struct stat *st)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	const char *found = NULL;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]) && !found; i++) {
		struct buf name = BUF_INIT(PATH_LIMIT);
		struct stat own;
		buf_addf(&name, "%s%s", db_path(db), ends[i]);
		if (stat(buf_text(&name), &own) == 0 && own.st_dev == st->st_dev &&
		    own.st_ino == st->st_ino)
			found = i == 0 ? "the journal itself" : "a part of the journal";
		buf_release(&name);
	}
	return found;
}

/* By its header alone: a backup that is damaged or old may be replaced, too. */
static bool is_journal(const char *path)
{
	enum { MAGIC = 16, ID_AT = 68, HEADER = 72 }; /* sqlite.org/fileformat.html */
	static const char magic[MAGIC] = "SQLite format 3";
	uint8_t h[HEADER];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is_read = fd >= 0 && pread(fd, h, HEADER, 0) == HEADER;
	if (fd >= 0)
		(void)close(fd); /* only read */
	if (!is_read || memcmp(h, magic, MAGIC) != 0)
		return false;
	uint32_t id = (uint32_t)h[ID_AT] << 24 | (uint32_t)h[ID_AT + 1] << 16 |
		      (uint32_t)h[ID_AT + 2] << 8 | h[ID_AT + 3];
	return id == SCHEMA_APPLICATION_ID;
}

/* A slip of the hand must not cost the journal, nor a file of another kind. The files
 * that are open are not opened again: SQLite would lose its locks. */
static int check_target(struct db *db, const char *to, bool is_forced, struct error *e)
{
	struct stat st;
	if (stat(to, &st) != 0)
		return 0; /* a new one, or making it says why not */
	const char *own = own_file(db, &st);
	if (own)
		return error_set(e, -EEXIST,
				 "%s is %s, so nothing was copied: name another file", to,
				 own);
	if (!is_forced)
		return error_set(e, -EEXIST,
				 "%s is there already: name another file, or say --force",
				 to);
	if (S_ISREG(st.st_mode) && is_journal(to))
		return 0;
	return error_set(e, FMX_EFOREIGN,
			 "%s is there and is no fakemx journal, so --force does not "
			 "replace it: name another file, or move this one away",
			 to);
}

/* What was left of a copy that was killed is removed, but not what is open. */
static int check_part(struct db *db, const char *part, const char *to, struct error *e)
{
	struct stat st;
	const char *own = stat(part, &st) == 0 ? own_file(db, &st) : NULL;
	if (!own)
		return 0;
	return error_set(
	    e, -EEXIST,
	    "%s is %s, and a copy to %s would be made under that name first, "
	    "so nothing was copied: name another file",
	    part, own, to);
}

/* Beside it and renamed: the old one or the new one, whole. */
int journal_backup(struct db *db, const char *to, bool is_forced, struct error *e)
{
	struct buf part = BUF_INIT(PATH_LIMIT);
	int rc = check_target(db, to, is_forced, e);
	buf_addf(&part, "%s.part", to);
	if (rc == 0)
		rc = check_part(db, buf_text(&part), to, e);
	if (rc == 0)
		rc = copy_to_new(db, buf_text(&part), NULL, e);
	if (rc == 0 && renameat2(AT_FDCWD, buf_text(&part), AT_FDCWD, to,
				 is_forced ? 0 : RENAME_NOREPLACE) != 0) {
		rc = error_set(e, -errno, "cannot make %s: %s", to, strerror(errno));
		(void)unlink(buf_text(&part)); /* it is told that there is none */
	}
	buf_release(&part);
	return rc;
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

/* Whoever restores twice still has the journal that he began with. */
static int keep_what_is_kept(const struct names *n, struct error *e)
{
	const char *kept = buf_text(&n->kept);
	if (access(kept, F_OK) != 0)
		return 0;
	return error_set(e, -EEXIST,
			 "what an earlier restore replaced is still kept as %s: move it "
			 "away (and the same with -wal, if there), then restore again",
			 kept);
}

/*
 * The old -wal goes with the old file: beside the new one SQLite would take it for its
 * own. The -shm file is an index that SQLite makes again.
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

/* A page that cannot be read would be found when it is too late. */
static int check_pages(struct db *db, struct error *e)
{
	sqlite3_stmt *s = db_statement(db, "PRAGMA integrity_check(1)");
	int rc = db_step(db, s, e);
	const char *said = rc > 0 ? db_text(s, 0) : "";
	if (rc > 0 && strcmp(said, "ok") != 0)
		rc = error_set(e, FMX_EFOREIGN,
			       "%s is damaged (%s): the journal stays as it is. Is there "
			       "an older backup?",
			       db_path(db), said);
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int copy_beside(const char *from, const struct names *n, const char *path,
		       struct error *e)
{
	struct db *db = NULL;
	int rc = db_open(from, DB_READ, &db, e);
	if (rc == 0)
		rc = check_pages(db, e);
	if (rc == 0)
		rc = copy_to_new(db, buf_text(&n->temp), path, e);
	db_close(db);
	return rc;
}

/* The copy, before it takes anybody's place. */
static int verify_copy(const char *from, const struct names *n, upkeep_progress_fn fn,
		       void *arg, struct verify_result *ret_result, struct error *e)
{
	struct error why;
	int rc = journal_verify(buf_text(&n->temp), NULL, fn, arg, ret_result, &why);
	if (rc == 0)
		return 0;
	(void)unlink(buf_text(&n->temp)); /* it is told that it is of no use */
	return error_set(e, why.code,
			 "%s is not consistent, and the journal stays as it is: %s", from,
			 why.text);
}

int journal_restore(const char *from, const char *path, upkeep_progress_fn fn, void *arg,
		    struct verify_result *ret_result, struct error *e)
{
	struct names n;
	int lock = -1;
	int rc = db_lock_path(path, &lock, e);
	if (rc != 0)
		return rc;
	name_files(&n, path);
	rc = keep_what_is_kept(&n, e);
	if (rc == 0)
		rc = copy_beside(from, &n, path, e);
	if (rc == 0)
		rc = verify_copy(from, &n, fn, arg, ret_result, e);
	if (rc == 0)
		rc = exchange(&n, path, e);
	if (rc == 0)
		rc = sync_folder(path, e);
	release_names(&n);
	(void)close(lock); /* it was only held */
	return rc;
}
