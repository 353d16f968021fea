/* `need` is exact: below it nothing changes without a new row. The frontier is stepped
 * second by second over stories, told and drawn. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

enum { DRAWN = 400 };

/* The view as it was when its frontier was there: spans reach as far as they were told.
 */
static struct view view_at(const struct story *s, int64_t frontier, bool is_clipped)
{
	struct view v = s->view;
	struct spans known = { 0 };
	spans_add(&known, 0, is_clipped ? frontier : INT64_MAX);
	v.hosts = xcalloc(STORY_HOSTS, sizeof(*v.hosts));
	memcpy(v.hosts, s->view.hosts, STORY_HOSTS * sizeof(*v.hosts));
	for (size_t i = 0; i < STORY_HOSTS; i++) {
		v.hosts[i].watched = spans_both(&v.hosts[i].watched, &known);
		v.hosts[i].well = spans_both(&v.hosts[i].well, &known);
		v.hosts[i].lost = spans_both(&v.hosts[i].lost, &known);
	}
	v.changed = spans_both(&s->view.changed, &known);
	v.started = spans_both(&s->view.started, &known);
	v.watched = v.sound = (struct spans){ 0 };
	v.frontier = frontier;
	view_finish(&v);
	spans_release(&known);
	return v;
}

static bool is_same(const struct verdict *a, const struct verdict *b)
{
	return a->order == b->order && a->order_reason == b->order_reason &&
	       a->fate == b->fate && a->fate_reason == b->fate_reason &&
	       a->is_final == b->is_final && a->tier == b->tier &&
	       a->missing == b->missing && a->delay_us == b->delay_us &&
	       a->delay_error_us == b->delay_error_us &&
	       a->returned_later == b->returned_later;
}

struct stepping {
	const struct story *s;
	struct walk walk;
	struct proof proof;
	struct verdict last;
	unsigned changes, woken;
	char what[600];
};

static void complain(const struct stepping *st, const struct verdict *v, int64_t at)
{
	fail_msg("%s\nat %lld s: %s (%s), %s (%s), delay %lld became %s (%s), %s (%s), "
		 "delay %lld before its need %lld s",
		 st->what, (long long)((at - STORY_ZERO) / STAMP_SECOND),
		 order_name(st->last.order), reason_text(st->last.order_reason),
		 fate_name(st->last.fate), reason_text(st->last.fate_reason),
		 (long long)st->last.delay_us, order_name(v->order),
		 reason_text(v->order_reason), fate_name(v->fate),
		 reason_text(v->fate_reason), (long long)v->delay_us,
		 (long long)((st->last.need - STORY_ZERO) / STAMP_SECOND));
}

static void step(struct stepping *st, int64_t frontier, bool is_clipped, bool is_first)
{
	struct view view = view_at(st->s, frontier, is_clipped);
	struct verdict v = decide(&st->walk, &st->proof, &view, &st->s->rules);
	bool was_needed = st->last.need != MOMENT_NONE && st->last.need <= frontier;
	assert_true(v.need == MOMENT_NONE || v.need > frontier);
	if (!is_first) {
		if (!is_same(&v, &st->last) && !was_needed)
			complain(st, &v, frontier);
		st->changes += !is_same(&v, &st->last);
		st->woken += was_needed;
	}
	if (is_first || was_needed)
		st->last = v; /* nobody asks in between */
	view_release(&view);
}

/* Returns how often it was woken for nothing, with all spans known beforehand: while they
 * grow, it may be. */
static unsigned step_through(struct stepping *st, int64_t from, int64_t to, int64_t by)
{
	unsigned in_vain = 0;
	for (int is_clipped = 0; is_clipped < 2; is_clipped++) {
		st->changes = st->woken = 0;
		for (int64_t f = from; f <= to; f += by)
			step(st, f, is_clipped, f == from);
		in_vain += is_clipped ? 0 : st->woken - st->changes;
	}
	return in_vain;
}

static const char *const told[] = {
	"H@0 W@5h",
	"L@0 W@5h",
	"L@0 R@1 W@5h",
	"R@0 l@10m W@5h",
	"L@0 H@1 R@100 W@5h",
	"H@0 W@80 F@1h P@61m W@242m W@12h",
	"H@0 W@80 B:R@1h W@5h",
	"[@-30 H@0 W@5h",
	"Rf~@0 Hf@1 W@80 Rg@1h W@5h",
	"Rf~@0 H@1 W@80 H@25m H@50m Hf@75m W@6h",
	"H@0 w@10 [@300 W@6h",
	"H@0 H@25m H@50m R@60m W@6h",
	"Ri@0 L@10 R@12 W@5h",
};

static void below_its_need_no_story_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct story *s = story_new();
		struct stepping st = { .s = s };
		story_play(s, told[i]);
		(void)snprintf(st.what, sizeof(st.what), "%s", told[i]);
		assert_true(story_walk(s, 'A', 0, &st.walk));
		st.proof = story_proof(s, &st.walk);
		unsigned in_vain =
		    step_through(&st, story_time(-5), story_time(200), STAMP_SECOND) +
		    step_through(&st, story_time(13500), story_time(15000),
				 STAMP_SECOND) +
		    step_through(&st, story_time(-60), story_time(12.5 * 3600),
				 STAMP_MINUTE);
		if (in_vain)
			fail_msg("%s: woken %u times for nothing", told[i], in_vain);
		story_free(s);
	}
}

static void below_its_need_no_history_changes(void **state)
{
	(void)state;
	unsigned walks = 0;
	uint64_t seed = 20261130;
	for (unsigned i = 0; i < DRAWN; i++) {
		struct story *s = story_new();
		struct stepping st = { .s = s };
		story_draw(&seed, st.what, sizeof(st.what));
		story_play(s, st.what);
		if (story_walk(s, 'A', story_some(&seed, 10000), &st.walk)) {
			int64_t began = st.walk.began;
			st.proof = story_proof(s, &st.walk);
			step_through(&st, began - 5 * STAMP_SECOND,
				     began + 90 * STAMP_SECOND, STAMP_SECOND);
			step_through(&st, began, began + 25 * STAMP_HOUR,
				     4 * STAMP_MINUTE);
			walks++;
		}
		story_free(s);
	}
	assert_true(walks > DRAWN / 2);
}

/* need_now: what T alone brings. */
static void below_its_need_now_nothing_changes(void **state)
{
	(void)state;
	static const char *const stories[] = {
		"H@0", "H@0 W@80", "H@0 W@5h", "R@0", "L@0 R@1 W@80", "H@0 W@80 F@90 w@1h"
	};
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct story *s = story_new();
		story_play(s, stories[i]);
		struct verdict last = story_verdict(s, 'A', 0, NULL);
		for (int64_t now = s->view.now; now < story_time(6 * 86400.0);
		     now += STAMP_MINUTE) {
			s->view.now = now;
			struct verdict v = story_verdict(s, 'A', 0, NULL);
			bool was_needed =
			    last.need_now != MOMENT_NONE && last.need_now <= now;
			if (!is_same(&v, &last) && !was_needed)
				fail_msg("%s: changed at %lld s", stories[i],
					 (long long)((now - STORY_ZERO) / STAMP_SECOND));
			assert_true(v.need_now == MOMENT_NONE || v.need_now > now);
			last = v;
		}
		story_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_its_need_no_story_changes),
		cmocka_unit_test(below_its_need_no_history_changes),
		cmocka_unit_test(below_its_need_now_nothing_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
