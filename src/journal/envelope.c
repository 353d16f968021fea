#include "journal/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/fold.h"

enum { BUCKETS = 65536, LEAST_SWEEP = 4096 };
#define NOBODY UINT32_MAX

/* An envelope that a real host was told; or (is_many) a visit with more than its line
 * could name, which may be any of its sender's and its prefix's. */
struct wait {
	uint64_t hash; /* of many: of the prefix */
	int64_t time;
	uint32_t next;
	uint16_t group;
	bool is_v6, is_accepted, is_many;
};

struct envelopes {
	struct db *db;
	struct wait *waits;
	size_t count, cap, kept, swept;
	uint32_t buckets[BUCKETS];
};

struct envelopes *envelopes_new(struct db *db)
{
	struct envelopes *en = xcalloc(1, sizeof(*en));
	en->db = db;
	memset(en->buckets, 0xff, sizeof(en->buckets));
	return en;
}

void envelopes_free(struct envelopes *en)
{
	if (!en)
		return;
	free(en->waits);
	free(en);
}

static void index_wait(struct envelopes *en, uint32_t at)
{
	uint32_t *head = &en->buckets[en->waits[at].hash % BUCKETS];
	en->waits[at].next = *head;
	*head = at;
}

static void add_wait(struct envelopes *en, struct wait w)
{
	if (en->count == en->cap) {
		en->cap = en->cap ? 2 * en->cap : 1024;
		en->waits = xrealloc(en->waits, en->cap, sizeof(*en->waits));
	}
	en->waits[en->count] = w;
	index_wait(en, (uint32_t)en->count++);
}

/* Newest first, so the newest are the heads. */
void envelopes_undo(struct envelopes *en)
{
	while (en->count > en->kept) {
		struct wait *w = &en->waits[--en->count];
		en->buckets[w->hash % BUCKETS] = w->next;
	}
}

/* ---- rows ---- */

/* What a real host made of it counts from 30 minutes before it was first told. */
static int update(struct envelopes *en, uint64_t hash, const struct wait *w,
		  struct error *e)
{
	sqlite3_stmt *s =
	    w->is_v6
		? db_statement(en->db,
			       "UPDATE envelope SET "
			       "real6 = min(coalesce(real6, ?3), ?3), "
			       "real6_last = max(coalesce(real6_last, ?3), ?3), "
			       "accepted = nullif(max(coalesce(accepted, 0), ?4), 0) "
			       "WHERE grp = ?1 AND hash = ?2 AND "
			       "coalesce(min(coalesce(told4, told6), "
			       "coalesce(told6, told4)), 0) - 1800000000 <= ?3")
		: db_statement(en->db,
			       "UPDATE envelope SET "
			       "real4 = min(coalesce(real4, ?3), ?3), "
			       "real4_last = max(coalesce(real4_last, ?3), ?3), "
			       "accepted = nullif(max(coalesce(accepted, 0), ?4), 0) "
			       "WHERE grp = ?1 AND hash = ?2 AND "
			       "coalesce(min(coalesce(told4, told6), "
			       "coalesce(told6, told4)), 0) - 1800000000 <= ?3");
	(void)sqlite3_bind_int(s, 1, w->group);
	(void)sqlite3_bind_int64(s, 2, (int64_t)hash);
	(void)sqlite3_bind_int64(s, 3, w->time);
	(void)sqlite3_bind_int64(s, 4, w->is_accepted ? w->time : 0);
	return db_run(en->db, s, e);
}
_Static_assert(ENVELOPE_BEFORE == 1800000000, "as in update()");

/* Cleared by an acceptance that does not name it. */
static int clear(struct envelopes *en, uint64_t hash, const struct wait *w,
		 struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    en->db, "UPDATE envelope SET accepted = max(coalesce(accepted, ?3), ?3) "
		    "WHERE grp = ?1 AND hash = ?2 AND min(coalesce(told4, told6), "
		    "coalesce(told6, told4)) - 1800000000 <= ?3");
	(void)sqlite3_bind_int(s, 1, w->group);
	(void)sqlite3_bind_int64(s, 2, (int64_t)hash);
	(void)sqlite3_bind_int64(s, 3, w->time);
	return db_run(en->db, s, e);
}

