#include "judge/rule.h"

#include <string.h>

/* One question: what decide() was given, and what it found on the way. */
struct question {
	const struct walk *w;
	const struct proof *p;
	const struct view *v;
	const struct rules *r;
	int64_t from, to; /* the moment that row 1 asks about */
	int64_t end;      /* five days after it began */
	enum reason excuse;
	struct verdict *ret;
};

/* The frontier that may change something, if it has not come so far yet. */
static void wait_for(struct question *q, int64_t frontier)
{
	if (q->ret->need == MOMENT_NONE || frontier < q->ret->need)
		q->ret->need = frontier;
}

/* ---- order ---- */

/* Wholly before: where widths overlap nothing is certain, and the innocent order is
 * assumed. */
static bool high_is_first(const struct walk *w)
{
	return w->has_high &&
	       (!w->has_real || w->high + w->high_width <= w->real - w->real_earlier);
}

/* Row 2. The decoy came first, by a second at most; or the real host had not even
 * answered yet. */
static bool is_at_once(const struct walk *w)
{
	if (!w->has_high || !w->has_real)
		return false;
	int64_t high_end = w->high + w->high_width;
	/* The time for a name look-up is no width: what is seen as at once is. */
	if (high_end <= w->real && w->real - (high_end - 1) <= STAMP_SECOND)
		return true;
	if (high_is_first(w))
		return w->real - w->real_earlier - (high_end - 1) <= STAMP_SECOND;
	return w->real_answered && high_end <= w->real_answered &&
	       w->high - (w->real + w->real_width - 1) <= STAMP_SECOND;
}

/* Row 3. */
static bool is_low_skipped(const struct walk *w, const struct proof *p,
			   const struct view *v)
{
	int64_t end = w->real + w->real_width;
	bool has_low_before = p->low_before || (w->has_low && w->low < end);
	return !has_low_before && view_saw_low(v, w->real - w->real_earlier, end - 1);
}

/* Rows 5 and 6, of a walk that came to a high decoy first. That no real host saw it in
 * the minute after cannot be said of a minute that nobody watched. */
static enum reason why_not_backdoor(const struct question *q)
{
	const struct proof *p = q->p;
	int64_t end = q->to + q->r->confirm - 1;
	if (p->own_near)
		return REASON_ADDRESS_CONTACT;
	if (p->pool_near)
		return REASON_POOL_CONTACT;
	if (p->too_many)
		return REASON_TOO_MANY;
	if (p->told.order_excused)
		return REASON_POOL_CONTACT;
	return spans_hold(&q->v->watched, q->from, stamp_later(q->to, end))
		   ? REASON_REAL_NEVER_SEEN
		   : REASON_NOT_WATCHED;
}

static void say_order(struct question *q, enum order order, enum reason reason)
{
	q->ret->order = order;
	q->ret->order_reason = reason;
}

/* Rows 2 to 6. */
static void order_met(struct question *q)
{
	if (is_at_once(q->w)) {
		say_order(q, ORDER_SHOTGUN, REASON_AT_ONCE);
	} else if (high_is_first(q->w)) {
		enum reason why = why_not_backdoor(q);
		bool is_backdoor = why == REASON_REAL_NEVER_SEEN;
		say_order(q, is_backdoor ? ORDER_BACKDOOR : ORDER_UNKNOWN, why);
	} else if (is_low_skipped(q->w, q->p, q->v)) {
		say_order(q, ORDER_SKIPPED, REASON_LOW_SKIPPED);
	} else {
		say_order(q, ORDER_STRAIGHT, REASON_IN_ORDER);
	}
}

/* Row 0: what a source may still tell is waited for, five days at most. */
static bool is_undecided(struct question *q)
{
	int64_t need = walk_moment(q->w, &q->from, &q->to) + q->r->confirm;
	if (q->v->frontier >= need)
		return false;
	wait_for(q, need);
	if (q->v->now < q->end) {
		say_order(q, ORDER_UNKNOWN, REASON_UNDECIDED);
	} else {
		q->excuse = REASON_NOT_WATCHED;
		say_order(q, ORDER_UNKNOWN, REASON_NOT_WATCHED);
	}
	return true;
}

