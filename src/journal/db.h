/*
 * db - the journal file: schema, transactions, statements, rows as structs
 *
 * One SQLite file in WAL mode; its tables are described in docs/schema.md and made
 * by schema.c. One `serve` writes (db_lock()), verbs such as allow and forget write
 * between its transactions, any number read.
 *
 * Use:
 *	struct db *db;
 *	db_open(path, DB_READ, &db, &e);
 *	sqlite3_stmt *s = db_query(db, "SELECT ... WHERE client = ?1", DB(client));
 *	while ((rc = db_step(db, s, &e)) > 0)
 *		...		// db_done(s) to end before the last row
 *	db_change(db, &e, "DELETE FROM run WHERE client = ?1", DB(client));
 *	db_close(db);
 *
 * Ownership: statements belong to the db, which keeps them prepared by the address
 * of their text: use string literals. A statement in use must not be asked for again.
 */
#ifndef FMX_JOURNAL_DB_H
#define FMX_JOURNAL_DB_H

#include <sqlite3.h>

#include "base/error.h"
#include "base/hash.h"
#include "judge/run.h"
#include "judge/span.h"

#define DB_PAGE_BYTES 1024
#define DB_CACHE "-65536"        /* of a writer, in kB */
enum { DB_SCHEMA_VERSION = 12 }; /* below it: the format that was never released */
enum db_mode { DB_READ, DB_WRITE };

/* The folder of the journal at path, if it is not there. db_open(), when it writes, does
 * it too. */
FMX_MUST_CHECK int db_make_folder(const char *path, struct error *e);

struct db;
/*
 * WRITE makes the file (mode 0640) and its folder's last part if missing; READ
 * refuses what does not exist (-ENOENT). FMX_EFOREIGN: not a fakemx journal, damaged,
 * newer, or of the shape before 11; the sentence says what to do. A path of ":memory:" is
 * one; "" is one that is thrown away, in memory and beyond that in a temporary file.
 */
FMX_MUST_CHECK int db_open(const char *path, enum db_mode mode, struct db **ret_db,
			   struct error *e);
void db_close(struct db *db); /* NULL is fine */
/* One serve per journal: -EBUSY with the pid of the other. Held until close. */
FMX_MUST_CHECK int db_lock(struct db *db, struct error *e);
/* Of a journal that took the other's place: the other's lock is given up first. */
FMX_MUST_CHECK int db_move_lock(struct db *db, struct db *from, struct error *e);
/* The same without opening the journal: for who replaces it. Close the descriptor. */
FMX_MUST_CHECK int db_lock_path(const char *path, int *ret_fd, struct error *e);
/* A file beside path that root made belongs to the folder's owner. */
FMX_MUST_CHECK int db_give(int fd, const char *path, struct error *e);
/* Is the file at the path still the one that is open? -ESTALE with a sentence: deleted or
 * replaced. */
FMX_MUST_CHECK int db_check_file(struct db *db, struct error *e);
const char *db_path(const struct db *db);
sqlite3 *db_sqlite(struct db *db);
const struct hash_key *db_key(const struct db *db); /* drawn once per journal */
/* The key that stands in the file: after another journal's meta was copied into it. */
FMX_MUST_CHECK int db_read_key(struct db *db, struct error *e);

FMX_MUST_CHECK int db_begin(struct db *db, struct error *e); /* IMMEDIATE */
FMX_MUST_CHECK int db_commit(struct db *db, struct error *e);
void db_rollback(struct db *db);
/* A read transaction: everything until db_end_read() is one moment's truth. */
FMX_MUST_CHECK int db_begin_read(struct db *db, struct error *e);
void db_end_read(struct db *db);

/* Reset, without bindings. NULL if it cannot be prepared: binding it does nothing, and
 * db_step() says why. */
sqlite3_stmt *db_statement(struct db *db, const char *literal);
/* The same with values (db_set()) for ?1, ?2, ...: DB() of a number, an address or a text
 * (lent; NULL is NULL), DB_MOMENT(), of which MOMENT_NONE is NULL. */
