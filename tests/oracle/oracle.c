#include "oracle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define GAP (30 * STAMP_MINUTE)
#define NEVER INT64_MAX

enum kind { REAL, LATE, DECOY, ASIDE };

/* A visit, as it was when it arrived. It lies in [from, to]. */
struct fact {
	const struct visit *v;
	enum kind kind;
	enum place place;
	int64_t from, to;
	int run; /* visits of one run have one number */
};

struct facts {
	const struct oracle *o;
	struct fact at[ORACLE_LINES];
	size_t count;
};

static const struct oracle_host *host_of(const struct oracle *o, uint16_t id)
{
	for (size_t i = 0; i < o->host_count; i++)
		if (o->hosts[i].id == id)
			return &o->hosts[i];
	abort();
}

/* ---- what is known of a host ---- */

int64_t oracle_told_until(const struct line *lines, size_t count, uint16_t host)
{
	int64_t t = INT64_MIN;
	for (size_t i = 0; i < count; i++) {
		const struct line *l = &lines[i];
		bool tells = l->kind == LINE_WATERMARK || l->kind == LINE_GAP;
		if (tells && l->host == host && l->time > t)
			t = l->time;
	}
	return t;
}

static bool is_watched(const struct oracle *o, uint16_t host, int64_t t)
{
	int64_t first = NEVER;
	for (size_t i = 0; i < o->line_count; i++) {
		const struct line *l = &o->lines[i];
		if (l->host != host)
			continue;
		if (l->kind == LINE_GAP && l->since <= t && t < l->time)
			return false;
		bool begins = l->kind == LINE_WATERMARK || l->kind == LINE_GAP;
		if (begins && l->time < first)
			first = l->time;
	}
	return first <= t && t < oracle_told_until(o->lines, o->line_count, host);
}

/* The nearest probe of the host before or at t (step < 0), or after it, that did or did
 * not succeed. */
static int64_t probe(const struct oracle *o, uint16_t host, int64_t t, int step, bool ok)
{
	int64_t best = step < 0 ? INT64_MIN : NEVER;
	for (size_t i = 0; i < o->line_count; i++) {
		const struct line *l = &o->lines[i];
		bool is_good = l->kind == LINE_PROBE && l->is_ok;
		bool is_bad =
		    l->kind == LINE_OUTAGE || (l->kind == LINE_PROBE && !l->is_ok);
		if (l->host != host || !(ok ? is_good : is_bad))
			continue;
		if (step < 0 && l->time <= t && l->time > best)
			best = l->time;
		if (step > 0 && l->time > t && l->time < best)
			best = l->time;
	}
	return best;
}

static bool is_well(const struct oracle *o, uint16_t host, int64_t t)
{
	if (probe(o, host, INT64_MIN, 1, true) == NEVER &&
	    probe(o, host, INT64_MIN, 1, false) == NEVER)
		return is_watched(o, host, t);
	int64_t before = probe(o, host, t, -1, true), after = probe(o, host, t, 1, true);
	if (before == INT64_MIN || after == NEVER)
		return false;
	/* A bad one between them, or whose tail reaches here. */
	if (probe(o, host, t, -1, false) > before || probe(o, host, t, 1, false) < after)
		return false;
	for (int64_t bad = probe(o, host, t, -1, false); bad != INT64_MIN;
	     bad = probe(o, host, bad - 1, -1, false))
		if (t < probe(o, host, bad, 1, true) + o->rules.unwell_tail)
			return false;
	return true;
}

static int64_t frontier(const struct oracle *o)
{
	int64_t least = NEVER;
	for (size_t i = 0; i < o->host_count; i++) {
		uint16_t id = o->hosts[i].id;
		int64_t t = oracle_told_until(o->lines, o->line_count, id);
		int64_t good = probe(o, id, NEVER - 1, -1, true);
		bool is_probed =
		    good != INT64_MIN || probe(o, id, NEVER - 1, -1, false) != INT64_MIN;
		if (o->hosts[i].role == ROLE_REAL && is_probed && good < t)
			t = good;
		least = t < least ? t : least;
	}
	return least;
}

