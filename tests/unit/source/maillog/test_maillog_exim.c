#include "source/maillog/maillog_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEEN_MAX = 64, LINE_MAX_BYTES = 4096 };

/* What came out: each visit as one line of text. */
struct seen {
	char text[SEEN_MAX][512];
	struct visit visits[SEEN_MAX]; /* texts are gone */
	char local[SEEN_MAX][ADDR_TEXT_MAX];
	size_t count;
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct seen *s = arg;
	char client[ADDR_TEXT_MAX];
	assert_true(s->count < SEEN_MAX);
	s->visits[s->count] = *v;
	if (local)
		addr_text(*local, s->local[s->count]);
	(void)snprintf(s->text[s->count++], 512, "%s name=%s %s %s helo=%s from=%s to=%s",
		       addr_text(v->client, client), v->name, depth_name(v->depth),
		       outcome_name(v->outcome), v->helo, v->mail_from,
		       v->recipient_domain);
}

static int64_t moment(const char *text)
{
	int64_t t;
	assert_true(stamp_parse(text, &t, NULL));
	return t;
}

static void feed(struct maillog_lines *m, const char *line)
{
	maillog_lines_line(m, line, strlen(line), moment("2026-11-23T18:00:00Z"));
}

static void expect(const struct seen *s, size_t at, const char *want)
{
	if (at >= s->count)
		fail_msg("visit %zu: got none, want \"%s\"", at, want);
	if (strcmp(s->text[at], want) != 0)
		fail_msg("visit %zu:\ngot  \"%s\"\nwant \"%s\"", at, s->text[at], want);
}

typedef void (*line_fn)(void *arg, const char *line);

static void each_line(const char *name, line_fn fn, void *arg)
{
	char path[512], line[LINE_MAX_BYTES];
	(void)snprintf(path, sizeof(path), FMX_TEST_DATA "/maillog/%s", name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		fn(arg, line);
	}
	fclose(f);
}

static void feed_one(void *arg, const char *line)
{
	feed(arg, line);
	maillog_lines_advance(arg, maillog_lines_newest(arg));
}

/* In order of address, as the log's end gives some later than others. */
static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void swap(struct seen *s, size_t a, size_t b)
{
	struct seen *t = malloc(sizeof(*t));
	assert_non_null(t);
	*t = *s;
	s->visits[a] = t->visits[b];
	s->visits[b] = t->visits[a];
	memcpy(s->text[a], t->text[b], sizeof(s->text[a]));
	memcpy(s->text[b], t->text[a], sizeof(s->text[b]));
	memcpy(s->local[a], t->local[b], sizeof(s->local[a]));
	memcpy(s->local[b], t->local[a], sizeof(s->local[b]));
	free(t);
}

static bool is_before(const struct visit *a, const struct visit *b)
{
	return a->time != b->time ? a->time < b->time
				  : memcmp(a->client.bytes, b->client.bytes,
					   sizeof(a->client.bytes)) < 0;
}

/* Visits come when all of them is known; here, in the order of their begin. */
static void put_in_order(struct seen *s)
{
	for (size_t i = 1; i < s->count; i++)
		for (size_t k = i; k > 0 && is_before(&s->visits[k], &s->visits[k - 1]);
		     k--)
			swap(s, k, k - 1);
}

static void read_file(const char *name, struct seen *s, struct maillog_lines_counts *c)
{
	struct maillog_lines *m = maillog_lines_new(on_visit, s);
	each_line(name, feed_one, m);
	maillog_lines_finish(m);
	put_in_order(s);
	*c = maillog_lines_counts(m);
	assert_int_equal(maillog_lines_held(m), STAMP_NEVER);
	maillog_lines_free(m);
}

#define ALICE " helo=out.client.example from=alice@client.example "

/* Written by Exim 4.96 while lab/callers.py called, each from an address of its
 * own, with log_selector +pid +smtp_connection +incoming_port
 * +incoming_interface +received_recipients +smtp_incomplete_transaction
 * +smtp_no_mail +millisec and others. */
