/*
 * What each mail program's lines tell of a session, class by class of what was once
 * read wrong: outcome, depth, envelopes, verdicts of filters, mail that left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "maillog_rig.h"

#define AT(seconds) "2026-11-23T14:00:" seconds ".500000+00:00 mail "
#define U "unknown[203.0.113.9]"
#define SMTPD(seconds) AT(seconds) "postfix/smtpd[1]: "
#define OPENSMTPD(seconds) AT(seconds) "smtpd[3]: 31925b3c5d7750e1 smtp "
#define SEND(seconds) AT(seconds) "sm-mta[4]: 6ANE00MU000004: "
#define R "mail.example [203.0.113.9]"
#define RSYSLOG(pid) "<22>1 2026-11-23T14:00:01.5+00:00 mail postfix " pid " - -  "
#define EXIM(seconds) "2026-11-23 14:00:" seconds ".500 "
#define H "H=(h) [203.0.113.9]:4711"
#define ID "1xVYFs-00000i-1c "
#define EXIM_BEGIN                                                                       \
	EXIM("01")                                                                       \
	"SMTP connection from [203.0.113.9]:4711 (TCP/IP connection count = "            \
	"1)"
#define EXIM_QUIT                                                                        \
	EXIM("04") "SMTP connection from (h) [203.0.113.9]:4711 D=3s closed by QUIT"
#define SENDMAIL_FROM(n, tail)                                                           \
	SEND("03")                                                                       \
	"from=<a@b.example>, size=9, class=0, nrcpts=" n tail                            \
	", proto=ESMTP, daemon=MTA-v4, relay=" R

struct envelope {
	const char *from, *to;
};

static const struct row {
	const char *story;
	const char *lines[10];
	const char *want; /* NULL: no visit */
	struct envelope envelopes[3];
	const char *delivered;
} rows[] = {
	{ "Postfix, a filter before the queue takes it",
	  { SMTPD("01") "connect from " U, SMTPD("02") "NOQUEUE: client=" U,
	    SMTPD("03") "proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as AB; "
			"from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<h>",
	    SMTPD("04") "disconnect from " U
			" ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5" },
	  "14:00:01.5Z 203.0.113.9 name= data accepted helo=h from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Postfix, it refuses for now",
	  { SMTPD("01") "connect from " U, SMTPD("02") "NOQUEUE: client=" U,
	    SMTPD("03") "proxy-reject: END-OF-MESSAGE: 451 4.3.0 later; "
			"from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<h>",
	    SMTPD("04") "disconnect from " U
			" ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5" },
	  "14:00:01.5Z 203.0.113.9 name= data deferred helo=h from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Postfix, it refuses for good",
	  { SMTPD("01") "connect from " U, SMTPD("02") "NOQUEUE: client=" U,
	    SMTPD("03") "proxy-reject: END-OF-MESSAGE: 554 5.7.0 spam; "
			"from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<h>",
	    SMTPD("04") "disconnect from " U
			" ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5" },
	  "14:00:01.5Z 203.0.113.9 name= data rejected helo=h from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Postfix 2.6 and older: lost within the message",
	  { SMTPD("01") "connect from " U, SMTPD("02") "4XYZAB: client=" U,
	    SMTPD("03") "lost connection after DATA (approximately 4711 bytes) from " U,
	    SMTPD("03") "disconnect from " U },
	  "14:00:01.5Z 203.0.113.9 name= data aborted helo= from= to=",
	  { { NULL, NULL } },
	  "" },
	{ "Postfix, recipients are taken, then QUIT: a call-out",
	  { SMTPD("01") "connect from " U, SMTPD("02") "4XYZAB: client=" U,
	    SMTPD("03") "disconnect from " U " ehlo=1 mail=1 rcpt=1 quit=1 commands=4" },
	  "14:00:01.5Z 203.0.113.9 name= rcpt aborted helo= from= to=",
	  { { NULL, NULL } },
	  "" },
	{ "Postfix, the queue id's lines tell who it was for, as it was written",
	  { SMTPD("01") "connect from " U, SMTPD("02") "4XYZAB: client=" U,
	    AT("02") "postfix/qmgr[3]: 4XYZAB: from=<a@b.example>, size=9, nrcpt=2 "
		     "(queue active)",
	    SMTPD("03") "disconnect from " U
			" ehlo=1 mail=1 rcpt=2 data=1 quit=1 commands=6",
	    AT("04") "postfix/local[5]: 4XYZAB: to=<c@d.example>, relay=local, "
		     "delay=0.1, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered)",
	    AT("05") "postfix/smtp[6]: 4XYZAB: to=<x@away.example>, "
		     "orig_to=<info@d.example>, relay=mx.away.example[198.51.100.1]:25, "
		     "delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)" },
	  "14:00:01.5Z 203.0.113.9 name= data accepted helo= from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" }, { "A@b.example", "info@D.example" } },
	  "" }, /* forwarded is not written */
	{ "Postfix, a user's mail goes away, another's is for a filter",
	  { AT("04") "postfix/smtp[6]: 4XYZAC: to=<x@Away.example>, "
		     "relay=mx.away.example[9.9.9.9]:25, delay=1, delays=0/0/0/1, "
		     "dsn=2.0.0, status=sent (250 ok)",
	    AT("04") "postfix/smtp[6]: 4XYZAD: to=<x@later.example>, "
		     "relay=mx.later.example[9.9.9.9]:25, delay=1, delays=0/0/0/1, "
		     "dsn=4.0.0, status=deferred (host said: 450 status=sent (no))",
	    AT("04") "postfix/smtp[6]: 4XYZAE: to=<x@in.example>, "
		     "relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, "
		     "dsn=2.0.0, status=sent (250 ok)" },
	  NULL,
	  { { NULL, NULL } },
	  "away.example " },
	{ "Postfix, behind a proxy that says who it is by XCLIENT",
	  { SMTPD("01") "connect from localhost[127.0.0.1]",
	    SMTPD("02") "NOQUEUE: reject: RCPT from " U
			": 450 4.2.0 <c@d.example>: later; from=<> to=<c@d.example> "
			"proto=SMTP helo=<h>",
	    SMTPD("03") "disconnect from " U
			" ehlo=1 xclient=1 mail=1 rcpt=0/1 quit=1 commands=4/5" },
	  "14:00:01.5Z 203.0.113.9 name= rcpt deferred helo=h from= to=d.example",
	  { { "", "c@d.example" } },
	  "" },
	{ "Postfix by rsyslog's RFC 5424, which cuts the programs' names",
	  { RSYSLOG("7") "connect from " U, RSYSLOG("7") "4XYZAB: client=" U,
	    RSYSLOG("8") "4XYZAB: message-id=<x@b.example>",
	    RSYSLOG("9") "4XYZAB: from=<a@b.example>, size=9, nrcpt=1 (queue active)",
	    RSYSLOG("7") "disconnect from " U
			 " ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
	    RSYSLOG("6") "4XYZAB: to=<c@d.example>, relay=store, delay=1, "
			 "delays=0/0/0/0, dsn=2.0.0, status=sent (250 ok)",
	    RSYSLOG("9") "4XYZAB: removed" },
	  "14:00:01.5Z 203.0.113.9 name= data accepted helo= from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Exim, +connection_id",
	  { EXIM("01") "SMTP connection from [203.0.113.9]:4711 I=[192.0.2.25]:25 "
		       "Ci=Rs1 (TCP/IP connection count = 1)",
	    EXIM("03") H " I=[192.0.2.25]:25 Ci=Rs1 F=<a@b.example> temporarily "
			 "rejected RCPT <c@d.example>: later",
	    EXIM("04") "SMTP connection from (h) [203.0.113.9]:4711 "
		       "I=[192.0.2.25]:25 Ci=Rs1 D=3s closed by QUIT" },
	  "14:00:01.5Z 203.0.113.9 name= rcpt deferred helo=h from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Exim, +dnssec",
	  { EXIM_BEGIN,
	    EXIM("02") ID "<= a@b.example DS " H " P=esmtp S=9 id=m@b.example",
	    EXIM("02") ID "=> c <c@d.example> R=local T=maildir",
	    EXIM("02") ID "-> e@d.example R=local T=maildir", EXIM("02") ID "Completed",
	    EXIM_QUIT },
	  "14:00:01.5Z 203.0.113.9 name= data accepted helo=h from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" }, { "a@b.example", "e@d.example" } },
	  "" },
	{ "Exim, +dnssec where it refuses",
	  { EXIM_BEGIN,
	    EXIM("03") " DS" H " F=<a@b.example> rejected RCPT <c@d.example>: no",
	    EXIM_QUIT },
	  "14:00:01.5Z 203.0.113.9 name= rcpt rejected helo=h from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Exim, MAIL is refused",
	  { EXIM_BEGIN, EXIM("03") H " rejected MAIL <a@b.example>: no", EXIM_QUIT },
	  "14:00:01.5Z 203.0.113.9 name= mail rejected helo=h from=a@b.example to=",
	  { { NULL, NULL } },
	  "" },
	{ "Exim, local_scan() refuses",
	  { EXIM_BEGIN,
	    EXIM("03") ID "F=a@b.example " H " P=esmtp rejected by local_scan(): no",
	    EXIM_QUIT },
	  "14:00:01.5Z 203.0.113.9 name= data rejected helo=h from=a@b.example to=",
	  { { NULL, NULL } },
	  "" },
	{ "Exim, local_scan() refuses for now",
	  { EXIM_BEGIN,
	    EXIM("03") ID "F=<> " H " temporarily rejected by local_scan(): no",
	    EXIM_QUIT },
	  "14:00:01.5Z 203.0.113.9 name= data deferred helo=h from= to=",
	  { { NULL, NULL } },
	  "" },
	{ "Exim, dropped by the connect ACL",
	  { EXIM_BEGIN, EXIM("02") "H=[203.0.113.9]:4711 dropped by 'connect' ACL: no",
	    EXIM("02") "SMTP connection from [203.0.113.9]:4711 D=1s closed by DROP in "
		       "ACL" },
	  "14:00:01.5Z 203.0.113.9 name= connect rejected helo= from= to=",
	  { { NULL, NULL } },
	  "" },
	{ "Exim, who speaks too soon",
	  { EXIM_BEGIN,
	    EXIM("03") "SMTP protocol synchronization error (next input sent too soon: "
		       "pipelining was not advertised): rejected \"RCPT "
		       "TO:<c@d.example>\" " H " next input=\"DATA\\r\\n\"" },
	  "14:00:01.5Z 203.0.113.9 name= rcpt rejected helo=h from= to=",
	  { { NULL, NULL } },
	  "" },
	{ "Exim, who speaks too soon and in its words",
	  { EXIM("03") "SMTP protocol synchronization error (next input sent too soon: "
		       "pipelining was not advertised): rejected \"RCPT\" H=x "
		       "[192.0.2.1] next input=\"\" " H " next input=\"DATA\\r\\n\"" },
	  NULL,
	  { { NULL, NULL } },
	  "" },
	{ "Exim, bare LF",
	  { EXIM_BEGIN,
	    EXIM("03") "SMTP call from (h) [203.0.113.9]:4711 dropped: bare <LF> "
		       "received after DATA",
	    EXIM("03") "SMTP connection from (h) [203.0.113.9]:4711 D=2s closed by "
		       "EOF" },
	  "14:00:01.5Z 203.0.113.9 name= helo aborted helo=h from= to=",
	  { { NULL, NULL } },
	  "" },
	{ "Exim, a call-out",
	  { EXIM_BEGIN,
	    EXIM("03") H " incomplete transaction (QUIT) from <a@b.example> for "
			 "c@d.example",
	    EXIM_QUIT },
	  "14:00:01.5Z 203.0.113.9 name= rcpt aborted helo=h from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Exim, its spam condition, and recipients at once",
	  { EXIM_BEGIN, EXIM("02") ID H " Warning: X-Spam-Flag: YES",
	    EXIM("02") ID "<= a@b.example " H
			  " P=esmtp S=9 T=\"x\" for c@d.example e@d.example",
	    EXIM("02") ID "Completed", EXIM_QUIT },
	  "14:00:01.5Z 203.0.113.9 name= data accepted helo=h from=a@b.example "
	  "to=d.example spam",
	  { { "a@b.example", "c@d.example" }, { "a@b.example", "e@d.example" } },
	  "" },
	{ "Exim, spamd's verdict comes before the message has an id",
	  { EXIM_BEGIN,
	    AT("01") "spamd[9]: spamd: result: . 1 - X scantime=1,mid=<m@b.example>,x=1",
	    EXIM("02") ID "<= a@b.example " H " P=esmtp S=9 id=m@b.example",
	    EXIM("02") ID "=> c@d.example R=local T=maildir", EXIM("02") ID "Completed",
	    EXIM_QUIT },
	  "14:00:01.5Z 203.0.113.9 name= data accepted helo=h from=a@b.example "
	  "to=d.example clean",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Exim, a user's mail goes away",
	  { EXIM("02") ID "<= me@d.example U=me P=local S=9",
	    EXIM("02") ID "=> x@away.example R=dnslookup T=remote_smtp "
			  "H=mx.away.example [9.9.9.9] C=\"250 ok\"",
	    EXIM("02") ID "=> y <y@d.example> R=local T=maildir",
	    EXIM("02") ID "== z@later.example R=dnslookup T=remote_smtp defer (-44) "
			  "H=mx.later.example [9.9.9.9]: 450 later" },
	  NULL,
	  { { NULL, NULL } },
	  "away.example " },
	{ "Sendmail, two blanks behind the id",
	  { AT("02") "sm-mta[4]: 6ANE00MU000004:  ruleset=check_rcpt, "
		     "arg1=<c@d.example>, relay=" R
		     ", reject=451 4.7.1 <c@d.example>... later",
	    SENDMAIL_FROM("0", "") },
	  "14:00:00Z 203.0.113.9 name=mail.example rcpt deferred helo= "
	  "from=a@b.example to=d.example",
	  { { "a@b.example", "c@d.example" } },
	  "" },
	{ "Sendmail, EXPN is refused",
	  { SEND("02") R ": EXPN bob [rejected]" },
	  "14:00:00Z 203.0.113.9 name=mail.example connect aborted helo= from= to=",
	  { { NULL, NULL } },
	  "" },
	{ "Sendmail, by the name it has while it waits",
	  { AT("02") "sm-acceptingconnections[4]: 6ANE00MU000004: "
		     "ruleset=check_rcpt, arg1=<c@d.example>, relay=" R
		     ", reject=550 5.1.1 <c@d.example>... no" },
	  "14:00:00Z 203.0.113.9 name=mail.example rcpt rejected helo= from= "
	  "to=d.example",
	  { { NULL, NULL } },
	  "" },
	{ "Sendmail, a call-out",
	  { SENDMAIL_FROM("1", "") },
	  "14:00:00Z 203.0.113.9 name=mail.example rcpt aborted helo= "
	  "from=a@b.example to=",
	  { { NULL, NULL } },
	  "" },
	{ "Sendmail, several recipients, one by its alias; and rspamd's milter",
	  { SENDMAIL_FROM("3", ", msgid=<m@b.example>"),
	    SEND("03") "Milter (rspamd) add: header: X-Spam: Yes",
	    SEND("04") "to=<c@d.example>,<e@d.example>, delay=00:00:01, "
		       "xdelay=00:00:00, mailer=local, pri=9, dsn=2.0.0, stat=Sent",
	    SEND("04") "to=/dev/null, ctladdr=<f@d.example> (1/0), delay=00:00:01, "
		       "xdelay=00:00:00, mailer=*file*, pri=9, dsn=2.0.0, stat=Sent" },
	  "14:00:00Z 203.0.113.9 name=mail.example data accepted helo= "
	  "from=a@b.example to=d.example spam",
	  { { "a@b.example", "c@d.example" },
	    { "a@b.example", "e@d.example" },
	    { "a@b.example", "f@d.example" } },
	  "" },
	{ "Sendmail, a user's mail goes away",
	  { AT("04") "sm-mta[9]: 6ANE00MU000009: to=<x@away.example>, "
		     "ctladdr=<me@d.example> (1000/1000), delay=00:00:01, "
		     "xdelay=00:00:00, mailer=esmtp, pri=9, relay=mx.away.example. "
		     "[9.9.9.9], dsn=2.0.0, stat=Sent (250 ok)",
	    AT("04") "sm-mta[9]: 6ANE00MU000010: to=<y@later.example>, "
		     "delay=00:00:01, mailer=esmtp, relay=mx.later.example. [9.9.9.9], "
		     "dsn=4.0.0, stat=Deferred: 450 later" },
	  NULL,
	  { { NULL, NULL } },
	  "away.example " },
	{ "OpenSMTPD, each recipient's line, and a proxy in front",
	  { OPENSMTPD("01") "connected address=127.0.0.1 host=localhost",
	    OPENSMTPD("01") "event=proxy address=203.0.113.9",
	    OPENSMTPD("02") "envelope evpid=8d3dca453a0e9b69 from=<a@b.example> "
			    "to=<c@d.example>",
	    OPENSMTPD("02") "envelope evpid=8d3dca453a0e9b70 from=<a@b.example> "
			    "to=<e@d.example>",
	    OPENSMTPD("02") "message msgid=8d3dca45 size=9 nrcpt=2 proto=ESMTP",
	    OPENSMTPD("03") "disconnected reason=quit" },
	  "14:00:01.5Z 203.0.113.9 name= data accepted helo= from=a@b.example "
	  "to=d.example",
	  { { "a@b.example", "c@d.example" }, { "a@b.example", "e@d.example" } },
	  "" },
	{ "OpenSMTPD, a user's mail goes away",
	  { AT("04") "smtpd[3]: 31925b3c5d7750e2 mta delivery evpid=8d3dca453a0e9b69 "
		     "from=<me@d.example> to=<x@away.example> rcpt=<-> "
		     "source=\"192.0.2.25\" relay=\"9.9.9.9 (mx.away.example)\" "
		     "delay=0s result=\"Ok\" stat=\"250 ok\"",
	    AT("04") "smtpd[3]: 31925b3c5d7750e2 mta delivery evpid=8d3dca453a0e9b70 "
		     "from=<me@d.example> to=<x@later.example> rcpt=<-> "
		     "source=\"192.0.2.25\" relay=\"9.9.9.9 (mx.later.example)\" "
		     "delay=0s result=\"TempFail\" stat=\"450 result=Ok\"" },
	  NULL,
	  { { NULL, NULL } },
	  "away.example " },
};

