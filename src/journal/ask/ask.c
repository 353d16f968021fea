#include "journal/ask/ask_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/ask/listed.h"
#include "journal/take/take.h"

/* ---- the snapshot ---- */

static int64_t moment_of(struct db *db, const char *sql)
{
	sqlite3_stmt *s = db_statement(db, sql);
	int64_t moment = db_step(db, s, NULL) == 1 ? sqlite3_column_int64(s, 0) : 0;
	db_done(s);
	return moment;
}

/* serve may have defined other sites since. */
static int load_sites(struct ask *a, struct error *e)
{
	struct sites sites = { 0 };
	int rc = sites_load(a->db, &sites, e);
	if (rc != 0)
		return rc;
	struct sites old = a->sites;
	a->sites = sites;
	if (a->coverage)
		coverage_sites(a->coverage, &a->sites);
	else
		a->coverage = coverage_new(a->db, &a->sites);
	sites_release(&old);
	return 0;
}

/* Of views, those of other connections' commits are noticed by coverage. */
static void drop_old_views(struct ask *a)
{
	int64_t changes = sqlite3_total_changes64(db_sqlite(a->db));
	if (changes != a->changes)
		coverage_reset(a->coverage);
	a->changes = changes;
}

static int enter(struct ask *a, struct error *e)
{
	a->is_ours = sqlite3_get_autocommit(db_sqlite(a->db)) != 0;
	int rc = a->is_ours ? db_begin_read(a->db, e) : 0;
	if (rc == 0 &&
	    (!a->coverage || db_meta(a->db, "generation", 0) != a->sites.generation))
		rc = load_sites(a, e);
	if (rc == 0)
		drop_old_views(a);
	return rc;
}

static void drop_twins(struct ask *a)
{
	free(a->by_four);
	free(a->by_six);
	a->by_four = a->by_six = NULL;
	a->twin_count = 0;
	a->has_twins = false;
}

static void leave(struct ask *a)
{
	if (a->is_ours)
		db_end_read(a->db);
	a->is_ours = false;
}

int ask_begin(struct ask *a, struct error *e)
{
	if (a->depth == 0)
		lookup_clear(&a->lookup);
	int rc = a->depth == 0 ? enter(a, e) : 0;
	if (rc == 0)
		a->depth++;
	else
		leave(a);
	return rc;
}

void ask_end(struct ask *a)
{
	if (--a->depth > 0)
		return;
	drop_twins(a);
	leave(a);
}

int ask_renew(struct ask *a, struct error *e)
{
	if (a->depth > 1 || !a->is_ours)
		return 0;
	leave(a);
	return enter(a, e);
}

int ask_open(struct db *db, int64_t now, struct ask **ret_ask, struct error *e)
{
	struct ask *a = xcalloc(1, sizeof(*a));
	a->db = db;
	a->lookup = (struct lookup){ .db = db, .sites = &a->sites };
	int rc = ask_begin(a, e);
	if (rc != 0) {
		ask_close(a);
		return rc;
	}
	int64_t seen = db_meta(db, "seen", 0);
	a->now = now > seen ? now : seen;
	a->first_seen = moment_of(db, "SELECT seen FROM visit ORDER BY id LIMIT 1");
	a->first_watched = moment_of(db, "SELECT min(since) FROM span WHERE kind = 1");
	ask_end(a);
	*ret_ask = a;
	return 0;
}

void ask_close(struct ask *a)
{
	if (!a)
		return;
	coverage_free(a->coverage);
	sites_release(&a->sites);
	decided_release(&a->decided);
	lookup_clear(&a->lookup);
	free(a);
}

const struct sites *ask_sites(const struct ask *a)
{
	return &a->sites;
}

int64_t ask_now(const struct ask *a)
{
	return a->now;
}

int64_t ask_first_seen(const struct ask *a)
{
	return a->first_seen;
}

/* An imported visit is seen at the greatest time so far: others may have come before. */
int64_t ask_begun(const struct ask *a)
{
	bool is_watched = a->first_watched > 0;
	return is_watched && (a->first_watched < a->first_seen || a->first_seen == 0)
		   ? a->first_watched
		   : a->first_seen;
}

int ask_view(struct ask *a, uint16_t group, const struct view **ret_view, struct error *e)
{
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	rc = coverage_view(a->coverage, group, a->now, ret_view, e);
	ask_end(a);
	return rc;
}

const char *ask_blind(struct ask *a, uint16_t host, char *text, size_t size)
{
	char name[32];
	(void)snprintf(name, sizeof(name), TAKE_BLIND, host);
	sqlite3_stmt *s =
	    db_query(a->db, "SELECT position FROM source WHERE name = ?1", DB(name));
	text[0] = '\0';
	if (db_step(a->db, s, NULL) > 0)
		(void)str_copy(text, size, db_text(s, 0));
	db_done(s);
	return text;
}

int ask_told_until(struct ask *a, int64_t *ret_until, struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(a->db, "SELECT max(told) FROM host WHERE here_until IS NULL");
	return db_number(a->db, s, ret_until, e);
}

/* ---- one walk ---- */

struct verdict ask_told_verdict(const struct run *main, uint16_t group)
{
	const struct told *t = &main->told;
	return (struct verdict){
		.client = main->client,
		.site = group,
		.began = main->began,
		.last = main->last,
		.order = t->order,
		.order_reason = t->order_reason,
		.fate = t->fate,
		.fate_reason = t->fate_reason,
		.is_final = t->is_final,
		.returned_later = t->returned_later,
		.order_excused = t->order_excused,
		.fate_excused = t->fate_excused,
		.tier = t->tier,
		.missing = t->missing,
		.delay_us = t->delay_us,
		.delay_error_us = t->delay_error_us,
		.need = t->need,
		.need_now = t->is_sealed ? MOMENT_NONE : main->began,
	};
}

