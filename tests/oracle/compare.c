/*
 * compare - the journal's judge against the oracle, on random histories
 *
 *	compare [HISTORIES [SEED]]
 *
 * Each history is told to a journal in memory, in batches that chance cuts, with what
 * time brings done now and then; then every walk must be what the oracle says.
 * Prints the seed first and what differed; exit status 1 if anything did.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "journal/ask/ask.h"
#include "journal/ask/due.h"

struct found {
	struct oracle_walk at[ORACLE_WALKS];
	size_t count;
};

static int on_walk(void *arg, const struct ask_walk *w)
{
	struct found *f = arg;
	const struct verdict *v = &w->verdict;
	f->at[f->count++] = (struct oracle_walk){
		.client = v->client,
		.is_decoy = w->walk->main.kind == RUN_DECOY,
		.began = v->began,
		.order = v->order,
		.order_reason = v->order_reason,
		.fate = v->fate,
		.is_final = v->is_final,
		.tier = v->tier,
		.missing = v->missing,
		.delay_us = v->delay_us,
	};
	return 0;
}

static void must(int rc, const struct error *e)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "compare: %s\n", e->text);
	exit(2);
}

static void tell(struct history *h, struct db *db, struct take *t)
{
	struct error e;
	struct due *d = due_new(db, take_coverage(t), &(struct due_sink){ 0 });
	uint64_t batch = 1 + history_random(h, 9);
	for (size_t i = 0; i < h->count; i++) {
		take_add(t, &h->lines[i]);
		bool is_last = i + 1 == h->count;
		bool goes_on = !is_last && h->lines[i + 1].seen == h->lines[i].seen;
		if (goes_on || (!is_last && history_random(h, batch)))
			continue;
		must(take_commit(t, &e), &e);
		if (history_random(h, 2))
			must(due_all(d, h->lines[i].seen, &e), &e);
	}
	must(due_all(d, h->now, &e), &e);
	due_free(d);
}

/* As new: a journal that is opened again for each history costs more than its judge. */
static void empty(struct db *db)
{
	char sql[4096] = "";
	size_t n = 0;
	sqlite3_stmt *s;
	(void)sqlite3_prepare_v2(
	    db_sqlite(db),
	    "SELECT name FROM sqlite_schema WHERE type = 'table' AND "
	    "name NOT LIKE 'sqlite%'",
	    -1, &s, NULL);
	while (sqlite3_step(s) == SQLITE_ROW)
		n += (size_t)snprintf(sql + n, sizeof(sql) - n, "DELETE FROM %s;",
				      (const char *)sqlite3_column_text(s, 0));
	(void)sqlite3_finalize(s);
	if (sqlite3_exec(db_sqlite(db), sql, NULL, NULL, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "compare: %s\n", sqlite3_errmsg(db_sqlite(db)));
		exit(2);
	}
}

static void play(struct db *db, struct history *h, uint64_t seed, struct found *ret)
{
	struct error e;
	struct take *t;
	struct ask *a;
	struct rules rules = rules_default();
	history_site(h, seed);
	empty(db);
	must(sites_define(db, &h->site, 1, &rules, h->started, true, &e), &e);
	history_fill(h);
	must(take_new(db, &t, &e), &e);
	tell(h, db, t);
	must(ask_open(db, h->now, &a, &e), &e);
	struct ask_stream all = {
		.since = INT64_MIN, .until = INT64_MAX, .walk = on_walk, .arg = ret
	};
	must(ask_walks(a, h->site.id, &all, &e), &e);
	ask_close(a);
	take_free(t);
}

static int by_walk(const void *a, const void *b)
{
	const struct oracle_walk *x = a, *y = b;
	int r = addr_compare(x->client, y->client);
	if (r == 0)
		r = (x->began > y->began) - (x->began < y->began);
	return r ? r : (int)x->is_decoy - (int)y->is_decoy;
}

/* Before the frontier has passed, nothing is told: what was told before stays. */
static bool is_same_walk(const struct oracle_walk *x, const struct oracle_walk *y)
{
	if (x->order_reason == REASON_UNDECIDED || y->order_reason == REASON_UNDECIDED)
		return by_walk(x, y) == 0;
	return by_walk(x, y) == 0 && x->order == y->order && x->fate == y->fate &&
	       x->is_final == y->is_final && x->delay_us == y->delay_us;
}

static bool has_walk(const struct found *f, const struct oracle_walk *w)
{
	for (size_t i = 0; i < f->count; i++)
		if (is_same_walk(&f->at[i], w))
			return true;
	return false;
}

static bool is_same(const struct found *a, const struct found *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; i < a->count; i++)
		same = same && has_walk(b, &a->at[i]);
	return same;
}

/* Those walks of f that the other has not. */
static void show(const char *who, const struct found *f, const struct found *other,
		 const struct history *h)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct oracle_walk *w = &f->at[i];
		char client[ADDR_TEXT_MAX];
		if (has_walk(other, w))
			continue;
		(void)printf("  %s: %s %s began %.1f: %s (%s), %s%s, delay %.3f\n", who,
			     addr_text(w->client, client), w->is_decoy ? "decoy" : "real",
			     (double)(w->began - h->started - 2 * STAMP_DAY) / 1e6,
			     order_name(w->order), reason_text(w->order_reason),
			     fate_name(w->fate), w->is_final ? " for good" : "",
			     w->delay_us < 0 ? -1 : (double)w->delay_us / 1e6);
	}
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 20261130;
	uint64_t most = argc > 3 ? strtoull(argv[3], NULL, 10) : 3;
	uint64_t walks = 0, differ = 0;
	struct db *db;
	struct error e;
	must(db_open(":memory:", DB_WRITE, &db, &e), &e);
	(void)printf("histories %" PRIu64 ", seed %" PRIu64 "\n", count, seed);
	for (uint64_t i = 0; i < count && differ < most; i++) {
		static struct history h;
		static struct found ours, its;
		ours.count = its.count = 0;
		play(db, &h, seed + i, &ours);
		struct oracle o = { h.known,         h.host_count, h.lines, h.count,
				    rules_default(), h.started,    h.now };
		its.count = oracle_walks(&o, its.at, ORACLE_WALKS);
		walks += its.count;
		if (is_same(&ours, &its))
			continue;
		differ++;
		(void)printf("history %" PRIu64 " differs:\n", seed + i);
		history_print(&h);
		show("journal", &ours, &its, &h);
		show("oracle ", &its, &ours, &h);
	}
	db_close(db);
	(void)printf("%" PRIu64 " walks, %" PRIu64 " histories differ\n", walks, differ);
	return differ != 0;
}
