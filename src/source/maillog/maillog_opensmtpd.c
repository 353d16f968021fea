#include "source/maillog/maillog_opensmtpd.h"

#include "source/maillog/opensmtpd_line.h"

static void on_connect(struct logsessions *t, const struct logline *front,
		       const struct opensmtpd_line *l, uint64_t key)
{
	struct logsession *s = logsession_find(t, key);
	if (s)
		logsession_finish(t,
				  s); /* the same digits twice: not OpenSMTPD's doing */
	(void)logsession_begin(t, key, front, l->client);
}

static void on_refused(struct logsession *s, const struct opensmtpd_line *l)
{
	logsession_reach(s, l->stage);
	if (l->stage >= DEPTH_RCPT)
		s->is_rcpt_answered = true;
	*(l->code == 4 ? &s->is_refused_4 : &s->is_refused_5) = true;
}

static void on_queued(struct logsession *s)
{
	logsession_reach(s, DEPTH_DATA);
	s->is_rcpt_answered = true;
	s->is_queued = true;
}

static void on_disconnect(struct logsessions *t, struct logsession *s,
			  const struct logline *front, const struct opensmtpd_line *l)
{
	s->has_quit = l->has_quit;
	s->ended = front->time;
	logsession_finish(t, s);
}

/* Of a session that is known. */
static void on_line(struct logsessions *t, struct logsession *s,
		    const struct logline *front, enum opensmtpd_says says,
		    const struct opensmtpd_line *l)
{
	logsession_text(&s->helo, l->helo);
	logsession_text(&s->mail_from, l->from);
	logsession_domain(&s->recipient_domain, l->to);
	switch (says) {
	case OPENSMTPD_REFUSED: on_refused(s, l); break;
	case OPENSMTPD_QUEUED: on_queued(s); break;
	case OPENSMTPD_TLS: logsession_reach(s, DEPTH_HELO); break;
	case OPENSMTPD_BROKEN: s->is_lost = true; break;
	case OPENSMTPD_USER: logsession_drop(t, s); break;
	case OPENSMTPD_DISCONNECT: on_disconnect(t, s, front, l); break;
	case OPENSMTPD_ENVELOPE: /* its texts are all */
	default: break;
	}
}

enum maillog_says maillog_opensmtpd_line(struct logsessions *t,
					 const struct logline *front)
{
	struct opensmtpd_line l;
	enum opensmtpd_says says = opensmtpd_read_line(front, &l);
	uint64_t key = logsession_key(front->host, l.session);
	struct logsession *s;
	switch (says) {
	case OPENSMTPD_FOREIGN:
	case OPENSMTPD_LOCAL: return MAILLOG_FOREIGN;
	case OPENSMTPD_GARBLED: return MAILLOG_GARBLED;
	case OPENSMTPD_NOTHING: return MAILLOG_USELESS;
	case OPENSMTPD_STARTED: return MAILLOG_STARTED;
	case OPENSMTPD_CONNECT: on_connect(t, front, &l, key); return MAILLOG_USED;
	default: break;
	}
	s = logsession_find(t, key);
	if (!s)
		return MAILLOG_USELESS; /* of a submission, or from before the log's begin
					 */
	on_line(t, s, front, says, &l);
	return MAILLOG_USED;
}
