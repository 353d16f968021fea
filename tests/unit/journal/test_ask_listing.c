/*
 * Who is listed, who would be, and what keeps him off: what a question tells after each
 * story.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

static void enforce(struct world *w)
{
	w->rules.enforce = w->rules.lab = true;
	world_rules(w);
}

static void case_18_visits_while_listed_do_not_renew_it(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	enforce(&w);
	w.is_lazy = true;
	world_begin(&w);
	world_play_each(&w, "H", 1, 1380, 20);
	world_play(&w, "W@24h");
	struct listing l = world_listing(&w, 'A');
	assert_true(l.is_listed);
	/* The hours of 08:00 and 10:00. */
	assert_int_equal(l.since, WORLD_ZERO + 3 * STAMP_HOUR);
	assert_int_equal(l.until, WORLD_ZERO + 27 * STAMP_HOUR);
	assert_int_equal(w.listings, 1);
	world_play(&w, "W@28h");
	assert_false(world_listing(&w, 'A').is_listed);
	world_release(&w);
}

static void lists_when_its_second_hour_is_over(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	enforce(&w);
	world_begin(&w);
	/* 11:00 to 12:00 is the fourth hour of the story. */
	world_play(&w, "H@10m H@3h W@200m W@240m");
	assert_int_equal(w.listings, 0);
	world_play(&w, "W@242m");
	assert_int_equal(w.listings, 1);
	world_release(&w);
}

/* All hosts fell silent for six days, and then told what they had seen. */
static void hours_of_a_sealed_walk_count_when_the_frontier_comes(void **state)
{
	struct world w;
	struct error e;
	(void)state;
	world_init(&w);
	enforce(&w);
	world_begin(&w);
	world_play(&w, "H@10m H@3h T@6d");
	assert_true(world_last(&w, 'A').told.is_sealed);
	world_play(&w, "W@6d");
	sqlite3_stmt *s = db_statement(w.db, "SELECT since, until FROM listing");
	assert_int_equal(db_step(w.db, s, &e), 1);
	assert_int_equal(sqlite3_column_int64(s, 0), WORLD_ZERO + 4 * STAMP_HOUR);
	db_done(s);
	/* None is open any more. */
	s = db_statement(w.db, "SELECT count(*) FROM run WHERE need IS NOT NULL");
	assert_int_equal(db_step(w.db, s, &e), 1);
	assert_int_equal(sqlite3_column_int(s, 0), 0);
	db_done(s);
	world_release(&w);
}

static void case_35_a_late_contact_withdraws_and_uses_up_the_listing(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	enforce(&w);
	world_begin(&w);
	world_play(&w, "H@10m H@3h W@5h");
	assert_true(world_listing(&w, 'A').is_listed);
	world_play(&w, "R~@1h^5h");
	struct listing l = world_listing(&w, 'A');
	assert_false(l.is_listed);
	assert_int_equal(l.reason, REASON_WITHDRAWN);
	world_play(&w, "H@6h H@9h W@11h");
	assert_false(world_listing(&w, 'A').is_listed);
	world_release(&w);
}

static void what_is_found_later_withdraws(void **state)
{
	static const char *const found[] = {
		"O@2h^5h W@6h",      /* mail was down then */
		"V:R=E@70m^5h W@6h", /* the same message over the other family */
		"B:R~@70m^5h W@6h",  /* its neighbour */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		struct world w;
		world_init(&w);
		enforce(&w);
		world_begin(&w);
		world_play(&w, "H=E@10m H=E@3h W@5h");
		assert_true(world_listing(&w, 'A').is_listed);
		world_play(&w, found[i]);
		if (world_listing(&w, 'A').is_listed)
			fail_msg("still listed after %s", found[i]);
		assert_int_equal(world_listing(&w, 'A').reason, REASON_WITHDRAWN);
		world_release(&w);
	}
}