bool ask_is_part(const struct run *real, const struct run *runs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (runs[i].kind == RUN_DECOY && run_touches(real, &runs[i], RUN_GAP))
			return true;
	return false;
}

bool ask_is_told(const struct ask *a, const struct run *main, const struct view *v,
		 bool may_be_told)
{
	const struct told *t = &main->told;
	if (main->kind != RUN_DECOY || !t->is_told)
		return false;
	if (t->is_woken)
		return false;
	if (t->is_sealed)
		return t->need == MOMENT_NONE;
	return may_be_told && t->need > v->frontier &&
	       v->now < main->began + a->sites.rules.final;
}

int ask_decide(struct ask *a, const struct ask_main *m, struct ask_walk *ret_walk,
	       struct error *e)
{
	struct decided *d = &a->decided;
	const struct rules *r = &a->sites.rules;
	int rc = 0;
	d->touching.count = 0;
	run_list_add(&d->touching, m->main);
	proof_touching(m->main, m->runs, m->run_count, &d->touching);
	walk_of(m->main, d->touching.at + 1, d->touching.count - 1, &d->walk);
	if (ask_is_told(a, m->main, m->view, m->may_be_told)) {
		d->verdict = ask_told_verdict(m->main, m->view->group);
		d->verdict.last = d->walk.last;
	} else {
		proof_own(&d->walk, m->runs, m->run_count, r, &d->proof);
		rc = proof_make(&a->lookup, &d->walk, m->who, m->runs, m->run_count,
				m->view, r, &d->proof, e);
		if (rc == 0)
			d->verdict = decided_say(d, m->view, r);
	}
	if (rc == 0)
		*ret_walk = (struct ask_walk){ .walk = &d->walk,
					       .runs = d->touching.at,
					       .run_count = d->touching.count,
					       .sender = m->who,
					       .verdict = d->verdict,
					       .told = m->main->told };
	return rc;
}

/* ---- one client ---- */

struct client_walk {
	size_t main, first, count; /* in the list of runs: the group's */
	uint16_t group;
	int64_t began;
};

static int compare_walks(const void *a, const void *b)
{
	const struct client_walk *x = a, *y = b;
	int by_group = (int)x->group - (int)y->group;
	return x->began != y->began ? (x->began > y->began) - (x->began < y->began)
				    : by_group;
}

/* A run that sites shared once is a walk of the group that its own site is in. */
static bool is_walk(const struct ask *a, const struct run *r, uint16_t group,
		    const struct run *runs, size_t count)
{
	if (sites_group(&a->sites, r->group) != group)
		return false;
	return r->kind == RUN_DECOY ||
	       (r->kind == RUN_REAL && !ask_is_part(r, runs, count));
}

static int add_group(struct ask *a, const struct sender *who, uint16_t group,
		     struct run_list *runs, struct client_walk **walks, size_t *count,
		     struct error *e)
{
	struct run_list own = { .most = SIZE_MAX };
	int rc = sender_runs(&a->lookup, group, who, INT64_MIN, INT64_MAX, &own, e);
	size_t first = runs->count;
	for (size_t i = 0; i < own.count; i++) {
		run_list_add(runs, &own.at[i]);
		if (rc != 0 || !is_walk(a, &own.at[i], group, own.at, own.count))
			continue;
		*walks = xrealloc(*walks, *count + 1, sizeof(**walks));
		(*walks)[(*count)++] = (struct client_walk){ first + i, first, own.count,
							     group, own.at[i].began };
	}
	run_list_release(&own);
	return rc;
}

static int tell_client(struct ask *a, const struct sender *who, const struct run *runs,
		       const struct client_walk *w, ask_walk_fn fn, void *arg,
		       struct error *e)
{
	struct ask_walk walk;
	struct ask_main m = { .main = &runs[w->main],
			      .who = who,
			      .runs = &runs[w->first],
			      .run_count = w->count };
	int rc = coverage_view(a->coverage, w->group, a->now, &m.view, e);
	if (rc == 0)
		rc = ask_decide(a, &m, &walk, e);
	return rc == 0 ? fn(arg, &walk) : rc;
}

int ask_client(struct ask *a, struct addr client, ask_walk_fn fn, ask_run_fn run,
	       void *arg, struct error *e)
{
	struct sender who;
	struct run_list runs = { 0 };
	struct client_walk *walks = NULL;
	size_t count = 0;
	int rc = ask_begin(a, e);
	if (rc != 0)
		return rc;
	rc = sender_find(&a->lookup, client, &who, e);
	for (size_t i = 0; rc == 0 && i < a->sites.count; i++) {
		uint16_t id = a->sites.all[i].id;
		if (sites_group(&a->sites, id) == id)
			rc = add_group(a, &who, id, &runs, &walks, &count, e);
	}
	if (count)
		qsort(walks, count, sizeof(*walks), compare_walks);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = tell_client(a, &who, runs.at, &walks[i], fn, arg, e);
	for (size_t i = 0; rc == 0 && run && i < runs.count; i++)
		rc = run(arg, &runs.at[i]);
	ask_end(a);
	free(walks);
	run_list_release(&runs);
	return rc;
}
