#include "journal/take/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/take/fold.h"

enum { BUCKETS = 65536, LEAST_SWEEP = 4096 };
#define NOBODY UINT32_MAX

/* An envelope that a real host was told: at some moment from time to last. */
struct wait {
	uint64_t hash;
	int64_t time, last;
	uint32_t next;
	uint16_t group;
	bool is_v6, is_accepted;
};

struct envelopes {
	struct db *db;
	struct coverage *coverage;
	int64_t unread; /* what waited at the start is in visits up to it; 0: was read */
	struct wait *waits;
	size_t count, cap, kept, swept;
	uint32_t buckets[BUCKETS];
};

struct envelopes *envelopes_new(struct db *db, struct coverage *c, int64_t last_id)
{
	struct envelopes *en = xcalloc(1, sizeof(*en));
	en->db = db;
	en->coverage = c;
	en->unread = last_id;
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
	en->waits = xroom(en->waits, en->count, &en->cap, sizeof(*en->waits));
	en->waits[en->count] = w;
	index_wait(en, (uint32_t)en->count++);
}

static void rebuild(struct envelopes *en)
{
	memset(en->buckets, 0xff, sizeof(en->buckets));
	for (size_t i = 0; i < en->count; i++)
		index_wait(en, (uint32_t)i);
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

enum { TELLERS = 8 }; /* of one envelope that are kept, 16 bytes each: tell() */

/* Walks of those who told it are asked again; of more than are kept, all. */
static int wake_tellers(struct envelopes *en, uint16_t group, uint64_t hash,
			struct error *e)
{
	struct addr by[TELLERS];
	sqlite3_stmt *s =
	    db_query(en->db, "SELECT told_by FROM envelope WHERE grp = ?1 AND hash = ?2",
		     DB(group), DB((int64_t)hash));
	int rc = db_step(en->db, s, e);
	size_t count = rc > 0 ? (size_t)sqlite3_column_bytes(s, 0) / sizeof(*by) : 0;
	count = count < TELLERS ? count : TELLERS;
	if (count > 0)
		memcpy(by, sqlite3_column_blob(s, 0), count * sizeof(*by));
	db_done(s);
	if (rc >= 0 && count == TELLERS)
		return db_ask_again(en->db, group, e);
	for (size_t i = 0; i < count && rc >= 0; i++)
		rc = fold_wake_client(en->db, by[i], e);
	return rc < 0 ? rc : 0;
}

/* What a real host made of it counts if it may have been within 30 minutes before it was
 * first told, or later. */
#define UPDATE(real)                                                                     \
	"UPDATE envelope SET " real " = min(coalesce(" real ", ?3), ?3), " real          \
	"_last = max(coalesce(" real "_last, ?5), ?5), "                                 \
	"accepted = nullif(max(coalesce(accepted, 0), ?4), 0) "                          \
	"WHERE grp = ?1 AND hash = ?2 AND coalesce(min(coalesce(told4, told6), "         \
	"coalesce(told6, told4)), 0) - 1800000000 <= ?5"

static int update(struct envelopes *en, const struct wait *w, struct error *e)
{
	int rc = db_change(en->db, e, w->is_v6 ? UPDATE("real6") : UPDATE("real4"),
			   DB(w->group), DB((int64_t)w->hash), DB(w->time),
			   DB(w->is_accepted ? w->last : 0), DB(w->last));
	bool is_told = rc == 0 && sqlite3_changes(db_sqlite(en->db)) > 0;
	return is_told ? wake_tellers(en, w->group, w->hash, e) : rc;
}
_Static_assert(ENVELOPE_BEFORE == 1800000000, "as in UPDATE");

static int tell(struct envelopes *en, uint16_t group, uint64_t hash,
		const struct visit *v, struct error *e)
{
	sqlite3_stmt *s =
	    db_query(en->db,
		     "INSERT INTO envelope(grp, hash, told4, told6, told_by) "
		     "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET "
		     "told_by = CASE WHEN instr(told_by, ?5) OR "
		     "length(told_by) >= 128 THEN told_by ELSE "
		     "CAST(coalesce(told_by, x'') || ?5 AS BLOB) END, "
		     "told4 = min(coalesce(told4, ?3), coalesce(?3, told4)), "
		     "told6 = min(coalesce(told6, ?4), coalesce(?4, told6))",
		     DB(group), DB((int64_t)hash));
	(void)sqlite3_bind_int64(s, addr_is_v4(v->client) ? 3 : 4, v->time);
	(void)sqlite3_bind_blob(s, 5, v->client.bytes, sizeof(v->client.bytes),
				SQLITE_STATIC);
	return db_run(en->db, s, e);
}

static int64_t last_of(const struct visit *v)
{
	return stamp_later(v->time + v->precision_us - 1, v->ended);
}

/* What waits of a real host's visit. */
static size_t waits_of(const struct visit *v, uint16_t group,
		       struct wait ret[VISIT_ENVELOPES])
{
	if (v->envelope_count > VISIT_ENVELOPES)
		return 0;
	for (size_t i = 0; i < v->envelope_count; i++)
		ret[i] = (struct wait){ .hash = v->envelopes[i],
					.time = v->time,
					.last = last_of(v),
					.group = group,
					.is_v6 = !addr_is_v4(v->client),
					.is_accepted = v->outcome == OUTCOME_ACCEPTED };
	return v->envelope_count;
}

/* ---- what waited at a start ---- */

static void refill_visit(struct envelopes *en, sqlite3_stmt *s)
{
	struct wait w[VISIT_ENVELOPES];
	int64_t time = sqlite3_column_int64(s, 0);
	struct visit v = { .time = time,
			   .client = db_addr(s, 1),
			   .outcome = (enum outcome)sqlite3_column_int(s, 3),
			   .precision_us = (uint32_t)sqlite3_column_int64(s, 7),
			   .ended = time + sqlite3_column_int64(s, 8) };
	v.envelope_count = (uint8_t)db_read_hashes(s, 4, v.envelopes, VISIT_ENVELOPES);
	size_t count = waits_of(&v, (uint16_t)sqlite3_column_int(s, 2), w);
	for (size_t i = 0; i < count; i++)
		add_wait(en, w[i]);
}

static void turn_round(struct wait *at, size_t count)
{
	for (size_t i = 0; i + 1 < count; i++) {
		struct wait w = at[i];
		at[i] = at[--count];
		at[count] = w;
	}
}

/* The widest stamp of a visit, its whole type. */
#define WIDEST ((int64_t)UINT32_MAX)

/* Not at the start, which waits for nothing, but when a decoy is first told one. seen
 * never decreases, and nothing is seen before it began, nor before it ended: but for its
 * width, what was seen before the frontier has passed. What is older than the most that
 * wait was spilt. */
static int refill(struct envelopes *en, struct error *e)
{
	int64_t least = coverage_least_frontier(en->coverage);
	size_t later = en->count;
	int rc;
	sqlite3_stmt *s =
	    db_query(en->db,
		     "SELECT time, client, grp, outcome, envelopes, seen, role, width, "
		     "ended FROM visit WHERE id <= ?1 ORDER BY id DESC LIMIT 200000",
		     DB(en->unread));
	while ((rc = db_step(en->db, s, e)) > 0 && en->count - later < ENVELOPE_WAITS) {
		if (least != VIEW_NEVER &&
		    sqlite3_column_int64(s, 5) < least - ENVELOPE_BEFORE - WIDEST)
			break;
		if (sqlite3_column_int(s, 6) == ROLE_REAL)
			refill_visit(en, s);
	}
	db_done(s);
	if (rc < 0) {
		en->count = later;
		rebuild(en);
		return rc;
	}
	/* The oldest first, as they came. */
	turn_round(en->waits, en->count);
	turn_round(en->waits + en->count - later, later);
	en->kept += en->count - later;
	en->unread = 0;
	rebuild(en);
	return 0;
}

/* ---- lines ---- */

static int update_waiting(struct envelopes *en, uint64_t hash, uint16_t group,
			  struct error *e)
{
	int rc = 0;
	for (uint32_t at = en->buckets[hash % BUCKETS]; at != NOBODY && rc == 0;
	     at = en->waits[at].next) {
		const struct wait *w = &en->waits[at];
		if (w->hash == hash && w->group == group)
			rc = update(en, w, e);
	}
	return rc;
}

int envelopes_told(struct envelopes *en, const struct visit *v, uint16_t group,
		   struct error *e)
{
	int rc = en->unread ? refill(en, e) : 0;
	if (v->envelope_count > VISIT_ENVELOPES)
		return rc; /* with more it tells none */
	for (size_t i = 0; i < v->envelope_count && rc == 0; i++) {
		rc = tell(en, group, v->envelopes[i], v, e);
		if (rc == 0)
			rc = update_waiting(en, v->envelopes[i], group, e);
	}
	return rc;
}

uint64_t envelopes_many(const struct db *db, struct addr client)
{
	return hash_keyed(db_key(db), client.bytes, sizeof(client.bytes));
}

int envelopes_note_many(struct db *db, uint16_t group, struct addr client, int64_t time,
			struct error *e)
{
	return db_change(
	    db, e,
	    "INSERT INTO envelope(grp, hash, accepted) VALUES (?1, ?2, ?3) ON "
	    "CONFLICT DO UPDATE SET accepted = max(coalesce(accepted, ?3), ?3)",
	    DB(group), DB((int64_t)envelopes_many(db, client)), DB(time));
}

int envelopes_real(struct envelopes *en, const struct visit *v, uint16_t group,
		   struct error *e)
{
	struct wait w[VISIT_ENVELOPES];
	size_t count = waits_of(v, group, w);
	int rc = 0;
	if (v->envelope_count > VISIT_ENVELOPES && v->outcome == OUTCOME_ACCEPTED)
		return envelopes_note_many(en->db, group, v->client, last_of(v), e);
	for (size_t i = 0; i < count && rc == 0; i++) {
		add_wait(en, w[i]);
		rc = update(en, &w[i], e);
	}
	return rc;
}

/* ---- what waits ---- */

static bool is_passed(const struct wait *w, const struct coverage *c)
{
	return w->last + ENVELOPE_BEFORE < coverage_frontier(c, w->group);
}

static int spill(struct envelopes *en, const struct wait *w, struct error *e)
{
	int rc = db_change(en->db, e,
			   "INSERT OR IGNORE INTO envelope(grp, hash) VALUES "
			   "(?1, ?2)",
			   DB(w->group), DB((int64_t)w->hash));
	return rc == 0 ? update(en, w, e) : rc;
}

/* How many of the oldest that are not passed become rows. */
static size_t too_many(const struct envelopes *en, const struct coverage *c)
{
	size_t count = 0;
	if (en->count <= ENVELOPE_WAITS)
		return 0;
	for (size_t i = 0; i < en->count; i++)
		count += !is_passed(&en->waits[i], c);
	return count > ENVELOPE_WAITS ? count - ENVELOPE_WAITS / 2 : 0;
}

int envelopes_spill(struct envelopes *en, const struct coverage *c, struct error *e)
{
	size_t most = too_many(en, c);
	int rc = 0;
	for (size_t i = 0; most > 0 && rc == 0; i++) {
		if (is_passed(&en->waits[i], c))
			continue;
		most--;
		rc = spill(en, &en->waits[i], e);
	}
	return rc;
}

void envelopes_keep(struct envelopes *en, const struct coverage *c)
{
	size_t spilt = too_many(en, c);
	size_t kept = 0;
	if (spilt > 0 || en->count >= 2 * en->swept + LEAST_SWEEP) {
		for (size_t i = 0; i < en->count; i++) {
			if (is_passed(&en->waits[i], c))
				continue;
			if (spilt > 0)
				spilt--;
			else
				en->waits[kept++] = en->waits[i];
		}
		en->count = en->swept = kept;
		rebuild(en);
	}
	en->kept = en->count;
}
