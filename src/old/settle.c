#include <assert.h>
#include <string.h>

#include "old/judge_internal.h"

/* What the facts say now; `need` is the moment that the frontier must pass
 * before more can be said, 0 if nothing is waited for. */
struct ruling {
	enum order order;
	enum reason reason;
	int64_t need;
};

/* Reasons that say that there was nothing to decide yet. */
static bool is_open(enum reason reason)
{
	switch (reason) {
	case REASON_NONE:
	case REASON_UNDECIDED:
	case REASON_KNOCKS_ONLY:
	case REASON_LOW_ONLY:
	case REASON_CONTROL_ONLY:
	case REASON_LATE: return true;
	default: return false;
	}
}

/* Wholly before: where widths overlap nothing is certain, and the innocent
 * order is assumed. */
static bool high_is_first(const struct walk *w)
{
	if (!(w->bits & WALK_HIGH))
		return false;
	return !(w->bits & WALK_REAL) || w->high + width_of(w->high_width) <= w->real;
}

/* Row 2. The decoy came first, by a second at most; or the real host had not
 * even answered yet. */
static bool is_at_once(const struct walk *w)
{
	if (!(w->bits & WALK_HIGH) || !(w->bits & WALK_REAL))
		return false;
	if (high_is_first(w))
		return w->real - (w->high + width_of(w->high_width) - 1) <= STAMP_SECOND;
	int64_t answered = w->real + (w->answered - 1) * STAMP_MILLISECOND;
	bool is_before_answer =
	    w->answered && w->high + width_of(w->high_width) <= answered;
	return is_before_answer &&
	       w->high - (w->real + width_of(w->real_width) - 1) <= STAMP_SECOND;
}

/* Row 3: every low decoy was being watched, and none saw anything, or lost
 * anything, before. */
bool settle_is_skipped(const struct judge *j, const struct sender *s,
		       const struct walk *w)
{
	const struct group *g = &j->groups[s->group];
	for (size_t i = 0; i < g->low_count; i++) {
		const struct eye *eye = slab_get(&j->eyes, g->lows[i]);
		if (eye->watermark <= w->real)
			return false;
	}
	return g->low_count > 0 &&
	       !spans_meet(&g->lost, w->real - j->rules.walk_gap, w->real) &&
	       !(w->bits & WALK_LOW && w->low < w->real + width_of(w->real_width));
}

enum reason backdoor_reason(const struct judge *j, const struct sender *s, int64_t from,
			    int64_t to, bool waits)
{
	if (sender_is_nat(j, s))
		return REASON_NAT;
	enum reason excuse = group_excuse(j, s->group, from, to);
	if (excuse != REASON_NONE)
		return excuse;
	if (waits && j->groups[s->group].frontier < to)
		return REASON_UNDECIDED;
	int64_t since = from - j->rules.excuse, until = to + j->rules.confirm;
	if (run_meets(s->run, since, until))
		return REASON_ADDRESS_CONTACT;
	if (pool_met(j, s, since, until))
		return REASON_POOL_CONTACT;
	return REASON_REAL_NEVER_SEEN;
}

static struct ruling rule_high_first(const struct judge *j, const struct sender *s,
				     const struct walk *w)
{
	int64_t to = w->high + width_of(w->high_width) - 1;
	enum reason reason = backdoor_reason(j, s, w->high, to, false);
	struct ruling r = { ORDER_UNKNOWN, reason, 0 };
	if (reason == REASON_REAL_NEVER_SEEN)
		r.order = ORDER_BACKDOOR;
	return r;
}

/* An order that was decided is not put off again, say because a site got a new
 * host that nobody has heard of yet: late contact must still soften it. */
static struct ruling rule_met(const struct judge *j, const struct sender *s,
			      const struct walk *w)
{
	bool has_high_first = high_is_first(w), has_real = w->bits & WALK_REAL;
	int64_t from = has_high_first ? w->high : has_real ? w->real : w->low;
	int64_t to = has_high_first ? from + width_of(w->high_width) - 1
		     : has_real     ? from + width_of(w->real_width) - 1
				    : later(from, (int64_t)w->since * STAMP_SECOND);
	enum reason excuse = group_excuse(j, s->group, from, to);
	if (sender_is_nat(j, s))
		return (struct ruling){ ORDER_UNKNOWN, REASON_NAT, 0 };
	if (excuse != REASON_NONE)
		return (struct ruling){ ORDER_UNKNOWN, excuse, 0 };
	if (!has_real && !has_high_first)
		return (struct ruling){ ORDER_UNKNOWN, REASON_LOW_ONLY, 0 };
	if (is_open(w->shown.order_reason) && j->groups[s->group].frontier < to)
		return (struct ruling){ ORDER_UNKNOWN, REASON_UNDECIDED, to };
	if (is_at_once(w))
		return (struct ruling){ ORDER_SHOTGUN, REASON_AT_ONCE, 0 };
	if (has_high_first)
		return rule_high_first(j, s, w);
	if (settle_is_skipped(j, s, w))
		return (struct ruling){ ORDER_SKIPPED, REASON_LOW_SKIPPED, 0 };
	return (struct ruling){ ORDER_STRAIGHT, REASON_IN_ORDER, 0 };
}

