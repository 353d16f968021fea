#include "journal/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/schema.h"

/*
 * How long a writer waits for another's transaction: ours are short. serve answers
 * clients in the thread that commits, so it gives up sooner and tries again a second
 * later.
 */
enum { BUSY_MS = 5000, LOCKED_BUSY_MS = 200 };

/* Statements by the address of their text; a power of two, never more than half full. */
enum { STATEMENTS = 512 };

struct db {
	char *path;
	sqlite3 *sqlite;
	int lock_fd;
	struct hash_key key;
	size_t statement_count;
	struct {
		const char *literal;
		sqlite3_stmt *stmt;
	} statements[STATEMENTS];
};

/*
 * secure_delete is on for every writer: what retention deletes must not stay in free
 * pages, where forget would not find it. NORMAL: a power failure may take back the last
 * commits, but whole, with the sources' positions. The cache is used, not reserved; a
 * reader's is small, for it goes through a page once, and new memory costs more than the
 * kernel's copy.
 * Small pages: a visit changes one somewhere, which is written twice.
 */
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

static const char settings_read[] = "PRAGMA page_size = " TEXT(
    DB_PAGE_BYTES) "; PRAGMA trusted_schema = OFF;"
		   "PRAGMA cell_size_check = ON; PRAGMA cache_size = -1024";
