#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "old/judge_internal.h"

void mark_drop(struct judge *j, struct sender *s)
{
	struct mark *m = mark_at(j, s->mark);
	if (!m)
		return;
	j->listed -= m->is_on && m->reason == REASON_LISTED;
	slab_give(&j->marks, s->mark);
	s->mark = NOTHING;
}

static struct listing listing_of(const struct judge *j, const struct sender *s,
				 const struct mark *m)
{
	return (struct listing){
		.client = s->client,
		.site = j->sites[s->group]->site.id,
		.is_listed = m->is_on && m->reason == REASON_LISTED,
		.reason = m->reason,
		.counted_visits = m->counted,
		.at = j->now,
		.since = m->is_on ? (int64_t)m->since * STAMP_SECOND : 0,
		.until = m->is_on ? (int64_t)m->until * STAMP_SECOND : 0,
	};
}

static void tell(struct judge *j, const struct sender *s, const struct mark *m)
{
	struct listing l = listing_of(j, s, m);
	if (j->on_listing)
		j->on_listing(j->arg, &l);
}

/* Takes it off the list, or from what would be one, and begins to count anew. */
static void take_off(struct judge *j, struct sender *s, enum reason why)
{
	struct mark *m = mark_at(j, s->mark);
	bool was_on = m->is_on;
	j->listed -= m->is_on && m->reason == REASON_LISTED;
	m->is_on = false;
	m->reason = (uint8_t)why;
	m->counted = 0;
	if (was_on)
		tell(j, s, m);
	if (m->second == 0)
		mark_drop(j, s);
}

void listing_withdraw(struct judge *j, struct sender *s, enum reason why)
{
	const struct mark *m = mark_at(j, s->mark);
	if (m && (m->is_on || m->counted))
		take_off(j, s, why);
}

void listing_expire(struct judge *j, struct sender *s)
{
	const struct mark *m = mark_at(j, s->mark);
	if (m && m->is_on && (int64_t)m->until * STAMP_SECOND <= j->now)
		take_off(j, s, REASON_EXPIRED);
}

/* The counted visits were judged by what was known; now more is. */
void listing_late_contact(struct judge *j, struct sender *s, const struct contact *c)
{
	const struct mark *m = mark_at(j, s->mark);
	if (!m || !m->counted)
		return;
	int64_t from = (int64_t)c->from * STAMP_SECOND,
		to = (int64_t)c->to * STAMP_SECOND;
	int64_t first = (int64_t)m->first_counted * STAMP_SECOND;
	int64_t last = (int64_t)m->last_counted * STAMP_SECOND;
	if (from <= last + j->rules.confirm && to >= first - j->rules.excuse)
		take_off(j, s, REASON_WITHDRAWN);
}

void listing_blind(struct judge *j, uint16_t group, int64_t from, int64_t to)
{
	for (uint32_t i = 0; i < j->marks.top; i++) {
		const struct mark *m = mark_at(j, i);
		if (!m->counted)
			continue;
		struct sender *s = sender_at(j, m->sender);
		if (s->group == group && (int64_t)m->first_counted * STAMP_SECOND < to &&
		    (int64_t)m->last_counted * STAMP_SECOND >= from)
			take_off(j, s, REASON_WITHDRAWN);
	}
}

void listing_mode_changed(struct judge *j)
{
	for (uint32_t i = 0; i < j->marks.top; i++) {
		struct mark *m = mark_at(j, i);
		if (!m->is_on || m->reason != REASON_LISTED)
			continue;
		j->listed--;
		m->reason = REASON_OBSERVE;
		tell(j, sender_at(j, m->sender), m);
	}
}

/* What keeps the sender off the list whatever it did; REASON_NONE. */
static enum reason obstacle(const struct judge *j, const struct sender *s, bool is_on)
{
	uint32_t accepted = pool_accepted(j, s);
	if (name_is_allowed(j, s->client))
		return REASON_ALLOWED;
	if (sender_is_nat(j, s))
		return REASON_NAT;
	if (sender_tier(j, s) != TIER_NONE)
		return REASON_AT_RISK;
	if (accepted &&
	    (int64_t)accepted * STAMP_SECOND + j->rules.pool_accepted >= j->now)
		return REASON_POOL_ACCEPTED;
	if (!is_on && (spot_is_ours(j, s->client) ||
		       (!j->rules.lab && addr_kind(s->client) != ADDR_PUBLIC)))
		return REASON_OWN_ADDRESS;
	return REASON_NONE;
}

/* Visits while the sender is listed are not even looked at: an address that is
 * blocked sees only the decoy and would condemn itself again. */
