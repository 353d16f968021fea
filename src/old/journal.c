#include "old/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "old/internal.h"
#include "old/row.h"
#include "old/schema.h"
#include "old/sql.h"

/*
 * How long a writer waits for another's transaction. Ours are short: a batch,
 * or one slice of a deletion.
 */
enum { BUSY_TIMEOUT_MS = 5000 };

/* Records read in one transaction by a replay without checkpoint, and records
 * between two words about progress. */
enum { READ_SLICE = 10000, PROGRESS_STEP = 8192 };

/*
 * FULL costs one fsync a commit, that is one a second, and keeps what was
 * acknowledged through a power failure too (measured: see tests/bench).
 * secure_delete is on for every writer: what retention deletes must not stay
 * in free pages that a later journal_forget() would not find. The -wal file
 * grows while somebody reads for long; afterwards it is cut to 16 MB.
 */
static const char *const settings_read = "PRAGMA trusted_schema = OFF;"
					 "PRAGMA cell_size_check = ON;";
static const char *const settings_write = "PRAGMA journal_mode = WAL;"
					  "PRAGMA synchronous = FULL;"
					  "PRAGMA secure_delete = ON;"
					  "PRAGMA journal_size_limit = 16777216;";

int journal_connect(const char *path, int flags, sqlite3 **ret_db, struct error *e)
{
	sqlite3 *db = NULL;
	int rc = 0;

	/* One thread uses a connection: SQLite's mutexes are left out. */
	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		rc = sql_error(db, path, "open", e);
	} else {
		(void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS); /* cannot fail */
		rc = sql_exec(db, path, settings_read, e);
	}
	if (rc != 0) {
		(void)sqlite3_close(db);
		return rc;
	}
	*ret_db = db;
	return 0;
}

static int make_folder(const char *path, struct error *e)
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
 * The mode is given at birth. O_EXCL is no decoration: closing a second
 * descriptor of a file that this process has open would drop SQLite's locks.
 */
static int make_file(const char *path, struct error *e)
{
	int rc = make_folder(path, e);
	if (rc != 0)
		return rc;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0 && errno != EEXIST)
		return error_set(e, -errno, "cannot make %s: %s%s", path, strerror(errno),
				 errno == EACCES ? "; does the folder belong to the user "
						   "that serve runs as?"
						 : "");
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	return 0;
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

static int prepare(struct journal *j, struct error *e)
{
	int rc = sql_prepare(j->db, j->path,
			     "SELECT " ROW_COLUMNS
			     " FROM record WHERE seq > ?1 AND seq <= ?2 ORDER BY seq "
			     "LIMIT ?3",
			     &j->select, e);
	if (rc == 0)
		rc = sql_prepare(j->db, j->path,
				 "SELECT records, last_seq, last_seen FROM head",
				 &j->head_get, e);
	if (rc == 0 && j->mode == JOURNAL_WRITE)
		rc = sql_prepare(j->db, j->path, ROW_INSERT, &j->insert, e);
	if (rc == 0 && j->mode == JOURNAL_WRITE)
		rc = sql_prepare(
		    j->db, j->path,
		    "UPDATE head SET records = ?1, last_seq = ?2, last_seen = ?3",
		    &j->head_set, e);
	return rc;
}

static int set_up(struct journal *j, struct error *e)
{
	bool may_write = j->mode == JOURNAL_WRITE;
	int flags = may_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	int keep_wal = 1;
	struct head head = { 0 };

	int rc = may_write ? make_file(j->path, e) : look_for(j->path, e);
	if (rc == 0)
		rc = journal_connect(j->path, flags, &j->db, e);
	if (rc == 0)
		rc = schema_open(j->db, j->path, may_write, e);
	if (rc == 0 && may_write) {
		/* The -wal file stays when the last writer closes, so that a
		 * reader without the right to make it can still read. */
		(void)sqlite3_file_control(j->db, NULL, SQLITE_FCNTL_PERSIST_WAL,
					   &keep_wal);
		rc = sql_exec(j->db, j->path, settings_write, e);
	}
	if (rc == 0)
		rc = prepare(j, e);
	if (rc == 0)
		rc = journal_read_head(j, &head, e);
	if (rc == 0)
		j->handed = (uint64_t)head.last_seq;
	return rc;
}

