#include <string.h>

#include "base/stamp.h"
#include "outlet/json.h"
#include "outlet/report.h"

/* Why nothing is known of visits to it; null when it is seen. */
static json_t *unseen_json(const struct report_host *h)
{
	struct buf why = BUF_INIT(4096);
	report_unseen(h, &why);
	json_t *o = json_text_or_null(buf_text(&why));
	buf_release(&why);
	return o;
}

static json_t *hosts_json(const struct report_site *s)
{
	json_t *hosts = json_array();
	for (size_t i = 0; i < s->host_count; i++) {
		const struct report_host *h = &s->hosts[i];
		json_t *o = json_object();
		json_add(o, "host", json_text(h->name));
		json_add(o, "role", json_text(role_name(h->role)));
		json_add(o, "preference",
			 h->role == ROLE_CONTROL ? json_null()
						 : json_integer(h->preference));
		json_add(o, "visits", json_integer((json_int_t)h->visits));
		json_add(o, "senders", json_integer((json_int_t)h->senders));
		json_add(o, "addresses", json_integer(h->addresses));
		json_add(o, "visits_per_address_day",
			 h->has_rate ? json_real(h->rate) : json_null());
		json_add(o, "complete_until",
			 h->complete_until ? json_stamp(h->complete_until) : json_null());
		json_add(o, "not_seen", unseen_json(h));
		json_push(hosts, o);
	}
	return hosts;
}

static json_t *order_json(const struct tally_group *g)
{
	/* The order of the keys is the document's, not the enum's. */
	static const enum order orders[] = { ORDER_STRAIGHT, ORDER_SKIPPED, ORDER_SHOTGUN,
					     ORDER_BACKDOOR, ORDER_UNKNOWN };
	json_t *o = json_object();
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		json_add(o, order_name(orders[i]),
			 json_integer((json_int_t)g->order[orders[i]]));
	return o;
}

static json_t *fate_json(const struct tally_group *g)
{
	json_t *o = json_object();
	json_add(o, "reached", json_integer((json_int_t)g->reached));
	json_add(o, "stopped", json_integer((json_int_t)g->stopped));
	json_add(o, "stopped_provisional",
		 json_integer((json_int_t)g->stopped_provisional));
	json_add(o, "pending", json_integer((json_int_t)g->pending));
	json_add(o, "unknown", json_integer((json_int_t)g->unknown));
	return o;
}

static json_t *delay_json(const struct tally_delay *d)
{
	bool has = d->count > 0;
	json_t *o = json_object();
	json_add(o, "count", json_integer((json_int_t)d->count));
	json_add(o, "p50", has ? json_seconds(d->p50_us) : json_null());
	json_add(o, "p95", has ? json_seconds(d->p95_us) : json_null());
	json_add(o, "max", has ? json_seconds(d->max_us) : json_null());
	return o;
}

static json_t *at_risk_json(const struct tally_group *g)
{
	json_t *list = json_array();
	for (size_t i = 0; i < g->at_risk_count; i++) {
		const struct tally_at_risk *r = &g->at_risk[i];
		json_t *o = json_object();
		json_add(o, "address", json_addr(r->client));
		json_add(o, "name", json_text_or_null(r->name));
		json_add(o, "tier", json_text(tier_name(r->tier)));
		json_add(o, "since", json_stamp(r->since));
		json_add(o, "reason", json_text(report_tier_reason(r->tier)));
		json_push(list, o);
	}
	return list;
}

