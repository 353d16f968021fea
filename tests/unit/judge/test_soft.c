/* What must never accuse: a knock, a late line, a host that is down. Drawn histories with
 * one thing more, or one thing less. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DRAWN = 3000, MOST = 64 };

struct heard {
	struct {
		char client;
		struct verdict v;
	} of[MOST];
	size_t count;
	size_t listed[STORY_CLIENTS];
};

/* The verdict of every walk. */
static void hear(const struct story *s, struct heard *h)
{
	size_t count;
	struct run *runs = story_runs(s, &count);
	h->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct walk w;
		char client = addr_equal(runs[i].client, story_client('A'))   ? 'A'
			      : addr_equal(runs[i].client, story_client('B')) ? 'B'
									      : 'Y';
		double second = (double)(runs[i].began - STORY_ZERO) / 1e6;
		if (!story_walk(s, client, second, &w) || w.began != runs[i].began)
			continue;
		struct proof p = story_proof(s, &w);
		h->of[h->count].client = client;
		h->of[h->count++].v = decide(&w, &p, &s->view, &s->rules);
	}
	free(runs);
	for (char c = 'A'; c <= 'B'; c++) {
		struct span made[16];
		struct listing_count since;
		h->listed[c - 'A'] = story_listings(s, c, made, 16, &since);
	}
}

static const struct verdict *find(const struct heard *h, char client, int64_t began)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->of[i].client == client && h->of[i].v.began == began)
			return &h->of[i].v;
	return NULL;
}

static bool is_worse(const struct verdict *was, const struct verdict *is)
{
	return (is->order == ORDER_BACKDOOR && (!was || was->order != ORDER_BACKDOOR)) ||
	       (is->fate == FATE_STOPPED && (!was || was->fate != FATE_STOPPED)) ||
	       (is->missing && (!was || !was->missing));
}

static void check_softer(const struct heard *before, const struct heard *after,
			 const char *history, const char *added)
{
	for (size_t i = 0; i < after->count; i++) {
		const struct verdict *is = &after->of[i].v;
		const struct verdict *was = find(before, after->of[i].client, is->began);
		if (is_worse(was, is))
			fail_msg("%s + %s: %c is %s, %s; was %s, %s", history, added,
				 after->of[i].client, order_name(is->order),
				 fate_name(is->fate), was ? order_name(was->order) : "-",
				 was ? fate_name(was->fate) : "-");
	}
	for (size_t c = 0; c < STORY_CLIENTS; c++)
		assert_true(after->listed[c] <= before->listed[c]);
}

/* Plays drawn histories, and the same with one event more. */
static void with_one_more(const char *const *kinds, size_t count, bool is_late)
{
	uint64_t seed = 20261130;
	for (unsigned i = 0; i < DRAWN; i++) {
		char history[600], added[40];
		struct heard before = { 0 }, after = { 0 };
		struct story *s = story_new();
		story_draw(&seed, history, sizeof(history));
		(void)snprintf(added, sizeof(added), "%s@%u%s",
			       kinds[story_some(&seed, (unsigned)count)],
			       story_some(&seed, 20000), is_late ? "^30h" : "");
		story_play(s, history);
		hear(s, &before);
		story_play(s, added);
		hear(s, &after);
		check_softer(&before, &after, history, added);
		story_free(s);
	}
}

static void a_late_line_only_softens(void **state)
{
	(void)state;
	static const char *const kinds[] = { "A:R", "A:R~", "B:R",  "Y:Rf", "A:H",
					     "A:L", "B:H",  "A:Ri", "A:Hf", "A:Rp" };
	with_one_more(kinds, sizeof(kinds) / sizeof(kinds[0]), true);
}

/* Told in time: before all that is known. */
static void a_knock_never_accuses_and_changes_nobody_elses_row(void **state)
{
	(void)state;
	static const char *const kinds[] = { "A:l", "A:h", "A:r", "B:l", "Y:h" };
	uint64_t seed = 7;
	for (unsigned i = 0; i < DRAWN; i++) {
		char history[600], added[40];
		struct heard before = { 0 }, after = { 0 };
		struct story *s = story_new(), *t = story_new();
		story_draw(&seed, history, sizeof(history));
		(void)snprintf(added, sizeof(added), "%s@%u^-1",
			       kinds[story_some(&seed, 5)], story_some(&seed, 20000));
		story_play(s, history);
		hear(s, &before);
		story_play(t, added);
		story_play(t, history);
		hear(t, &after);
		check_softer(&before, &after, history, added);
		for (size_t k = 0; k < after.count; k++) {
			const struct verdict *is = &after.of[k].v;
			const struct verdict *was =
			    find(&before, after.of[k].client, is->began);
			assert_non_null(was);
			if (after.of[k].client != added[0])
				assert_true(is->order_reason == was->order_reason &&
					    is->fate_reason == was->fate_reason &&
					    is->delay_us == was->delay_us);
		}
		story_free(s);
		story_free(t);
	}
}

static void what_is_down_changed_or_unwatched_excuses(void **state)
{
	(void)state;
	uint64_t seed = 11;
	for (unsigned i = 0; i < DRAWN; i++) {
		char history[600];
		struct heard heard = { 0 };
		struct story *s = story_new();
		story_draw(&seed, history, sizeof(history));
		if (i % 3 == 0)
			s->hosts[STORY_BACKUP].is_unwatched = true;
		else
			story_play(s, i % 3 == 1 ? "F@-1 P@0" : "N@-1");
		story_play(s, history);
		hear(s, &heard);
		for (size_t k = 0; k < heard.count; k++) {
			const struct verdict *v = &heard.of[k].v;
			bool is_excused =
			    i % 3 == 0 || v->last < story_time(6 * 3600.0 - 1);
			if (is_excused &&
			    (v->order == ORDER_BACKDOOR || v->fate == FATE_STOPPED))
				fail_msg("%s: %s, %s", history, order_name(v->order),
					 fate_name(v->fate));
		}
		assert_true(i % 3 != 0 || heard.listed[0] + heard.listed[1] == 0);
		story_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_line_only_softens),
		cmocka_unit_test(a_knock_never_accuses_and_changes_nobody_elses_row),
		cmocka_unit_test(what_is_down_changed_or_unwatched_excuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