int journal_open(const char *path, enum journal_mode mode, struct journal **ret_journal,
		 struct error *e)
{
	struct journal *j = xcalloc(1, sizeof(*j));
	j->path = xstrdup(path);
	j->mode = mode;
	j->lock_fd = -1;

	int rc = set_up(j, e);
	if (rc != 0) {
		journal_close(j);
		return rc;
	}
	*ret_journal = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->batch.count > 0) {
		/* Best effort, as promised: nobody is left to tell. */
		int rc = journal_commit(j, NULL, NULL, NULL);
		(void)rc;
	}
	batch_release(&j->batch);
	batch_release(&j->writing);
	/* finalize and close repeat errors that were told when they happened */
	(void)sqlite3_finalize(j->insert);
	(void)sqlite3_finalize(j->select);
	(void)sqlite3_finalize(j->head_get);
	(void)sqlite3_finalize(j->head_set);
	int rc = sqlite3_close(j->db);
	assert(rc == SQLITE_OK); /* a statement was left open: our bug */
	(void)rc;
	if (j->lock_fd >= 0)
		(void)close(j->lock_fd);
	free(j->path);
	free(j);
}

int journal_append(struct journal *j, const struct record *r)
{
	assert(j->mode == JOURNAL_WRITE);
	if (!batch_add(&j->batch, r)) {
		j->dropped++;
		return -ENOBUFS;
	}
	j->appended++;
	return 0;
}

int journal_read_head(struct journal *j, struct head *ret_head, struct error *e)
{
	int rc = 0;
	if (sqlite3_step(j->head_get) == SQLITE_ROW)
		*ret_head = (struct head){
			.records = sqlite3_column_int64(j->head_get, 0),
			.last_seq = sqlite3_column_int64(j->head_get, 1),
			.last_seen = sqlite3_column_int64(j->head_get, 2),
		};
	else if (sqlite3_errcode(j->db) == SQLITE_DONE)
		rc = error_set(e, FMX_EFOREIGN,
			       "%s is damaged (its totals are gone): put a backup in its "
			       "place with `fakemx journal restore BACKUP`",
			       j->path);
	else
		rc = sql_error(j->db, j->path, "read", e);
	(void)sqlite3_reset(j->head_get); /* told above */
	return rc;
}

int journal_begin(struct journal *j, struct head *ret_head, struct error *e)
{
	int rc = sql_exec(j->db, j->path, "BEGIN IMMEDIATE", e);
	if (rc == 0)
		rc = journal_read_head(j, ret_head, e);
	if (rc != 0)
		sql_rollback(j->db);
	return rc;
}

int journal_end(struct journal *j, const struct head *head, struct error *e)
{
	/* Binding numbers cannot fail. */
	(void)sqlite3_bind_int64(j->head_set, 1, head->records);
	(void)sqlite3_bind_int64(j->head_set, 2, head->last_seq);
	(void)sqlite3_bind_int64(j->head_set, 3, head->last_seen);
	int rc = sql_done(j->db, j->path, j->head_set, e);
	if (rc == 0)
		rc = sql_exec(j->db, j->path, "COMMIT", e);
	if (rc != 0)
		sql_rollback(j->db);
	return rc;
}

/*
 * The batch is changed (seq, a raised seen) even when the transaction fails
 * later: the next attempt gives both anew, and seen may only be raised.
 */
static int write_batch(struct journal *j, struct head *head, struct error *e)
{
	for (size_t i = 0; i < j->batch.count; i++) {
		struct record *r = &j->batch.records[i];
		if (r->seen < head->last_seen)
			r->seen = head->last_seen;
		r->seq = (uint64_t)head->last_seq + 1;
		row_bind(j->insert, r, r->seq, r->seen);
		int rc = sql_done(j->db, j->path, j->insert, e);
		if (rc != 0)
			return rc;
		head->last_seq++;
		head->last_seen = r->seen;
		head->records++;
	}
	return 0;
}

static int hand_out(struct journal *j, const struct record *r, journal_record_fn fn,
		    void *arg, struct error *e)
{
	j->handed = r->seq;
	return fn(arg, r, e);
}

