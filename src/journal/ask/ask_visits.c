#include <errno.h>

#include "journal/ask/ask_internal.h"
#include "journal/visit_row.h"

/* How far behind its arrival a visit's time may lie for a search by time: clocks. */
#define TIME_SLACK STAMP_HOUR

static int tell(struct ask *a, sqlite3_stmt *s, struct ask_visit *v, ask_visit_fn fn,
		void *arg)
{
	visit_read(s, v);
	const struct host_place *h = sites_host(&a->sites, v->visit.host);
	v->visit.site = h ? h->site : 0;
	return fn(arg, v);
}

static struct slot read_slot(sqlite3_stmt *s)
{
	uint32_t n[10];
	for (int i = 0; i < 10; i++)
		n[i] = (uint32_t)sqlite3_column_int64(s, 2 + i);
	return (struct slot){ .host = (uint16_t)sqlite3_column_int(s, 0),
			      .five = sqlite3_column_int64(s, 1),
			      .visits = n[0],
			      .accepted = n[1],
			      .refused = n[2],
			      .unknown_rcpt = n[3],
			      .deferred = n[4],
			      .aborted = n[5],
			      .spam = n[6],
			      .bad = n[7],
			      .late = n[8],
			      .unkept = n[9] };
}

/* Numbers rise with `seen`, so that a period of long ago is not read to find one of
 * today: the least number with seen >= since. */
static int find_first(struct ask *a, int64_t since, int64_t last, int64_t *first,
		      struct error *e)
{
	int64_t low = *first, high = last + 1;
	int rc = 0;
	while (rc == 0 && low < high) {
		int64_t middle = low + (high - low) / 2, seen;
		sqlite3_stmt *s = db_query(
		    a->db, "SELECT seen FROM visit WHERE id >= ?1 ORDER BY id LIMIT 1",
		    DB(middle));
		rc = db_number(a->db, s, &seen, e);
		if (seen < since)
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	return rc;
}

/* A statement that is not shared: the callback may ask for visits, too. */
static int prepare(struct ask *a, const char *sql, sqlite3_stmt **ret_statement,
		   struct error *e)
{
	sqlite3 *db = db_sqlite(a->db);
	*ret_statement = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, ret_statement, NULL) != SQLITE_OK)
		return db_error(a->db, sqlite3_extended_errcode(db), e);
	return 0;
}

static int tell_rows(struct ask *a, sqlite3_stmt *s, ask_visit_fn fn, void *arg,
		     struct error *e)
{
	struct ask_visit v;
	int rc;
	while ((rc = db_step(a->db, s, e)) == 1) {
		rc = tell(a, s, &v, fn, arg);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(s); /* told by its step */
	return rc;
}

static int tell_slices(struct ask *a, const struct ask_visits *which, sqlite3_stmt *s,
		       int64_t first, int64_t last, ask_visit_fn fn, void *arg,
		       struct error *e)
{
	int rc = 0;
	for (int64_t at = first; rc == 0 && at <= last; at += ASK_SLICE) {
		db_set(s, DB(at), DB(at + ASK_SLICE), DB(which->since), DB(which->until),
		       DB(which->host));
		rc = tell_rows(a, s, fn, arg, e);
		if (rc == 0 && at + ASK_SLICE <= last)
			rc = ask_renew(a, e);
	}
	return rc;
}

static int find_range(struct ask *a, const struct ask_visits *which, int64_t *ret_first,
		      int64_t *ret_last, struct error *e)
{
	int64_t since = which->since;
	int rc = db_number(a->db, db_statement(a->db, "SELECT max(id) FROM visit"),
			   ret_last, e);
	if (rc == 0)
		rc = db_number(a->db, db_statement(a->db, "SELECT min(id) FROM visit"),
			       ret_first, e);
	if (*ret_first <= which->after)
		*ret_first = which->after + 1;
	if (rc == 0 && since > INT64_MIN + TIME_SLACK)
		rc = find_first(a, since - TIME_SLACK, *ret_last, ret_first, e);
	return rc;
}

int ask_visits(struct ask *a, const struct ask_visits *which, ask_visit_fn fn, void *arg,
	       struct error *e)
{
	int64_t first = 0, last = 0;
	sqlite3_stmt *s = NULL;
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	rc = find_range(a, which, &first, &last, e);
	if (rc == 0 && first <= last)
		rc = prepare(a,
			     "SELECT " VISIT_COLUMNS " FROM visit WHERE id >= ?1 "
			     "AND id < ?2 AND time >= ?3 AND time < ?4 "
			     "AND ?5 IN (0, host) ORDER BY id",
			     &s, e);
	if (rc == 0 && first <= last)
		rc = tell_slices(a, which, s, first, last, fn, arg, e);
	(void)sqlite3_finalize(s); /* told by its step */
	ask_end(a);
	return rc;
}

int ask_visits_by_id(struct ask *a, const int64_t *ids, size_t count, ask_visit_fn fn,
		     void *arg, struct error *e)
{
	sqlite3_stmt *s;
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	rc = prepare(a, "SELECT " VISIT_COLUMNS " FROM visit WHERE id = ?1", &s, e);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		db_set(s, DB(ids[i]));
		rc = tell_rows(a, s, fn, arg, e);
	}
	(void)sqlite3_finalize(s); /* told by its step */
	ask_end(a);
	return rc;
}

