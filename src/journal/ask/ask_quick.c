/* What may be said of a connection at once, for the policy service. */
#include <assert.h>

#include "journal/ask/ask_internal.h"
#include "journal/ask/listed.h"

static void add_run(struct run_list *runs, struct run r)
{
	for (size_t i = 0; i < runs->count;) {
		if (!run_is_one(&runs->at[i], &r)) {
			i++;
			continue;
		}
		run_merge(&r, &runs->at[i]);
		runs->at[i] = runs->at[--runs->count];
		i = 0; /* it may touch others now */
	}
	run_list_add(runs, &r);
}

static void add_visit(struct ask *a, uint16_t group, const struct visit *v,
		      struct run_list *runs)
{
	const struct host_place *h = sites_host(&a->sites, v->host);
	if (!h || sites_group(&a->sites, h->site) != group || v->time < 0)
		return;
	struct run_where w = {
		.group = group, .role = h->role, .place = h->place, .host_bit = h->bit
	};
	add_run(runs, run_of(v, &w));
}

/* The connection itself, where no source has told of it yet. */
static struct run connection(struct addr client, uint16_t group, int64_t began)
{
	struct visit v = {
		.client = client, .depth = DEPTH_CONNECT, .precision_us = 1, .time = began
	};
	struct run_where w = { .group = group, .role = ROLE_REAL, .place = PLACE_REAL };
	return run_of(&v, &w);
}

static const struct run *main_of(const struct run_list *runs, const struct run *now)
{
	const struct run *real = NULL, *decoy = NULL;
	for (size_t i = 0; i < runs->count; i++)
		if (runs->at[i].kind == RUN_REAL && run_is_one(&runs->at[i], now))
			real = &runs->at[i];
	for (size_t i = 0; real && i < runs->count; i++) {
		const struct run *r = &runs->at[i];
		if (r->kind == RUN_DECOY && run_touches(real, r, RUN_GAP) &&
		    (!decoy || r->began > decoy->began))
			decoy = r;
	}
	return decoy ? decoy : real;
}

static int decide_now(struct ask *a, const struct sender *who,
		      const struct run_list *runs, const struct run *now_run,
		      const struct view *v, int64_t began, struct quick *ret_quick,
		      struct error *e)
{
	struct decided *d = &a->decided;
	const struct rules *r = &a->sites.rules;
	const struct run *main = main_of(runs, now_run);
	assert(main); /* now_run is one of them, or a part of one */
	d->touching.count = 0;
	proof_touching(main, runs->at, runs->count, &d->touching);
	walk_of(main, d->touching.at, d->touching.count, &d->walk);
	proof_own(&d->walk, runs->at, runs->count, r, &d->proof);
	d->proof.too_many = runs->has_more;
	int rc = proof_nat(&a->lookup, v, who->clients[0], main->began, runs->at,
			   runs->count, &d->proof.is_nat, e);
	if (rc == 0)
		*ret_quick = decide_quick(&d->walk, &d->proof, v, r, began);
	return rc;
}

static int find_listing(struct ask *a, const struct sender *who, const struct view *v,
			int64_t now, struct ask_quick *q, struct error *e)
{
	const struct listing_count none = { MOMENT_NONE, MOMENT_NONE };
	struct listed row;
	struct listing l;
	int rc = listed_find(&a->lookup, who, v->group, now, &row, e);
	if (rc != 1 || row.until <= now)
		return rc < 0 ? rc : 0;
	rc = listed_say(&a->lookup, who, v, &a->sites.rules, &row, &none, now, &l, e);
	if (rc == 0 && l.is_listed) {
		q->is_listed = true;
		q->until = l.until;
	}
	return rc;
}

int ask_quick(struct ask *a, struct addr client, uint16_t site, int64_t began,
	      int64_t now, const struct visit *fresh, size_t fresh_count,
	      struct ask_quick *ret_quick, struct error *e)
{
	struct ask_quick q = { .is_own = false };
	struct run_list runs = { 0 };
	struct sender who;
	const struct view *v = NULL;
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	uint16_t group = sites_group(&a->sites, site);
	struct run now_run = connection(client, group, began);
	struct span met = proof_span(&now_run, &a->sites.rules);
	q.is_own = sites_is_own(&a->sites, client);
	rc = coverage_view(a->coverage, group, now, &v, e);
	if (rc == 0)
		rc = sender_find(&a->lookup, client, &who, e);
	if (rc == 0)
		rc = sender_runs(&a->lookup, group, &who, met.since, now, &runs, e);
	for (size_t i = 0; rc == 0 && i < fresh_count; i++)
		add_visit(a, group, &fresh[i], &runs);
	add_run(&runs, now_run);
	if (rc == 0)
		rc = decide_now(a, &who, &runs, &now_run, v, began, &q.quick, e);
	if (rc == 0)
		rc = find_listing(a, &who, v, now, &q, e);
	ask_end(a);
	run_list_release(&runs);
	if (rc == 0)
		*ret_quick = q;
	return rc;
}
