#include "source/maillog/tail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/stamp.h"

static char folder[] = "/tmp/fakemx-test-tail-XXXXXX";
static char path[256], renamed[256];

/* What came out, a line each. */
struct got {
	char text[LINES_MAX + 16384];
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
	assert_int_equal(g.len, LINES_MAX + 1 + 6);
	assert_string_equal(g.text + LINES_MAX, "\nshort\n");
	assert_int_equal(tail_counts(t).too_long, 1);
	tail_free(t);
	free(lng);
}

/* A file as gzip(1) packs it, with the time `changed` (seconds). */
static void pack(const char *to, const char *text, int64_t changed)
{
	gzFile f = gzopen(to, "wb");
	assert_non_null(f);
	assert_int_equal(gzputs(f, text), (int)strlen(text));
	assert_int_equal(gzclose(f), Z_OK);
	struct utimbuf times = { changed, changed };
	assert_int_equal(utime(to, &times), 0);
}

static void touch(const char *file, int64_t changed)
{
	struct utimbuf times = { changed, changed };
	assert_int_equal(utime(file, &times), 0);
}

static void what_was_rotated_before_we_came_is_read_first(void **state)
{
	(void)state;
	char packed[300], dated[300];
	struct got g = { .len = 0 };
	int64_t now = stamp_now() / STAMP_SECOND;
	(void)snprintf(packed, sizeof(packed), "%s.2.gz", path);
	(void)snprintf(dated, sizeof(dated), "%s-20261122", path);
	pack(packed, "packed\n", now - 300);
	add(dated, "first\n");
	touch(dated, now - 200);
	add(renamed, "second\nsec");
	touch(renamed, now - 100);
	add(path, "third\n");
	struct tail *t = tail_new(path, false, on_line, &g);
	tail_earlier(t, (now - 100) * STAMP_SECOND);
	expect(t, &g, 0, "second\nthird\n");
	add(renamed, "ond half\n");
	touch(renamed, now - 100);
	expect(t, &g, 0, "second half\n");
	tail_free(t);
	t = tail_new(path, false, on_line, &g);
	tail_earlier(t, (now - 300) * STAMP_SECOND);
	expect(t, &g, 0, "packed\nfirst\nsecond\nsecond half\nthird\n");
	assert_null(tail_missed(t));
	assert_int_equal(tail_counts(t).rotations, 0);
	tail_free(t);
	(void)unlink(packed);
	(void)unlink(dated);
}

/* gzip writes the packed one beside the other, then removes that. */
static void a_file_that_is_being_packed_is_read_once(void **state)
{
	(void)state;
	char packed[300];
	struct got g = { .len = 0 };
	(void)snprintf(packed, sizeof(packed), "%s.1.gz", path);
	add(renamed, "once\n");
	pack(packed, "once\n", stamp_now() / STAMP_SECOND);
	struct tail *t = tail_new(path, false, on_line, &g);
	tail_earlier(t, 0);
	add(path, "new\n");
	assert_int_equal(unlink(renamed), 0); /* it has finished */
	expect(t, &g, 0, "once\nnew\n");
	tail_free(t);
	(void)unlink(packed);
}

static void of_a_damaged_one_what_is_whole_is_read_and_the_rest_told(void **state)
{
	(void)state;
	char packed[300], text[100 * 30] = "", want[sizeof(text) + 8];
	struct stat st;
	struct got g = { .len = 0 };
	(void)snprintf(packed, sizeof(packed), "%s.2.gz", path);
	for (size_t i = 0; i < 100; i++)
		(void)snprintf(text + strlen(text), 30, "line %zu %lx\n", i,
			       (i + 1) * 2654435761u);
	pack(packed, text, stamp_now() / STAMP_SECOND);
	assert_int_equal(stat(packed, &st), 0);
	assert_int_equal(truncate(packed, st.st_size / 2), 0);
	add(path, "new\n");
	struct tail *t = tail_new(path, false, on_line, &g);
	tail_earlier(t, 0);
	assert_int_equal(tail_poll(t, 0, 1 << 20), TAIL_AT_END);
	assert_true(g.len > 200 && g.len < strlen(text));
	(void)snprintf(want, sizeof(want), "%.*s", (int)(g.len - 4), text);
	assert_memory_equal(g.text, want, g.len - 4);
	assert_true(want[g.len - 5] == '\n'); /* no half line */
	assert_string_equal(g.text + g.len - 4, "new\n");
	assert_non_null(strstr(tail_missed(t), ".2.gz is cut short"));
	assert_null(tail_missed(t));
	tail_free(t);
	(void)unlink(packed);
}

static void copy(const char *from, const char *to)
{
	char bytes[4096];
	FILE *f = fopen(from, "r");
	assert_non_null(f);
	size_t n = fread(bytes, 1, sizeof(bytes) - 1, f);
	bytes[n] = '\0';
	assert_int_equal(fclose(f), 0);
	(void)unlink(to);
	add(to, bytes);
}

/* copytruncate: what came since we looked last is in the copy only. */
static void a_copied_and_truncated_file_loses_and_doubles_nothing(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	add(path, "old\n");
	struct tail *t = tail_new(path, true, on_line, &g);
	expect(t, &g, 0, "");
	add(path, "one\ntw");
	expect(t, &g, 0, "one\n");
	add(path, "o\nthree\n");
	copy(path, renamed);
	assert_int_equal(truncate(path, 0), 0);
	add(path, "four\nnext tw");
	expect(t, &g, 0, "two\nthree\nfour\n");
	assert_null(tail_missed(t));
	add(path, "o\nfive\n");
	copy(path, renamed);
	assert_int_equal(truncate(path, 0), 0);
	add(path, "six\n");
	expect(t, &g, 0, "next two\nfive\nsix\n");
	expect(t, &g, 0, "");
	assert_int_equal(tail_counts(t).rotations, 2);
	tail_free(t);
}