static void a_gap_that_is_found_later_withdraws(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	enforce(&w);
	world_begin(&w);
	world_play(&w, "H@10m H@3h W@5h");
	assert_true(world_listing(&w, 'A').is_listed);
	world_line(&w, &(struct line){ .kind = LINE_GAP,
				       .host = HOST_MAIL,
				       .since = world_time("20m"),
				       .time = world_time("40m"),
				       .seen = world_time("5h") });
	world_play(&w, "W@6h");
	assert_int_equal(world_listing(&w, 'A').reason, REASON_WITHDRAWN);
	/* Its walks that are not sealed are asked again, too. */
	world_play(&w, "B:H@7h W@12h");
	assert_int_equal(world_last(&w, 'B').told.fate, FATE_STOPPED);
	world_play(&w, "O@7h^12h W@13h");
	assert_int_equal(world_last(&w, 'B').told.fate, FATE_UNKNOWN);
	world_release(&w);
}

static void is_listed_or_why_not(void **state)
{
	static const struct {
		const char *before, *story;
		char client;
		enum reason reason;
	} all[] = {
		{ "", "H@10m H@3h W@5h", 'A', REASON_LISTED },
		{ "", "H@10m W@5h", 'A', REASON_TOO_FEW },
		{ "", "H@10m H@70m W@5h", 'A', REASON_TOO_FEW },
		{ "", "Hd@10m Hd@3h W@5h", 'A', REASON_TOO_FEW },
		{ "", "L@10m L@3h W@5h", 'A', REASON_TOO_FEW },
		{ "R@-2d", "H@10m H@3h W@5h", 'A', REASON_AT_RISK },
		{ "Rs@-2d", "H@10m H@3h W@5h", 'A', REASON_POOL_ACCEPTED },
		{ "B:Rs@-2d", "H@10m H@3h W@5h", 'A', REASON_POOL_ACCEPTED },
		/* Of a host whose clock is ahead. */
		{ "", "H@10m H@3h W@5h B:Rs@6h^5h", 'A', REASON_POOL_ACCEPTED },
		{ "B:Rs@-31d", "H@10m H@3h W@5h", 'A', REASON_LISTED },
		{ "B:R-@-20h", "H@10m H@3h W@5h", 'A', REASON_WITHDRAWN },
		/* 39: it goes to the high decoy first and delivers everything. */
		{ "", "H@10m R@12m H@3h R@182m H@9h R@542m W@11h", 'A', REASON_AT_RISK },
		{ "", "O:H@10m O:H@3h W@5h", 'O', REASON_OWN_ADDRESS },
		{ "", "H@10m F@30m P@40m H@3h W@5h", 'A', REASON_TOO_FEW },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct world w;
		world_init(&w);
		enforce(&w);
		world_play(&w, all[i].before);
		world_begin(&w);
		world_play(&w, all[i].story);
		struct listing l = world_listing(&w, all[i].client);
		if (l.reason != all[i].reason ||
		    l.is_listed != (l.reason == REASON_LISTED))
			fail_msg("%s %s: got %s, want %s", all[i].before, all[i].story,
				 reason_text(l.reason), reason_text(all[i].reason));
		world_release(&w);
	}
}

static void enforce_asks_for_fourteen_watched_days(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	w.rules.enforce = true;
	world_rules(&w);
	world_begin(&w);
	world_play(&w, "H@10m H@3h W@5h");
	struct listing l = world_listing(&w, 'A');
	assert_false(l.is_listed);
	assert_int_equal(l.reason, REASON_WATCHED_DAYS);
	assert_true(l.would_be);
	world_play(&w, "H@335h H@338h W@340h");
	assert_true(world_listing(&w, 'A').is_listed);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_18_visits_while_listed_do_not_renew_it),
		cmocka_unit_test(lists_when_its_second_hour_is_over),
		cmocka_unit_test(hours_of_a_sealed_walk_count_when_the_frontier_comes),
		cmocka_unit_test(
		    case_35_a_late_contact_withdraws_and_uses_up_the_listing),
		cmocka_unit_test(what_is_found_later_withdraws),
		cmocka_unit_test(a_gap_that_is_found_later_withdraws),
		cmocka_unit_test(is_listed_or_why_not),
		cmocka_unit_test(enforce_asks_for_fourteen_watched_days),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