static const char settings_write[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;"
    "PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 16777216;"
    "PRAGMA cache_size = " DB_CACHE;

/* Of a file that is thrown away: after an error nothing more is asked of it. */
static const char settings_temporary[] =
    "PRAGMA journal_mode = OFF; PRAGMA secure_delete = OFF";

/* ---- errors ---- */

static int failed(struct db *db, const char *doing, int cause, struct error *e)
{
	return error_set(e, -cause, "cannot %s %s: %s", doing, db->path, strerror(cause));
}

int db_damaged(const char *path, const char *why, struct error *e)
{
	return error_set(e, FMX_EFOREIGN,
			 "%s is damaged (%s): put a backup in its place with `fakemx "
			 "journal restore BACKUP`",
			 path, why);
}

/* SQLite keeps what the kernel said for some codes only; and an error of input or output
 * may be that nobody may write there any more. */
static int kernel_error(struct db *db, int fallback)
{
	bool is_writer = sqlite3_db_readonly(db->sqlite, "main") == 0;
	if (is_writer && access(db->path, W_OK) != 0)
		return errno;
	int cause = sqlite3_system_errno(db->sqlite);
	return cause != 0 ? cause : fallback;
}

int db_error(struct db *db, int rc, struct error *e)
{
	switch (rc & 0xff) {
	case SQLITE_FULL: return failed(db, "write", ENOSPC, e);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(e, -EBUSY, "cannot use %s: another process writes to it",
				 db->path);
	case SQLITE_NOTADB:
		return error_set(e, FMX_EFOREIGN,
				 "%s is not a fakemx journal: name another file, or move "
				 "this one away",
				 db->path);
	/* Our statements never change: one that does not fit is the file's fault. */
	case SQLITE_ERROR:
	case SQLITE_CORRUPT: return db_damaged(db->path, sqlite3_errmsg(db->sqlite), e);
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY: return failed(db, "write", EACCES, e);
	case SQLITE_CANTOPEN: return failed(db, "open", kernel_error(db, EACCES), e);
	case SQLITE_IOERR: return failed(db, "use", kernel_error(db, EIO), e);
	default:
		return error_set(e, -EIO, "cannot use %s: %s", db->path,
				 sqlite3_errstr(rc));
	}
}

int db_exec(struct db *db, const char *sql, struct error *e)
{
	int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : db_error(db, rc, e);
}

/* ---- statements ---- */

sqlite3_stmt *db_statement(struct db *db, const char *literal)
{
	size_t at = (size_t)(((uintptr_t)literal * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
	for (at %= STATEMENTS; db->statements[at].literal; at = (at + 1) % STATEMENTS)
		if (db->statements[at].literal == literal)
			break;
	if (!db->statements[at].literal) {
		sqlite3_stmt *stmt = NULL;
		if (sqlite3_prepare_v3(db->sqlite, literal, -1, SQLITE_PREPARE_PERSISTENT,
				       &stmt, NULL) != SQLITE_OK)
			return NULL;
		db->statement_count++;
		assert(db->statement_count <= STATEMENTS / 2);
		db->statements[at].literal = literal;
		db->statements[at].stmt = stmt;
	}
	sqlite3_stmt *s = db->statements[at].stmt;
	db_done(s);
	return s;
}

void db_done(sqlite3_stmt *s)
{
	(void)sqlite3_reset(s); /* repeats what the step said */
	if (s)                  /* of NULL, SQLite clears nothing but ends */
		(void)sqlite3_clear_bindings(s);
}

int db_step(struct db *db, sqlite3_stmt *s, struct error *e)
{
	if (!s)
		return db_error(db, sqlite3_extended_errcode(db->sqlite), e);
	int rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return 1;
	int ret = rc == SQLITE_DONE ? 0 : db_error(db, rc, e);
	db_done(s);
	return ret;
}

int db_run(struct db *db, sqlite3_stmt *s, struct error *e)
{
	int rc = db_step(db, s, e);
	assert(rc <= 0);
	return rc;
}

int db_number(struct db *db, sqlite3_stmt *s, int64_t *ret_number, struct error *e)
{
	int rc = db_step(db, s, e);
	*ret_number = rc > 0 ? sqlite3_column_int64(s, 0) : 0;
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* ---- transactions ---- */

int db_begin(struct db *db, struct error *e)
{
	return db_run(db, db_statement(db, "BEGIN IMMEDIATE"), e);
}

int db_commit(struct db *db, struct error *e)
{
	int rc = db_run(db, db_statement(db, "COMMIT"), e);
	if (rc != 0)
		db_rollback(db);
	return rc;
}

void db_rollback(struct db *db)
{
	/* A failed rollback leaves nothing to do: SQLite undoes the transaction when the
	 * file is opened next. */
	if (!sqlite3_get_autocommit(db->sqlite))
		(void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

int db_begin_read(struct db *db, struct error *e)
{
	int rc = db_run(db, db_statement(db, "BEGIN"), e);
	/* The moment is that of the first read. */
	sqlite3_stmt *s = rc == 0 ? db_statement(db, "SELECT 1 FROM meta") : NULL;
	if (rc == 0)
		rc = db_step(db, s, e);
	db_done(s);
	if (rc < 0)
		db_rollback(db);
	return rc < 0 ? rc : 0;
}

void db_end_read(struct db *db)
{
	db_rollback(db);
}

/* ---- opening ---- */

static int make_schema(struct db *db, struct error *e)
{
	char marks[128];
	(void)snprintf(marks, sizeof(marks),
		       "PRAGMA user_version = %d; PRAGMA application_id = %d;",
		       (int)DB_SCHEMA_VERSION, (int)SCHEMA_APPLICATION_ID);
	struct hash_key key;
	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return error_set(e, -errno, "the kernel gives no random numbers: %s",
				 strerror(errno));
	int rc = db_exec(db, schema_sql, e);
	if (rc == 0)
		rc = db_exec(db, marks, e);
	sqlite3_stmt *s = db_statement(db, "INSERT INTO meta VALUES ('key', ?1)");
	(void)sqlite3_bind_blob(s, 1, &key, sizeof(key), SQLITE_TRANSIENT);
	return rc == 0 ? db_run(db, s, e) : rc;
}

static int check_version(struct db *db, int64_t id, int64_t version, bool is_empty,
			 struct error *e)
{
	if (id != SCHEMA_APPLICATION_ID && !is_empty)
		return error_set(e, FMX_EFOREIGN,
				 "%s is a database, but not a fakemx journal: name "
				 "another file, or move this one away",
				 db->path);
	if (version > DB_SCHEMA_VERSION)
		return error_set(
		    e, FMX_EFOREIGN,
		    "%s was written by a newer fakemx (schema %lld, this one "
		    "knows %d): install that version",
		    db->path, (long long)version, DB_SCHEMA_VERSION);
	if (!is_empty && version < DB_SCHEMA_VERSION)
		return error_set(e, FMX_EFOREIGN,
				 "%s has a format that was never released: move it away, "
				 "and fakemx begins a new one",
				 db->path);
	return 0;
}

/* Asked in the transaction that fills: two processes may find the same empty file. */
static int check_schema(struct db *db, enum db_mode mode, struct error *e)
{
	int64_t id = 0, version = 0, tables = 0;
	int rc = db_number(db, db_statement(db, "PRAGMA application_id"), &id, e);
	if (rc == 0)
		rc = db_number(db, db_statement(db, "PRAGMA user_version"), &version, e);
	if (rc == 0)
		rc = db_number(db, db_statement(db, "SELECT count(*) FROM sqlite_schema"),
			       &tables, e);
	bool is_empty = tables == 0 && id == 0 && version == 0;
	if (rc == 0)
		rc = check_version(db, id, version, is_empty, e);
	if (rc != 0 || !is_empty)
		return rc;
	if (mode == DB_WRITE)
		return make_schema(db, e);
	return error_set(e, FMX_EFOREIGN,
			 "%s is empty: `fakemx serve` fills it, or name another",
			 db->path);
}

int db_read_key(struct db *db, struct error *e)
{
	sqlite3_stmt *s = db_statement(db, "SELECT value FROM meta WHERE name = 'key'");
	int rc = db_step(db, s, e);
	if (rc == 0 || (rc > 0 && sqlite3_column_bytes(s, 0) != sizeof(db->key)))
		rc = db_damaged(db->path, "its row 'key' in meta is missing or cut", e);
	if (rc > 0)
		memcpy(&db->key, sqlite3_column_blob(s, 0), sizeof(db->key));
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int open_schema(struct db *db, enum db_mode mode, struct error *e)
{
	int keep_wal = 1;
	int rc = check_schema(db, DB_READ, NULL); /* almost always: no lock is taken */
	if (rc != 0 && mode == DB_WRITE)
		rc = db_begin(db, e);
	if (rc == 0 && !sqlite3_get_autocommit(db->sqlite)) {
		rc = check_schema(db, mode, e);
		if (rc == 0)
			rc = db_commit(db, e);
		else
			db_rollback(db);
	} else if (rc != 0 && mode == DB_READ) {
		rc = check_schema(db, mode, e);
	}
	if (rc == 0 && mode == DB_WRITE) {
		/* The -wal file stays when the last writer closes, so that a reader
		 * without the right to make it can still read. */
		(void)sqlite3_file_control(db->sqlite, NULL, SQLITE_FCNTL_PERSIST_WAL,
					   &keep_wal);
		rc = db_exec(db, settings_write, e);
	}
	return rc == 0 ? db_read_key(db, e) : rc;
}

int db_give(int fd, const char *path, struct error *e)
{
	struct stat owner;
	int rc = 0;
	if (geteuid() != 0)
		return 0;
	char *copy = xstrdup(path);
	if (stat(dirname(copy), &owner) != 0)
		rc = error_set(e, -errno, "cannot find the owner of %s's folder: %s",
			       path, strerror(errno));
	else if (fchown(fd, owner.st_uid, owner.st_gid) != 0)
		rc = error_set(e, -errno, "cannot give %s to its folder's owner: %s",
			       path, strerror(errno));
	free(copy);
	return rc;
}

void db_remove_beside(const char *path)
{
	static const char *const ends[] = { "-wal", "-shm" };
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *file;
		if (asprintf(&file, "%s%s", path, ends[i]) < 0)
			mem_lacks();
		(void)unlink(file); /* it may not be there */
		free(file);
	}
}

void db_remove(const char *path)
{
	(void)unlink(path); /* it may not be there */
	db_remove_beside(path);
}

int db_make_folder(const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return 0;
	char *folder = xstrdup(path);
	folder[slash - path] = '\0';
	int rc = 0;
	if (mkdir(folder, 0750) != 0 && errno != EEXIST)
		rc = error_set(
		    e, -errno, "cannot make the folder %s: %s%s", folder, strerror(errno),
		    errno == ENOENT ? "; the folder that it lies in must exist" : "");
	free(folder);
	return rc;
}

/*
 * The mode is given at birth. O_EXCL is no decoration: closing a second descriptor of a
 * file that this process has open would drop SQLite's locks.
 */
static int make_file(const char *path, struct error *e)
{
	int rc = db_make_folder(path, e);
	if (rc != 0)
		return rc;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0 && errno != EEXIST)
		return error_set(e, -errno, "cannot make %s: %s%s", path, strerror(errno),
				 errno == EACCES ? "; does the folder belong to the user "
						   "that serve runs as?"
						 : "");
	if (fd >= 0) {
		rc = db_give(fd, path, e);
		(void)close(fd); /* nothing was written */
	}
	return rc;
}

static int look_for(const char *path, struct error *e)
{
	if (access(path, F_OK) == 0)
		return 0;
	return error_set(e, -errno, "cannot open the journal %s: %s%s", path,
			 strerror(errno),
			 errno == ENOENT   ? " (`fakemx serve` makes it)"
			 : errno == EACCES ? " (root and the user that serve runs as may)"
					   : "");
}

/* SQLite would wait for who writes to a pipe. */
static int check_kind(const char *path, struct error *e)
{
	struct stat st;
	if (stat(path, &st) != 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return 0; /* SQLite says what is wrong */
	return error_set(e, FMX_EFOREIGN,
			 "the journal %s is a pipe or a device; name a file", path);
}

static int connect_file(struct db *db, enum db_mode mode, struct error *e)
{
	bool is_file = db->path[0] && strcmp(db->path, ":memory:") != 0;
	int rc = !is_file           ? 0
		 : mode == DB_WRITE ? make_file(db->path, e)
				    : look_for(db->path, e);
	if (rc == 0 && is_file)
		rc = check_kind(db->path, e);
	if (rc != 0)
		return rc;
	/* One thread uses a connection: SQLite's mutexes are left out. */
	int flags = SQLITE_OPEN_NOMUTEX |
		    (mode == DB_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
	rc = sqlite3_open_v2(db->path, &db->sqlite, flags, NULL);
	if (!db->path[0]) { /* for sentences */
		free(db->path);
		db->path = xstrdup("a temporary file");
	}
	if (rc != SQLITE_OK)
		return db_error(db, rc, e);
	(void)sqlite3_busy_timeout(db->sqlite, BUSY_MS); /* cannot fail */
	/* SQLite opens for reading what it may not write. */
	if (mode == DB_WRITE && sqlite3_db_readonly(db->sqlite, "main") == 1)
		return failed(db, "write", EACCES, e);
	return db_exec(db, settings_read, e);
}

int db_open(const char *path, enum db_mode mode, struct db **ret_db, struct error *e)
{
	struct db *db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(path);
	db->lock_fd = -1;
	int rc = connect_file(db, mode, e);
	if (rc == 0)
		rc = open_schema(db, mode, e);
	if (rc == 0 && !path[0])
		rc = db_exec(db, settings_temporary, e);
	if (rc != 0) {
		db_close(db);
		return rc;
	}
	*ret_db = db;
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		(void)sqlite3_finalize(db->statements[i].stmt); /* told by its step */
	int rc = sqlite3_close(db->sqlite);
	assert(rc == SQLITE_OK); /* a statement was left open: our bug */
	(void)rc;
	if (db->lock_fd >= 0)
		(void)close(db->lock_fd);
	free(db->path);
	free(db);
}

/* ---- one serve per journal ---- */

/* The pid that the holder wrote; only for the sentence. */
static int is_locked(int fd, const char *path, struct error *e)
{
	char pid[32];
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	return error_set(e, -EBUSY,
			 "another `fakemx serve` (process %s) uses the journal %s",
			 pid[0] ? pid : "unknown", path);
}

/*
 * A file beside the journal, not the journal itself: closing any descriptor of that one
 * would drop SQLite's locks. It is never deleted, or two processes could hold locks on
 * two files of the same name.
 */
int db_lock_path(const char *path, int *ret_fd, struct error *e)
{
	char *name = NULL, pid[32];
	int rc = 0;
	if (asprintf(&name, "%s.lock", path) < 0)
		mem_lacks();
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		rc = error_set(e, -errno, "cannot open %s: %s", name, strerror(errno));
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK ? is_locked(fd, path, e)
					  : error_set(e, -errno, "cannot lock %s: %s",
						      path, strerror(errno));
	else
		rc = db_give(fd, path, e);
	free(name);
	if (rc != 0) {
		if (fd >= 0)
			(void)close(fd); /* nothing was written */
		return rc;
	}
	int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	/* Only a sentence needs the pid: a full disk is no reason not to start. */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) != n)
		(void)!ftruncate(fd, 0);
	*ret_fd = fd;
	return 0;
}

int db_lock(struct db *db, struct error *e)
{
	assert(db->lock_fd < 0);
	int rc = db_lock_path(db->path, &db->lock_fd, e);
	if (rc == 0)
		(void)sqlite3_busy_timeout(db->sqlite, LOCKED_BUSY_MS); /* cannot fail */
	return rc;
}

int db_move_lock(struct db *db, struct db *from, struct error *e)
{
	if (from->lock_fd >= 0)
		(void)close(from->lock_fd); /* nothing waits to be written */
	from->lock_fd = -1;
	return db->lock_fd >= 0 ? 0 : db_lock(db, e);
}

int db_check_file(struct db *db, struct error *e)
{
	int moved = 0;
	int rc = sqlite3_file_control(db->sqlite, NULL, SQLITE_FCNTL_HAS_MOVED, &moved);
	if (rc != SQLITE_OK || !moved)
		return 0;
	return error_set(
	    e, -ESTALE,
	    "the journal %s was deleted or replaced while fakemx serve wrote "
	    "to it: fakemx goes on with what lies there now, or with a new "
	    "one; what it knew is in the old file alone",
	    db->path);
}

/* ---- values ---- */

const char *db_path(const struct db *db)
{
	return db->path;
}

sqlite3 *db_sqlite(struct db *db)
{
	return db->sqlite;
}

const struct hash_key *db_key(const struct db *db)
{
	return &db->key;
}

int64_t db_meta(struct db *db, const char *name, int64_t fallback)
{
	sqlite3_stmt *s =
	    db_query(db, "SELECT value FROM meta WHERE name = ?1", DB(name));
	int64_t value = db_step(db, s, NULL) > 0 ? sqlite3_column_int64(s, 0) : fallback;
	db_done(s);
	return value;
}

int db_set_meta(struct db *db, const char *name, int64_t value, struct error *e)
{
	return db_change(db, e, "REPLACE INTO meta VALUES (?1, ?2)", DB(name), DB(value));
}

int db_ask_again(struct db *db, uint16_t group, struct error *e)
{
	return db_change(
	    db, e, "UPDATE grp SET resweep = resweep + 1 WHERE ?1 IN (0, id)", DB(group));
}
