#include "source/decoy/smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialogue.h"

static const struct smtp_who who = { DIALOGUE_NAME, DIALOGUE_CAUSE, DIALOGUE_COMMANDS };

/* Feeds in pieces, so that lines are cut at every kind of place. */
static enum smtp_next feed(struct smtp *s, const struct buf *in, size_t piece,
			   struct buf *out)
{
	enum smtp_next next = SMTP_GO_ON;
	for (size_t at = 0; at < in->len && next == SMTP_GO_ON; at += piece) {
		size_t len = in->len - at < piece ? in->len - at : piece;
		next = smtp_feed(s, &who, in->data + at, len, out);
	}
	return next;
}

static void run(const struct dialogue *d, void *arg)
{
	size_t piece = *(size_t *)arg;
	struct smtp s = { 0 };
	enum smtp_next next = SMTP_GO_ON;
	for (size_t i = 0; i < d->step_count; i++) {
		struct buf out = BUF_INIT(1 << 20);
		if (next == SMTP_CLOSE)
			fail_msg("%s: closed before step %zu", d->name, i);
		next = feed(&s, &d->steps[i].sends, piece, &out);
		if (strcmp(buf_text(&out), buf_text(&d->steps[i].answers)) != 0)
			fail_msg("%s, step %zu, pieces of %zu:\ngot\n%s\nwant\n%s",
				 d->name, i, piece, buf_text(&out),
				 buf_text(&d->steps[i].answers));
		buf_release(&out);
	}
	if ((next == SMTP_CLOSE) != d->is_closed)
		fail_msg("%s: got closed=%d, want %d", d->name, next == SMTP_CLOSE,
			 d->is_closed);
	dialogue_check(d, smtp_depth(&s), s.helo, s.mail_from, s.recipient_domain);
	smtp_release(&s);
}

static void every_dialogue_goes_as_written(void **state)
{
	(void)state;
	size_t piece = 1 << 20;
	dialogue_each(run, &piece);
}

static void how_the_bytes_are_cut_makes_no_difference(void **state)
{
	(void)state;
	static const size_t pieces[] = { 1, 2, 7, 512 };
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t piece = pieces[i];
		dialogue_each(run, &piece);
	}
}

static void greetings_are_one_line_each(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(SMTP_REPLY_MAX);
	smtp_greet(&who, &out);
	assert_string_equal(buf_text(&out), "220 fake1.mx.example.com ESMTP\r\n");
	buf_clear(&out);
	smtp_refuse(&who, &out);
	assert_string_equal(
	    buf_text(&out),
	    "421 fake1.mx.example.com takes no mail; please see the error "
	    "of mail.example.com\r\n");
	buf_release(&out);
}

static void say(struct smtp *s, const char *lines)
{
	struct buf out = BUF_INIT(65536);
	assert_int_equal(smtp_feed(s, &who, lines, strlen(lines), &out), SMTP_GO_ON);
	buf_release(&out);
}

static void each_message_is_told_once_with_its_own_sender(void **state)
{
	(void)state;
	struct smtp s = { .depth = DEPTH_KNOCK };
	say(&s, "EHLO out.example\r\nMAIL FROM:<A@x.example>\r\nRCPT TO:<b@y.example>\r\n"
		"RCPT TO:<B@Y.example>\r\nRCPT TO:<c@y.example>\r\n");
	assert_int_equal(s.envelope_count, 2);
	assert_true(s.envelopes[0] == envelope_hash("a@x.example", "b@y.example"));
	say(&s, "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\n");
	assert_int_equal(s.envelope_count, 3);
	assert_true(s.envelopes[2] == envelope_hash("", "b@y.example"));
	for (char c = 'a'; c <= 'z'; c++) {
		char line[64];
		(void)snprintf(line, sizeof(line), "RCPT TO:<%c@z.example>\r\n", c);
		say(&s, line);
	}
	assert_int_equal(s.envelope_count, VISIT_ENVELOPES + 1); /* there were more */
	smtp_release(&s);
}

static void a_long_sender_is_cut_and_kept(void **state)
{
	(void)state;
	struct smtp s = { 0 };
	struct buf in = BUF_INIT(4096), out = BUF_INIT(4096);
	buf_adds(&in, "HELO a\r\nMAIL FROM:<");
	for (int i = 0; i < 1000; i++)
		buf_adds(&in, "x");
	buf_adds(&in, "@example.com>\r\n");
	assert_int_equal(smtp_feed(&s, &who, in.data, in.len, &out), SMTP_GO_ON);
	assert_int_equal(smtp_depth(&s), DEPTH_MAIL);
	assert_int_equal(strlen(s.mail_from), VISIT_TEXT_MAX - 1);
	smtp_release(&s);
	buf_release(&in);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dialogue_goes_as_written),
		cmocka_unit_test(how_the_bytes_are_cut_makes_no_difference),
		cmocka_unit_test(greetings_are_one_line_each),
		cmocka_unit_test(a_long_sender_is_cut_and_kept),
		cmocka_unit_test(each_message_is_told_once_with_its_own_sender),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
