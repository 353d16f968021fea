#include "journal/ask/proof.h"

#include "journal/take/envelope.h"

enum { NAT_LEAST = 200, NAT_DAYS = 7 };

struct span proof_span(const struct run *main, const struct rules *r)
{
	return (struct span){
		.since = main->began - stamp_later(r->excuse, NAT_DAYS * STAMP_DAY),
		.until = stamp_later(main->last + RUN_GAP, main->began + r->final),
	};
}

void proof_touching(const struct run *main, const struct run *runs, size_t count,
		    struct run_list *ret_touching)
{
	for (size_t i = 0; i < count; i++) {
		bool may = runs[i].kind == RUN_ASIDE ||
			   (runs[i].kind == RUN_REAL && main->kind == RUN_DECOY);
		if (may && run_touches(main, &runs[i], RUN_GAP))
			run_list_add(ret_touching, &runs[i]);
	}
}

static bool is_reaching(const struct walk *w, const struct run *r, const struct rules *ru)
{
	return run_meets(r, w->began, w->began + ru->final) ||
	       (r->began < w->began && run_touches(&w->main, r, RUN_GAP));
}

static void see_contact(const struct walk *w, const struct run *r, const struct rules *ru,
			struct proof *p)
{
	if (w->has_high &&
	    run_meets(r, w->high - ru->excuse, w->high + w->high_width + ru->confirm - 1))
		p->own_near = true;
	if (is_reaching(w, r, ru)) {
		p->own_in_time |= r->kind == RUN_REAL;
		if (p->own_after == MOMENT_NONE || r->began < p->own_after)
			p->own_after = r->began;
	}
	/* A contact of a whole second may have come after L, though it says before. */
	if (w->has_low && w->has_next &&
	    run_meets(r, w->low, stamp_later(w->low, w->next)) &&
	    !(r->kind == RUN_REAL && r->began == w->next))
		p->own_between = true;
}

/* Row 3: a low visit before R, in a run that reaches into the 30 minutes before R. */
static bool is_low_before(const struct walk *w, const struct run *r)
{
	return w->has_real && r->low != MOMENT_NONE && r->low < w->real + w->real_width &&
	       r->last >= w->real - w->real_earlier - RUN_GAP;
}

void proof_own(const struct walk *w, const struct run *runs, size_t count,
	       const struct rules *r, struct proof *ret_proof)
{
	struct proof p = { .own_after = MOMENT_NONE, .told = w->main.told };
	/* A walk at real hosts alone has reached them. */
	bool asks_contacts = w->main.kind == RUN_DECOY || w->has_low;
	for (size_t i = 0; i < count; i++) {
		const struct run *at = &runs[i];
		if (!run_is_contact(at))
			p.low_before |= is_low_before(w, at);
		else if (asks_contacts)
			see_contact(w, at, r, &p);
	}
	*ret_proof = p;
}

/* Does the host see contacts? A closed decoy sees knocks, and who forges these must not
 * make a NAT look smaller. */
static bool has_contacts(const struct lookup *q, const struct view_host *h)
{
	const struct host *definition = sites_host_of(q->sites, h->id);
	return h->role == ROLE_REAL || (h->role == ROLE_DECOY && definition &&
					definition->posture != POSTURE_CLOSED);
}

static struct lookup_day *day_find(struct lookup *q, uint16_t group, int64_t day)
{
	for (size_t i = 0; i < q->day_count; i++)
		if (q->days[i].group == group && q->days[i].day == day)
			return &q->days[i];
	q->day_count += q->day_count < LOOKUP_DAYS;
	struct lookup_day *d = &q->days[q->day_next++ % LOOKUP_DAYS];
	*d = (struct lookup_day){ .group = group, .day = day };
	return d;
}

static int add_visits(struct lookup *q, uint16_t host, uint64_t enough,
		      struct lookup_day *d, struct error *e)
{
	int rc = 1;
	sqlite3_stmt *s = db_query(q->db,
				   "SELECT visits FROM slot WHERE host = ?1 "
				   "AND five >= ?2 AND five < ?3",
				   DB(host), DB(d->day - (NAT_DAYS - 1) * STAMP_DAY),
				   DB(d->day + STAMP_DAY));
	while (d->visits < enough && (rc = db_step(q->db, s, e)) == 1)
		d->visits += (uint64_t)sqlite3_column_int64(s, 0);
	db_done(s);
	return rc < 0 ? rc : 0;
}

