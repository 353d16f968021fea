#include "cli/zone_forecast.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "look/spf.h"

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
	const struct plan_decoy *d = plan_decoy_named(want, name);
	if (d && d->address_count)
		s.decoy = d;
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
static bool knows_real_hosts(const struct zone_forecast_of *of,
			     const struct job_result *r)
{
	for (uint32_t i = 0; i < r->plan->after_count; i++) {
		const char *name = r->plan->after[i].exchange;
		struct address_source from = addresses_of(of->want, r->ranges, name);
		struct addr a;
		if (!plan_is_decoy(of->want, name) && !next_address(&from, &a))
			return false;
	}
	return true;
}

static bool has_record(const struct zone_ranges *ranges, const char *name,
		       const struct plan_decoy *decoy)
{
	for (size_t i = 0; i < ranges->record_count; i++) {
		const struct record_range *r = &ranges->records[i];
		if ((r->type == RANGE_A || r->type == RANGE_AAAA) &&
		    strcmp(r->owner, name) == 0 &&
		    addr_equal(r->addr, decoy->addresses[0]))
			return true;
	}
	return false;
}

/* A decoy of another zone gets its address there, and by somebody else. */
static bool is_elsewhere(const struct zone_forecast_of *of, const struct job_result *r,
			 const char *name)
{
	const struct plan_decoy *d = plan_decoy_named(of->want, name);
	return d && d->address_count && !name_is_below(name, of->zone) &&
	       !has_record(r->ranges, name, d);
}

static bool has_tlsa(const struct job_result *r, const char *name)
{
	char owner[NAME_TEXT_MAX];
	(void)snprintf(owner, sizeof(owner), "_25._tcp.%.240s", name);
	for (size_t i = 0; i < r->plan->count; i++)
		if (r->plan->changes[i].action == EDIT_ADD &&
		    strcmp(r->plan->changes[i].owner, owner) == 0)
			return true;
	for (size_t i = 0; i < r->ranges->record_count; i++)
		if (r->ranges->records[i].type == RANGE_TLSA &&
		    strcmp(r->ranges->records[i].owner, owner) == 0)
			return true;
	return false;
}

/* What was looked up of a host that is there already. */
static void add_looked_up(struct seen_host *h, const struct zone_forecast_of *of,
			  const struct job_result *r)
{
	const struct seen *w = of->world;
	if (h->is_declared) {
		h->is_secure =
		    name_is_below(h->name, of->zone) ? w->is_signed : TRI_UNKNOWN;
		h->has_tlsa = has_tlsa(r, h->name) ? TRI_YES : TRI_NO;
		return;
	}
	for (size_t i = 0; i < w->host_count; i++) {
		const struct seen_host *from = &w->hosts[i];
		if (strcmp(from->name, h->name) != 0)
			continue;
		h->lookup = from->lookup;
		(void)str_copy(h->failure, sizeof(h->failure), from->failure);
		h->is_alias |= from->is_alias;
		h->is_secure = from->is_secure;
		h->has_tlsa = from->has_tlsa;
	}
}

static void add_host(struct seen *s, const struct zone_mx *mx,
		     const struct zone_forecast_of *of, const struct job_result *r,
		     bool states_known)
{
	struct seen_host *h = seen_add_host(s, mx->preference, mx->exchange);
	if (!h)
		return;
	h->lacks_address = r->lacking >> (mx - r->plan->after) & 1;
	if (mx->ttl > s->ttl)
		s->ttl = mx->ttl;
	h->is_declared = plan_is_decoy(of->want, mx->exchange);
	h->is_alias = is_alias(r->ranges, mx->exchange);
	h->is_elsewhere = is_elsewhere(of, r, mx->exchange);
	if (!name_is_literal(h->name))
		name_registrable(h->name, h->owner);
	struct address_source from = addresses_of(of->want, r->ranges, mx->exchange);
	struct addr a;
	while (next_address(&from, &a)) {
		struct seen_address *at = seen_add_address(h, a);
		if (!at)
			break;
		at->is_known = states_known;
		at->state = host_state(of->want, of->postures, mx->exchange);
	}
	if (of->world)
		add_looked_up(h, of, r);
}

static void begin_seen(struct seen *s, const struct zone_forecast_of *of,
		       const struct job_result *r)
{
	if (of->world) {
		seen_lend(of->world, s);
	} else {
		seen_init(s, of->origin);
		s->has_spf = r->facts->spf[0] != '\0';
		s->spf_has_mx = s->has_spf && spf_has_mx(r->facts->spf, of->origin);
		(void)str_copy(s->spf, sizeof(s->spf), r->facts->spf);
	}
	name_registrable(s->domain, s->owner);
	if (r->facts->soa_count == 0)
		s->mx =
		    MX_UNKNOWN; /* a revert that has nothing to undo looks at nothing */
	else if (!r->plan->is_no_mail)
		s->mx = r->plan->after_count ? MX_PRESENT : MX_NOTHING;
	else if (r->facts->mx_count)
		s->mx = MX_NULL;
	s->has_null_beside = false; /* the plan refuses that */
	s->ttl = 0;
	s->ttl_least = s->ttl_most = r->facts->mx_count ? r->facts->mx[0].ttl : 0;
	for (uint32_t i = 1; i < r->facts->mx_count && i < ZONE_MAX_MX; i++) {
		uint32_t ttl = r->facts->mx[i].ttl;
		s->ttl_least = ttl < s->ttl_least ? ttl : s->ttl_least;
		s->ttl_most = ttl > s->ttl_most ? ttl : s->ttl_most;
	}
	s->lab = of->want->lab;
	/* Without a decoy nobody is stopped, so no host is missed. */
	s->site = of->want->layout == LAYOUT_NONE ? NULL : of->site;
}

void zone_forecast_fill(struct zone_forecast *o, const struct zone_forecast_of *of,
			const struct job_result *r)
{
	struct seen s;
	uint32_t before =
	    r->facts->mx_count < ZONE_MAX_MX ? r->facts->mx_count : ZONE_MAX_MX;
	fill_side(&o->sides[0], &o->before, r->facts->mx, before, of->want, r->ranges,
		  of->postures);
	fill_side(&o->sides[1], &o->after, r->plan->after, r->plan->after_count, of->want,
		  r->ranges, of->postures);
	findings_release(&o->findings);
	begin_seen(&s, of, r);
	bool states_known = knows_real_hosts(of, r);
	for (uint32_t i = 0; i < r->plan->after_count; i++)
		add_host(&s, &r->plan->after[i], of, r, states_known);
	seen_settle(&s);
	findings_of(&s, &o->findings);
	seen_release_hosts(&s);
}