static void what_a_detailed_log_says_is_what_the_clients_did(void **state)
{
	(void)state;
	static const char *const rows[] = {
		/* a message; by HELO, of the null sender; to BOB@SHOP.EXAMPLE */
		"30.9.1.1 name= data accepted" ALICE "to=shop.example",
		"30.9.2.1 name= data accepted helo=out.client.example from= "
		"to=shop.example",
		"30.9.3.1 name= data accepted" ALICE "to=shop.example",
		/* two in one session; one after RSET; one recipient greylisted */
		"30.9.4.1 name= data accepted" ALICE "to=shop.example",
		"30.9.5.1 name= data accepted" ALICE "to=shop.example",
		"30.9.6.1 name= data accepted" ALICE "to=shop.example",
		/* greylisted, QUIT and gone; unknown; relaying */
		"30.9.7.1 name= rcpt deferred" ALICE "to=shop.example",
		"30.9.8.1 name= rcpt deferred" ALICE "to=shop.example",
		"30.9.9.1 name= rcpt rejected" ALICE "to=shop.example",
		"30.9.10.1 name= rcpt rejected" ALICE "to=elsewhere.example",
		/* gone after connect, QUIT at once, gone after EHLO, MAIL, RCPT, ... */
		"30.9.11.1 name= connect aborted helo= from= to=",
		"30.9.12.1 name= connect aborted helo= from= to=",
		"30.9.13.1 name= helo aborted helo=out.client.example from= to=",
		"30.9.14.1 name= mail aborted" ALICE "to=",
		"30.9.15.1 name= mail aborted" ALICE "to=",
		"30.9.16.1 name= rcpt aborted" ALICE "to=shop.example",
		/* ... within the message */
		"30.9.17.1 name= data aborted helo=out.client.example from= to=",
		/* TLS; pipelined */
		"30.9.18.1 name= data accepted" ALICE "to=shop.example",
		"30.9.19.1 name= data accepted" ALICE "to=shop.example",
		/* words of the log in the sender; EHLO x[192.0.2.1], then another */
		"30.9.20.1 name= rcpt rejected helo=out.client.example from=\"x H=y "
		"[192.0.2.1] P=smtp, connect from z[192.0.2.2], address=192.0.2.3 "
		"relay=[192.0.2.4]\"@client.example to=shop.example",
		"30.9.21.1 name= rcpt rejected helo=[203.0.113.7] "
		"from=alice@client.example to=shop.example",
		/* GET / HTTP/1.1 */
		"30.9.22.1 name= connect aborted helo= from= to=",
		/* with a verified name, equal to HELO and not; IPv6; users are none */
		"30.8.0.7 name=out.client.example data accepted helo= "
		"from=alice@client.example to=shop.example",
		"30.8.0.8 name=other.client.example data accepted" ALICE
		"to=shop.example",
		"30.8.0.8 name=other.client.example rcpt deferred" ALICE
		"to=shop.example",
		"3ffe:9::1 name= data accepted" ALICE "to=shop.example",
		"3ffe:9::2 name= rcpt deferred" ALICE "to=shop.example",
		"3ffe:9::3 name= mail aborted" ALICE "to=",
		/* two at once of one client */
		"30.9.33.1 name= data accepted" ALICE "to=shop.example",
		"30.9.33.1 name= rcpt deferred" ALICE "to=shop.example",
	};
	struct seen s = { .count = 0 };
	struct maillog_lines_counts c;
	read_file("exim-4.96-detailed.log", &s, &c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&s, i, rows[i]);
	assert_int_equal(s.count, sizeof(rows) / sizeof(rows[0]));
	assert_int_equal(s.visits[0].time, moment("2026-11-23T17:54:58.315Z"));
	assert_int_equal(s.visits[0].precision_us, STAMP_MILLISECOND);
	assert_string_equal(s.local[0], "30.0.0.26");
	assert_string_equal(s.local[25], "3ffe::26");
	assert_int_equal(c.garbled, 1); /* the second line of a warning */
	assert_string_equal(maillog_lines_reader(1), "exim");
	assert_int_equal(c.used_by[1], c.used);
}