/* The group's visits of the seven days; where there are enough, no more are counted: a
 * busy sender is asked for again and again, and is most often far from half of them. */
static int nat_sum(struct lookup *q, const struct view *v, int64_t day, uint64_t enough,
		   uint64_t *ret_visits, struct error *e)
{
	struct lookup_day *d = day_find(q, v->group, day);
	int rc = 0;
	if (!d->is_whole && d->visits < enough) {
		enough *= 2; /* for who comes more */
		d->visits = 0;
		for (size_t i = 0; rc == 0 && i < v->host_count; i++)
			if (has_contacts(q, &v->hosts[i]))
				rc = add_visits(q, v->hosts[i].id, enough, d, e);
		d->is_whole = rc == 0 && d->visits < enough;
	}
	*ret_visits = d->visits;
	return rc;
}

int proof_nat(struct lookup *q, const struct view *v, struct addr client, int64_t at,
	      const struct run *runs, size_t count, bool *ret_is_nat, struct error *e)
{
	int64_t day = stamp_day(at), first = day - (NAT_DAYS - 1) * STAMP_DAY;
	uint64_t own = 0, all = 0;
	for (size_t i = 0; i < count; i++)
		if (runs[i].began >= first && runs[i].began < day + STAMP_DAY &&
		    runs[i].kind != RUN_ASIDE && addr_equal(runs[i].client, client))
			own += runs[i].visits;
	*ret_is_nat = false;
	if (own <= NAT_LEAST / 2)
		return 0;
	int rc = nat_sum(q, v, day, 2 * own, &all, e);
	if (rc == 0)
		*ret_is_nat = all >= NAT_LEAST && own > all / 2;
	return rc;
}

struct pool_excuse {
	const struct walk *walk;
	const struct rules *rules;
	struct proof *proof;
	bool is_kept; /* the envelope that was told to be missing */
	/* A visit with more envelopes than a line names, of the sender or its pool, was
	 * accepted last; MOMENT_NONE. */
	int64_t many;
};

static void excuse_at(const struct pool_excuse *x, int64_t from, int64_t to)
{
	const struct walk *w = x->walk;
	const struct rules *r = x->rules;
	struct proof *p = x->proof;
	if (w->has_high && to >= w->high - r->excuse &&
	    from <= w->high + w->high_width + r->confirm - 1)
		p->pool_near = true;
	if (to >= w->began - r->excuse && from <= w->began + r->final)
		p->pool_around = true;
}

static bool on_pool_run(void *arg, const struct pool_run *r)
{
	const struct pool_excuse *x = arg;
	excuse_at(x, r->from, r->to);
	return !x->proof->pool_around || (x->walk->has_high && !x->proof->pool_near);
}

/* Columns: told4, told6, real4, real6, real4_last, real6_last, accepted. False: of this
 * family no decoy was told it. */
static bool read_envelope(sqlite3_stmt *s, const struct run *main,
			  struct told_envelope *ret)
{
	int mine = addr_is_v4(main->client) ? 0 : 1;
	int64_t told = db_moment(s, mine), other = db_moment(s, 1 - mine);
	told = told != MOMENT_NONE ? told : other;
	if (told == MOMENT_NONE)
		return false;
	/* What was told before this walk was another message. */
	ret->told = stamp_later(told, main->began);
	int64_t since = ret->told - RUN_GAP, accepted = db_moment(s, 6);
	ret->from = stamp_later(db_moment(s, 3 - mine), since);
	ret->to = db_moment(s, 5 - mine);
	ret->came_otherwise = ret->to != MOMENT_NONE && ret->to >= since;
	ret->is_accepted = accepted != MOMENT_NONE && accepted >= since;
	return true;
}

#define ENVELOPE(from)                                                                   \
	"SELECT told4, told6, real4, real6, real4_last, real6_last, accepted "           \
	"FROM envelope " from " grp = ?1 AND hash = ?2"

