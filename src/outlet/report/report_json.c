#include <string.h>

#include "base/stamp.h"
#include "outlet/json.h"
#include "outlet/report/report.h"

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
						 : json_count(h->preference));
		json_add(o, "visits", json_count(h->visits));
		json_add(o, "senders", json_count(h->senders));
		json_add(o, "addresses", json_count(h->addresses));
		json_add(o, "visits_per_address_day",
			 h->has_rate ? json_real(h->rate) : json_null());
		json_add(o, "complete_until",
			 h->complete_until ? json_stamp(h->complete_until) : json_null());
		json_add(o, "not_seen", unseen_json(h));
		json_add(o, "removable", json_boolean(h->is_removable));
		json_push(hosts, o);
	}
	return hosts;
}

static json_t *order_json(const struct report_counts *c)
{
	/* The order of the keys is the document's, not the enum's. */
	static const enum order orders[] = { ORDER_STRAIGHT, ORDER_SKIPPED, ORDER_SHOTGUN,
					     ORDER_BACKDOOR, ORDER_UNKNOWN };
	json_t *o = json_object();
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		json_add(o, order_name(orders[i]), json_count(c->order[orders[i]]));
	return o;
}

static json_t *fate_json(const struct report_counts *c)
{
	json_t *o = json_object();
	json_add(o, "reached", json_count(c->reached));
	json_add(o, "stopped", json_count(c->stopped));
	json_add(o, "stopped_provisional", json_count(c->stopped_provisional));
	json_add(o, "pending", json_count(c->pending));
	json_add(o, "unknown", json_count(c->unknown));
	return o;
}

static json_t *delay_json(const struct report_delay *d)
{
	bool has = d->count > 0;
	json_t *o = json_object();
	json_add(o, "count", json_count(d->count));
	json_add(o, "p50", has ? json_seconds(d->p50_us) : json_null());
	json_add(o, "p95", has ? json_seconds(d->p95_us) : json_null());
	json_add(o, "max", has ? json_seconds(d->max_us) : json_null());
	json_add(o, "exact_within", has ? json_seconds(d->exact_within_us) : json_null());
	return o;
}

static json_t *message_json(const struct report_at_risk *a)
{
	if (!a->is_message)
		return json_null();
	json_t *o = json_object();
	json_add(o, "time", a->message_time ? json_stamp(a->message_time) : json_null());
	json_add(o, "sender_domain", json_text_or_null(a->sender_domain));
	json_add(o, "recipient_domain", json_text_or_null(a->recipient_domain));
	return o;
}

static json_t *at_risk_json(const struct report_counts *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->at_risk_count; i++) {
		const struct report_at_risk *a = &c->at_risk[i];
		struct buf reason = BUF_INIT(4096);
		report_risk_reason(a, &reason);
		json_t *o = json_object();
		json_add(o, "address", a->is_hidden ? json_null() : json_addr(a->client));
		json_add(o, "name", json_text_or_null(a->name));
		json_add(o, "tier", json_text(tier_name(a->tier)));
		json_add(o, "since", a->is_hidden ? json_null() : json_stamp(a->since));
		json_add(o, "reason", json_text(buf_text(&reason)));
		json_add(o, "message", message_json(a));
		json_push(list, o);
		buf_release(&reason);
	}
	return list;
}

static json_t *spam_json(const struct report_site *s)
{
	const struct report_spam *m = &s->spam;
	json_t *o = json_object();
	json_add(o, "attempts_stopped", json_count(s->counts.attempts_stopped));
	json_add(o, "attempts_knocked", json_count(s->counts.attempts_knocked));
	json_add(o, "attempts_refused", json_count(m->refused));
	json_add(o, "accepted_as_spam",
		 m->has_filter ? json_count(m->accepted_as_spam) : json_null());
	json_add(o, "share_stopped", m->has_share ? json_real(m->share) : json_null());
	return o;
}

static json_t *revised_json(const struct report_revised *c)
{
	bool has = c->returned > 0;
	json_t *o = json_object();
	json_t *after = json_object();
	json_add(o, "senders", json_count(c->senders));
	json_add(o, "returned", json_count(c->returned));
	json_add(o, "returned_after_final", json_count(c->after_final));
	json_add(o, "excused", json_count(c->excused));
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
	json_add(o, "addresses", json_count(r->addresses));
	json_add(o, "visits", json_count(r->visits));
	json_add(o, "visits_per_address_day",
		 r->has_rate ? json_real(r->rate) : json_null());
	return o;
}

