#include "source/maillog/maillog_postfix.h"

#include "source/maillog/postfix_line.h"

/* One line: its front, and what it says. */
struct said {
	struct logsessions *t;
	const struct logline *front;
	struct postfix_line l;
};

static void keep_texts(struct logsession *s, const struct postfix_line *l)
{
	logsession_text(&s->helo, l->helo);
	logsession_text(&s->mail_from, l->from);
	logsession_domain(&s->recipient_domain, l->to);
}

static uint64_t session_key(const struct said *d)
{
	return logsession_key(d->front->host, d->l.process);
}

static uint64_t queue_key(const struct said *d)
{
	return logsession_key(d->front->host, d->l.queue_id);
}

/* By which smtpd's session finds what postscreen let pass. */
static uint64_t passed_key(const struct said *d)
{
	char key[1 + sizeof(d->l.client.bytes)] = { '@' }; /* in no queue id */
	memcpy(key + 1, d->l.client.bytes, sizeof(d->l.client.bytes));
	return logsession_key(d->front->host, (struct slice){ key, key + sizeof(key) });
}

static struct logsession *begin(const struct said *d)
{
	struct logsession *s =
	    logsession_begin(d->t, session_key(d), d->front, d->l.client);
	logsession_text(&s->name, d->l.name);
	s->local = d->l.local;
	return s;
}

/* The session that a line of smtpd's belongs to. A line of another client
 * shows that the end of the last session is missing. */
static struct logsession *session_of(const struct said *d)
{
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s && !addr_equal(s->client, d->l.client)) {
		logsession_finish(d->t, s);
		s = NULL;
	}
	return s ? s : begin(d);
}

static void add_queue_id(const struct said *d, struct logsession *s)
{
	uint64_t key = queue_key(d);
	struct logtie *known = logsession_tied(d->t, key);
	if (known && known->session == s)
		return;
	if (known) /* reused: a short queue id is unique only while it lives */
		logsession_untie(d->t, known);
	logsession_tie(d->t, s, key)->is_awaited = true;
}

/* smtpd's session of a client that postscreen let pass began with postscreen's,
 * which is no visit of its own then. */
static void join_passed(const struct said *d, struct logsession *s)
{
	struct logtie *tie = logsession_tied(d->t, passed_key(d));
	if (!tie)
		return;
	struct logsession *passed = tie->session;
	s->time = passed->time;
	s->precision_us = passed->precision_us;
	s->local = passed->local;
	logsession_drop(d->t, passed);
}

static void on_connect(const struct said *d)
{
	struct logsession *s = logsession_find(d->t, session_key(d));
	if (s)
		logsession_finish(d->t, s); /* its disconnect line is missing */
	s = begin(d);
	if (*d->l.process.at != '[') /* not postscreen's own */
		join_passed(d, s);
}

static void on_passed(const struct said *d)
{
	struct logsession *s = session_of(d);
	if (s->due == STAMP_NEVER)
		(void)logsession_tie(d->t, s, passed_key(d));
	s->due = d->front->time + POSTFIX_PASSED_WAIT;
}

static void count(struct logsession *s, const struct postfix_counts *c)
{
	if (!c->has_any) { /* before Postfix 3.0: lost, or it said QUIT */
		s->has_quit = !s->is_lost;
		s->is_data_ok = logsession_is_awaited(s) && !s->is_lost;
		return;
	}
	logsession_reach(s, c->data   ? DEPTH_DATA
			    : c->rcpt ? DEPTH_RCPT
			    : c->mail ? DEPTH_MAIL
			    : c->helo ? DEPTH_HELO
				      : DEPTH_CONNECT);
	s->has_quit = c->quit > 0;
	s->is_rcpt_answered = c->rcpt > 0;
	/* BDAT counts chunks, not messages: ended by QUIT will do. */
	s->is_data_ok = c->data_ok > 0 || (c->bdat_ok > 0 && s->has_quit);
}

static void on_disconnect(const struct said *d)
{
	struct logsession *s = session_of(d);
	count(s, &d->l.counts);
	s->ended = d->front->time;
	s->is_over = true;
	s->due = d->front->time + POSTFIX_QUEUE_WAIT;
	if (s->is_given || s->is_queued || !s->is_data_ok || !logsession_is_awaited(s))
		logsession_settle(d->t, s, d->front->time);
}