static int each_envelope(struct lookup *q, const char *sql, uint16_t group,
			 const struct run *main, told_envelope_fn fn, void *arg,
			 struct error *e)
{
	uint16_t kin[SITE_MAX_KIN];
	size_t kin_count = sites_kin(q->sites, group, kin);
	int rc = 0;
	for (size_t i = 0; rc >= 0 && i < main->envelope_count * kin_count; i++) {
		struct told_envelope t = { .hash = main->envelopes[i / kin_count] };
		sqlite3_stmt *s =
		    db_query(q->db, sql, DB(kin[i % kin_count]), DB((int64_t)t.hash));
		rc = db_step(q->db, s, e);
		if (rc == 1 && read_envelope(s, main, &t))
			fn(arg, &t);
		db_done(s);
	}
	return rc < 0 ? rc : 0;
}

static int all_envelopes(struct lookup *q, uint16_t group, const struct run *main,
			 told_envelope_fn fn, void *arg, struct error *e)
{
	return each_envelope(q, ENVELOPE("WHERE"), group, main, fn, arg, e);
}

int proof_came_otherwise(struct lookup *q, uint16_t group, const struct run *main,
			 told_envelope_fn fn, void *arg, struct error *e)
{
	return each_envelope(
	    q, ENVELOPE("INDEXED BY envelope_otherwise WHERE " DB_OTHERWISE " AND"),
	    group, main, fn, arg, e);
}

/* Tried over the other family, it is the pool's contact; accepted by nobody, it is
 * missing. */
static void on_envelope(void *arg, const struct told_envelope *t)
{
	struct pool_excuse *x = arg;
	struct proof *p = x->proof;
	x->is_kept |= t->hash == p->told.missing;
	if (t->came_otherwise)
		excuse_at(x, t->from, t->to);
	bool is_accepted = t->is_accepted || x->many >= t->told - RUN_GAP;
	if (!is_accepted && (!p->missing || t->told < p->missing_time)) {
		p->missing = t->hash;
		p->missing_time = t->told;
	}
}

/* ---- visits with more envelopes than a line names ---- */

struct many {
	struct lookup *q;
	uint16_t kin[SITE_MAX_KIN];
	size_t kin_count;
	struct addr client; /* looked up last */
	int64_t accepted;   /* the last that was; MOMENT_NONE */
	int rc;
	struct error *e;
};

static bool find_many(void *arg, const struct pool_run *r)
{
	struct many *m = arg;
	if (addr_equal(r->client, m->client))
		return true;
	m->client = r->client;
	for (size_t i = 0; m->rc >= 0 && i < m->kin_count; i++) {
		sqlite3_stmt *s = db_query(
		    m->q->db,
		    "SELECT accepted FROM envelope WHERE "
		    "grp = ?1 AND hash = ?2",
		    DB(m->kin[i]), DB((int64_t)envelopes_many(m->q->db, r->client)));
		m->rc = db_step(m->q->db, s, m->e);
		if (m->rc == 1)
			m->accepted = stamp_later(m->accepted, db_moment(s, 0));
		db_done(s);
	}
	return m->rc >= 0;
}

/* When one of the sender or its pool was accepted last. */
static int see_many(struct lookup *q, const struct pool_excuse *x,
		    const struct sender *who, const struct view *v, int64_t *ret_accepted,
		    struct error *e)
{
	struct many m = { .q = q, .accepted = MOMENT_NONE, .e = e };
	int64_t began = x->walk->began;
	struct pool pool = { .who = who,
			     .met = { began - RUN_GAP, began + x->rules->final },
			     .fn = find_many,
			     .arg = &m };
	m.kin_count = sites_kin(q->sites, v->group, m.kin);
	for (size_t i = 0; i < who->count; i++)
		(void)find_many(&m, &(struct pool_run){ .client = who->clients[i] });
	int rc = m.rc < 0 ? m.rc : pool_each(q, v->group, &pool, e);
	*ret_accepted = pool.too_many ? INT64_MAX : m.accepted;
	return m.rc < 0 ? m.rc : rc;
}

/* A missing message that was told stays missing when its envelope is kept no longer. */
static int see_envelopes(struct lookup *q, struct pool_excuse *x,
			 const struct sender *who, const struct view *v, struct error *e)
{
	struct proof *p = x->proof;
	const struct run *main = &x->walk->main;
	int rc = all_envelopes(q, v->group, main, on_envelope, x, e);
	/* Of who never came to a real host none is missing. */
	if (rc == 0 && p->missing && (x->walk->has_real || p->own_in_time))
		rc = see_many(q, x, who, v, &x->many, e);
	if (rc == 0 && p->missing && x->many != MOMENT_NONE) {
		p->missing = 0;
		rc = all_envelopes(q, v->group, main, on_envelope, x, e);
	}
	if (p->told.missing && !x->is_kept && !p->missing) {
		p->missing = p->told.missing;
		p->missing_time = x->walk->began;
	}
	return rc;
}

