#include "journal/take/take.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/take/batch.h"
#include "journal/take/budget.h"
#include "journal/take/envelope.h"
#include "journal/take/fold.h"
#include "journal/take/reread.h"
#include "journal/visit_row.h"

/* Slots that a batch touches, found by host and time; written when half full. */
enum { SLOTS = 1024 };
/* No session is longer: what ends later was not logged well. */
#define SESSION_MOST STAMP_DAY
#define TIME_MOST INT64_C(253402300799000000) /* the year 9999 */

struct take {
	struct db *db;
	struct sites sites;
	struct coverage *coverage;
	struct envelopes *envelopes;
	struct budget *budget;
	struct reread *reread;
	struct batch batch;
	struct fold fold;
	struct slot slots[SLOTS];
	size_t slot_count;
	int64_t last_seen, last_id;
	int64_t *unkept; /* of sites.hosts: visits from then on are lost; INT64_MAX */
	struct take_counts counts;
};

/* ---- life ---- */

static void forget_unkept(struct take *t)
{
	free(t->unkept);
	t->unkept = xcalloc(t->sites.host_count + 1, sizeof(*t->unkept));
	for (size_t i = 0; i < t->sites.host_count; i++)
		t->unkept[i] = INT64_MAX;
}

/* Numbers of visits that were deleted are not given again. */
static int load(struct take *t, struct error *e)
{
	int64_t seen = 0;
	int rc = sites_load(t->db, &t->sites, e);
	if (rc == 0)
		rc = sites_load_domains(t->db, &t->sites, e);
	if (rc == 0)
		rc = db_number(t->db, db_statement(t->db, "SELECT max(id) FROM visit"),
			       &t->last_id, e);
	if (rc == 0)
		rc = db_number(
		    t->db,
		    db_statement(t->db,
				 "SELECT seen FROM visit ORDER BY id DESC LIMIT 1"),
		    &seen, e);
	if (rc != 0)
		return rc;
	int64_t deleted = db_meta(t->db, "last_id", 0);
	t->last_seen = db_meta(t->db, "seen", 0);
	t->last_seen = seen > t->last_seen ? seen : t->last_seen;
	t->last_id = deleted > t->last_id ? deleted : t->last_id;
	t->coverage = coverage_new(t->db, &t->sites);
	t->envelopes = envelopes_new(t->db, t->coverage, t->last_id);
	forget_unkept(t);
	return 0;
}

int take_new(struct db *db, struct take **ret_take, struct error *e)
{
	struct take *t = xcalloc(1, sizeof(*t));
	t->db = db;
	t->budget = budget_new(db);
	t->reread = reread_new(db);
	int rc = load(t, e);
	if (rc != 0) {
		take_free(t);
		return rc;
	}
	*ret_take = t;
	return 0;
}

void take_free(struct take *t)
{
	if (!t)
		return;
	coverage_free(t->coverage);
	envelopes_free(t->envelopes);
	budget_free(t->budget);
	reread_free(t->reread);
	batch_release(&t->batch);
	fold_release(&t->fold);
	sites_release(&t->sites);
	free(t->unkept);
	free(t);
}

static void keep_unkept(struct take *t, const struct sites *old, const int64_t *unkept)
{
	for (size_t i = 0; i < old->host_count; i++) {
		const struct host_place *p = sites_host(&t->sites, old->hosts[i].host);
		if (p)
			t->unkept[p - t->sites.hosts] = unkept[i];
	}
}

void take_inherit(struct take *t, struct take *from)
{
	batch_release(&t->batch);
	t->batch = from->batch;
	from->batch = (struct batch){ 0 };
	keep_unkept(t, &from->sites, from->unkept);
	t->last_seen = from->last_seen > t->last_seen ? from->last_seen : t->last_seen;
	t->counts = from->counts;
}