static struct ruling rule(const struct judge *j, const struct sender *s,
			  const struct walk *w)
{
	bool has_low_in_time = (w->bits & WALK_LOW_MET) && (w->bits & WALK_PATIENT);
	struct ruling r = { ORDER_UNKNOWN, REASON_KNOCKS_ONLY, 0 };
	if (w->bits & (WALK_REAL | WALK_HIGH) || has_low_in_time)
		return rule_met(j, s, w);
	if (w->bits & WALK_LATE)
		r.reason = REASON_LATE;
	else if (w->bits & WALK_CONTROL)
		r.reason = REASON_CONTROL_ONLY;
	return r;
}

static bool is_row_1(enum reason reason)
{
	return reason == REASON_GRACE || reason == REASON_NOT_WATCHED ||
	       reason == REASON_HOSTS_CHANGED || reason == REASON_NOT_WELL ||
	       reason == REASON_NAT;
}

/* Once decided, an order may become softer, never an accusation. */
static void apply_ruling(struct judge *j, const struct sender *s, struct walk *w,
			 const struct ruling *r)
{
	struct group *g = &j->groups[s->group];
	bool was_open = is_open(w->shown.order_reason);
	bool is_worse = r->order == ORDER_BACKDOOR && w->shown.order != ORDER_BACKDOOR;
	if (!was_open && (is_worse || is_open(r->reason)))
		return;
	w->shown.order = (uint8_t)r->order;
	w->shown.order_reason = (uint8_t)r->reason;
	if (r->order == ORDER_BACKDOOR)
		g->decided = later(g->decided, w->high);
}

enum tier sender_tier(const struct judge *j, const struct sender *s)
{
	const struct name *n = name_of(j, s);
	const struct walk *w = walk_at(j, s->walk);
	int64_t accepted = (int64_t)s->accepted * STAMP_SECOND;
	if ((s->accepted && accepted + j->rules.known_window >= j->now) ||
	    name_is_allowed(j, s->client))
		return TIER_KNOWN;
	if (!n)
		return TIER_NONE;
	if (n->spf_passes)
		return TIER_PLAUSIBLE;
	if (n->is_confirmed &&
	    (!n->is_generic || (w && w->helo && w->helo == name_mark(n->text))))
		return TIER_WEAK;
	return TIER_NONE;
}

static void set_fate(struct walk *w, enum fate fate, enum reason reason)
{
	w->shown.fate = (uint8_t)fate;
	w->shown.fate_reason = (uint8_t)reason;
	w->shown.tier = TIER_NONE;
	w->shown.is_final = false;
}

/* Patience runs in well time only; what is found later to have been unwell is
 * taken off again. Returns what the frontier must pass. */
static int64_t wait_patiently(struct judge *j, const struct sender *s, struct walk *w)
{
	struct group *g = &j->groups[s->group];
	int64_t since = (int64_t)w->since * STAMP_SECOND;
	int64_t well = group_well_time(j, s->group, since, g->frontier);
	uint8_t known = w->shown.fate == FATE_STOPPED ? w->shown.tier : TIER_NONE;
	set_fate(w, FATE_PENDING, REASON_WAITING);
	if (g->frontier < since && j->rules.patience > 0)
		return since; /* most have met a real host by then */
	if (well < j->rules.patience)
		return later(since, g->frontier) + j->rules.patience - well;
	if (pool_others_met(j, s, since - j->rules.excuse)) {
		set_fate(w, FATE_UNKNOWN, REASON_POOL_REACHED);
		return 0;
	}
	set_fate(w, FATE_STOPPED, REASON_NEVER_CAME);
	w->shown.tier = (uint8_t)sender_tier(j, s);
	if (known > w->shown.tier)
		w->shown.tier = known; /* a name that is gone now was a good sign then */
	g->decided = later(g->decided, g->frontier);
	return 0;
}

/* Returns what the frontier must pass before more can be said, or 0. */
static int64_t decide_fate(struct judge *j, const struct sender *s, struct walk *w)
{
	enum reason order = w->shown.order_reason;
	if (w->bits & WALK_REAL) {
		set_fate(w, FATE_REACHED, REASON_REACHED);
		return 0;
	}
	if (w->shown.fate == FATE_UNKNOWN && !is_open(w->shown.fate_reason))
		return 0;
	if (is_row_1(order) || order == REASON_KNOCKS_ONLY || order == REASON_LATE ||
	    order == REASON_CONTROL_ONLY) {
		set_fate(w, FATE_UNKNOWN, order);
		return 0;
	}
	/* The order may be that of a later visit than the one waited from. */
	int64_t since = (int64_t)w->since * STAMP_SECOND;
	enum reason excuse = group_excuse(j, s->group, since, since);
	if (excuse != REASON_NONE) {
		set_fate(w, FATE_UNKNOWN, excuse);
		return 0;
	}
	return wait_patiently(j, s, w);
}

