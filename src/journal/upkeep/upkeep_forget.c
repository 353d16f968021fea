/*
 * Erasing: first, in one transaction a client, what it says of others is kept without it
 * and its rows go; then the visits, which have no index, in slices.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "journal/take/envelope.h"
#include "journal/take/fold.h"
#include "journal/upkeep/upkeep.h"
#include "journal/upkeep/upkeep_own.h"
#include "mx/host_name.h"

enum { FORGET_SLICE = 5000 };

struct target {
	bool is_addr;
	struct addr addr;
	char name[NAME_MAX_TEXT]; /* lower case, no final dot */
};

struct forget {
	struct db *db;
	struct sites sites;
	struct target target;
	struct addr *clients; /* sorted */
	size_t count;
	bool only_counts; /* nothing is written */
	int64_t rows;
};

/* A statement's two forms: erase these rows, or count them. */
struct rows {
	const char *erase, *count;
};
#define ROWS(of)                                                                         \
	{                                                                                \
		"DELETE FROM " of, "SELECT count(*) FROM " of                            \
	}

/* ---- what is meant ---- */

/* text is the name or ends in ".name"; of an e-mail address, its domain. */
static bool is_of(const char *text, const char *name)
{
	if (!text)
		return false;
	const char *at = strrchr(text, '@');
	text = at ? at + 1 : text;
	size_t len = strlen(text), want = strlen(name);
	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len < want || strncasecmp(text + len - want, name, want) != 0)
		return false;
	return len == want || text[len - want - 1] == '.';
}

static void add_client(struct forget *f, struct addr client)
{
	if ((f->count & (f->count - 1)) == 0)
		f->clients =
		    xrealloc(f->clients, f->count ? 2 * f->count : 1, sizeof(client));
	f->clients[f->count++] = client;
}

static int add_named(struct forget *f, const char *sql, struct error *e)
{
	int rc;
	sqlite3_stmt *s = db_statement(f->db, sql);
	while ((rc = db_step(f->db, s, e)) > 0)
		if (is_of(db_text(s, 1), f->target.name))
			add_client(f, db_addr(s, 0));
	db_done(s);
	return rc;
}

static void sort_clients(struct forget *f)
{
	size_t kept = 0;
	if (f->count > 0)
		qsort(f->clients, f->count, sizeof(*f->clients), addr_compare_any);
	for (size_t i = 0; i < f->count; i++)
		if (i == 0 || !addr_equal(f->clients[i], f->clients[kept - 1]))
			f->clients[kept++] = f->clients[i];
	f->count = kept;
}

static bool is_meant(const struct forget *f, struct addr client)
{
	return f->count > 0 && bsearch(&client, f->clients, f->count, sizeof(*f->clients),
				       addr_compare_any);
}

/* A name that counts is confirmed, by us or by the mail server in whose log it stands:
 * who claims another's must not have it erased. */
static int find_clients(struct forget *f, struct error *e)
{
	if (f->target.is_addr) {
		add_client(f, f->target.addr);
		return 0;
	}
	int rc = add_named(f,
			   "SELECT client, name FROM name WHERE confirmed_at IS NOT NULL "
			   "AND name IS NOT NULL",
			   e);
	if (rc == 0)
		rc = add_named(f, "SELECT client, name FROM visit WHERE name IS NOT NULL",
			       e);
	sort_clients(f);
	return rc;
}

/* ---- what it says of others ---- */

/*
 * Walks of its domain (of a generic name: of its name) are excused by its contacts with
 * real hosts, and its twin's reached by them: that is noted with the walks.
 */
