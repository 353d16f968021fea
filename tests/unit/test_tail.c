#include "source/tail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/stamp.h"

static char folder[] = "/tmp/fakemx-test-tail-XXXXXX";
static char path[256], renamed[256];

/* What came out, a line each. */
struct got {
	char text[65536];
	size_t len;
};

static void on_line(void *arg, const char *line, size_t len)
{
	struct got *g = arg;
	assert_true(g->len + len + 1 < sizeof(g->text));
	memcpy(g->text + g->len, line, len);
	g->len += len;
	g->text[g->len++] = '\n';
	g->text[g->len] = '\0';
}

static void add(const char *to, const char *text)
{
	FILE *f = fopen(to, "a");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void expect(struct tail *t, struct got *g, uint64_t now_ms, const char *want)
{
	assert_int_equal(tail_poll(t, now_ms, 1 << 20), TAIL_AT_END);
	assert_string_equal(g->text, want);
	g->len = 0;
	g->text[0] = '\0';
}

static int clean(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(renamed);
	return 0;
}

static void lines_come_as_they_end(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct tail *t = tail_new(path, false, on_line, &g);
	assert_int_equal(tail_poll(t, 0, 100), -ENOENT);
	add(path, "one\n\ntwo\nthr");
	expect(t, &g, 0, "one\n\ntwo\n");
	expect(t, &g, 0, "");
	add(path, "e");
	expect(t, &g, 0, "");
	add(path, "e\nfour\n");
	expect(t, &g, 0, "three\nfour\n");
	tail_free(t);
}

static void from_the_end_nothing_old_comes_and_no_half_line(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	add(path, "old\nhal");
	struct tail *t = tail_new(path, true, on_line, &g);
	expect(t, &g, 0, "");
	add(path, "f\nnew\n");
	expect(t, &g, 0, "new\n");
	tail_free(t);
}

static void a_file_that_comes_later_is_all_new(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct tail *t = tail_new(path, true, on_line, &g);
	assert_int_equal(tail_poll(t, 0, 100), -ENOENT);
	add(path, "first\n");
	expect(t, &g, 0, "first\n");
	tail_free(t);
}

static void rotation_loses_nothing_of_the_old_file(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct tail *t = tail_new(path, false, on_line, &g);
	add(path, "a\n");
	expect(t, &g, 0, "a\n");
	add(path, "b\n");
	assert_int_equal(rename(path, renamed), 0);
	expect(t, &g, 0, "b\n");
	add(renamed, "c\n"); /* the writer has it open still */
	expect(t, &g, 0, "c\n");
	add(path, "e\n");
	add(renamed, "d\nlast");
	expect(t, &g, 1000, "d\ne\n");
	add(renamed, " line\n");
	add(path, "f\n");
	expect(t, &g, 2000, "last line\nf\n");
	add(renamed, "cut off");
	expect(t, &g, 3000 + TAIL_OLD_MS, "cut off\n");
	add(renamed, "\nmuch too late\n");
	add(path, "g\n");
	expect(t, &g, 4000 + TAIL_OLD_MS, "g\n");
	assert_int_equal(tail_counts(t).rotations, 1);
	tail_free(t);
}

static void rotation_twice_within_a_minute_loses_nothing(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct tail *t = tail_new(path, false, on_line, &g);
	add(path, "a\n");
	expect(t, &g, 0, "a\n");
	for (int i = 0; i < 2; i++) {
		add(path, "end\n");
		assert_int_equal(rename(path, renamed), 0);
		add(path, "begin\n");
		expect(t, &g, 10, "end\nbegin\n");
	}
	tail_free(t);
}

static void a_file_that_became_shorter_is_read_from_its_beginning(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct tail *t = tail_new(path, false, on_line, &g);
	add(path, "a line\nand ha");
	expect(t, &g, 0, "a line\n");
	assert_int_equal(truncate(path, 0), 0);
	add(path, "new\n");
	expect(t, &g, 0, "new\n");
	assert_int_equal(tail_counts(t).rotations, 1);
	tail_free(t);
}

static void long_lines_are_cut_and_what_follows_is_whole(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	char *lng = malloc(200001);
	assert_non_null(lng);
	memset(lng, 'x', 200000);
	lng[200000] = '\0';
	struct tail *t = tail_new(path, false, on_line, &g);
	add(path, lng);
	assert_int_equal(tail_poll(t, 0, 1 << 20), TAIL_AT_END);
	add(path, "\nshort\n");
	assert_int_equal(tail_poll(t, 0, 1 << 20), TAIL_AT_END);
	assert_int_equal(g.len, TAIL_LINE_MAX + 1 + 6);
	assert_string_equal(g.text + TAIL_LINE_MAX, "\nshort\n");
	assert_int_equal(tail_counts(t).too_long, 1);
	tail_free(t);
	free(lng);
}

static void what_was_rotated_before_we_came_is_read_first(void **state)
{
	(void)state;
	char packed[300], dated[300];
	struct got g = { .len = 0 };
	int64_t t0 = stamp_now();
	(void)snprintf(packed, sizeof(packed), "%s.2.gz", path);
	(void)snprintf(dated, sizeof(dated), "%s-20261122", path);
	add(packed, "packed\n");
	add(dated, "first\n");
	(void)usleep(20000);
	int64_t between = stamp_now();
	(void)usleep(20000);
	add(renamed, "second\nsec");
	add(path, "third\n");
	struct tail *t = tail_new(path, false, on_line, &g);
	assert_null(tail_earlier(t, between));
	expect(t, &g, 0, "second\nthird\n");
	add(renamed, "ond half\n");
	expect(t, &g, 0, "second half\n");
	tail_free(t);
	t = tail_new(path, false, on_line, &g);
	assert_string_equal(tail_earlier(t, t0 - STAMP_MINUTE), packed);
	expect(t, &g, 0, "first\nsecond\nsecond half\nthird\n");
	assert_int_equal(tail_counts(t).rotations, 0);
	tail_free(t);
	(void)unlink(packed);
	(void)unlink(dated);
}

static void the_budget_is_kept_and_the_rest_comes_later(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct tail *t = tail_new(path, false, on_line, &g);
	add(path, "0123456789\n0123456789\n");
	assert_int_equal(tail_poll(t, 0, 15), TAIL_MORE);
	assert_string_equal(g.text, "0123456789\n");
	expect(t, &g, 0, "0123456789\n0123456789\n");
	tail_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(lines_come_as_they_end, clean),
		cmocka_unit_test_teardown(from_the_end_nothing_old_comes_and_no_half_line,
					  clean),
		cmocka_unit_test_teardown(a_file_that_comes_later_is_all_new, clean),
		cmocka_unit_test_teardown(rotation_loses_nothing_of_the_old_file, clean),
		cmocka_unit_test_teardown(rotation_twice_within_a_minute_loses_nothing,
					  clean),
		cmocka_unit_test_teardown(
		    a_file_that_became_shorter_is_read_from_its_beginning, clean),
		cmocka_unit_test_teardown(long_lines_are_cut_and_what_follows_is_whole,
					  clean),
		cmocka_unit_test_teardown(what_was_rotated_before_we_came_is_read_first,
					  clean),
		cmocka_unit_test_teardown(the_budget_is_kept_and_the_rest_comes_later,
					  clean),
	};
	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/log", folder);
	(void)snprintf(renamed, sizeof(renamed), "%s/log.1", folder);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(folder);
	return rc;
}
