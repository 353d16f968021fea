/*
 * exim - Exim's main log
 *
 * Exim's log is of messages. How much it tells of sessions depends on
 * log_selector:
 *
 *	+smtp_connection	when each began and ended; without it a client that
 *				sent no MAIL is not in the log, and no visit
 *	+incoming_port, +pid	which lines are of one session; without either,
 *				lines of one client are one visit until
 *				IDLE passes without any
 *	+incoming_interface	where it came: address, and the submission port
 *
 * A session whose begin is not logged began at its first line or up to UNSEEN
 * before; its precision says so, and the watermark keeps that distance. Where its
 * end tells how long it lasted (D=), that is taken. Really queued is a "<=" line.
 * Sessions of authenticated users, and those at ports 465 and 587, are no visits.
 *
 * Limits: of one client's open sessions the latest LOOK_MAX are looked at. A
 * session whose end is not logged is over when IDLE has passed without a line of
 * it; what it does later is a visit of its own.
 */
#include <stdio.h>

#include "source/maillog/exim_parts.h"
#include "source/maillog/filter.h"
#include "source/maillog/reader.h"
#include "source/maillog/words.h"

enum { LOOK_MAX = 64, PORT_SMTPS = 465, PORT_SUBMISSION = 587 };
#define UNSEEN (30 * STAMP_SECOND)
#define IDLE (30 * STAMP_SECOND)
/* Reject lines that are logged twice. */
#define AFTER (5 * STAMP_SECOND)
/* Without port or process, lines that far from the first are another visit. */
#define TOGETHER (2 * STAMP_MINUTE)

/* What happened to a session. */
enum event { SEEN, HINT, ARRIVED, REFUSED, LOST, QUIT, NO_MAIL };

/* Sessions */

static uint64_t client_key(const struct said *d)
{
	char bytes[SAID_CLIENT_LEN];
	return logsession_key(d->front->host, said_client(d, '=', bytes));
}

static bool differs(uint32_t a, uint32_t b)
{
	return a && b && a != b;
}

/* Certain: by port or process. Otherwise one that does not contradict; of those
 * that wait for the first line of their own process the oldest. */
static struct logsession *find(const struct said *d, enum event event,
			       bool *ret_is_certain)
{
	struct logsession *s = NULL, *found = NULL;
	uint64_t key = client_key(d);
	*ret_is_certain = false;
	for (int i = 0; i < LOOK_MAX && (s = logsession_next(d->t, key, s)); i++) {
		if (differs(s->pid, d->pid) || differs(s->port, d->port))
			continue;
		if ((s->pid && s->pid == d->pid) || (s->port && s->port == d->port)) {
			*ret_is_certain = true;
			return s;
		}
		bool may_be = !s->is_over || event == NO_MAIL;
		if (may_be && (!found || (d->pid && !s->pid)))
			found = s;
	}
	return found;
}

static struct logsession *begin(const struct said *d)
{
	struct logsession *s = logsession_begin(d->t, client_key(d), d->front, d->client);
	s->is_hint = true;
	s->due = d->front->time + IDLE;
	return s;
}

/* The session that a line belongs to. Without port and process a client's next
 * connection shows by its hint alone, if at all. */
static struct logsession *session_of(const struct said *d, enum event event)
{
	bool is_certain;
	struct logsession *s = find(d, event, &is_certain);
	if (s && !is_certain) {
		bool is_next = event == HINT && !d->pid && s->due != STAMP_NEVER;
		if (is_next || d->front->time - s->v.time >= TOGETHER) {
			logsession_finish(d->t, s);
			s = NULL;
		}
	}
	if (!s) {
		s = begin(d);
		logsession_began_before(d->t, s, UNSEEN);
	}
	return s;
}

static void keep(struct logsession *s, const struct said *d)
{
	static const struct addr none;
	s->pid = s->pid ? s->pid : d->pid;
	s->port = s->port ? s->port : d->port;
	if (!addr_equal(d->local, none))
		s->local = d->local;
	if (d->is_user || d->local_port == PORT_SUBMISSION || d->local_port == PORT_SMTPS)
		s->is_user = true;
	logsession_reach(s, d->stage);
	if (d->stage >= DEPTH_RCPT)
		s->is_rcpt_answered = true;
	if (slice_len(d->helo))
		logsession_reach(s, DEPTH_HELO);
	logsession_text(&s->name, d->name);
	logsession_text(&s->helo, d->helo);
	logsession_text(&s->mail_from, d->from);
	logsession_domain(&s->recipient_domain, d->to);
}

