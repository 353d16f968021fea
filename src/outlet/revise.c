#include "outlet/revise.h"

#include <stdlib.h>

#include "base/mem.h"
#include "outlet/keymap.h"
#include "outlet/tally.h"

enum kind { STANDS, RETURNED, EXCUSED };

/* A walk that was called stopped. Links are an index plus 1; 0 is none. */
struct stop {
	struct addr client;
	int64_t began;
	int64_t corrected; /* when */
	int64_t after_us;  /* RETURNED: since the walk began */
	uint32_t next;     /* of the group */
	uint8_t kind;
	bool was_final;
};

struct revise {
	bool is_full;
	struct keymap stop_at;   /* client, group and walk -> index of stops */
	struct keymap latest_at; /* client, group -> index of the latest */
	struct stop *stops;
	size_t count, cap;
	uint32_t *groups; /* by id: the first stop */
};

struct revise *revise_new(void)
{
	struct revise *r = xcalloc(1, sizeof(*r));
	r->groups = xcalloc(UINT16_MAX + 1, sizeof(*r->groups));
	return r;
}

void revise_free(struct revise *r)
{
	if (!r)
		return;
	keymap_release(&r->stop_at);
	keymap_release(&r->latest_at);
	free(r->stops);
	free(r->groups);
	free(r);
}

bool revise_failed(const struct revise *r)
{
	return r->is_full;
}

static uint64_t walk_key(const struct verdict *v)
{
	return (uint64_t)v->site << 32 | v->walk;
}

static void take_stop(struct revise *r, const struct verdict *v)
{
	bool is_new;
	uint32_t *at = keymap_at(&r->stop_at, v->client, walk_key(v), &is_new);
	uint32_t *latest = keymap_at(&r->latest_at, v->client, v->site, &(bool){ 0 });
	if (!at || !latest) {
		r->is_full = true;
		return;
	}
	/* A sender that was forgotten meanwhile counts its walks from 1 again; that
	 * late records only ever move a beginning back tells the two apart. */
	if (is_new || v->began > r->stops[*at].began) {
		if (r->count == r->cap) {
			r->cap = r->cap ? 2 * r->cap : 64;
			r->stops = xrealloc(r->stops, r->cap, sizeof(*r->stops));
		}
		*at = (uint32_t)r->count++;
		r->stops[*at] =
		    (struct stop){ .client = v->client, .next = r->groups[v->site] };
		r->groups[v->site] = *at + 1;
	}
	struct stop *s = &r->stops[*at];
	s->began = v->began;
	s->kind = STANDS; /* given again: what was withdrawn is no correction */
	s->was_final = v->is_final;
	*latest = *at;
}

static void correct(struct stop *s, enum kind kind, const struct verdict *v)
{
	s->kind = (uint8_t)kind;
	s->corrected = v->at;
	s->after_us = v->at > s->began ? v->at - s->began : 0;
}

/* A walk that began after the stop and reached a real host: the sender came
 * after all, however late. */
static void take_later_walk(struct revise *r, const struct verdict *v)
{
	const uint32_t *latest = keymap_find(&r->latest_at, v->client, v->site);
	if (!latest || v->fate != FATE_REACHED)
		return;
	struct stop *s = &r->stops[*latest];
	if (s->kind == STANDS && v->began > s->began)
		correct(s, RETURNED, v);
}

void revise_verdict(struct revise *r, const struct verdict *v)
{
	if (v->fate == FATE_STOPPED) {
		take_stop(r, v);
		return;
	}
	const uint32_t *at = keymap_find(&r->stop_at, v->client, walk_key(v));
	if (!at || v->began > r->stops[*at].began) {
		take_later_walk(r, v);
		return;
	}
	struct stop *s = &r->stops[*at];
	enum kind kind = v->fate == FATE_REACHED ? RETURNED : EXCUSED;
	if (s->kind == STANDS || (s->kind == EXCUSED && kind == RETURNED))
		correct(s, kind, v);
}

bool revise_is_correction(const struct verdict *before, const struct verdict *v)
{
	return before->fate == FATE_STOPPED && v->fate != FATE_STOPPED;
}

/* ---- counting ---- */

struct returns {
	struct keymap at; /* client -> index */
	int64_t *after;   /* the longest of each sender */
	size_t count, cap;
};

static bool is_counted(const struct stop *s, enum kind kind, int64_t since, int64_t until)
{
	return s->kind == kind && s->corrected >= since && s->corrected < until;
}

static void count_return(struct returns *all, const struct stop *s,
			 struct revise_counts *c)
{
	bool is_new;
	uint32_t *at = keymap_at(&all->at, s->client, 0, &is_new);
	if (!at)
		return; /* more than the map of stops can hold: it failed before */
	if (is_new) {
		if (all->count == all->cap) {
			all->cap = all->cap ? 2 * all->cap : 64;
			all->after = xrealloc(all->after, all->cap, sizeof(*all->after));
		}
		*at = (uint32_t)all->count;
		all->after[all->count++] = 0;
		c->after_final += s->was_final;
	}
	if (all->after[*at] < s->after_us)
		all->after[*at] = s->after_us;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

void revise_group(const struct revise *r, uint16_t group, int64_t since, int64_t until,
		  struct revise_counts *ret_counts)
{
	struct revise_counts c = { 0 };
	struct returns all = { .count = 0 };
	for (uint32_t i = r->groups[group]; i != 0; i = r->stops[i - 1].next)
		if (is_counted(&r->stops[i - 1], RETURNED, since, until))
			count_return(&all, &r->stops[i - 1], &c);
	for (uint32_t i = r->groups[group]; i != 0; i = r->stops[i - 1].next) {
		bool is_new = false;
		if (is_counted(&r->stops[i - 1], EXCUSED, since, until) &&
		    keymap_at(&all.at, r->stops[i - 1].client, 0, &is_new))
			c.excused += is_new;
	}
	c.returned = all.count;
	c.senders = c.returned + c.excused;
	if (all.count > 0) {
		qsort(all.after, all.count, sizeof(*all.after), compare);
		c.p50_us = tally_percentile(all.after, all.count, 50);
		c.max_us = all.after[all.count - 1];
	}
	keymap_release(&all.at);
	free(all.after);
	*ret_counts = c;
}
