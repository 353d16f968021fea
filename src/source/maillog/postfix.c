/*
 * postfix - Postfix's log: smtpd, postscreen, and what the queue says of a message
 *
 * A session is known by host and process ("mail postfix/smtpd[123]") from its
 * connect to its disconnect line; queue ids tie what cleanup, qmgr and delivery
 * say to it. Its client is the connect line's; a line of another client ends it,
 * or is what a proxy in front said by XCLIENT. Texts (helo, sender, recipient)
 * are the client's own and believed as such.
 *
 * A session at postscreen is a visit too. When postscreen lets it pass, smtpd's
 * session of the same client goes on with it: one visit, from postscreen's connect
 * line on; if that does not come within PASSED_WAIT, it is given as it stands.
 *
 * Really queued: the queue manager took it, or, when its line does not come
 * within QUEUE_WAIT after the disconnect line, smtpd counted the DATA as
 * successful and nobody discarded it. Of several messages one is enough.
 *
 * smtpd writes its connect line after it has looked up the client's name: the visit
 * may have begun up to LOOKUP_MAX before.
 *
 * Limits: a session whose connect line was not read begins with its first line.
 * Only postscreen logs the local address.
 */
#include <stdlib.h>

#include "source/maillog/postfix_parts.h"
#include "source/maillog/reader.h"
#include "source/maillog/words.h"

#define QUEUE_WAIT (5 * STAMP_SECOND)
#define PASSED_WAIT STAMP_MINUTE
/* Two questions of a resolver that does not answer, twice (resolv.conf(5)). */
#define LOOKUP_MAX (10 * STAMP_SECOND)

static bool is_screen(const struct said *d)
{
	return slice_is(d->front->program, "postscreen");
}

/* "name[address]" or "name[address]:port". Postfix writes only names that are
 * valid as such, hence without "[". postscreen knows a client by
 * "[address]:port", and so do we: its sessions are many in one process. */
static bool read_client(struct slice *in, struct said *d)
{
	struct slice rest = *in, name;
	if (is_screen(d)) {
		const char *at = in->at;
		bool is_one = words_address(in, &d->client, NULL) && in->at[-1] != ']';
		d->process = (struct slice){ at, in->at };
		return is_one;
	}
	if (!slice_take_until(&rest, '[', &name) || slice_len(name) == 0 ||
	    memchr(name.at, ' ', slice_len(name)))
		return false;
	rest.at--;
	if (!words_address(&rest, &d->client, NULL))
		return false;
	d->name = slice_is(name, "unknown") ? (struct slice){ name.at, name.at } : name;
	*in = rest;
	return true;
}

/* "...; from=<> to=<> proto= helo=<>" */
static void keep_envelope(struct logsession *s, struct slice in)
{
	struct slice helo, from, to;
	bool has_from = words_text(in, "; from=<", &from);
	if (words_text(in, " helo=<", &helo))
		logsession_text(&s->helo, helo);
	logsession_text(&s->mail_from, from);
	if (words_text(in, " to=<", &to) && has_from)
		logsession_envelope(s, from, to);
	logsession_domain(&s->recipient_domain, to);
}

/* Sessions */

static uint64_t session_key(const struct said *d)
{
	return logsession_key(d->front->host, d->process);
}

static struct logsession *begin(const struct said *d)
{
	struct logsession *s =
	    logsession_begin(d->t, session_key(d), d->front, d->client);
	logsession_text(&s->name, d->name);
	return s;
}

/* A trusted proxy's that may yet say who its client is: XCLIENT has no line. */
static bool is_proxys(const struct logsession *s)
{
	enum addr_kind kind = addr_kind(s->v.client);
	bool is_untouched = s->v.depth == DEPTH_CONNECT && s->tie_count == 0 &&
			    !s->is_refused_4 && !s->is_refused_5;
	return is_untouched && (kind == ADDR_LOOPBACK || kind == ADDR_PRIVATE);
}