static void end(const struct said *d, struct logsession *s)
{
	if (d->lasted >= 0 && s->v.precision_us >= UNSEEN) {
		s->v.time = d->front->time - d->lasted - d->lasted_precision;
		s->v.precision_us =
		    (uint32_t)(d->front->precision_us + d->lasted_precision);
	}
	s->v.ended = d->front->time;
	s->is_over = true;
	s->due = d->front->time + AFTER;
	if (s->is_queued) /* its recipients, or a filter's word, may still come */
		logsession_settle(d->t, s);
}

/* A line of a session that may have ended. */
static struct logsession *happened(struct said *d, enum event event)
{
	struct logsession *s = session_of(d, event);
	if (event != HINT)
		s->is_hint = false;
	keep(s, d);
	if (!s->is_over && s->due != STAMP_NEVER)
		s->due = d->front->time + IDLE;
	if (event == REFUSED)
		logsession_refuse(s, d->stage, d->code);
	s->has_quit |= event == QUIT;
	s->is_lost |= event == LOST;
	if (event == QUIT || event == LOST || event == NO_MAIL)
		end(d, s);
	return s;
}

/* Events */

/* "RCPT <bob@example.com>", "MAIL FROM:<...>", "after DATA" */
static enum depth stage_of(struct slice *in)
{
	struct slice word = *in;
	if (slice_take_text(in, "after DATA"))
		return DEPTH_DATA;
	while (in->at < in->end && *in->at != ' ' && *in->at != ':')
		in->at++;
	word.end = in->at;
	(void)slice_take(in, ' ');
	return said_stage(word);
}

/* "temporarily rejected RCPT <bob@example.com>: greylisted", "rejected MAIL
 * <a@b.example>: no", "rejected by
 * local_scan(): no", "dropped by 'connect' ACL" */
static enum maillog_says refused(struct said *d, struct slice in)
{
	bool has_sender = d->from.at != d->front->text.at;
	d->stage = slice_take_text(&in, "by local_scan()") ? DEPTH_DATA : stage_of(&in);
	struct slice *address = d->stage == DEPTH_RCPT   ? &d->to
				: d->stage == DEPTH_MAIL ? &d->from
							 : NULL;
	if (address && slice_take(&in, '<') && !words_mailbox(&in, '>', address))
		address->end = address->at; /* it may be cut */
	struct logsession *s = happened(d, REFUSED);
	logsession_worded(s, in);
	if (has_sender)
		logsession_envelope(s, d->from, d->to);
	return MAILLOG_USED;
}

/* "incomplete transaction (QUIT) from <a@b.example> for bob@example.com" */
static enum maillog_says incomplete(struct said *d, struct slice in)
{
	struct slice why;
	d->stage = DEPTH_MAIL;
	bool is_rcpt = slice_take_until(&in, ')', &why) &&
		       slice_take_text(&in, " from <") &&
		       words_mailbox(&in, '>', &d->from) && slice_take_text(&in, " for ");
	if (is_rcpt) {
		d->stage = DEPTH_RCPT;
		if (!words_mailbox(&in, ' ', &d->to))
			d->to = in;
	}
	struct logsession *s = happened(d, SEEN);
	s->is_rcpt_taken |= is_rcpt;
	logsession_envelope(s, d->from, d->to);
	return MAILLOG_USED;
}

/* Behind host and fields. */
static enum maillog_says read_happened(struct said *d, struct slice in)
{
	d->code = slice_take_text(&in, "temporarily ") ? 4 : 5;
	if (slice_take_text(&in, "rejected ") || slice_take_text(&in, "dropped "))
		return refused(d, in);
	if (slice_take_text(&in, "incomplete transaction ("))
		return incomplete(d, in);
	struct logsession *s = happened(d, SEEN);
	if (slice_take_text(&in, "Warning: ")) {
		enum spam spam = filter_header(in); /* of its spam condition */
		s->has_spam |= spam == SPAM_YES;
		s->has_clean |= spam == SPAM_NO;
	}
	s->is_lost |= slice_take_text(&in, "bare <LF> received");
	return MAILLOG_USED;
}

