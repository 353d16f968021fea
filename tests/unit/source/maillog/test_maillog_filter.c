#include "source/maillog/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/maillog/maillog_lines.h"

struct seen {
	size_t count, spam;
	enum outcome outcome; /* of the last */
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct seen *s = arg;
	(void)local;
	s->count++;
	s->spam += v->spam == SPAM_YES;
	s->outcome = v->outcome;
}

static void feed(struct maillog_lines *m, const char *line)
{
	int64_t now;
	assert_true(stamp_parse("2026-11-23T15:00:00Z", &now, NULL));
	maillog_lines_line(m, line, strlen(line), now);
	maillog_lines_advance(m, maillog_lines_newest(m));
}

#define AT(seconds) "2026-11-23T14:00:" seconds ".500000+00:00 mail "
#define U "unknown[203.0.113.9]"
#define SMTPD(seconds) AT(seconds) "postfix/smtpd[1]: "
#define CONNECT SMTPD("01") "connect from " U
#define QUEUED(id)                                                                       \
	SMTPD("02")                                                                      \
	id ": client=" U,                                                                \
	    AT("02") "postfix/cleanup[2]: " id ": message-id=<" id "@b.example>",        \
	    AT("02") "postfix/qmgr[3]: " id                                              \
		     ": from=<a@b.example>, size=9, nrcpt=1 (queue "                     \
		     "active)"
#define END                                                                              \
	SMTPD("03")                                                                      \
	"disconnect from " U " ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"
#define AMAVIS(text) AT("05") "amavis[7]: (00007-01) " text
#define AMAVIS_TAIL(id)                                                                  \
	", [203.0.113.9]:4711 [203.0.113.9] <a@b.example> -> <c@d.example>, "            \
	"Queue-ID: " id ", Message-ID: <x@b.example>, mail_id: abc, Hits: 9.1, "         \
	"size: 9, queued_as: 4XYZZZ, 1234 ms"
/* Of amavis that was told no queue id: before the queue there is none. */
#define AMAVIS_BEFORE(message, id)                                                       \
	", [203.0.113.9]:4711 <a@b.example> -> <c@d.example>, Message-ID: "              \
	"<" message "@b.example>, mail_id: abc, Hits: 9.1, size: 9, queued_as: " id      \
	", 1234 ms"
#define GIVEN_BACK(id)                                                                   \
	AT("02")                                                                         \
	"postfix/smtpd[19]: connect from localhost[127.0.0.1]",                          \
	    AT("02") "postfix/smtpd[19]: " id                                            \
		     ": client=localhost[127.0.0.1], orig_client=" U,                    \
	    AT("02") "postfix/cleanup[2]: " id ": message-id=<x@b.example>"
#define RELAYED(id)                                                                      \
	SMTPD("02")                                                                      \
	"proxy-accept: END-OF-MESSAGE: 250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 " \
	"2.0.0 Ok: queued as " id "; from=<a@b.example> to=<c@d.example> proto=ESMTP "   \
	"helo=<b.example>"
#define RSPAMD(id, result)                                                               \
	AT("02")                                                                         \
	"rspamd[8]: <747296>; task; rspamd_task_write_log: id: <x@b.example>, qid: <" id \
	">, ip: 203.0.113.9, from: <a@b.example>, (default: " result                     \
	": [9.10/15.00] [BAYES_SPAM(5.10){99.9%;}]), len: 9, time: 9.9ms"
#define SPAMD(id, result)                                                                \
	AT("05")                                                                         \
	"spamd[9]: spamd: result: " result " 9 - BAYES_99,HTML scantime=1.2,size=9,"     \
	"user=nobody,uid=65534,required_score=5.0,rhost=::1,raddr=::1,rport=4,mid=<" id  \
	"@b.example>,bayes=0.99,autolearn=no"
/* Something said before: the log is one of a machine that filters. */
#define BEFORE AT("00") "spamd[9]: spamd: result: . 0 - NONE scantime=1,mid=<y@z>,x=1"

