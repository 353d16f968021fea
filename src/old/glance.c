#include "old/glance.h"

#include "old/judge_internal.h"

/* What is known of the walk that this connection belongs to: what the judge
 * holds, and what is on its way to it. */
struct sight {
	const struct sender *sender; /* NULL: never seen */
	const struct walk *walk;     /* NULL: this connection begins one */
	bool has_high, has_low;
	/* Another connection, just over: when it began at the latest; 0 none. */
	int64_t fresh_real;
	int64_t first;    /* of all its visits, this connection's included */
	int64_t low;      /* the first low visit, if has_low */
	int64_t low_wait; /* the low visit that a delay starts from; 0 none */
};

static bool group_of(const struct judge *j, uint16_t site_id, uint16_t *ret_group)
{
	if (!judge_site_is_configured(j, site_id))
		return false;
	*ret_group = j->sites[j->site_by_id[site_id] - 1]->group;
	return true;
}

static void see_walk(const struct judge *j, const struct glance_ask *ask, struct sight *s)
{
	const struct walk *w = s->walk;
	s->first = earlier(s->first, w->began);
	s->has_high = w->bits & WALK_HIGH;
	s->has_low = w->bits & WALK_LOW && w->low < ask->began;
	s->low = w->low;
	if (w->low_wait && !(w->pair & PAIR_DONE) && w->low_wait < ask->began &&
	    walk_busy(w) <= w->low_wait &&
	    ask->began - w->low_wait <= j->rules.delay_window)
		s->low_wait = w->low_wait;
}

/* As the judge will: of several low visits the first counts for the delay. */
static void see_fresh_low(const struct judge *j, const struct glance_ask *ask,
			  int64_t time, struct sight *s)
{
	bool is_busy = s->walk && walk_busy(s->walk) > time;
	if (time >= ask->began)
		return;
	s->low = s->has_low ? earlier(s->low, time) : time;
	s->has_low = true;
	if (!is_busy && (!s->low_wait || time < s->low_wait) &&
	    ask->began - time <= j->rules.delay_window)
		s->low_wait = time;
}

static void see_fresh(const struct judge *j, const struct glance_ask *ask,
		      const struct visit *v, struct sight *s)
{
	const struct host *h = judge_host(j, v->host, NULL);
	if (h && h->role == ROLE_REAL) {
		int64_t end = v->time + v->precision_us;
		s->fresh_real = s->fresh_real ? earlier(s->fresh_real, end) : end;
	}
	if (!h || h->role != ROLE_DECOY)
		return;
	s->first = earlier(s->first, v->time);
	if (h->place == PLACE_HIGH && v->depth > DEPTH_KNOCK)
		s->has_high = true;
	if (h->place == PLACE_LOW)
		see_fresh_low(j, ask, v->time, s);
}

static struct sight look(const struct judge *j, const struct glance_ask *ask,
			 uint16_t group)
{
	struct sight s = { .first = ask->began };
	uint32_t id = sender_find(j, ask->client, group);
	if (id != NOTHING) {
		s.sender = sender_at(j, id);
		s.walk = walk_at(j, s.sender->walk);
		if (s.walk && !walk_goes_on(j, s.sender, s.walk, ask->began))
			s.walk = NULL;
	}
	if (s.walk)
		see_walk(j, ask, &s);
	for (size_t i = 0; i < ask->fresh_count; i++)
		see_fresh(j, ask, &ask->fresh[i], &s);
	if (s.low_wait < s.fresh_real)
		s.low_wait = 0; /* that connection was the next after the low visit */
	return s;
}

/* A probe that comes after this moment cannot be waited for; the last one must
 * have been good. */
static bool is_well(const struct judge *j, const struct group *g)
{
	for (size_t i = 0; i < g->eye_count; i++) {
		const struct eye *eye = slab_get(&j->eyes, g->eyes[i]);
		if (eye->good == 0 || eye->is_down)
			return false;
	}
	return true;
}