/* ---- the visit that told a message ---- */

struct message {
	uint64_t hash;
	bool is_found;
	ask_visit_fn fn;
	void *arg;
};

static int on_visit(void *arg, const struct ask_visit *v)
{
	struct message *m = arg;
	for (size_t i = 0; !m->is_found && i < v->visit.envelope_count; i++)
		if (v->visit.envelope_count <= VISIT_ENVELOPES &&
		    v->visit.envelopes[i] == m->hash) {
			m->is_found = true;
			return m->fn(m->arg, v);
		}
	return 0;
}

/* The run keeps its first and last numbers; what lies between is read as it stands. */
static int find_between(struct ask *a, const struct run *r, struct message *m,
			struct error *e)
{
	sqlite3_stmt *s;
	int rc = prepare(a,
			 "SELECT " VISIT_COLUMNS " FROM visit WHERE id > ?1 AND id < ?2 "
			 "AND client = ?3",
			 &s, e);
	if (rc != 0)
		return rc;
	db_set(s, DB(r->first_ids[r->id_count[0] - 1]), DB(r->last_ids[0]),
	       DB(r->client));
	rc = tell_rows(a, s, on_visit, m, e);
	(void)sqlite3_finalize(s); /* told by its step */
	return rc;
}

int ask_message(struct ask *a, const struct run *decoy, uint64_t hash, ask_visit_fn fn,
		void *arg, struct error *e)
{
	struct message m = { .hash = hash, .fn = fn, .arg = arg };
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	rc = ask_visits_by_id(a, decoy->first_ids, decoy->id_count[0], on_visit, &m, e);
	if (rc == 0 && !m.is_found)
		rc = ask_visits_by_id(a, decoy->last_ids, decoy->id_count[1], on_visit,
				      &m, e);
	if (rc == 0 && !m.is_found && decoy->id_count[0] == RUN_IDS)
		rc = find_between(a, decoy, &m, e);
	ask_end(a);
	if (rc == 0 && !m.is_found)
		return error_set(e, -ENOENT, "the visit of that message is kept no more");
	return rc;
}

/* ---- slots ---- */

int ask_slots(struct ask *a, uint16_t host, int64_t since, int64_t until, ask_slot_fn fn,
	      void *arg, struct error *e)
{
	sqlite3_stmt *s;
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	rc = prepare(a,
		     "SELECT host, five, visits, accepted, refused, unknown_rcpt, "
		     "deferred, aborted, spam, bad, late, unkept FROM slot "
		     "WHERE host = ?1 AND five >= ?2 AND five < ?3 ORDER BY five",
		     &s, e);
	if (rc == 0)
		db_set(s, DB(host), DB(since), DB(until));
	while (rc == 0 && (rc = db_step(a->db, s, e)) == 1) {
		struct slot slot = read_slot(s);
		rc = fn(arg, &slot);
	}
	(void)sqlite3_finalize(s); /* told by its step */
	ask_end(a);
	return rc;
}