static int keep_excuses(struct forget *f, struct addr client, struct error *e)
{
	return db_change(
	    f->db, e,
	    "UPDATE run SET need = 0, told = coalesce(told, 0) | ?2 | "
	    "CASE WHEN high IS NOT NULL AND EXISTS (SELECT 1 FROM run r WHERE "
	    "r.kind IN (1, 2) AND r.grp = run.grp AND r.client = ?1 AND "
	    "r.began <= run.began + run.high + 60000000 AND "
	    "r.began + r.last >= run.began + run.high - 86400000000) THEN ?3 ELSE 0 END "
	    "WHERE kind = 3 AND need IS NOT NULL AND grp IN (SELECT id FROM grp) AND "
	    "client IN (SELECT o.client FROM name n JOIN name o ON "
	    "CASE WHEN n.generic THEN o.name = n.name ELSE o.domain = n.domain END "
	    "WHERE n.client = ?1 AND n.confirmed_at IS NOT NULL AND o.client <> ?1) AND "
	    "EXISTS (SELECT 1 FROM run r WHERE r.kind IN (1, 2) AND r.grp = run.grp AND "
	    "r.client = ?1 AND r.began <= run.began + 432000000000 AND "
	    "r.began + r.last >= run.began - 86400000000)",
	    DB(client), DB(DB_TOLD_FATE_EXCUSED), DB(DB_TOLD_ORDER_EXCUSED));
}

/* An address of its prefix that is not its own. */
static struct addr anonymous(struct addr client)
{
	struct addr low, high;
	prefix_pool_range(client, &low, &high);
	return addr_equal(low, client) ? high : low;
}

/* Its contacts with real hosts stay for its prefix, without whose they were. */
static int leave_runs(struct forget *f, struct addr client, struct error *e)
{
	struct fold left = { 0 };
	struct run r;
	int rc;
	sqlite3_stmt *s =
	    db_query(f->db,
		     "SELECT " DB_RUN_COLUMNS " FROM run WHERE kind IN (1, 2) AND "
		     "grp IN (SELECT id FROM grp) AND client = ?1",
		     DB(client));
	while ((rc = db_step(f->db, s, e)) > 0) {
		db_read_run(s, &r);
		r.client = anonymous(client);
		r.id_count[0] = r.id_count[1] = 0;
		fold_add(&left, &r);
	}
	if (rc == 0)
		rc = fold_write(&left, f->db, &f->sites, e);
	fold_release(&left);
	return rc;
}

/* Which message one of its visits brought is not known (envelopes_many()): what it may
 * have cleared stays so, of its prefix and of who shares its name. */
static int leave_many(struct forget *f, struct addr client, struct error *e)
{
	int rc = 0, done = 0;
	sqlite3_stmt *s = db_query(
	    f->db,
	    "SELECT m.grp, m.accepted, o.client FROM envelope m LEFT JOIN name n ON "
	    "n.client = ?1 AND n.confirmed_at IS NOT NULL LEFT JOIN name o ON "
	    "o.domain = n.domain AND o.client <> ?1 AND o.generic = n.generic AND "
	    "(n.generic = 0 OR o.name = n.name) WHERE m.grp IN (SELECT id FROM grp) AND "
	    "m.hash = ?2",
	    DB(client), DB((int64_t)envelopes_many(f->db, client)));
	while (done == 0 && (rc = db_step(f->db, s, e)) > 0) {
		uint16_t group = (uint16_t)sqlite3_column_int(s, 0);
		int64_t accepted = sqlite3_column_int64(s, 1);
		done = envelopes_note_many(f->db, group, anonymous(client), accepted, e);
		if (done == 0 && sqlite3_column_type(s, 2) != SQLITE_NULL)
			done =
			    envelopes_note_many(f->db, group, db_addr(s, 2), accepted, e);
	}
	db_done(s);
	if (done != 0 || rc < 0)
		return done != 0 ? done : rc;
	return db_change(f->db, e,
			 "DELETE FROM envelope WHERE grp IN (SELECT id FROM grp) "
			 "AND hash = ?1",
			 DB((int64_t)envelopes_many(f->db, client)));
}

/* ---- its rows ---- */

