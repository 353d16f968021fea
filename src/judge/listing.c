#include "judge/listing.h"

/* What the frontier must have passed before the hour can count. */
static int64_t settled_at(const struct listing_hour *h, const struct rules *r)
{
	return h->began + STAMP_HOUR + r->confirm;
}

/* Returns whether the hour lists. */
static bool count_hour(int64_t *first, int64_t hour, const struct rules *r)
{
	int64_t after = *first == MOMENT_NONE ? 0 : hour - *first;
	if (*first == MOMENT_NONE || after > r->listing_most)
		*first = hour;
	return after >= r->listing_least && after <= r->listing_most;
}

size_t listing_fold(const struct listing_hour *hours, size_t count, int64_t from,
		    const struct rules *r, int64_t frontier, struct span *ret,
		    size_t most, struct listing_count *ret_count)
{
	size_t made = 0;
	*ret_count = (struct listing_count){ MOMENT_NONE, MOMENT_NONE };
	for (size_t i = 0; i < count && made < most; i++) {
		const struct listing_hour *h = &hours[i];
		if (h->began < from || h->has_contact || h->is_excused)
			continue;
		if (frontier < settled_at(h, r)) {
			ret_count->need = settled_at(h, r);
			break;
		}
		if (!count_hour(&ret_count->hour, h->began, r))
			continue;
		int64_t since = h->began + STAMP_HOUR;
		from = since + r->listing_expires;
		ret[made++] = (struct span){ since, from };
		ret_count->hour = MOMENT_NONE;
	}
	return made;
}

static enum reason obstacle(const struct listing_obstacle *o)
{
	return o->is_allowed      ? REASON_ALLOWED
	       : o->is_own        ? REASON_OWN_ADDRESS
	       : o->is_nat        ? REASON_NAT
	       : o->is_at_risk    ? REASON_AT_RISK
	       : o->pool_accepted ? REASON_POOL_ACCEPTED
	       : o->is_withdrawn  ? REASON_WITHDRAWN
				  : REASON_NONE;
}

static enum reason mode(const struct rules *r, bool is_watched_long)
{
	if (!r->enforce)
		return REASON_OBSERVE;
	return r->lab || is_watched_long ? REASON_LISTED : REASON_WATCHED_DAYS;
}

struct listing listing_say(const struct span *last, const struct listing_count *since,
			   const struct listing_obstacle *o, const struct rules *r,
			   bool is_watched_long, int64_t now)
{
	bool is_in_force = last && now < last->until;
	enum reason why = obstacle(o);
	struct listing l = {
		.at = now,
		.need = since->need,
		.counted_visits = is_in_force ? 2 : since->hour != MOMENT_NONE,
		.reason = why != REASON_NONE ? why
			  : is_in_force      ? mode(r, is_watched_long)
					     : REASON_TOO_FEW,
	};
	l.is_listed = l.reason == REASON_LISTED;
	l.would_be = l.reason == REASON_OBSERVE || l.reason == REASON_WATCHED_DAYS;
	if (is_in_force) {
		l.since = last->since;
		l.until = last->until;
	}
	return l;
}