/* Behind "H=" at a line's beginning. */
static enum maillog_says on_host(struct said *d, struct slice in)
{
	return exim_read_host(&in, d) && exim_read_fields(&in, d) ? read_happened(d, in)
								  : MAILLOG_GARBLED;
}

/* "DS H=...", +dnssec; some write it without the blank */
static enum maillog_says on_dnssec(struct said *d, struct slice in)
{
	(void)slice_take(&in, ' ');
	return slice_take_text(&in, "H=") ? on_host(d, in) : MAILLOG_USELESS;
}

/* "F=a@b.example H=mail.example [192.0.2.1] rejected by local_scan(): no" */
static enum maillog_says on_sender(struct said *d, struct slice in)
{
	if (!words_mailbox(&in, ' ', &d->from))
		return MAILLOG_GARBLED;
	if (slice_is(d->from, "<>"))
		d->from.at = d->from.end;
	(void)slice_take_text(&in, "DS ");
	return slice_take_text(&in, "H=") ? on_host(d, in) : MAILLOG_USELESS;
}

/* Messages */

/* " for bob@example.com carol@example.com" at the end (+received_recipients).
 * A subject is quoted and stands before; what else ends like this is the
 * client's own words about itself. */
static void read_recipients(struct logtie *tie, struct slice in)
{
	struct slice found = { in.at, in.at }, one;
	while (words_skip_to(&in, " for "))
		found = in;
	if (slice_len(found) == 0 || memchr(found.at, '"', slice_len(found)))
		return;
	while (words_mailbox(&found, ' ', &one))
		logsession_recipient(tie, one);
	logsession_recipient(tie, found);
}

/* spamd knows it alone, with its brackets, which Exim leaves out. */
static void tie_message_id(struct said *d, struct logsession *s, struct slice in)
{
	char id[VISIT_TEXT_MAX];
	struct slice end = in, word;
	if (!slice_take_until(&end, ' ', &word))
		word = in;
	int len = snprintf(id, sizeof(id), "<%.*s>", (int)slice_len(word), word.at);
	if (len > 2 && (size_t)len < sizeof(id))
		(void)said_tie(d, s, (struct slice){ id, id + len });
}

/* Behind "<= ": "alice@b.example DS H=(helo) [192.0.2.1] P=esmtps X=... S=262".
 * Authentication shows in the protocol, "esmtpa". */
static enum maillog_says on_arrived(struct said *d, struct slice in)
{
	struct slice bounced, fields, protocol, message = in;
	if (!words_mailbox(&in, ' ', &d->from))
		return MAILLOG_GARBLED;
	if (slice_is(d->from, "<>"))
		d->from.at = d->from.end;
	if (slice_take_text(&in, "R=") && !slice_take_until(&in, ' ', &bounced))
		return MAILLOG_GARBLED;
	(void)slice_take_text(&in, "DS ");
	if (!slice_take_text(&in, "H="))
		return MAILLOG_USELESS; /* of a local user */
	if (!exim_read_host(&in, d))
		return MAILLOG_GARBLED;
	const char *p = words_find(in, " P=");
	fields = (struct slice){ p ? p + 3 : in.end, in.end };
	if (!slice_take_until(&fields, ' ', &protocol))
		return MAILLOG_GARBLED;
	d->is_user = slice_len(protocol) > 0 && protocol.end[-1] == 'a';
	d->stage = DEPTH_DATA;
	struct logsession *s = happened(d, ARRIVED);
	s->is_queued = true;
	if (slice_len(d->id) == 0)
		return MAILLOG_USED;
	struct logtie *tie = said_tie(d, s, d->id);
	tie->is_telling = true;
	if (logsessions_may_have_filter(d->t) && words_skip_to(&message, " id="))
		tie_message_id(d, s, message);
	logsession_sender(tie, d->from);
	read_recipients(tie, fields);
	return MAILLOG_USED;
}

/* "mail.example [192.0.2.1]": somebody else's. */
static bool is_sent_away(const struct said *d, struct slice in)
{
	struct said other = *d;
	return words_skip_to(&in, " H=") && exim_read_host(&in, &other) &&
	       addr_kind(other.client) == ADDR_PUBLIC;
}