static void expect_envelopes(const struct row *row, const struct visit *v)
{
	size_t n = 0;
	for (; n < 3 && row->envelopes[n].to; n++) {
		uint64_t want =
		    envelope_hash(row->envelopes[n].from, row->envelopes[n].to);
		if (n >= v->envelope_count || v->envelopes[n] != want)
			fail_msg("%s: envelope %zu of %u is not %s to %s", row->story, n,
				 v->envelope_count, row->envelopes[n].from,
				 row->envelopes[n].to);
	}
	if (v->envelope_count != n)
		fail_msg("%s: %u envelopes, want %zu", row->story, v->envelope_count, n);
}

static void each_class_of_lines_says_what_it_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct rig_seen s;
		struct maillog_lines *m = rig_new(&s);
		for (size_t k = 0; k < 10 && row->lines[k]; k++)
			rig_feed(m, row->lines[k]);
		maillog_lines_finish(m);
		maillog_lines_free(m);
		if (s.count != (row->want ? 1 : 0) ||
		    (row->want && strcmp(s.text[0], row->want) != 0))
			fail_msg("%s: %zu visits\ngot  \"%s\"\nwant \"%s\"", row->story,
				 s.count, s.count ? s.text[0] : "",
				 row->want ? row->want : "");
		if (row->want)
			expect_envelopes(row, &s.visits[0]);
		if (strcmp(s.delivered, row->delivered) != 0)
			fail_msg("%s: delivered \"%s\", want \"%s\"", row->story,
				 s.delivered, row->delivered);
	}
}

