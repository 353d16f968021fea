#include "serve/marks.h"

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
};

static void write_mark(void *arg, uint16_t host, int64_t upto)
{
	struct written *w = arg;
	assert_true(w->count < WRITTEN_MAX);
	w->all[w->count].host = host;
	w->all[w->count++].upto = upto;
}

/* A site with a real host and a decoy, judged together, and another site. */
static struct marks *marks_of_two_sites(void)
{
	static const struct marks_host hosts[] = { { MAIL, 1, true },
						   { FAKE, 1, true },
						   { OTHER, 2, false } };
	struct marks *m = marks_new();
	marks_set(m, hosts, 3, 60 * S);
	return m;
}

static void note_all(struct marks *m, int64_t now)
{
	for (uint16_t host = MAIL; host <= OTHER; host++)
		marks_note(m, host, now, now);
}

static void an_idle_site_writes_once_a_minute(void **state)
{
	(void)state;
	struct marks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	for (int second = 0; second < 600; second++) {
		note_all(m, NOON + second * S);
		(void)marks_write(m, NOON + second * S, MARKS_DUE, write_mark, &w);
	}
	assert_int_equal(w.count, 3 * 10);
	marks_free(m);
}

static void a_visit_is_passed_by_confirm_as_soon_as_the_sources_are(void **state)
{
	(void)state;
	struct marks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	int64_t visit = NOON + 30 * S, last_mail = 0, last_fake = 0, last_other = 0;
	for (int second = 0; second <= 95; second++) {
		note_all(m, NOON + second * S);
		if (second == 30)
			marks_visit(m, FAKE, visit);
		w.count = 0;
		(void)marks_write(m, NOON + second * S, MARKS_DUE, write_mark, &w);
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
	marks_free(m);
}

/* Each visit moves the moment that is waited for on; it must come all the same. */
static void a_busy_site_does_not_put_its_judgement_off(void **state)
{
	(void)state;
	struct marks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	int64_t worst = 0, passed = NOON;
	for (int second = 0; second < 600; second++) {
		int64_t now = NOON + second * S;
		marks_visit(m, FAKE, now);
		note_all(m, now);
		w.count = 0;
		(void)marks_write(m, now, MARKS_DUE, write_mark, &w);
		for (size_t i = 0; i < w.count; i++) {
			if (w.all[i].host == MAIL)
				passed = w.all[i].upto;
		}
		if (now - passed > worst)
			worst = now - passed;
	}
	assert_in_range(worst, 30 * S, 60 * S);
	marks_free(m);
}

static void a_source_without_watermarks_does_not_make_the_others_write(void **state)
{
	(void)state;
	struct marks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	for (int second = 0; second < 300; second++) {
		int64_t now = NOON + second * S;
		if (second % 7 == 0)
			marks_visit(m, FAKE, now);
		marks_note(m, FAKE, now, now); /* the mail log cannot be read */
		(void)marks_write(m, now, MARKS_DUE, write_mark, &w);
	}
	assert_in_range(w.count, 5, 10);
	marks_free(m);
}

static void when_time_itself_must_pass_one_is_written(void **state)
{
	(void)state;
	struct marks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	assert_int_equal(marks_write(m, NOON, MARKS_ONE, write_mark, &w), 0);
	note_all(m, NOON);
	assert_int_equal(marks_write(m, NOON, MARKS_EACH, write_mark, &w), 3);
	assert_int_equal(marks_write(m, NOON + S, MARKS_EACH, write_mark, &w), 0);
	assert_int_equal(marks_write(m, NOON + S, MARKS_ONE, write_mark, &w), 1);
	assert_int_equal(marks_write(m, NOON + 2 * S, MARKS_ONE, write_mark, &w), 1);
	assert_int_not_equal(w.all[3].host, w.all[4].host); /* taken in turn */
	marks_free(m);
}

static void a_watermark_that_goes_back_is_not_written(void **state)
{
	(void)state;
	struct marks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	marks_note(m, MAIL, NOON, NOON);
	(void)marks_write(m, NOON, MARKS_EACH, write_mark, &w);
	marks_note(m, MAIL, NOON - 5 * S, NOON + 60 * S);
	(void)marks_write(m, NOON + 61 * S, MARKS_EACH, write_mark, &w);
	assert_int_equal(w.count, 1);
	marks_free(m);
}

static void a_reload_keeps_what_is_known_of_hosts_that_stay(void **state)
{
	(void)state;
	static const struct marks_host after[] = { { OTHER, 2, true },
						   { MAIL, 1, true } };
	struct marks *m = marks_of_two_sites();
	struct written w = { .count = 0 };
	note_all(m, NOON);
	(void)marks_write(m, NOON, MARKS_EACH, write_mark, &w);
	marks_set(m, after, 2, 60 * S);
	assert_int_equal(marks_write(m, NOON, MARKS_EACH, write_mark, &w), 0);
	note_all(m, NOON + S);
	w.count = 0;
	assert_int_equal(marks_write(m, NOON + S, MARKS_DUE, write_mark, &w), 0);
	marks_free(m);
}

static void it_is_known_whether_every_source_has_looked(void **state)
{
	(void)state;
	struct marks *m = marks_of_two_sites();
	marks_note(m, MAIL, NOON, NOON);
	assert_false(marks_are_fresh(m, NOON)); /* FAKE's has not begun */
	marks_note(m, FAKE, NOON, NOON + S);
	assert_true(marks_are_fresh(m, NOON));
	assert_false(marks_are_fresh(m, NOON + S));
	marks_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_site_writes_once_a_minute),
		cmocka_unit_test(a_visit_is_passed_by_confirm_as_soon_as_the_sources_are),
		cmocka_unit_test(a_busy_site_does_not_put_its_judgement_off),
		cmocka_unit_test(
		    a_source_without_watermarks_does_not_make_the_others_write),
		cmocka_unit_test(when_time_itself_must_pass_one_is_written),
		cmocka_unit_test(a_watermark_that_goes_back_is_not_written),
		cmocka_unit_test(a_reload_keeps_what_is_known_of_hosts_that_stay),
		cmocka_unit_test(it_is_known_whether_every_source_has_looked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
