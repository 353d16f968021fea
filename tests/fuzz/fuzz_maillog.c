/*
 * The input is read twice. As what a client says: put where mail servers log
 * HELO, sender, recipient and commands, it must not make another visit or another
 * client. As a log: no bytes may hurt, every visit has a client and texts that
 * end, and after the end nothing is open.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/maillog/maillog_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STAMP "2026-11-23T14:00:01.5+00:00 mail postfix/smtpd[1]: "
#define SCREEN "2026-11-23T14:00:02.5+00:00 mail postfix/postscreen[2]: "
#define OPEN "2026-11-23T14:00:01.5+00:00 mail smtpd[3]: 31925b3c5d7750e1 smtp "
#define SEND "2026-11-23T14:00:01.5+00:00 mail sm-mta[4]: 6ANE00MU000004: "
#define EXIM "2026-11-23 14:00:01 "
#define FROM "[203.0.113.9]:4711"
#define CLIENT "unknown[203.0.113.9]"
#define RELAY "mail.example [203.0.113.9]"
#define NOW INT64_C(1795446000000000) /* 2026-11-23T15:00:00Z */

struct seen {
	size_t count, expected; /* expected: of the client we made up */
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	(void)local;
	struct seen *s = arg;
	struct addr client;
	bool ok = addr_parse("203.0.113.9", &client);
	s->count++;
	if (ok && addr_equal(v->client, client))
		s->expected++;
	assert(strlen(v->helo) < VISIT_TEXT_MAX && strlen(v->mail_from) < VISIT_TEXT_MAX);
	assert(strlen(v->recipient_domain) < VISIT_TEXT_MAX);
	assert(strlen(v->name) < VISIT_TEXT_MAX);
	assert(v->depth >= DEPTH_CONNECT && v->depth <= DEPTH_DATA);
	assert(v->outcome != OUTCOME_NONE && v->precision_us >= 1);
}

static void feed(struct maillog_lines *p, const char *line)
{
	maillog_lines_line(p, line, strlen(line), NOW);
}

/* A line with the client's text in it, once or more: each "~" of the form. */
static void feed_text(struct maillog_lines *p, const char *form, const char *text)
{
	char line[4096];
	size_t len = 0;
	for (const char *at = form; *at && len < sizeof(line) - 1; at++) {
		if (*at == '~')
			len +=
			    (size_t)snprintf(line + len, sizeof(line) - len, "%s", text);
		else
			line[len++] = *at;
	}
	line[len] = '\0';
	feed(p, line);
}

static void said_to_postfix(struct maillog_lines *p, const char *text)
{
	feed(p, STAMP "connect from " CLIENT);
	feed_text(p,
		  STAMP "NOQUEUE: reject: RCPT from " CLIENT
			": 550 5.7.1 <~>: no; from=<~> to=<~> proto=ESMTP helo=<~>",
		  text);
	feed_text(p, STAMP "warning: non-SMTP command from " CLIENT ": ~", text);
	feed_text(
	    p, STAMP "warning: Illegal address syntax from " CLIENT " in MAIL command: ~",
	    text);
	feed(p, STAMP "disconnect from " CLIENT " ehlo=1 mail=1 rcpt=0/1 commands=2/3");
	feed(p, SCREEN "CONNECT from [203.0.113.9]:4711 to [192.0.2.25]:25");
	feed_text(p, SCREEN "PREGREET 19 after 0 from [203.0.113.9]:4711: ~", text);
	feed_text(p,
		  SCREEN "NOQUEUE: reject: RCPT from [203.0.113.9]:4711: 550 5.5.1 no; "
			 "from=<~>, to=<~>, proto=ESMTP, helo=<~>",
		  text);
	feed(p, SCREEN "DISCONNECT [203.0.113.9]:4711");
}

/* Its reverse name too is the client's to choose here. */
static void said_to_opensmtpd(struct maillog_lines *p, const char *text)
{
	feed_text(p, OPEN "connected address=203.0.113.9 host=~", text);
	feed_text(p, OPEN "failed-command command=\"~\" result=\"550 5.7.1 no ~\"", text);
	feed_text(p, OPEN "failed-command command=\"RCPT TO:<~>\" result=\"550 no: <~>\"",
		  text);
	feed(p, OPEN "disconnected reason=quit");
}

