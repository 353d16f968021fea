#include <string.h>

#include "known.h"

/* In time, at a high decoy, a domain of ours at RCPT: its hour is eligible. */
static bool is_eligible(const struct fact *x, struct addr who)
{
	return x->kind == DECOY && x->place == PLACE_HIGH && x->v->depth >= DEPTH_RCPT &&
	       strcmp(x->v->recipient_domain, ORACLE_DOMAIN) == 0 &&
	       is_sender(who, x->v->client);
}

static int64_t hour_of(const struct fact *x)
{
	return x->v->time / STAMP_HOUR * STAMP_HOUR;
}

static int64_t next_hour(struct addr who, int64_t from)
{
	int64_t next = NEVER;
	for (EACH(x))
		if (is_eligible(x, who) && hour_of(x) >= from)
			next = stamp_earlier(next, hour_of(x));
	return next;
}

/* In time, of its own, from 24 h before the hour until 60 s after it. */
static bool has_come(struct addr who, int64_t hour)
{
	return EXISTS(x, x->kind == REAL && is_sender(who, x->v->client) &&
			     meets(x, hour - o->rules.excuse,
				   hour + STAMP_HOUR + o->rules.confirm));
}

static int64_t listed_until(const struct oracle_listings *all, struct addr who)
{
	int64_t until = 0;
	for (size_t i = 0; i < all->count; i++)
		if (is_sender(all->at[i].client, who))
			until = stamp_later(until, all->at[i].until);
	return until;
}

/* A second counting hour, 2 to 168 hours after the first, lists from its end for 24 h. */
static void list(struct oracle_listings *all, struct addr who)
{
	int64_t from = listed_until(all, who), first = NEVER;
	for (int64_t h = next_hour(who, from); h < NEVER; h = next_hour(who, h + 1)) {
		int64_t end = h + STAMP_HOUR;
		if (h < from || has_come(who, h))
			continue;
		if (frontier < end + o->rules.confirm)
			return;
		if (excuse_in(h, end - 1))
			continue;
		if (first == NEVER || h - first > o->rules.listing_most)
			first = h;
		if (h - first < o->rules.listing_least)
			continue;
		from = end + o->rules.listing_expires;
		all->at[all->count++] =
		    (struct oracle_listing){ who, first, end, from, false };
		first = NEVER;
	}
}

/* Mail accepted of it or its pool within 30 days. */
static bool has_accepted(struct addr who)
{
	int64_t since = (o->now - o->rules.pool_accepted) / STAMP_DAY * STAMP_DAY;
	return EXISTS(x,
		      is_contact(x) && x->v->time >= since &&
			  x->v->outcome == OUTCOME_ACCEPTED &&
			  (is_sender(who, x->v->client) || is_pool(who, x->v->client)));
}

/* What is near one of the two hours: its pool, a late line, an outage found later. */
static bool is_excused(const struct oracle_listing *l, int64_t hour)
{
	int64_t end = hour + STAMP_HOUR;
	int64_t since = hour - o->rules.excuse, until = end + o->rules.confirm;
	return has_contact(l->client, false, since, until) ||
	       has_contact(l->client, true, since, until) || excuse_in(hour, end - 1) ||
	       sent_otherwise(l->client, since, until);
}

static bool is_at_risk(const struct oracle_listing *l, const struct oracle_walk *walks,
		       size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (walks[i].tier && is_sender(walks[i].client, l->client))
			return true;
	return tier_at(l->client, l->since);
}

void oracle_list(const struct oracle *of, struct oracle_listings *all)
{
	know(of);
	for (EACH(x))
		if (is_eligible(x, x->v->client))
			list(all, x->v->client);
}

void oracle_listed(const struct oracle *of, const struct oracle_walk *walks, size_t count,
		   struct oracle_listings *all)
{
	know(of);
	for (struct oracle_listing *l = all->at; l < all->at + all->count; l++)
		l->is_on = o->now < l->until && !is_at_risk(l, walks, count) &&
			   !has_accepted(l->client) && !is_excused(l, l->first) &&
			   !is_excused(l, l->since - STAMP_HOUR);
}