/* The session that a line of smtpd's belongs to. A line of another client
 * shows that the end of the last session is missing. */
static struct logsession *session_of(const struct said *d)
{
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s && !addr_equal(s->v.client, d->client)) {
		if (is_proxys(s)) {
			s->v.client = d->client;
			free(s->name);
			s->name = NULL;
			logsession_text(&s->name, d->name);
			return s;
		}
		logsession_finish(d->t, s);
		s = NULL;
	}
	return s ? s : begin(d);
}

static void add_queue_id(const struct said *d, struct logsession *s)
{
	struct logtie *known = said_tied(d);
	if (known && known->session == s)
		return;
	if (known) /* reused: a short queue id is unique only while it lives */
		logsession_untie(d->t, known);
	said_tie(d, s, d->id)->is_awaited = true;
}

/* smtpd's session of a client that postscreen let pass began with postscreen's,
 * which is no visit of its own then. */
static bool join_passed(const struct said *d, struct logsession *s)
{
	char bytes[SAID_CLIENT_LEN];
	struct logtie *tie =
	    logsession_tied(d->t, d->front->host, said_client(d, '@', bytes));
	if (!tie)
		return false;
	struct logsession *passed = tie->session;
	s->v.time = passed->v.time;
	s->v.precision_us = passed->v.precision_us;
	s->local = passed->local;
	logsession_drop(d->t, passed);
	return true;
}

/* smtpd */

static enum maillog_says on_connect(struct said *d, struct slice in)
{
	if (!read_client(&in, d) || in.at != in.end)
		return MAILLOG_GARBLED;
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s)
		logsession_finish(d->t, s); /* its disconnect line is missing */
	s = begin(d);
	if (!join_passed(d, s))
		s->v.earlier_us = LOOKUP_MAX;
	return MAILLOG_USED;
}

/* Counts of a disconnect line: accepted and tried, which includes the refused. */
enum { EHLO, HELO, MAIL, RCPT, DATA, BDAT, QUIT, COMMANDS };
struct counts {
	bool has_any;                                   /* Postfix 3.0 and later */
	uint32_t ok[COMMANDS + 1], tried[COMMANDS + 1]; /* the last: any other */
};

/* "ehlo=1 mail=1 rcpt=0/2 commands=3" */
static bool read_counts(struct slice in, struct counts *c)
{
	static const char *const names[COMMANDS] = { "ehlo", "helo", "mail", "rcpt",
						     "data", "bdat", "quit" };
	struct slice key;
	while (slice_take(&in, ' ') && slice_take_until(&in, '=', &key)) {
		size_t i = 0;
		while (i < COMMANDS && !slice_is(key, names[i]))
			i++;
		if (!words_number(&in, &c->ok[i]))
			return false;
		c->tried[i] = c->ok[i];
		if (slice_take(&in, '/') && !words_number(&in, &c->tried[i]))
			return false;
		c->has_any = true;
	}
	return in.at == in.end;
}

static void keep_counts(struct logsession *s, const struct counts *c)
{
	if (!c->has_any) { /* before Postfix 3.0: lost, or it said QUIT */
		s->has_quit = !s->is_lost;
		s->is_data_ok = logsession_is_awaited(s) && !s->is_lost;
		return;
	}
	const uint32_t *tried = c->tried;
	logsession_reach(s, tried[DATA] || tried[BDAT]   ? DEPTH_DATA
			    : tried[RCPT]                ? DEPTH_RCPT
			    : tried[MAIL]                ? DEPTH_MAIL
			    : tried[EHLO] || tried[HELO] ? DEPTH_HELO
							 : DEPTH_CONNECT);
	s->has_quit = c->ok[QUIT] > 0;
	s->is_rcpt_answered = tried[RCPT] > 0;
	s->is_rcpt_taken = c->ok[RCPT] > 0;
	/* BDAT counts chunks, not messages: ended by QUIT will do. */
	s->is_data_ok = c->ok[DATA] > 0 || (c->ok[BDAT] > 0 && s->has_quit);
}

