/*
 * What must hold of any history: of the same lines in other batches or another order the
 * runs and the answers are the same, a rebuild finds what was there, before its `need`
 * no verdict changes, and no reader holds the journal's log back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "journal/upkeep/upkeep.h"
#include "world.h"

#define ROOM BUF_INIT(1 << 20)
enum { LINES = 160, HISTORIES = 60 };

static uint64_t state_of_draw;

static unsigned draw(unsigned below)
{
	state_of_draw ^= state_of_draw << 13; /* xorshift64, Marsaglia 2003 */
	state_of_draw ^= state_of_draw >> 7;
	state_of_draw ^= state_of_draw << 17;
	return (unsigned)((state_of_draw >> 11) % below);
}

/* One host's lines in the order of its source. */
struct story {
	struct line lines[LINES];
	size_t count;
};

static const char letters[] = "ABXYZVCD";

static void add_visit(struct story *s, uint16_t host, int64_t time)
{
	static const char *const domains[] = { "example.com", "other.example" };
	bool is_real = host == HOST_MAIL || host == HOST_BACKUP;
	struct line *l = &s->lines[s->count++];
	*l = (struct line){ .kind = LINE_VISIT, .host = host, .time = time };
	l->text = l->position = "";
	struct visit *v = &l->visit;
	*v = (struct visit){
		.client = world_client(letters[draw(8)]),
		.host = host,
		.depth = (enum depth)(1 + draw(5)),
		.outcome = is_real ? (enum outcome)(1 + draw(4)) : OUTCOME_NONE,
		.spam = (enum spam)draw(3),
		.precision_us = draw(3) ? 1 : 1000000,
		.earlier_us = draw(8) ? 0 : 2000000,
		.time = time,
		.helo = "",
		.mail_from = "",
		.recipient_domain = domains[draw(4) == 0],
		.name = "",
	};
	if (draw(4) == 0 && !is_real)
		v->depth = DEPTH_KNOCK;
	if (v->precision_us > 1)
		v->time -= v->time % STAMP_SECOND;
	v->ended = draw(3) ? 0 : v->time + (int64_t)draw(3000) * STAMP_SECOND;
	if (v->depth >= DEPTH_RCPT && draw(2))
		visit_add_envelope(v, draw(6) + 1);
}

/* A minute's grid makes ties, and gaps of exactly half an hour. */
static int64_t draw_time(unsigned hours)
{
	return WORLD_ZERO + (int64_t)draw(hours * 12) * 5 * STAMP_MINUTE +
	       (int64_t)draw(3) * STAMP_SECOND;
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	return (x->time > y->time) - (x->time < y->time);
}

/* Visits by time; now and then a watermark, so that some lines after it are late. */
static void make_story(struct story *s, uint16_t host, unsigned hours)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < 14; i++)
		add_visit(s, host, draw_time(hours));
	qsort(s->lines, s->count, sizeof(s->lines[0]), compare_lines);
	size_t count = s->count;
	for (size_t i = 0; i < 3; i++) {
		size_t at = draw((unsigned)count);
		struct line mark = { .kind = LINE_WATERMARK,
				     .host = host,
				     .time = s->lines[at].time,
				     .text = "",
				     .position = "" };
		if (s->lines[at].kind != LINE_VISIT)
			continue;
		/* Visits that follow at its very time are told in time. */
		while (at > 0 && s->lines[at - 1].time >= mark.time)
			at--;
		memmove(&s->lines[at + 1], &s->lines[at],
			(s->count - at) * sizeof(s->lines[0]));
		s->lines[at] = mark;
		s->count++;
	}
	/* One told late, after the last watermark. */
	if (draw(2)) {
		struct line mark = { .kind = LINE_WATERMARK,
				     .host = host,
				     .time = s->lines[s->count - 1].time + 1,
				     .text = "",
				     .position = "" };
		s->lines[s->count++] = mark;
		add_visit(s, host, WORLD_ZERO + (int64_t)draw(hours * 12) * 300000000);
	}
}

static void make_history(struct story stories[WORLD_HOSTS], unsigned hours)
{
	for (uint16_t host = HOST_LOW; host < WORLD_HOSTS; host++)
		make_story(&stories[host], host, hours);
}