#define db_query(db, literal, ...) db_set(db_statement(db, literal), __VA_ARGS__)
#define db_set(s, ...)                                                                   \
	db_bind(s, DB_COUNT(__VA_ARGS__), (const struct db_value[]){ __VA_ARGS__ })
/* A statement that gives no rows. */
#define db_change(db, e, literal, ...) db_run(db, db_query(db, literal, __VA_ARGS__), e)
struct db_value {
	enum { DB_NULL, DB_INTEGER, DB_TEXT, DB_ADDRESS } form;
	int64_t number;
	const char *text;
	struct addr addr;
};
#define DB_COUNT(...)                                                                    \
	(sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value))
#define DB(value)                                                                        \
	_Generic((value), struct addr                                                    \
		 : db_value_of_addr, char *                                              \
		 : db_value_of_text, const char *                                        \
		 : db_value_of_text, default                                             \
		 : db_value_of_number)(value)
#define DB_MOMENT(t) db_value_of_moment(t)
struct db_value db_value_of_number(int64_t number);
struct db_value db_value_of_moment(int64_t t);
struct db_value db_value_of_text(const char *text);
struct db_value db_value_of_addr(struct addr a);
sqlite3_stmt *db_bind(sqlite3_stmt *s, size_t count, const struct db_value *values);
/* 1 a row, 0 done (reset), negative: -EIO, -ENOSPC, -EBUSY, ..., FMX_EFOREIGN with the
 * sentence. */
FMX_MUST_CHECK int db_step(struct db *db, sqlite3_stmt *s, struct error *e);
/* Steps a statement that gives no rows. */
FMX_MUST_CHECK int db_run(struct db *db, sqlite3_stmt *s, struct error *e);
/* Column 0 of its first row; 0 without one, or if it is NULL. */
FMX_MUST_CHECK int db_number(struct db *db, sqlite3_stmt *s, int64_t *ret_number,
			     struct error *e);
void db_done(sqlite3_stmt *s); /* NULL is fine */
int db_error(struct db *db, int rc, struct error *e);
/* FMX_EFOREIGN: what is damaged, and what to do. */
int db_damaged(const char *path, const char *why, struct error *e);
/* Statements without values and rows. */
FMX_MUST_CHECK int db_exec(struct db *db, const char *sql, struct error *e);
/* A journal that was made aside, if it is there; of another what SQLite keeps beside it.
 */
void db_remove(const char *path);
void db_remove_beside(const char *path);

/* meta: small numbers by name. */
int64_t db_meta(struct db *db, const char *name, int64_t fallback);
FMX_MUST_CHECK int db_set_meta(struct db *db, const char *name, int64_t value,
			       struct error *e);

const char *db_text(sqlite3_stmt *s, int column); /* "" for NULL */
void db_bind_addr(sqlite3_stmt *s, int at, struct addr a);
struct addr db_addr(sqlite3_stmt *s, int column);
void db_bind_moment(sqlite3_stmt *s, int at, int64_t t); /* MOMENT_NONE is NULL */
int64_t db_moment(sqlite3_stmt *s, int column);

/* Keyed hashes, eight bytes each, most significant first; none is NULL. Returns how many
 * the row has, which may be more than `most`: a visit's nine stand for "more than eight".
 */
void db_bind_hashes(sqlite3_stmt *s, int at, const uint64_t *hashes, size_t count);
size_t db_read_hashes(sqlite3_stmt *s, int column, uint64_t *ret_hashes, size_t most);

/* Pairs of addresses that are one sender (a, b; more conditions may follow): the only
 * ones, one of each family, of a confirmed name that is not generic. */
#define DB_TWINS                                                                         \
	"name AS a CROSS JOIN name AS b ON b.name = a.name AND b.client <> a.client "    \
	"WHERE a.confirmed_at IS NOT NULL AND a.generic = 0 "                            \
	"AND b.confirmed_at IS NOT NULL AND b.generic = 0 "                              \
	"AND length(a.client) <> length(b.client) "                                      \
	"AND 2 = (SELECT count(*) FROM (SELECT 1 FROM name AS c WHERE c.name = a.name "  \
	"AND c.confirmed_at IS NOT NULL LIMIT 3))"

