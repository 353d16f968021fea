/*
 * db - the journal file: schema, transactions, statements, rows as structs
 *
 * One SQLite file in WAL mode; its tables are described in docs/schema.md and made
 * in db.c. One `serve` writes (db_lock()), verbs such as allow and forget write
 * between its transactions, any number read.
 *
 * Use:
 *	struct db *db;
 *	db_open(path, DB_READ, &db, &e);
 *	sqlite3_stmt *s = db_statement(db, "SELECT ... WHERE client = ?1");
 *	...				// reset by the next db_statement() of it, or
 *db_done(s) db_close(db);
 *
 * Ownership: statements belong to the db, which keeps them prepared by the address
 * of their text: use string literals.
 */
#ifndef FMX_JOURNAL_DB_H
#define FMX_JOURNAL_DB_H

#include <sqlite3.h>

#include "base/error.h"
#include "base/hash.h"
#include "judge/run.h"

enum { DB_SCHEMA_VERSION = 10 }; /* below it: the format that was never released */
enum db_mode { DB_READ, DB_WRITE };

struct db;
/*
 * WRITE makes the file (mode 0640) and its folder's last part if missing; READ
 * refuses what does not exist (-ENOENT). FMX_EFOREIGN: not a fakemx journal, damaged,
 * newer, or of the shape before 10; the sentence says what to do. A path of ":memory:" is
 * one.
 */
FMX_MUST_CHECK int db_open(const char *path, enum db_mode mode, struct db **ret_db,
			   struct error *e);
void db_close(struct db *db); /* NULL is fine */
/* One serve per journal: -EBUSY with the pid of the other. Held until close. */
FMX_MUST_CHECK int db_lock(struct db *db, struct error *e);
/* Is the file at the path still the one that is open? -ESTALE with a sentence: deleted or
 * replaced. */
FMX_MUST_CHECK int db_check_file(struct db *db, struct error *e);
const char *db_path(const struct db *db);
sqlite3 *db_sqlite(struct db *db);
const struct hash_key *db_key(const struct db *db); /* drawn once per journal */

FMX_MUST_CHECK int db_begin(struct db *db, struct error *e); /* IMMEDIATE */
FMX_MUST_CHECK int db_commit(struct db *db, struct error *e);
void db_rollback(struct db *db);
/* A read transaction: everything until db_end_read() is one moment's truth. */
FMX_MUST_CHECK int db_begin_read(struct db *db, struct error *e);
void db_end_read(struct db *db);

/* Never NULL: a statement that cannot be prepared makes each use of it fail with
 * db_error(). Bindings are cleared. */
sqlite3_stmt *db_statement(struct db *db, const char *literal);
/* 1 a row, 0 done (reset), negative: -EIO, -ENOSPC, -EBUSY, ..., FMX_EFOREIGN with the
 * sentence. */
FMX_MUST_CHECK int db_step(struct db *db, sqlite3_stmt *s, struct error *e);
/* Steps a statement that gives no rows. */
FMX_MUST_CHECK int db_run(struct db *db, sqlite3_stmt *s, struct error *e);
void db_done(sqlite3_stmt *s);
int db_error(struct db *db, int rc, struct error *e);

/* meta: small numbers and texts by name. Missing: fallback, "". */
int64_t db_meta(struct db *db, const char *name, int64_t fallback);
FMX_MUST_CHECK int db_set_meta(struct db *db, const char *name, int64_t value,
			       struct error *e);

void db_bind_addr(sqlite3_stmt *s, int at, struct addr a);
struct addr db_addr(sqlite3_stmt *s, int column);
void db_bind_moment(sqlite3_stmt *s, int at, int64_t t); /* MOMENT_NONE is NULL */
int64_t db_moment(sqlite3_stmt *s, int column);

/* A row of `run`: DB_RUN_COLUMNS in this order, from column 0. */
#define DB_RUN_COLUMNS                                                                   \
	"kind, grp, client, began, width, earlier, answered, last, high, high_width, "   \
	"low, low_width, accepted, clean, unjudged, rcpt_hours, envelopes, half_hours, " \
	"hosts, visits, depth, ids, told, delay, delay_error, missing, stopped_at, "     \
	"corrected_at, need"
void db_read_run(sqlite3_stmt *s, struct run *ret_run);
FMX_MUST_CHECK int db_write_run(struct db *db, const struct run *r, struct error *e);
FMX_MUST_CHECK int db_delete_run(struct db *db, const struct run *r, struct error *e);

#endif
