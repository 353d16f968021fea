/*
 * Logs that the real programs wrote (tests/system, FAKEMX_SAMPLES), in each framing: each
 * says the same, whatever stands in front. NAME.want has the visits, NAME_-_FRAMING.log a
 * log.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "source/maillog/logfiles.h"
#include "source/maillog/maillog_lines.h"

#define FOLDER FMX_TEST_DATA "/maillog/framed/"
enum { LINES_WANTED = 16, LINE_LEN = 128 };

struct seen {
	struct maillog_lines *reader;
	const char *want;
	int64_t now;
	char lines[LINES_WANTED][LINE_LEN];
	size_t count;
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct seen *s = arg;
	char client[ADDR_TEXT_MAX], begin[ADDR_TEXT_MAX + 1];
	(void)local;
	(void)snprintf(begin, sizeof(begin), "%s ", addr_text(v->client, client));
	if (!strstr(s->want, begin)) /* cut: it was at the edge of the sample */
		return;
	assert_true(s->count < LINES_WANTED);
	(void)snprintf(s->lines[s->count++], LINE_LEN, "%s %s %s\n",
		       addr_text(v->client, client), depth_name(v->depth),
		       outcome_name(v->outcome));
}

static void on_begin(void *arg, const char *file, int64_t latest)
{
	struct seen *s = arg;
	(void)file;
	s->now = latest;
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct seen *s = arg;
	maillog_lines_line(s->reader, line, len, s->now);
}

static bool on_pause(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return true;
}

static int on_end(void *arg, const char *file, struct error *e)
{
	(void)arg;
	(void)file;
	(void)e;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void expect_file(const char *name, const char *want)
{
	char path[1024], got[LINES_WANTED * LINE_LEN] = "";
	struct error e;
	struct logfiles_counts counts;
	struct seen s = { .want = want };
	struct logfiles_hooks hooks = {
		on_begin, on_line, on_pause, on_end, INT64_MIN, &s
	};
	char *files[] = { path };
	(void)snprintf(path, sizeof(path), FOLDER "%s", name);
	s.reader = maillog_lines_new(on_visit, &s);
	assert_int_equal(logfiles_read(files, 1, &hooks, &counts, &e), 0);
	maillog_lines_finish(s.reader);
	if (maillog_lines_counts(s.reader).garbled)
		fail_msg("%s: %d lines are garbled", name,
			 (int)maillog_lines_counts(s.reader).garbled);
	maillog_lines_free(s.reader);
	qsort(s.lines, s.count, LINE_LEN, compare);
	for (size_t i = 0, len = 0; i < s.count; i++, len = strlen(got))
		(void)snprintf(got + len, sizeof(got) - len, "%s", s.lines[i]);
	if (strcmp(got, want) != 0)
		fail_msg("%s:\ngot\n%swant\n%s", name, got, want);
}

/* "NAME_-_FRAMING.log" */
static void read_want(const char *name, char *to, size_t size)
{
	char path[1024];
	const char *end = strstr(name, "_-_");
	assert_non_null(end);
	(void)snprintf(path, sizeof(path), FOLDER "%.*s.want", (int)(end - name), name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t n = fread(to, 1, size - 1, f);
	to[n] = '\0';
	assert_int_equal(fclose(f), 0);
}

static void what_the_programs_wrote_is_read_in_each_framing(void **state)
{
	(void)state;
	size_t files = 0;
	DIR *folder = opendir(FOLDER);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		char want[LINES_WANTED * LINE_LEN];
		if (!strstr(entry->d_name, ".log"))
			continue;
		read_want(entry->d_name, want, sizeof(want));
		expect_file(entry->d_name, want);
		files++;
	}
	closedir(folder);
	assert_true(files >= 4 * 21); /* programs, framings */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_programs_wrote_is_read_in_each_framing),
	};
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