static enum reason why_unknown(const struct judge *j, const struct glance_ask *ask,
			       uint16_t group, const struct sight *s)
{
	if (s->sender && sender_is_nat(j, s->sender))
		return REASON_NAT;
	if (!j->is_running)
		return REASON_NOT_WATCHED;
	enum reason excuse = group_excuse(j, group, s->first, ask->now);
	if (excuse != REASON_NONE)
		return excuse;
	if (!is_well(j, &j->groups[group]))
		return REASON_NOT_WELL;
	return s->walk && s->walk->bits & WALK_LATE ? REASON_LATE : REASON_NONE;
}

static struct glance said(enum order order, enum reason reason)
{
	return (struct glance){ .order = order, .reason = reason, .delay_us = -1 };
}

/* The walk met a real host before, so its order is known or will be. */
static struct glance glance_met(const struct judge *j, const struct sight *s)
{
	const struct walk *w = s->walk;
	bool is_told = w->shown.order_reason != REASON_NONE &&
		       w->shown.order_reason != REASON_UNDECIDED;
	if (is_told &&
	    (w->shown.order == ORDER_STRAIGHT || w->shown.order == ORDER_SKIPPED))
		return said(w->shown.order, w->shown.order_reason);
	if (is_told && w->shown.order == ORDER_UNKNOWN)
		return said(ORDER_UNKNOWN, w->shown.order_reason);
	if (is_told || s->has_high)
		return said(ORDER_UNKNOWN, REASON_UNDECIDED);
	if (j->groups[s->sender->group].low_count == 0 ||
	    (w->bits & WALK_LOW && w->low < w->real + width_of(w->real_width)))
		return said(ORDER_STRAIGHT, REASON_IN_ORDER);
	if (settle_is_skipped(j, s->sender, w))
		return said(ORDER_SKIPPED, REASON_LOW_SKIPPED);
	return said(ORDER_UNKNOWN, REASON_UNDECIDED);
}

/* This is the first that a real host sees of it. What a low decoy has not told
 * yet may still come: `skipped` cannot be said of the moment itself. */
static struct glance glance_first(const struct judge *j, uint16_t group,
				  const struct sight *s)
{
	if (s->has_high)
		return said(ORDER_UNKNOWN, REASON_ADDRESS_CONTACT);
	bool has_lows = j->groups[group].low_count > 0;
	if (has_lows && s->fresh_real && (!s->has_low || s->low >= s->fresh_real))
		return said(ORDER_UNKNOWN, REASON_UNDECIDED);
	if (!has_lows || s->has_low)
		return said(ORDER_STRAIGHT, REASON_IN_ORDER);
	return said(ORDER_UNKNOWN, REASON_UNDECIDED);
}

static struct glance glance_order(const struct judge *j, const struct glance_ask *ask,
				  uint16_t group, const struct sight *s)
{
	enum reason why = why_unknown(j, ask, group, s);
	if (why != REASON_NONE)
		return said(ORDER_UNKNOWN, why);
	struct glance g = s->walk && s->walk->bits & WALK_REAL
			      ? glance_met(j, s)
			      : glance_first(j, group, s);
	if (g.order != ORDER_UNKNOWN && s->low_wait)
		g.delay_us = ask->began - s->low_wait;
	return g;
}

static bool is_own(const struct judge *j, struct addr client)
{
	return spot_is_ours(j, client) ||
	       (!j->rules.lab && addr_kind(client) != ADDR_PUBLIC);
}

void judge_glance(const struct judge *j, const struct glance_ask *ask,
		  struct glance *ret_glance)
{
	uint16_t group;
	*ret_glance = said(ORDER_UNKNOWN, REASON_NOT_WATCHED);
	if (!group_of(j, ask->site, &group))
		return;
	if (is_own(j, ask->client)) {
		*ret_glance = said(ORDER_UNKNOWN, REASON_OWN_ADDRESS);
		ret_glance->is_own = true;
		return;
	}
	struct sight s = look(j, ask, group);
	*ret_glance = glance_order(j, ask, group, &s);
	if (!s.sender || s.sender->mark == NOTHING)
		return;
	struct listing l = judge_listing(j, ask->client, ask->site);
	ret_glance->is_listed = l.is_listed && l.until > ask->now;
	ret_glance->until = ret_glance->is_listed ? l.until : 0;
}
