#include "source/maillog/maillog_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "source/maillog/logsession.h"

enum { SEEN_MAX = 128 };

/* What came out: each visit as one line of text. */
struct seen {
	char text[SEEN_MAX][512];
	struct visit visits[SEEN_MAX]; /* texts are gone */
	size_t count;
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	(void)local;
	struct seen *s = arg;
	char client[ADDR_TEXT_MAX], when[STAMP_TEXT_MAX];
	assert_true(s->count < SEEN_MAX);
	s->visits[s->count] = *v;
	(void)snprintf(s->text[s->count++], 512,
		       "%.19s %s name=%s %s %s helo=%s from=%s to=%s",
		       stamp_text(v->time, when) + 11, addr_text(v->client, client),
		       v->name, depth_name(v->depth), outcome_name(v->outcome), v->helo,
		       v->mail_from, v->recipient_domain);
}

/* The clock of all tests: 2026-11-23T15:00:00Z, in UTC. */
static int64_t test_now(void)
{
	int64_t now;
	assert_true(stamp_parse("2026-11-23T15:00:00Z", &now, NULL));
	return now;
}

static void feed(struct maillog_lines *p, const char *line)
{
	maillog_lines_line(p, line, strlen(line), test_now());
}

static void expect(const struct seen *s, size_t at, const char *want)
{
	if (at >= s->count)
		fail_msg("visit %zu: got none, want \"%s\"", at, want);
	if (strcmp(s->text[at], want) != 0)
		fail_msg("visit %zu:\ngot  \"%s\"\nwant \"%s\"", at, s->text[at], want);
}

static struct maillog_lines *read_file(const char *name, struct seen *s)
{
	char path[512], line[4096];
	struct maillog_lines *p = maillog_lines_new(on_visit, s);
	(void)snprintf(path, sizeof(path), FMX_TEST_DATA "/maillog/%s", name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		feed(p, line);
		maillog_lines_advance(p, maillog_lines_newest(p));
	}
	fclose(f);
	return p;
}

/* Written by Postfix 3.7.11 (maillog_file) while a client did what stands
 * beside each row. */