/* What any port 25 draws, and what the decoys drew. */
static json_t *background_json(const struct report_site *s)
{
	const struct report_counts *c = &s->counts;
	bool has = s->has_control;
	json_t *o = json_object();
	json_add(o, "control", rate_json(&s->control));
	json_add(o, "low", rate_json(&s->low));
	json_add(o, "high", rate_json(&s->high));
	json_add(o, "senders_at_decoys_too",
		 has ? json_count(c->background_at_decoys) : json_null());
	json_add(o, "stopped_senders",
		 has ? json_count(c->background_stopped) : json_null());
	return o;
}

static json_t *delays_json(const struct report_delay *d)
{
	json_t *list = json_array();
	for (size_t i = 0; i < REPORT_DELAY_BINS; i++) {
		json_t *o = json_object();
		json_add(o, "up_to_seconds",
			 i + 1 < REPORT_DELAY_BINS ? json_seconds(report_delay_ends_us[i])
						   : json_null());
		json_add(o, "count", json_count(d->bins[i]));
		json_push(list, o);
	}
	return list;
}

static json_t *part_json(const struct report *r, const struct report_site *s, size_t i)
{
	const struct report_part *p = &s->parts[i];
	json_t *o = json_object();
	json_add(o, "from", json_stamp(r->series.edges[i]));
	json_add(o, "reached", json_count(p->reached));
	json_add(o, "stopped", json_count(p->stopped));
	json_add(o, "stopped_provisional", json_count(p->stopped_provisional));
	json_add(o, "at_risk", json_count(p->at_risk));
	json_add(o, "rest", json_count(p->rest));
	json_add(o, "low_decoy_visits", json_count(p->low_visits));
	json_add(o, "high_decoy_visits", json_count(p->high_visits));
	json_add(o, "control_visits", json_count(p->control_visits));
	json_add(o, "coverage", json_real(p->coverage));
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

static json_t *gaps_json(const struct spans *gaps)
{
	json_t *list = json_array();
	for (size_t i = 0; i < gaps->count; i++) {
		json_t *o = json_object();
		json_add(o, "from", json_stamp(gaps->at[i].since));
		json_add(o, "until", json_stamp(gaps->at[i].until));
		json_push(list, o);
	}
	return list;
}

static json_t *effect_json(const struct effect *x)
{
	bool has = x->is_told;
	json_t *o = json_object();
	json_add(o, "before_per_day", has ? json_real(x->mean_before) : json_null());
	json_add(o, "after_per_day", has ? json_real(x->mean_after) : json_null());
	json_add(o, "change", has ? json_real(x->change) : json_null());
	json_add(o, "low", has ? json_real(x->low) : json_null());
	json_add(o, "high", has ? json_real(x->high) : json_null());
	json_add(o, "difference", has ? json_boolean(x->is_difference) : json_null());
	return o;
}

static json_t *moment_json(int64_t t)
{
	return t > 0 ? json_stamp(t) : json_null();
}

static json_t *day_json(const struct report_site *s, const struct before_after_day *d)
{
	char date[STAMP_TEXT_MAX];
	json_t *o = json_object();
	(void)stamp_text(d->day * STAMP_DAY, date);
	date[10] = '\0'; /* the date alone */
	json_add(o, "day", json_text(date));
	json_add(o, "part",
		 d->is_before  ? json_text("before")
		 : d->is_after ? json_text("after")
			       : json_null());
	for (int k = 0; k < COUNT_KINDS; k++)
		json_add(o, before_after_key((enum before_after_kind)k),
			 k == COUNT_SPAM && !s->spam.has_filter
			     ? json_null()
			     : json_integer((json_int_t)d->count[k]));
	bool has_halves = s->before_after.has_half && d->has_half;
	json_add(o, "half_with_decoy",
		 has_halves ? json_integer((json_int_t)d->half[0]) : json_null());
	json_add(o, "half_without",
		 has_halves ? json_integer((json_int_t)d->half[1]) : json_null());
	return o;
}

static json_t *days_json(const struct report_site *s)
{
	json_t *days = json_array();
	for (size_t i = 0; i < s->before_after.day_count; i++)
		json_push(days, day_json(s, &s->before_after.days[i]));
	return days;
}

static json_t *before_after_json(const struct report_site *s)
{
	const struct before_after *b = &s->before_after;
	struct buf why = BUF_INIT(4096);
	json_t *o = json_object();
	json_add(o, "asked_since", moment_json(b->asked_since));
	json_add(o, "seen_first", moment_json(b->seen_first));
	json_add(o, "seen_everywhere", moment_json(b->seen_all));
	json_add(o, "gone", moment_json(b->gone));
	json_add(o, "days_before", json_count(b->effect[0].before));
	json_add(o, "days_after", json_count(b->effect[0].after));
	json_add(o, "seed", json_integer(EFFECT_SEED));
	for (int k = 0; k < COUNT_KINDS; k++)
		json_add(o, before_after_key((enum before_after_kind)k),
			 k == COUNT_SPAM && !s->spam.has_filter
			     ? json_null()
			     : effect_json(&b->effect[k]));
	before_after_why_not(b, &why);
	json_add(o, "not_yet", json_text_or_null(buf_text(&why)));
	json_add(o, "days_for_a_fall_of_15_percent",
		 b->days_needed ? json_count(b->days_needed) : json_null());
	json_add(o, "days_each_for_a_fall_of_15_percent",
		 b->days_each ? json_count(b->days_each) : json_null());
	json_add(o, "days", days_json(s));
	buf_release(&why);
	return o;
}

static json_t *half_json(const struct before_after *b)
{
	if (!b->has_half)
		return json_null();
	json_t *o = effect_json(&b->half);
	json_add(o, "domains_with_decoy", json_count(b->half_domains[0]));
	json_add(o, "domains_without", json_count(b->half_domains[1]));
	return o;
}

static json_t *compared_json(const struct report_site *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->compared_count; i++) {
		const struct report_compared *c = &s->compared[i];
		json_t *o = json_object();
		json_add(o, "zone", json_text(c->zone));
		json_add(o, "listed", json_count(c->listed));
		json_add(o, "not_listed", json_count(c->not_listed));
		json_add(o, "not_known", json_count(c->unknown));
		json_push(list, o);
	}
	return list;
}

