#include <string.h>

#include "known.h"

/* The first visit of some kind; of a tie the widest, and the first answer. */
struct first {
	bool is_there;
	int64_t from, at, sure, answered;
};

/* A walk: its runs at decoys, or one at real hosts alone, and what touches it. */
struct story {
	int main;
	bool is_decoy;
	struct addr who;
	int64_t began, end;                /* five days later */
	struct first real, high, low, own; /* own: of its own runs */
	enum reason excuse;
};

static void take_first(struct first *f, const struct fact *x)
{
	const struct first now = { true, x->from, x->v->time, x->sure, x->v->answered };
	struct first old = *f;
	if (!old.is_there || now.at < old.at) {
		*f = now;
	} else if (now.at == old.at) {
		f->sure = stamp_later(old.sure, now.sure);
		if (now.answered && (!old.answered || now.answered < old.answered))
			f->answered = now.answered;
	}
	f->from = old.is_there ? stamp_earlier(old.from, now.from) : now.from;
}

/* Does some visit of one run touch some visit of the other? */
static bool runs_touch(int a, int b)
{
	return EXISTS(x, x->run == a && EXISTS(y, y->run == b && touch(x, y)));
}

static bool is_of(const struct story *s, const struct fact *x)
{
	return x->run == s->main ||
	       (is_sender(s->who, x->v->client) && runs_touch(s->main, x->run));
}

static struct story story_of(const struct fact *main)
{
	struct story of = { .main = main->run, .who = main->v->client };
	struct story *s = &of;
	s->is_decoy = main->kind == DECOY;
	for (EACH(x)) {
		bool is_main = x->run == s->main;
		if (is_main)
			take_first(&s->own, x);
		if (x->kind == REAL && (is_main || (s->is_decoy && is_of(s, x))))
			take_first(&s->real, x);
		if (x->kind == DECOY && is_main && x->place == PLACE_HIGH)
			take_first(&s->high, x);
		if (x->place == PLACE_LOW &&
		    (is_main || (x->kind == ASIDE && is_of(s, x))))
			take_first(&s->low, x);
	}
	s->began = s->own.at;
	s->end = s->began + o->rules.final;
	return of;
}

/* ---- what excuses ---- */

static bool tells(const struct visit *v, uint64_t e)
{
	for (size_t i = 0; i < v->envelope_count && i < VISIT_ENVELOPES; i++)
		if (v->envelopes[i] == e)
			return v->envelope_count <= VISIT_ENVELOPES;
	return false;
}

/* A decoy was first told it, over the family of an address (or NULL: any). */
static int64_t first_told(uint64_t e, const struct addr *family)
{
	int64_t t = NEVER;
	for (EACH(x))
		if (x->kind == DECOY && tells(x->v, e) &&
		    (!family || addr_is_v4(*family) == addr_is_v4(x->v->client)))
			t = stamp_earlier(t, x->v->time);
	return t;
}

/* When the walk told it: a decoy was first told it over its family, or it began. */
static int64_t told_by(const struct story *s, uint64_t e)
{
	for (EACH(x))
		if (s->is_decoy && x->run == s->main && tells(x->v, e))
			return stamp_later(first_told(e, &s->who), s->began);
	return NEVER;
}

/* An envelope of the walk over the other family, from 30 minutes before it was told. Of
 * these attempts the first and the last are known: what lies between may be one. */
static bool came_otherwise(const struct story *s, int64_t since, int64_t until)
{
	for (uint64_t e = ORACLE_ENVELOPE; e < ORACLE_ENVELOPE + ORACLE_ENVELOPES; e++) {
		int64_t begin = told_by(s, e) - GAP, first = NEVER, last = INT64_MIN;
		for (EACH(x)) {
			if (!is_contact(x) || !tells(x->v, e) ||
			    addr_is_v4(x->v->client) == addr_is_v4(s->who) ||
			    x->to < first_told(e, NULL) - GAP)
				continue;
			first = stamp_earlier(first, x->v->time);
			last = stamp_later(last, x->to);
		}
		if (last >= begin && stamp_later(first, begin) <= until && last >= since)
			return true;
	}
	return false;
}

