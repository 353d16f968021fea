#include "serve/write/watermarks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S STAMP_SECOND
#define NOON (1700000000 * S)

enum { MAIL = 1, FAKE = 2, OTHER = 3, WRITTEN_MAX = 64 };

struct written {
	struct {
		uint16_t host;
		int64_t upto;
	} all[WRITTEN_MAX];
	size_t count;
	/* What serve spoke, and the last of it. */
	size_t spoken;
	uint16_t host;
	int64_t from, to;
};

static void write_mark(void *arg, uint16_t host, int64_t upto)
{
	struct written *w = arg;
	assert_true(w->count < WRITTEN_MAX);
	w->all[w->count].host = host;
	w->all[w->count++].upto = upto;
}

static void speak(void *arg, uint16_t host, int64_t from, int64_t to)
{
	struct written *w = arg;
	w->spoken++;
	w->host = host;
	w->from = from;
	w->to = to;
}

static size_t write_due(struct watermarks *m, int64_t now, bool is_all, struct written *w)
{
	struct watermarks_sink sink = { write_mark, speak, w };
	return watermarks_write(m, now, is_all, &sink);
}

/* A site with a real host and a decoy, judged together, and another site. */
static struct watermarks *marks_of_two_sites(void)
{
	static const struct watermarks_host hosts[] = { { MAIL, 1, true, 0, false },
							{ FAKE, 1, true, 0, false },
							{ OTHER, 2, false, 0, false } };
	struct watermarks *m = watermarks_new();
	watermarks_set(m, hosts, 3, 60 * S, NOON);
	return m;
}

static void note_all(struct watermarks *m, int64_t now)
{
	for (uint16_t host = MAIL; host <= OTHER; host++)
		watermarks_note(m, host, now, now);
}

static void an_idle_site_writes_once_a_minute(void **state)
{
	(void)state;
	struct watermarks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	for (int second = 0; second < 600; second++) {
		note_all(m, NOON + second * S);
		(void)write_due(m, NOON + second * S, false, &w);
	}
	assert_int_equal(w.count, 3 * 10);
	watermarks_free(m);
}

static void what_another_machine_waits_for_is_written_each_second(void **state)
{
	(void)state;
	static const struct watermarks_host hosts[] = { { MAIL, 1, true, 0, false },
							{ FAKE, 1, true, 0, true } };
	struct watermarks *m = watermarks_new();
	struct written w = { .count = 0 };
	watermarks_set(m, hosts, 2, 60 * S, NOON);
	for (int second = 0; second < 30; second++) {
		note_all(m, NOON + second * S);
		(void)write_due(m, NOON + second * S, false, &w);
	}
	assert_int_equal(w.count, 1 + 30);
	watermarks_free(m);
}

static void a_visit_is_passed_by_confirm_as_soon_as_the_sources_are(void **state)
{
	(void)state;
	struct watermarks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	int64_t visit = NOON + 30 * S, last_mail = 0, last_fake = 0, last_other = 0;
	for (int second = 0; second <= 95; second++) {
		note_all(m, NOON + second * S);
		if (second == 30)
			watermarks_visit(m, FAKE, visit);
		w.count = 0;
		(void)write_due(m, NOON + second * S, false, &w);
		for (size_t i = 0; i < w.count; i++) {
			if (w.all[i].host == MAIL)
				last_mail = w.all[i].upto;
			else if (w.all[i].host == FAKE)
				last_fake = w.all[i].upto;
			else
				last_other = w.all[i].upto;
		}
	}
	assert_int_equal(last_mail, visit + 61 * S);
	assert_int_equal(last_fake, visit + 61 * S);
	assert_int_equal(last_other, NOON + 60 * S); /* not its affair */
	watermarks_free(m);
}

/* Each visit moves the moment that is waited for on; it must come all the same. */
static void a_busy_site_does_not_put_its_judgement_off(void **state)
{
	(void)state;
	struct watermarks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	int64_t worst = 0, passed = NOON;
	for (int second = 0; second < 600; second++) {
		int64_t now = NOON + second * S;
		watermarks_visit(m, FAKE, now);
		note_all(m, now);
		w.count = 0;
		(void)write_due(m, now, false, &w);
		for (size_t i = 0; i < w.count; i++) {
			if (w.all[i].host == MAIL)
				passed = w.all[i].upto;
		}
		if (now - passed > worst)
			worst = now - passed;
	}
	assert_in_range(worst, 30 * S, 60 * S);
	watermarks_free(m);
}

static void a_source_without_watermarks_does_not_make_the_others_write(void **state)
{
	(void)state;
	struct watermarks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	for (int second = 0; second < 300; second++) {
		int64_t now = NOON + second * S;
		if (second % 7 == 0)
			watermarks_visit(m, FAKE, now);
		watermarks_note(m, FAKE, now, now); /* the mail log cannot be read */
		(void)write_due(m, now, false, &w);
	}
	assert_in_range(w.count, 5, 10);
	watermarks_free(m);
}