static enum maillog_says on_disconnect(struct said *d, struct slice in)
{
	struct counts c = { .has_any = false };
	if (!read_client(&in, d) || !read_counts(in, &c))
		return MAILLOG_GARBLED;
	struct logsession *s = session_of(d);
	keep_counts(s, &c);
	s->v.ended = d->front->time;
	s->is_over = true;
	s->due = d->front->time + QUEUE_WAIT;
	if (s->is_given || s->is_queued || !s->is_data_ok || !logsession_is_awaited(s))
		logsession_settle(d->t, s);
	return MAILLOG_USED;
}

/* "name[address], sasl_method=PLAIN, sasl_username=me"; or ", orig_queue_id=...,
 * orig_client=...", mail that a content filter gives back. */
static enum maillog_says on_client(struct said *d, struct slice in)
{
	if (!read_client(&in, d))
		return MAILLOG_GARBLED;
	struct logsession *s = session_of(d);
	logsession_reach(s, DEPTH_RCPT);
	s->is_rcpt_answered = s->is_rcpt_taken = true;
	bool is_given_back = slice_take_text(&in, ", orig_");
	s->is_user |= is_given_back || slice_take_text(&in, ", sasl_method=");
	if (slice_len(d->id) && !is_given_back) /* that is another session's */
		add_queue_id(d, s);
	return MAILLOG_USED;
}

/* "RCPT (12 bytes) from name[address]", "DATA (approximately 12 bytes) from ...",
 * "0.5 from [address]:port in tests before SMTP handshake" */
static enum maillog_says on_lost(struct said *d, struct slice in)
{
	struct slice stage, size;
	if (!slice_take_until(&in, ' ', &stage))
		return MAILLOG_GARBLED;
	if (slice_take(&in, '(') &&
	    (!slice_take_until(&in, ')', &size) || !slice_take(&in, ' ')))
		return MAILLOG_GARBLED;
	if (!slice_take_text(&in, "from ") || !read_client(&in, d))
		return MAILLOG_GARBLED;
	struct logsession *s = session_of(d);
	logsession_reach(s, said_stage(stage));
	s->is_lost = true;
	return MAILLOG_USED;
}

/* Of a line without a client (a filter before the queue), of the process. */
static struct logsession *session_of_line(struct said *d, struct slice *in,
					  struct slice *ret_stage)
{
	struct slice rest = *in;
	if (slice_take_until(&rest, ' ', ret_stage) && slice_take_text(&rest, "from ") &&
	    read_client(&rest, d) && slice_take_text(&rest, ": ")) {
		*in = rest;
		return session_of(d);
	}
	if (!slice_take_until(in, ':', ret_stage) || !slice_take(in, ' ') ||
	    memchr(ret_stage->at, ' ', slice_len(*ret_stage)))
		return NULL;
	return logsession_find(d->t, session_key(d));
}

/* "RCPT from name[address]: 450 4.2.0 <to>: text; from=<> to=<> proto= helo=<>";
 * a milter's has no 450 before the 4.2.0; "END-OF-MESSAGE: 451 ...", a filter's
 * before the queue; "CONNECT from [address]:port: too many connections",
 * postscreen's, which is told 421. */
static enum maillog_says on_refused(struct said *d, struct slice in)
{
	struct slice stage;
	struct logsession *s = session_of_line(d, &in, &stage);
	if (!s || in.at == in.end || (*in.at != '4' && *in.at != '5' && !is_screen(d)))
		return MAILLOG_GARBLED;
	logsession_refuse(s, said_stage(stage), *in.at == '5' ? 5 : 4);
	logsession_worded(s, in);
	keep_envelope(s, in);
	return MAILLOG_USED;
}