bool sent_otherwise(struct addr who, int64_t since, int64_t until)
{
	for (EACH(x)) {
		if (x->kind != DECOY || !is_sender(who, x->v->client))
			continue;
		struct story s = story_of(x);
		if (came_otherwise(&s, since, until))
			return true;
	}
	return false;
}

bool has_contact(struct addr who, bool of_pool, int64_t since, int64_t until)
{
	return EXISTS(
	    x, is_contact(x) && meets(x, since, until) &&
		   (of_pool ? is_pool(who, x->v->client) : is_sender(who, x->v->client)));
}

static bool has_pool(const struct story *s, int64_t since, int64_t until)
{
	return has_contact(s->who, true, since, until) || came_otherwise(s, since, until);
}

/* ---- order ---- */

static bool high_is_first(const struct story *s)
{
	return s->high.is_there && (!s->real.is_there || s->high.sure < s->real.from);
}

/* Row 2. The time for a name look-up is no width: what is seen as at once is. */
static bool is_shotgun(const struct story *s)
{
	const struct first *h = &s->high, *r = &s->real;
	if (!h->is_there || !r->is_there)
		return false;
	if (h->sure < r->at && r->at - h->sure <= STAMP_SECOND)
		return true;
	if (high_is_first(s))
		return r->from - h->sure <= STAMP_SECOND;
	return r->answered && h->sure < r->answered && h->at - r->sure <= STAMP_SECOND;
}

/* Row 3: no run of the sender that reaches into the 30 minutes before R has a low visit
 * before R. */
static bool is_skipped(const struct story *s)
{
	bool has_low =
	    EXISTS(x, !is_contact(x) && x->place == PLACE_LOW &&
			  is_sender(s->who, x->v->client) && x->v->time <= s->real.sure &&
			  EXISTS(y, y->run == x->run && y->to >= s->real.from - GAP));
	return !has_low && low_was_seen(s->real.from, s->real.sure);
}

static void say(struct oracle_walk *w, enum order order, enum reason reason)
{
	w->order = order;
	w->order_reason = reason;
}

/* Rows 5 and 6. Of a minute that nobody watched it cannot be said that nobody came. */
static void set_backdoor(const struct story *s, struct oracle_walk *w)
{
	int64_t since = s->high.at - o->rules.excuse,
		until = s->high.sure + o->rules.confirm;
	if (has_contact(s->who, false, since, until))
		say(w, ORDER_UNKNOWN, REASON_ADDRESS_CONTACT);
	else if (has_pool(s, since, until))
		say(w, ORDER_UNKNOWN, REASON_POOL_CONTACT);
	else if (excuse_in(s->high.at, until - 1) == REASON_NOT_WATCHED)
		say(w, ORDER_UNKNOWN, REASON_NOT_WATCHED);
	else
		say(w, ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN);
}

/* Rows 0 and 1, of the moment that they ask about; REASON_NONE: neither. What is forged
 * or told late moves no moment. */
static enum reason why_not_decided(const struct story *s)
{
	const struct first *h = &s->high, *r = &s->real, *l = &s->low;
	const struct first *m = h->is_there ? h : r->is_there ? r : &s->own;
	int64_t last = m == r && l->is_there ? stamp_later(r->sure, l->sure) : m->sure;
	if (frontier >= last + o->rules.confirm)
		return excuse_in(m->from, m->sure);
	return o->now >= s->end ? REASON_NOT_WATCHED : REASON_UNDECIDED;
}

static void set_order(struct story *s, struct oracle_walk *w)
{
	enum reason why = why_not_decided(s);
	s->excuse = why == REASON_UNDECIDED ? REASON_NONE : why;
	if (why)
		say(w, ORDER_UNKNOWN, why);
	else if (!s->high.is_there && !s->real.is_there)
		say(w, ORDER_UNKNOWN, REASON_LOW_ONLY);
	else if (is_shotgun(s))
		say(w, ORDER_SHOTGUN, REASON_AT_ONCE);
	else if (high_is_first(s))
		set_backdoor(s, w);
	else if (is_skipped(s))
		say(w, ORDER_SKIPPED, REASON_LOW_SKIPPED);
	else
		say(w, ORDER_STRAIGHT, REASON_IN_ORDER);
}

