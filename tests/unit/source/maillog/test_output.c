#include "source/maillog/output.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "journal_file.h"
#include "source/maillog/frame.h"

static char folder[] = "/tmp/fakemx-test-output-XXXXXX";
static char where[128];

enum { MAIL = 2, DAEMON = 3 };
#define T0 INT64_C(1795446000000123) /* 2026-11-23T15:00:00.000123Z */

struct got {
	char text[65536];
	size_t len;
};

static void add(struct got *g, const char *text, size_t len)
{
	assert_true(g->len + len + 1 < sizeof(g->text));
	memcpy(g->text + g->len, text, len);
	g->len += len;
	g->text[g->len] = '\0';
}

/* The journal's objects as lines of syslog. */
static void on_object(void *arg, const char *line, size_t len)
{
	struct frame *f = frame_new();
	struct logline l;
	char text[65536], when[STAMP_TEXT_MAX];
	assert_int_equal(frame_read(f, line, len, T0, &l), FRAME_LINE);
	int n = snprintf(text, sizeof(text), "%s %.*s %.*s[%.*s]: %.*s\n",
			 stamp_text(l.time, when), (int)slice_len(l.host), l.host.at,
			 (int)slice_len(l.tag), l.tag.at, (int)slice_len(l.pid), l.pid.at,
			 (int)slice_len(l.text), l.text.at);
	add(arg, text, (size_t)n);
	frame_free(f);
}

static void on_line(void *arg, const char *line, size_t len)
{
	add(arg, line, len);
	add(arg, "\n", 1);
}