/* Only smtpd's own lines come after a look-up; postscreen asks nobody. */
static void postfix_may_have_been_called_before_it_says_so(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	rig_feed(m, SMTPD("01") "connect from " U);
	rig_feed(m, AT("02") "postfix/postscreen[2]: CONNECT from [203.0.113.10]:4711 to "
			     "[192.0.2.25]:25");
	maillog_lines_finish(m);
	maillog_lines_free(m);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.visits[0].earlier_us, 10 * STAMP_SECOND);
	assert_int_equal(s.visits[0].precision_us, 1);
	assert_int_equal(s.visits[1].earlier_us, 0);
}

/* A filter in a container of its own has another host in its lines. */
static void
a_filter_of_another_host_finds_its_message_if_that_is_the_only_one(void **state)
{
	(void)state;
	for (int hosts = 1; hosts <= 2; hosts++) {
		struct rig_seen s;
		struct maillog_lines *m = rig_new(&s);
		for (int i = 0; i < hosts; i++) {
			static const char *const forms[] = {
				"connect from " U,
				"4XYZAB: client=" U,
			};
			for (size_t k = 0; k < 2; k++) {
				char line[200];
				(void)snprintf(line, sizeof(line),
					       "2026-11-23T14:00:01.5Z mail%d "
					       "postfix/smtpd[1]: %s",
					       i, forms[k]);
				rig_feed(m, line);
			}
		}
		rig_feed(m, "2026-11-23T14:00:02Z rspamd-1 rspamd[8]: <7>; task; "
			    "rspamd_task_write_log: id: <x@b>, qid: <4XYZAB>, ip: "
			    "203.0.113.9, from: <a@b>, (default: T (add header): [9/15] "
			    "[X]), len: 9");
		maillog_lines_finish(m);
		maillog_lines_free(m);
		assert_int_equal(s.count, hosts);
		assert_int_equal(s.visits[0].spam, hosts == 1 ? SPAM_YES : SPAM_UNKNOWN);
	}
}