/* Lines of before are resolved by what is configured now. What a host lost stays lost. */
int take_sites(struct take *t, struct error *e)
{
	struct sites next = { 0 };
	int rc = sites_load(t->db, &next, e);
	if (rc == 0)
		rc = sites_load_domains(t->db, &next, e);
	if (rc != 0) {
		sites_release(&next);
		return rc;
	}
	int64_t *unkept = t->unkept;
	struct sites old = t->sites;
	t->unkept = NULL;
	t->sites = next;
	forget_unkept(t);
	keep_unkept(t, &old, unkept);
	coverage_sites(t->coverage, &t->sites);
	sites_release(&old);
	free(unkept);
	return 0;
}

/* ---- lines arrive ---- */

static bool is_visit_sound(const struct visit *v)
{
	return v->time >= 0 && v->time < TIME_MOST;
}

/* Of a host whatever is lost leaves it unwatched from then on; a watermark is followed by
 * another. */
static void drop_line(struct take *t, const struct line *l)
{
	bool is_visit = l->kind == LINE_VISIT;
	const struct host_place *p =
	    sites_host(&t->sites, is_visit ? l->visit.host : l->host);
	int64_t since = is_visit                                      ? l->visit.time
			: l->kind == LINE_GAP || l->kind == LINE_LOST ? l->since
								      : l->time;
	t->counts.dropped++;
	if (!p || l->kind == LINE_WATERMARK || l->kind >= LINE_NAME)
		return;
	int64_t *unkept = &t->unkept[p - t->sites.hosts];
	*unkept = since < *unkept ? since : *unkept;
}

void take_add(struct take *t, const struct line *l)
{
	if (l->kind == LINE_VISIT && !is_visit_sound(&l->visit))
		return;
	if (batch_waiting(&t->batch) >= TAKE_MAX) {
		drop_line(t, l);
		return;
	}
	struct item *it = batch_add(&t->batch, l);
	t->last_seen = l->seen > t->last_seen ? l->seen : t->last_seen;
	it->seen = t->last_seen;
	const struct host_place *p = sites_host(&t->sites, it->host);
	if (l->kind == LINE_VISIT && p && p->role != ROLE_REAL)
		it->is_over =
		    !budget_take(t->budget, it->host, it->visit.client,
				 it->visit.depth == DEPTH_KNOCK, stamp_day(it->seen));
}

/* ---- slots ---- */

static int write_slots(struct take *t, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < SLOTS && rc == 0 && t->slot_count > 0; i++)
		if (t->slots[i].host != 0)
			rc = slot_add(t->db, &t->slots[i], e);
	memset(t->slots, 0, sizeof(t->slots));
	t->slot_count = 0;
	return rc;
}

static int find_slot(struct take *t, uint16_t host, int64_t time, struct slot **ret,
		     struct error *e)
{
	int64_t five = slot_of(time);
	int rc = t->slot_count >= SLOTS / 2 ? write_slots(t, e) : 0;
	size_t at = (size_t)(five / SLOT_FIVE * 31 + host) % SLOTS;
	while (t->slots[at].host != 0 &&
	       (t->slots[at].host != host || t->slots[at].five != five))
		at = (at + 1) % SLOTS;
	t->slot_count += t->slots[at].host == 0;
	t->slots[at].host = host;
	t->slots[at].five = five;
	*ret = &t->slots[at];
	return rc;
}

static void count_visit(struct slot *s, const struct visit *v, bool is_late)
{
	s->visits++;
	s->late += is_late;
	s->accepted += v->outcome == OUTCOME_ACCEPTED;
	s->spam += v->outcome == OUTCOME_ACCEPTED && v->spam == SPAM_YES;
	s->refused += v->outcome == OUTCOME_REJECTED;
	s->unknown_rcpt += v->outcome == OUTCOME_REJECTED && v->unknown_recipient;
	s->deferred += v->outcome == OUTCOME_DEFERRED;
	s->aborted += v->outcome == OUTCOME_ABORTED;
}

/* ---- a visit ---- */

/* It would have been seen: where it matters, that it was not is said. */
static int count_over(struct take *t, const struct item *it, const struct host_place *p,
		      struct error *e)
{
	struct slot *slot;
	int rc = find_slot(t, p->host, it->time, &slot, e);
	slot->unkept++;
	if (rc == 0 && p->place == PLACE_LOW)
		rc = coverage_lost(t->coverage, p->host, slot_of(it->time),
				   slot_of(it->time) + SLOT_FIVE, e);
	return rc;
}

