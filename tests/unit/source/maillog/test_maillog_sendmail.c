#include "maillog_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define AT(seconds) "2026-11-23T18:04:" seconds ".5+00:00 mail sm-mta[102]: "
#define BY(pid) "2026-11-23T18:04:09+00:00 mail sm-mta[" pid "]: "
#define ID "6ANI48MU000102: " /* 18:04:08 */
#define TAIL(nrcpts)                                                                     \
	", size=0, class=0, nrcpts=" nrcpts ", proto=ESMTP, daemon=MTA-v4, relay="
#define MESSAGE                                                                          \
	", size=18, class=0, nrcpts=1, msgid=<x@y>, proto=ESMTP, daemon=MTA-v4, relay="
#define R "mail.example [203.0.113.9]"
#define END AT("09") ID "from=<a@b.example>" TAIL("0") R

/* Written by Sendmail 8.17.1.9, as Debian configures it, while a client did what
 * the title says; L14: with LogLevel 14. */
static void what_sendmail_wrote_becomes_what_the_client_did(void **state)
{
	(void)state;
	static const struct rig_row rows[] = {
		{ "start", { NULL } },
		{ "accepted named",
		  { "18:04:02Z 198.51.100.7 name=out.sender.example data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "accepted v6",
		  { "18:04:03Z 2001:db8:1::1 name=out.sender.example data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "accepted unknown",
		  { "18:04:03Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "accepted forged",
		  { "18:04:03Z 203.0.113.30 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "accepted odd ptr",
		  { "18:04:04Z 203.0.113.40 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "null sender HELO",
		  { "18:04:04Z 203.0.113.9 name= data accepted helo= from= "
		    "to=example.com" } },
		{ "two messages",
		  { "18:04:05Z 198.51.100.7 name=out.sender.example data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "grey",
		  { "18:04:05Z 203.0.113.9 name= rcpt deferred helo= "
		    "from=alice@client.example to=example.com" } },
		{ "grey no quit",
		  { "18:04:05Z 203.0.113.9 name= rcpt deferred helo= "
		    "from=alice@client.example to=example.com" } },
		{ "nobody",
		  { "18:04:06Z 203.0.113.9 name= rcpt rejected helo= "
		    "from=alice@client.example to=example.com" } },
		{ "grey and accepted",
		  { "18:04:06Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "relay",
		  { "18:04:07Z 203.0.113.9 name= rcpt rejected helo= "
		    "from=alice@client.example to=elsewhere.example" } },
		{ "relay forged",
		  { "18:04:07Z 203.0.113.30 name= rcpt rejected helo= "
		    "from=alice@client.example to=elsewhere.example" } },
		{ "relay v6",
		  { "18:04:08Z 2001:db8:2::1 name= rcpt rejected helo= "
		    "from=alice@client.example to=elsewhere.example" } },
		{ "sender domain missing",
		  { "18:04:08Z 203.0.113.9 name= rcpt rejected helo= "
		    "from=x@doesnotexist.example to=example.com" } },
		{ "drop after connect",
		  { "18:04:08Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "connect QUIT",
		  { "18:04:09Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "NOOP QUIT",
		  { "18:04:09Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "drop after EHLO",
		  { "18:04:10Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "EHLO QUIT",
		  { "18:04:10Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "drop after MAIL",
		  { "18:04:11Z 203.0.113.9 name= mail aborted helo= "
		    "from=alice@client.example to=" } },
		{ "MAIL QUIT",
		  { "18:04:11Z 203.0.113.9 name= mail aborted helo= "
		    "from=alice@client.example to=" } },
		{ "drop after RCPT",
		  { "18:04:11Z 203.0.113.9 name= rcpt aborted helo= "
		    "from=alice@client.example to=" } },
		{ "RCPT QUIT",
		  { "18:04:12Z 203.0.113.9 name= rcpt aborted helo= "
		    "from=alice@client.example to=" } },
		{ "RCPT RSET QUIT",
		  { "18:04:12Z 203.0.113.9 name= rcpt aborted helo= "
		    "from=alice@client.example to=" } },
		{ "drop after DATA",
		  { "18:04:13Z 203.0.113.9 name= data aborted helo= "
		    "from=alice@client.example to=" } },
		{ "drop within message",
		  { "18:04:13Z 203.0.113.9 name= data aborted helo= "
		    "from=alice@client.example to=" } },
		{ "reset within message",
		  { "18:04:13Z 203.0.113.9 name= data aborted helo= "
		    "from=alice@client.example to=" } },
		{ "reset after rcpt",
		  { "18:04:14Z 203.0.113.9 name= rcpt aborted helo= "
		    "from=alice@client.example to=" } },
		{ "SIZE too big",
		  { "18:04:14Z 203.0.113.9 name= mail aborted helo= "
		    "from=alice@client.example to=" } },
		{ "too big",
		  { "18:04:15Z 203.0.113.9 name= data rejected helo= "
		    "from=alice@client.example to=example.com" } },
		{ "tls accepted",
		  { "18:04:15Z 198.51.100.7 name=out.sender.example data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "tls quit",
		  { "18:04:16Z 198.51.100.7 name=out.sender.example helo aborted helo= "
		    "from= to=" } },
		{ "tls failed",
		  { "18:04:16Z 198.51.100.7 name=out.sender.example connect aborted "
		    "helo= from= to=" } },
		{ "pipelined",
		  { "18:04:17Z 203.0.113.9 name= data rejected helo= "
		    "from=alice@client.example to=" } },
		{ "pregreet all",
		  { "18:04:17Z 203.0.113.9 name= helo rejected helo= from= to=" } },
		{ "too many errors",
		  { "18:04:17Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "rcpt flood",
		  { "18:04:18Z 203.0.113.9 name= rcpt rejected helo= "
		    "from=alice@client.example to=example.com" } },
		{ "http",
		  { "18:04:21Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "forge 1",
		  { "18:04:22Z 203.0.113.9 name= rcpt rejected helo= "
		    "from=x[192.0.2.2]@client.example to=elsewhere.example" } },
		{ "forge 2",
		  { "18:04:22Z 203.0.113.9 name= rcpt deferred helo= from=\"x to=" } },
		{ "forge 3",
		  { "18:04:22Z 203.0.113.9 name= data accepted helo= from=\"x "
		    "to=example.com" } },
		{ "forge 4",
		  { "18:04:23Z 203.0.113.9 name= mail aborted helo= "
		    "from=alice@client.example to=" } },
		{ "forge 5",
		  { "18:04:23Z 203.0.113.9 name= rcpt rejected helo= "
		    "from=alice@client.example to=example.com" } },
		{ "forge 6",
		  { "18:04:24Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "VRFY",
		  { "18:04:24Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "auth at 25",
		  { "18:04:25Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "submission auth", { NULL } },
		{ "submission auth fails", { NULL } },
		{ "submission no auth", { NULL } },
		{ "submission no auth quit", { NULL } },
		{ "slow two messages",
		  { "18:04:27Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "slow nothing",
		  { "18:04:34Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "user unknown",
		  { "18:04:36Z 203.0.113.9 name= rcpt rejected helo= "
		    "from=alice@client.example to=example.com" } },
		{ "odd msgid",
		  { "18:04:37Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "message RSET message grey",
		  { "18:04:37Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "auth ok at 25", { NULL } },
		{ "auth ok at 587", { NULL } },
		{ "L14 accepted",
		  { "18:04:39Z 203.0.113.30 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "L14 nothing",
		  { "18:04:39Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "local mail", { NULL } },
		{ "start again", { NULL } },
	};
	rig_expect_file("sendmail-8.17.log", rows, sizeof(rows) / sizeof(rows[0]));
}

struct story {
	const char *story;
	const char *lines[8];
	const char *want[3];
};

static void expect_stories(const struct story *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct rig_seen s;
		struct maillog_lines *m = rig_new(&s);
		size_t want = 0;
		print_message("%s\n", rows[i].story);
		for (size_t k = 0; k < 8 && rows[i].lines[k]; k++)
			rig_feed(m, rows[i].lines[k]);
		maillog_lines_finish(m);
		for (; want < 3 && rows[i].want[want]; want++)
			rig_expect(&s, want, rows[i].want[want]);
		assert_int_equal(s.count, want);
		assert_int_equal(maillog_lines_counts(m).garbled, 0);
		maillog_lines_free(m);
	}
}

static void refusals_and_endings_are_told_apart(void **state)
{
	(void)state;
	static const struct story rows[] = {
		{ "a milter greylists",
		  { AT("09") ID "Milter: to=<c@D.example>, reject=451 4.7.1 Greylisting "
				"in action, please come back in 00:05:00",
		    END },
		  { "18:04:08Z 203.0.113.9 name=mail.example rcpt deferred helo= "
		    "from=a@b.example to=d.example" } },
		{ "a recipient without a domain (RFC 5321 4.5.1)",
		  { AT("09") ID "ruleset=check_rcpt, arg1=<postmaster>, relay=" R
				", reject=451 4.7.1 Greylisted",
		    END },
		  { "18:04:08Z 203.0.113.9 name=mail.example rcpt deferred helo= "
		    "from=a@b.example to=" } },
		{ "a milter refuses the client, which is the only line",
		  { AT("09") ID "Milter: connect: host=[203.0.113.9], addr=203.0.113.9, "
				"temp failing commands" },
		  { "18:04:08Z 203.0.113.9 name= connect deferred helo= from= to=" } },
		{ "a milter refuses the sender: who it was, only TLS tells",
		  { AT("09") "STARTTLS=server, relay=" R ", version=TLSv1.3, verify=NO",
		    AT("09") ID "Milter: from=<a@b.example>, reject=550 5.7.1 no" },
		  { "18:04:08Z 203.0.113.9 name=mail.example mail rejected helo= from= "
		    "to=" } },
		{ "a milter refuses the message",
		  { AT("09") ID "from=<a@b.example>" MESSAGE R,
		    AT("09") ID "Milter: data, reject=554 5.7.1 Command rejected",
		    AT("09") ID "to=<c@d.example>, delay=00:00:00, pri=30342, "
				"stat=Command rejected" },
		  { "18:04:08Z 203.0.113.9 name=mail.example data rejected helo= "
		    "from=a@b.example to=d.example" } },
		{ "and one before it was logged",
		  { AT("09") ID "Milter: data, reject=451 4.3.2 Please try again later",
		    END },
		  { "18:04:08Z 203.0.113.9 name=mail.example data deferred helo= "
		    "from=a@b.example to=" } },
		{ "a milter discards it",
		  { AT("09") ID "from=<a@b.example>" MESSAGE R,
		    AT("09") ID "Milter: data, discard" },
		  { "18:04:08Z 203.0.113.9 name=mail.example data rejected helo= "
		    "from=a@b.example to=" } },
		{ "a check of the headers refuses it",
		  { AT("09") ID "ruleset=CheckSubject, arg1=Buy now, relay=" R
				", reject=553 5.0.0 Not here",
		    END },
		  { "18:04:08Z 203.0.113.9 name=mail.example data rejected helo= "
		    "from=a@b.example to=" } },
		{ "the first message is refused, the second one is not",
		  { AT("09") ID "from=<a@b.example>" MESSAGE R,
		    AT("09") ID "Milter: data, reject=554 5.7.1 Command rejected",
		    AT("10") "6ANI48MV000102: from=<a@b.example>" MESSAGE R },
		  { "18:04:08Z 203.0.113.9 name=mail.example data accepted helo= "
		    "from=a@b.example to=" } },
		{ "the first one is not, the second one is",
		  { AT("09") ID "from=<a@b.example>" MESSAGE R,
		    AT("10") "6ANI48MV000102: from=<a@b.example>" MESSAGE R,
		    AT("10") "6ANI48MV000102: Milter: data, reject=554 5.7.1 no" },
		  { "18:04:08Z 203.0.113.9 name=mail.example data accepted helo= "
		    "from=a@b.example to=" } },
		{ "a filter says that it is spam",
		  { AT("09") ID "from=<a@b.example>" MESSAGE R,
		    AT("09") ID "Milter add: header: X-Spam-Status: Yes, score=9" },
		  { "18:04:08Z 203.0.113.9 name=mail.example data accepted helo= "
		    "from=a@b.example to= spam" } },
		{ "a filter says that it is none",
		  { AT("09") ID "from=<a@b.example>" MESSAGE R,
		    AT("09") ID "Milter insert (1): header: X-Spam-Status: No, score=0" },
		  { "18:04:08Z 203.0.113.9 name=mail.example data accepted helo= "
		    "from=a@b.example to= clean" } },
		{ "blocked at once: no queue id, so the line's time",
		  { AT("09") "ruleset=check_relay, arg1=x.example, arg2=127.0.0.2, relay="
			     "x.example [203.0.113.9] (may be forged), reject=553 5.3.0 "
			     "see http://dnsbl.example" },
		  { "18:04:09.5Z 203.0.113.9 name= connect rejected helo= from= to=" } },
		{ "before its greeting",
		  { AT("09") ID
		    "rejecting commands from mail.example [203.0.113.9] due to "
		    "pre-greeting traffic after 2 seconds" },
		  { "18:04:08Z 203.0.113.9 name= connect rejected helo= from= to=" } },
		{ "the reading of a message ends badly",
		  { AT("09") ID "collect: premature EOM: Connection reset by x",
		    AT("09") ID "SYSERR(root): collect: relay=" R ", from=<a@b.example>, "
				"info=I/O error",
		    AT("09") ID "from=<a@b.example>" TAIL("1") R },
		  { "18:04:08Z 203.0.113.9 name=mail.example data aborted helo= "
		    "from=a@b.example to=" } },
	};
	expect_stories(rows, sizeof(rows) / sizeof(rows[0]));
}

static void who_it_was_is_read_in_all_forms(void **state)
{
	(void)state;
	static const struct story rows[] = {
		{ "older versions, as sendmail, with identd, in another order",
		  { "2026-11-23T18:04:09+00:00 mail sendmail[102]: " ID
		    "from=alice, size=9, class=0, nrcpts=1, msgid=<x>, "
		    "bodytype=8BITMIME, proto=ESMTP, daemon=MTA, tls_verify=NONE, "
		    "auth=NONE, relay=fred@mail.example [203.0.113.9]" },
		  { "18:04:08Z 203.0.113.9 name=mail.example data accepted helo= "
		    "from=alice to=" } },
		{ "perhaps forged; IPv6; an IPv4 client at an IPv6 socket",
		  { AT("09") ID "from=<>" MESSAGE "x.example [IPv6:2001:db8:0:0:0:0:0:1] "
				"(may be forged)",
		    BY("103") "6ANI48MU000103: "
			      "from=<>" MESSAGE "[IPv6:::ffff:203.0.113.9]" },
		  { "18:04:08Z 2001:db8::1 name= data accepted helo= from= to=",
		    "18:04:08Z 203.0.113.9 name= data accepted helo= from= to=" } },
		{ "submissions are no visits, by the daemon's name or by who logs in",
		  { AT("09") ID "from=<a@b.example>, size=18, class=0, nrcpts=1, "
				"msgid=<x@y>, proto=ESMTP, daemon=TLSMTA, relay=" R,
		    BY("103") R " did not issue "
				"MAIL/EXPN/VRFY/ETRN during connection to MSP-v4",
		    BY("104") "AUTH=server, relay=" R
			      ", authid=alice, mech=PLAIN, bits=0",
		    BY("104") "6ANI48MU000104: "
			      "from=<a@b.example>" MESSAGE R },
		  { NULL } },
		{ "who logged in before the log began is told by the protocol",
		  { AT("09") ID "from=<a@b.example>, size=18, class=0, nrcpts=1, "
				"msgid=<x@y>, proto=ESMTPSA, daemon=MTA, relay=" R,
		    BY("103") "6ANI48MU000103: "
			      "from=<a@b.example>, size=18, class=0, nrcpts=1, "
			      "msgid=<x@y>, "
			      "proto=ESMTP, daemon=MTA, tls_verify=NO, auth=PLAIN, "
			      "relay=" R },
		  { NULL } },
		{ "messages of the machine's own, bounces, queue runs, what we send",
		  { AT("09") ID "from=root, size=18, class=0, nrcpts=1, msgid=<x>, "
				"relay=root@localhost",
		    AT("09") ID "from=<>, size=18, class=0, nrcpts=1, msgid=<x>, "
				"relay=[RESPONSE]",
		    AT("09") ID "from=<a@b.example>" MESSAGE "localhost [127.0.0.1]",
		    AT("09") "6ALI48MU000999: to=<c@d.example>, delay=2+00:00:00, "
			     "mailer=esmtp, relay=mx.d.example. [198.51.100.1], "
			     "dsn=2.0.0, stat=Sent",
		    BY("105") "STARTTLS=client, "
			      "relay=mx.d.example., version=TLSv1.3",
		    BY("105") ID "ruleset=tls_server, arg1=NO, relay=mx.d.example "
				 "[198.51.100.1], reject=403 4.7.0 not authenticated" },
		  { NULL } },
		{ "a process id that comes again is another session",
		  { AT("09") ID "from=<a@b.example>" TAIL("0") R,
		    "2026-11-23T18:05:09+00:00 mail sm-mta[102]: 6ANI59MU000102: "
		    "from=<a@b.example>" TAIL("0") R },
		  { "18:04:08Z 203.0.113.9 name=mail.example mail aborted helo= "
		    "from=a@b.example to=",
		    "18:05:09Z 203.0.113.9 name=mail.example mail aborted helo= "
		    "from=a@b.example to=" } },
		{ "so it is with another client",
		  { AT("09") ID "lost input channel from " R " to MTA-v4 after mail",
		    AT("10") ID "from=<a@b.example>" TAIL("0") "[203.0.113.10]" },
		  { "18:04:08Z 203.0.113.9 name=mail.example mail aborted helo= from= "
		    "to=",
		    "18:04:08Z 203.0.113.10 name= mail aborted helo= "
		    "from=a@b.example to=" } },
		{ "no client, no visit",
		  { AT("09") ID "<c@d.example>... User unknown",
		    AT("09") ID "Milter: to=<c@d.example>, reject=451 4.7.1 later",
		    BY("103") "STARTTLS=server, "
			      "relay=" R ", version=TLSv1.3, verify=NO" },
		  { NULL } },
		{ "ids of an old version, of a clock that is ahead, of long ago: line's "
		  "time",
		  { BY("12345") "fANI48M12345: "
				"from=<>" TAIL("0") R,
		    BY("104") "6ANI6xMU000104: "
			      "from=<>" TAIL("0") R,
		    BY("105") "6AMI48MU000105: "
			      "from=<>" TAIL("0") R },
		  { "18:04:09Z 203.0.113.9 name=mail.example mail aborted helo= from= "
		    "to=",
		    "18:04:09Z 203.0.113.9 name=mail.example mail aborted helo= from= "
		    "to=",
		    "18:04:09Z 203.0.113.9 name=mail.example mail aborted helo= from= "
		    "to=" } },
	};
	expect_stories(rows, sizeof(rows) / sizeof(rows[0]));
}

static void queue_ids_tell_the_time_across_new_year(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	int64_t want;
	rig_feed(
	    m, "2027-01-01T00:00:03+00:00 mail sm-mta[102]: 6BVNxtMU000102: from=<>" TAIL(
		   "0") R);
	maillog_lines_finish(m);
	assert_true(stamp_parse("2026-12-31T23:59:55Z", &want, NULL));
	assert_int_equal(s.count, 1);
	assert_int_equal(s.visits[0].time, want);
	assert_int_equal(s.visits[0].precision_us, 1000000);
	maillog_lines_free(m);
}

static void of_very_many_messages_one_that_was_queued_is_enough(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	rig_feed(m, AT("09") "6ANI480A000102: from=<a@b.example>" MESSAGE R);
	for (int c = 'B'; c <= 'Z'; c++) {
		char line[512];
		(void)snprintf(line, sizeof(line),
			       AT("09") "6ANI480%c000102: from=<a@b.example>" MESSAGE R,
			       c);
		rig_feed(m, line);
		(void)snprintf(line, sizeof(line),
			       AT("09") "6ANI480%c000102: Milter: data, reject=554 no",
			       c);
		rig_feed(m, line);
	}
	maillog_lines_finish(m);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.visits[0].outcome, OUTCOME_ACCEPTED);
	maillog_lines_free(m);
}

static void a_session_is_given_once_when_it_has_been_silent(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	int64_t line;
	assert_true(stamp_parse("2026-11-23T18:04:09.5Z", &line, NULL));
	rig_feed(m, AT("09") ID "from=<a@b.example>" MESSAGE R);
	maillog_lines_show(m, line + STAMP_MINUTE - 1);
	assert_int_equal(s.count, 0);
	maillog_lines_show(m, line + STAMP_MINUTE);
	assert_int_equal(s.count, 1);
	rig_feed(m, "2026-11-23T18:06:09+00:00 mail sm-mta[102]: 6ANI48MV000102: "
		    "from=<a@b.example>" MESSAGE R);
	maillog_lines_show(m, line + 30 * STAMP_MINUTE);
	maillog_lines_finish(m);
	assert_int_equal(s.count, 1);
	maillog_lines_free(m);
}

static void a_log_that_tells_late_is_complete_late(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	maillog_lines_advance(m, rig_now());
	assert_int_equal(maillog_lines_held(m), STAMP_NEVER);
	rig_feed(m, AT("09") ID R " did not issue MAIL/EXPN/VRFY/ETRN during connection "
				  "to MTA-v4");
	maillog_lines_advance(m, rig_now());
	assert_int_equal(s.count, 1);
	assert_int_equal(maillog_lines_held(m), rig_now() - 10 * STAMP_MINUTE);
	maillog_lines_finish(m); /* at the end nothing more will come */
	assert_int_equal(maillog_lines_held(m), STAMP_NEVER);
	maillog_lines_free(m);
}

static void a_start_is_told(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	int64_t at;
	assert_true(stamp_parse("2026-11-23T18:04:07.5Z", &at, NULL));
	rig_feed(m, AT("06") "starting daemon (8.17.1.9): queueing@00:10:00");
	assert_int_equal(s.started, 0);
	rig_feed(m, AT("07") "starting daemon (8.17.1.9): SMTP+queueing@00:10:00");
	assert_int_equal(s.started, at);
	maillog_lines_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_sendmail_wrote_becomes_what_the_client_did),
		cmocka_unit_test(refusals_and_endings_are_told_apart),
		cmocka_unit_test(who_it_was_is_read_in_all_forms),
		cmocka_unit_test(queue_ids_tell_the_time_across_new_year),
		cmocka_unit_test(of_very_many_messages_one_that_was_queued_is_enough),
		cmocka_unit_test(a_session_is_given_once_when_it_has_been_silent),
		cmocka_unit_test(a_log_that_tells_late_is_complete_late),
		cmocka_unit_test(a_start_is_told),
	};
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
