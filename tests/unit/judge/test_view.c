#include "judge/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "judge/run.h"

#define M STAMP_MINUTE
#define DAY STAMP_DAY

enum { LOW, MAIL, NEW, FORMER, COUNT };

/* A low decoy, a real host from 0, one from 100 m on, one until 50 m. All watched and
 * well from 0 to 200 m, as far as they were there, but for mail: unwatched in [20, 30),
 * unwell in [40, 50). */
static void make(struct view *v)
{
	static const struct {
		enum role role;
		int64_t since, until;
	} hosts[COUNT] = {
		{ ROLE_DECOY, 0, INT64_MAX },
		{ ROLE_REAL, 0, INT64_MAX },
		{ ROLE_REAL, 100 * M, INT64_MAX },
		{ ROLE_REAL, 0, 50 * M },
	};
	*v = (struct view){ .host_count = COUNT, .frontier = 200 * M };
	v->hosts = xcalloc(COUNT, sizeof(*v->hosts));
	for (unsigned i = 0; i < COUNT; i++) {
		struct view_host *h = &v->hosts[i];
		h->id = (uint16_t)(i + 1);
		h->role = hosts[i].role;
		h->place = hosts[i].role == ROLE_DECOY ? PLACE_LOW : PLACE_REAL;
		h->since = hosts[i].since;
		h->until = hosts[i].until;
		h->tells_envelopes = i != NEW;
		if (i != MAIL) {
			int64_t until = h->until < 200 * M ? h->until : 200 * M;
			spans_add(&h->watched, h->since, until);
			spans_add(&h->well, h->since, until);
		}
	}
	spans_add(&v->hosts[MAIL].watched, 0, 20 * M);
	spans_add(&v->hosts[MAIL].watched, 30 * M, 200 * M);
	spans_add(&v->hosts[MAIL].well, 0, 40 * M);
	spans_add(&v->hosts[MAIL].well, 50 * M, 200 * M);
	spans_add(&v->changed, 100 * M, 110 * M);
	spans_add(&v->started, 0, M);
	spans_add(&v->hosts[LOW].lost, 60 * M, 61 * M);
	view_finish(v);
}

static void row_1_asks_for_every_excuse(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		int64_t from, to; /* minutes */
		enum reason want;
	} rows[] = {
		{ "before there was a real host", -2, -1, REASON_NOT_WATCHED },
		{ "just started", 0, 0, REASON_GRACE },
		{ "watched and well", 2, 19, REASON_NONE },
		{ "reaching into what was not watched", 19, 20, REASON_NOT_WATCHED },
		{ "not watched", 25, 25, REASON_NOT_WATCHED },
		{ "coming out of it", 29, 30, REASON_NOT_WATCHED },
		{ "watched again", 30, 39, REASON_NONE },
		{ "unwell", 45, 45, REASON_NOT_WELL },
		{ "unwell for a part", 35, 55, REASON_NOT_WELL },
		{ "a former host asks nothing of later", 51, 60, REASON_NONE },
		{ "the set of real hosts changed", 105, 105, REASON_HOSTS_CHANGED },
		{ "and then it is known", 110, 150, REASON_NONE },
		{ "after all that is known", 200, 200, REASON_NOT_WATCHED },
	};
	struct view v;
	make(&v);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum reason got = view_excuse(&v, rows[i].from * M, rows[i].to * M);
		if (got != rows[i].want)
			fail_msg("%s: got %s, want %s", rows[i].story, reason_text(got),
				 reason_text(rows[i].want));
	}
	/* 2-20, 30-40, 50-100, 110-200, and the first minute is a start. */
	assert_int_equal(spans_time(&v.sound, 0, 300 * M), (19 + 10 + 50 + 90) * M);
	assert_int_equal(spans_time(&v.watched, 0, 300 * M), 190 * M);
	view_release(&v);
}

static void what_a_low_decoy_saw(void **state)
{
	(void)state;
	struct view v;
	make(&v);
	assert_true(view_saw_low(&v, 10 * M, 10 * M));
	assert_true(view_saw_low(&v, 59 * M, 59 * M));
	assert_false(view_saw_low(&v, 60 * M, 60 * M));
	assert_false(view_saw_low(&v, 90 * M, 90 * M));
	assert_true(view_saw_low(&v, 91 * M, 91 * M));    /* lost until 61 m, exclusive */
	assert_false(view_saw_low(&v, 199 * M, 200 * M)); /* not yet known */
	assert_true(view_has_low(&v, 0));
	v.hosts[LOW].until = 10 * M;
	assert_false(view_saw_low(&v, 10 * M, 10 * M)); /* none of then */
	assert_false(view_has_low(&v, 10 * M));
	view_release(&v);
}

static void envelopes_are_told_when_every_real_host_of_then_tells_them(void **state)
{
	(void)state;
	struct view v;
	make(&v);
	assert_false(view_tells_envelopes(&v, -1)); /* no real host */
	assert_true(view_tells_envelopes(&v, 99 * M));
	assert_false(view_tells_envelopes(&v, 100 * M)); /* the new one tells none */
	assert_int_equal(view_host(&v, 3)->since, 100 * M);
	assert_null(view_host(&v, 9));
	view_release(&v);
}

static void without_a_real_host_nothing_is_watched(void **state)
{
	(void)state;
	struct view v = { .frontier = VIEW_NEVER };
	view_finish(&v);
	assert_int_equal(view_excuse(&v, 0, 0), REASON_NOT_WATCHED);
	assert_int_equal(spans_time(&v.sound, 0, DAY), 0);
	view_release(&v);
	make(&v);
	v.host_count = 1; /* a decoy alone */
	view_finish(&v);
	assert_int_equal(view_excuse(&v, 10 * M, 10 * M), REASON_NOT_WATCHED);
	v.host_count = COUNT;
	view_release(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_1_asks_for_every_excuse),
		cmocka_unit_test(what_a_low_decoy_saw),
		cmocka_unit_test(
		    envelopes_are_told_when_every_real_host_of_then_tells_them),
		cmocka_unit_test(without_a_real_host_nothing_is_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