static void resolve(struct take *t, struct visit *v, const struct host_place *p,
		    struct run_where *ret)
{
	*ret = (struct run_where){
		.group = p->group,
		.role = p->role,
		.place = p->place,
		.host_bit = p->bit,
		.is_late = v->time < coverage_told_until(t->coverage, p->host),
		.names_ours = v->depth >= DEPTH_RCPT &&
			      sites_has_domain(&t->sites, p->site, v->recipient_domain),
		.id = t->last_id + 1,
	};
	for (size_t i = 0; i < v->envelope_count && i < VISIT_ENVELOPES; i++)
		v->envelopes[i] =
		    hash_keyed(db_key(t->db), &v->envelopes[i], sizeof(v->envelopes[i]));
	v->site = p->site;
	v->precision_us = v->precision_us > 0 ? v->precision_us : 1;
	if (v->ended > v->time + SESSION_MOST)
		v->ended = v->time + SESSION_MOST;
}

static int note_envelopes(struct take *t, const struct visit *v,
			  const struct run_where *w, struct error *e)
{
	if (w->role == ROLE_DECOY)
		return w->is_late ? 0 : envelopes_told(t->envelopes, v, w->group, e);
	if (w->role != ROLE_REAL)
		return 0;
	int rc = w->is_late ? 0 : coverage_tells(t->coverage, v->host, e);
	return rc == 0 ? envelopes_real(t->envelopes, v, w->group, e) : rc;
}

static int note_visit(struct take *t, const struct visit *v, const struct run_where *w,
		      struct error *e)
{
	bool has_envelopes = v->envelope_count > 0 && v->depth > DEPTH_KNOCK;
	int rc = 0;
	if (w->role == ROLE_REAL && !w->is_late && visit_is_sent_away(v))
		rc = slot_refused(t->db, v->host, v->time, v->client, e);
	return rc == 0 && has_envelopes ? note_envelopes(t, v, w, e) : rc;
}

static int take_visit(struct take *t, const struct item *it, struct error *e)
{
	struct visit v = it->visit;
	struct run_where w;
	struct slot *slot;
	const struct host_place *p = sites_host(&t->sites, v.host);
	if (!p)
		return 0; /* of no host that ever was */
	if (it->is_over)
		return count_over(t, it, p, e);
	resolve(t, &v, p, &w);
	int rc = visit_write(t->db, &v, &w, it->seen, e);
	if (rc == 0)
		rc = find_slot(t, v.host, v.time, &slot, e);
	if (rc == 0)
		rc = note_visit(t, &v, &w, e);
	if (rc != 0)
		return rc;
	count_visit(slot, &v, w.is_late);
	struct run r = run_of(&v, &w);
	fold_add(&t->fold, &r);
	t->last_id++;
	t->counts.visits++;
	t->counts.late += w.is_late;
	return 0;
}

/* ---- the other lines ---- */

/* Those of the name that it had until now are asked again, too. */
static int take_name(struct take *t, const struct item *it, struct error *e)
{
	int rc = fold_wake_named(t->db, it->client, e);
	if (rc != 0)
		return rc;
	struct name_row row = { .client = it->client,
				.name = it->text,
				.domain = it->position,
				.is_generic = it->is_generic,
				.is_confirmed = it->is_confirmed,
				.time = it->time };
	rc = db_write_name(t->db, &row, e);
	return rc == 0 ? fold_wake_named(t->db, it->client, e) : rc;
}

static int take_spf(struct take *t, const struct item *it, struct error *e)
{
	int rc =
	    db_change(t->db, e,
		      "INSERT INTO spf(client, domain, passed_at) VALUES (?1, ?2, ?3) "
		      "ON CONFLICT DO UPDATE SET passed_at = max(passed_at, ?3)",
		      DB(it->client), DB(it->text), DB(it->time));
	return rc == 0 ? fold_wake_client(t->db, it->client, e) : rc;
}