static bool all_well(const struct oracle *o, int64_t t)
{
	for (size_t i = 0; i < o->host_count; i++)
		if (o->hosts[i].role == ROLE_REAL && !is_well(o, o->hosts[i].id, t))
			return false;
	return true;
}

static enum reason excuse_at(const struct oracle *o, int64_t t)
{
	if (t >= o->started && t < o->started + o->rules.grace)
		return REASON_GRACE;
	for (size_t i = 0; i < o->host_count; i++)
		if (o->hosts[i].role == ROLE_REAL && !is_watched(o, o->hosts[i].id, t))
			return REASON_NOT_WATCHED;
	return all_well(o, t) ? REASON_NONE : REASON_NOT_WELL;
}

/* The next moment after t at which something that is known of a host changes. */
static int64_t next_change(const struct oracle *o, int64_t t, int64_t most)
{
	for (size_t i = 0; i < o->line_count; i++) {
		const struct line *l = &o->lines[i];
		const int64_t moments[] = { l->time, l->since,
					    l->time + o->rules.unwell_tail, o->started,
					    o->started + o->rules.grace };
		for (size_t k = 0; k < 5; k++)
			most = moments[k] > t && moments[k] < most ? moments[k] : most;
	}
	return most;
}

/* Over a stretch: the first row of DESIGN 4's that holds anywhere in it. */
static enum reason excuse_in(const struct oracle *o, int64_t from, int64_t to)
{
	enum reason least = REASON_NONE;
	for (int64_t t = from; t <= to; t = next_change(o, t, to + 1)) {
		enum reason r = excuse_at(o, t);
		least = r && (!least || r < least) ? r : least;
	}
	return least;
}

static int64_t well_time(const struct oracle *o, int64_t from, int64_t to)
{
	int64_t sum = 0;
	for (int64_t t = from, next; t < to; t = next) {
		next = next_change(o, t, to);
		sum += excuse_at(o, t) == REASON_NONE ? next - t : 0;
	}
	return sum;
}

/* ---- who is who ---- */

static const struct name_fact *name_of(const struct oracle *o, struct addr a)
{
	const struct name_fact *n = NULL;
	for (size_t i = 0; i < o->line_count; i++)
		if (o->lines[i].kind == LINE_NAME &&
		    addr_equal(o->lines[i].name.client, a))
			n = &o->lines[i].name;
	return n && n->is_confirmed ? n : NULL;
}

/* How many addresses of a's family have a's name. */
static size_t namesakes(const struct oracle *o, struct addr a)
{
	const struct name_fact *mine = name_of(o, a);
	size_t count = 0;
	for (size_t i = 0; i < o->line_count; i++) {
		const struct line *l = &o->lines[i];
		const struct name_fact *n =
		    l->kind == LINE_NAME ? name_of(o, l->name.client) : NULL;
		bool is_first = n == &l->name; /* each address once */
		count += n && is_first && strcmp(n->name, mine->name) == 0 &&
			 addr_is_v4(n->client) == addr_is_v4(a);
	}
	return count;
}

static bool is_sender(const struct oracle *o, struct addr a, struct addr b)
{
	if (addr_equal(a, b))
		return true;
	const struct name_fact *x = name_of(o, a), *y = name_of(o, b);
	return x && y && !x->is_generic && !y->is_generic &&
	       strcmp(x->name, y->name) == 0 && addr_is_v4(a) != addr_is_v4(b) &&
	       namesakes(o, a) == 1 && namesakes(o, b) == 1;
}

static bool is_pool(const struct oracle *o, struct addr a, struct addr b)
{
	if (is_sender(o, a, b))
		return false;
	if (prefix_has(prefix_pool(a), b))
		return true;
	const struct name_fact *x = name_of(o, a), *y = name_of(o, b);
	if (!x || !y)
		return false;
	const char *p = x->is_generic ? x->name : x->domain;
	const char *q = y->is_generic ? y->name : y->domain;
	return *p && strcmp(p, q) == 0;
}