static void what_postfix_wrote_becomes_what_the_client_did(void **state)
{
	(void)state;
	static const char *const rows[] = {
		/* a message, step by step */
		"14:59:30Z 198.51.100.7 name=client.example data accepted helo= "
		"from=alice@client.example to=example.com",
		/* the same from a client without a name */
		"14:59:31Z 203.0.113.9 name= data accepted helo= "
		"from=alice@client.example to=example.com",
		/* by IPv6 */
		"14:59:31Z 2001:db8::7 name= data accepted helo= "
		"from=alice@client.example to=example.com",
		/* two in one session */
		"14:59:31Z 198.51.100.7 name=client.example data accepted helo= "
		"from=alice@client.example to=example.com",
		/* with HELO and the null sender */
		"14:59:31Z 198.51.100.7 name=client.example data accepted helo= from= "
		"to=example.com",
		/* an unknown recipient */
		"14:59:31Z 203.0.113.9 name= rcpt rejected helo=u from=a@b.example "
		"to=example.com",
		/* relaying, greylisted and refused recipients */
		"14:59:32Z 203.0.113.9 name= rcpt deferred helo=u from=a@b.example "
		"to=elsewhere.example",
		/* greylisted */
		"14:59:32Z 203.0.113.9 name= rcpt deferred helo=u from=a@b.example "
		"to=example.com",
		/* HELO x[192.0.2.1], RCPT TO:<x[192.0.2.3]@elsewhere.example> */
		"14:59:32Z 203.0.113.9 name= rcpt rejected helo= from= to=",
		/* EHLO and MAIL with words of the log in them */
		"14:59:32Z 203.0.113.9 name= rcpt deferred "
		"helo=u]:?connect?from?z[192.0.2.4] from=q@r to=elsewhere.example",
		/* gone after connecting, EHLO, MAIL, RCPT, DATA; reset after RCPT */
		"14:59:32Z 203.0.113.9 name= connect aborted helo= from= to=",
		"14:59:33Z 203.0.113.9 name= helo aborted helo= from= to=",
		"14:59:33Z 203.0.113.9 name= mail aborted helo= from= to=",
		"14:59:33Z 203.0.113.9 name= rcpt aborted helo= from= to=",
		"14:59:33Z 203.0.113.9 name= data aborted helo= from= to=",
		"14:59:33Z 203.0.113.9 name= rcpt aborted helo= from= to=",
		/* QUIT; NOOP and QUIT */
		"14:59:34Z 203.0.113.9 name= connect aborted helo= from= to=",
		"14:59:34Z 203.0.113.9 name= connect aborted helo= from= to=",
		/* reset within the message */
		"14:59:34Z 203.0.113.9 name= data aborted helo= from= to=",
		/* GET / HTTP/1.1 */
		"14:59:34Z 203.0.113.9 name= connect aborted helo= from= to=",
		/* MAIL that is not well-formed */
		"14:59:34Z 203.0.113.9 name= mail aborted helo= from= to=",
		/* MAIL with a SIZE that is too big */
		"14:59:35Z 203.0.113.9 name= mail rejected helo=u from=a@b.example to=",
		/* a message that is too big */
		"14:59:35Z 203.0.113.9 name= data rejected helo= from= to=",
		/* a message that a header check discarded */
		"14:59:35Z 198.51.100.7 name=client.example data rejected helo= from= "
		"to=",
		/* one that a header check put on hold */
		"14:59:35Z 198.51.100.7 name=client.example data accepted helo= from= "
		"to=",
		/* a message by BDAT */
		"14:59:35Z 198.51.100.7 name=client.example data accepted helo= "
		"from=alice@client.example to=example.com",
		/* too many errors */
		"14:59:36Z 203.0.113.9 name= helo aborted helo= from= to=",
		/* one recipient greylisted, one accepted, and a message */
		"14:59:47Z 203.0.113.9 name= data accepted helo=u from=a@b.example "
		"to=example.com",
		/* AUTH where there is none */
		"14:59:47Z 203.0.113.9 name= helo aborted helo= from= to=",
		/* refused, told as a warning; RSET */
		"14:59:47Z 203.0.113.9 name= rcpt aborted helo= from= to=",
		/* silent until the time-out */
		"14:59:47Z 192.0.2.25 name=mail.example.com connect aborted helo= from= "
		"to=",
		/* VRFY */
		"14:59:52Z 203.0.113.9 name= helo deferred helo=u from= to=",
		/* three at once, each with a message */
		"14:59:52Z 198.51.100.7 name=client.example data accepted helo= "
		"from=alice@client.example to=example.com",
		"14:59:52Z 203.0.113.9 name= data accepted helo= "
		"from=alice@client.example to=example.com",
		"14:59:52Z 198.51.100.7 name=client.example data accepted helo= "
		"from=alice@client.example to=example.com",
		/* XCLIENT */
		"14:59:53Z 203.0.113.9 name= helo aborted helo= from= to=",
	};
	struct seen s = { .count = 0 };
	struct maillog_lines *p = read_file("postfix-3.7.log", &s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&s, i, rows[i]);
	assert_int_equal(s.count, 66);
	for (size_t i = sizeof(rows) / sizeof(rows[0]); i < s.count; i++)
		assert_int_equal(s.visits[i].depth,
				 DEPTH_CONNECT); /* one said QUIT often */
	struct maillog_lines_counts c = maillog_lines_counts(p);
	assert_string_equal(maillog_lines_reader(0), "postfix");
	assert_int_equal(c.used_by[0], c.used);
	assert_int_equal(c.garbled, 0);
	assert_int_equal(c.open, 0);
	assert_int_equal(maillog_lines_held(p), STAMP_NEVER);
	maillog_lines_free(p);
}

