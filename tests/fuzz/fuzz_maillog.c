/*
 * The input is read twice. As what a client says: put where Postfix logs HELO,
 * sender, recipient and commands, it must not make another visit or another
 * client. As a log: no bytes may hurt, every visit has a client and texts that
 * end, and after the end nothing is open.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/maillog_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STAMP "2026-11-23T14:00:01.5+00:00 mail postfix/smtpd[1]: "
#define SCREEN "2026-11-23T14:00:02.5+00:00 mail postfix/postscreen[2]: "
#define CLIENT "unknown[203.0.113.9]"
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

/* As Postfix prints it: control characters become "?". */
static void said_by_client(struct maillog_lines *p, const uint8_t *data, size_t size)
{
	char text[400], line[2048];
	size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	for (size_t i = 0; i < len; i++)
		text[i] = data[i] < 0x20 || data[i] == 0x7f ? '?' : (char)data[i];
	text[len] = '\0';
	feed(p, STAMP "connect from " CLIENT);
	(void)snprintf(line, sizeof(line),
		       STAMP
		       "NOQUEUE: reject: RCPT from " CLIENT
		       ": 550 5.7.1 <%s>: no; from=<%s> to=<%s> proto=ESMTP helo=<%s>",
		       text, text, text, text);
	feed(p, line);
	(void)snprintf(line, sizeof(line),
		       STAMP "warning: non-SMTP command from " CLIENT ": %s", text);
	feed(p, line);
	(void)snprintf(line, sizeof(line),
		       STAMP "warning: Illegal address syntax from " CLIENT
			     " in MAIL command: %s",
		       text);
	feed(p, line);
	feed(p, STAMP "disconnect from " CLIENT " ehlo=1 mail=1 rcpt=0/1 commands=2/3");
	feed(p, SCREEN "CONNECT from [203.0.113.9]:4711 to [192.0.2.25]:25");
	(void)snprintf(line, sizeof(line),
		       SCREEN "PREGREET 19 after 0 from [203.0.113.9]:4711: %s", text);
	feed(p, line);
	(void)snprintf(line, sizeof(line),
		       SCREEN
		       "NOQUEUE: reject: RCPT from [203.0.113.9]:4711: 550 5.5.1 no; "
		       "from=<%s>, to=<%s>, proto=ESMTP, helo=<%s>",
		       text, text, text);
	feed(p, line);
	feed(p, SCREEN "DISCONNECT [203.0.113.9]:4711");
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
	assert(s.count == 2 && s.expected == 2); /* at smtpd, at postscreen */
	maillog_lines_free(p);

	p = maillog_lines_new(on_visit, &s);
	as_a_log(p, data, size);
	maillog_lines_free(p);
	return 0;
}
