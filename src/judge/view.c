#include "judge/view.h"

#include <stdlib.h>
#include <string.h>

#include "judge/run.h"

static bool is_configured(const struct view_host *h, int64_t from, int64_t to)
{
	return h->since <= to && h->until > from;
}

/* Does the set hold what of [from, to] the host was configured in? */
static bool holds(const struct view_host *h, const struct spans *s, int64_t from,
		  int64_t to)
{
	return spans_hold(s, stamp_later(from, h->since),
			  stamp_earlier(to, h->until - 1));
}

/* Takes what s is to `from` away from it. */
static void narrow(struct spans *from, const struct spans *s)
{
	struct spans left = spans_less(from, s);
	spans_release(from);
	*from = left;
}

/* When the host was configured, but not watched; or (is_well) not watched and well. */
static struct spans blind(const struct view_host *h, bool is_well)
{
	struct spans out = { 0 };
	spans_add(&out, h->since, h->until);
	struct spans good =
	    is_well ? spans_both(&h->watched, &h->well) : spans_both(&h->watched, &out);
	narrow(&out, &good);
	spans_release(&good);
	return out;
}

static struct spans when_all(const struct view *v, bool is_well)
{
	struct spans all = { 0 };
	for (size_t i = 0; i < v->host_count; i++)
		if (v->hosts[i].role == ROLE_REAL)
			spans_add(&all, v->hosts[i].since, v->hosts[i].until);
	for (size_t i = 0; i < v->host_count; i++) {
		if (v->hosts[i].role != ROLE_REAL)
			continue;
		struct spans out = blind(&v->hosts[i], is_well);
		narrow(&all, &out);
		spans_release(&out);
	}
	return all;
}

void view_finish(struct view *v)
{
	spans_release(&v->watched);
	spans_release(&v->sound);
	v->watched = when_all(v, false);
	v->sound = when_all(v, true);
	narrow(&v->sound, &v->changed);
	narrow(&v->sound, &v->started);
}

enum reason view_excuse(const struct view *v, int64_t from, int64_t to)
{
	if (spans_meet(&v->started, from, to))
		return REASON_GRACE;
	if (!spans_hold(&v->watched, from, to))
		return REASON_NOT_WATCHED;
	if (spans_meet(&v->changed, from, to))
		return REASON_HOSTS_CHANGED;
	return view_is_well(v, from, to) ? REASON_NONE : REASON_NOT_WELL;
}

bool view_is_well(const struct view *v, int64_t from, int64_t to)
{
	for (size_t i = 0; i < v->host_count; i++) {
		const struct view_host *h = &v->hosts[i];
		if (h->role == ROLE_REAL && is_configured(h, from, to) &&
		    !holds(h, &h->well, from, to))
			return false;
	}
	return true;
}

static bool is_low(const struct view_host *h, int64_t from, int64_t to)
{
	return h->role == ROLE_DECOY && h->place == PLACE_LOW &&
	       is_configured(h, from, to);
}

bool view_has_low(const struct view *v, int64_t t)
{
	for (size_t i = 0; i < v->host_count; i++)
		if (is_low(&v->hosts[i], t, t))
			return true;
	return false;
}

bool view_saw_low(const struct view *v, int64_t from, int64_t to)
{
	bool has_low = false;
	for (size_t i = 0; i < v->host_count; i++) {
		const struct view_host *h = &v->hosts[i];
		if (!is_low(h, from, to))
			continue;
		if (!holds(h, &h->watched, from, to) ||
		    spans_meet(&h->lost, from - RUN_GAP, to))
			return false;
		has_low = true;
	}
	return has_low;
}

bool view_tells_envelopes(const struct view *v, int64_t t)
{
	bool has_real = false;
	for (size_t i = 0; i < v->host_count; i++) {
		const struct view_host *h = &v->hosts[i];
		if (h->role != ROLE_REAL || !is_configured(h, t, t))
			continue;
		if (!h->tells_envelopes)
			return false;
		has_real = true;
	}
	return has_real;
}

const struct view_host *view_host(const struct view *v, uint16_t id)
{
	for (size_t i = 0; i < v->host_count; i++)
		if (v->hosts[i].id == id)
			return &v->hosts[i];
	return NULL;
}

void view_release(struct view *v)
{
	for (size_t i = 0; i < v->host_count; i++) {
		spans_release(&v->hosts[i].watched);
		spans_release(&v->hosts[i].well);
		spans_release(&v->hosts[i].lost);
	}
	free(v->hosts);
	spans_release(&v->changed);
	spans_release(&v->started);
	spans_release(&v->watched);
	spans_release(&v->sound);
	*v = (struct view){ .frontier = VIEW_NEVER };
}
