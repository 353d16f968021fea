#include "outlet/explain.h"
#include "outlet/json.h"
#include "outlet/visits.h"

static json_t *visit_json(const struct explain *x, const struct explain_visit *v)
{
	struct visits_host host;
	return visits_json(&v->visit, visits_host_of(x->sites, v->visit.host, &host),
			   v->seen);
}

static json_t *site_json(const struct explain *x, uint16_t site)
{
	char name[SITE_NAME_MAX];
	return json_text_or_null(explain_site(x, site, name));
}

static json_t *stamp_or_null(int64_t t)
{
	return t != 0 ? json_stamp(t) : json_null();
}

static json_t *walk_json(const struct explain *x, const struct explain_walk *w)
{
	const struct verdict *v = &w->verdict;
	bool at_risk = v->tier != TIER_NONE;
	json_t *o = json_object();
	json_add(o, "site", site_json(x, v->site));
	json_add(o, "walk", json_count(w->number));
	json_add(o, "began", json_stamp(v->began));
	json_add(o, "order", json_text(order_name(v->order)));
	json_add(o, "order_reason", json_text(reason_text(v->order_reason)));
	json_add(o, "fate", json_text(fate_name(v->fate)));
	json_add(o, "fate_reason", json_text(reason_text(v->fate_reason)));
	json_add(o, "final", json_boolean(v->is_final));
	json_add(o, "at_risk", at_risk ? json_text(tier_name(v->tier)) : json_null());
	json_add(o, "message_missing", json_boolean(v->missing != 0));
	json_add(o, "delay_seconds",
		 v->delay_us >= 0 ? json_seconds(v->delay_us) : json_null());
	json_add(o, "delay_exact_within_seconds",
		 v->delay_us >= 0 ? json_seconds(v->delay_error_us) : json_null());
	json_add(o, "returned_later", json_boolean(v->returned_later));
	json_add(o, "revisions", json_count(w->corrected_at != 0));
	json_add(o, "stopped_at", stamp_or_null(w->told.stopped_at));
	json_add(o, "corrected_at", stamp_or_null(w->corrected_at));
	return o;
}

static json_t *listing_json(const struct explain *x, const struct listing *l)
{
	json_t *o = json_object();
	json_add(o, "site", site_json(x, l->site));
	json_add(o, "listed", json_boolean(l->is_listed));
	json_add(o, "reason", json_text(reason_text(l->reason)));
	json_add(o, "counted_visits", json_count(l->counted_visits));
	json_add(o, "at", stamp_or_null(l->at));
	json_add(o, "until", l->is_listed ? json_stamp(l->until) : json_null());
	return o;
}

static json_t *name_json(const struct explain *x)
{
	const struct sender *s = &x->sender;
	bool has = x->was_looked_up; /* what a log told is not known to be true */
	json_t *o = json_object();
	json_add(o, "name", json_text_or_null(s->name));
	json_add(o, "confirmed", has ? json_boolean(s->is_confirmed) : json_null());
	json_add(o, "generic", has ? json_boolean(s->is_generic) : json_null());
	json_add(o, "spf_passes", json_boolean(x->spf_passes));
	return o;
}

static json_t *same_sender_json(const struct explain *x)
{
	for (size_t i = 0; i < x->sender.count; i++)
		if (!addr_equal(x->sender.clients[i], x->client))
			return json_addr(x->sender.clients[i]);
	return json_null();
}

json_t *explain_json(const struct explain *x)
{
	json_t *o = json_object();
	json_t *visits = json_array();
	json_t *walks = json_array();
	json_t *changes = json_array();
	json_t *standing = json_array();

	for (size_t i = 0; i < x->visit_count; i++)
		json_push(visits, visit_json(x, &x->visits[i]));
	for (size_t i = 0; i < x->walk_count; i++)
		json_push(walks, walk_json(x, &x->walks[i]));
	for (size_t i = 0; i < x->change_count; i++)
		json_push(changes, listing_json(x, &x->changes[i]));
	for (size_t i = 0; i < x->standing_count; i++)
		json_push(standing, listing_json(x, &x->standing[i]));
	json_add(o, "version", json_integer(EXPLAIN_VERSION));
	json_add(o, "address", json_addr(x->client));
	json_add(o, "same_sender", same_sender_json(x));
	json_add(o, "allowed", json_boolean(x->is_allowed));
	json_add(o, "visits_total", json_count(x->visits_total));
	json_add(o, "name", name_json(x));
	json_add(o, "visits", visits);
	json_add(o, "walks", walks);
	json_add(o, "listing", standing);
	json_add(o, "listing_changes", changes);
	return o;
}
