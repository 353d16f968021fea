#include "maillog_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define AT(seconds) "2026-11-23T18:00:" seconds ".5+00:00 mail smtpd[50]: "
#define ONE "31925b3c5d7750e1 smtp "
#define CONNECTED AT("01") ONE "connected address=203.0.113.9 host="

/* Written by OpenSMTPD 6.8.0p2 while a client did what the title says. It logs no
 * command that it accepts. TLS fails there: this build cannot with its OpenSSL. */
static void what_opensmtpd_wrote_becomes_what_the_client_did(void **state)
{
	(void)state;
	static const struct rig_row rows[] = {
		{ "start", { NULL } },
		{ "accepted named",
		  { "18:03:46.219447Z 198.51.100.7 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "accepted v6",
		  { "18:03:46.643364Z 2001:db8:1::1 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "accepted unknown",
		  { "18:03:47.056563Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "accepted forged",
		  { "18:03:47.488082Z 203.0.113.30 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "accepted odd ptr",
		  { "18:03:47.940447Z 203.0.113.40 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "null sender HELO",
		  { "18:03:48.368755Z 203.0.113.9 name= data accepted helo= from= "
		    "to=example.com" } },
		{ "two messages",
		  { "18:03:48.776425Z 198.51.100.7 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "grey",
		  { "18:03:49.207487Z 203.0.113.9 name= rcpt deferred helo= from= "
		    "to=example.com" } },
		{ "grey no quit",
		  { "18:03:49.609473Z 203.0.113.9 name= rcpt deferred helo= from= "
		    "to=example.com" } },
		{ "nobody",
		  { "18:03:50.015223Z 203.0.113.9 name= rcpt rejected helo= from= "
		    "to=example.com" } },
		{ "grey and accepted",
		  { "18:03:50.42176Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "relay",
		  { "18:03:50.827369Z 203.0.113.9 name= rcpt rejected helo= from= "
		    "to=elsewhere.example" } },
		{ "relay forged",
		  { "18:03:51.233209Z 203.0.113.30 name= rcpt rejected helo= from= "
		    "to=elsewhere.example" } },
		{ "relay v6",
		  { "18:03:51.655221Z 2001:db8:2::1 name= rcpt rejected helo= from= "
		    "to=elsewhere.example" } },
		{ "sender domain missing",
		  { "18:03:52.058518Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "drop after connect",
		  { "18:03:52.46168Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "connect QUIT",
		  { "18:03:52.862957Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "NOOP QUIT",
		  { "18:03:53.265612Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "drop after EHLO",
		  { "18:03:53.667373Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "EHLO QUIT",
		  { "18:03:54.070847Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "drop after MAIL",
		  { "18:03:54.472783Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "MAIL QUIT",
		  { "18:03:54.875138Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "drop after RCPT",
		  { "18:03:55.276692Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "RCPT QUIT",
		  { "18:03:55.67993Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "RCPT RSET QUIT",
		  { "18:03:56.094763Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "drop after DATA",
		  { "18:03:56.53499Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "drop within message",
		  { "18:03:56.948047Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "reset within message",
		  { "18:03:57.35108Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "reset after rcpt",
		  { "18:03:57.753926Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "SIZE too big",
		  { "18:03:58.163045Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "too big",
		  { "18:03:58.565245Z 203.0.113.9 name= data rejected helo= from= "
		    "to=" } },
		{ "tls accepted",
		  { "18:03:58.991569Z 198.51.100.7 name= connect aborted helo= from= "
		    "to=" } },
		{ "tls quit",
		  { "18:03:59.445455Z 198.51.100.7 name= connect aborted helo= from= "
		    "to=" } },
		{ "tls failed",
		  { "18:03:59.915274Z 198.51.100.7 name= connect aborted helo= from= "
		    "to=" } },
		{ "pipelined",
		  { "18:04:00.322602Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "pregreet all",
		  { "18:04:00.724426Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "too many errors",
		  { "18:04:01.126775Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "rcpt flood",
		  { "18:04:01.530561Z 203.0.113.9 name= rcpt rejected helo= from= "
		    "to=example.com" } },
		{ "http",
		  { "18:04:01.9498Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "forge 1",
		  { "18:04:02.355207Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "forge 2",
		  { "18:04:02.757097Z 203.0.113.9 name= mail rejected helo= from=\"x "
		    "to=" } },
		{ "forge 3",
		  { "18:04:03.164876Z 203.0.113.9 name= mail rejected helo= from=\"x "
		    "to=" } },
		{ "forge 4",
		  { "18:04:03.59088Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "forge 5",
		  { "18:04:04.011943Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "forge 6",
		  { "18:04:04.414331Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "VRFY",
		  { "18:04:04.826928Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "auth at 25",
		  { "18:04:05.235446Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "submission auth",
		  { "18:04:05.637384Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "submission auth fails",
		  { "18:04:06.130788Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "submission no auth", { NULL } },
		{ "submission no auth quit",
		  { "18:04:07.014605Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "slow two messages",
		  { "18:04:07.418939Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "slow nothing",
		  { "18:04:14.442787Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "user unknown",
		  { "18:04:17.051008Z 203.0.113.9 name= connect aborted helo= from= "
		    "to=" } },
		{ "odd msgid",
		  { "18:04:17.454863Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "message RSET message grey",
		  { "18:04:17.861099Z 203.0.113.9 name= data accepted helo= "
		    "from=alice@client.example to=example.com" } },
		{ "local mail", { NULL } },
		{ "start again", { NULL } },
	};
	rig_expect_file("opensmtpd-6.8.log", rows, sizeof(rows) / sizeof(rows[0]));
}

static void sessions_are_read_in_the_words_of_all_versions(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		const char *lines[8];
		const char *want[3];
	} rows[] = {
		{ "TLS",
		  { CONNECTED "mail.example",
		    AT("02") ONE "tls ciphers=TLSv1.3:TLS_AES_256_GCM_SHA384:256",
		    AT("03") ONE "message msgid=78e5c402 size=1118 nrcpt=1 proto=ESMTP",
		    AT("03") ONE "envelope evpid=78e5c402920bcc4f from=<a@b.example> "
				 "to=<c@D.example>",
		    AT("04") ONE "disconnected reason=quit" },
		  { "18:00:01.5Z 203.0.113.9 name= data accepted helo= from=a@b.example "
		    "to=d.example" } },
		{ "a recipient without a domain (RFC 5321 4.5.1)",
		  { CONNECTED "<unknown>",
		    AT("02") ONE "failed-command command=\"RCPT TO:<postmaster>\" "
				 "result=\"451 4.7.1 later\"",
		    AT("04") ONE "disconnected reason=quit" },
		  { "18:00:01.5Z 203.0.113.9 name= rcpt deferred helo= from= to=" } },
		{ "TLS, and nothing else",
		  { CONNECTED "<unknown>", AT("02") ONE "tls ciphers=TLSv1.3:X:256",
		    AT("04") ONE "disconnected  reason=timeout" },
		  { "18:00:01.5Z 203.0.113.9 name= helo aborted helo= from= to=" } },
		{ "somebody who logs in is no visitor",
		  { CONNECTED "mail.example",
		    AT("02") ONE "authentication user=alice result=ok",
		    AT("03") ONE "message msgid=78e5c402 size=1118 nrcpt=1 proto=ESMTP",
		    AT("04") ONE "disconnected reason=quit" },
		  { NULL } },
		{ "who fails to is one",
		  { CONNECTED "mail.example",
		    AT("02") ONE "authentication user=x\\040result=ok result=permfail",
		    AT("03") ONE "failed-command command=\"AUTH PLAIN (...)\" "
				 "result=\"535 Authentication failed\"",
		    AT("04") ONE "disconnected reason=disconnect" },
		  { "18:00:01.5Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "refused for having no name",
		  { CONNECTED "<unknown>",
		    AT("01") ONE "failed-command command=\"\" result=\"550 no rDNS\"",
		    AT("01") ONE "disconnected reason=quit" },
		  { "18:00:01.5Z 203.0.113.9 name= connect rejected helo= from= to=" } },
		{ "refused for its HELO, its sender, and at the end of the message",
		  { CONNECTED "<unknown>",
		    AT("01") ONE "failed-command command=\"EHLO x.example\" "
				 "result=\"421 4.7.1 go away\"",
		    AT("01") ONE "failed-command command=\"mail from: <a@b.example>\" "
				 "result=\"550 5.7.1 not you\"",
		    AT("01") ONE "failed-command command=\"DATA\" "
				 "result=\"451 Try again later\"",
		    AT("01") ONE "disconnected reason=quit" },
		  { "18:00:01.5Z 203.0.113.9 name= data deferred helo=x.example "
		    "from=a@b.example to=" } },
		{ "versions 6.0 to 6.3",
		  { AT("01") ONE "event=connected address=203.0.113.9 host=mail.example",
		    AT("02") ONE "event=starttls address=203.0.113.9 host=mail.example "
				 "ciphers=\"x\"",
		    AT("02") ONE "event=failed-command address=203.0.113.9 "
				 "host=mail.example command=\"RCPT TO:<x@d.example>\" "
				 "result=\"550 Invalid recipient\"",
		    AT("03") ONE "event=message address=203.0.113.9 host=mail.example "
				 "msgid=78e5c402 from=<a@b.example> to=<c@d.example> "
				 "size=9 ndest=1 proto=ESMTP",
		    AT("04") ONE "event=closed address=203.0.113.9 host=mail.example "
				 "reason=quit" },
		  { "18:00:01.5Z 203.0.113.9 name= data accepted helo= from=a@b.example "
		    "to=d.example" } },
		{ "IPv6; the end of the log",
		  { AT("01") ONE "connected address=[2001:db8::1] host=<unknown>" },
		  { "18:00:01.5Z 2001:db8::1 name= connect aborted helo= from= to=" } },
		{ "lines of sessions that began before the log, and of other kinds",
		  { AT("02") ONE "message msgid=78e5c402 size=1118 nrcpt=1 proto=ESMTP",
		    AT("02") "31925b3ded77c213 mda delivery evpid=3496d0fea8ca07e2 "
			     "from=<> to=<b@d.example> user=b delay=0s result=Ok",
		    AT("02") "31925b3ded77c213 mta connected",
		    AT("02") "warn: smtpd: lost child" },
		  { NULL } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
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

static void nobody_forges_a_visit(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"x connected address=192.0.2.1 host=y",
		"x\" result=\"250 Ok",
		"5f3ab1c2d3e4f506 smtp connected address=192.0.2.1 host=x",
		"> to=<x> address=192.0.2.1",
		" msgid=00000000 from=<a@b> reason=quit",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rig_seen s;
		struct maillog_lines *m = rig_new(&s);
		char line[1024];
		(void)snprintf(line, sizeof(line), CONNECTED "%s", texts[i]);
		rig_feed(m, line);
		(void)snprintf(line, sizeof(line),
			       AT("02") ONE "failed-command command=\"%s\" "
					    "result=\"500 5.5.1 Invalid command\"",
			       texts[i]);
		rig_feed(m, line);
		(void)snprintf(line, sizeof(line),
			       AT("02") ONE "failed-command command=\"RCPT TO:<%s>\" "
					    "result=\"550 no <%s>\"",
			       texts[i], texts[i]);
		rig_feed(m, line);
		rig_feed(m, AT("03") ONE "disconnected reason=quit");
		assert_int_equal(s.count, 1);
		assert_non_null(strstr(s.text[0], " 203.0.113.9 name= rcpt "));
		assert_null(strstr(s.text[0], "accepted"));
		maillog_lines_free(m);
	}
}

static void cut_and_binary_lines_invent_nothing(void **state)
{
	(void)state;
	static const char *const lines[] = {
		AT("00") "info: OpenSMTPD 6.8.0p2 starting",
		CONNECTED "mail.example",
		AT("02") ONE "failed-command command=\"RCPT TO:<x@d.example>\" "
			     "result=\"451 4.7.1 later\"",
		AT("02") ONE "message msgid=3496d0fe size=384 nrcpt=1 proto=ESMTP",
		AT("02") ONE "envelope evpid=3496d0fea8ca07e2 from=<a@b.example> "
			     "to=<c@d.example>",
		AT("03") ONE "disconnected reason=quit",
	};
	rig_expect_nothing_invented(lines, sizeof(lines) / sizeof(lines[0]),
				    "203.0.113.9");
}

static void a_start_is_told(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	int64_t at;
	assert_true(stamp_parse("2026-11-23T18:00:07.5Z", &at, NULL));
	rig_feed(m, AT("06") "info: smtp paused");
	assert_int_equal(s.started, 0);
	rig_feed(m, AT("07") "info: OpenSMTPD 6.8.0p2 starting");
	assert_int_equal(s.started, at);
	maillog_lines_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_opensmtpd_wrote_becomes_what_the_client_did),
		cmocka_unit_test(sessions_are_read_in_the_words_of_all_versions),
		cmocka_unit_test(nobody_forges_a_visit),
		cmocka_unit_test(cut_and_binary_lines_invent_nothing),
		cmocka_unit_test(a_start_is_told),
	};
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