/* Some interleaving of the hosts' lines, each in its order; all arrive when it is over,
 * so that arrival says nothing. */
static void play(struct world *w, struct story stories[WORLD_HOSTS], int64_t seen)
{
	size_t at[WORLD_HOSTS] = { 0 };
	unsigned left = 0;
	for (size_t host = HOST_LOW; host < WORLD_HOSTS; host++)
		left += (unsigned)stories[host].count;
	while (left > 0) {
		size_t host = HOST_LOW + draw(WORLD_HOSTS - HOST_LOW);
		if (at[host] == stories[host].count)
			continue;
		struct line l = stories[host].lines[at[host]++];
		l.seen = seen;
		world_line(w, &l);
		left--;
	}
	world_commit(w);
}

static void names(struct world *w)
{
	world_name(w, 'A', "mx1.good.example", false);
	world_name(w, 'V', "mx1.good.example", false);
	world_name(w, 'C', "mx2.good.example", false);
	world_name(w, 'X', "dsl-1.isp.example", true);
}

static void end(struct world *w, const char *moment)
{
	char text[128];
	(void)snprintf(text, sizeof(text), "W@%s", moment);
	world_play(w, text);
}

static void facts_and_answers_do_not_depend_on_batches_or_order(void **state)
{
	static const size_t batches[] = { 1, 7, 0, 3 };
	(void)state;
	for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
		struct story *stories = xcalloc(WORLD_HOSTS, sizeof(*stories));
		struct buf runs[4] = { ROOM, ROOM, ROOM, ROOM };
		struct buf answers[4] = { ROOM, ROOM, ROOM, ROOM };
		state_of_draw = seed * UINT64_C(0x9e3779b97f4a7c15);
		make_history(stories, 30);
		for (size_t i = 0; i < 4; i++) {
			struct world w;
			world_init(&w);
			w.batch = batches[i];
			w.is_lazy = i == 3;
			world_begin(&w);
			names(&w);
			play(&w, stories, world_time("40h"));
			end(&w, "40h");
			world_runs(&w, false, &runs[i]);
			world_answers(&w, &answers[i]);
			world_release(&w);
			if (i > 0 && strcmp(buf_text(&runs[0]), buf_text(&runs[i])) != 0)
				fail_msg("seed %llu: batches of %zu:\n%s\nof %zu:\n%s",
					 (unsigned long long)seed, batches[0],
					 buf_text(&runs[0]), batches[i],
					 buf_text(&runs[i]));
		}
		/* What was told when may differ: an excuse that was told stays. All of
		 * one commit tell once. */
		if (strcmp(buf_text(&answers[2]), buf_text(&answers[3])) != 0)
			fail_msg("seed %llu: got\n%s\nand\n%s", (unsigned long long)seed,
				 buf_text(&answers[2]), buf_text(&answers[3]));
		for (size_t i = 0; i < 4; i++) {
			buf_release(&runs[i]);
			buf_release(&answers[i]);
		}
		free(stories);
	}
}

/* What is told live is what a question finds. */
static int is_as_told(void *arg, const struct ask_walk *walk)
{
	const struct verdict *v = &walk->verdict;
	const struct told *t = &walk->told;
	unsigned *wrong = arg;
	char text[ADDR_TEXT_MAX];
	if (walk->walk->main.kind != RUN_DECOY || !t->is_told ||
	    v->order_reason == REASON_UNDECIDED)
		return 0;
	if (v->order != t->order || v->fate != t->fate || v->tier != t->tier ||
	    v->missing != t->missing || v->delay_us != t->delay_us) {
		print_error("%s: told %s %s, asked %s %s\n", addr_text(v->client, text),
			    order_name(t->order), fate_name(t->fate),
			    order_name(v->order), fate_name(v->fate));
		++*wrong;
	}
	return 0;
}

static unsigned count_untold(struct world *w)
{
	struct error e = { 0, "" };
	unsigned wrong = 0;
	struct ask *a;
	assert_int_equal(ask_open(w->db, w->seen, &a, &e), 0);
	for (const char *c = letters; *c; c++)
		assert_int_equal(
		    ask_client(a, world_client(*c), is_as_told, NULL, &wrong, &e), 0);
	ask_close(a);
	return wrong;
}

