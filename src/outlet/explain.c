#include "outlet/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"

/* Visit numbers of all runs, before they are looked up. */
struct making {
	struct explain *x;
	int64_t *ids;
	size_t id_count, id_cap;
	bool has_runs;
};

/* ---- walks ---- */

static void take_ids(struct making *m, const int64_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		m->ids = xroom(m->ids, m->id_count, &m->id_cap, sizeof(*m->ids));
		m->ids[m->id_count++] = ids[i];
	}
}

static void take_run(struct making *m, const struct run *r)
{
	m->x->visits_total += r->visits;
	take_ids(m, r->first_ids, r->id_count[0]);
	take_ids(m, r->last_ids, r->id_count[1]);
}

/* The latest are kept: when twice as many are there, the older half goes. */
static void make_room(void *array, size_t *count, size_t *left_out, size_t size)
{
	if (*count < (size_t)2 * EXPLAIN_MAX)
		return;
	memmove(array, (char *)array + EXPLAIN_MAX * size, EXPLAIN_MAX * size);
	*count -= EXPLAIN_MAX;
	*left_out += EXPLAIN_MAX;
}

static uint32_t number_of(const struct explain *x, uint16_t site)
{
	for (size_t i = x->walk_count; i > 0; i--)
		if (x->walks[i - 1].verdict.site == site)
			return x->walks[i - 1].number + 1;
	return 1;
}

static int on_walk(void *arg, const struct ask_walk *w)
{
	struct making *m = arg;
	struct explain *x = m->x;
	make_room(x->walks, &x->walk_count, &x->walks_left_out, sizeof(*x->walks));
	x->walks = xroom(x->walks, x->walk_count, &x->walk_cap, sizeof(*x->walks));
	struct explain_walk k = { .verdict = w->verdict,
				  .number = number_of(x, w->verdict.site),
				  .told = w->told,
				  .real = w->walk->has_real ? w->walk->real : 0 };
	x->walks[x->walk_count++] = k;
	return 0;
}

/* A stop that was final is corrected by a later walk. */
static int64_t came_after(const struct explain *x, const struct explain_walk *stop)
{
	int64_t first = 0;
	for (size_t i = 0; i < x->walk_count; i++) {
		const struct explain_walk *k = &x->walks[i];
		if (k->verdict.site == stop->verdict.site &&
		    k->real > stop->verdict.began && (first == 0 || k->real < first))
			first = k->real;
	}
	return first;
}

static void find_corrections(struct explain *x)
{
	for (size_t i = 0; i < x->walk_count; i++) {
		struct explain_walk *k = &x->walks[i];
		if (k->told.stopped_at == 0)
			continue;
		k->corrected_at = came_after(x, k);
		k->has_returned = k->corrected_at != 0 || k->verdict.fate == FATE_REACHED;
		if (k->corrected_at == 0)
			k->corrected_at = k->told.corrected_at;
	}
}

/* Knocks and visits to control addresses are no walks, but are told. */
static int on_run(void *arg, const struct run *r)
{
	take_run(arg, r);
	return 0;
}

/* ---- visits ---- */

static char *free_text(const char *text)
{
	free((void *)(uintptr_t)text); /* ours since on_visit() */
	return NULL;
}

static int on_visit(void *arg, const struct ask_visit *v)
{
	struct making *m = arg;
	struct explain *x = m->x;
	x->visits = xroom(x->visits, x->visit_count, &x->visit_cap, sizeof(*x->visits));
	struct explain_visit *to = &x->visits[x->visit_count++];
	*to = (struct explain_visit){ v->seen, v->visit };
	to->visit.helo = xstrdup(v->visit.helo);
	to->visit.mail_from = xstrdup(v->visit.mail_from);
	to->visit.recipient_domain = xstrdup(v->visit.recipient_domain);
	to->visit.name = xstrdup(v->visit.name);
	return 0;
}

static void release_visit(struct explain_visit *v)
{
	(void)free_text(v->visit.helo);
	(void)free_text(v->visit.mail_from);
	(void)free_text(v->visit.recipient_domain);
	(void)free_text(v->visit.name);
}

/* By time; of one moment as they arrived. */
static int compare_visits(const void *a, const void *b)
{
	const struct explain_visit *x = a;
	const struct explain_visit *y = b;
	if (x->visit.time != y->visit.time)
		return x->visit.time < y->visit.time ? -1 : 1;
	return (x->seen > y->seen) - (x->seen < y->seen);
}