/* ---- visits ---- */

static bool touch(const struct fact *a, const struct fact *b)
{
	return a->from - GAP <= b->to && b->from - GAP <= a->to;
}

static bool is_one_run(const struct fact *a, const struct fact *b)
{
	return a->kind == b->kind && addr_equal(a->v->client, b->v->client) &&
	       a->v->time / STAMP_DAY == b->v->time / STAMP_DAY && touch(a, b);
}

static void read_visits(struct facts *f, const struct oracle *o)
{
	f->o = o;
	for (size_t i = 0; i < o->line_count; i++) {
		if (o->lines[i].kind != LINE_VISIT)
			continue;
		const struct visit *v = &o->lines[i].visit;
		const struct oracle_host *h = host_of(o, v->host);
		bool is_late = v->time < oracle_told_until(o->lines, i, v->host);
		struct fact x = { .v = v, .place = h->place, .run = (int)f->count };
		x.kind = v->depth == DEPTH_KNOCK || h->role == ROLE_CONTROL ? ASIDE
			 : h->role == ROLE_REAL ? (is_late ? LATE : REAL)
						: (is_late ? ASIDE : DECOY);
		x.from = v->time - v->earlier_us;
		x.to = v->time + v->precision_us - 1;
		x.to = v->ended > x.to ? v->ended : x.to;
		f->at[f->count++] = x;
	}
	for (size_t again = 0; again < f->count; again++)
		for (size_t i = 0; i < f->count; i++)
			for (size_t k = 0; k < f->count; k++)
				if (is_one_run(&f->at[i], &f->at[k]) &&
				    f->at[k].run < f->at[i].run)
					f->at[i].run = f->at[k].run;
}

/* Does any visit of x's run touch any visit of y's? */
static bool runs_touch(const struct facts *f, int x, int y)
{
	for (size_t i = 0; i < f->count; i++)
		for (size_t k = 0; k < f->count; k++)
			if (f->at[i].run == x && f->at[k].run == y &&
			    touch(&f->at[i], &f->at[k]))
				return true;
	return false;
}

/* A contact with a real host, told late or not, in [from, to]: of the sender, or its
 * pool. */
static bool has_contact(const struct facts *f, struct addr who, bool of_pool,
			int64_t from, int64_t to)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct fact *x = &f->at[i];
		bool is_his = of_pool ? is_pool(f->o, who, x->v->client)
				      : is_sender(f->o, who, x->v->client);
		if ((x->kind == REAL || x->kind == LATE) && is_his && x->from <= to &&
		    x->to >= from)
			return true;
	}
	return false;
}

static bool tells(const struct visit *v, uint64_t envelope)
{
	for (size_t i = 0; i < v->envelope_count && i < VISIT_ENVELOPES; i++)
		if (v->envelopes[i] == envelope)
			return v->envelope_count <= VISIT_ENVELOPES;
	return false;
}

/* ---- one walk ---- */

/* The first of something: the widest of a tie. */
struct first {
	bool is_there;
	int64_t at, to, from, answered;
};

static void take_first(struct first *t, const struct fact *x)
{
	int64_t to = x->v->time + x->v->precision_us - 1;
	int64_t answered = x->v->answered > 0 ? x->v->answered : 0;
	int64_t from = t->is_there && t->from < x->from ? t->from : x->from;
	if (!t->is_there || x->v->time < t->at) {
		*t = (struct first){ true, x->v->time, to, from, answered };
	} else if (x->v->time == t->at) {
		t->to = to > t->to ? to : t->to;
		if (answered && (!t->answered || answered < t->answered))
			t->answered = answered;
	}
	t->from = from;
}

struct story {
	const struct facts *f;
	struct addr who;
	int main;
	bool is_decoy;
	int64_t began;
	struct first real, high, low;
};

static bool belongs(const struct story *s, const struct fact *x)
{
	return x->run == s->main || (is_sender(s->f->o, s->who, x->v->client) &&
				     runs_touch(s->f, s->main, x->run));
}

