#include "source/maillog/maillog_exim.h"

#include "source/maillog/exim_line.h"

/* Without port or process, lines that far from the first are another visit. */
#define TOGETHER (2 * STAMP_MINUTE)

enum { PORT_SMTPS = 465, PORT_SUBMISSION = 587 };

/* One line: its front, and what it says. */
struct said {
	struct logsessions *t;
	const struct logline *front;
	enum exim_says says;
	struct exim_line l;
};

static uint64_t client_key(const struct said *d)
{
	char key[1 + sizeof(d->l.client.bytes)] = { '=' }; /* in no message id */
	memcpy(key + 1, d->l.client.bytes, sizeof(d->l.client.bytes));
	return logsession_key(d->front->host, (struct slice){ key, key + sizeof(key) });
}

static bool differs(uint32_t a, uint32_t b)
{
	return a && b && a != b;
}

/* Certain: by port or process. Otherwise one that does not contradict; of those
 * that wait for the first line of their own process the oldest. */
static struct logsession *find(const struct said *d, bool *ret_is_certain)
{
	struct logsession *s = NULL, *found = NULL;
	uint64_t key = client_key(d);
	*ret_is_certain = false;
	for (int i = 0; i < EXIM_LOOK_MAX && (s = logsession_next(d->t, key, s)); i++) {
		if (differs(s->pid, d->l.pid) || differs(s->port, d->l.port))
			continue;
		if ((s->pid && s->pid == d->l.pid) || (s->port && s->port == d->l.port)) {
			*ret_is_certain = true;
			return s;
		}
		bool may_be = !s->is_over || d->says == EXIM_NO_MAIL;
		if (may_be && (!found || (d->l.pid && !s->pid)))
			found = s;
	}
	return found;
}

static struct logsession *begin(const struct said *d)
{
	struct logsession *s =
	    logsession_begin(d->t, client_key(d), d->front, d->l.client);
	if (d->says != EXIM_CONNECT)
		logsession_began_before(d->t, s, EXIM_UNSEEN);
	s->is_hint = true;
	s->due = d->front->time + EXIM_IDLE;
	return s;
}

/* The session that a line belongs to. Without port and process a client's next
 * connection shows by its hint alone, if at all. */
static struct logsession *session_of(const struct said *d)
{
	bool is_certain;
	struct logsession *s = find(d, &is_certain);
	if (s && !is_certain) {
		bool is_next = d->says == EXIM_HINT && !d->l.pid && s->due != STAMP_NEVER;
		if (is_next || d->front->time - s->time >= TOGETHER) {
			logsession_finish(d->t, s);
			s = NULL;
		}
	}
	return s ? s : begin(d);
}

static void keep(struct logsession *s, const struct exim_line *l)
{
	static const struct addr none;
	s->pid = s->pid ? s->pid : l->pid;
	s->port = s->port ? s->port : l->port;
	if (!addr_equal(l->local, none))
		s->local = l->local;
	if (l->is_user || l->local_port == PORT_SUBMISSION || l->local_port == PORT_SMTPS)
		s->is_user = true;
	logsession_reach(s, l->stage);
	if (l->stage >= DEPTH_RCPT)
		s->is_rcpt_answered = true;
	if (slice_len(l->helo))
		logsession_reach(s, DEPTH_HELO);
	logsession_text(&s->name, l->name);
	logsession_text(&s->helo, l->helo);
	logsession_text(&s->mail_from, l->from);
	logsession_domain(&s->recipient_domain, l->to);
}

static void end(const struct said *d, struct logsession *s)
{
	if (d->l.lasted >= 0 && s->precision_us >= EXIM_UNSEEN) {
		s->time = d->front->time - d->l.lasted - d->l.lasted_precision;
		s->precision_us =
		    (uint32_t)(d->front->precision_us + d->l.lasted_precision);
	}
	s->ended = d->front->time;
	s->is_over = true;
	s->due = d->front->time + EXIM_AFTER;
}

static void on_connect(const struct said *d)
{
	bool is_certain;
	struct said of_daemon = *d;
	of_daemon.l.pid = 0; /* the daemon's own */
	struct logsession *s = find(&of_daemon, &is_certain);
	if (is_certain)
		logsession_finish(d->t, s); /* its end is missing */
	s = begin(&of_daemon);
	s->is_hint = false;
	s->due = STAMP_NEVER;
	keep(s, &of_daemon.l);
}

static void on_arrived(const struct said *d, struct logsession *s)
{
	s->is_queued = true;
	if (slice_len(d->l.id) && !slice_len(d->l.to) && !s->recipient_domain)
		(void)logsession_tie(d->t, s, logsession_key(d->front->host, d->l.id));
}

static void on_delivery(const struct said *d)
{
	struct logtie *tie =
	    logsession_tied(d->t, logsession_key(d->front->host, d->l.id));
	if (tie)
		logsession_domain(&tie->session->recipient_domain, d->l.to);
}

/* A line of a session that may have ended. */
static void on_session_line(const struct said *d)
{
	struct logsession *s = session_of(d);
	if (d->says != EXIM_HINT)
		s->is_hint = false;
	keep(s, &d->l);
	if (!s->is_over && s->due != STAMP_NEVER)
		s->due = d->front->time + EXIM_IDLE;
	switch (d->says) {
	case EXIM_ARRIVED: on_arrived(d, s); break;
	case EXIM_REFUSED:
		*(d->l.code == 4 ? &s->is_refused_4 : &s->is_refused_5) = true;
		break;
	case EXIM_QUIT: s->has_quit = true; break;
	case EXIM_LOST: s->is_lost = true; break;
	default: break;
	}
	if (d->says == EXIM_QUIT || d->says == EXIM_LOST || d->says == EXIM_NO_MAIL)
		end(d, s);
}

enum maillog_says maillog_exim_line(struct logsessions *t, const struct logline *l)
{
	struct said d = { .t = t, .front = l };
	d.says = exim_read_line(l, &d.l);
	switch (d.says) {
	case EXIM_NOTHING: return MAILLOG_USELESS;
	case EXIM_GARBLED: return MAILLOG_GARBLED;
	case EXIM_STARTED: return MAILLOG_STARTED;
	case EXIM_CONNECT: on_connect(&d); break;
	case EXIM_DELIVERY: on_delivery(&d); break;
	case EXIM_HINT:
	case EXIM_SEEN:
	case EXIM_ARRIVED:
	case EXIM_REFUSED:
	case EXIM_LOST:
	case EXIM_QUIT:
	case EXIM_NO_MAIL: on_session_line(&d); break;
	}
	return MAILLOG_USED;
}