/* As above, with postscreen in front (greet wait 1 s, later deep tests). */
static void postscreen_and_smtpd_of_one_client_are_one_visit(void **state)
{
	(void)state;
	static const char *const rows[] = {
		/* on the deny list, then on the allow list */
		"16:00:07Z 203.0.113.66 name= connect rejected helo= from= to=",
		"16:00:07Z 198.51.100.8 name= data accepted helo= "
		"from=alice@client.example to=example.com",
		/* passed after a second, then known */
		"16:00:07Z 198.51.100.7 name=client.example data accepted helo= "
		"from=alice@client.example to=example.com",
		"16:00:09Z 198.51.100.7 name=client.example data accepted helo= "
		"from=alice@client.example to=example.com",
		/* spoke first; gone after 0.2 s */
		"16:00:09Z 203.0.113.9 name= rcpt rejected helo=u from=a@b.example "
		"to=example.com",
		"16:00:09Z 203.0.113.9 name= connect aborted helo= from= to=",
		/* five at once, three are allowed */
		"16:00:11Z 203.0.113.10 name= connect deferred helo= from= to=",
		"16:00:11Z 203.0.113.10 name= connect deferred helo= from= to=",
		"16:00:11Z 203.0.113.10 name= connect aborted helo= from= to=",
		"16:00:11Z 203.0.113.10 name= connect aborted helo= from= to=",
		"16:00:11Z 203.0.113.10 name= connect aborted helo= from= to=",
		/* IPv6 */
		"16:00:13Z 2001:db8::7 name= data accepted helo= "
		"from=alice@client.example "
		"to=example.com",
		/* deep tests: deferred once, then let pass; and one hung up */
		"16:00:17Z 203.0.113.20 name= rcpt deferred helo=u from=a@b.example "
		"to=example.com",
		"16:00:18Z 203.0.113.20 name= data accepted helo= "
		"from=alice@client.example to=example.com",
		"16:00:18Z 203.0.113.21 name= rcpt deferred helo=u from=a@b.example "
		"to=example.com",
	};
	struct seen s = { .count = 0 };
	struct maillog_lines *p = read_file("postscreen-3.7.log", &s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&s, i, rows[i]);
	assert_int_equal(s.count, sizeof(rows) / sizeof(rows[0]));
	assert_int_equal(maillog_lines_counts(p).garbled, 0);
	assert_int_equal(maillog_lines_counts(p).open, 0);
	maillog_lines_free(p);
}

#define AT(seconds) "2026-11-23T14:00:" seconds ".500000+00:00 mail "
#define U "unknown[203.0.113.9]"