static void read_story(struct story *s)
{
	for (size_t i = 0; i < s->f->count; i++) {
		const struct fact *x = &s->f->at[i];
		if (x->run == s->main && (!s->began || x->v->time < s->began))
			s->began = x->v->time;
		if (x->kind == REAL &&
		    (x->run == s->main || (s->is_decoy && belongs(s, x))))
			take_first(&s->real, x);
		if (x->kind == DECOY && x->run == s->main && x->place == PLACE_HIGH)
			take_first(&s->high, x);
		bool is_low = x->place == PLACE_LOW &&
			      (x->run == s->main || (x->kind == ASIDE && belongs(s, x)));
		if (is_low)
			take_first(&s->low, x);
	}
}

static bool high_is_first(const struct story *s)
{
	return s->high.is_there && (!s->real.is_there || s->high.to < s->real.from);
}

/* Row 3: nobody of the sender's was at a low decoy, knocks and late ones included. */
static bool saw_low_before(const struct story *s)
{
	for (size_t i = 0; i < s->f->count; i++) {
		const struct fact *x = &s->f->at[i];
		if (!(x->kind == DECOY || x->kind == ASIDE) || x->place != PLACE_LOW ||
		    !is_sender(s->f->o, s->who, x->v->client) || x->v->time > s->real.to)
			continue;
		for (size_t k = 0; k < s->f->count; k++)
			if (s->f->at[k].run == x->run &&
			    s->f->at[k].to >= s->real.from - GAP)
				return true;
	}
	return false;
}

static bool low_was_seen(const struct oracle *o, int64_t from, int64_t to)
{
	bool is_there = false;
	for (size_t i = 0; i < o->host_count; i++) {
		if (o->hosts[i].place != PLACE_LOW)
			continue;
		is_there = true;
		for (int64_t t = from; t <= to; t = next_change(o, t, to + 1))
			if (!is_watched(o, o->hosts[i].id, t))
				return false;
		for (size_t k = 0; k < o->line_count; k++) {
			const struct line *l = &o->lines[k];
			if (l->kind == LINE_LOST && l->host == o->hosts[i].id &&
			    l->since <= to && l->time > from - GAP)
				return false;
		}
	}
	return is_there;
}

static enum reason shot(const struct story *s)
{
	if (!s->high.is_there || !s->real.is_there)
		return REASON_NONE;
	if (s->high.to < s->real.at && s->real.at - s->high.to <= STAMP_SECOND)
		return REASON_AT_ONCE;
	if (high_is_first(s))
		return s->real.from - s->high.to <= STAMP_SECOND ? REASON_AT_ONCE
								 : REASON_NONE;
	bool is_before_answer = s->real.answered && s->high.to < s->real.answered;
	return is_before_answer && s->high.at - s->real.to <= STAMP_SECOND
		   ? REASON_AT_ONCE
		   : REASON_NONE;
}

/* When visits of some kind told an envelope, from `since` on: first and last. */
static bool told_between(const struct facts *f, uint64_t envelope, bool at_decoy,
			 int family, int64_t since, int64_t *first, int64_t *last)
{
	bool is_there = false;
	for (size_t i = 0; i < f->count; i++) {
		const struct fact *x = &f->at[i];
		bool is_kind =
		    at_decoy ? x->kind == DECOY : x->kind == REAL || x->kind == LATE;
		bool is_family = family < 0 || addr_is_v4(x->v->client) == family;
		if (!is_kind || !is_family || !tells(x->v, envelope) ||
		    x->v->time < since)
			continue;
		*first = !is_there || x->v->time < *first ? x->v->time : *first;
		*last = !is_there || x->v->time > *last ? x->v->time : *last;
		is_there = true;
	}
	return is_there;
}

/* Of the real hosts' attempts over the other family, from 30 minutes before an envelope
 * of this walk was told, first and last are known: what lies between them excuses. */