static void verdicts_come_to_the_session_they_are_about(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		const char *lines[14];
		size_t count, spam;
	} rows[] = {
		{ "amavis, after the session is over",
		  { BEFORE, CONNECT, QUEUED("4XYZAB"), END,
		    AMAVIS("Passed SPAM {RelayedTaggedInbound}" AMAVIS_TAIL("4XYZAB")) },
		  1,
		  1 },
		{ "what is blocked then was accepted before",
		  { BEFORE, CONNECT, QUEUED("4XYZAB"), END,
		    AMAVIS("Blocked SPAM {DiscardedInbound}" AMAVIS_TAIL("4XYZAB")) },
		  1,
		  1 },
		{ "a clean one is not spam",
		  { BEFORE, CONNECT, QUEUED("4XYZAB"), END,
		    AMAVIS("Passed CLEAN {RelayedInbound}" AMAVIS_TAIL("4XYZAB")) },
		  1,
		  0 },
		{ "another's queue id is another's",
		  { BEFORE, CONNECT, QUEUED("4XYZAB"), END,
		    AMAVIS("Passed SPAM {RelayedTaggedInbound}" AMAVIS_TAIL("4XYZCD")) },
		  1,
		  0 },
		{ "a line with two queue ids is not believed",
		  { BEFORE, CONNECT, QUEUED("4XYZAB"), END,
		    AMAVIS("Passed SPAM {RelayedTaggedInbound}, <\"a, Queue-ID: "
			   "4XYZAB, \"@b.example>" AMAVIS_TAIL("4XYZCD")) },
		  1,
		  0 },
		{ "amavis before the queue, by the id that the message got behind it",
		  { BEFORE, CONNECT, GIVEN_BACK("4XYZAB"), RELAYED("4XYZAB"), END,
		    AMAVIS("Passed SPAM {RelayedTaggedInbound}" AMAVIS_BEFORE(
			"x", "4XYZAB")) },
		  1,
		  1 },
		{ "the same where amavis is first to speak",
		  { BEFORE, CONNECT, GIVEN_BACK("4XYZAB"),
		    AMAVIS("Passed SPAM {RelayedTaggedInbound}" AMAVIS_BEFORE("x",
									      "4XYZAB")),
		    RELAYED("4XYZAB"), END },
		  1,
		  1 },
		{ "amavis that was told no queue id, by the message id",
		  { BEFORE, CONNECT, QUEUED("4XYZAB"), END,
		    AMAVIS("Passed SPAM {RelayedTaggedInbound}" AMAVIS_BEFORE(
			"4XYZAB", "4XYZZZ")) },
		  1,
		  1 },
		{ "rspamd as a milter, while the message comes in",
		  { CONNECT, QUEUED("4XYZAB"), RSPAMD("4XYZAB", "T (add header)"), END },
		  1,
		  1 },
		{ "rspamd by a rule that overrules all others",
		  { CONNECT, QUEUED("4XYZAB"), RSPAMD("4XYZAB", "S (add header)"), END },
		  1,
		  1 },
		{ "rspamd is not sure yet",
		  { CONNECT, QUEUED("4XYZAB"), RSPAMD("4XYZAB", "F (greylist)"), END },
		  1,
		  0 },
		{ "rspamd finds nothing",
		  { CONNECT, QUEUED("4XYZAB"), RSPAMD("4XYZAB", "F (no action)"), END },
		  1,
		  0 },
		{ "spamd knows the message id, which cleanup told",
		  { BEFORE, CONNECT, QUEUED("4XYZAB"), END, SPAMD("4XYZAB", "Y") },
		  1,
		  1 },
		{ "of two messages one clean is enough",
		  { BEFORE, CONNECT, QUEUED("4XYZAB"), RSPAMD("4XYZAB", "T (reject)"),
		    QUEUED("4XYZCD"), RSPAMD("4XYZCD", "F (no action)"), END },
		  1,
		  0 },
		{ "also the first message of a log",
		  { CONNECT, QUEUED("4XYZAB"), SPAMD("4XYZAB", "Y"), END },
		  1,
		  1 },
		{ "nobody waits where no filter spoke",
		  { CONNECT, QUEUED("4XYZAB"),
		    AT("03") "postfix/local[4]: 4XYZAB: to=<c@d.example>, relay=local, "
			     "delay=1, dsn=2.0.0, status=sent (ok)",
		    AT("03") "postfix/qmgr[3]: 4XYZAB: removed", END,
		    SPAMD("4XYZAB", "Y") },
		  1,
		  0 },
		{ "mail that a filter gives back is no visit",
		  { SMTPD("01") "connect from localhost[127.0.0.1]",
		    SMTPD("02") "4XYZZZ: client=localhost[127.0.0.1], "
				"orig_queue_id=4XYZAB, orig_client=" U,
		    SMTPD("03") "disconnect from localhost[127.0.0.1] ehlo=1 mail=1 "
				"rcpt=1 data=1 quit=1 commands=5" },
		  0,
		  0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s = { .count = 0 };
		struct maillog_lines *m = maillog_lines_new(on_visit, &s);
		for (size_t k = 0; k < 14 && rows[i].lines[k]; k++)
			feed(m, rows[i].lines[k]);
		maillog_lines_finish(m);
		maillog_lines_free(m);
		if (s.count != rows[i].count || s.spam != rows[i].spam)
			fail_msg("%s: got %zu visits, %zu spam, want %zu and %zu",
				 rows[i].story, s.count, s.spam, rows[i].count,
				 rows[i].spam);
		if (s.count)
			assert_int_equal(s.outcome, OUTCOME_ACCEPTED);
	}
}