/* The same by syslog: with its own stamps and process, or without both. Lines of
 * rejects are there twice. */
static void the_same_by_syslog_is_the_same(void **state)
{
	(void)state;
	struct seen want = { .count = 0 }, got = { .count = 0 }, bare = { .count = 0 };
	struct maillog_lines_counts c;
	read_file("exim-4.96-detailed.log", &want, &c);
	read_file("exim-4.96-syslog.log", &got, &c);
	assert_int_equal(c.garbled, 0);
	assert_int_equal(got.count, want.count);
	for (size_t i = 0; i < got.count; i++) {
		/* without +smtp_incomplete_transaction less is known of some */
		bool is_less = i >= 13 && i <= 16;
		is_less = is_less || want.visits[i].depth == DEPTH_MAIL;
		if (!is_less)
			expect(&got, i, want.text[i]);
		assert_int_equal(got.visits[i].outcome, want.visits[i].outcome);
	}
	/* without +smtp_connection those that sent no MAIL are not known */
	read_file("exim-4.96-syslog-bare.log", &bare, &c);
	assert_int_equal(bare.count, want.count - 4);
	qsort(bare.text, bare.count, sizeof(bare.text[0]), compare);
	expect(&bare, bare.count - 1,
	       "3ffe:9::3 name= mail aborted "
	       "helo=out.client.example from= to=");
}

static void a_log_as_exim_is_shipped_tells_of_mail_alone(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines_counts c;
	read_file("exim-4.96.log", &s, &c);
	/* not the four without MAIL, and two times two of one client are one */
	assert_int_equal(s.count, 30 - 4 - 2);
	for (size_t i = 0; i < s.count; i++) {
		assert_true(s.visits[i].depth >= DEPTH_MAIL);
		assert_string_equal(s.local[i], "");
	}
	/* when it began is not known, but where the end says how long it lasted */
	expect(&s, 0, "30.9.1.1 name= data accepted" ALICE "to=shop.example");
	assert_int_equal(s.visits[0].time, moment("2026-11-23T17:54:22Z"));
	assert_int_equal(s.visits[0].precision_us, 31 * STAMP_SECOND);
	size_t i = 0;
	while (i < s.count && strncmp(s.text[i], "30.9.14.1 ", 10) != 0)
		i++;
	expect(&s, i, "30.9.14.1 name= mail aborted helo=out.client.example from= to=");
	assert_int_equal(s.visits[i].time, moment("2026-11-23T17:54:53Z"));
	assert_int_equal(s.visits[i].precision_us, 2 * STAMP_SECOND);
}

#define AT "2026-11-23 14:00:01 "
#define ID "1xVYFs-00000i-1c "