static bool came_otherwise(const struct story *s, int64_t from, int64_t to)
{
	int mine = addr_is_v4(s->who);
	for (uint64_t e = ORACLE_ENVELOPE; e < ORACLE_ENVELOPE + ORACLE_ENVELOPES; e++) {
		int64_t all, own, first, last;
		bool is_told = false;
		for (size_t i = 0; i < s->f->count; i++)
			is_told = is_told || (s->f->at[i].run == s->main && s->is_decoy &&
					      tells(s->f->at[i].v, e));
		if (!is_told || !told_between(s->f, e, true, -1, 0, &all, &last) ||
		    !told_between(s->f, e, true, mine, 0, &own, &last) ||
		    !told_between(s->f, e, false, !mine, all - GAP, &first, &last))
			continue;
		first = first > own - GAP ? first : own - GAP;
		if (last >= own - GAP && first <= to && last >= from)
			return true;
	}
	return false;
}

static void set_order(const struct story *s, struct oracle_walk *w)
{
	const struct oracle *o = s->f->o;
	bool has_high = s->high.is_there, has_real = s->real.is_there;
	const struct first *m = has_high ? &s->high : has_real ? &s->real : &s->low;
	int64_t last = m->to;
	if (!has_high && has_real && s->low.is_there && s->low.to > last)
		last = s->low.to;
	w->order = ORDER_UNKNOWN;
	w->order_reason = REASON_UNDECIDED;
	if (frontier(o) < last + o->rules.confirm)
		return;
	w->order_reason = excuse_in(o, m->from, m->to);
	if (w->order_reason)
		return;
	w->order_reason = REASON_LOW_ONLY;
	if (!has_real && !has_high)
		return;
	w->order = ORDER_SHOTGUN;
	w->order_reason = REASON_AT_ONCE;
	if (shot(s))
		return;
	if (!high_is_first(s)) {
		bool is_skipped =
		    !saw_low_before(s) && low_was_seen(o, s->real.from, s->real.to);
		w->order = is_skipped ? ORDER_SKIPPED : ORDER_STRAIGHT;
		w->order_reason = is_skipped ? REASON_LOW_SKIPPED : REASON_IN_ORDER;
		return;
	}
	int64_t since = s->high.at - o->rules.excuse,
		until = s->high.to + o->rules.confirm;
	bool is_own = has_contact(s->f, s->who, false, since, until);
	bool is_pool = has_contact(s->f, s->who, true, since, until) ||
		       came_otherwise(s, since, until);
	/* Of a minute that nobody watched it cannot be said that nobody came. */
	bool is_blind = excuse_in(o, m->from, until - 1) == REASON_NOT_WATCHED;
	w->order = is_own || is_pool || is_blind ? ORDER_UNKNOWN : ORDER_BACKDOOR;
	w->order_reason = is_own     ? REASON_ADDRESS_CONTACT
			  : is_pool  ? REASON_POOL_CONTACT
			  : is_blind ? REASON_NOT_WATCHED
				     : REASON_REAL_NEVER_SEEN;
}

static void set_fate(const struct story *s, struct oracle_walk *w)
{
	const struct oracle *o = s->f->o;
	int64_t end = s->began + o->rules.final, passed = frontier(o);
	bool is_over = o->now >= end;
	bool began_before = s->real.is_there && s->real.from <= s->began;
	for (size_t i = 0; i < s->f->count; i++)
		began_before = began_before ||
			       (s->f->at[i].kind == LATE && belongs(s, &s->f->at[i]) &&
				s->f->at[i].from <= s->began);
	w->fate = FATE_REACHED;
	if (!s->is_decoy || began_before ||
	    has_contact(s->f, s->who, false, s->began, end))
		return;
	w->fate = FATE_UNKNOWN;
	enum reason r = w->order_reason;
	bool is_blind = r == REASON_NOT_WATCHED && s->high.is_there &&
			excuse_in(o, s->high.from, s->high.to) == REASON_NONE;
	if (r == REASON_GRACE || (r == REASON_NOT_WATCHED && !is_blind) ||
	    r == REASON_NOT_WELL)
		return;
	w->fate = is_over ? FATE_UNKNOWN : FATE_PENDING;
	if (r == REASON_UNDECIDED ||
	    well_time(o, s->began, passed < end ? passed : end) < o->rules.patience)
		return;
	w->fate = FATE_UNKNOWN;
	if (has_contact(s->f, s->who, true, s->began - o->rules.excuse, end) ||
	    came_otherwise(s, s->began - o->rules.excuse, end))
		return;
	w->fate = FATE_STOPPED;
	w->is_final = is_over;
}