static void order_of(struct question *q)
{
	if (is_undecided(q))
		return;
	q->excuse = q->p->is_nat ? REASON_NAT : view_excuse(q->v, q->from, q->to);
	if (q->excuse != REASON_NONE)
		say_order(q, ORDER_UNKNOWN, q->excuse);
	else if (!q->w->has_real && !q->w->has_high)
		say_order(q, ORDER_UNKNOWN, REASON_LOW_ONLY);
	else
		order_met(q);
}

/* ---- fate ---- */

/* Have the real hosts been well for four hours since then? If not, when may they
 * have been, if ever within the five days? */
static bool was_patient(struct question *q, int64_t since)
{
	const struct spans *sound = &q->v->sound;
	int64_t known = stamp_earlier(q->v->frontier, q->end);
	int64_t left = q->r->patience - spans_time(sound, since, known);
	if (left <= 0)
		return true;
	int64_t need = spans_reach(sound, since, q->r->patience);
	if (need == INT64_MAX)
		need = stamp_later(q->v->frontier, since) + left;
	if (need <= q->end)
		wait_for(q, need);
	return false;
}

static void say_fate(struct question *q, enum fate fate, enum reason reason)
{
	q->ret->fate = fate;
	q->ret->fate_reason = reason;
}

static bool has_reached(const struct question *q)
{
	const struct walk *w = q->w;
	int64_t came = q->p->own_after;
	if (came == MOMENT_NONE && !w->has_real)
		return false;
	q->ret->returned_later =
	    w->main.kind == RUN_DECOY && came > w->began + q->r->delay_window;
	return true;
}

/* Nobody watched, or they were not well? */
static enum reason why_no_well_time(const struct question *q)
{
	int64_t known = stamp_earlier(q->v->frontier, q->end);
	int64_t watched = spans_time(&q->v->watched, q->w->began, known);
	return watched < q->r->patience ? REASON_NOT_WATCHED : REASON_NO_WELL_TIME;
}

/* Of a walk that no real host has seen. */
static void fate_waiting(struct question *q)
{
	const struct proof *p = q->p;
	bool is_excused = p->pool_around || p->told.fate_excused;
	bool is_patient = was_patient(q, q->w->began);
	if (!is_patient && q->v->now < q->end)
		say_fate(q, FATE_PENDING, REASON_WAITING);
	else if (!is_patient)
		say_fate(q, FATE_UNKNOWN, why_no_well_time(q));
	else if (is_excused)
		say_fate(q, FATE_UNKNOWN, REASON_POOL_REACHED);
	else if (p->too_many)
		say_fate(q, FATE_UNKNOWN, REASON_TOO_MANY);
	else
		say_fate(q, FATE_STOPPED, REASON_NEVER_CAME);
}

static void fate_of(struct question *q)
{
	if (has_reached(q))
		say_fate(q, FATE_REACHED, REASON_REACHED);
	else if (q->ret->order_reason == REASON_UNDECIDED)
		say_fate(q, FATE_PENDING, REASON_WAITING);
	else if (q->excuse != REASON_NONE)
		say_fate(q, FATE_UNKNOWN, q->excuse);
	else
		fate_waiting(q);
}

/* ---- a message, a tier, a delay ---- */

static void missing_of(struct question *q)
{
	const struct proof *p = q->p;
	bool came_in_time = q->w->has_real || p->own_in_time;
	if (!p->missing || !came_in_time || q->ret->order_reason == REASON_UNDECIDED ||
	    !view_tells_envelopes(q->v, p->missing_time))
		return;
	if (was_patient(q, p->missing_time))
		q->ret->missing = p->missing;
}

enum tier standing_tier(const struct standing *s)
{
	if (s->is_allowed || s->has_clean || s->spf_wrote_to)
		return TIER_KNOWN;
	if (s->has_unjudged)
		return TIER_RETURNING;
	if (s->spf_passes)
		return TIER_PLAUSIBLE;
	return s->has_name ? TIER_WEAK : TIER_NONE;
}