static int tell(struct envelopes *en, uint16_t group, uint64_t hash, int64_t time,
		bool is_v6, struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(en->db, "INSERT INTO envelope(grp, hash, told4, told6) VALUES "
				 "(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
				 "told4 = min(coalesce(told4, ?3), coalesce(?3, told4)), "
				 "told6 = min(coalesce(told6, ?4), coalesce(?4, told6))");
	(void)sqlite3_bind_int(s, 1, group);
	(void)sqlite3_bind_int64(s, 2, (int64_t)hash);
	(void)sqlite3_bind_int64(s, is_v6 ? 4 : 3, time);
	return db_run(en->db, s, e);
}

static uint64_t pool_hash(struct addr client)
{
	struct addr low, high;
	fold_pool(client, &low, &high);
	return addr_hash(low);
}

/* ---- lines ---- */

/* fn for each that waits for hash. */
typedef int (*wait_fn)(struct envelopes *en, uint64_t hash, const struct wait *w,
		       struct error *e);

static int each_wait(struct envelopes *en, uint64_t key, uint16_t group, bool is_many,
		     uint64_t hash, wait_fn fn, struct error *e)
{
	int rc = 0;
	for (uint32_t at = en->buckets[key % BUCKETS]; at != NOBODY && rc == 0;
	     at = en->waits[at].next) {
		const struct wait *w = &en->waits[at];
		if (w->hash == key && w->group == group && w->is_many == is_many)
			rc = fn(en, hash, w, e);
	}
	return rc;
}

int envelopes_told(struct envelopes *en, const struct visit *v, uint16_t group,
		   struct error *e)
{
	int rc = 0;
	if (v->envelope_count > VISIT_ENVELOPES)
		return 0; /* with more it tells none */
	for (size_t i = 0; i < v->envelope_count && rc == 0; i++) {
		uint64_t hash = v->envelopes[i];
		rc = tell(en, group, hash, v->time, !addr_is_v4(v->client), e);
		if (rc == 0)
			rc = each_wait(en, hash, group, false, hash, update, e);
		if (rc == 0)
			rc = each_wait(en, pool_hash(v->client), group, true, hash, clear,
				       e);
	}
	return rc;
}

/* The open decoy walks of its sender and prefix. */
static int clear_pool(struct envelopes *en, const struct visit *v, const struct wait *w,
		      struct error *e)
{
	struct addr low, high;
	struct run r;
	int rc;
	unsigned rows = 0;
	sqlite3_stmt *s = db_statement(
	    en->db, "SELECT " DB_RUN_COLUMNS " FROM run INDEXED BY run_open WHERE "
		    "grp = ?1 AND client BETWEEN ?2 AND ?3 AND need IS NOT NULL");
	fold_pool(v->client, &low, &high);
	(void)sqlite3_bind_int(s, 1, w->group);
	db_bind_addr(s, 2, low);
	db_bind_addr(s, 3, high);
	while ((rc = db_step(en->db, s, e)) > 0 && rows++ < FOLD_WAKES) {
		db_read_run(s, &r);
		for (size_t i = 0; i < r.envelope_count && rc >= 0; i++)
			rc = clear(en, r.envelopes[i], w, e);
		if (rc < 0)
			break;
	}
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* What waits of a real host's visit: its envelopes, or of too many that one was
 * accepted. */
static size_t waits_of(const struct visit *v, uint16_t group,
		       struct wait ret[VISIT_ENVELOPES])
{
	struct wait w = { .time = v->time,
			  .group = group,
			  .is_v6 = !addr_is_v4(v->client),
			  .is_accepted = v->outcome == OUTCOME_ACCEPTED,
			  .is_many = v->envelope_count > VISIT_ENVELOPES };
	size_t count = w.is_many ? w.is_accepted : v->envelope_count;
	for (size_t i = 0; i < count; i++) {
		ret[i] = w;
		ret[i].hash = w.is_many ? pool_hash(v->client) : v->envelopes[i];
	}
	return count;
}

int envelopes_real(struct envelopes *en, const struct visit *v, uint16_t group,
		   struct error *e)
{
	struct wait w[VISIT_ENVELOPES];
	size_t count = waits_of(v, group, w);
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		add_wait(en, w[i]);
		rc = w[i].is_many ? clear_pool(en, v, &w[i], e)
				  : update(en, w[i].hash, &w[i], e);
	}
	return rc;
}