static void said_to_sendmail(struct maillog_lines *p, const char *text)
{
	feed_text(p,
		  SEND "ruleset=check_rcpt, arg1=<~>, relay=" RELAY
		       ", reject=550 5.7.1 <~>... no",
		  text);
	feed_text(p, SEND "<~>... User unknown", text);
	feed_text(p, SEND RELAY ": VRFY ~", text);
	feed_text(p, SEND "Milter: to=<~>, reject=451 4.7.1 <~> later", text);
	feed_text(p,
		  SEND "from=<~>, size=9, class=0, nrcpts=1, msgid=<~>, proto=ESMTP, "
		       "daemon=MTA, relay=" RELAY,
		  text);
}

/* It quotes a sender with blanks, and takes such a HELO only if it must
 * (helo_accept_junk_hosts). */
static void said_to_exim(struct maillog_lines *p, const char *text)
{
	char quoted[400];
	(void)snprintf(quoted, sizeof(quoted), "%s", text);
	for (char *c = quoted; *c; c++)
		if (*c == '"' || *c == '\\')
			*c = '?';
	feed(p, EXIM "SMTP connection from " FROM " (TCP/IP connection count = 1)");
	feed_text(p, EXIM "SMTP syntax error in \"~\" H=" FROM " ~", text);
	feed_text(p, EXIM "rejected EHLO from " FROM ": syntactically invalid: ~", text);
	feed_text(p, EXIM "H=(~) " FROM " F=<> rejected RCPT <~>: ~", text);
	feed_text(p, EXIM "H=" FROM " F=<\"~\"@b.example> rejected RCPT <\"~\"@c>: no",
		  quoted);
	feed_text(p, EXIM "1xVYFs-00000i-1c <= \"~\"@b.example H=" FROM " P=esmtp S=9",
		  quoted);
	feed_text(p, EXIM "SMTP call from " FROM " dropped: too many (last was \"~\")",
		  text);
}

/* As they print it: control characters become "?". */
static void said_by_client(struct maillog_lines *p, const uint8_t *data, size_t size)
{
	char text[400];
	size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	for (size_t i = 0; i < len; i++)
		text[i] = data[i] < 0x20 || data[i] == 0x7f ? '?' : (char)data[i];
	text[len] = '\0';
	said_to_postfix(p, text);
	said_to_opensmtpd(p, text);
	said_to_sendmail(p, text);
	said_to_exim(p, text);
}

static void as_a_log(struct maillog_lines *p, const uint8_t *data, size_t size)
{
	size_t lines = 0;
	while (size) {
		const uint8_t *lf = memchr(data, '\n', size);
		size_t len = lf ? (size_t)(lf - data) : size;
		maillog_lines_line(p, (const char *)data, len, NOW);
		data += lf ? len + 1 : len;
		size -= lf ? len + 1 : len;
		lines++;
	}
	struct maillog_lines_counts c = maillog_lines_counts(p);
	assert(c.lines == lines && c.used + c.useless + c.foreign + c.garbled == lines);
	assert(c.visits + c.open <= lines);
	maillog_lines_advance(p, maillog_lines_newest(p));
	maillog_lines_finish(p);
	assert(maillog_lines_counts(p).open == 0);
	assert(maillog_lines_held(p) == STAMP_NEVER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen s = { .count = 0 };
	struct maillog_lines *p = maillog_lines_new(on_visit, &s);
	said_by_client(p, data, size);
	maillog_lines_finish(p);
	/* at smtpd, at postscreen, at OpenSMTPD, at Sendmail, at Exim */
	assert(s.count == 5 && s.expected == 5);
	maillog_lines_free(p);

	p = maillog_lines_new(on_visit, &s);
	as_a_log(p, data, size);
	maillog_lines_free(p);
	return 0;
}