/* Behind "=> ": "bob <bob@example.com> R=...", "bob@example.com R=..." */
static enum maillog_says on_delivery(struct said *d, struct slice in)
{
	struct slice original;
	struct logtie *tie = said_tied(d);
	if (!words_mailbox(&in, ' ', &d->to))
		return MAILLOG_GARBLED;
	if (slice_take(&in, '<') && words_mailbox(&in, '>', &original))
		d->to = original;
	if (tie)
		logsession_recipient(tie, d->to);
	else if (is_sent_away(d, in))
		logsessions_delivered(d->t, d->to, d->front->time);
	else
		return MAILLOG_USELESS;
	return MAILLOG_USED;
}

/* "== ", "** ": not delivered, but a recipient. */
static enum maillog_says on_failure(struct said *d, struct slice in)
{
	return said_tied(d) ? on_delivery(d, in) : MAILLOG_USELESS;
}

static enum maillog_says on_completed(struct said *d, struct slice in)
{
	struct logtie *tie = said_tied(d);
	(void)in;
	if (!tie)
		return MAILLOG_USELESS;
	tie->is_telling = false;
	if (tie->session->is_over)
		logsession_settle(d->t, tie->session);
	return MAILLOG_USED;
}

/* Connections */

static enum maillog_says event(struct said *d, struct slice in, enum event event)
{
	if (!exim_read_host(&in, d))
		return MAILLOG_GARBLED;
	exim_read_lasted(in, d);
	(void)happened(d, event);
	return MAILLOG_USED;
}

static enum maillog_says on_connect(struct said *d)
{
	bool is_certain;
	d->pid = 0; /* the daemon's own */
	struct logsession *s = find(d, SEEN, &is_certain);
	if (is_certain)
		logsession_finish(d->t, s); /* its end is missing */
	s = begin(d);
	s->is_hint = false;
	s->due = STAMP_NEVER;
	keep(s, d);
	return MAILLOG_USED;
}

/* Behind "SMTP connection from ": it begins or ends. */
static enum maillog_says on_connection(struct said *d, struct slice in)
{
	if (!exim_read_host(&in, d))
		return MAILLOG_GARBLED;
	if (slice_take_text(&in, " (TCP/IP connection count = ") ||
	    slice_take_text(&in, " (via inetd)"))
		return on_connect(d);
	exim_read_lasted(in, d);
	d->code = 5;
	bool is_refused = slice_take_text(&in, " dropped by ") ||
			  slice_take_text(&in, " closed by DROP in ACL");
	if (slice_take_text(&in, " lost while reading message data"))
		d->stage = DEPTH_DATA;
	if (is_refused)
		(void)happened(d, REFUSED);
	(void)happened(d, slice_take_text(&in, " closed by QUIT") ? QUIT : LOST);
	return MAILLOG_USED;
}

static enum maillog_says on_lost(struct said *d, struct slice in)
{
	return event(d, in, LOST);
}

/* Logged when MAIL had come. */
static enum maillog_says on_disconnected(struct said *d, struct slice in)
{
	d->stage = DEPTH_MAIL;
	return event(d, in, LOST);
}

static enum maillog_says on_data_lost(struct said *d, struct slice in)
{
	d->stage = DEPTH_DATA;
	(void)slice_take_text(&in, "H=");
	return event(d, in, LOST);
}

/* "[192.0.2.1] D=0.2s C=EHLO,QUIT" */
static enum maillog_says on_no_mail(struct said *d, struct slice in)
{
	struct slice commands = in;
	if (words_skip_to(&commands, " C=") &&
	    (words_find(commands, "EHLO") || words_find(commands, "HELO")))
		d->stage = DEPTH_HELO;
	return event(d, in, NO_MAIL);
}

static enum maillog_says on_hint(struct said *d, struct slice in)
{
	if (!addr_parse_n(in.at, slice_len(in), &d->client))
		return MAILLOG_GARBLED;
	(void)happened(d, HINT);
	return MAILLOG_USED;
}

static enum maillog_says on_seen(struct said *d, struct slice in)
{
	return event(d, in, SEEN);
}

static enum maillog_says on_refused(struct said *d, struct slice in)
{
	(void)slice_take_text(&in, "H=");
	d->code = 5;
	return event(d, in, REFUSED);
}

/* It is told 421. */
static enum maillog_says on_busy(struct said *d, struct slice in)
{
	d->code = 4;
	return event(d, in, REFUSED);
}