static int see_pool(struct lookup *q, struct pool_excuse *x, const struct sender *who,
		    const struct view *v, struct error *e)
{
	const struct walk *w = x->walk;
	struct proof *p = x->proof;
	struct pool pool = {
		.who = who,
		.met = { w->began - x->rules->excuse, w->began + x->rules->final },
		.fn = on_pool_run,
		.arg = x,
	};
	bool asks_near = w->has_high && !p->own_near;
	if (!asks_near && p->own_after != MOMENT_NONE)
		return 0;
	int rc = pool_each(q, v->group, &pool, e);
	p->too_many |= pool.too_many;
	return rc;
}

/* Of a question that read more, only what lies in the span counts. */
static bool has_too_many(const struct run *main, const struct run *runs, size_t count,
			 const struct rules *r)
{
	struct span met = proof_span(main, r);
	size_t near = 0;
	for (size_t i = 0; count >= LOOKUP_MOST && i < count; i++)
		near += run_meets(&runs[i], met.since, met.until);
	return near >= LOOKUP_MOST;
}

int proof_make(struct lookup *q, const struct walk *w, const struct sender *who,
	       const struct run *runs, size_t count, const struct view *v,
	       const struct rules *r, struct proof *proof, struct error *e)
{
	struct pool_excuse x = {
		.walk = w, .rules = r, .proof = proof, .many = MOMENT_NONE
	};
	if (has_too_many(&w->main, runs, count, r))
		proof->too_many = proof->low_before = proof->own_between = true;
	int rc =
	    proof_nat(q, v, w->main.client, w->began, runs, count, &proof->is_nat, e);
	if (rc != 0 || w->main.kind != RUN_DECOY)
		return rc;
	rc = see_envelopes(q, &x, who, v, e);
	if (rc == 0)
		rc = see_pool(q, &x, who, v, e);
	if (rc == 0 && (proof->own_after == MOMENT_NONE || proof->missing))
		rc = sender_standing(q, v->group, who, &w->main, w->began, r,
				     &proof->standing, e);
	return rc;
}

void decided_release(struct decided *d)
{
	run_list_release(&d->runs);
	run_list_release(&d->touching);
}

/* The walk of a site that was a group of its own is judged with the group of now. */
struct verdict decided_say(const struct decided *d, const struct view *v,
			   const struct rules *r)
{
	struct verdict now = decide(&d->walk, &d->proof, v, r);
	now.site = v->group;
	return now;
}

/* What came to a high decoy is undecided for a minute, and most rows come within it:
 * nothing else has to be read. */
static bool is_early(const struct run *main, const struct view *v, const struct rules *r,
		     struct decided *d)
{
	walk_of(main, NULL, 0, &d->walk);
	proof_own(&d->walk, NULL, 0, r, &d->proof);
	return d->walk.has_high && walk_is_early(&d->walk, v, r);
}

static int find_rest(struct lookup *q, const struct run *main, const struct view *v,
		     const struct rules *r, struct decided *d, struct error *e)
{
	struct span met = proof_span(main, r);
	int rc = sender_runs(q, v->group, &d->who, met.since, met.until, &d->runs, e);
	if (rc != 0)
		return rc;
	proof_touching(main, d->runs.at, d->runs.count, &d->touching);
	walk_of(main, d->touching.at, d->touching.count, &d->walk);
	proof_own(&d->walk, d->runs.at, d->runs.count, r, &d->proof);
	if (walk_is_early(&d->walk, v, r))
		return 0;
	return proof_make(q, &d->walk, &d->who, d->runs.at, d->runs.count, v, r,
			  &d->proof, e);
}

int decided_make(struct lookup *q, const struct run *main, const struct view *v,
		 const struct rules *r, struct decided *d, struct error *e)
{
	d->runs.count = d->touching.count = 0;
	d->runs.has_more = false;
	int rc = sender_find(q, main->client, &d->who, e);
	if (rc == 0 && !is_early(main, v, r, d))
		rc = find_rest(q, main, v, r, d, e);
	if (rc == 0)
		d->verdict = decided_say(d, v, r);
	return rc;
}
