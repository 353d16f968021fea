#include "source/maillog/maillog_sendmail.h"

#include "source/maillog/sendmail_line.h"
#include "source/maillog/sendmail_parts.h"

/* One line: its front, and what it says. */
struct said {
	struct logsessions *t;
	const struct logline *front;
	struct sendmail_line l;
};

static uint64_t session_key(const struct said *d)
{
	return logsession_key(d->front->host, d->front->pid);
}

static uint64_t queue_key(const struct said *d)
{
	return logsession_key(d->front->host, d->l.queue_id);
}

/* What the first line with a queue id tells of the session. */
static void sign(struct logsession *s, const struct said *d)
{
	uint64_t own = sendmail_id_process(d->l.queue_id);
	if (s->sign || !own)
		return;
	s->sign = own;
	if (!d->l.began)
		return;
	s->time = d->l.began;
	s->precision_us = (uint32_t)STAMP_SECOND;
}

/* Process ids come again: another process' queue ids, or another client, show
 * that the last session is over. */
static bool is_same(const struct logsession *s, const struct said *d)
{
	static const struct addr none;
	uint64_t own = sendmail_id_process(d->l.queue_id);
	if (own && s->sign && s->sign != own)
		return false;
	return !d->l.has_client || addr_equal(s->client, none) ||
	       addr_equal(s->client, d->l.client);
}

/* Refusals can come before the line that tells who the client is. That TLS began
 * is not enough for a visit: at the submission port it is all that is logged of who then
 * fails to log in. */
static struct logsession *session_of(const struct said *d, enum sendmail_says says)
{
	static const struct addr none;
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s && !is_same(s, d)) {
		logsession_finish(d->t, s);
		s = NULL;
	}
	if (!s) {
		s = logsession_begin(d->t, session_key(d), d->front, d->l.client);
		s->is_hint = true;
	}
	if (d->l.has_client)
		s->client = d->l.client;
	if (says != SENDMAIL_TLS && !addr_equal(s->client, none))
		s->is_hint = false;
	sign(s, d);
	logsession_text(&s->name, d->l.name);
	s->ended = d->front->time;
	s->ripe = d->front->time + SENDMAIL_WAIT;
	s->due = d->front->time + LOGSESSION_OPEN_MAX;
	return s;
}

static void on_connect(const struct said *d)
{
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s)
		logsession_finish(d->t, s);
	s = session_of(d, SENDMAIL_CONNECT);
	s->ripe = s->due = STAMP_NEVER; /* its end has a line */
}

static void on_user(const struct said *d)
{
	session_of(d, SENDMAIL_USER)->is_user = true;
}

/* A message counts as long as its queue id is awaited: what refuses it comes
 * with the same id. */
static void on_message(const struct said *d, struct logsession *s)
{
	bool has_id = slice_len(d->l.queue_id) > 0;
	if (logsession_is_awaited(s) || !has_id)
		s->is_queued = true; /* the one before was not refused */
	if (has_id && !logsession_tied(d->t, queue_key(d)))
		logsession_tie(d->t, s, queue_key(d))->is_awaited = true;
	s->is_data_ok = s->is_rcpt_answered = s->has_quit = true;
	logsession_reach(s, DEPTH_DATA);
	logsession_text(&s->mail_from, d->l.from);
}

static void unqueue(const struct said *d)
{
	struct logtie *tie =
	    slice_len(d->l.queue_id) ? logsession_tied(d->t, queue_key(d)) : NULL;
	if (tie)
		tie->is_awaited = false;
}

static void on_refused(const struct said *d, struct logsession *s)
{
	logsession_reach(s, d->l.stage);
	if (d->l.stage >= DEPTH_RCPT)
		s->is_rcpt_answered = true;
	if (d->l.stage == DEPTH_DATA)
		unqueue(d);
	*(d->l.code == 4 ? &s->is_refused_4 : &s->is_refused_5) = true;
	logsession_domain(&s->recipient_domain, d->l.to);
}

static void on_envelope(const struct said *d, struct logsession *s)
{
	logsession_reach(s, d->l.stage);
	if (d->l.stage >= DEPTH_RCPT)
		s->is_rcpt_answered = true;
	s->has_quit = true; /* unless it was lost */
	logsession_text(&s->mail_from, d->l.from);
	if (s->is_lost)
		logsession_finish(d->t, s);
}

static void on_line(const struct said *d, struct logsession *s, enum sendmail_says says)
{
	switch (says) {
	case SENDMAIL_TLS: logsession_reach(s, DEPTH_HELO); break;
	case SENDMAIL_IDLE: logsession_finish(d->t, s); break;
	case SENDMAIL_ENVELOPE: on_envelope(d, s); break;
	case SENDMAIL_MESSAGE: on_message(d, s); break;
	case SENDMAIL_REFUSED: on_refused(d, s); break;
	case SENDMAIL_DISCARDED: unqueue(d); break;
	case SENDMAIL_SPAM: s->has_spam = true; break;
	case SENDMAIL_LOST:
		s->is_lost = true;
		logsession_reach(s, d->l.stage);
		break;
	default: break;
	}
}

/* By another process, as a rule. */
static enum maillog_says on_delivery(const struct said *d)
{
	struct logtie *tie = logsession_tied(d->t, queue_key(d));
	if (!tie || slice_len(d->l.queue_id) == 0)
		return MAILLOG_USELESS;
	logsession_domain(&tie->session->recipient_domain, d->l.to);
	return MAILLOG_USED;
}

enum maillog_says maillog_sendmail_line(struct logsessions *t,
					const struct logline *front)
{
	struct said d = { .t = t, .front = front };
	enum sendmail_says says = sendmail_read_line(front, &d.l);
	switch (says) {
	case SENDMAIL_FOREIGN: return MAILLOG_FOREIGN;
	case SENDMAIL_GARBLED: return MAILLOG_GARBLED;
	case SENDMAIL_NOTHING: return MAILLOG_USELESS;
	case SENDMAIL_STARTED: return MAILLOG_STARTED;
	case SENDMAIL_DELIVERY: return on_delivery(&d);
	case SENDMAIL_USER: on_user(&d); return MAILLOG_FOREIGN;
	case SENDMAIL_CONNECT: on_connect(&d); return MAILLOG_USED;
	default: break;
	}
	on_line(&d, session_of(&d, says), says);
	return MAILLOG_USED;
}
