#include "outlet/tally_own.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/stamp.h"

const int64_t tally_delay_ends_us[TALLY_DELAY_BINS - 1] = {
	10 * STAMP_MILLISECOND, 100 * STAMP_MILLISECOND,
	STAMP_SECOND,           2 * STAMP_SECOND,
	5 * STAMP_SECOND,       10 * STAMP_SECOND,
	30 * STAMP_SECOND,      STAMP_MINUTE,
};
const char *const tally_delay_names[TALLY_DELAY_BINS] = {
	"10 ms", "0.1 s", "1 s", "2 s", "5 s", "10 s", "30 s", "1 min", "longer",
};

static const char *name_of(const struct tally *t, struct addr client)
{
	const uint32_t *at = keymap_find(&t->name_at, client, 0);
	return at ? t->names[*at] : "";
}

static void add_at_risk(const struct tally *t, const struct verdict *v,
			struct tally_group *g)
{
	g->at_risk = xrealloc(g->at_risk, g->at_risk_count + 1, sizeof(*g->at_risk));
	g->at_risk[g->at_risk_count++] = (struct tally_at_risk){
		.client = v->client,
		.tier = v->tier,
		.since = v->began,
		.name = name_of(t, v->client),
		.is_final = v->is_final,
	};
	g->at_risk_tier[v->tier]++;
}

static void count_stopped(const struct tally *t, const struct tally_sender *s,
			  const struct verdict *v, struct tally_group *g)
{
	if (v->tier != TIER_NONE) {
		add_at_risk(t, v, g);
	} else if (!v->is_final) {
		g->stopped_provisional++;
	} else {
		g->stopped++;
		g->stopped_attempts += s->attempts;
		g->stopped_naming_recipient += s->names_recipient;
		g->background_stopped += s->is_background;
	}
}

static void count_sender(const struct tally *t, const struct tally_sender *s,
			 struct tally_group *g)
{
	g->background_senders += s->is_background;
	g->background_at_decoys += s->is_background && s->met_decoy;
	if (s->latest == 0)
		return; /* visits of a walk that began before the period */
	const struct verdict *v = &t->walks[s->latest - 1].v;
	if (v->only_control)
		return;
	g->order[v->order]++;
	g->only_knocked += v->only_knocked;
	switch (v->fate) {
	case FATE_REACHED: g->reached++; break;
	case FATE_STOPPED: count_stopped(t, s, v, g); break;
	case FATE_PENDING: g->pending++; break;
	case FATE_UNKNOWN: g->unknown++; break;
	}
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int compare_at_risk(const void *a, const void *b)
{
	const struct tally_at_risk *x = a;
	const struct tally_at_risk *y = b;
	if (x->tier != y->tier)
		return x->tier > y->tier ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return addr_compare(x->client, y->client);
}

int64_t tally_percentile(const int64_t *sorted, size_t n, unsigned p)
{
	assert(n > 0 && p <= 100);
	size_t rank = (n * p + 99) / 100;
	return sorted[rank > 0 ? rank - 1 : 0];
}

static size_t bin_of(int64_t delay_us)
{
	size_t i = 0;
	while (i < TALLY_DELAY_BINS - 1 && delay_us > tally_delay_ends_us[i])
		i++;
	return i;
}

static void count_walks(const struct tally *t, uint16_t group, struct tally_group *g)
{
	int64_t *delays = NULL;
	size_t n = 0;
	size_t cap = 0;
	for (uint32_t i = t->groups[group].walks; i != 0; i = t->walks[i - 1].next) {
		const struct verdict *v = &t->walks[i - 1].v;
		g->returned_later += v->returned_later;
		if (v->delay_us < 0)
			continue;
		delays = tally_room(delays, n, &cap, sizeof(*delays));
		delays[n++] = v->delay_us;
		g->delay.bins[bin_of(v->delay_us)]++;
	}
	g->delay.count = n;
	if (n > 0) {
		qsort(delays, n, sizeof(*delays), compare_numbers);
		g->delay.p50_us = tally_percentile(delays, n, 50);
		g->delay.p95_us = tally_percentile(delays, n, 95);
		g->delay.max_us = delays[n - 1];
	}
	free(delays);
}

void tally_group(const struct tally *t, uint16_t group, struct tally_group *ret_group)
{
	struct tally_group g = { .listed = t->groups[group].listed,
				 .would_be_listed = t->groups[group].would_be_listed };
	for (uint32_t i = t->groups[group].senders; i != 0; i = t->senders[i - 1].next)
		count_sender(t, &t->senders[i - 1], &g);
	if (g.at_risk_count > 0)
		qsort(g.at_risk, g.at_risk_count, sizeof(*g.at_risk), compare_at_risk);
	count_walks(t, group, &g);
	*ret_group = g;
}

/* ---- parts of the period ---- */

static uint64_t *place_of(struct tally_part *p, const struct verdict *v)
{
	if (v->fate == FATE_REACHED)
		return &p->reached;
	if (v->fate != FATE_STOPPED)
		return &p->rest;
	if (v->tier != TIER_NONE)
		return &p->at_risk;
	return v->is_final ? &p->stopped : &p->stopped_provisional;
}

/* Walks come in any order: the later of two of one sender takes the place of
 * the earlier one. Links are an index plus 1. */
static void count_walk(const struct tally *t, struct keymap *latest, uint32_t link,
		       size_t part, struct tally_part *p)
{
	bool is_new;
	const struct verdict *v = &t->walks[link - 1].v;
	uint32_t *at = keymap_at(latest, v->client, part, &is_new);
	if (!at)
		return; /* no more keys than walks: that map would have been full */
	if (!is_new) {
		const struct verdict *other = &t->walks[*at - 1].v;
		if (other->walk >= v->walk)
			return;
		(*place_of(p, other))--;
	}
	*at = link;
	(*place_of(p, v))++;
}

static void count_hour(const struct tally_hour *h, struct tally_part *p)
{
	p->low_visits += h->low;
	p->high_visits += h->high;
	p->control_visits += h->control;
}

void tally_series(const struct tally *t, uint16_t group, const struct series *s,
		  struct tally_part *ret_parts)
{
	struct keymap latest = { 0 };
	for (size_t i = 0; i < s->count; i++)
		ret_parts[i] = (struct tally_part){ 0 };
	for (uint32_t i = t->groups[group].walks; i != 0; i = t->walks[i - 1].next) {
		const struct verdict *v = &t->walks[i - 1].v;
		size_t part = series_find(s, v->began);
		if (part < s->count && !v->only_control)
			count_walk(t, &latest, i, part, &ret_parts[part]);
	}
	for (uint32_t i = t->groups[group].hours; i != 0; i = t->hours[i - 1].next) {
		const struct tally_hour *h = &t->hours[i - 1];
		/* The period may cut its first hour; nothing before it counts. */
		size_t part = series_find(s, h->begin);
		if (part == s->count)
			part = series_find(s, h->begin + STAMP_HOUR - 1);
		if (part < s->count)
			count_hour(h, &ret_parts[part]);
	}
	keymap_release(&latest);
}

void tally_group_release(struct tally_group *g)
{
	free(g->at_risk);
	*g = (struct tally_group){ 0 };
}