static json_t *count_json(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *revised_json(const struct revise_counts *c)
{
	bool has = c->returned > 0;
	json_t *o = json_object();
	json_t *after = json_object();
	json_add(o, "senders", count_json(c->senders));
	json_add(o, "returned", count_json(c->returned));
	json_add(o, "returned_after_final", count_json(c->after_final));
	json_add(o, "excused", count_json(c->excused));
	json_add(after, "p50", has ? json_seconds(c->p50_us) : json_null());
	json_add(after, "max", has ? json_seconds(c->max_us) : json_null());
	json_add(o, "after_seconds", after);
	return o;
}

static json_t *rate_json(const struct report_rate *r)
{
	if (!r->is_there)
		return json_null();
	json_t *o = json_object();
	json_add(o, "addresses", json_integer(r->addresses));
	json_add(o, "visits", count_json(r->visits));
	json_add(o, "visits_per_address_day",
		 r->has_rate ? json_real(r->rate) : json_null());
	return o;
}

/* What any port 25 draws, and what the decoys drew. */
static json_t *background_json(const struct report_site *s)
{
	const struct tally_group *g = &s->counts;
	bool has = s->has_control;
	json_t *o = json_object();
	json_add(o, "control", rate_json(&s->control));
	json_add(o, "low", rate_json(&s->low));
	json_add(o, "high", rate_json(&s->high));
	json_add(o, "senders_at_decoys_too",
		 has ? count_json(g->background_at_decoys) : json_null());
	json_add(o, "stopped_senders",
		 has ? count_json(g->background_stopped) : json_null());
	return o;
}

static json_t *delays_json(const struct tally_delay *d)
{
	json_t *list = json_array();
	for (size_t i = 0; i < TALLY_DELAY_BINS; i++) {
		json_t *o = json_object();
		json_add(o, "up_to_seconds",
			 i + 1 < TALLY_DELAY_BINS ? json_seconds(tally_delay_ends_us[i])
						  : json_null());
		json_add(o, "count", count_json(d->bins[i]));
		json_push(list, o);
	}
	return list;
}

static json_t *part_json(const struct report *r, const struct report_site *s, size_t i)
{
	const struct tally_part *p = &s->parts[i];
	json_t *o = json_object();
	json_add(o, "from", json_stamp(r->series.edges[i]));
	json_add(o, "reached", count_json(p->reached));
	json_add(o, "stopped", count_json(p->stopped));
	json_add(o, "stopped_provisional", count_json(p->stopped_provisional));
	json_add(o, "at_risk", count_json(p->at_risk));
	json_add(o, "rest", count_json(p->rest));
	json_add(o, "low_decoy_visits", count_json(p->low_visits));
	json_add(o, "high_decoy_visits", count_json(p->high_visits));
	json_add(o, "control_visits", count_json(p->control_visits));
	json_add(o, "coverage", json_real(s->coverage_of[i]));
	return o;
}

static json_t *series_json(const struct report *r, const struct report_site *s)
{
	json_t *o = json_object();
	json_t *parts = json_array();
	json_add(o, "unit", json_text(series_unit_name(r->series.unit)));
	for (size_t i = 0; s->parts && i < r->series.count; i++)
		json_push(parts, part_json(r, s, i));
	json_add(o, "parts", parts);
	return o;
}

static json_t *gaps_json(const struct sight *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->count; i++) {
		json_t *o = json_object();
		json_add(o, "from", json_stamp(s->gaps[i].from));
		json_add(o, "until", json_stamp(s->gaps[i].until));
		json_push(list, o);
	}
	return list;
}

static json_t *site_json(const struct report *r, const struct report_site *s)
{
	const struct tally_group *g = &s->counts;
	json_t *o = json_object();
	json_add(o, "site", json_text(s->name));
	json_add(o, "measurable", json_boolean(s->is_measurable));
	json_add(o, "coverage", s->has_coverage ? json_real(s->coverage) : json_null());
	json_add(o, "hosts", hosts_json(s));
	json_add(o, "order", order_json(g));
	json_add(o, "fate", fate_json(g));
	json_add(o, "stopped_senders_share",
		 s->has_share ? json_real(s->stopped_share) : json_null());
	json_add(o, "stopped_attempts", json_integer((json_int_t)g->stopped_attempts));
	json_add(o, "stopped_naming_recipient",
		 json_integer((json_int_t)g->stopped_naming_recipient));
	json_add(o, "background_senders",
		 s->has_control ? json_integer((json_int_t)g->background_senders)
				: json_null());
	json_add(o, "delay_seconds", delay_json(&g->delay));
	json_add(o, "returned_later", json_integer((json_int_t)g->returned_later));
	json_add(o, "at_risk", at_risk_json(g));
	json_add(o, "revised", revised_json(&s->revised));
	json_add(o, "background", background_json(s));
	json_add(o, "delays", delays_json(&g->delay));
	json_add(o, "series", series_json(r, s));
	json_add(o, "gaps", gaps_json(&s->sight));
	return o;
}

json_t *report_json(const struct report *r)
{
	json_t *o = json_object();
	json_t *sites = json_array();
	json_add(o, "version", json_integer(REPORT_VERSION));
	json_add(o, "since", json_stamp(r->since));
	json_add(o, "until", json_stamp(r->until));
	for (size_t i = 0; i < r->site_count; i++)
		json_push(sites, site_json(r, &r->sites[i]));
	json_add(o, "sites", sites);
	return o;
}