/* The first of a run's visits at a real host, and when it was over. */
static struct first run_first(const struct facts *f, int run, int64_t *last)
{
	struct first t = { 0 };
	*last = INT64_MIN;
	for (size_t i = 0; i < f->count; i++) {
		if (f->at[i].run != run)
			continue;
		take_first(&t, &f->at[i]);
		*last = f->at[i].to > *last ? f->at[i].to : *last;
	}
	return t;
}

static bool is_real_of(const struct story *s, const struct fact *x)
{
	return (x->kind == REAL || x->kind == LATE) &&
	       is_sender(s->f->o, s->who, x->v->client);
}

/* From L to the next contact of the walk, if no other began before it and was open, or
 * began, between. */
static int64_t delay(const struct story *s)
{
	struct first next = { 0 };
	int64_t low = s->low.at, last;
	for (size_t i = 0; i < s->f->count; i++) {
		const struct fact *x = &s->f->at[i];
		bool is_of_it = s->is_decoy ? belongs(s, x) : x->run == s->main;
		struct first t = run_first(s->f, x->run, &last);
		if (x->kind == REAL && is_of_it && t.to >= low &&
		    (!next.is_there || t.at < next.at))
			next = t;
		else if (x->kind == REAL && is_of_it && t.to >= low && t.at == next.at &&
			 t.to > next.to)
			next.to = t.to;
	}
	/* A nearer contact may still be told until the frontier has passed. */
	if (!next.is_there || frontier(s->f->o) < next.to + s->f->o->rules.confirm ||
	    next.at - low > s->f->o->rules.delay_window)
		return -1;
	for (size_t i = 0; i < s->f->count; i++) {
		const struct fact *x = &s->f->at[i];
		struct first t = run_first(s->f, x->run, &last);
		bool is_next = x->kind == REAL && t.at == next.at;
		if (is_real_of(s, x) && !is_next && t.from <= next.at && last >= low)
			return -1;
	}
	for (int64_t t = low; t <= next.to; t = next_change(s->f->o, t, next.to + 1))
		if (!all_well(s->f->o, t))
			return -1;
	return next.at > low ? next.at - low : 0;
}

static void set_delay(const struct story *s, struct oracle_walk *w)
{
	bool is_told = s->low.is_there && w->order_reason != REASON_UNDECIDED;
	w->delay_us = is_told ? delay(s) : -1;
}

size_t oracle_walks(const struct oracle *o, struct oracle_walk *ret, size_t most)
{
	static struct facts f;
	memset(&f, 0, sizeof(f));
	read_visits(&f, o);
	size_t count = 0;
	for (size_t i = 0; i < f.count; i++) {
		const struct fact *x = &f.at[i];
		bool is_first = x->run == (int)i, is_free = x->kind == REAL;
		for (size_t k = 0; k < f.count; k++)
			if (f.at[k].kind == DECOY &&
			    is_sender(o, x->v->client, f.at[k].v->client) &&
			    runs_touch(&f, x->run, f.at[k].run))
				is_free = false;
		if (!is_first || !(x->kind == DECOY || is_free) || count == most)
			continue;
		struct story s = { .f = &f,
				   .who = x->v->client,
				   .main = x->run,
				   .is_decoy = x->kind == DECOY };
		read_story(&s);
		struct oracle_walk w = { .client = s.who,
					 .is_decoy = s.is_decoy,
					 .began = s.began };
		set_order(&s, &w);
		set_fate(&s, &w);
		set_delay(&s, &w);
		ret[count++] = w;
	}
	return count;
}