/* Among those who told an envelope, and who are to be asked again. */
static int erase_teller(struct forget *f, struct addr client, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    f->db, "UPDATE envelope SET told_by = CAST(substr(told_by, 1, "
		   "instr(told_by, ?1) - 1) || substr(told_by, instr(told_by, ?1) + 16) "
		   "AS BLOB) WHERE instr(told_by, ?1)");
	(void)sqlite3_bind_blob(s, 1, client.bytes, sizeof(client.bytes), SQLITE_STATIC);
	int rc = db_run(f->db, s, e);
	if (rc != 0)
		return rc;
	return db_change(f->db, e,
			 "DELETE FROM woken WHERE grp IN (SELECT id FROM grp) AND "
			 "client = ?1",
			 DB(client));
}

static int take_rows(struct forget *f, struct addr client, struct error *e)
{
	static const struct rows rows[] = {
		ROWS("run WHERE kind IN (1, 2, 3, 4) AND grp IN (SELECT id FROM grp) AND "
		     "client = ?1"),
		ROWS("name WHERE client = ?1"),
		ROWS("spf WHERE client = ?1"),
		ROWS("compared WHERE client = ?1"),
		ROWS("listing WHERE client = ?1"),
		ROWS("alarm WHERE client = ?1"),
		ROWS("refusal WHERE client = ?1"),
	};
	int rc = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc >= 0; i++) {
		sqlite3_stmt *s = db_query(
		    f->db, f->only_counts ? rows[i].count : rows[i].erase, DB(client));
		rc = f->only_counts ? db_step(f->db, s, e) : db_run(f->db, s, e);
		if (rc >= 0)
			f->rows += f->only_counts ? sqlite3_column_int64(s, 0)
						  : sqlite3_changes64(db_sqlite(f->db));
		db_done(s);
	}
	return rc < 0 ? rc : 0;
}

static int erase_client(struct forget *f, struct addr client, struct error *e)
{
	if (f->only_counts)
		return take_rows(f, client, e);
	int rc = db_begin(f->db, e);
	if (rc != 0)
		return rc;
	rc = keep_excuses(f, client, e);
	if (rc == 0)
		rc = leave_runs(f, client, e);
	if (rc == 0)
		rc = leave_many(f, client, e);
	if (rc == 0)
		rc = erase_teller(f, client, e);
	if (rc == 0)
		rc = take_rows(f, client, e);
	if (rc == 0)
		return db_commit(f->db, e);
	db_rollback(f->db);
	return rc;
}

/* Rows that name the domain: those that are left after its clients'. select gives the
 * domain, and whose row it is where it is a client's. */
static int erase_domain(struct forget *f, const char *select, const char *erase,
			struct error *e)
{
	sqlite3_stmt *s = db_statement(f->db, select);
	int rc;
	while ((rc = db_step(f->db, s, e)) > 0) {
		if (!is_of(db_text(s, 0), f->target.name))
			continue;
		if (f->only_counts) {
			f->rows += sqlite3_column_type(s, 1) == SQLITE_NULL ||
				   !is_meant(f, db_addr(s, 1));
			continue;
		}
		sqlite3_stmt *d = db_statement(f->db, erase);
		(void)sqlite3_bind_value(d, 1, sqlite3_column_value(s, 0));
		rc = db_run(f->db, d, e);
		f->rows += rc == 0 ? sqlite3_changes64(db_sqlite(f->db)) : 0;
		if (rc != 0)
			break;
	}
	db_done(s);
	return rc;
}

static int erase_domains(struct forget *f, struct error *e)
{
	if (f->target.is_addr)
		return 0;
	int rc = erase_domain(f, "SELECT domain, NULL FROM wrote_to",
			      "DELETE FROM wrote_to WHERE domain = ?1", e);
	return rc == 0 ? erase_domain(f, "SELECT domain, client FROM spf",
				      "DELETE FROM spf WHERE domain = ?1", e)
		       : rc;
}

/* ---- visits ---- */

/* Claimed, not confirmed: only the text goes. */
static bool is_claimed(const struct forget *f, sqlite3_stmt *s)
{
	for (int column = 2; !f->target.is_addr && column <= 4; column++)
		if (is_of(db_text(s, column), f->target.name))
			return true;
	return false;
}