static json_t *cost_json(const struct report_cost *c)
{
	json_t *o = json_object();
	json_add(o, "decoy_addresses", json_count(c->decoy_addresses));
	json_add(o, "mx_ttl_seconds",
		 json_seconds(c->mx_ttl > 0 ? c->mx_ttl : STAMP_HOUR));
	json_add(o, "cpu_seconds", c->has_serve ? json_seconds(c->cpu_us) : json_null());
	json_add(o, "of_seconds", c->has_serve ? json_seconds(c->of_us) : json_null());
	json_add(o, "memory_kb", c->has_serve ? json_integer(c->memory_kb) : json_null());
	return o;
}

static json_t *site_json(const struct report *r, const struct report_site *s)
{
	const struct report_counts *c = &s->counts;
	json_t *o = json_object();
	json_add(o, "site", json_text(s->name));
	json_add(o, "measurable", json_boolean(s->is_measurable));
	json_add(o, "coverage", s->has_coverage ? json_real(s->coverage) : json_null());
	json_add(o, "hosts", hosts_json(s));
	json_add(o, "order", order_json(c));
	json_add(o, "fate", fate_json(c));
	json_add(o, "stopped_senders_share",
		 s->has_share ? json_real(s->stopped_share) : json_null());
	json_add(o, "stopped_attempts", json_count(c->stopped_attempts));
	json_add(o, "stopped_naming_recipient", json_count(c->stopped_naming_recipient));
	json_add(o, "background_senders",
		 s->has_control ? json_count(c->background_senders) : json_null());
	json_add(o, "delay_seconds", delay_json(&c->delay));
	json_add(o, "returned_later", json_count(c->returned_later));
	json_add(o, "at_risk", at_risk_json(c));
	json_add(o, "messages_missing", json_count(c->messages_missing));
	json_add(o, "spam", spam_json(s));
	json_add(o, "revised", revised_json(&c->revised));
	json_add(o, "background", background_json(s));
	json_add(o, "delays", delays_json(&c->delay));
	json_add(o, "series", series_json(r, s));
	json_add(o, "gaps", gaps_json(&s->gaps));
	json_add(o, "before_after", before_after_json(s));
	json_add(o, "halves", half_json(&s->before_after));
	json_add(o, "compared", compared_json(s));
	json_add(o, "cost", cost_json(&s->cost));
	return o;
}

json_t *report_json(const struct report *r)
{
	json_t *o = json_object();
	json_t *sites = json_array();
	json_add(o, "version", json_integer(REPORT_VERSION));
	json_add(o, "since", json_stamp(r->since));
	json_add(o, "until", json_stamp(r->until));
	json_add(o, "note", json_text_or_null(r->note));
	json_add(o, "fakemx", json_text(FMX_VERSION));
	json_add(o, "rules", json_text(r->rules));
	json_add(o, "anonymous", json_boolean(r->is_anonymous));
	for (size_t i = 0; i < r->site_count; i++)
		json_push(sites, site_json(r, &r->sites[i]));
	json_add(o, "sites", sites);
	return o;
}
