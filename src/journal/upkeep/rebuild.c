/*
 * The runs and verdicts of a journal once more, from its visits. They are made in a file
 * aside that is thrown away: the tables that visits do not tell (names, spans, slots)
 * are copied, the runs folded, the walks judged, and what was there is compared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/ask/due.h"
#include "journal/take/fold.h"
#include "journal/upkeep/upkeep.h"
#include "journal/visit_row.h"

enum { REBUILD_BATCH = 20000 };

struct rebuild {
	struct db *db; /* the file aside; the journal is attached to it as `old` */
	char *aside;
	struct sites sites;
	struct fold fold;
	int64_t from; /* runs that began before it may have lost visits */
	upkeep_progress_fn fn;
	void *arg;
	uint64_t done, total;
	struct verify_result result;
};

/* ---- differences ---- */

static void say_difference(struct verify_result *result, const struct run *r,
			   const char *what)
{
	char address[ADDR_TEXT_MAX], time[STAMP_TEXT_MAX];
	if (result->differences++ == 0)
		(void)snprintf(result->first, sizeof(result->first),
			       "the %s run of %s that began at %s %s",
			       run_kind_name(r->kind), addr_text(r->client, address),
			       stamp_text(r->began, time), what);
}

static bool is_same_time(const struct run *a, const struct run *b)
{
	return a->width == b->width && a->earlier == b->earlier &&
	       a->answered == b->answered && a->last == b->last;
}

static bool is_same_place(const struct run *a, const struct run *b)
{
	return a->high == b->high && a->high_width == b->high_width && a->low == b->low &&
	       a->low_width == b->low_width && a->rcpt_hours == b->rcpt_hours;
}

static bool is_same_mail(const struct run *a, const struct run *b)
{
	return a->accepted == b->accepted && a->clean == b->clean &&
	       a->unjudged == b->unjudged;
}

/* They are hashed with a key of each journal. */
static bool is_same_envelopes(const struct run *a, const struct run *b, bool is_one_key)
{
	size_t size = a->envelope_count * sizeof(a->envelopes[0]);
	return a->envelope_count == b->envelope_count &&
	       (!is_one_key || memcmp(a->envelopes, b->envelopes, size) == 0);
}

static bool is_same_count(const struct run *a, const struct run *b)
{
	return a->visits == b->visits && a->depth == b->depth &&
	       a->half_hours == b->half_hours && a->hosts == b->hosts;
}

/* All but visit numbers and what was told. */
static const char *compare_facts(const struct run *a, const struct run *b,
				 bool is_one_key)
{
	return !is_same_time(a, b)                    ? "has other times"
	       : !is_same_place(a, b)                 ? "has other visits to decoys"
	       : !is_same_mail(a, b)                  ? "has other accepted mail"
	       : !is_same_envelopes(a, b, is_one_key) ? "has other envelopes"
	       : !is_same_count(a, b)                 ? "has other counts"
						      : NULL;
}

static bool is_accusation(const struct told *t)
{
	return t->fate == FATE_STOPPED || t->order == ORDER_BACKDOOR || t->missing;
}

static const char *compare_open(const struct told *was, const struct told *now)
{
	return was->order != now->order ? "has another order when it is judged again"
	       : was->fate != now->fate ? "has another fate when it is judged again"
	       : was->missing != now->missing
		   ? "misses another message when it is judged "
		     "again"
		   : NULL;
}

/* Sealed is what was known by then: a name or a span that came later says less now, a
 * watermark that came later more of what was unknown. */
static const char *compare_sealed(const struct told *was, const struct told *now)
{
	if (was->fate == FATE_UNKNOWN)
		return NULL;
	return now->order == ORDER_BACKDOOR && was->order != ORDER_BACKDOOR
		   ? "is accused when it is judged again"
	       : now->fate == FATE_STOPPED && was->fate != FATE_STOPPED
		   ? "was not stopped until it was judged again"
		   : NULL;
}

