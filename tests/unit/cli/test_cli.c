#include "cli/cli.h"
#include "cli/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { MAX_WORDS = 12 };

/* What a command line says on stderr when it is taken apart. */
static int parse(const char *line, struct cli *c, int *ret_count, char *said, size_t size)
{
	static char words[512];
	(void)str_copy(words, sizeof(words), line);
	static char *argv[MAX_WORDS + 1];
	int argc = 0;
	char *rest = words;
	for (char *word; argc < MAX_WORDS && (word = strsep(&rest, " "));)
		argv[argc++] = word;
	argv[argc] = NULL;

	FILE *file = tmpfile();
	assert_non_null(file);
	int before = dup(STDERR_FILENO);
	assert_return_code(dup2(fileno(file), STDERR_FILENO), 0);
	char **arguments;
	int code = cli_parse(c, verbs_all(), argc, argv, ret_count, &arguments);
	(void)fflush(stderr);
	assert_return_code(dup2(before, STDERR_FILENO), 0);
	(void)close(before);
	rewind(file);
	size_t n = fread(said, 1, size - 1, file);
	said[n] = '\0';
	(void)fclose(file);
	return code;
}

/* clang-format off */
static const struct {
	const char *line, *want; /* the first line on stderr */
} mistakes[] = {
	{ "fakemx serv",             "fakemx: unknown verb 'serv'; did you mean 'serve'?" },
	{ "fakemx dance",            "fakemx: unknown verb 'dance'" },
	{ "fakemx --jsno serve",     "fakemx: unknown option --jsno; did you mean --json?" },
	{ "fakemx serve --chek-config", "fakemx: unknown option --chek-config; did you mean --check-config?" },
	{ "fakemx serve --frobnicate", "fakemx: unknown option --frobnicate" },
	{ "fakemx --check-config serve", "fakemx: unknown option --check-config" },
	{ "fakemx -z serve",         "fakemx: unknown option -z" },
	{ "fakemx serve -c",         "fakemx: --config needs FILE" },
	{ "fakemx -c a serve -c b",  "fakemx: --config is given twice" },
	{ "fakemx --json=yes serve", "fakemx: --json takes no value" },
	{ "fakemx serve here",       "fakemx: serve takes no arguments" },
};
/* clang-format on */

static void every_mistake_is_a_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct cli c;
		int count;
		char said[1024];
		int code = parse(mistakes[i].line, &c, &count, said, sizeof(said));
		said[strcspn(said, "\n")] = '\0';
		if (code != CLI_USAGE || strcmp(said, mistakes[i].want) != 0)
			fail_msg("%s: got %d '%s', want %d '%s'", mistakes[i].line, code,
				 said, CLI_USAGE, mistakes[i].want);
	}
}

static void global_options_stand_before_and_after_the_verb(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"fakemx -qv --json -c file serve",
		"fakemx serve --json -qv --config=file",
		"fakemx --json serve -cfile -q -v",
		"fakemx -c file -q serve -v --json --",
		"fakemx --config file -v -q serve --json",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct cli c;
		int count;
		char said[1024];
		assert_int_equal(parse(lines[i], &c, &count, said, sizeof(said)), 0);
		assert_string_equal(said, "");
		assert_string_equal(c.verb->name, "serve");
		assert_string_equal(c.config_path, "file");
		assert_true(c.json && c.quiet && c.verbose && !c.lab);
		assert_false(cli_flag(&c, "check-config"));
		assert_int_equal(count, 0);
	}
}

static void the_options_of_a_verb_are_its_own(void **state)
{
	(void)state;
	struct cli c;
	int count;
	char said[1024];
	assert_int_equal(
	    parse("fakemx serve --check-config", &c, &count, said, sizeof(said)), 0);
	assert_true(cli_flag(&c, "check-config"));
}

static void every_row_explains_itself(void **state)
{
	(void)state;
	for (const struct verb *const *v = verbs_all(); *v; v++) {
		assert_non_null((*v)->synopsis);
		assert_true(strlen((*v)->summary) > 10);
		assert_true(strlen((*v)->help) > 40);
		for (const struct option_row *o = (*v)->options; o && o->name; o++)
			assert_true(strlen(o->meaning) > 10);
	}
}

/* What a command line prints on stdout: help. */
static const char *printed(const char *line)
{
	static char text[16384];
	char said[1024];
	struct cli c;
	int count;
	FILE *file = tmpfile();
	assert_non_null(file);
	(void)fflush(stdout);
	int before = dup(STDOUT_FILENO);
	assert_return_code(dup2(fileno(file), STDOUT_FILENO), 0);
	int code = parse(line, &c, &count, said, sizeof(said));
	(void)fflush(stdout);
	assert_return_code(dup2(before, STDOUT_FILENO), 0);
	(void)close(before);
	rewind(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	(void)fclose(file);
	assert_int_equal(code, CLI_DONE);
	assert_null(c.verb); /* nothing is run */
	return text;
}

static void help_is_a_word_too(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "fakemx help", "fakemx --help" },
		{ "fakemx help help", "fakemx --help" },
		{ "fakemx help plan", "fakemx plan --help" },
		{ "fakemx help journal backup", "fakemx journal backup --help" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *want = xstrdup(printed(rows[i][1]));
		assert_string_equal(printed(rows[i][0]), want);
		free(want);
	}
	struct cli c;
	int count;
	char said[1024];
	assert_int_equal(parse("fakemx help plann", &c, &count, said, sizeof(said)),
			 CLI_USAGE);
	assert_non_null(strstr(said, "did you mean 'plan'?"));
}

static void help_fits_a_terminal(void **state)
{
	(void)state;
	for (const struct verb *const *v = verbs_all(); *v; v++) {
		char line[64];
		(void)snprintf(line, sizeof(line), "fakemx %s --help", (*v)->name);
		for (const char *at = printed(line), *end; *at;
		     at = *end ? end + 1 : end) {
			end = at + strcspn(at, "\n");
			/* A command is in one piece. */
			if (end - at > 80 && strncmp(at, "  fakemx ", 9) != 0)
				fail_msg("%s: %.*s", line, (int)(end - at), at);
		}
	}
}

static void what_changes_nothing_is_not_explained_as_if_it_did(void **state)
{
	(void)state;
	const char *text = printed("fakemx revert --help");
	assert_null(strstr(text, "--ttl SECONDS"));
	assert_non_null(strstr(text, "--wait"));
	assert_non_null(strstr(text, "changing nothing: --layout, --ttl, --online, "
				     "--renumber"));
	/* The words of the list are options of the table. */
	for (const struct verb *const *v = verbs_all(); *v; v++) {
		const char *rest = (*v)->passed_over;
		char word[64];
		int n;
		for (; rest && sscanf(rest, " %63s%n", word, &n) == 1; rest += n) {
			bool is_there = false;
			for (const struct option_row *o = (*v)->options; o->name; o++)
				is_there = is_there || strcmp(o->name, word) == 0;
			assert_true(is_there);
		}
	}
	text = printed("fakemx apply --help");
	assert_non_null(strstr(text, "--ttl SECONDS"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_a_sentence),
		cmocka_unit_test(global_options_stand_before_and_after_the_verb),
		cmocka_unit_test(the_options_of_a_verb_are_its_own),
		cmocka_unit_test(every_row_explains_itself),
		cmocka_unit_test(help_is_a_word_too),
		cmocka_unit_test(help_fits_a_terminal),
		cmocka_unit_test(what_changes_nothing_is_not_explained_as_if_it_did),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