/* Recipients are waited for, but not for long. */
static void an_accepted_visit_waits_for_its_recipients(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	int64_t ended;
	assert_true(stamp_parse("2026-11-23T14:00:03.5Z", &ended, NULL));
	rig_feed(m, SMTPD("01") "connect from " U);
	rig_feed(m, SMTPD("02") "4XYZAB: client=" U);
	rig_feed(m, AT("02") "postfix/qmgr[3]: 4XYZAB: from=<a@b.example>, size=9, "
			     "nrcpt=2 (queue active)");
	rig_feed(m, SMTPD("03") "disconnect from " U
				" ehlo=1 mail=1 rcpt=2 data=1 quit=1 commands=6");
	rig_feed(m, AT("04") "postfix/local[5]: 4XYZAB: to=<c@d.example>, relay=local");
	assert_int_equal(maillog_lines_held(m), ended - 2 * STAMP_SECOND);
	maillog_lines_advance(m, ended + LOGSESSION_RECIPIENTS_WAIT - 1);
	assert_int_equal(s.count, 0);
	maillog_lines_advance(m, ended + LOGSESSION_RECIPIENTS_WAIT);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.visits[0].envelope_count, 1);
	maillog_lines_free(m);
}

static void of_many_recipients_only_that_there_were_many_is_told(void **state)
{
	(void)state;
	struct rig_seen s;
	struct maillog_lines *m = rig_new(&s);
	rig_feed(m, EXIM_BEGIN);
	rig_feed(m, EXIM("02") ID "<= a@b.example " H
				  " P=esmtp S=9 for a@d b@d c@d d@d e@d f@d g@d h@d i@d");
	maillog_lines_finish(m);
	maillog_lines_free(m);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.visits[0].envelope_count, VISIT_ENVELOPES_MANY);
}