/* ---- what waits ---- */

static void rebuild(struct envelopes *en)
{
	memset(en->buckets, 0xff, sizeof(en->buckets));
	for (size_t i = 0; i < en->count; i++)
		index_wait(en, (uint32_t)i);
}

static bool is_passed(const struct wait *w, const struct coverage *c)
{
	return w->time + ENVELOPE_BEFORE < coverage_frontier(c, w->group);
}

static int spill(struct envelopes *en, const struct wait *w, struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(en->db, "INSERT OR IGNORE INTO envelope(grp, hash) VALUES "
				 "(?1, ?2)");
	(void)sqlite3_bind_int(s, 1, w->group);
	(void)sqlite3_bind_int64(s, 2, (int64_t)w->hash);
	int rc = db_run(en->db, s, e);
	return rc == 0 ? update(en, w->hash, w, e) : rc;
}

int envelopes_keep(struct envelopes *en, const struct coverage *c, struct error *e)
{
	size_t kept = 0;
	int rc = 0;
	en->kept = en->count;
	if (en->count < 2 * en->swept + LEAST_SWEEP && en->count < ENVELOPE_WAITS)
		return 0;
	for (size_t i = 0; i < en->count; i++)
		if (!is_passed(&en->waits[i], c))
			en->waits[kept++] = en->waits[i];
	size_t spilt = kept > ENVELOPE_WAITS / 2 ? kept - ENVELOPE_WAITS / 2 : 0;
	for (size_t i = 0; i < spilt && rc == 0; i++)
		if (!en->waits[i].is_many)
			rc = spill(en, &en->waits[i], e);
	/* After a rollback they are spilt by the next: they stay until then. */
	if (rc != 0)
		spilt = 0;
	memmove(en->waits, en->waits + spilt, (kept - spilt) * sizeof(*en->waits));
	en->count = en->kept = en->swept = kept - spilt;
	rebuild(en);
	return rc;
}

static void refill_visit(struct envelopes *en, sqlite3_stmt *s)
{
	struct wait w[VISIT_ENVELOPES];
	struct visit v = { .time = sqlite3_column_int64(s, 0),
			   .client = db_addr(s, 1),
			   .outcome = (enum outcome)sqlite3_column_int(s, 3) };
	v.envelope_count = (uint8_t)db_read_hashes(s, 4, v.envelopes, VISIT_ENVELOPES);
	size_t count = waits_of(&v, (uint16_t)sqlite3_column_int(s, 2), w);
	for (size_t i = 0; i < count; i++)
		add_wait(en, w[i]);
}

/* Oldest first, as they came. */
static void turn_round(struct envelopes *en)
{
	for (size_t i = 0, k = en->count; i + 1 < k; i++) {
		struct wait w = en->waits[i];
		en->waits[i] = en->waits[--k];
		en->waits[k] = w;
	}
	rebuild(en);
}

/* seen never decreases, and nothing is seen before it began: what was seen before the
 * frontier has passed. What is older than the most that wait was spilt. */
int envelopes_refill(struct envelopes *en, struct coverage *c, struct error *e)
{
	int64_t least = coverage_least_frontier(c);
	sqlite3_stmt *s = db_statement(
	    en->db, "SELECT time, client, grp, outcome, envelopes, seen, role FROM visit "
		    "ORDER BY id DESC LIMIT 200000");
	int rc;
	while ((rc = db_step(en->db, s, e)) > 0 && en->count < ENVELOPE_WAITS) {
		if (least != VIEW_NEVER &&
		    sqlite3_column_int64(s, 5) < least - ENVELOPE_BEFORE)
			break;
		if (sqlite3_column_int(s, 6) == ROLE_REAL)
			refill_visit(en, s);
	}
	db_done(s);
	turn_round(en);
	en->kept = en->swept = en->count;
	return rc < 0 ? rc : 0;
}