/* Who wrote for a domain that is one of those we write to from now on. */
static int wake_wrote(struct take *t, const char *domain, struct error *e)
{
	int rc = 0, done = 0;
	sqlite3_stmt *s = db_query(
	    t->db, "SELECT client FROM spf WHERE domain = ?1 LIMIT 4096", DB(domain));
	while (done == 0 && (rc = db_step(t->db, s, e)) > 0)
		done = fold_wake_client(t->db, db_addr(s, 0), e);
	db_done(s);
	return done != 0 ? done : rc < 0 ? rc : 0;
}

static int take_wrote(struct take *t, const struct item *it, struct error *e)
{
	sqlite3_stmt *s =
	    db_query(t->db, "SELECT last FROM wrote_to WHERE domain = ?1", DB(it->text));
	int64_t known = 0;
	int rc = db_number(t->db, s, &known, e);
	if (rc == 0)
		rc = db_change(t->db, e,
			       "INSERT INTO wrote_to(domain, last) VALUES (?1, ?2) "
			       "ON CONFLICT DO UPDATE SET last = max(last, ?2)",
			       DB(it->text), DB(it->time));
	bool is_new = known < it->time - t->sites.rules.known_window;
	return rc == 0 && is_new ? wake_wrote(t, it->text, e) : rc;
}

/* Only what changed is a row. */
static int take_mx(struct take *t, const struct item *it, struct error *e)
{
	return db_change(
	    t->db, e,
	    "REPLACE INTO mx(site, domain, time, decoys, hosts) SELECT ?1, ?2, ?3, "
	    "?4, ?5 WHERE (SELECT decoys || hosts FROM mx WHERE site = ?1 AND "
	    "domain = ?2 ORDER BY time DESC LIMIT 1) IS NOT (?4 || ?5)",
	    DB(it->host), DB(it->text), DB(it->time), DB(it->is_ok), DB(it->position));
}

static int take_compared(struct take *t, const struct item *it, struct error *e)
{ /* the first answer stays */
	return db_change(
	    t->db, e,
	    "INSERT INTO compared(client, zone, time, answer) VALUES (?1, ?2, ?3, "
	    "?4) ON CONFLICT DO UPDATE SET time = ?3, answer = ?4 WHERE answer = 2",
	    DB(it->client), DB(it->text), DB(it->time), DB(it->answer));
}

static int keep_position(struct take *t, const struct item *it, struct error *e)
{
	return db_change(t->db, e,
			 "REPLACE INTO source(name, position, time) VALUES (?1, ?2, ?3)",
			 DB(it->text), DB(it->position), DB(it->seen));
}

/* What was lost before it is unwatched: said before the host is told of any further. */
static int take_watermark(struct take *t, const struct item *it, struct error *e)
{
	const struct host_place *p = sites_host(&t->sites, it->host);
	int64_t *unkept = p ? &t->unkept[p - t->sites.hosts] : NULL;
	int rc = 0;
	if (it->is_spoken)
		rc = coverage_gap(t->coverage, it->host, 0, it->time, e);
	else
		rc = coverage_watermark(t->coverage, it->host, it->time, e);
	if (rc == 0 && unkept && *unkept < it->time)
		rc = coverage_gap(t->coverage, it->host, *unkept, it->time, e);
	return rc;
}

static int take_line(struct take *t, const struct item *it, struct error *e)
{
	struct coverage *c = t->coverage;
	switch (it->kind) {
	case LINE_VISIT: return take_visit(t, it, e);
	case LINE_WATERMARK: return take_watermark(t, it, e);
	case LINE_PROBE: return coverage_probe(c, it->host, it->time, it->is_ok, e);
	case LINE_OUTAGE: return coverage_outage(c, it->host, it->time, e);
	case LINE_GAP: return coverage_gap(c, it->host, it->since, it->time, e);
	case LINE_LOST: return coverage_lost(c, it->host, it->since, it->time, e);
	case LINE_NAME: return take_name(t, it, e);
	case LINE_SPF: return take_spf(t, it, e);
	case LINE_WROTE: return take_wrote(t, it, e);
	case LINE_MX: return take_mx(t, it, e);
	case LINE_COMPARED: return take_compared(t, it, e);
	default: return keep_position(t, it, e);
	}
}