static void feed_at(struct maillog_lines *m, bool is_filter, int minute, int second,
		    const char *text, int64_t now)
{
	char line[512];
	(void)snprintf(line, sizeof(line), "2026-11-23T14:%02d:%02d.5+00:00 mail %s",
		       minute, second, text);
	(is_filter ? maillog_lines_verdict : maillog_lines_line)(m, line, strlen(line),
								 now);
}

static void session_of_minute(struct maillog_lines *m, int minute, int64_t now)
{
	char text[256];
	feed_at(m, false, minute, 1, "postfix/smtpd[1]: connect from " U, now);
	(void)snprintf(text, sizeof(text), "postfix/smtpd[1]: 4XYZ%02d: client=" U,
		       minute);
	feed_at(m, false, minute, 2, text, now);
	(void)snprintf(text, sizeof(text),
		       "postfix/cleanup[2]: 4XYZ%02d: message-id=<%d@b>", minute, minute);
	feed_at(m, false, minute, 2, text, now);
	(void)snprintf(
	    text, sizeof(text),
	    "postfix/qmgr[3]: 4XYZ%02d: from=<a@b.example>, size=9, nrcpt=1 (queue "
	    "active)",
	    minute);
	feed_at(m, false, minute, 2, text, now);
	feed_at(m, false, minute, 3,
		"postfix/smtpd[1]: disconnect from " U
		" ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
		now);
	(void)snprintf(
	    text, sizeof(text),
	    "postfix/lmtp[4]: 4XYZ%02d: to=<c@d.example>, relay=x, status=sent (ok)",
	    minute);
	feed_at(m, false, minute, 3, text, now);
	feed_at(m, false, minute, 59, "postfix/anvil[5]: statistics: none", now);
}