/* A name that is gone now was a good sign then. */
static void set_tier(struct question *q)
{
	if (q->ret->fate != FATE_STOPPED && !q->ret->missing)
		return;
	enum tier now = standing_tier(&q->p->standing), told = (enum tier)q->p->told.tier;
	q->ret->tier = now > told ? now : told;
}

/* A log whose clock is off, or whose stamps are wider than a second, yields none. */
static bool is_measurable(const struct question *q)
{
	const struct walk *w = q->w;
	return w->has_low && w->has_next && !w->is_real_open_at_low &&
	       !q->p->own_between && w->low_width <= STAMP_SECOND &&
	       w->next_width <= STAMP_SECOND && w->next - w->low <= q->r->delay_window &&
	       q->ret->order_reason != REASON_UNDECIDED;
}

/* A nearer contact may still be told until the frontier has passed. */
static void delay_of(struct question *q)
{
	const struct walk *w = q->w;
	int64_t next_end = w->next + w->next_width - 1;
	q->ret->delay_us = -1;
	if (!is_measurable(q))
		return;
	if (q->v->frontier < next_end + q->r->confirm) {
		wait_for(q, next_end + q->r->confirm);
		return;
	}
	if (!view_is_well(q->v, w->low, next_end))
		return;
	q->ret->delay_us = stamp_later(0, w->next - w->low);
	/* It may have begun so much earlier, but not before the low visit. */
	int64_t earlier =
	    w->next_earlier < q->ret->delay_us ? w->next_earlier : q->ret->delay_us;
	q->ret->delay_error_us = (int64_t)w->low_width - 1 + w->next_width - 1 + earlier;
}

/* ---- what was told before ---- */

static bool order_is_softer(const struct told *told, const struct verdict *now)
{
	if (told->order == ORDER_SKIPPED)
		return now->order == ORDER_STRAIGHT;
	return told->order == ORDER_BACKDOOR &&
	       (now->order_reason == REASON_ADDRESS_CONTACT ||
		now->order_reason == REASON_POOL_CONTACT ||
		now->order_reason == REASON_TOO_MANY);
}

static bool fate_is_softer(const struct told *told, const struct verdict *now)
{
	if (now->fate == FATE_REACHED)
		return told->fate != FATE_REACHED;
	return told->fate == FATE_STOPPED && now->fate == FATE_UNKNOWN &&
	       (now->fate_reason == REASON_POOL_REACHED ||
		now->fate_reason == REASON_TOO_MANY);
}

/* A sealed verdict is history: what is told late may excuse it, and nothing else
 * (spans that are no longer kept, say) may change it. */
static void soften(const struct told *told, struct verdict *now)
{
	if (!order_is_softer(told, now)) {
		now->order = (enum order)told->order;
		now->order_reason = (enum reason)told->order_reason;
	}
	if (!fate_is_softer(told, now)) {
		now->fate = (enum fate)told->fate;
		now->fate_reason = (enum reason)told->fate_reason;
		now->returned_later = told->returned_later;
	}
	now->is_final = told->is_final && now->fate == FATE_STOPPED;
	now->missing = told->missing && now->missing ? told->missing : 0;
	bool is_at_risk = now->fate == FATE_STOPPED || now->missing;
	now->tier = is_at_risk ? (enum tier)told->tier : TIER_NONE;
	if (now->delay_us <= told->delay_us) {
		now->delay_us = told->delay_us;
		now->delay_error_us = told->delay_error_us;
	}
	now->need = now->need_now = MOMENT_NONE;
}

static void set_need_now(struct question *q)
{
	bool is_open =
	    q->w->main.kind == RUN_DECOY || q->ret->order_reason == REASON_UNDECIDED;
	if (is_open && q->v->now < q->end)
		q->ret->need_now = q->end;
}