/* The frontier goes on in small steps; due decides again only what needs it, a question
 * all that is not sealed. */
static void nothing_changes_before_its_need(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= HISTORIES / 3; seed++) {
		struct story *stories = xcalloc(WORLD_HOSTS, sizeof(*stories));
		struct world w;
		state_of_draw = seed * UINT64_C(0xd1342543de82ef95);
		make_history(stories, 3);
		world_init(&w);
		w.batch = 0;
		world_begin(&w);
		names(&w);
		play(&w, stories, world_time("4h"));
		for (unsigned minute = 180; minute < 600; minute += 1 + draw(9)) {
			char text[64];
			(void)snprintf(text, sizeof(text), "%um", minute);
			end(&w, text);
			if (count_untold(&w) > 0)
				fail_msg("seed %llu, at %u minutes",
					 (unsigned long long)seed, minute);
		}
		world_release(&w);
		free(stories);
	}
}

/* ---- one sender, and all of them ---- */

enum { ANSWERS = 128 };

struct answers {
	struct verdict at[ANSWERS];
	size_t count;
};

static int add_answer(void *arg, const struct ask_walk *walk)
{
	struct answers *a = arg;
	assert_true(a->count < ANSWERS);
	a->at[a->count++] = walk->verdict;
	return 0;
}

static bool is_same(const struct verdict *a, const struct verdict *b)
{
	return addr_equal(a->client, b->client) && a->began == b->began &&
	       a->last == b->last && a->order == b->order &&
	       a->order_reason == b->order_reason && a->fate == b->fate &&
	       a->fate_reason == b->fate_reason && a->tier == b->tier &&
	       a->missing == b->missing && a->delay_us == b->delay_us;
}

static void expect_each(const struct answers *all, const struct answers *some,
			uint64_t seed)
{
	for (size_t i = 0; i < some->count; i++) {
		size_t k = 0;
		char text[ADDR_TEXT_MAX];
		while (k < all->count && !is_same(&all->at[k], &some->at[i]))
			k++;
		if (k == all->count)
			fail_msg("seed %llu: %s has another walk at %lld",
				 (unsigned long long)seed,
				 addr_text(some->at[i].client, text),
				 (long long)(some->at[i].began - WORLD_ZERO));
	}
}

/* A report reads the runs side by side, explain looks them up. */
static void a_report_says_what_explain_says(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
		struct story *stories = xcalloc(WORLD_HOSTS, sizeof(*stories));
		struct answers report = { .count = 0 }, each = { .count = 0 };
		struct error e = { 0, "" };
		struct world w;
		struct ask *a;
		state_of_draw = seed * UINT64_C(0xa0761d6478bd642f);
		make_history(stories, 30);
		world_init(&w);
		w.batch = 0;
		world_begin(&w);
		names(&w);
		play(&w, stories, world_time("40h"));
		end(&w, draw(2) ? "33h" : "40h");
		struct ask_stream s = { .since = INT64_MIN,
					.until = INT64_MAX,
					.walk = add_answer,
					.arg = &report };
		assert_int_equal(ask_open(w.db, w.seen, &a, &e), 0);
		assert_int_equal(ask_walks(a, 1, &s, &e), 0);
		/* V is A's twin: its walks come with A's. */
		for (const char *c = "ABXYZCD"; *c; c++)
			assert_int_equal(
			    ask_client(a, world_client(*c), add_answer, NULL, &each, &e),
			    0);
		ask_close(a);
		assert_true(each.count > 10);
		assert_int_equal(report.count, each.count);
		expect_each(&report, &each, seed);
		expect_each(&each, &report, seed);
		world_release(&w);
		free(stories);
	}
}

/* ---- files ---- */

struct folder {
	char name[64], path[96];
};