/* What excused a walk once may be gone, and what is due yet may say anything. What was
 * told stands while a contact that came later is not decided: of it nothing is told anew.
 */
static const char *compare_told(const struct told *was, const struct told *now,
				int64_t frontier)
{
	bool is_due = was->is_woken || (!was->is_sealed && was->need <= frontier);
	bool is_excused = was->order_excused || was->fate_excused;
	if (!was->is_told || !now->is_told || is_due ||
	    (is_excused && !is_accusation(was)))
		return NULL;
	return was->is_sealed ? compare_sealed(was, now) : compare_open(was, now);
}

/* ---- two tables side by side ---- */

struct side {
	struct db *db;
	sqlite3_stmt *statement;
	bool has_row;
	struct run run;
};

static int next_run(struct side *s, struct error *e)
{
	int rc = db_step(s->db, s->statement, e);
	s->has_row = rc == 1;
	if (s->has_row)
		db_read_run(s->statement, &s->run);
	return rc < 0 ? rc : 0;
}

struct comparison {
	struct side was, now;
	int64_t from, frontier;
	bool is_rebuilt; /* of one journal: its key, and what was told */
	struct verify_result *result;
};

/* The run that `forget` leaves of a prefix has no visits. */
static bool is_of_visits(const struct run *r)
{
	return r->id_count[0] > 0;
}

static void compare_pair(struct comparison *c)
{
	const struct run *was = &c->was.run, *now = &c->now.run;
	const char *what = compare_facts(was, now, c->is_rebuilt);
	if (!what && c->is_rebuilt && was->kind == RUN_DECOY)
		what = compare_told(&was->told, &now->told, c->frontier);
	if (what && was->began >= c->from)
		say_difference(c->result, was, what);
}

static int compare_next(struct comparison *c, struct error *e)
{
	int order = !c->was.has_row   ? 1
		    : !c->now.has_row ? -1
				      : run_compare(&c->was.run, &c->now.run);
	if (order == 0)
		compare_pair(c);
	else if (order < 0 && c->was.run.began >= c->from && is_of_visits(&c->was.run))
		say_difference(c->result, &c->was.run,
			       c->is_rebuilt ? "does not follow from the visits"
					     : "is not in the other journal");
	else if (order > 0 && c->now.run.began >= c->from && is_of_visits(&c->now.run))
		say_difference(c->result, &c->now.run,
			       c->is_rebuilt ? "follows from the visits, but is missing"
					     : "is in the other journal alone");
	c->result->runs += order <= 0;
	int rc = order <= 0 ? next_run(&c->was, e) : 0;
	return rc == 0 && order >= 0 ? next_run(&c->now, e) : rc;
}

static int compare(struct comparison *c, struct error *e)
{
	int rc = next_run(&c->was, e);
	if (rc == 0)
		rc = next_run(&c->now, e);
	while (rc == 0 && (c->was.has_row || c->now.has_row))
		rc = compare_next(c, e);
	db_done(c->was.statement);
	db_done(c->now.statement);
	return rc;
}

#define BY_KEY " ORDER BY kind, grp, client, began"
#define SELECT_RUNS "SELECT " DB_RUN_COLUMNS " FROM run" BY_KEY

/* ---- the runs of two journals ---- */

static int verify_against(const char *path, const char *against,
			  struct verify_result *result, struct error *e)
{
	struct comparison c = { .from = INT64_MIN, .result = result };
	int rc = db_open(path, DB_READ, &c.was.db, e);
	if (rc == 0)
		rc = db_open(against, DB_READ, &c.now.db, e);
	if (rc == 0)
		rc = db_begin_read(c.was.db, e);
	if (rc == 0)
		rc = db_begin_read(c.now.db, e);
	if (rc == 0) {
		c.was.statement = db_statement(c.was.db, SELECT_RUNS);
		c.now.statement = db_statement(c.now.db, SELECT_RUNS);
		rc = compare(&c, e);
	}
	db_close(c.was.db);
	db_close(c.now.db);
	return rc;
}