/* Sorted, each once; the latest. */
static void sort_ids(struct making *m)
{
	size_t n = 0;
	number_sort(m->ids, m->id_count);
	for (size_t i = 0; i < m->id_count; i++)
		if (n == 0 || m->ids[i] != m->ids[n - 1])
			m->ids[n++] = m->ids[i];
	m->id_count = n;
	if (n <= EXPLAIN_MAX)
		return;
	memmove(m->ids, m->ids + (n - EXPLAIN_MAX), EXPLAIN_MAX * sizeof(*m->ids));
	m->id_count = EXPLAIN_MAX;
}

static int find_visits(struct making *m, struct ask *a, struct error *e)
{
	struct explain *x = m->x;
	sort_ids(m);
	int rc = m->id_count > 0
		     ? ask_visits_by_id(a, m->ids, m->id_count, on_visit, m, e)
		     : 0;
	if (x->visit_count > 0)
		qsort(x->visits, x->visit_count, sizeof(*x->visits), compare_visits);
	/* A host may have told its name when no look-up had. */
	x->was_looked_up = x->sender.name[0] != '\0';
	for (size_t i = x->visit_count; i > 0 && x->sender.name[0] == '\0'; i--)
		(void)str_copy(x->sender.name, sizeof(x->sender.name),
			       x->visits[i - 1].visit.name);
	return rc;
}

/* ---- listing ---- */

static int on_change(void *arg, const struct listing *l)
{
	struct explain *x = ((struct making *)arg)->x;
	make_room(x->changes, &x->change_count, &x->changes_left_out,
		  sizeof(*x->changes));
	x->changes =
	    xroom(x->changes, x->change_count, &x->change_cap, sizeof(*x->changes));
	x->changes[x->change_count++] = *l;
	return 0;
}

/* One row for each group the sender was seen at. */
static int add_standing(struct explain *x, struct ask *a, uint16_t group, struct error *e)
{
	for (size_t i = 0; i < x->standing_count; i++)
		if (x->standing[i].site == group)
			return 0;
	struct listing l;
	int rc = ask_listing(a, x->client, group, &l, e);
	if (rc != 0)
		return rc;
	l.site = group;
	x->standing =
	    xroom(x->standing, x->standing_count, &x->standing_cap, sizeof(*x->standing));
	x->standing[x->standing_count++] = l;
	return 0;
}

static int find_listing(struct making *m, struct ask *a, struct error *e)
{
	struct explain *x = m->x;
	int rc = ask_listing_history(a, x->client, on_change, m, e);
	for (size_t i = 0; rc == 0 && i < x->walk_count; i++)
		rc = add_standing(x, a, sites_group(x->sites, x->walks[i].verdict.site),
				  e);
	return rc;
}

int explain_make(struct ask *a, struct db *db, struct addr client,
		 struct explain *ret_explain, struct error *e)
{
	struct explain x = { .client = client, .sites = ask_sites(a) };
	struct making m = { .x = &x };
	struct lookup q = { .db = db, .sites = x.sites };
	int rc = sender_find(&q, client, &x.sender, e);
	if (rc == 0)
		rc = ask_spf(a, client, &x.spf_passes, e);
	if (rc == 0)
		rc = ask_client(a, client, on_walk, on_run, &m, e);
	find_corrections(&x);
	if (rc == 0)
		rc = find_visits(&m, a, e);
	if (rc == 0)
		rc = find_listing(&m, a, e);
	free(m.ids);
	if (rc != 0) {
		explain_release(&x);
		return rc;
	}
	x.is_allowed = allow_has(db, &x.sender);
	*ret_explain = x;
	return 0;
}

void explain_release(struct explain *x)
{
	for (size_t i = 0; i < x->visit_count; i++)
		release_visit(&x->visits[i]);
	free(x->visits);
	free(x->walks);
	free(x->changes);
	free(x->standing);
	*x = (struct explain){ .visits = NULL };
}

const char *explain_site(const struct explain *x, uint16_t id, char text[SITE_NAME_MAX])
{
	const struct site *s = sites_find(x->sites, id);
	(void)str_copy(text, SITE_NAME_MAX, s ? s->name : "");
	return text;
}
