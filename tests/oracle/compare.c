/*
 * compare - the journal's judge against the oracle, on random histories
 *
 *	compare [HISTORIES [SEED [DIFFERENCES]]]
 *
 * Each history is told to a journal in memory, in batches that chance cuts, with what
 * time brings done now and then; then every walk and listing must be what the oracle
 * says: as it was told, and as it is decided anew. Of some, chance asks more: time goes
 * on to the next `need`, before which nothing may change; the lines come in another
 * order, and must give equal facts; the journal is made anew from its visits.
 *
 * Prints the seed first, what differed, and how often each thing was seen; exit status 1
 * if anything differed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "fresh.h"
#include "journal/ask/ask.h"
#include "journal/ask/due.h"
#include "journal/upkeep/upkeep.h"

struct found {
	struct oracle_walk at[ORACLE_WALKS];
	size_t count;
};

/* One history in its journal. */
struct play {
	struct db *db;
	struct take *take;
	struct due *due;
	struct history *h;
	struct oracle_listings listings; /* as the oracle has them told */
	const char *what;                /* is being looked at */
};

/* How often each thing was seen: a comparison of what never happens says nothing. */
static struct {
	uint64_t walks, orders[ORDER_BACKDOOR + 1], fates[FATE_UNKNOWN + 1],
	    tiers[TIER_COUNT], missing, delays, undecided, listings, on, looks, steps,
	    shuffles, rebuilds;
} seen;

/* ---- telling ---- */

static struct oracle oracle_of(const struct history *h, size_t lines, int64_t now)
{
	return (struct oracle){ h->known,        h->host_count, h->lines, lines,
				rules_default(), h->started,    now };
}

static void work(struct play *p, size_t lines, int64_t now)
{
	struct error e;
	struct oracle o = oracle_of(p->h, lines, now);
	fresh_must(due_all(p->due, now, &e), &e);
	oracle_list(&o, &p->listings);
}

static void tell(struct play *p, size_t from)
{
	struct error e;
	struct history *h = p->h;
	uint64_t batch = 1 + history_random(h, 9);
	for (size_t i = from; i < h->count; i++) {
		take_add(p->take, &h->lines[i]);
		bool is_last = i + 1 == h->count;
		bool goes_on = !is_last && h->lines[i + 1].seen == h->lines[i].seen;
		if (!is_last && (goes_on || history_random(h, batch)))
			continue;
		fresh_must(take_commit(p->take, &e), &e);
		if (!is_last && history_random(h, 2))
			work(p, i + 1, h->lines[i].seen);
	}
	work(p, h->count, h->now);
}

static void begin(struct play *p)
{
	struct error e;
	fresh_must(take_new(p->db, &p->take, &e), &e);
	p->due = due_new(p->db, take_coverage(p->take), &(struct due_sink){ 0 });
	p->listings.count = 0;
}

static void end(struct play *p)
{
	due_free(p->due);
	take_free(p->take);
}

/* ---- looking ---- */

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
		.fate_reason = v->fate_reason,
		.is_final = v->is_final,
		.tier = v->tier,
		.is_missing = v->missing != 0,
		.delay_us = v->delay_us,
	};
	return 0;
}

static int on_listing(void *arg, const struct listing *l)
{
	struct oracle_listings *all = arg;
	for (size_t i = 0; i < all->count; i++)
		all->at[i].is_on |= addr_equal(all->at[i].client, l->client) &&
				    all->at[i].since == l->since;
	return 0;
}

static void read_listings(struct play *p, struct ask *a, struct oracle_listings *ret)
{
	struct error e;
	int rc;
	sqlite3_stmt *s =
	    db_statement(p->db, "SELECT client, first, since, until FROM listing");
	ret->count = 0;
	while ((rc = db_step(p->db, s, &e)) > 0)
		ret->at[ret->count++] = (struct oracle_listing){
			.client = db_addr(s, 0),
			.first = sqlite3_column_int64(s, 1),
			.since = sqlite3_column_int64(s, 2),
			.until = sqlite3_column_int64(s, 3),
		};
	fresh_must(rc, &e);
	fresh_must(ask_listed(a, true, on_listing, ret, &e), &e);
}

static bool is_one_walk(const struct oracle_walk *x, const struct oracle_walk *y)
{
	return addr_equal(x->client, y->client) && x->began == y->began &&
	       x->is_decoy == y->is_decoy;
}