static void also_if_it_is_long_again_or_the_copy_is_packed(void **state)
{
	(void)state;
	char packed[300];
	struct got g = { .len = 0 };
	(void)snprintf(packed, sizeof(packed), "%s.1.gz", path);
	struct tail *t = tail_new(path, false, on_line, &g);
	add(path, "one\n");
	expect(t, &g, 0, "one\n");
	copy(path, renamed);
	add(renamed, "two\n");
	assert_int_equal(truncate(path, 0), 0);
	add(path, "longer than it was\n");
	expect(t, &g, 0, "two\nlonger than it was\n");
	(void)unlink(renamed);
	pack(packed, "longer than it was\nmore\n", stamp_now() / STAMP_SECOND);
	assert_int_equal(truncate(path, 0), 0);
	add(path, "new\n");
	expect(t, &g, 0, "more\nnew\n");
	tail_free(t);
	(void)unlink(packed);
}

/* Truncated by hand, while another file of that name lies there. */
static void a_rotated_file_that_is_no_copy_is_left_alone(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	add(renamed, "long ago, and longer than the other\nmuch\n");
	add(path, "one\ntwo\n");
	struct tail *t = tail_new(path, false, on_line, &g);
	expect(t, &g, 0, "one\ntwo\n");
	assert_int_equal(truncate(path, 0), 0);
	add(path, "new\n");
	expect(t, &g, 0, "new\n");
	tail_free(t);
}

/* Truncated between two looks, by hand: what was written in between cannot be known, and
 * that is said, once; also if it is as long again as it was. */
static void what_was_truncated_without_a_copy_is_told(void **state)
{
	(void)state;
	static const char *const after[] = { "", "new\n", "same length\n",
					     "longer than it was\n" };
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		struct got g = { .len = 0 };
		struct tail *t = tail_new(path, false, on_line, &g);
		add(path, "a line read\n");
		expect(t, &g, 0, "a line read\n");
		assert_null(tail_missed(t));
		add(path, "never read\n");
		assert_int_equal(truncate(path, 0), 0);
		add(path, after[i]);
		expect(t, &g, 0, after[i]);
		assert_non_null(strstr(tail_missed(t), "was truncated"));
		assert_null(tail_missed(t));
		expect(t, &g, 0, "");
		assert_null(tail_missed(t));
		tail_free(t);
		(void)unlink(path);
	}
}

static void what_was_written_to_an_empty_file_and_truncated_is_told(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	add(path, "");
	struct tail *t = tail_new(path, true, on_line, &g);
	expect(t, &g, 0, "");
	expect(t, &g, 1000, "");
	assert_null(tail_missed(t));
	(void)usleep(20000); /* a file system's clock has ticks */
	add(path, "nobody reads this\n");
	assert_int_equal(truncate(path, 0), 0);
	expect(t, &g, 2000, "");
	assert_non_null(
	    strstr(tail_missed(t), "was written and emptied between two looks"));
	expect(t, &g, 3000, "");
	assert_null(tail_missed(t));
	add(path, "a\n");
	expect(t, &g, 4000, "a\n");
	assert_null(tail_missed(t));
	tail_free(t);
}

/* We start between the copying and the truncation. */
static void a_copy_whose_original_was_not_truncated_yet_is_read_once(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	add(path, "one\ntwo\n");
	copy(path, renamed);
	struct tail *t = tail_new(path, false, on_line, &g);
	tail_earlier(t, 0);
	expect(t, &g, 0, "one\ntwo\n");
	assert_int_equal(truncate(path, 0), 0);
	add(path, "new\n");
	expect(t, &g, 0, "new\n");
	tail_free(t);
}

/* A program that writes on at its old place leaves a hole in front. */
static void zeros_in_front_of_a_line_are_no_part_of_it(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	add(path, "first line\n");
	struct tail *t = tail_new(path, false, on_line, &g);
	expect(t, &g, 0, "first line\n");
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(truncate(path, 11), 0);
	add(path, "second\n");
	expect(t, &g, 0, "second\n");
	tail_free(t);
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
		cmocka_unit_test_teardown(a_file_that_is_being_packed_is_read_once,
					  clean),
		cmocka_unit_test_teardown(
		    of_a_damaged_one_what_is_whole_is_read_and_the_rest_told, clean),
		cmocka_unit_test_teardown(
		    a_copied_and_truncated_file_loses_and_doubles_nothing, clean),
		cmocka_unit_test_teardown(also_if_it_is_long_again_or_the_copy_is_packed,
					  clean),
		cmocka_unit_test_teardown(a_rotated_file_that_is_no_copy_is_left_alone,
					  clean),
		cmocka_unit_test_teardown(what_was_truncated_without_a_copy_is_told,
					  clean),
		cmocka_unit_test_teardown(
		    what_was_written_to_an_empty_file_and_truncated_is_told, clean),
		cmocka_unit_test_teardown(
		    a_copy_whose_original_was_not_truncated_yet_is_read_once, clean),
		cmocka_unit_test_teardown(zeros_in_front_of_a_line_are_no_part_of_it,
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