/* "END-OF-MESSAGE: 250 2.0.0 Ok: queued as X; from=...", or with the client */
static enum maillog_says on_relayed(struct said *d, struct slice in)
{
	struct slice stage, answer, rest, id;
	struct logsession *s = session_of_line(d, &in, &stage);
	if (!s)
		return MAILLOG_GARBLED;
	logsession_reach(s, DEPTH_DATA);
	s->is_queued = true;
	keep_envelope(s, in);
	if (logsessions_may_have_filter(d->t) && /* which may name it so */
	    words_split_once(in, "; from=<", &answer, &rest) &&
	    words_split_last(answer, " queued as ", &rest, &id))
		(void)said_tie(d, s, id);
	return MAILLOG_USED;
}

/* "Connection rate limit exceeded: 31 from name[address] for service smtp":
 * it was told 421. */
static enum maillog_says on_limit(struct said *d, struct slice in)
{
	struct slice number;
	if (!slice_take_until(&in, ' ', &number) || !slice_take_text(&in, "from ") ||
	    !read_client(&in, d))
		return MAILLOG_GARBLED;
	logsession_refuse(session_of(d), DEPTH_CONNECT, 4);
	return MAILLOG_USED;
}

/* The queue id's */

static void settle_if_over(struct said *d, struct logsession *s)
{
	if (s->is_over && (s->is_queued || !logsession_is_awaited(s)))
		logsession_settle(d->t, s);
}

static enum maillog_says on_discarded(struct said *d, struct slice in)
{
	struct logtie *tie = said_tied(d);
	if (!tie || slice_len(in) == 0)
		return MAILLOG_USELESS;
	struct logsession *s = tie->session;
	logsession_untie(d->t, tie);
	settle_if_over(d, s);
	return MAILLOG_USED;
}

static enum maillog_says read_smtpd(struct said *d, struct slice in)
{
	static const struct said_words rows[] = {
		{ "connect from ", on_connect },
		{ "disconnect from ", on_disconnect },
		{ "client=", on_client },
		{ "reject: ", on_refused },
		{ "milter-reject: ", on_refused },
		{ "proxy-reject: ", on_refused },
		{ "proxy-accept: ", on_relayed },
		{ "discard: ", on_discarded },
		{ "milter-discard: ", on_discarded },
		{ "lost connection after ", on_lost },
		{ "timeout after ", on_lost },
		{ "too many errors after ", on_lost },
		{ "warning: Connection rate limit exceeded: ", on_limit },
		{ "warning: Connection concurrency limit exceeded: ", on_limit },
	};
	return said_read(rows, sizeof(rows) / sizeof(rows[0]), d, in);
}

/* "[address]:port to [address]:port" */
static enum maillog_says on_screen_connect(struct said *d, struct slice in)
{
	if (!read_client(&in, d) || !slice_take_text(&in, " to ") ||
	    !words_address(&in, &d->local, NULL))
		return MAILLOG_GARBLED;
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s)
		logsession_finish(d->t, s);
	begin(d)->local = d->local;
	return MAILLOG_USED;
}

static enum maillog_says on_screen_passed(struct said *d, struct slice in)
{
	if (!read_client(&in, d))
		return MAILLOG_GARBLED;
	char bytes[SAID_CLIENT_LEN];
	struct logsession *s = session_of(d);
	if (s->due == STAMP_NEVER)
		(void)said_tie(d, s, said_client(d, '@', bytes));
	s->due = d->front->time + PASSED_WAIT;
	return MAILLOG_USED;
}

static enum maillog_says on_screen_end(struct said *d, struct slice in)
{
	if (!read_client(&in, d))
		return MAILLOG_GARBLED;
	struct logsession *s = session_of(d);
	s->v.ended = d->front->time;
	logsession_finish(d->t, s);
	return MAILLOG_USED;
}

/* It is told 5xx, unless the administrator only tries that out: then it passes
 * later, which makes this void. */
static enum maillog_says on_screen_denied(struct said *d, struct slice in)
{
	if (!read_client(&in, d))
		return MAILLOG_GARBLED;
	logsession_refuse(session_of(d), DEPTH_CONNECT, 5);
	return MAILLOG_USED;
}