/* was_told: before the frontier has passed nothing is told, and what was told stays. */
static bool is_same_walk(const struct oracle_walk *x, const struct oracle_walk *y,
			 bool was_told)
{
	if (was_told &&
	    (x->order_reason == REASON_UNDECIDED || y->order_reason == REASON_UNDECIDED))
		return is_one_walk(x, y);
	return is_one_walk(x, y) && x->order == y->order &&
	       x->order_reason == y->order_reason && x->fate == y->fate &&
	       x->fate_reason == y->fate_reason && x->is_final == y->is_final &&
	       x->delay_us == y->delay_us && x->tier == y->tier &&
	       x->is_missing == y->is_missing;
}

static bool has_walk(const struct found *f, const struct oracle_walk *w, bool was_told)
{
	for (size_t i = 0; i < f->count; i++)
		if (is_same_walk(&f->at[i], w, was_told))
			return true;
	return false;
}

static bool has_listing(const struct oracle_listings *all, const struct oracle_listing *l)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct oracle_listing *x = &all->at[i];
		if (is_sender(x->client, l->client) && x->first == l->first &&
		    x->since == l->since && x->until == l->until && x->is_on == l->is_on)
			return true;
	}
	return false;
}

static double second(const struct play *p, int64_t t)
{
	return (double)(t - p->h->started - 2 * STAMP_DAY) / 1e6;
}

/* Those walks of f that the other has not. */
static bool show_walks(const struct play *p, const char *who, const struct found *f,
		       const struct found *other, bool was_told)
{
	bool differs = false;
	for (size_t i = 0; i < f->count; i++) {
		const struct oracle_walk *w = &f->at[i];
		char client[ADDR_TEXT_MAX];
		if (has_walk(other, w, was_told))
			continue;
		differs = true;
		(void)printf("  %s, %s: %s %s began %.1f: %s (%s), %s (%s)%s, %s%s, "
			     "delay %.3f\n",
			     p->what, who, addr_text(w->client, client),
			     w->is_decoy ? "decoy" : "real", second(p, w->began),
			     order_name(w->order), reason_text(w->order_reason),
			     fate_name(w->fate), reason_text(w->fate_reason),
			     w->is_final ? " for good" : "", tier_name(w->tier),
			     w->is_missing ? ", missing" : "",
			     w->delay_us < 0 ? -1 : (double)w->delay_us / 1e6);
	}
	return differs;
}

static bool show_listings(const struct play *p, const char *who,
			  const struct oracle_listings *all,
			  const struct oracle_listings *other)
{
	bool differs = false;
	for (size_t i = 0; i < all->count; i++) {
		const struct oracle_listing *l = &all->at[i];
		char client[ADDR_TEXT_MAX];
		if (has_listing(other, l))
			continue;
		differs = true;
		(void)printf("  %s, %s: %s listed %.1f to %.1f by %.1f, %s\n", p->what,
			     who, addr_text(l->client, client), second(p, l->since),
			     second(p, l->until), second(p, l->first),
			     l->is_on ? "on" : "off");
	}
	return differs;
}

static void count_seen(const struct found *f, const struct oracle_listings *all)
{
	seen.looks++;
	seen.walks += f->count;
	for (size_t i = 0; i < f->count; i++) {
		const struct oracle_walk *w = &f->at[i];
		seen.orders[w->order]++;
		seen.fates[w->fate]++;
		seen.tiers[w->tier]++;
		seen.missing += w->is_missing;
		seen.delays += w->delay_us >= 0;
		seen.undecided += w->order_reason == REASON_UNDECIDED;
	}
	seen.listings += all->count;
	for (size_t i = 0; i < all->count; i++)
		seen.on += all->at[i].is_on;
}

static void ask_all(struct play *p, struct found *told, struct found *anew,
		    struct oracle_listings *listings)
{
	struct error e;
	struct ask *a;
	struct ask_stream all = {
		.since = INT64_MIN, .until = INT64_MAX, .walk = on_walk, .arg = told
	};
	told->count = anew->count = 0;
	fresh_must(ask_open(p->db, p->h->now, &a, &e), &e);
	fresh_must(ask_walks(a, p->h->site.id, &all, &e), &e);
	for (unsigned i = 0; i < HISTORY_CLIENTS; i++) {
		/* Both addresses of a sender tell its walks. */
		size_t count = anew->count;
		struct addr client = history_client(i);
		if (!history_has(p->h, client))
			continue;
		fresh_must(ask_client(a, client, on_walk, NULL, anew, &e), &e);
		for (size_t k = count; k < anew->count; k++)
			if (addr_equal(anew->at[k].client, client))
				anew->at[count++] = anew->at[k];
		anew->count = count;
	}
	read_listings(p, a, listings);
	ask_close(a);
}