/* ---- one journal and its visits ---- */

/* Tables that visits do not tell; and the runs as they are, since serve goes on. */
static const char copy_sql[] =
    "DELETE FROM meta; DELETE FROM rules;"
    "INSERT INTO meta SELECT * FROM old.meta;"
    "INSERT INTO rules SELECT * FROM old.rules;"
    "INSERT INTO site SELECT * FROM old.site; INSERT INTO host SELECT * FROM old.host;"
    "INSERT INTO grp SELECT * FROM old.grp;"
    "INSERT INTO envelope SELECT * FROM old.envelope;"
    "INSERT INTO name SELECT * FROM old.name; INSERT INTO spf SELECT * FROM old.spf;"
    "INSERT INTO wrote_to SELECT * FROM old.wrote_to;"
    "INSERT INTO span SELECT * FROM old.span; INSERT INTO slot SELECT * FROM old.slot;"
    "INSERT INTO listing SELECT * FROM old.listing;"
    "INSERT INTO allow SELECT * FROM old.allow;"
    "CREATE TABLE told AS SELECT *, kind = 3 AND EXISTS (SELECT 1 FROM old.woken w WHERE "
    "w.grp = r.grp AND w.client = r.client AND w.began = r.began) AS woken FROM old.run "
    "r "
    "ORDER BY kind, grp, client, began;";