static uint64_t now_ms(void)
{
	return (uint64_t)stamp_monotonic() / 1000;
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

/* Until it is at its end, however often that takes. */
static void expect(struct output *o, struct got *g, const char *want)
{
	struct error e;
	int rc = TAIL_WAIT;
	for (int i = 0; i < 500 && (rc != TAIL_AT_END || strlen(g->text) < strlen(want));
	     i++) {
		rc = output_poll(o, now_ms(), 1 << 20, &e);
		if (rc < 0)
			fail_msg("%s", e.text);
		output_wait(o, 10);
	}
	assert_int_equal(rc, TAIL_AT_END);
	assert_string_equal(g->text, want);
	g->len = 0;
	g->text[0] = '\0';
}

static void names_of_journals_are_known(void **state)
{
	(void)state;
	assert_true(output_is_journal("journal"));
	assert_true(output_is_journal("journal:/var/log/journal/remote"));
	assert_true(output_is_journal("journal:CONTAINER_NAME=mail _UID=0"));
	assert_false(output_is_journal("journal.log"));
	assert_false(output_is_journal("journal:here"));
	assert_false(output_is_journal("./journal"));
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
	struct output *o =
	    output_new(where, OUTPUT_JOURNAL_ONCE, INT64_MIN, on_object, &g);
	expect(o, &g,
	       "2026-11-23T15:00:00.000123Z mail postfix/smtpd[12]: connect from "
	       "unknown[203.0.113.9]\n"
	       "2026-11-23T15:00:01.000123Z mail sm-mta[12]: \n");
	assert_true(output_is_over(o));
	output_free(o);
}

/* One that a client could make long, or that has several lines, is one. */
static void long_and_split_messages_stay_one_line(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	static char text[20001], want[20100];
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
	assert_int_equal(fwrite("\x07\0\0\0\0\0\0\0one\n\x01wo\n\n", 1, 17, f), 17);
	assert_int_equal(journal_file_close(f), 0);
	struct output *o =
	    output_new(where, OUTPUT_JOURNAL_ONCE, INT64_MIN, on_object, &g);
	(void)snprintf(want, sizeof(want),
		       "2026-11-23T15:00:00.000123Z mail a[12]: %s\n"
		       "2026-11-23T15:00:00.000124Z mail b[1]: one\n\x01wo\n",
		       text);
	expect(o, &g, want);
	output_free(o);
}

static void new_entries_and_new_files_come_as_they_are_written(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	FILE *f = file_in_folder("a");
	journal_add(f, T0, "old", MAIL, "x");
	(void)usleep(300000); /* until it has made the file */
	struct output *o =
	    output_new(where, OUTPUT_JOURNAL, T0 + STAMP_SECOND, on_object, &g);
	expect(o, &g, "");
	journal_add(f, T0 + STAMP_SECOND, "a", MAIL, "1");
	expect(o, &g, "2026-11-23T15:00:01.000123Z mail a[12]: 1\n");
	assert_int_equal(journal_file_close(f), 0);
	f = file_in_folder("b");
	journal_add(f, T0 + 2 * STAMP_SECOND, "b", MAIL, "2");
	expect(o, &g, "2026-11-23T15:00:02.000123Z mail b[12]: 2\n");
	journal_add(f, T0 + 3 * STAMP_SECOND, "b", MAIL, "3");
	expect(o, &g, "2026-11-23T15:00:03.000123Z mail b[12]: 3\n");
	output_free(o);
	assert_int_equal(journal_file_close(f), 0);
}

/* What was read to its end is gone on with behind its last line, not twice. */
static void a_journal_is_followed_from_its_end(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	FILE *f = file_in_folder("a");
	journal_add(f, T0, "a", MAIL, "1");
	(void)usleep(300000);
	struct output *o = output_new(where, OUTPUT_JOURNAL, INT64_MIN, on_object, &g);
	expect(o, &g, "2026-11-23T15:00:00.000123Z mail a[12]: 1\n");
	journal_add(f, T0 + 1, "a", MAIL, "2");
	expect(o, &g, "2026-11-23T15:00:00.000124Z mail a[12]: 2\n");
	expect(o, &g, "");
	output_free(o);
	assert_int_equal(journal_file_close(f), 0);
}

/* The last line that was read is no longer there: the next one is another. */
static void a_journal_that_was_vacuumed_loses_no_line(void **state)
{
	struct got g = { .len = 0 };
	FILE *f = file_in_folder("a");
	journal_add(f, T0, "a", MAIL, "1");
	assert_int_equal(journal_file_close(f), 0);
	struct output *o = output_new(where, OUTPUT_JOURNAL, INT64_MIN, on_object, &g);
	expect(o, &g, "2026-11-23T15:00:00.000123Z mail a[12]: 1\n");
	assert_int_equal(clean(state), 0);
	f = file_in_folder("b");
	journal_add(f, T0 + 1, "a", MAIL, "2");
	journal_add(f, T0 + 2, "a", MAIL, "3");
	assert_int_equal(journal_file_close(f), 0);
	expect(o, &g,
	       "2026-11-23T15:00:00.000124Z mail a[12]: 2\n"
	       "2026-11-23T15:00:00.000125Z mail a[12]: 3\n");
	output_free(o);
}

static void a_budget_is_kept(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct error e;
	int rc = TAIL_WAIT;
	struct output *o = output_new("yes 2026-11-23T15:00:00Z mail a: b",
				      OUTPUT_COMMAND, INT64_MIN, on_line, &g);
	for (int i = 0; i < 500 && rc == TAIL_WAIT; i++) {
		rc = output_poll(o, now_ms(), 100, &e);
		output_wait(o, 10);
	}
	assert_int_equal(rc, TAIL_MORE);
	assert_true(g.len >= 60 && g.len <= 101);
	output_free(o);
}

static void what_cannot_be_read_is_a_sentence_and_tried_again(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct error e;
	int rc = TAIL_WAIT;
	struct output *o = output_new("journal:/no/such/folder", OUTPUT_JOURNAL,
				      INT64_MIN, on_object, &g);
	for (int i = 0; i < 500 && rc >= 0; i++) {
		rc = output_poll(o, now_ms(), 1 << 20, &e);
		output_wait(o, 10);
	}
	assert_true(rc < 0);
	assert_non_null(strstr(e.text, "journal:/no/such/folder cannot be read: "
				       "journalctl ended with status 1"));
	assert_true(output_poll(o, now_ms(), 1 << 20, &e) < 0);
	output_free(o);
}

static void write_log(const char *name, const char *text)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Until the command has ended: the sentence. */
static void run_to_end(struct output *o, uint64_t ms, const char *want)
{
	struct error e;
	int rc = TAIL_WAIT;
	for (int i = 0; i < 500 && rc >= 0; i++) {
		rc = output_poll(o, ms, 1 << 20, &e);
		output_wait(o, 10);
	}
	assert_true(rc < 0);
	if (!strstr(e.text, want))
		fail_msg("got \"%s\", want \"%s\"", e.text, want);
}

#define L(second, text) "2026-11-23T15:00:0" second ".5Z mail a[1]: " text "\n"

/* As `docker logs -t` does, which begins anew each time. */
/* It says what it has in pieces: between two of them is no end. */
static void a_command_is_at_its_end_when_it_is_silent(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	struct output *o =
	    output_new("echo '2026-11-23T15:00:00Z mail a: 1'; sleep 0.2; "
		       "echo '2026-11-23T15:00:01Z mail a: 2'; exec sleep 60",
		       OUTPUT_COMMAND, INT64_MIN, on_line, &g);
	struct error e;
	int rc = TAIL_WAIT;
	while (rc != TAIL_AT_END) {
		rc = output_poll(o, now_ms(), 1 << 20, &e);
		assert_true(rc >= 0);
		output_wait(o, 10);
	}
	assert_string_equal(g.text, "2026-11-23T15:00:00Z mail a: 1\n"
				    "2026-11-23T15:00:01Z mail a: 2\n");
	output_free(o);
}

static void what_a_command_repeats_is_left_out(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	char command[256];
	int64_t from, to;
	(void)snprintf(command, sizeof(command),
		       "echo %%s >> %s/since; cat %s/log; echo no more >&2; exit 3",
		       folder, folder);
	struct output *o = output_new(command, OUTPUT_COMMAND, T0, on_line, &g);
	write_log("log", L("1", "one") L("2", "two") L("2", "two"));
	run_to_end(o, 1000,
		   "the mail log command ended with status 3: no more; it is "
		   "started again in 1 s");
	assert_string_equal(g.text, L("1", "one") L("2", "two") L("2", "two"));
	g.len = 0;
	g.text[0] = '\0';
	struct error e;
	assert_true(output_poll(o, 1900, 1 << 20, &e) < 0); /* not yet */
	assert_int_equal(g.len, 0);
	write_log("log", L("1", "one") L("2", "two") L("2", "two") L("2", "two")
			     L("3", "three"));
	run_to_end(o, 2000, "started again in 2 s");
	assert_string_equal(g.text, L("2", "two") L("3", "three"));
	assert_false(output_missed(o, &from, &to));
	/* it was cut meanwhile, and what stood in front of it is lost */
	g.len = 0;
	g.text[0] = '\0';
	write_log("log", L("5", "five"));
	run_to_end(o, 4000, "started again in 4 s");
	assert_string_equal(g.text, L("5", "five"));
	assert_true(output_missed(o, &from, &to));
	assert_true(to - from == 2 * STAMP_SECOND);
	output_free(o);
	char line[64], path[256];
	(void)snprintf(path, sizeof(path), "%s/since", folder);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "2026-11-23T15:00:00.000123Z\n");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "2026-11-23T14:59:57.5Z\n");
	assert_int_equal(fclose(f), 0);
}