/* Journal and oracle, now. */
static bool look(struct play *p, const char *what)
{
	static struct found told, anew, its;
	static struct oracle_listings ours;
	struct oracle o = oracle_of(p->h, p->h->count, p->h->now);
	bool differs;
	p->what = what;
	ask_all(p, &told, &anew, &ours);
	its.count = oracle_walks(&o, its.at, ORACLE_WALKS);
	oracle_listed(&o, its.at, its.count, &p->listings);
	count_seen(&its, &p->listings);
	differs = show_walks(p, "told", &told, &its, true);
	differs |= show_walks(p, "oracle of the told", &its, &told, true);
	differs |= show_walks(p, "journal", &anew, &its, false);
	differs |= show_walks(p, "oracle", &its, &anew, false);
	differs |= show_listings(p, "journal", &ours, &p->listings);
	differs |= show_listings(p, "oracle", &p->listings, &ours);
	return differs;
}

/* ---- more that must hold ---- */

/* The rows of a question, as text. */
static char *rows_of(struct db *db, const char *sql)
{
	struct buf b = BUF_INIT(1 << 20);
	sqlite3_stmt *s;
	if (sqlite3_prepare_v2(db_sqlite(db), sql, -1, &s, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "compare: %s\n", sqlite3_errmsg(db_sqlite(db)));
		exit(2);
	}
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		buf_addf(&b, "%s\n", text ? text : "");
	}
	(void)sqlite3_finalize(s);
	return buf_take(&b);
}

#define TOLD_ROWS                                                                        \
	"SELECT hex(client) || began || ' ' || coalesce(told, '') || ' ' || "            \
	"coalesce(delay, '') || ' ' || coalesce(missing, '') || ' ' || "                 \
	"coalesce(need, '') FROM run WHERE kind = 3 ORDER BY grp, client, began"

#define FACT_ROWS                                                                        \
	"SELECT printf('run %d %s %d %d %d %d %d | %s %s %s %s | %s %s %s %s %s %d %d "  \
	"%d %d', kind, hex(client), began, width, earlier, answered, last, high, "       \
	"high_width, low, low_width, accepted, clean, unjudged, rcpt_hours, "            \
	"hex(envelopes), half_hours, hosts, visits, depth) FROM run UNION ALL "          \
	"SELECT printf('span %d %d %d %d', host, kind, since, until) FROM span "         \
	"UNION ALL SELECT printf('envelope %d %s %s %s %s %s %s %s', hash, told4, "      \
	"told6, real4, real6, real4_last, real6_last, accepted) FROM envelope "          \
	"UNION ALL SELECT printf('slot %d %d %d %d %d %d %d %d', host, five, visits, "   \
	"accepted, refused, deferred, aborted, late) FROM slot ORDER BY 1"

/* Of the first difference one line each. */
static bool show_rows(const struct play *p, const char *ours, const char *other)
{
	size_t at = 0, line = 0;
	if (strcmp(ours, other) == 0)
		return false;
	for (; ours[at] == other[at]; at++)
		line = ours[at] == '\n' ? at + 1 : line;
	(void)printf("  %s, before: %.*s\n", p->what, (int)strcspn(ours + line, "\n"),
		     ours + line);
	(void)printf("  %s, after: %.*s\n", p->what, (int)strcspn(other + line, "\n"),
		     other + line);
	return true;
}

static void go_on(struct play *p, int64_t now)
{
	size_t from = p->h->count;
	p->h->now = now;
	history_tell_all(p->h);
	tell(p, from);
}