static int quick_check(struct rebuild *b, const char *path, struct error *e)
{
	sqlite3_stmt *s = db_statement(b->db, "PRAGMA old.quick_check(1)");
	int rc = db_step(b->db, s, e);
	const char *said = rc == 1 ? db_text(s, 0) : "ok";
	if (rc == 1 && strcmp(said, "ok") != 0)
		rc = db_damaged(path, said, e);
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* Where the oldest visits are deleted, runs are whole from the day on after the oldest
 * that is left. */
static int find_whole(struct rebuild *b, struct error *e)
{
	int64_t first = 0, seen = 0, count = 0;
	int rc = db_number(b->db, db_statement(b->db, "SELECT min(id) FROM old.visit"),
			   &first, e);
	if (rc == 0)
		rc = db_number(b->db,
			       db_statement(b->db, "SELECT min(seen) FROM old.visit"),
			       &seen, e);
	if (rc == 0)
		rc = db_number(b->db,
			       db_statement(b->db, "SELECT count(*) FROM old.visit"),
			       &count, e);
	b->total = (uint64_t)count;
	b->from = first <= 1 ? INT64_MIN : stamp_day(seen) + STAMP_DAY;
	return rc;
}

static int write_batch(struct rebuild *b, struct error *e)
{
	int rc = fold_write(&b->fold, b->db, &b->sites, e);
	fold_clear(&b->fold);
	if (rc == 0 && b->fn)
		b->fn(b->arg, b->done, b->total);
	return rc;
}

static void fold_visit(struct rebuild *b, const struct ask_visit *v)
{
	const struct host_place *h = sites_host(&b->sites, v->visit.host);
	struct run_where w = {
		.group = v->group,
		.role = v->role,
		.place = h ? h->place : PLACE_REAL,
		.host_bit = h ? h->bit : 0,
		.is_late = v->is_late,
		.names_ours = v->names_ours,
		.id = v->id,
	};
	struct run r = run_of(&v->visit, &w);
	fold_add(&b->fold, &r);
	b->done++;
}

static int fold_all(struct rebuild *b, struct error *e)
{
	struct ask_visit v;
	sqlite3_stmt *s = db_statement(b->db, "SELECT " VISIT_COLUMNS " FROM old.visit "
					      "ORDER BY id");
	int rc;
	while ((rc = db_step(b->db, s, e)) == 1) {
		visit_read(s, &v);
		fold_visit(b, &v);
		if (b->done % REBUILD_BATCH == 0)
			rc = write_batch(b, e);
		if (rc < 0)
			break;
	}
	db_done(s);
	return rc < 0 ? rc : write_batch(b, e);
}

static int rebuild(struct rebuild *b, const char *path, struct error *e)
{
	int rc = db_open(b->aside, DB_WRITE, &b->db, e);
	if (rc == 0)
		rc = db_change(b->db, e, "ATTACH ?1 AS old", DB(path));
	if (rc == 0)
		rc = quick_check(b, path, e);
	/* A file that is thrown away need not survive a crash. */
	if (rc == 0)
		rc = db_exec(b->db, "PRAGMA main.synchronous = OFF", e);
	if (rc == 0)
		rc = db_begin(b->db, e);
	if (rc == 0)
		rc = db_exec(b->db, copy_sql, e);
	if (rc == 0)
		rc = db_read_key(b->db,
				 e); /* visits with many envelopes are found by it */
	if (rc == 0)
		rc = sites_load(b->db, &b->sites, e);
	if (rc == 0)
		rc = find_whole(b, e);
	if (rc == 0)
		rc = fold_all(b, e);
	if (rc == 0)
		rc = db_commit(b->db, e);
	return rc;
}

static int judge(struct rebuild *b, struct error *e)
{
	struct coverage *c = coverage_new(b->db, &b->sites);
	struct due *d = due_new(b->db, c, NULL);
	int rc = due_all(d, 0, e);
	due_free(d);
	coverage_free(c);
	return rc;
}

static int verify_visits(struct rebuild *b, const char *path, struct error *e)
{
	struct comparison c = { .is_rebuilt = true, .result = &b->result };
	int rc = rebuild(b, path, e);
	if (rc == 0)
		rc = db_number(b->db,
			       db_statement(b->db,
					    "SELECT CASE WHEN max(resweep > swept) THEN "
					    "9223372036854775807 ELSE max(frontier) END "
					    "FROM old.grp"),
			       &c.frontier, e);
	if (rc == 0)
		rc = judge(b, e);
	if (rc != 0)
		return rc;
	c.from = b->from;
	c.was.db = c.now.db = b->db;
	c.was.statement =
	    db_statement(b->db, "SELECT " DB_RUN_STORED ", woken FROM told" BY_KEY);
	c.now.statement = db_statement(b->db, SELECT_RUNS);
	rc = compare(&c, e);
	b->result.visits = b->total;
	return rc;
}

static int verify_alone(const char *path, upkeep_progress_fn fn, void *arg,
			struct verify_result *result, struct error *e)
{
	struct rebuild b = { .fn = fn, .arg = arg };
	struct db *old = NULL;
	/* It says what is wrong with a file that is none of ours. */
	int rc = db_open(path, DB_READ, &old, e);
	db_close(old);
	if (rc != 0)
		return rc;
	if (asprintf(&b.aside, "%s.verify", path) < 0)
		mem_lacks();
	db_remove(b.aside);
	rc = verify_visits(&b, path, e);
	fold_release(&b.fold);
	sites_release(&b.sites);
	db_close(b.db);
	db_remove(b.aside);
	free(b.aside);
	*result = b.result;
	return rc;
}

int journal_verify(const char *path, const char *against, upkeep_progress_fn fn,
		   void *arg, struct verify_result *ret_result, struct error *e)
{
	struct verify_result result = { 0 };
	int rc = against ? verify_against(path, against, &result, e)
			 : verify_alone(path, fn, arg, &result, e);
	if (rc != 0)
		return rc;
	*ret_result = result;
	if (result.differences == 0)
		return 0;
	return error_set(e, FMX_EFOREIGN, "%s: %llu of its runs differ: %s", path,
			 (unsigned long long)result.differences, result.first);
}