static enum maillog_says read_screen(struct said *d, struct slice in)
{
	static const struct said_words rows[] = {
		{ "CONNECT from ", on_screen_connect },
		{ "PASS NEW ", on_screen_passed },
		{ "PASS OLD ", on_screen_passed },
		{ "ALLOWLISTED ", on_screen_passed },
		{ "WHITELISTED ", on_screen_passed },
		{ "DENYLISTED ", on_screen_denied },
		{ "BLACKLISTED ", on_screen_denied },
		{ "DISCONNECT ", on_screen_end },
		{ "HANGUP after ", on_lost },
		{ "reject: ", on_refused },
	};
	return said_read(rows, sizeof(rows) / sizeof(rows[0]), d, in);
}

/* Hexadecimal, or base 52 without vowels (enable_long_queue_ids): what has a
 * small vowel is a word, as "warning". */
static bool is_queue_id_byte(char c)
{
	return words_is_digit(c) || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z' && !strchr("aeiou", c));
}

/* "NOQUEUE: " or "4XYZ123: " in front. */
static void read_queue_id(struct slice *in, struct said *d)
{
	struct slice rest = *in, id;
	if (!slice_take_until(&rest, ':', &id) || slice_len(id) < 5 ||
	    slice_len(id) > 32 || !slice_take(&rest, ' '))
		return;
	for (const char *p = id.at; p < id.end; p++)
		if (!is_queue_id_byte(*p))
			return;
	*in = rest;
	if (!slice_is(id, "NOQUEUE"))
		d->id = id;
}

/* "from=<a@b.example>, size=202, nrcpt=1 (queue active)" */
static enum maillog_says read_qmgr(struct said *d, struct slice in)
{
	struct logtie *tie = said_tied(d);
	const char *end;
	if (!tie)
		return MAILLOG_USELESS; /* of a submission, or given already */
	struct logsession *s = tie->session;
	if (slice_is(in, "removed")) {
		tie->is_telling = false;
	} else if (slice_take_text(&in, "from=<") && (end = words_find(in, ">, size="))) {
		logsession_sender(tie, (struct slice){ in.at, end });
		if (!words_skip_to(&in, ", nrcpt=") || !words_number(&in, &tie->missing))
			tie->missing = 0;
		tie->is_awaited = false;
		tie->is_telling = s->is_queued = true;
		logsession_reach(s, DEPTH_DATA);
	} else {
		return MAILLOG_USELESS;
	}
	settle_if_over(d, s);
	return MAILLOG_USED;
}

/* Filters that know no queue id know this. It is the client's own, so it may be
 * tied to more than one. */
static enum maillog_says on_message_id(struct said *d, struct slice in)
{
	struct logtie *tie = said_tied(d);
	if (!tie || slice_len(in) <= 2 || !logsessions_may_have_filter(d->t))
		return MAILLOG_USELESS;
	(void)said_tie(d, tie->session, in);
	return MAILLOG_USED;
}

/* It will not come to the queue manager soon. */
static enum maillog_says on_held(struct said *d, struct slice in)
{
	struct logtie *tie = said_tied(d);
	if (!tie || slice_len(in) == 0)
		return MAILLOG_USELESS;
	tie->is_awaited = false;
	tie->session->is_queued = true;
	logsession_reach(tie->session, DEPTH_DATA);
	settle_if_over(d, tie->session);
	return MAILLOG_USED;
}

/* At the end of a message: checks of the header and body ("reject: header
 * Subject: ... from name[address]; ...") have the client's words before the
 * client, so the queue id tells who it is. A milter's: "END-OF-MESSAGE from
 * name[address]: 4.7.1 later; from=<> to=<> ...". */