struct verdict decide(const struct walk *w, const struct proof *p, const struct view *v,
		      const struct rules *r)
{
	struct verdict now = {
		.client = w->main.client,
		.site = w->main.group,
		.began = w->began,
		.last = w->last,
		.need = MOMENT_NONE,
		.need_now = MOMENT_NONE,
		.order_excused =
		    p->told.order_excused || p->own_near || p->pool_near || p->too_many,
		.fate_excused = p->told.fate_excused || p->own_after != MOMENT_NONE ||
				p->pool_around || p->too_many,
	};
	struct question q = {
		.w = w, .p = p, .v = v, .r = r, .end = w->began + r->final, .ret = &now
	};
	order_of(&q);
	fate_of(&q);
	now.is_final = now.fate == FATE_STOPPED && v->now >= q.end;
	missing_of(&q);
	set_tier(&q);
	delay_of(&q);
	set_need_now(&q);
	if (p->told.is_sealed)
		soften(&p->told, &now);
	return now;
}

bool verdict_corrects(const struct told *before, const struct verdict *now)
{
	bool had_order = before->order_reason != REASON_UNDECIDED;
	bool had_fate = before->fate == FATE_STOPPED || before->fate == FATE_REACHED;
	return before->is_told && now->order_reason != REASON_UNDECIDED &&
	       ((had_order && before->order != now->order) ||
		(had_fate && before->fate != now->fate));
}

/* ---- at once, for the policy service ---- */

/* A source that is silent for longer is spoken for by serve. */
#define QUICK_LAG (15 * STAMP_MINUTE)

/* Row 1 as far as it is known: the frontier is always a little behind. */
static enum reason excuse_now(const struct walk *w, const struct view *v, int64_t now)
{
	if (v->frontier == VIEW_NEVER || now - v->frontier > QUICK_LAG)
		return REASON_NOT_WATCHED;
	int64_t known = stamp_earlier(now, v->frontier - 1),
		from = stamp_earlier(w->began, known);
	if (spans_meet(&v->started, from, now))
		return REASON_GRACE;
	if (spans_meet(&v->changed, from, now))
		return REASON_HOSTS_CHANGED;
	for (size_t i = 0; i < v->host_count; i++)
		if (v->hosts[i].is_down && v->hosts[i].role == ROLE_REAL &&
		    v->hosts[i].until > now)
			return REASON_NOT_WELL;
	return view_excuse(v, from, known);
}

static struct quick quick_say(enum order order, enum reason reason)
{
	return (struct quick){ order, reason, -1 };
}

static struct quick quick_order(const struct walk *w, const struct proof *p,
				const struct view *v, int64_t now)
{
	bool is_later = w->has_real && w->real < now;
	int64_t end = is_later ? w->real + w->real_width : now;
	if (w->has_high && !is_later)
		return quick_say(ORDER_UNKNOWN, REASON_ADDRESS_CONTACT);
	if (w->has_high && (end > w->high || is_at_once(w)))
		return quick_say(ORDER_UNKNOWN, REASON_UNDECIDED);
	if (!view_has_low(v, now) || p->low_before || (w->has_low && w->low < end))
		return quick_say(ORDER_STRAIGHT, REASON_IN_ORDER);
	if (is_later && is_low_skipped(w, p, v))
		return quick_say(ORDER_SKIPPED, REASON_LOW_SKIPPED);
	return quick_say(ORDER_UNKNOWN, REASON_UNDECIDED);
}

struct quick decide_quick(const struct walk *w, const struct proof *p,
			  const struct view *v, const struct rules *r, int64_t now)
{
	enum reason why = p->is_nat ? REASON_NAT : excuse_now(w, v, now);
	if (why != REASON_NONE)
		return quick_say(ORDER_UNKNOWN, why);
	struct quick q = quick_order(w, p, v, now);
	bool is_next = w->has_low && w->low < now && !w->is_real_open_at_low &&
		       !p->own_between && (!w->has_next || w->next >= now);
	if (q.order != ORDER_UNKNOWN && is_next && now - w->low <= r->delay_window)
		q.delay_us = now - w->low;
	return q;
}
