#include "source/maillog/journald.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "journal_file.h"

static char folder[] = "/tmp/fakemx-test-journald-XXXXXX";
static char where[128];

enum { MAIL = 2, DAEMON = 3 };
#define T0 INT64_C(1795446000000123) /* 2026-11-23T15:00:00.000123Z */

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

static FILE *file_in_folder(const char *name)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s.journal", folder, name);
	FILE *f = journal_file(path);
	assert_non_null(f);
	return f;
}

static int clean(void **state)
{
	char command[256];
	(void)state;
	(void)snprintf(command, sizeof(command), "rm -f %s/*", folder);
	return system(command);
}

static void expect(struct journald *j, struct got *g, const char *want)
{
	struct error e;
	int rc = journald_poll(j, 1 << 20, &e);
	if (rc < 0)
		fail_msg("%s", e.text);
	assert_int_equal(rc, TAIL_AT_END);
	assert_string_equal(g->text, want);
	g->len = 0;
	g->text[0] = '\0';
}

/* The writer is another process: waits until it has come so far. */
static void expect_soon(struct journald *j, struct got *g, const char *want)
{
	struct error e;
	for (int i = 0; i < 500 && strlen(g->text) < strlen(want); i++) {
		assert_true(journald_poll(j, 1 << 20, &e) >= 0);
		(void)usleep(10000);
	}
	expect(j, g, want);
}

static void names_of_journals_are_known(void **state)
{
	(void)state;
	assert_true(journald_is("journal"));
	assert_true(journald_is("journal:/var/log/journal/remote"));
	assert_false(journald_is("journal.log"));
	assert_false(journald_is("journal:here"));
	assert_false(journald_is("./journal"));
}

static void entries_of_the_mail_facility_become_lines(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	FILE *f = file_in_folder("a");
	journal_add(f, T0, "postfix/smtpd", MAIL, "connect from unknown[203.0.113.9]");
	journal_add(f, T0 + 1, "sshd", DAEMON, "nothing of ours");
	journal_add(f, T0 + STAMP_SECOND, "sm-mta", MAIL, "");
	assert_int_equal(journal_file_close(f), 0);
	struct journald *j = journald_new(where, INT64_MIN, on_line, &g);
	expect(j, &g,
	       "2026-11-23T15:00:00.000123Z mail postfix/smtpd[12]: connect from "
	       "unknown[203.0.113.9]\n"
	       "2026-11-23T15:00:01.000123Z mail sm-mta[12]: \n");
	expect(j, &g, "");
	journald_free(j);
}

/* One that a client could make long, or that has several lines, is one. */
static void long_and_split_messages_stay_one_line(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	char text[20001];
	memset(text, 'x', 20000);
	text[20000] = '\0';
	FILE *f = file_in_folder("a");
	journal_add(f, T0, "a", MAIL, text);
	/* a field with a length of its own may hold any byte */
	(void)fprintf(f,
		      "__REALTIME_TIMESTAMP=%" PRId64
		      "\n_BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=mail\n"
		      "SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=b\n_PID=1\nMESSAGE\n",
		      T0 + 1);
	assert_int_equal(fwrite("\x07\0\0\0\0\0\0\0one\ntwo\n\n", 1, 17, f), 17);
	assert_int_equal(journal_file_close(f), 0);
	struct journald *j = journald_new(where, INT64_MIN, on_line, &g);
	struct error e;
	assert_int_equal(journald_poll(j, 1 << 20, &e), TAIL_AT_END);
	assert_int_equal(strcspn(g.text, "\n"), LINES_MAX);
	assert_string_equal(g.text + LINES_MAX + 1,
			    "2026-11-23T15:00:00.000124Z mail b[1]: one two\n");
	assert_int_equal(journald_counts(j).too_long, 1);
	journald_free(j);
}

static void new_entries_and_new_files_come_as_they_are_written(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	FILE *f = file_in_folder("a");
	journal_add(f, T0, "old", MAIL, "x");
	struct journald *j = journald_new(where, T0 + STAMP_SECOND, on_line, &g);
	struct error e;
	while (journald_poll(j, 1000, &e) < 0) /* it has not made the file yet */
		(void)usleep(10000);
	expect(j, &g, "");
	journal_add(f, T0 + STAMP_SECOND, "a", MAIL, "1");
	expect_soon(j, &g, "2026-11-23T15:00:01.000123Z mail a[12]: 1\n");
	assert_int_equal(journal_file_close(f), 0);
	f = file_in_folder("b");
	journal_add(f, T0 + 2 * STAMP_SECOND, "b", MAIL, "2");
	expect_soon(j, &g, "2026-11-23T15:00:02.000123Z mail b[12]: 2\n");
	journal_add(f, T0 + 3 * STAMP_SECOND, "b", MAIL, "3");
	expect_soon(j, &g, "2026-11-23T15:00:03.000123Z mail b[12]: 3\n");
	journald_free(j);
	assert_int_equal(journal_file_close(f), 0);
}

static void a_budget_is_kept(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct error e;
	FILE *f = file_in_folder("a");
	for (int i = 0; i < 10; i++)
		journal_add(f, T0 + i, "a", MAIL, "x");
	assert_int_equal(journal_file_close(f), 0);
	struct journald *j = journald_new(where, INT64_MIN, on_line, &g);
	assert_int_equal(journald_poll(j, 60, &e), TAIL_MORE);
	assert_true(g.len > 60 && g.len < 120);
	assert_int_equal(journald_poll(j, 1 << 20, &e), TAIL_AT_END);
	assert_true(g.len > 400);
	journald_free(j);
}

static void what_cannot_be_read_is_a_sentence_and_tried_again(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct error e;
	struct journald *j = journald_new(where, INT64_MIN, on_line, &g);
	assert_int_equal(journald_poll(j, 100, &e), -ENOENT);
	assert_non_null(strstr(e.text, "no file that may be read"));
	assert_non_null(strstr(e.text, folder));
	FILE *f = file_in_folder("a");
	journal_add(f, T0, "a", MAIL, "1");
	assert_int_equal(journal_file_close(f), 0);
	expect(j, &g, "2026-11-23T15:00:00.000123Z mail a[12]: 1\n");
	journald_free(j);
	j = journald_new("journal:/no/such/folder", INT64_MIN, on_line, &g);
	assert_int_equal(journald_poll(j, 100, &e), -ENOENT);
	assert_non_null(strstr(e.text, "journal:/no/such/folder: No such file"));
	journald_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_journals_are_known),
		cmocka_unit_test_teardown(entries_of_the_mail_facility_become_lines,
					  clean),
		cmocka_unit_test_teardown(long_and_split_messages_stay_one_line, clean),
		cmocka_unit_test_teardown(
		    new_entries_and_new_files_come_as_they_are_written, clean),
		cmocka_unit_test_teardown(a_budget_is_kept, clean),
		cmocka_unit_test_teardown(
		    what_cannot_be_read_is_a_sentence_and_tried_again, clean),
	};
	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(where, sizeof(where), "journal:%s", folder);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(folder);
	return rc;
}