static void wait_for(struct judge *j, const struct sender *s, struct walk *w,
		     int64_t need)
{
	uint32_t second = second_up(need);
	if (need == 0 || (w->need && w->need <= second))
		return;
	w->need = second;
	dues_push(&j->groups[s->group].waits, second, w->sender);
}

/* Only a walk that has not met a real host needs the end of the 5 days. */
static void set_timer(struct judge *j, struct sender *s, const struct walk *w)
{
	if (w->bits & WALK_REAL || s->flags & SENDER_TIMED)
		return;
	s->flags |= SENDER_TIMED;
	dues_push(&j->dues, second_up((int64_t)w->since * STAMP_SECOND + j->rules.final),
		  w->sender);
}

static bool is_correction(const struct shown *before, const struct shown *now)
{
	bool order = !is_open(before->order_reason) && before->order != now->order;
	bool fate = (before->fate == FATE_STOPPED || before->fate == FATE_REACHED) &&
		    before->fate != now->fate;
	return !before->is_new && (order || fate);
}

static bool is_same(const struct shown *a, const struct shown *b)
{
	return a->order == b->order && a->order_reason == b->order_reason &&
	       a->fate == b->fate && a->fate_reason == b->fate_reason &&
	       a->tier == b->tier && a->is_final == b->is_final &&
	       a->returned_later == b->returned_later && a->is_new == b->is_new &&
	       a->delay == b->delay && a->delay_error == b->delay_error;
}

static void show(struct judge *j, const struct sender *s, struct walk *w,
		 const struct shown *before)
{
	const uint8_t contacts =
	    WALK_REAL | WALK_HIGH | WALK_LOW_MET | WALK_CONTROL | WALK_LATE;
	w->shown.is_new = false;
	if (is_same(before, &w->shown))
		return;
	struct verdict v = {
		.client = s->client,
		.site = j->sites[s->group]->site.id,
		.walk = w->number,
		.began = w->began,
		.at = j->now,
		.order = w->shown.order,
		.order_reason = w->shown.order_reason,
		.fate = w->shown.fate,
		.fate_reason = w->shown.fate_reason,
		.is_final = w->shown.is_final,
		.revised = is_correction(before, &w->shown),
		.returned_later = w->shown.returned_later,
		.only_knocked = !(w->bits & contacts),
		.only_control = (w->bits & contacts) == WALK_CONTROL,
		.tier = w->shown.tier,
		.delay_us = (int64_t)w->shown.delay - 1,
		.delay_error_us = w->shown.delay_error,
	};
	if (j->on_verdict)
		j->on_verdict(j->arg, &v);
}

static void soften_older(struct judge *j, const struct sender *s, uint32_t id)
{
	for (struct walk *w = walk_at(j, id); w; w = walk_at(j, w->older)) {
		struct shown before = w->shown;
		struct ruling r = rule(j, s, w);
		apply_ruling(j, s, w, &r);
		show(j, s, w, &before);
	}
}

void settle_from(struct judge *j, uint32_t sender, const struct shown *before)
{
	struct sender *s = sender_at(j, sender);
	struct walk *w = walk_at(j, s->walk);
	struct ruling r = rule(j, s, w);
	apply_ruling(j, s, w, &r);
	wait_for(j, s, w, r.need);
	wait_for(j, s, w, decide_fate(j, s, w));
	wait_for(j, s, w, listing_settle(j, sender));
	set_timer(j, s, w);
	pool_flag(j, s);
	show(j, s, w, before);
	soften_older(j, s, w->older);
}

void settle(struct judge *j, uint32_t sender)
{
	const struct sender *s = sender_at(j, sender);
	const struct walk *w = walk_at(j, s->walk);
	if (w) {
		struct shown before = w->shown;
		settle_from(j, sender, &before);
	} else {
		(void)listing_settle(j, sender); /* no candidate without a walk */
	}
}

/* A fate that is still pending then was never in sight for long enough. */
void settle_final(struct judge *j, uint32_t sender)
{
	struct sender *s = sender_at(j, sender);
	struct walk *w = walk_at(j, s->walk);
	if (!w || w->bits & WALK_REAL)
		return;
	if ((int64_t)w->since * STAMP_SECOND + j->rules.final > j->now) {
		set_timer(j, s, w);
		return;
	}
	settle(j, sender);
	struct shown before = w->shown;
	if (w->shown.fate == FATE_PENDING)
		set_fate(w, FATE_UNKNOWN,
			 group_is_measurable(j, s->group) ? REASON_NOT_WELL
							  : REASON_NOT_WATCHED);
	w->shown.is_final = w->shown.fate == FATE_STOPPED;
	show(j, s, w, &before);
	walk_close(j, s);
}