/* ---- a transaction ---- */

static int write_some(struct take *t, const struct item *items, size_t count,
		      struct error *e)
{
	int rc = 0;
	fold_clear(&t->fold);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = take_line(t, &items[i], e);
	if (rc == 0)
		rc = write_slots(t, e);
	return rc == 0 ? fold_write(&t->fold, t->db, &t->sites, e) : rc;
}

/* A backlog is folded in parts, but written as one: a position may stand behind the last
 * of its source's lines. */
static int write_lines(struct take *t, size_t count, struct error *e)
{
	const struct item *items = t->batch.items + t->batch.first;
	int rc = 0;
	for (size_t at = 0; at < count && rc == 0; at += TAKE_BATCH)
		rc = write_some(t, items + at,
				count - at < TAKE_BATCH ? count - at : TAKE_BATCH, e);
	if (rc == 0)
		rc = coverage_move(t->coverage, items[count - 1].seen, e);
	return rc == 0 ? envelopes_spill(t->envelopes, t->coverage, e) : rc;
}

static void count_written(struct take *t, size_t count)
{
	const struct item *items = t->batch.items + t->batch.first;
	for (size_t i = 0; i < count; i++) {
		const struct host_place *p = sites_host(&t->sites, items[i].host);
		int64_t *unkept = p ? &t->unkept[p - t->sites.hosts] : NULL;
		t->counts.over_budget += items[i].is_over;
		if (unkept && items[i].kind == LINE_WATERMARK && *unkept < items[i].time)
			*unkept = INT64_MAX;
	}
	t->counts.lines += count;
	t->counts.commits++;
	envelopes_keep(t->envelopes, t->coverage);
	batch_drop(&t->batch, count);
}

int take_commit(struct take *t, struct error *e)
{
	return take_commit_some(t, SIZE_MAX, e);
}

int take_commit_some(struct take *t, size_t most, struct error *e)
{
	size_t waiting = batch_waiting(&t->batch),
	       count = waiting < most ? waiting : most;
	struct take_counts counts = t->counts;
	int64_t last_id = t->last_id;
	if (count == 0)
		return 0;
	/* Nothing is written to a file that nobody will find. */
	int rc = db_check_file(t->db, e);
	if (rc == 0)
		rc = db_begin(t->db, e);
	if (rc != 0)
		return rc;
	rc = write_lines(t, count, e);
	if (rc == 0)
		rc = db_commit(t->db, e);
	if (rc == 0) {
		count_written(t, count);
		return 0;
	}
	db_rollback(t->db);
	coverage_reset(t->coverage);
	envelopes_undo(t->envelopes);
	memset(t->slots, 0, sizeof(t->slots));
	t->slot_count = 0;
	t->last_id = last_id;
	t->counts = counts;
	return rc;
}

/* ---- questions ---- */

void take_reread(struct take *t, uint16_t host, int64_t since)
{
	reread_begin(t->reread, host, since);
}

bool take_has(struct take *t, const struct visit *v)
{
	return reread_has(t->reread, &t->batch, v);
}

const char *take_position(struct take *t, const char *source, char *text, size_t size)
{
	sqlite3_stmt *s =
	    db_query(t->db, "SELECT position FROM source WHERE name = ?1", DB(source));
	text[0] = '\0';
	if (db_step(t->db, s, NULL) > 0)
		(void)str_copy(text, size, db_text(s, 0));
	db_done(s);
	return text;
}

void take_each_pending(const struct take *t, struct addr client, take_visit_fn fn,
		       void *arg)
{
	for (size_t i = t->batch.first; i < t->batch.count; i++) {
		const struct item *it = &t->batch.items[i];
		if (it->kind == LINE_VISIT && addr_equal(it->visit.client, client))
			fn(arg, &it->visit);
	}
}

const struct sites *take_get_sites(const struct take *t)
{
	return &t->sites;
}

struct coverage *take_coverage(struct take *t)
{
	return t->coverage;
}

struct take_counts take_counts(const struct take *t)
{
	struct take_counts c = t->counts;
	c.pending = batch_waiting(&t->batch);
	return c;
}