static int bad_row(struct journal *j, uint64_t seq, struct error *e)
{
	return error_set(
	    e, FMX_EFOREIGN,
	    "%s is damaged (record %llu cannot be read): put a backup in its "
	    "place with `fakemx journal restore BACKUP`",
	    j->path, (unsigned long long)seq);
}

/* Hands out at most `most` records after j->handed up to upto. */
static int read_some(struct journal *j, uint64_t upto, int64_t most, journal_record_fn fn,
		     void *arg, struct error *e)
{
	struct record r;
	int rc = 0;
	int step = SQLITE_DONE;

	(void)sqlite3_bind_int64(j->select, 1, (int64_t)j->handed);
	(void)sqlite3_bind_int64(j->select, 2, (int64_t)upto);
	(void)sqlite3_bind_int64(j->select, 3, most);
	while (rc == 0 && (step = sqlite3_step(j->select)) == SQLITE_ROW)
		rc = row_read(j->select, &r) ? hand_out(j, &r, fn, arg, e)
					     : bad_row(j, r.seq, e);
	if (rc == 0 && step != SQLITE_DONE)
		rc = sql_error(j->db, j->path, "read", e);
	(void)sqlite3_reset(j->select); /* told above */
	return rc;
}

/*
 * Many short reads, not one long: the reader may be a pipe that stands still,
 * and while a read transaction is open the -wal file can only grow.
 */
static int read_in_slices(struct journal *j, uint64_t upto, journal_record_fn fn,
			  void *arg, struct error *e)
{
	uint64_t before;
	do {
		before = j->handed;
		int rc = read_some(j, upto, READ_SLICE, fn, arg, e);
		if (rc != 0)
			return rc;
	} while (j->handed != before);
	j->handed = upto; /* what lies between was deleted */
	return 0;
}

/* Those of others that came before ours, then ours, which we still hold. */
static int hand_out_batch(struct journal *j, journal_record_fn fn, void *arg,
			  struct error *e)
{
	const struct batch *b = &j->writing;
	int rc = 0;

	if (j->handed + 1 < b->records[0].seq)
		rc = read_in_slices(j, b->records[0].seq - 1, fn, arg, e);
	for (size_t i = 0; rc == 0 && i < b->count; i++)
		rc = hand_out(j, &b->records[i], fn, arg, e);
	return rc;
}

/* From here on the batch is written; a callback may append to the next one. */
static void swap_batches(struct journal *j)
{
	struct batch empty = j->writing;
	j->writing = j->batch;
	j->batch = empty;
	j->committed += j->writing.count;
	j->commits++;
}

int journal_commit(struct journal *j, journal_record_fn fn, void *arg, struct error *e)
{
	struct head head = { 0 };

	assert(j->mode == JOURNAL_WRITE);
	if (j->batch.count == 0)
		return fn ? journal_follow(j, fn, arg, e) : 0;

	int rc = journal_begin(j, &head, e);
	if (rc != 0)
		return rc;
	rc = write_batch(j, &head, e);
	if (rc != 0) {
		sql_rollback(j->db);
		return rc;
	}
	rc = journal_end(j, &head, e);
	if (rc != 0)
		return rc;

	swap_batches(j);
	if (fn)
		rc = hand_out_batch(j, fn, arg, e);
	else
		j->handed = (uint64_t)head.last_seq;
	batch_clear(&j->writing);
	return rc;
}

int journal_follow(struct journal *j, journal_record_fn fn, void *arg, struct error *e)
{
	struct head head = { 0 };
	int rc = journal_read_head(j, &head, e);
	if (rc != 0 || (uint64_t)head.last_seq <= j->handed)
		return rc;
	return read_in_slices(j, (uint64_t)head.last_seq, fn, arg, e);
}

/* Sets *ret_upto to the last deleted record's seq, 0 when there is none. */
static int give_checkpoint(struct journal *j, journal_checkpoint_fn fn, void *arg,
			   uint64_t *ret_upto, struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sql_prepare(j->db, j->path, "SELECT upto_seq, state FROM checkpoint",
			     &stmt, e);
	if (rc != 0)
		return rc;
	int step = sqlite3_step(stmt);
	if (step == SQLITE_ROW) {
		*ret_upto = (uint64_t)sqlite3_column_int64(stmt, 0);
		if (fn) {
			const void *data = sqlite3_column_blob(stmt, 1);
			rc = fn(arg, data ? data : "", /* NULL is an empty one */
				(size_t)sqlite3_column_bytes(stmt, 1), e);
		}
	} else if (step == SQLITE_DONE) {
		*ret_upto = 0;
	} else {
		rc = sql_error(j->db, j->path, "read", e);
	}
	(void)sqlite3_finalize(stmt); /* told above */
	return rc;
}