/* Before the least `need` nothing changes; then the oracle still agrees. */
static bool step(struct play *p)
{
	struct history *h = p->h;
	char *text =
	    rows_of(p->db, "SELECT min(r.need) FROM run r JOIN grp ON grp.id = r.grp "
			   "WHERE r.need > grp.frontier");
	int64_t need = strtoll(text, NULL, 10);
	free(text);
	if (need - 1 <= h->now || h->count + 4 * HISTORY_HOSTS > ORACLE_LINES)
		return false;
	seen.steps++;
	char *before = rows_of(p->db, TOLD_ROWS);
	go_on(p, need - 1);
	char *after = rows_of(p->db, TOLD_ROWS);
	p->what = "before its need";
	bool differs = show_rows(p, before, after);
	free(before);
	free(after);
	differs |= look(p, "just before a need");
	go_on(p, need);
	return look(p, "at a need") || differs;
}

/* Any order of the hosts' lines gives equal facts, and the same is said of them. */
static bool shuffle(struct play *p)
{
	seen.shuffles++;
	char *before = rows_of(p->db, FACT_ROWS);
	end(p);
	p->db = fresh_journal(p->h);
	begin(p);
	history_shuffle(p->h);
	tell(p, 0);
	char *after = rows_of(p->db, FACT_ROWS);
	p->what = "in another order";
	bool differs = show_rows(p, before, after);
	free(before);
	free(after);
	return look(p, "in another order") || differs;
}

static bool rebuild(struct play *p)
{
	char path[] = "/tmp/fakemx-compare-XXXXXX", name[64];
	struct verify_result r;
	struct error e;
	seen.rebuilds++;
	if (!mkdtemp(path)) {
		perror("compare: mkdtemp");
		exit(2);
	}
	(void)snprintf(name, sizeof(name), "%s/journal", path);
	fresh_must(journal_backup(p->db, name, false, &e), &e);
	int rc = journal_verify(name, NULL, NULL, NULL, &r, &e);
	if (rc != 0)
		(void)printf("  made anew: %s\n", r.first[0] ? r.first : e.text);
	(void)unlink(name);
	(void)rmdir(path);
	return rc != 0;
}

static bool play(struct history *h, uint64_t seed)
{
	static struct play p;
	p.h = h;
	history_site(h, seed);
	p.db = fresh_journal(h);
	history_fill(h);
	begin(&p);
	tell(&p, 0);
	bool differs = look(&p, "at the end");
	if (!differs && history_random(h, 128) == 0)
		differs = rebuild(&p);
	if (!differs && history_random(h, 4) == 0)
		differs = step(&p);
	if (!differs && history_random(h, 4) == 0)
		differs = shuffle(&p);
	end(&p);
	return differs;
}

static void print_seen(void)
{
	(void)printf("%" PRIu64 " looks, %" PRIu64 " steps to a need, %" PRIu64
		     " other orders, %" PRIu64 " made anew\n%" PRIu64 " walks:",
		     seen.looks, seen.steps, seen.shuffles, seen.rebuilds, seen.walks);
	for (int i = 0; i <= ORDER_BACKDOOR; i++)
		(void)printf(" %s %" PRIu64, order_name((enum order)i), seen.orders[i]);
	(void)printf(" (undecided %" PRIu64 ");", seen.undecided);
	for (int i = 0; i <= FATE_UNKNOWN; i++)
		(void)printf(" %s %" PRIu64, fate_name((enum fate)i), seen.fates[i]);
	(void)printf(";");
	for (int i = 1; i < TIER_COUNT; i++)
		(void)printf(" %s %" PRIu64, tier_name((enum tier)i), seen.tiers[i]);
	(void)printf("; missing %" PRIu64 ", delays %" PRIu64 "\n%" PRIu64
		     " listings, on %" PRIu64 "\n",
		     seen.missing, seen.delays, seen.listings, seen.on);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 20261130;
	uint64_t most = argc > 3 ? strtoull(argv[3], NULL, 10) : 3;
	uint64_t differ = 0;
	(void)printf("histories %" PRIu64 ", seed %" PRIu64 "\n", count, seed);
	for (uint64_t i = 0; i < count && differ < most; i++) {
		static struct history h;
		if (i > 0 && i % 5000 == 0)
			(void)fprintf(stderr, "%" PRIu64 " asked, %" PRIu64 " differ\n",
				      i, differ);
		if (!play(&h, seed + i))
			continue;
		differ++;
		history_print(&h);
		(void)printf("history %" PRIu64 " differs\n", seed + i);
	}
	fresh_close();
	print_seen();
	(void)printf("%" PRIu64 " histories differ\n", differ);
	return differ != 0;
}