void listing_consider(struct judge *j, uint32_t sender, const struct step *st)
{
	struct sender *s = sender_at(j, sender);
	struct mark *m = mark_at(j, s->mark);
	if (st->v->depth < DEPTH_RCPT || (m && (m->is_on || m->second)))
		return;
	if (m && m->counted &&
	    st->time < (int64_t)m->last_counted * STAMP_SECOND + j->rules.listing_spacing)
		return;
	if (!group_has_domain(j, s->group, st->v->recipient_domain))
		return;
	if (!m) {
		s->mark = slab_take(&j->marks);
		m = mark_at(j, s->mark);
		m->sender = sender;
		m->reason = REASON_TOO_FEW;
	}
	m->second = (uint32_t)(st->time / STAMP_SECOND);
	m->micros = (uint32_t)(st->time % STAMP_SECOND);
	m->width = width_code(st->width);
}

static void enter(struct judge *j, const struct sender *s, struct mark *m)
{
	bool is_watched =
	    j->rules.lab || group_watched_time(j, s->group) >= j->rules.watched_days;
	enum reason why = !j->rules.enforce ? REASON_OBSERVE
			  : !is_watched     ? REASON_WATCHED_DAYS
					    : REASON_LISTED;
	m->is_on = true;
	m->reason = (uint8_t)why;
	m->since = second_down(j->now);
	m->until = second_up(j->now + j->rules.listing_expires);
	j->listed += why == REASON_LISTED;
	dues_push(&j->dues, m->until, m->sender);
	tell(j, s, m);
}

static void count_visit(struct judge *j, const struct sender *s, struct mark *m,
			int64_t time)
{
	struct group *g = &j->groups[s->group];
	m->first_counted = m->counted ? m->first_counted : second_down(time);
	m->last_counted = second_up(time);
	if (m->counted < UINT8_MAX)
		m->counted++;
	g->decided = later(g->decided, time);
	if (m->counted < j->rules.listing_visits)
		return;
	enum reason why = obstacle(j, s, false);
	if (why == REASON_NONE) {
		enter(j, s, m);
	} else if (m->reason != why) {
		m->reason = (uint8_t)why;
		tell(j, s, m);
	}
}

int64_t listing_settle(struct judge *j, uint32_t sender)
{
	struct sender *s = sender_at(j, sender);
	struct mark *m = mark_at(j, s->mark);
	if (!m)
		return 0;
	if (m->second) {
		int64_t time = (int64_t)m->second * STAMP_SECOND + m->micros;
		int64_t to = time + width_of(m->width) - 1;
		enum reason why = backdoor_reason(j, s, time, to, true);
		if (why == REASON_UNDECIDED)
			return to;
		m->second = 0;
		if (why == REASON_REAL_NEVER_SEEN)
			count_visit(j, s, m, time);
	}
	if (m->is_on) {
		enum reason why = obstacle(j, s, true);
		if (why != REASON_NONE)
			take_off(j, s, why);
	} else if (m->counted == 0) {
		mark_drop(j, s);
	}
	return 0;
}

static int compare_listings(const void *a, const void *b)
{
	const struct listing *x = a, *y = b;
	int by_addr = addr_compare(x->client, y->client);
	return by_addr != 0 ? by_addr : (int)x->site - (int)y->site;
}

/* By address, so that lists made twice are the same. */
void judge_each_listed(const struct judge *j, judge_listing_fn fn, void *arg)
{
	size_t count = 0;
	struct listing *all = xcalloc(j->marks.count, sizeof(*all));
	for (uint32_t i = 0; i < j->marks.top; i++) {
		const struct mark *m = mark_at(j, i);
		if (m->is_on && (!j->rules.enforce || m->reason == REASON_LISTED))
			all[count++] = listing_of(j, sender_at(j, m->sender), m);
	}
	if (count)
		qsort(all, count, sizeof(*all), compare_listings);
	for (size_t i = 0; i < count; i++)
		fn(arg, &all[i]);
	free(all);
}

struct listing judge_listing(const struct judge *j, struct addr client, uint16_t site_id)
{
	struct listing l = { .client = client,
			     .site = judge_group(j, site_id),
			     .reason = REASON_TOO_FEW,
			     .at = j->now };
	uint32_t id = NOTHING;
	if (judge_site_is_configured(j, site_id))
		id = sender_find(j, client, j->sites[j->site_by_id[site_id] - 1]->group);
	if (id == NOTHING) {
		if (name_is_allowed(j, client))
			l.reason = REASON_ALLOWED;
		return l;
	}
	const struct sender *s = sender_at(j, id);
	const struct mark *m = mark_at(j, s->mark);
	if (m)
		l = listing_of(j, s, m);
	enum reason why = m && m->is_on ? REASON_NONE : obstacle(j, s, false);
	if (why != REASON_NONE)
		l.reason = why;
	return l;
}