int journal_checkpoint(struct journal *j, journal_checkpoint_fn fn, void *arg,
		       struct error *e)
{
	uint64_t upto;
	return give_checkpoint(j, fn, arg, &upto, e);
}

/*
 * A caller that takes the checkpoint needs it and the rest from one moment:
 * one transaction. It is a fold, which does not stand still.
 */
static int replay_whole(struct journal *j, journal_checkpoint_fn on_checkpoint,
			journal_record_fn fn, void *arg, struct error *e)
{
	int rc = sql_exec(j->db, j->path, "BEGIN", e);
	if (rc == 0)
		rc = give_checkpoint(j, on_checkpoint, arg, &j->handed, e);
	if (rc == 0)
		rc = read_some(j, INT64_MAX, -1, fn, arg, e);
	sql_rollback(j->db); /* it only read */
	return rc;
}

static int replay_slices(struct journal *j, journal_record_fn fn, void *arg,
			 struct error *e)
{
	struct head head = { 0 };
	int rc = give_checkpoint(j, NULL, NULL, &j->handed, e);
	if (rc == 0)
		rc = journal_read_head(j, &head, e);
	if (rc == 0)
		rc = read_in_slices(j, (uint64_t)head.last_seq, fn, arg, e);
	return rc;
}

/* Stands between the replay and its callback. */
struct watched {
	struct journal *j;
	journal_checkpoint_fn on_checkpoint;
	journal_record_fn fn;
	void *arg;
	uint64_t done, total;
};

static int count_and_pass(void *arg, const struct record *r, struct error *e)
{
	struct watched *w = arg;
	if (++w->done % PROGRESS_STEP == 0 && w->done < w->total)
		w->j->on_progress(w->j->progress_arg, w->done, w->total);
	return w->fn(w->arg, r, e);
}

/* The checkpoint's callback wants the caller's arg, the records' ours. */
static int watched_checkpoint(void *arg, const void *data, size_t len, struct error *e)
{
	struct watched *w = arg;
	return w->on_checkpoint(w->arg, data, len, e);
}

int journal_replay(struct journal *j, journal_checkpoint_fn on_checkpoint,
		   journal_record_fn fn, void *arg, struct error *e)
{
	struct watched w = {
		.j = j, .fn = fn, .on_checkpoint = on_checkpoint, .arg = arg
	};
	if (j->on_progress) {
		w.total = journal_counts(j).records;
		fn = count_and_pass;
		arg = &w;
		on_checkpoint = on_checkpoint ? watched_checkpoint : NULL;
	}
	int rc = on_checkpoint ? replay_whole(j, on_checkpoint, fn, arg, e)
			       : replay_slices(j, fn, arg, e);
	if (j->on_progress)
		j->on_progress(j->progress_arg, w.total, w.total);
	return rc;
}

void journal_on_progress(struct journal *j, journal_progress_fn fn, void *arg)
{
	j->on_progress = fn;
	j->progress_arg = arg;
}

struct journal_counts journal_counts(struct journal *j)
{
	struct head head = { 0 };
	int64_t first_seen = 0;

	/* A file that cannot be read counts as empty: commit says why. */
	if (journal_read_head(j, &head, NULL) != 0)
		head = (struct head){ 0 };
	if (sql_number(j->db, j->path,
		       "SELECT seen FROM record WHERE seq > "
		       "coalesce((SELECT upto_seq FROM checkpoint), 0) "
		       "ORDER BY seq LIMIT 1",
		       &first_seen, NULL) != 0)
		first_seen = 0;
	return (struct journal_counts){
		.records = (uint64_t)head.records,
		.appended = j->appended,
		.committed = j->committed,
		.commits = j->commits,
		.dropped = j->dropped,
		.pending = j->batch.count,
		.first_seen = first_seen,
		.last_seen = head.records > 0 ? head.last_seen : 0,
	};
}