static void on_client(const struct said *d)
{
	struct logsession *s = session_of(d);
	logsession_reach(s, DEPTH_RCPT);
	s->is_rcpt_answered = true;
	s->is_user = s->is_user || d->l.is_user;
	if (slice_len(d->l.queue_id))
		add_queue_id(d, s);
}

static void on_refused(struct logsession *s, const struct postfix_line *l)
{
	logsession_reach(s, l->stage);
	if (l->stage >= DEPTH_RCPT)
		s->is_rcpt_answered = true;
	*(l->code == 4 ? &s->is_refused_4 : &s->is_refused_5) = true;
	keep_texts(s, l);
}

static void on_lost(const struct said *d)
{
	struct logsession *s = session_of(d);
	logsession_reach(s, d->l.stage);
	s->is_lost = true;
}

static void on_relayed(const struct said *d)
{
	struct logsession *s = session_of(d);
	logsession_reach(s, DEPTH_DATA);
	s->is_queued = true;
	keep_texts(s, &d->l);
}

/* What cleanup, the queue manager and delivery say is tied by the queue id. */
static void on_queue_line(const struct said *d, enum postfix_says says)
{
	struct logtie *tie = logsession_tied(d->t, queue_key(d));
	if (!tie)
		return; /* of a submission, of Postfix itself, or given already */
	struct logsession *s = tie->session;
	if (says == POSTFIX_REFUSED)
		on_refused(s, &d->l);
	else if (says != POSTFIX_DISCARDED)
		keep_texts(s, &d->l);
	if (says == POSTFIX_QUEUED) {
		s->is_queued = true;
		logsession_reach(s, DEPTH_DATA);
	} else if (says != POSTFIX_DELIVERY) {
		logsession_untie(d->t, tie);
	}
	bool is_waiting = says == POSTFIX_DELIVERY; /* for a filter, as before */
	if (s->is_over && !is_waiting && (s->is_queued || !logsession_is_awaited(s)))
		logsession_settle(d->t, s, d->front->time);
}

/* Filters that know no queue id know this. It is the client's own, so it may be
 * tied to more than one. */
static void on_message_id(const struct said *d)
{
	struct logtie *tie = logsession_tied(d->t, queue_key(d));
	if (tie && logsessions_has_filter(d->t))
		(void)logsession_tie(d->t, tie->session,
				     logsession_key(d->front->host, d->l.message_id));
}

/* smtpd's own refusals have a process to go by, cleanup's a queue id. */
static void on_any_refused(const struct said *d)
{
	if (slice_len(d->l.queue_id) && !logsession_find(d->t, session_key(d)))
		on_queue_line(d, POSTFIX_REFUSED);
	else
		on_refused(session_of(d), &d->l);
}

enum maillog_says maillog_postfix_line(struct logsessions *t, const struct logline *l)
{
	struct said d = { .t = t, .front = l };
	enum postfix_says says = postfix_read_line(l, &d.l);
	switch (says) {
	case POSTFIX_CONNECT: on_connect(&d); break;
	case POSTFIX_DISCONNECT: on_disconnect(&d); break;
	case POSTFIX_PASSED: on_passed(&d); break;
	case POSTFIX_CLIENT: on_client(&d); break;
	case POSTFIX_LOST: on_lost(&d); break;
	case POSTFIX_RELAYED: on_relayed(&d); break;
	case POSTFIX_REFUSED: on_any_refused(&d); break;
	case POSTFIX_QUEUED:
	case POSTFIX_DISCARDED:
	case POSTFIX_DELIVERY: on_queue_line(&d, says); break;
	case POSTFIX_MESSAGE_ID: on_message_id(&d); break;
	case POSTFIX_STARTED: return MAILLOG_STARTED;
	case POSTFIX_FOREIGN: return MAILLOG_FOREIGN;
	case POSTFIX_GARBLED: return MAILLOG_GARBLED;
	case POSTFIX_NOTHING: return MAILLOG_USELESS;
	}
	return MAILLOG_USED;
}