/* "rejected from <a@b.example> H=(helo) [192.0.2.1]: message too big" */
static enum maillog_says on_too_big(struct said *d, struct slice in)
{
	d->stage = d->stage == DEPTH_MAIL ? DEPTH_MAIL : DEPTH_DATA;
	return words_mailbox(&in, '>', &d->from) && slice_take(&in, ' ')
		   ? on_refused(d, in)
		   : MAILLOG_GARBLED;
}

/* The same at MAIL, by SIZE. */
static enum maillog_says on_mail_too_big(struct said *d, struct slice in)
{
	d->stage = DEPTH_MAIL;
	return on_too_big(d, in);
}

/* "(next input sent too soon: pipelining was not advertised): rejected "RCPT
 * TO:<c@d.example>" H=mail.example [192.0.2.1] next input="DATA\r\n"": the client's
 * words stand on both sides. */
static enum maillog_says on_too_soon(struct said *d, struct slice in)
{
	struct slice command, behind;
	if (!words_skip_to(&in, "): rejected \"") ||
	    !words_split_once(in, "\" H=", &command, &behind))
		return MAILLOG_GARBLED;
	d->stage = stage_of(&command);
	return on_refused(d, behind);
}

/* "exim 4.96 daemon started: pid=42, -q30m, listening for SMTP on port 25" */
static enum maillog_says on_exim(struct said *d, struct slice in)
{
	(void)d;
	return words_find(in, " daemon started: pid=") &&
		       words_find(in, ", listening for SMTP")
		   ? MAILLOG_STARTED
		   : MAILLOG_USELESS;
}

static const struct said_words rows[] = {
	{ "<= ", on_arrived },
	{ "H=", on_host },
	{ "DS", on_dnssec },
	{ "=> ", on_delivery },
	{ "-> ", on_delivery },
	{ ">> ", on_delivery },
	{ "== ", on_failure },
	{ "** ", on_failure },
	{ "Completed", on_completed },
	{ "F=", on_sender },
	{ "SMTP connection from ", on_connection },
	{ "no host name found for IP address ", on_hint },
	{ "unexpected disconnection while reading SMTP command from ", on_disconnected },
	{ "unexpected EOF while reading SMTP command from ", on_disconnected },
	{ "no MAIL in SMTP connection from ", on_no_mail },
	{ "no MAIL in TLS SMTP connection from ", on_no_mail },
	{ "SMTP command timeout on connection from ", on_lost },
	{ "SMTP command timeout on TLS connection from ", on_lost },
	{ "SMTP data timeout (message abandoned) on connection from ", on_data_lost },
	{ "SMTP data timeout (message abandoned) on TLS connection from ", on_data_lost },
	{ "SMTP connection lost after final dot ", on_data_lost },
	{ "SMTP call from ", on_lost }, /* dropped: too many errors */
	{ "TLS error on connection from ", on_seen },
	{ "SMTP protocol synchronization error (input sent without waiting for "
	  "greeting): rejected connection from ",
	  on_refused },
	{ "SMTP protocol synchronization error (next input sent too soon: ",
	  on_too_soon },
	{ "bare <LF> received from ", on_data_lost },
	{ "rejected EHLO from ", on_refused },
	{ "rejected HELO from ", on_refused },
	{ "rejected MAIL from ", on_refused },
	{ "rejected MAIL FROM:<", on_mail_too_big },
	{ "rejected from <", on_too_big },
	{ "rejected connection from ", on_refused },
	{ "refused connection from ", on_refused },
	{ "temporarily refused connection from ", on_busy },
	{ "Connection from ", on_busy },
	{ "exim ", on_exim },
};

static bool is_program(const struct logline *l)
{
	return slice_is(l->program, LOGLINE_EXIM) || slice_is(l->program, "exim4");
}

static enum maillog_says read_line(struct logsessions *t, const struct logline *front)
{
	struct said d = said_of(t, front);
	struct slice in = front->text;
	if (!exim_read_front(&in, &d))
		return MAILLOG_USELESS;
	return said_read(rows, sizeof(rows) / sizeof(rows[0]), &d, in);
}

const struct maillog_reader reader_exim = { .name = "exim",
					    .is_program = is_program,
					    .line = read_line };