/* A row of `name`; domain "" none. Who is woken by it: take/fold.h. */
struct name_row {
	struct addr client;
	const char *name, *domain;
	bool is_generic, is_confirmed;
	int64_t time; /* learnt; and confirmed, if it is */
};
FMX_MUST_CHECK int db_write_name(struct db *db, const struct name_row *n,
				 struct error *e);

/* Of envelopes, those told over one family that came to a real host over the other: few,
 * with an index of their own (envelope_otherwise). */
#define DB_OTHERWISE                                                                     \
	"((told4 IS NOT NULL AND real6_last IS NOT NULL) OR "                            \
	"(told6 IS NOT NULL AND real4_last IS NOT NULL))"

/* Every open walk of the group (0: of all) is to be asked again, once, by due. */
FMX_MUST_CHECK int db_ask_again(struct db *db, uint16_t group, struct error *e);

/* A row of `span`, joined with those that it touches; cut: what they hold of [since,
 * until) is taken away. host 0: of the whole site; else site is 0. */
FMX_MUST_CHECK int db_add_span(struct db *db, uint16_t host, uint16_t site,
			       enum span_kind kind, struct span s, struct error *e);
FMX_MUST_CHECK int db_cut_span(struct db *db, uint16_t host, uint16_t site,
			       enum span_kind kind, struct span s, struct error *e);

/*
 * A row of `run`: DB_RUN_COLUMNS in this order, from column 0. In the file answered,
 * last, high, low, accepted, clean and unjudged are microseconds after began (NULL
 * never), so that a real run takes some 60 bytes: `began + accepted >= ?1`. told is order
 * | fate << 4 | tier << 8 | DB_TOLD_... | order_reason << 24 | fate_reason << 32. need is
 * of decoy runs alone: `need IS NOT NULL` is "open" (indices run_need(grp, need),
 * run_open(grp, client)); NULL once it is sealed and none of its hours waits for a
 * frontier that stands still. A decoy run that stands in `woken` is to
 * be decided whatever its need: to write that costs less than to change a row and its
 * indices. Rows are read FROM run.
 */
enum {
	DB_TOLD_TOLD = 1 << 12,
	DB_TOLD_FINAL = 1 << 13,
	DB_TOLD_SEALED = 1 << 14,
	DB_TOLD_RETURNED = 1 << 15,
	DB_TOLD_ORDER_EXCUSED = 1 << 16,
	DB_TOLD_FATE_EXCUSED = 1 << 17,
};
#define DB_RUN_STORED                                                                    \
	"kind, grp, client, began, width, earlier, answered, last, high, high_width, "   \
	"low, low_width, accepted, clean, unjudged, rcpt_hours, envelopes, half_hours, " \
	"hosts, visits, depth, ids, told, delay, delay_error, missing, stopped_at, "     \
	"corrected_at, need"
#define DB_RUN_COLUMNS                                                                   \
	DB_RUN_STORED ", CASE kind WHEN 3 THEN EXISTS (SELECT 1 FROM woken w WHERE "     \
		      "w.grp = run.grp AND w.client = run.client AND "                   \
		      "w.began = run.began) END"
void db_read_run(sqlite3_stmt *s, struct run *ret_run);
FMX_MUST_CHECK int db_write_run(struct db *db, const struct run *r, struct error *e);
/* Of a row that is there: its facts alone; what was told of it alone. */
FMX_MUST_CHECK int db_write_facts(struct db *db, const struct run *r, struct error *e);
FMX_MUST_CHECK int db_write_told(struct db *db, const struct run *r, bool is_need_new,
				 struct error *e);
/* The decoy run was decided: it is woken no more. */
FMX_MUST_CHECK int db_rest(struct db *db, const struct run *r, struct error *e);
FMX_MUST_CHECK int db_delete_run(struct db *db, const struct run *r, struct error *e);

#endif