/* ---- fate ---- */

/* Of what is known of the five days. */
static bool is_patient(const struct story *s, int64_t since, bool is_well)
{
	int64_t known = stamp_earlier(frontier, s->end);
	return time_in(since, known, is_well) >= o->rules.patience;
}

static bool has_reached(const struct story *s)
{
	return has_contact(s->who, false, s->began, s->end) ||
	       EXISTS(x, is_contact(x) && is_of(s, x));
}

static void say_fate(struct oracle_walk *w, enum fate fate, enum reason reason)
{
	w->fate = fate;
	w->fate_reason = reason;
}

static void set_fate(const struct story *s, struct oracle_walk *w)
{
	bool is_over = o->now >= s->end, is_well = is_patient(s, s->began, true);
	if (has_reached(s))
		say_fate(w, FATE_REACHED, REASON_REACHED);
	else if (w->order_reason == REASON_UNDECIDED)
		say_fate(w, FATE_PENDING, REASON_WAITING);
	else if (s->excuse)
		say_fate(w, FATE_UNKNOWN, s->excuse);
	else if (!is_well && !is_over)
		say_fate(w, FATE_PENDING, REASON_WAITING);
	else if (!is_well)
		say_fate(w, FATE_UNKNOWN,
			 is_patient(s, s->began, false) ? REASON_NO_WELL_TIME
							: REASON_NOT_WATCHED);
	else if (has_pool(s, s->began - o->rules.excuse, s->end))
		say_fate(w, FATE_UNKNOWN, REASON_POOL_REACHED);
	else
		say_fate(w, FATE_STOPPED, REASON_NEVER_CAME);
	w->is_final = is_over && w->fate == FATE_STOPPED;
}

/* ---- a message, a tier ---- */

/* From any client; of a visit with more than a line names from its sender or its pool. */
static bool is_accepted(const struct story *s, uint64_t e, int64_t since)
{
	for (EACH(x)) {
		struct addr a = x->v->client;
		bool is_many = x->v->envelope_count > VISIT_ENVELOPES;
		bool may_be_it =
		    is_many ? is_sender(s->who, a) || is_pool(s->who, a) : tells(x->v, e);
		if (is_contact(x) && may_be_it && x->to >= since &&
		    x->v->outcome == OUTCOME_ACCEPTED)
			return true;
	}
	return false;
}

static bool came_in_time(const struct story *s)
{
	return EXISTS(x, x->kind == REAL && is_sender(s->who, x->v->client) &&
			     (is_of(s, x) || meets(x, s->began, s->end)));
}

static bool is_missing(const struct story *s, const struct oracle_walk *w)
{
	int64_t told = NEVER;
	for (size_t i = 0; i < o->host_count; i++) {
		if (o->hosts[i].role == ROLE_REAL &&
		    !EXISTS(x, x->kind == REAL && x->v->envelope_count &&
				   x->v->host == o->hosts[i].id))
			return false;
	}
	for (uint64_t e = ORACLE_ENVELOPE; e < ORACLE_ENVELOPE + ORACLE_ENVELOPES; e++)
		if (told_by(s, e) < NEVER && !is_accepted(s, e, told_by(s, e) - GAP))
			told = stamp_earlier(told, told_by(s, e));
	return told < NEVER && came_in_time(s) && is_patient(s, told, true) &&
	       w->order_reason != REASON_UNDECIDED;
}

/* Who wrote for a domain; is_known: for one that this site wrote to. */
static bool has_spf(struct addr who, int64_t since, int64_t until, bool is_known)
{
	return EXISTS_LINE(
	    l,
	    l->kind == LINE_SPF && is_sender(who, l->client) && l->time >= since &&
		l->time <= until &&
		(!is_known || EXISTS_LINE(m, m->kind == LINE_WROTE && m->time >= since &&
						 strcmp(l->text, m->text) == 0)));
}