/* Everybody's silence begins when he is first known. */
static void for_a_silent_host_serve_speaks(void **state)
{
	(void)state;
	struct watermarks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	watermarks_note(m, MAIL, NOON, NOON);
	(void)write_due(m, NOON, true, &w);
	for (int minute = 1; minute < 15; minute++) {
		watermarks_note(m, FAKE, NOON + minute * 60 * S, NOON + minute * 60 * S);
		watermarks_note(m, MAIL, NOON, NOON + minute * 60 * S); /* no further */
		(void)write_due(m, NOON + minute * 60 * S, false, &w);
	}
	assert_int_equal(w.spoken, 0);
	(void)write_due(m, NOON + 20 * 60 * S, false, &w);
	assert_int_equal(w.spoken, 1);
	assert_int_equal(w.host, MAIL); /* OTHER has no source: nobody waits for it */
	assert_int_equal(w.from, NOON);
	assert_int_equal(w.to, NOON + 5 * 60 * S);
	/* It goes on, with old visits first: what was spoken stays. */
	w.count = 0;
	watermarks_note(m, MAIL, NOON + 60 * S, NOON + 21 * 60 * S);
	(void)write_due(m, NOON + 22 * 60 * S, false, &w);
	assert_int_equal(w.spoken, 1);
	assert_int_equal(watermarks_told(m, MAIL), NOON + 5 * 60 * S);
	assert_int_equal(watermarks_noted(m, MAIL), NOON + 60 * S);
	watermarks_note(m, MAIL, NOON + 22 * 60 * S, NOON + 22 * 60 * S);
	(void)write_due(m, NOON + 23 * 60 * S, false, &w);
	assert_int_equal(watermarks_told(m, MAIL), NOON + 22 * 60 * S);
	watermarks_free(m);
}

static void for_a_blind_one_it_speaks_at_once(void **state)
{
	(void)state;
	struct watermarks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	watermarks_blind(m, FAKE, true);
	(void)write_due(m, NOON + 60 * S, false, &w);
	assert_int_equal(w.spoken, 1);
	assert_int_equal(w.host, FAKE);
	assert_int_equal(w.from, 0);
	assert_int_equal(w.to, NOON + 60 * S);
	watermarks_blind(m, FAKE, false);
	(void)write_due(m, NOON + 180 * S, false, &w);
	assert_int_equal(w.spoken, 1);
	watermarks_free(m);
}

static void a_watermark_that_goes_back_is_not_written(void **state)
{
	(void)state;
	struct watermarks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	watermarks_note(m, MAIL, NOON, NOON);
	(void)write_due(m, NOON, true, &w);
	watermarks_note(m, MAIL, NOON - 5 * S, NOON + 60 * S);
	(void)write_due(m, NOON + 61 * S, true, &w);
	assert_int_equal(w.count, 1);
	watermarks_free(m);
}

static void a_reload_keeps_what_is_known_of_hosts_that_stay(void **state)
{
	(void)state;
	static const struct watermarks_host after[] = { { OTHER, 2, true, 0, false },
							{ MAIL, 1, true, 0, false } };
	struct watermarks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	note_all(m, NOON);
	(void)write_due(m, NOON, true, &w);
	watermarks_set(m, after, 2, 60 * S, NOON);
	assert_int_equal(write_due(m, NOON, true, &w), 0);
	note_all(m, NOON + S);
	w.count = 0;
	assert_int_equal(write_due(m, NOON + S, false, &w), 0);
	watermarks_free(m);
}

static void it_is_known_whether_every_source_has_looked(void **state)
{
	(void)state;
	struct watermarks *m = marks_of_two_sites();
	watermarks_note(m, MAIL, NOON, NOON);
	assert_false(watermarks_are_fresh(m, NOON)); /* FAKE's has not begun */
	watermarks_note(m, FAKE, NOON, NOON + S);
	assert_true(watermarks_are_fresh(m, NOON));
	assert_false(watermarks_are_fresh(m, NOON + S));
	watermarks_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_site_writes_once_a_minute),
		cmocka_unit_test(what_another_machine_waits_for_is_written_each_second),
		cmocka_unit_test(a_visit_is_passed_by_confirm_as_soon_as_the_sources_are),
		cmocka_unit_test(a_busy_site_does_not_put_its_judgement_off),
		cmocka_unit_test(
		    a_source_without_watermarks_does_not_make_the_others_write),
		cmocka_unit_test(for_a_silent_host_serve_speaks),
		cmocka_unit_test(for_a_blind_one_it_speaks_at_once),
		cmocka_unit_test(a_watermark_that_goes_back_is_not_written),
		cmocka_unit_test(a_reload_keeps_what_is_known_of_hosts_that_stay),
		cmocka_unit_test(it_is_known_whether_every_source_has_looked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