static void sessions_are_joined_whatever_the_order_of_lines(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		const char *lines[10];
		const char *want[4];
	} rows[] = {
		{ "the queue manager's line comes after the disconnect line",
		  { AT("01") "postfix/smtpd[1]: connect from "
			     "client.example[198.51.100.7]",
		    AT("02") "postfix/smtpd[1]: 4XYZAB: "
			     "client=client.example[198.51.100.7]",
		    AT("03") "postfix/smtpd[1]: disconnect from "
			     "client.example[198.51.100.7] "
			     "ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
		    AT("04") "postfix/qmgr[9]: 4XYZAB: from=<a@b.example>, size=9, "
			     "nrcpt=1 "
			     "(queue active)" },
		  { "14:00:01.5Z 198.51.100.7 name=client.example data accepted helo= "
		    "from=a@b.example to=" } },
		{ "a user who says so at port 25 is no visit",
		  { AT("01") "postfix/smtpd[1]: connect from " U,
		    AT("02") "postfix/smtpd[1]: 4XYZAB: client=" U
			     ", sasl_method=PLAIN, sasl_username=lab",
		    AT("03") "postfix/smtpd[1]: disconnect from " U
			     " ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5" },
		  { NULL } },
		{ "other instances of Postfix are the MX too, submission is not",
		  { AT("01") "postfix-in/smtpd[1]: connect from " U,
		    AT("01") "postfix/mx/smtpd[1]: connect from " U,
		    AT("01") "postfix/submission/smtpd[2]: connect from " U,
		    AT("01") "postfix-submissions/smtpd[2]: connect from " U,
		    AT("01") "postfix/smtps/smtpd[2]: connect from " U,
		    AT("01") "smtpd[3]: connect from " U },
		  { "14:00:01.5Z 203.0.113.9 name= connect aborted helo= from= to=",
		    "14:00:01.5Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "a port behind the address",
		  { AT("01") "postfix/smtpd[1]: connect from "
			     "client.example[198.51.100.7]:4711",
		    AT("02") "postfix/smtpd[1]: NOQUEUE: reject: RCPT from "
			     "client.example[198.51.100.7]:4711: 450 4.2.0 "
			     "<c@d.example>: "
			     "later; from=<a@b.example> to=<c@d.example> proto=SMTP "
			     "helo=<h>",
		    AT("03") "postfix/smtpd[1]: disconnect from "
			     "client.example[198.51.100.7]:4711 helo=1 mail=1 rcpt=0/1 "
			     "quit=1 "
			     "commands=3/4" },
		  { "14:00:01.5Z 198.51.100.7 name=client.example rcpt deferred helo=h "
		    "from=a@b.example to=d.example" } },
		{ "a recipient without a domain (RFC 5321 4.5.1)",
		  { AT("01") "postfix/smtpd[1]: connect from " U,
		    AT("02") "postfix/smtpd[1]: NOQUEUE: reject: RCPT from " U
			     ": 450 4.7.1 <postmaster>: later; from=<a@b.example> "
			     "to=<postmaster> proto=ESMTP helo=<h>",
		    AT("03") "postfix/smtpd[1]: disconnect from " U
			     " ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4" },
		  { "14:00:01.5Z 203.0.113.9 name= rcpt deferred helo=h "
		    "from=a@b.example to=" } },
		{ "a disconnect line is missing: the next session of the process ends it",
		  { AT("01") "postfix/smtpd[1]: connect from " U,
		    AT("02") "postfix/smtpd[1]: connect from unknown[203.0.113.10]" },
		  { "14:00:01.5Z 203.0.113.9 name= connect aborted helo= from= to=",
		    "14:00:02.5Z 203.0.113.10 name= connect aborted helo= from= to=" } },
		{ "a connect line is missing: the session begins with what there is",
		  { AT("05") "postfix/smtpd[1]: disconnect from " U
			     " ehlo=1 mail=1 quit=1 commands=3" },
		  { "14:00:05.5Z 203.0.113.9 name= mail aborted helo= from= to=" } },
		{ "two machines in one log, same process ids and queue ids",
		  { "2026-11-23T14:00:01+00:00 one postfix/smtpd[1]: connect from " U,
		    "2026-11-23T14:00:02+00:00 two postfix/smtpd[1]: connect from " U,
		    "2026-11-23T14:00:03+00:00 two postfix/smtpd[1]: disconnect from " U
		    " ehlo=1 quit=1 commands=2" },
		  { "14:00:02Z 203.0.113.9 name= helo aborted helo= from= to=",
		    "14:00:01Z 203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "a milter refuses the message, told by cleanup",
		  { AT("01") "postfix/smtpd[1]: connect from " U,
		    AT("02") "postfix/smtpd[1]: 4XYZAB: client=" U,
		    AT("03") "postfix/cleanup[7]: 4XYZAB: milter-reject: END-OF-MESSAGE "
			     "from " U
			     ": 4.7.1 try later; from=<a@b.example> to=<c@D.example> "
			     "proto=ESMTP helo=<h>",
		    AT("04") "postfix/smtpd[1]: disconnect from " U
			     " ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5" },
		  { "14:00:01.5Z 203.0.113.9 name= data deferred helo=h from=a@b.example "
		    "to=d.example" } },
		{ "a filter before the queue took it",
		  { AT("01") "postfix/smtpd[1]: connect from " U,
		    AT("02") "postfix/smtpd[1]: NOQUEUE: client=" U,
		    AT("03") "postfix/smtpd[1]: proxy-accept: END-OF-MESSAGE from " U
			     ": 250 2.0.0 Ok: queued as AB; from=<a@b.example> "
			     "to=<c@d.example> proto=ESMTP helo=<h>",
		    AT("04") "postfix/smtpd[1]: disconnect from " U
			     " ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5" },
		  { "14:00:01.5Z 203.0.113.9 name= data accepted helo=h from=a@b.example "
		    "to=d.example" } },
		{ "before Postfix 3.0 there were no counts",
		  { AT("01") "postfix/smtpd[1]: connect from " U,
		    AT("02") "postfix/smtpd[1]: lost connection after RCPT from " U,
		    AT("02") "postfix/smtpd[1]: disconnect from " U },
		  { "14:00:01.5Z 203.0.113.9 name= rcpt aborted helo= from= to=" } },
		{ "the server was full: the client was told 421",
		  { AT("01") "postfix/smtpd[1]: connect from " U,
		    AT("02") "postfix/smtpd[1]: warning: Connection concurrency limit "
			     "exceeded: 51 from " U " for service smtp",
		    AT("02") "postfix/smtpd[1]: disconnect from " U " commands=0/0" },
		  { "14:00:01.5Z 203.0.113.9 name= connect deferred helo= from= to=" } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s = { .count = 0 };
		struct maillog_lines *p = maillog_lines_new(on_visit, &s);
		size_t want = 0;
		print_message("%s\n", rows[i].story);
		for (size_t k = 0; k < 10 && rows[i].lines[k]; k++)
			feed(p, rows[i].lines[k]);
		maillog_lines_finish(p);
		for (; want < 4 && rows[i].want[want]; want++)
			expect(&s, want, rows[i].want[want]);
		assert_int_equal(s.count, want);
		maillog_lines_free(p);
	}
}

static void only_postfix_says_who_the_client_is(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"x[192.0.2.1]",
		"u]: connect from z[192.0.2.4]",
		"a> to=<b@c> helo=<postfix/smtpd[1]: connect from e[192.0.2.1]",
		"postfix/smtpd[1]: disconnect from e[192.0.2.1] ehlo=1",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct seen s = { .count = 0 };
		struct maillog_lines *p = maillog_lines_new(on_visit, &s);
		char line[1024];
		feed(p, AT("01") "postfix/smtpd[1]: connect from " U);
		(void)snprintf(
		    line, sizeof(line),
		    AT("02") "postfix/smtpd[1]: NOQUEUE: reject: RCPT from " U
			     ": 550 5.7.1 <%s>: no; from=<%s> to=<%s> proto=SMTP "
			     "helo=<%s>",
		    texts[i], texts[i], texts[i], texts[i]);
		feed(p, line);
		(void)snprintf(
		    line, sizeof(line),
		    AT("02") "postfix/smtpd[1]: warning: non-SMTP command from " U ": %s",
		    texts[i]);
		feed(p, line);
		feed(p, AT("03") "postfix/smtpd[1]: disconnect from " U
				 " quit=1 commands=1");
		maillog_lines_finish(p);
		assert_int_equal(s.count, 1);
		assert_non_null(strstr(s.text[0], " 203.0.113.9 name= rcpt rejected "));
		maillog_lines_free(p);
	}
}

static void lines_that_are_not_ours_are_counted_by_kind(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *p = maillog_lines_new(on_visit, &s);
	feed(p, AT("01") "sshd[12]: Connection from 192.0.2.1 port 22");
	feed(p, AT("01") "kernel: connect from x[192.0.2.1]");
	feed(p, AT("01") "postfix/qmgr[1]: 4XYZAB: removed");
	feed(p, "connect from x[192.0.2.1]");
	feed(p, "");
	feed(p, "\xff\xfe\x01");
	feed(p, AT("01") "postfix/smtpd[1]: connect from x[192.0.2");
	feed(p, AT("01") "postfix/smtpd[1]: connect from x[192.0.2.1] and more");
	feed(p, AT("01") "postfix/smtpd[1]: disconnect from x[192.0.2.1] ehlo=x");
	feed(p,
	     AT("01") "postfix/smtpd[1]: improper command pipelining after DATA from x[");
	struct maillog_lines_counts c = maillog_lines_counts(p);
	assert_int_equal(c.lines, 10);
	assert_int_equal(c.foreign, 2);
	assert_int_equal(c.garbled, 6);
	assert_int_equal(c.useless, 2);
	assert_int_equal(c.used, 0);
	maillog_lines_finish(p);
	assert_int_equal(s.count, 0);
	maillog_lines_free(p);
}

/* Else everything after it would look old, and be given in pieces. */
static void one_stamp_from_the_future_ends_no_session(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *p = maillog_lines_new(on_visit, &s);
	feed(p, "2099-01-01T00:00:00.5Z mail postfix/qmgr[1]: 4XYZAB: removed");
	feed(p, AT("01") "postfix/smtpd[1]: connect from " U);
	maillog_lines_advance(p, maillog_lines_newest(p));
	assert_int_equal(s.count, 0);
	feed(p,
	     AT("02") "postfix/smtpd[1]: disconnect from " U " ehlo=1 quit=1 commands=2");
	maillog_lines_advance(p, maillog_lines_newest(p));
	maillog_lines_finish(p);
	assert_int_equal(s.count, 1);
	assert_int_equal(maillog_lines_counts(p).jumps, 1);
	maillog_lines_free(p);
}

static void a_long_session_is_given_once_and_holds_until_then(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *p = maillog_lines_new(on_visit, &s);
	int64_t began;
	assert_true(stamp_parse("2026-11-23T14:00:01.5Z", &began, NULL));
	feed(p, AT("01") "postfix/smtpd[1]: connect from " U);
	maillog_lines_show(p, began + LOGSESSION_OPEN_MAX - 1);
	assert_int_equal(s.count, 0);
	assert_int_equal(maillog_lines_held(p), began);
	maillog_lines_show(p, began + LOGSESSION_OPEN_MAX);
	assert_int_equal(s.count, 1);
	assert_int_equal(maillog_lines_held(p), STAMP_NEVER);
	feed(p, AT("59") "postfix/smtpd[1]: disconnect from " U " quit=1 commands=1");
	maillog_lines_finish(p);
	assert_int_equal(s.count, 1);
	maillog_lines_free(p);
}

/* What becomes of it is a second visit; in a file that is only read it is one. */
static void a_long_session_that_brings_a_message_is_given_again_live(void **state)
{
	(void)state;
	for (int is_live = 0; is_live < 2; is_live++) {
		struct seen s = { .count = 0 };
		struct maillog_lines *p = maillog_lines_new(on_visit, &s);
		feed(p, "2026-11-23T14:00:01.5Z mail postfix/smtpd[1]: connect from " U);
		for (int i = 10; i < 40; i++) {
			char line[128];
			(void)snprintf(line, sizeof(line),
				       "2026-11-23T14:%d:00Z mail sshd[1]: nothing", i);
			feed(p, line);
			if (is_live)
				maillog_lines_show(p, maillog_lines_newest(p));
		}
		assert_int_equal(s.count, is_live);
		feed(p, "2026-11-23T14:41:01Z mail postfix/smtpd[1]: 4XYZAB: client=" U);
		feed(p, "2026-11-23T14:41:02Z mail postfix/qmgr[2]: 4XYZAB: "
			"from=<a@b.example>, size=9, nrcpt=1 (queue active)");
		feed(p, "2026-11-23T14:41:03Z mail postfix/smtpd[1]: disconnect from " U
			" ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5");
		maillog_lines_finish(p);
		assert_int_equal(s.count, 1 + is_live);
		assert_int_equal(s.visits[0].outcome,
				 is_live ? OUTCOME_ABORTED : OUTCOME_ACCEPTED);
		assert_int_equal(s.visits[is_live].outcome, OUTCOME_ACCEPTED);
		assert_int_equal(s.visits[is_live].depth, DEPTH_DATA);
		maillog_lines_free(p);
	}
}

static void a_message_nobody_queued_in_time_counts_by_its_answer(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *p = maillog_lines_new(on_visit, &s);
	int64_t ended;
	assert_true(stamp_parse("2026-11-23T14:00:03.5Z", &ended, NULL));
	feed(p, AT("01") "postfix/smtpd[1]: connect from " U);
	feed(p, AT("02") "postfix/smtpd[1]: 4XYZAB: client=" U);
	feed(p, AT("03") "postfix/smtpd[1]: disconnect from " U
			 " ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5");
	maillog_lines_advance(p, ended + (5 * STAMP_SECOND) - 1);
	assert_int_equal(s.count, 0);
	maillog_lines_advance(p, ended + (5 * STAMP_SECOND));
	assert_int_equal(s.count, 1);
	assert_int_equal(s.visits[0].outcome, OUTCOME_ACCEPTED);
	assert_int_equal(s.visits[0].ended, ended);
	maillog_lines_free(p);
}

static void who_passed_postscreen_and_never_came_to_smtpd_is_given(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *p = maillog_lines_new(on_visit, &s);
	int64_t passed;
	assert_true(stamp_parse("2026-11-23T14:00:02.5Z", &passed, NULL));
	feed(p, AT("01") "postfix/postscreen[1]: CONNECT from [203.0.113.9]:4711 to "
			 "[192.0.2.25]:25");
	feed(p, AT("02") "postfix/postscreen[1]: PASS NEW [203.0.113.9]:4711");
	maillog_lines_advance(p, passed + STAMP_MINUTE - 1);
	assert_int_equal(s.count, 0);
	maillog_lines_advance(p, passed + STAMP_MINUTE);
	expect(&s, 0, "14:00:01.5Z 203.0.113.9 name= connect aborted helo= from= to=");
	feed(p, AT("59") "postfix/smtpd[1]: connect from " U);
	maillog_lines_finish(p);
	expect(&s, 1, "14:00:59.5Z 203.0.113.9 name= connect aborted helo= from= to=");
	assert_int_equal(s.count, 2);
	maillog_lines_free(p);
}

static void sessions_are_bounded_and_the_oldest_goes_first(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *p = maillog_lines_new(on_visit, &s);
	for (int i = 0; i < LOGSESSION_MAX + 3; i++) {
		char line[200];
		(void)snprintf(
		    line, sizeof(line),
		    AT("01") "postfix/smtpd[%d]: connect from unknown[203.0.%d.%d]", i,
		    i / 250, i % 250);
		feed(p, line);
	}
	assert_int_equal(s.count, 3);
	assert_non_null(strstr(s.text[2], " 203.0.0.2 "));
	maillog_lines_free(p);
}

/* Cut anywhere, or with one byte changed, a line names no client that is not in
 * it. */
static const char *damaged;

static void on_damaged_visit(void *arg, const struct visit *v, const struct addr *local)
{
	char client[ADDR_TEXT_MAX];
	(void)arg;
	(void)local;
	if (!strstr(damaged, addr_text(v->client, client)))
		fail_msg("%s: made %s", damaged, client);
}

static void damage(char *line)
{
	size_t len = strlen(line);
	damaged = line;
	for (size_t i = len; i-- > 0;) {
		struct maillog_lines *p = maillog_lines_new(on_damaged_visit, NULL);
		line[i] = (char)(line[i] ^ 0x80);
		feed(p, line);
		line[i] = (char)(line[i] ^ 0x80);
		maillog_lines_finish(p);
		maillog_lines_line(p, line, i, test_now());
		maillog_lines_finish(p);
		maillog_lines_free(p);
	}
}

static void lines_cut_or_damaged_anywhere_name_nobody_else(void **state)
{
	(void)state;
	static const char *const files[] = { "postfix-3.7.log", "postscreen-3.7.log" };
	for (size_t i = 0; i < 2; i++) {
		char path[512], line[4096];
		(void)snprintf(path, sizeof(path), FMX_TEST_DATA "/maillog/%s", files[i]);
		FILE *f = fopen(path, "r");
		assert_non_null(f);
		while (fgets(line, sizeof(line), f)) {
			line[strcspn(line, "\n")] = '\0';
			damage(line);
		}
		fclose(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_postfix_wrote_becomes_what_the_client_did),
		cmocka_unit_test(postscreen_and_smtpd_of_one_client_are_one_visit),
		cmocka_unit_test(who_passed_postscreen_and_never_came_to_smtpd_is_given),
		cmocka_unit_test(sessions_are_joined_whatever_the_order_of_lines),
		cmocka_unit_test(only_postfix_says_who_the_client_is),
		cmocka_unit_test(lines_that_are_not_ours_are_counted_by_kind),
		cmocka_unit_test(one_stamp_from_the_future_ends_no_session),
		cmocka_unit_test(a_long_session_is_given_once_and_holds_until_then),
		cmocka_unit_test(
		    a_long_session_that_brings_a_message_is_given_again_live),
		cmocka_unit_test(a_message_nobody_queued_in_time_counts_by_its_answer),
		cmocka_unit_test(sessions_are_bounded_and_the_oldest_goes_first),
		cmocka_unit_test(lines_cut_or_damaged_anywhere_name_nobody_else),
	};
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
