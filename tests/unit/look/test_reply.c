#include "look/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One row, one server: what it sends, and what we make of it. */
/* clang-format off */
static const struct {
	const char *story;
	const char *bytes;
	enum reply_progress want;
	unsigned code;
	const char *text;
	const char *keywords;
} cases[] = {
	{ "a plain greeting",          "220 mx ESMTP\r\n", REPLY_DONE, 220, "220 mx ESMTP", "" },
	{ "three digits are enough",   "220\r\n",          REPLY_DONE, 220, "220", "" },
	{ "LF alone ends a line",      "421 4.3.2 no\n",   REPLY_DONE, 421, "421 4.3.2 no", "" },
	{ "EHLO keywords",
	  "250-mx\r\n250-SIZE 99\r\n250-auth=PLAIN\r\n250 STARTTLS\r\n",
	  REPLY_DONE, 250, "250-mx", "SIZE AUTH STARTTLS" },
	{ "an empty keyword line",     "250-mx\r\n250-\r\n250 X\r\n", REPLY_DONE, 250, "250-mx", "X" },
	{ "not complete yet",          "220-mx\r\n220",    REPLY_MORE, 220, "220-mx", "" },
	{ "codes that disagree",       "250-mx\r\n251 X\r\n", REPLY_BAD, 250, "250-mx", "" },
	{ "another protocol",          "SSH-2.0-x\r\n",    REPLY_BAD, 0, "SSH-2.0-x", "" },
	{ "a code below 200",          "120 wait\r\n",     REPLY_BAD, 0, "120 wait", "" },
	{ "a code above 599",          "600 what\r\n",     REPLY_BAD, 0, "600 what", "" },
	{ "no space after the code",   "220mx\r\n",        REPLY_BAD, 0, "220mx", "" },
	{ "an empty line",             "\r\n",             REPLY_BAD, 0, "", "" },
	{ "bytes that do not print",   "220 \x1b[2J\xff\r\n", REPLY_DONE, 220, "220 ?[2J?", "" },
};
/* clang-format on */

static enum reply_progress feed_in_pieces(struct reply *r, const char *bytes,
					  size_t piece)
{
	enum reply_progress p = REPLY_MORE;
	size_t len = strlen(bytes);
	reply_init(r);
	for (size_t at = 0; at < len && p == REPLY_MORE; at += piece) {
		size_t used;
		p = reply_feed(r, bytes + at, len - at < piece ? len - at : piece, &used);
	}
	return p;
}

static void a_reply_reads_the_same_in_pieces_of_any_size(void **state)
{
	(void)state;
	static struct reply r;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 100; piece++) {
			if (feed_in_pieces(&r, cases[i].bytes, piece) != cases[i].want ||
			    r.code != cases[i].code ||
			    strcmp(r.text, cases[i].text) != 0 ||
			    strcmp(r.keywords, cases[i].keywords) != 0)
				fail_msg("%s, %zu bytes at a time: got %u '%s' '%s'",
					 cases[i].story, piece, r.code, r.text,
					 r.keywords);
		}
}

static void a_line_without_end_is_cut_off(void **state)
{
	(void)state;
	static struct reply r;
	static char flood[REPLY_LINE_MAX + 1];
	memset(flood, 'x', sizeof(flood));
	size_t used;
	reply_init(&r);
	assert_int_equal(reply_feed(&r, flood, REPLY_LINE_MAX, &used), REPLY_MORE);
	assert_int_equal(reply_feed(&r, flood, 1, &used), REPLY_BAD);
	assert_int_equal(strlen(r.text), REPLY_TEXT_MAX - 1);
}

static void a_reply_of_endless_lines_is_cut_off(void **state)
{
	(void)state;
	static struct reply r;
	reply_init(&r);
	size_t used;
	unsigned lines = 0;
	while (reply_feed(&r, "220-more\r\n", 10, &used) == REPLY_MORE)
		assert_true(++lines <= REPLY_LINES_MAX);
	assert_int_equal(lines, REPLY_LINES_MAX);
}

static void what_follows_the_reply_is_left(void **state)
{
	(void)state;
	static struct reply r;
	reply_init(&r);
	size_t used;
	assert_int_equal(reply_feed(&r, "220 a\r\n250 b\r\n", 14, &used), REPLY_DONE);
	assert_int_equal(used, 7);
}

static void a_keyword_is_found_whole_only(void **state)
{
	(void)state;
	static struct reply r;
	assert_int_equal(
	    feed_in_pieces(&r, "250-m\r\n250-XSTARTTLS\r\n250-SIZE\r\n250 DSN\r\n", 99),
	    REPLY_DONE);
	assert_false(reply_has_keyword(&r, "STARTTLS"));
	assert_false(reply_has_keyword(&r, "SIZ"));
	assert_true(reply_has_keyword(&r, "SIZE"));
	assert_true(reply_has_keyword(&r, "DSN"));
}

static void keywords_beyond_the_limit_are_left_out_whole(void **state)
{
	(void)state;
	static struct reply r;
	char line[80] = "250-";
	memset(line + 4, 'K', 60);
	memcpy(line + 64, "\r\n", 3);
	size_t used;
	reply_init(&r);
	assert_int_equal(reply_feed(&r, "250-mx\r\n", 8, &used), REPLY_MORE);
	for (int i = 0; i < 20; i++)
		assert_int_equal(reply_feed(&r, line, 66, &used), REPLY_MORE);
	assert_int_equal(strlen(r.keywords) % 61, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_reads_the_same_in_pieces_of_any_size),
		cmocka_unit_test(a_line_without_end_is_cut_off),
		cmocka_unit_test(a_reply_of_endless_lines_is_cut_off),
		cmocka_unit_test(what_follows_the_reply_is_left),
		cmocka_unit_test(a_keyword_is_found_whole_only),
		cmocka_unit_test(keywords_beyond_the_limit_are_left_out_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