/* By turns by the queue id, and by the message id alone. */
static void verdict_of_minute(struct maillog_lines *m, int minute, int64_t now)
{
	char text[256], id[16] = "undef";
	if (minute % 2)
		(void)snprintf(id, sizeof(id), "4XYZ%02d", minute);
	(void)snprintf(
	    text, sizeof(text),
	    "rspamd[8]: <747296>; task; rspamd_task_write_log: id: <%d@b>, qid: "
	    "<%s>, ip: 203.0.113.9, (default: T (add header): [9.10/15.00] "
	    "[]), len: 9",
	    minute, id);
	feed_at(m, true, minute, 3, text, now);
}

static void a_verdict_is_waited_for_as_long_as_that_may_take(void **state)
{
	(void)state;
	static const char *const lines[] = {
		BEFORE, CONNECT, QUEUED("4XYZAB"), END,
		AT("03") "postfix/lmtp[4]: 4XYZAB: to=<c@d.example>, relay=x, status=sent"
	};
	struct seen s = { .count = 0 };
	struct maillog_lines *m = maillog_lines_new(on_visit, &s);
	int64_t ended;
	assert_true(stamp_parse("2026-11-23T14:00:03.5Z", &ended, NULL));
	for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++)
		feed(m, lines[k]);
	maillog_lines_advance(m, ended + LOGSESSION_VERDICT_WAIT - 1);
	assert_int_equal(s.count, 0);
	maillog_lines_advance(m, ended + LOGSESSION_VERDICT_WAIT);
	assert_int_equal(s.count, 1);
	maillog_lines_free(m);
}

/* A visit of each minute, whose verdict stands in the filter's own log; which may lag
 * behind, or be far ahead. */
static void a_log_of_its_own_is_read_as_far(void **state)
{
	(void)state;
	enum { MINUTES = 30 };
	static const int behind[] = { 0, 1, 7, -7, MINUTES };
	int64_t now;
	assert_true(stamp_parse("2026-11-23T15:00:00Z", &now, NULL));
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		struct seen s = { .count = 0 };
		struct maillog_lines *m = maillog_lines_new(on_visit, &s);
		maillog_lines_verdicts(m, false);
		for (int minute = 0; minute < 2 * MINUTES; minute++) {
			if (minute < MINUTES)
				session_of_minute(m, minute, now);
			int of = minute - behind[i];
			if (of >= 0 && of < MINUTES)
				verdict_of_minute(m, of, now);
			/* Who is ahead has the verdict; nobody is given without. */
			if (behind[i] >= 0)
				assert_int_equal(s.count, s.spam);
		}
		assert_false(maillog_lines_verdicts_ahead(m));
		maillog_lines_verdicts(m, true);
		assert_true(maillog_lines_verdicts_ahead(m));
		maillog_lines_finish(m);
		if (behind[i] < 0) { /* those of before were never told */
			assert_int_equal(s.count, MINUTES);
			assert_int_equal(s.spam, MINUTES + behind[i]);
		} else {
			assert_int_equal(s.spam, MINUTES);
		}
		maillog_lines_free(m);
	}
}

static void at_its_end_nobody_waits_for_a_log_of_its_own(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *m = maillog_lines_new(on_visit, &s);
	int64_t now;
	assert_true(stamp_parse("2026-11-23T15:00:00Z", &now, NULL));
	maillog_lines_verdicts(m, false);
	session_of_minute(m, 1, now);
	maillog_lines_advance(m, now);
	assert_int_equal(s.count, 0);
	maillog_lines_verdicts(m, true);
	maillog_lines_advance(m, now);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.spam, 0);
	/* A mail server's line in it is no line of the log. */
	maillog_lines_verdict(m, CONNECT, strlen(CONNECT), now);
	assert_int_equal(maillog_lines_counts(m).lines, 7);
	assert_int_equal(maillog_lines_counts(m).open, 0);
	maillog_lines_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_come_to_the_session_they_are_about),
		cmocka_unit_test(a_verdict_is_waited_for_as_long_as_that_may_take),
		cmocka_unit_test(a_log_of_its_own_is_read_as_far),
		cmocka_unit_test(at_its_end_nobody_waits_for_a_log_of_its_own),
	};
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