static int erase_visits(struct forget *f, int64_t after, struct error *e)
{
	int rc;
	sqlite3_stmt *s =
	    db_query(f->db,
		     "SELECT id, client, helo, mail_from, domain FROM visit WHERE "
		     "id > ?1 AND id <= ?2 ORDER BY id",
		     DB(after), DB(after + FORGET_SLICE));
	while ((rc = db_step(f->db, s, e)) > 0) {
		sqlite3_stmt *d;
		if (is_meant(f, db_addr(s, 1)))
			d = db_statement(f->db, "DELETE FROM visit WHERE id = ?1");
		else if (is_claimed(f, s))
			d = db_statement(f->db, "UPDATE visit SET helo = NULL, "
						"mail_from = NULL, domain = NULL "
						"WHERE id = ?1");
		else
			continue;
		db_set(d, DB(sqlite3_column_int64(s, 0)));
		rc = f->only_counts ? 0 : db_run(f->db, d, e);
		f->rows += rc == 0;
		if (rc != 0)
			break;
	}
	db_done(s);
	return rc;
}

static int erase_slice(struct forget *f, int64_t after, struct error *e)
{
	int64_t before = f->rows;
	if (f->only_counts)
		return erase_visits(f, after, e);
	int rc = db_begin(f->db, e);
	if (rc != 0)
		return rc;
	rc = upkeep_keep_last_id(f->db, e);
	if (rc == 0)
		rc = erase_visits(f, after, e);
	if (rc == 0 && f->rows > before)
		return db_commit(f->db, e);
	db_rollback(f->db);
	return rc;
}

static int erase_all_visits(struct forget *f, struct error *e)
{
	int64_t first = 0, last = 0;
	sqlite3_stmt *s = db_statement(f->db, "SELECT (SELECT min(id) FROM visit), "
					      "(SELECT max(id) FROM visit)");
	int rc = db_step(f->db, s, e);
	if (rc > 0) {
		first = sqlite3_column_int64(s, 0);
		last = sqlite3_column_int64(s, 1);
	}
	db_done(s);
	rc = rc < 0 ? rc : 0;
	for (int64_t after = first - 1; rc == 0 && after < last; after += FORGET_SLICE)
		rc = erase_slice(f, after, e);
	return rc;
}

/* What was erased is still in the -wal file until that is cut. */
static int empty_wal(struct db *db, struct error *e)
{
	int rc = sqlite3_wal_checkpoint_v2(db_sqlite(db), NULL,
					   SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	if (rc == SQLITE_BUSY)
		return error_set(
		    e, -EBUSY,
		    "erased from %s, but a reader keeps the old pages in its "
		    "-wal file: end it and do this again",
		    db_path(db));
	return db_error(db, rc, e);
}

static int forget_all(struct forget *f, struct error *e)
{
	int rc = find_clients(f, e);
	for (size_t i = 0; i < f->count && rc == 0; i++)
		rc = erase_client(f, f->clients[i], e);
	if (rc == 0)
		rc = erase_domains(f, e);
	if (rc == 0)
		rc = erase_all_visits(f, e);
	return rc == 0 && !f->only_counts ? empty_wal(f->db, e) : rc;
}

static int64_t forget(struct db *db, const char *what, bool only_counts, struct error *e)
{
	struct forget f = { .db = db, .only_counts = only_counts };
	f.target.is_addr = addr_parse(what, &f.target.addr);
	if (!f.target.is_addr &&
	    host_name_read(what, f.target.name, sizeof(f.target.name)) == 0)
		return error_set(e, FMX_EUSAGE,
				 "\"%.100s\" is neither an address, nor a name or domain",
				 what);
	int rc = sites_load(db, &f.sites, e);
	if (rc != 0)
		return rc;
	rc = forget_all(&f, e);
	free(f.clients);
	sites_release(&f.sites);
	return rc == 0 ? f.rows : rc;
}

int64_t journal_forget(struct db *db, const char *what, int64_t now, struct error *e)
{
	(void)now;
	return forget(db, what, false, e);
}

int64_t journal_forget_count(struct db *db, const char *what, struct error *e)
{
	return forget(db, what, true, e);
}
