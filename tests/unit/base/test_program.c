#include "base/program.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int run(const char *const *argv, const char *const *extra, char *said, size_t size)
{
	int ends[2], status = -1;
	struct error e;
	struct program p;
	assert_int_equal(pipe(ends), 0);
	const int files[3] = { -1, ends[1], -1 };
	int rc = program_start(argv, extra, files, &p, &e);
	(void)close(ends[1]);
	size_t n = 0;
	ssize_t got;
	while (rc == 0 && (got = read(ends[0], said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	(void)close(ends[0]);
	if (rc != 0) {
		(void)snprintf(said, size, "%.*s", (int)size - 1, e.text);
		return rc;
	}
	struct pollfd end = { .fd = p.fd, .events = POLLIN };
	while (!program_ended(&p, &status))
		(void)poll(&end, 1, -1);
	return status;
}

static int shell(const char *line, char *said, size_t size)
{
	const char *argv[] = { "/bin/sh", "-c", line, NULL };
	return run(argv, NULL, said, size);
}

static void what_it_says_and_how_it_ends(void **state)
{
	char said[200];
	(void)state;
	assert_int_equal(shell("echo hello; exit 3", said, sizeof(said)), 3 << 8);
	assert_string_equal(said, "hello\n");
	assert_int_equal(shell("kill -TERM $$", said, sizeof(said)), SIGTERM);
}

static void variables_are_added_or_replaced(void **state)
{
	char said[200];
	const char *argv[] = { "/bin/sh", "-c", "echo $FMX_A $FMX_B $FMX_AB", NULL };
	const char *extra[] = { "FMX_A=new", "FMX_B=2", NULL };
	(void)state;
	assert_int_equal(setenv("FMX_A", "old", 1), 0);
	assert_int_equal(setenv("FMX_AB", "kept", 1), 0);
	assert_int_equal(run(argv, extra, said, sizeof(said)), 0);
	assert_string_equal(said, "new 2 kept\n");
}

static void it_has_no_file_and_no_signal_of_ours(void **state)
{
	char said[200];
	(void)state;
	int left = dup(2); /* without close-on-exec, as a careless library's */
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(shell("ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status",
			       said, sizeof(said)),
			 0);
	assert_non_null(strstr(said, "4\n")); /* 0 1 2, and that of ls */
	const char *ignored = strstr(said, "SigIgn:");
	assert_non_null(ignored); /* glibc keeps two of its own ignored */
	assert_false(strtoull(ignored + 7, NULL, 16) & (1U << (SIGPIPE - 1)));
	(void)close(left);
}

static void a_program_that_is_not_there_is_a_sentence(void **state)
{
	char said[200];
	const char *argv[] = { "fakemx-no-such-program", NULL };
	(void)state;
	assert_int_equal(run(argv, NULL, said, sizeof(said)), -ENOENT);
	assert_string_equal(
	    said, "cannot run fakemx-no-such-program: No such file or directory");
}

/* ---- through the helper ---- */

static bool is_everything_allowed; /* in the helper's process */

static bool allows(void *arg, const char *const *argv, const char *const *extra)
{
	(void)arg, (void)extra;
	return is_everything_allowed || !argv[1] || !strstr(argv[2], "forbidden");
}

static void reread(void *arg)
{
	(void)arg;
	is_everything_allowed = true;
}

static void split(void)
{
	struct program_rules rules = { allows, reread, NULL };
	struct error e;
	assert_int_equal(program_split(&rules, &e), 0);
}

static void the_helper_does_the_same(void **state)
{
	split();
	what_it_says_and_how_it_ends(state);
	variables_are_added_or_replaced(state);
	it_has_no_file_and_no_signal_of_ours(state);
	a_program_that_is_not_there_is_a_sentence(state);
	program_join();
}

static void the_helper_starts_nothing_else(void **state)
{
	char said[200];
	(void)state;
	split();
	assert_int_equal(shell(": forbidden", said, sizeof(said)), -EACCES);
	assert_string_equal(said, "cannot run /bin/sh: it may not be executed, or is no "
				  "program of the configuration");
	assert_int_equal(shell("echo other", said, sizeof(said)), 0);
	program_reread();
	assert_int_equal(shell(": forbidden", said, sizeof(said)), 0);
	program_join();
}

static void too_many_words_are_a_sentence(void **state)
{
	static char line[PROGRAM_WORDS_MAX + 10];
	char said[200];
	(void)state;
	split();
	memset(line, ' ', sizeof(line) - 1);
	assert_int_equal(shell(line, said, sizeof(said)), -E2BIG);
	assert_int_equal(shell("echo after", said, sizeof(said)), 0);
	program_join();
}

/* What it started is told to end. */
static void the_helper_ends_with_us(void **state)
{
	int ends[2];
	char byte;
	struct error e;
	struct program p;
	const char *argv[] = { "/bin/sh", "-c", "exec sleep 60", NULL };
	(void)state;
	split();
	assert_int_equal(pipe(ends), 0);
	const int files[3] = { -1, ends[1], -1 };
	assert_int_equal(program_start(argv, NULL, files, &p, &e), 0);
	(void)close(ends[1]);
	program_join();
	assert_int_equal(read(ends[0], &byte, 1), 0); /* nobody has it open any more */
	int status;
	struct pollfd end = { .fd = p.fd, .events = POLLIN };
	while (!program_ended(&p, &status))
		(void)poll(&end, 1, -1);
	assert_int_equal(status, SIGKILL); /* nobody knows */
	(void)close(ends[0]);
}

/* Last: who has lost the helper has none. */
static void a_helper_that_is_gone_is_a_sentence(void **state)
{
	char said[200], line[40];
	(void)state;
	split();
	assert_int_equal(shell("ps -o ppid= -p $$ | tr -d ' \\n'", said, sizeof(said)),
			 0);
	pid_t helper = (pid_t)strtol(said, NULL, 10);
	assert_true(helper > 1 && helper != getpid());
	assert_int_equal(kill(helper, SIGKILL), 0);
	(void)snprintf(line, sizeof(line), "echo never");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(shell(line, said, sizeof(said)), -ESRCH);
		assert_non_null(strstr(said, "our process that starts programs is gone"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says_and_how_it_ends),
		cmocka_unit_test(variables_are_added_or_replaced),
		cmocka_unit_test(it_has_no_file_and_no_signal_of_ours),
		cmocka_unit_test(a_program_that_is_not_there_is_a_sentence),
		cmocka_unit_test(the_helper_does_the_same),
		cmocka_unit_test(the_helper_starts_nothing_else),
		cmocka_unit_test(too_many_words_are_a_sentence),
		cmocka_unit_test(the_helper_ends_with_us),
		cmocka_unit_test(a_helper_that_is_gone_is_a_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
