#include "cli/zone_forecast.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct zone_forecast_side {
	struct predict_host hosts[ZONE_MAX_MX];
	struct senders_label labels[ZONE_MAX_MX];
	struct predict_address addresses[PREDICT_ADDRESSES_MAX];
	const char *texts[PREDICT_ADDRESSES_MAX];
	char text[PREDICT_ADDRESSES_MAX][ADDR_TEXT_MAX];
	size_t used;
};

struct zone_forecast *zone_forecast_new(void)
{
	struct zone_forecast *o = xcalloc(1, sizeof(*o));
	o->sides = xcalloc(2, sizeof(*o->sides));
	return o;
}

void zone_forecast_free(struct zone_forecast *o)
{
	if (!o)
		return;
	findings_release(&o->findings);
	free(o->sides);
	free(o);
}

/* What senders are taken to meet at a host of that name. */
static enum state host_state(const struct plan_want *want, struct zone_postures postures,
			     const char *name)
{
	if (strcmp(want->low.name, name) == 0)
		return posture_state(postures.low);
	if (plan_is_decoy(want, name))
		return posture_state(postures.high);
	return STATE_OPEN;
}

/* The addresses of a name: the plan's, for its own decoys, else the zone's. */
struct address_source {
	const struct plan_want *want;
	const struct zone_ranges *ranges;
	const char *name;
	const struct plan_decoy *decoy;
	size_t at;
};

static struct address_source addresses_of(const struct plan_want *want,
					  const struct zone_ranges *ranges,
					  const char *name)
{
	struct address_source s = { .want = want, .ranges = ranges, .name = name };
	if (strcmp(want->low.name, name) == 0 && want->low.address_count)
		s.decoy = &want->low;
	if (strcmp(want->high.name, name) == 0 && want->high.address_count)
		s.decoy = &want->high;
	return s;
}

static bool next_address(struct address_source *s, struct addr *ret)
{
	if (s->decoy) {
		if (s->at >= s->decoy->address_count)
			return false;
		*ret = s->decoy->addresses[s->at++];
		return true;
	}
	while (s->at < s->ranges->record_count) {
		const struct record_range *r = &s->ranges->records[s->at++];
		if ((r->type == RANGE_A || r->type == RANGE_AAAA) &&
		    strcmp(r->owner, s->name) == 0) {
			*ret = r->addr;
			return true;
		}
	}
	return false;
}

static void add_predicted(struct zone_forecast_side *side, enum state state, bool is_v6,
			  const char *text)
{
	if (side->used == PREDICT_ADDRESSES_MAX)
		return;
	side->addresses[side->used] =
	    (struct predict_address){ .state = state, .is_v6 = is_v6 };
	(void)str_copy(side->text[side->used], ADDR_TEXT_MAX, text);
	side->texts[side->used] = side->text[side->used];
	side->used++;
}

static void fill_side(struct zone_forecast_side *side, struct senders *senders,
		      const struct zone_mx *mx, uint32_t count,
		      const struct plan_want *want, const struct zone_ranges *ranges,
		      struct zone_postures postures)
{
	side->used = 0;
	for (uint32_t i = 0; i < count; i++) {
		size_t first = side->used;
		enum state state = host_state(want, postures, mx[i].exchange);
		struct address_source from = addresses_of(want, ranges, mx[i].exchange);
		struct addr a;
		char text[ADDR_TEXT_MAX];
		while (next_address(&from, &a))
			add_predicted(side, state, !addr_is_v4(a), addr_text(a, text));
		if (side->used == first)
			add_predicted(side, state, false, "");
		side->labels[i] =
		    (struct senders_label){ mx[i].exchange, side->texts + first };
		side->hosts[i] =
		    (struct predict_host){ .preference = mx[i].preference,
					   .addresses = side->addresses + first,
					   .addresses_len = side->used - first };
	}
	*senders = (struct senders){ .hosts = side->hosts,
				     .hosts_len = count,
				     .labels = side->labels };
}

static bool is_alias(const struct zone_ranges *ranges, const char *name)
{
	for (size_t i = 0; i < ranges->record_count; i++)
		if (ranges->records[i].type == RANGE_CNAME &&
		    strcmp(ranges->records[i].owner, name) == 0)
			return true;
	return false;
}

/* A real host whose addresses are another zone's to publish: then nothing may
 * be concluded from the decoys being the only ones whose state is known. */
static bool knows_real_hosts(const struct job *job, const struct job_result *r)
{
	for (uint32_t i = 0; i < r->plan->after_count; i++) {
		const char *name = r->plan->after[i].exchange;
		struct address_source from = addresses_of(job->want, r->ranges, name);
		struct addr a;
		if (!plan_is_decoy(job->want, name) && !next_address(&from, &a))
			return false;
	}
	return true;
}

static void fill_findings(struct zone_forecast *o, const struct job *job,
			  const struct job_result *r, struct zone_postures postures)
{
	struct seen s;
	bool states_known = knows_real_hosts(job, r);
	seen_init(&s, job->origin);
	s.mx = r->plan->after_count ? MX_PRESENT : MX_NOTHING;
	s.lab = job->want->lab;
	for (uint32_t i = 0; i < r->plan->after_count; i++) {
		const struct zone_mx *mx = &r->plan->after[i];
		struct seen_host *h = seen_add_host(&s, mx->preference, mx->exchange);
		if (!h)
			continue;
		if (mx->ttl > s.ttl)
			s.ttl = mx->ttl;
		h->is_declared = plan_is_decoy(job->want, mx->exchange);
		h->is_alias = is_alias(r->ranges, mx->exchange);
		struct address_source from =
		    addresses_of(job->want, r->ranges, mx->exchange);
		struct addr a;
		while (next_address(&from, &a)) {
			struct seen_address *at = seen_add_address(h, a);
			if (!at)
				break;
			at->is_known = states_known;
			at->state = host_state(job->want, postures, mx->exchange);
		}
	}
	seen_settle(&s);
	findings_of(&s, &o->findings);
	seen_release(&s);
}

void zone_forecast_fill(struct zone_forecast *o, const struct job *job,
			const struct job_result *r, struct zone_postures postures)
{
	findings_release(&o->findings);
	uint32_t before =
	    r->facts->mx_count < ZONE_MAX_MX ? r->facts->mx_count : ZONE_MAX_MX;
	fill_side(&o->sides[0], &o->before, r->facts->mx, before, job->want, r->ranges,
		  postures);
	fill_side(&o->sides[1], &o->after, r->plan->after, r->plan->after_count,
		  job->want, r->ranges, postures);
	fill_findings(o, job, r, postures);
}