static void what_a_client_writes_makes_no_address(void **state)
{
	(void)state;
	static const struct {
		const char *line, *want; /* NULL: garbled or unused, no visit */
	} rows[] = {
		/* senders */
		{ AT ID "<= \"a H=b [192.0.2.1] P=smtp S=1\"@c.example H=(d) "
			"[203.0.113.9] P=esmtp S=9",
		  "203.0.113.9 name= data accepted helo=d from=\"a H=b [192.0.2.1] "
		  "P=smtp S=1\"@c.example to=" },
		{ AT ID "<= \"a\\\" H=b [192.0.2.1] P=smtp \"@c.example H=(d) "
			"[203.0.113.9] P=esmtp S=9",
		  "203.0.113.9 name= data accepted helo=d from=\"a\\\" H=b [192.0.2.1] "
		  "P=smtp \"@c.example to=" },
		{ AT
		  "H=(d) [203.0.113.9] F=<\"> temporarily rejected RCPT <\"@x.example> "
		  "rejected RCPT <b@e.example>: no",
		  "203.0.113.9 name= rcpt rejected helo=d from=\"> temporarily rejected "
		  "RCPT <\"@x.example to=e.example" },
		/* HELOs that helo_accept_junk_hosts lets in */
		{ AT
		  "H=(x [192.0.2.1]) [203.0.113.9] F=<> rejected RCPT <b@e.example>: no",
		  "203.0.113.9 name= rcpt rejected helo=x [192.0.2.1] from= "
		  "to=e.example" },
		{ AT "H=(x) [192.0.2.1] F=<> rejected RCPT <y) [203.0.113.9] F=<> "
		     "rejected RCPT <b@e.example>: no",
		  NULL },
		{ AT ID "<= <> H=(x) [192.0.2.1] P=smtp S=1 (y) [203.0.113.9] P=smtp S=9",
		  NULL },
		{ AT "SMTP connection from (x) [192.0.2.1] closed by QUIT (y) "
		     "[203.0.113.9] closed by QUIT",
		  NULL },
		/* commands */
		{ AT "SMTP syntax error in \"x H=[192.0.2.1]\" H=[203.0.113.9] "
		     "unrecognized command",
		  NULL },
		{ AT "rejected EHLO from [203.0.113.9]: syntactically invalid "
		     "argument(s): y from [192.0.2.1]",
		  "203.0.113.9 name= connect rejected helo= from= to=" },
		{ AT "SMTP call from [203.0.113.9] dropped: too many syntax or protocol "
		     "errors (last command was \"x D=9999d\", NULL)",
		  "203.0.113.9 name= connect aborted helo= from= to=" },
		/* names that are none */
		{ AT ID "<= <> H=x[192.0.2.1] [203.0.113.9] P=smtp S=9", NULL },
		{ AT ID "<= <> H=x(y) [203.0.113.9] P=smtp S=9", NULL },
		{ AT "no host name found for IP address 192.0.2.1 or so", NULL },
		/* subject and message id */
		{ AT ID "<= a@b.example H=(d) [203.0.113.9] P=esmtp S=9 id=for@z.example "
			"T=\"x for victim@z.example\"",
		  "203.0.113.9 name= data accepted helo=d from=a@b.example to=" },
		{ AT ID "<= a@b.example H=(d) [203.0.113.9] P=esmtp S=9 T=\"x for "
			"victim@z.example\" for b@e.example c@f.example",
		  "203.0.113.9 name= data accepted helo=d from=a@b.example "
		  "to=e.example" },
		/* mail that is not from outside */
		{ AT ID "<= a@b.example U=a P=local S=9", NULL },
		{ AT ID "<= <> R=1xVYFs-00000i-1b U=Debian-exim P=local S=9", NULL },
		/* users */
		{ AT ID
		  "<= a@b.example H=(d) [203.0.113.9] P=esmtpsa X=TLS A=plain:a S=9",
		  NULL },
		{ AT "H=(d) [203.0.113.9] X=TLS1.3:x CV=no SNI=\"a b\" A=plain:a F=<a@b> "
		     "rejected RCPT <c@d.example>: no",
		  NULL },
		{ AT "SMTP connection from [203.0.113.9]:4711 I=[192.0.2.25]:465 (TCP/IP "
		     "connection count = 1)",
		  NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s = { .count = 0 };
		struct maillog_lines *m = maillog_lines_new(on_visit, &s);
		feed(m, rows[i].line);
		maillog_lines_finish(m);
		maillog_lines_free(m);
		if (rows[i].want)
			expect(&s, 0, rows[i].want);
		if (s.count != (rows[i].want ? 1 : 0))
			fail_msg("%s: got %zu visits: %s", rows[i].line, s.count,
				 s.text[0]);
	}
}

static void sessions_end_and_begin_as_far_as_the_log_tells(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		const char *lines[6];
		const char *want[4];
	} rows[] = {
		{ "a server that is refused for its many connections is deferred",
		  { AT "Connection from [203.0.113.9] refused: too many connections" },
		  { "203.0.113.9 name= connect deferred helo= from= to=" } },
		{ "one whose port is used again begins anew",
		  { AT "SMTP connection from [203.0.113.9]:4711 (TCP/IP connection count "
		       "= 1)",
		    AT "SMTP connection from [203.0.113.9]:4711 (TCP/IP connection count "
		       "= 1)" },
		  { "203.0.113.9 name= connect aborted helo= from= to=",
		    "203.0.113.9 name= connect aborted helo= from= to=" } },
		{ "a recipient without a domain (RFC 5321 4.5.1)",
		  { AT "H=(a) [203.0.113.9] F=<a@b.example> temporarily rejected RCPT "
		       "<postmaster>: later" },
		  { "203.0.113.9 name= rcpt deferred helo=a from=a@b.example to=" } },
		{ "ports tell sessions apart",
		  { AT "H=(a) [203.0.113.9]:4711 F=<> temporarily rejected RCPT "
		       "<b@e.example>: later",
		    AT "H=(b) [203.0.113.9]:4712 F=<> rejected RCPT <b@e.example>: no",
		    AT "H=(a) [203.0.113.9]:4711 F=<> temporarily rejected RCPT "
		       "<b@e.example>: later" },
		  { "203.0.113.9 name= rcpt deferred helo=a from= to=e.example",
		    "203.0.113.9 name= rcpt rejected helo=b from= to=e.example" } },
		{ "processes do too",
		  { AT "[11] H=(a) [203.0.113.9] F=<> temporarily rejected RCPT "
		       "<b@e.example>: later",
		    AT "[12] H=(b) [203.0.113.9] F=<> rejected RCPT <b@e.example>: no" },
		  { "203.0.113.9 name= rcpt deferred helo=a from= to=e.example",
		    "203.0.113.9 name= rcpt rejected helo=b from= to=e.example" } },
		{ "without either an hour between does",
		  { AT "H=(a) [203.0.113.9] F=<> rejected RCPT <b@e.example>: no",
		    "2026-11-23 15:00:01 H=(b) [203.0.113.9] F=<> rejected RCPT "
		    "<b@e.example>: no" },
		  { "203.0.113.9 name= rcpt rejected helo=a from= to=e.example",
		    "203.0.113.9 name= rcpt rejected helo=b from= to=e.example" } },
		{ "a message refused at its end is rejected, one too big as well",
		  { AT ID
		    "H=(a) [203.0.113.9] F=<a@b.example> rejected after DATA: virus",
		    AT "rejected from <a@b.example> H=(a) [203.0.113.10]: message too "
		       "big: read=9 max=8",
		    AT "SMTP data timeout (message abandoned) on connection from (a) "
		       "[203.0.113.11] F=<a@b.example>" },
		  { "203.0.113.9 name= data rejected helo=a from=a@b.example to=",
		    "203.0.113.10 name= data rejected helo=a from=a@b.example to=",
		    "203.0.113.11 name= data aborted helo=a from= to=" } },
		{ "hints are no visits",
		  { AT "no host name found for IP address 203.0.113.9" },
		  { NULL } },
		{ "a redirected message's recipient is the one that was given",
		  { AT ID "<= a@b.example H=(d) [203.0.113.9] P=esmtp S=9",
		    AT ID "=> x@y.example <bob@E.example> R=r T=t H=h [192.0.2.9]" },
		  { "203.0.113.9 name= data accepted helo=d from=a@b.example "
		    "to=e.example" } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s = { .count = 0 };
		struct maillog_lines *m = maillog_lines_new(on_visit, &s);
		for (size_t k = 0; k < 6 && rows[i].lines[k]; k++)
			feed(m, rows[i].lines[k]);
		maillog_lines_finish(m);
		maillog_lines_free(m);
		size_t n = 0;
		for (; n < 4 && rows[i].want[n]; n++)
			expect(&s, n, rows[i].want[n]);
		if (s.count != n)
			fail_msg("%s: got %zu visits, want %zu", rows[i].story, s.count,
				 n);
	}
}

static void a_visit_is_given_when_its_client_has_been_silent(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *m = maillog_lines_new(on_visit, &s);
	int64_t at = moment("2026-11-23T14:00:01Z");
	feed(m, AT "H=(a) [203.0.113.9] F=<> rejected RCPT <b@e.example>: no");
	maillog_lines_advance(m, at);
	assert_int_equal(maillog_lines_held(m), at - (30 * STAMP_SECOND));
	maillog_lines_advance(m, at + (30 * STAMP_SECOND) - 1);
	assert_int_equal(s.count, 0);
	maillog_lines_advance(m, at + (30 * STAMP_SECOND));
	assert_int_equal(s.count, 1);
	/* the next may have begun that much before its line */
	assert_int_equal(maillog_lines_held(m),
			 at + (30 * STAMP_SECOND) - (30 * STAMP_SECOND));
	maillog_lines_finish(m);
	assert_int_equal(maillog_lines_held(m), STAMP_NEVER);
	maillog_lines_free(m);
}

static bool was_started;

static void on_started(void *arg, int64_t at)
{
	(void)arg;
	(void)at;
	was_started = true;
}

static void a_start_of_the_daemon_is_told(void **state)
{
	(void)state;
	struct seen s = { .count = 0 };
	struct maillog_lines *m = maillog_lines_new(on_visit, &s);
	maillog_lines_on_started(m, on_started);
	was_started = false;
	feed(m, AT "exim 4.96 daemon started: pid=42, -q30m, not listening for SMTP");
	assert_false(was_started);
	feed(m, AT "exim 4.96 daemon started: pid=42, -q30m, listening for SMTP on port "
		   "25 (IPv6 and IPv4)");
	assert_true(was_started);
	maillog_lines_free(m);
}

/* Cut anywhere, or with one byte changed, a line names no other client. */
struct known {
	struct seen s;
	char line[LINE_MAX_BYTES];
	size_t tries;
};

static void on_known_visit(void *arg, const struct visit *v, const struct addr *local)
{
	char client[ADDR_TEXT_MAX];
	const struct known *k = arg;
	(void)local;
	addr_text(v->client, client);
	if (!strstr(k->line, client))
		fail_msg("%s: made %s", k->line, client);
	if (strncmp(client, "192.0.2.", 8) == 0)
		fail_msg("%s: believed %s", k->line, client);
}

static void damage(void *arg, const char *line)
{
	struct known *k = arg;
	size_t len = strlen(line);
	for (size_t i = 0; i <= len; i++) {
		struct maillog_lines *m = maillog_lines_new(on_known_visit, k);
		(void)snprintf(k->line, sizeof(k->line), "%.*s", (int)i, line);
		feed(m, k->line);
		(void)snprintf(k->line, sizeof(k->line), "%s", line);
		if (i < len) {
			k->line[i] = (char)(k->line[i] ^ 0x80);
			feed(m, k->line);
		}
		maillog_lines_finish(m);
		maillog_lines_free(m);
		k->tries++;
	}
}

static void lines_cut_or_damaged_anywhere_name_nobody_else(void **state)
{
	(void)state;
	static struct known k;
	each_line("exim-4.96-detailed.log", damage, &k);
	each_line("exim-4.96-syslog-bare.log", damage, &k);
	assert_true(k.tries > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_detailed_log_says_is_what_the_clients_did),
		cmocka_unit_test(the_same_by_syslog_is_the_same),
		cmocka_unit_test(a_log_as_exim_is_shipped_tells_of_mail_alone),
		cmocka_unit_test(what_a_client_writes_makes_no_address),
		cmocka_unit_test(sessions_end_and_begin_as_far_as_the_log_tells),
		cmocka_unit_test(a_visit_is_given_when_its_client_has_been_silent),
		cmocka_unit_test(a_start_of_the_daemon_is_told),
		cmocka_unit_test(lines_cut_or_damaged_anywhere_name_nobody_else),
	};
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