static enum maillog_says on_content_refused(struct said *d, struct slice in)
{
	struct logtie *tie = said_tied(d);
	struct slice stage, rest = in;
	if (!tie)
		return MAILLOG_USELESS;
	bool is_milters = slice_take_until(&rest, ' ', &stage) &&
			  slice_take_text(&rest, "from ") && read_client(&rest, d) &&
			  slice_take_text(&rest, ": 4");
	struct logsession *s = tie->session;
	logsession_refuse(s, DEPTH_DATA, is_milters ? 4 : 5);
	keep_envelope(s, in);
	logsession_untie(d->t, tie);
	settle_if_over(d, s);
	return MAILLOG_USED;
}

static enum maillog_says read_cleanup(struct said *d, struct slice in)
{
	static const struct said_words rows[] = {
		{ "message-id=", on_message_id },
		{ "discard: ", on_discarded },
		{ "milter-discard: ", on_discarded },
		{ "hold: ", on_held },
		{ "milter-hold: ", on_held },
		{ "reject: ", on_content_refused },
		{ "milter-reject: ", on_content_refused },
	};
	return said_read(rows, sizeof(rows) / sizeof(rows[0]), d, in);
}

/* "relay=mx.example[192.0.2.1]:25, ..., status=sent (250 ...)": to somebody else's
 * server, not to a filter or a store of this machine. */
static bool is_sent_away(const struct said *d, struct slice in)
{
	struct slice relay;
	struct said other = *d;
	return slice_is(d->front->program, "smtp") && slice_take_text(&in, "relay=") &&
	       slice_take_until(&in, ',', &relay) && read_client(&relay, &other) &&
	       addr_kind(other.client) == ADDR_PUBLIC &&
	       words_find(in, ", status=sent (");
}

/* "to=<bob@example.com>, orig_to=<info@example.com>, relay=..." */
static enum maillog_says read_delivery(struct said *d, struct slice in)
{
	const char *end;
	struct slice to;
	if (!slice_take_text(&in, "to=<") || !(end = words_find(in, ">, ")))
		return MAILLOG_USELESS;
	to = (struct slice){ in.at, end };
	in.at = end + 3;
	struct logtie *tie = said_tied(d);
	if (!tie) {
		if (!is_sent_away(d, in))
			return MAILLOG_USELESS;
		logsessions_delivered(d->t, to, d->front->time);
		return MAILLOG_USED;
	}
	if (slice_take_text(&in, "orig_to=<") && (end = words_find(in, ">, ")))
		to = (struct slice){ in.at, end };
	logsession_recipient(tie, to);
	if (tie->missing && --tie->missing == 0)
		tie->is_telling = false;
	if (!tie->is_telling)
		settle_if_over(d, tie->session);
	return MAILLOG_USED;
}

/* "postfix/smtpd", or with another instance's name in front; "postfix" */
static bool is_program(const struct logline *l)
{
	return l->program.at != l->tag.at || slice_is(l->tag, "postfix");
}

static enum maillog_says read_line(struct logsessions *t, const struct logline *front)
{
	struct logline l = *front;
	struct said d = said_of(t, &l);
	struct slice in = l.text;
	read_queue_id(&in, &d);
	struct slice program = l.program = postfix_program(front, in);
	if (slice_is(program, "master"))
		return slice_take_text(&in, "daemon started -- ") ? MAILLOG_STARTED
								  : MAILLOG_USELESS;
	if (is_screen(&d))
		return postfix_is_submission(l.tag) ? MAILLOG_FOREIGN
						    : read_screen(&d, in);
	if (slice_is(program, "smtpd"))
		return postfix_is_submission(l.tag) ? MAILLOG_FOREIGN
						    : read_smtpd(&d, in);
	if (slice_len(d.id) == 0)
		return MAILLOG_FOREIGN;
	if (slice_is(program, "qmgr") || slice_is(program, "oqmgr") ||
	    slice_is(program, "nqmgr"))
		return read_qmgr(&d, in);
	return slice_is(program, "cleanup") ? read_cleanup(&d, in)
					    : read_delivery(&d, in);
}

const struct maillog_reader reader_postfix = { .name = "postfix",
					       .is_program = is_program,
					       .line = read_line };