static void standard_input_is_read_to_its_end(void **state)
{
	(void)state;
	struct got g = { .len = 0 };
	int pipes[2], kept = dup(0);
	struct error e;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[0], 0), 0);
	struct output *o = output_new("-", OUTPUT_STDIN, INT64_MIN, on_line, &g);
	/* Who writes there may have much to say yet. */
	assert_int_equal(output_poll(o, 7, 1 << 20, &e), TAIL_WAIT);
	assert_int_equal(output_poll(o, 1999, 1 << 20, &e), TAIL_WAIT);
	assert_int_equal(output_poll(o, 2007, 1 << 20, &e), TAIL_AT_END);
	assert_int_equal(write(pipes[1], "one\ntwo", 7), 7);
	expect(o, &g, "one\n");
	assert_int_equal(close(pipes[1]), 0);
	expect(o, &g, "two\n");
	assert_true(output_is_over(o));
	output_free(o);
	assert_int_equal(dup2(kept, 0), 0);
	assert_int_equal(close(kept) | close(pipes[0]), 0);
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
		cmocka_unit_test_teardown(a_journal_is_followed_from_its_end, clean),
		cmocka_unit_test_teardown(a_journal_that_was_vacuumed_loses_no_line,
					  clean),
		cmocka_unit_test_teardown(a_budget_is_kept, clean),
		cmocka_unit_test(a_command_is_at_its_end_when_it_is_silent),
		cmocka_unit_test_teardown(what_a_command_repeats_is_left_out, clean),
		cmocka_unit_test(standard_input_is_read_to_its_end),
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