/* A visit is of an unknown recipient if that is all that it was refused for. */
static void who_wrote_to_nobody_is_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *lines[5];
		bool is_unknown;
	} refusals[] = {
		{ { SMTPD("01") "connect from " U,
		    SMTPD(
			"02") "NOQUEUE: reject: RCPT from " U
			      ": 550 5.1.1 <c@d.example>: Recipient address rejected: "
			      "User unknown in local recipient table; from=<a@b.example> "
			      "to=<c@d.example> proto=ESMTP helo=<h>",
		    SMTPD("03") "disconnect from " U
				" ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4" },
		  true },
		{ { SMTPD("01") "connect from " U,
		    SMTPD("02") "NOQUEUE: reject: RCPT from " U
				": 550 <c@d.example>: User unknown in local recipient "
				"table; from=<a@b.example> to=<c@d.example>",
		    SMTPD("03") "disconnect from " U },
		  true },
		{ { SMTPD("01") "connect from " U,
		    SMTPD(
			"02") "NOQUEUE: reject: RCPT from " U
			      ": 450 4.1.1 <c@d.example>: Recipient address rejected: "
			      "User unknown in local recipient table; from=<a@b.example> "
			      "to=<c@d.example> proto=ESMTP helo=<h>",
		    SMTPD("03") "disconnect from " U },
		  false },
		{ { SMTPD("01") "connect from " U,
		    SMTPD("02") "NOQUEUE: reject: RCPT from " U
				": 554 5.7.1 <User unknown>: Relay access denied; "
				"from=<a@b.example> to=<User unknown> proto=ESMTP",
		    SMTPD("03") "disconnect from " U },
		  false },
		{ { SMTPD("01") "connect from " U,
		    SMTPD(
			"02") "NOQUEUE: reject: RCPT from " U
			      ": 550 5.1.1 <c@d.example>: Recipient address rejected: "
			      "User unknown in local recipient table; from=<a@b.example>",
		    SMTPD(
			"02") "NOQUEUE: reject: RCPT from " U
			      ": 554 5.7.1 Service unavailable; blocked using "
			      "bl.example; "
			      "from=<a@b.example> to=<e@d.example> proto=ESMTP helo=<h>",
		    SMTPD("03") "disconnect from " U },
		  false },
		{ { EXIM_BEGIN,
		    EXIM("02") H " F=<a@b.example> rejected RCPT <c@d.example>: "
				 "Unrouteable address",
		    EXIM_QUIT },
		  true },
		{ { EXIM_BEGIN,
		    EXIM("02") H " F=<a@b.example> rejected RCPT <c@d.example>: Unknown "
				 "user",
		    EXIM_QUIT },
		  true },
		{ { EXIM_BEGIN,
		    EXIM("02") H
		    " F=<a@b.example> rejected RCPT <c@d.example>: relay not "
		    "permitted",
		    EXIM_QUIT },
		  false },
		{ { OPENSMTPD("01") "connected address=203.0.113.9 host=<unknown>",
		    OPENSMTPD("02") "failed-command command=\"RCPT TO:<c@d.example>\" "
				    "result=\"550 Invalid recipient: <c@d.example>\"",
		    OPENSMTPD("03") "disconnected reason=quit" },
		  true },
		{ { OPENSMTPD("01") "connected address=203.0.113.9 host=<unknown>",
		    OPENSMTPD("02") "failed-command command=\"RCPT TO:<c@d.example>\" "
				    "result=\"550 5.7.1 Invalid recipient of yours\"",
		    OPENSMTPD("03") "disconnected reason=quit" },
		  false },
		{ { SENDMAIL_FROM("0", ""), SEND("03") "<c@d.example>... User unknown" },
		  true },
		{ { SENDMAIL_FROM("0", ""),
		    SEND("03") "Milter: to=<c@d.example>, reject=550 5.1.1 "
			       "<c@d.example>... User unknown" },
		  true },
		{ { SENDMAIL_FROM("0", ""),
		    SEND("03") "Milter: to=<c@d.example>, reject=550 5.7.1 no" },
		  false },
	};
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct rig_seen s;
		struct maillog_lines *m = rig_new(&s);
		for (size_t k = 0; k < 5 && refusals[i].lines[k]; k++)
			rig_feed(m, refusals[i].lines[k]);
		maillog_lines_finish(m);
		maillog_lines_free(m);
		assert_int_equal(s.count, 1);
		if (s.visits[0].unknown_recipient != refusals[i].is_unknown)
			fail_msg("row %zu: %s", i, s.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_class_of_lines_says_what_it_means),
		cmocka_unit_test(postfix_may_have_been_called_before_it_says_so),
		cmocka_unit_test(
		    a_filter_of_another_host_finds_its_message_if_that_is_the_only_one),
		cmocka_unit_test(an_accepted_visit_waits_for_its_recipients),
		cmocka_unit_test(who_wrote_to_nobody_is_told_apart),
		cmocka_unit_test(of_many_recipients_only_that_there_were_many_is_told),
	};
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