static bool has_mail(struct addr who, int64_t since, int64_t until, enum spam spam)
{
	return EXISTS(x, is_contact(x) && is_sender(who, x->v->client) &&
			     x->v->spam == spam && x->v->outcome == OUTCOME_ACCEPTED &&
			     x->v->time >= since && x->v->time <= until);
}

enum tier tier_at(struct addr who, int64_t at)
{
	int64_t day = (at - o->rules.known_window) / STAMP_DAY * STAMP_DAY;
	const struct name_fact *n = name_of(who);
	if (has_mail(who, day, at, SPAM_NO) ||
	    has_spf(who, day, at + o->rules.final, true))
		return TIER_KNOWN;
	if (has_mail(who, day, at, SPAM_UNKNOWN))
		return TIER_RETURNING;
	if (has_spf(who, day, at + o->rules.final, false))
		return TIER_PLAUSIBLE;
	return n && !n->is_generic ? TIER_WEAK : TIER_NONE;
}

/* ---- delay ---- */

/* Of a run at real hosts: its first visit, and its end. */
static struct first run_first(int run, int64_t *end)
{
	struct first f = { 0 };
	*end = INT64_MIN;
	for (EACH(x)) {
		if (x->run != run)
			continue;
		take_first(&f, x);
		*end = stamp_later(*end, x->to);
	}
	return f;
}

/* The next contact of the walk: the first of its runs that is not wholly before L. */
static struct first next_of(const struct story *s)
{
	struct first next = { 0 };
	int64_t end;
	for (EACH(x)) {
		struct first f = run_first(x->run, &end);
		bool is_part = s->is_decoy ? is_of(s, x) : x->run == s->main;
		bool is_nearer = !next.is_there || f.at < next.at ||
				 (f.at == next.at && f.sure > next.sure);
		if (x->kind == REAL && is_part && f.sure >= s->low.at && is_nearer)
			next = f;
	}
	return next;
}

/* Did another contact of the sender's begin before it and was open, or begin, between? */
static bool has_between(const struct story *s, const struct first *next)
{
	int64_t low = s->low.at, end;
	for (EACH(x)) {
		struct first f = run_first(x->run, &end);
		if (is_contact(x) && is_sender(s->who, x->v->client) &&
		    f.from <= stamp_later(low, next->at) && end >= low &&
		    !(x->kind == REAL && f.at == next->at))
			return true;
	}
	return false;
}

static int64_t delay_of(const struct story *s)
{
	struct first next = next_of(s);
	int64_t low = s->low.at;
	bool is_exact =
	    s->low.sure - low < STAMP_SECOND && next.sure - next.at < STAMP_SECOND;
	if (!next.is_there || !is_exact || frontier < next.sure + o->rules.confirm ||
	    next.at - low > o->rules.delay_window || !is_all_well(low, next.sure) ||
	    has_between(s, &next))
		return -1;
	return next.at > low ? next.at - low : 0;
}

/* ---- all walks ---- */

static bool is_walk(const struct fact *x)
{
	if (x->run != (int)(x - facts) || (x->kind != REAL && x->kind != DECOY))
		return false;
	return x->kind == DECOY ||
	       !EXISTS(y, y->kind == DECOY && is_sender(x->v->client, y->v->client) &&
			      runs_touch(x->run, y->run));
}

size_t oracle_walks(const struct oracle *of, struct oracle_walk *ret, size_t most)
{
	size_t count = 0;
	know(of);
	for (EACH(x)) {
		if (!is_walk(x) || count == most)
			continue;
		struct story s = story_of(x);
		struct oracle_walk w = { .client = s.who,
					 .is_decoy = s.is_decoy,
					 .began = s.began };
		set_order(&s, &w);
		set_fate(&s, &w);
		w.is_missing = is_missing(&s, &w);
		w.tier =
		    w.is_missing || w.fate == FATE_STOPPED ? tier_at(s.who, s.began) : 0;
		bool is_told = s.low.is_there && w.order_reason != REASON_UNDECIDED;
		w.delay_us = is_told ? delay_of(&s) : -1;
		ret[count++] = w;
	}
	return count;
}