static int make_folder(void **state)
{
	struct folder *f = xcalloc(1, sizeof(*f));
	(void)snprintf(f->name, sizeof(f->name), "/tmp/fakemx-ask-XXXXXX");
	assert_non_null(mkdtemp(f->name));
	(void)snprintf(f->path, sizeof(f->path), "%s/journal.sqlite", f->name);
	*state = f;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *f = *state;
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->name);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void expect_difference(struct world *w, const char *path, const char *says,
			      const char *sql)
{
	struct error e = { 0, "" };
	struct verify_result result;
	assert_int_equal(sqlite3_exec(db_sqlite(w->db), sql, NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(journal_verify(path, NULL, NULL, NULL, &result, &e),
			 FMX_EFOREIGN);
	if (!strstr(e.text, says))
		fail_msg("got: %s, want: %s", e.text, says);
}

static void a_rebuild_finds_what_was_there(void **state)
{
	struct folder *f = *state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct story *stories = xcalloc(WORLD_HOSTS, sizeof(*stories));
		struct error e = { 0, "" };
		struct verify_result result;
		struct world w;
		state_of_draw = seed * UINT64_C(0x2545f4914f6cdd1d);
		make_history(stories, 30);
		world_open(&w, f->path);
		world_begin(&w);
		names(&w);
		play(&w, stories, world_time("40h"));
		end(&w, seed % 2 ? "40h" : "8d");
		int rc = journal_verify(f->path, NULL, NULL, NULL, &result, &e);
		if (rc != 0)
			fail_msg("seed %llu: %s", (unsigned long long)seed, e.text);
		assert_true(result.runs > 10 && result.visits > 50);
		/* And what is not. */
		expect_difference(&w, f->path, "has other counts",
				  "UPDATE run SET visits = visits + 1 WHERE "
				  "began = (SELECT min(began) FROM run)");
		if (seed % 2)
			expect_difference(
			    &w, f->path, "has another order when it is judged again",
			    "UPDATE run SET visits = visits - 1 WHERE began = "
			    "(SELECT min(began) FROM run); "
			    "UPDATE run SET told = told / 16 * 16 + 4 WHERE "
			    "kind = 3 AND told >> 12 & 1");
		world_release(&w);
		assert_int_equal(unlink(f->path), 0);
		free(stories);
	}
}

/* A contact came of which nothing can be told yet: what was told before is no mistake. */
static void a_rebuild_expects_no_verdict_that_has_to_wait(void **state)
{
	struct folder *f = *state;
	struct error e = { 0, "" };
	struct verify_result result;
	struct world w;
	world_open(&w, f->path);
	world_begin(&w);
	world_play(&w, "F@-10m L@0 W@2m");
	assert_int_equal(world_last(&w, 'A').told.order_reason, REASON_NOT_WELL);
	world_play(&w, "R@20m");
	if (journal_verify(f->path, NULL, NULL, NULL, &result, &e) != 0)
		fail_msg("%s", e.text);
	world_release(&w);
	assert_int_equal(unlink(f->path), 0);
}

/* They are found by a hash with the journal's key, which the rebuilt one has to know. */
static void a_rebuild_knows_of_visits_with_many_envelopes(void **state)
{
	struct folder *f = *state;
	struct error e = { 0, "" };
	struct verify_result result;
	struct world w;
	world_open(&w, f->path);
	world_begin(&w);
	world_play(&w, "C:R=1@-2h C:S=2@-2h W@-1h H=E@0 Rm@1h W@6h");
	assert_int_equal(world_last(&w, 'A').told.missing, 0);
	if (journal_verify(f->path, NULL, NULL, NULL, &result, &e) != 0)
		fail_msg("%s", e.text);
	world_release(&w);
	assert_int_equal(unlink(f->path), 0);
}

static void two_journals_of_the_same_lines_are_equal(void **state)
{
	struct folder *f = *state;
	struct story *stories = xcalloc(WORLD_HOSTS, sizeof(*stories));
	struct error e = { 0, "" };
	struct verify_result result;
	struct world a, b;
	char other[128];
	(void)snprintf(other, sizeof(other), "%s/other.sqlite", f->name);
	state_of_draw = 77;
	make_history(stories, 30);
	world_open(&a, f->path);
	world_open(&b, other);
	world_begin(&a);
	world_begin(&b);
	play(&a, stories, world_time("40h"));
	play(&b, stories, world_time("40h"));
	int rc = journal_verify(f->path, other, NULL, NULL, &result, &e);
	if (rc != 0)
		fail_msg("%s", e.text);
	assert_int_equal(result.differences, 0);
	assert_true(result.runs > 10);
	world_play(&b, "C:R@41h");
	assert_int_equal(journal_verify(f->path, other, NULL, NULL, &result, &e),
			 FMX_EFOREIGN);
	assert_int_equal(result.differences, 1);
	world_release(&a);
	world_release(&b);
	free(stories);
}

/* ---- slices ---- */

static int64_t busy_frames(struct world *w)
{
	int log = 0, checkpointed = 0;
	int rc = sqlite3_wal_checkpoint_v2(
	    db_sqlite(w->db), NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &checkpointed);
	assert_int_equal(rc, SQLITE_OK);
	return log - checkpointed;
}

struct reader {
	struct world *w;
	uint64_t told;
	int64_t most; /* frames that a checkpoint could not take */
};

/* Each walk that is told, the writer goes on by a line, and tries to clear its log. */
static int on_slow_walk(void *arg, const struct ask_walk *walk)
{
	struct reader *r = arg;
	(void)walk;
	if (++r->told % 500 == 0) {
		world_play(r->w, "C:R@1h");
		int64_t frames = busy_frames(r->w);
		r->most = frames > r->most ? frames : r->most;
	}
	return 0;
}

static int on_visit(void *arg, const struct ask_visit *v)
{
	(void)v;
	++*(uint64_t *)arg;
	return 0;
}

static uint64_t count_visits(struct ask *a, int64_t since, uint16_t host)
{
	struct ask_visits which = { .since = since, .until = INT64_MAX, .host = host };
	struct error e = { 0, "" };
	uint64_t count = 0;
	assert_int_equal(ask_visits(a, &which, on_visit, &count, &e), 0);
	return count;
}

static void a_reader_is_told_all_and_holds_back_no_more_than_a_slice(void **state)
{
	enum { CLIENTS = 3 * ASK_SLICE };
	struct folder *f = *state;
	struct error e = { 0, "" };
	struct db *db;
	struct ask *a;
	struct world w;
	world_open(&w, f->path);
	w.batch = 5000;
	w.is_lazy = true;
	world_begin(&w);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct line l = { .kind = LINE_VISIT, .seen = WORLD_ZERO };
		l.visit = (struct visit){ .client = world_client('C'),
					  .host = HOST_MAIL,
					  .depth = DEPTH_DATA,
					  .precision_us = 1,
					  .time = WORLD_ZERO,
					  .helo = "",
					  .mail_from = "",
					  .recipient_domain = "",
					  .name = "" };
		memcpy(l.visit.client.bytes + 12, &(uint32_t){ 40 + (i << 8) }, 4);
		world_line(&w, &l);
	}
	world_commit(&w);
	w.batch = 1;
	struct reader r = { .w = &w };
	struct ask_stream s = {
		.since = INT64_MIN, .until = INT64_MAX, .walk = on_slow_walk, .arg = &r
	};
	assert_int_equal(db_open(f->path, DB_READ, &db, &e), 0);
	assert_int_equal(ask_open(db, w.seen, &a, &e), 0);
	assert_int_equal(ask_walks(a, 1, &s, &e), 0);
	uint64_t mail = count_visits(a, INT64_MIN, HOST_MAIL);
	assert_in_range(mail, CLIENTS, CLIENTS + r.told / 500);
	assert_int_equal(count_visits(a, WORLD_ZERO, HOST_MAIL), mail);
	assert_int_equal(count_visits(a, INT64_MIN, HOST_HIGH), 0);
	ask_close(a);
	db_close(db);
	assert_in_range(r.told, CLIENTS, CLIENTS + 1);
	/* 20 lines in a slice, some pages each; a snapshot of all would hold 60. */
	assert_in_range(r.most, 1, 20 * 12);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_and_answers_do_not_depend_on_batches_or_order),
		cmocka_unit_test(nothing_changes_before_its_need),
		cmocka_unit_test(a_report_says_what_explain_says),
		cmocka_unit_test_setup_teardown(a_rebuild_finds_what_was_there,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_rebuild_expects_no_verdict_that_has_to_wait, make_folder,
		    remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_rebuild_knows_of_visits_with_many_envelopes, make_folder,
		    remove_folder),
		cmocka_unit_test_setup_teardown(two_journals_of_the_same_lines_are_equal,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_reader_is_told_all_and_holds_back_no_more_than_a_slice, make_folder,
		    remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
