#include "source/maillog/maillog_lines.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "source/maillog/frame.h"
#include "source/maillog/reader.h"
#include "source/maillog/words.h"

/* The first that knows the program gets the line. */
static const struct maillog_reader *const readers[] = {
	&reader_postfix,  &reader_exim,   &reader_opensmtpd,
	&reader_sendmail, &reader_filter,
};
enum { READERS = sizeof(readers) / sizeof(readers[0]) };
static_assert((int)READERS <= (int)MAILLOG_READERS_MAX, "a count for each");

struct maillog_lines {
	maillog_started_fn started;
	maillog_lost_fn lost; /* likewise */
	int64_t mail;         /* the last line of a program that is read; 0 */
	maillog_made_fn made; /* NULL: nobody wants to know */
	void *arg;
	struct logsessions *sessions;
	struct frame *frame;
	char *host;           /* only its lines; NULL: all */
	int64_t newest, last; /* last: 0 if the last line has no stamp */
	uint32_t last_precision_us;
	int64_t now;                /* of the last advance */
	int64_t previous, advanced; /* the line before; up to where lines did it */
	int64_t blind;              /* the longest of the readers that read something */
	struct frame *filter;       /* of a filter's own log; NULL: there is none */
	int64_t filter_newest;      /* its stamps' */
	const char *stamps;
	bool is_filter_at_end;
	struct maillog_lines_counts counts;
};

static enum maillog_says read_line(struct maillog_lines *m, const struct logline *l,
				   struct maillog_made *made)
{
	for (size_t i = 0; i < READERS; i++) {
		if (!readers[i]->is_program(l))
			continue;
		enum maillog_says says = readers[i]->line(m->sessions, l);
		made->reader = readers[i]->name;
		if (says == MAILLOG_USED || says == MAILLOG_STARTED) {
			m->counts.used_by[i]++;
			if (m->blind < readers[i]->blind)
				m->blind = readers[i]->blind;
		}
		return says;
	}
	return MAILLOG_FOREIGN;
}

/* A single stamp from the future must not make all that follows look old: what is
 * open would be given before its end. */
static void note_time(struct maillog_lines *m, int64_t time)
{
	bool is_jump = m->newest - time > MAILLOG_JUMP;
	m->counts.jumps += is_jump;
	if (time > m->newest || is_jump)
		m->newest = time;
}

void maillog_lines_advance(struct maillog_lines *m, int64_t now)
{
	m->now = now;
	logsessions_advance(m->sessions, now);
}

/* Time is what the lines say, wherever the pieces of a file are cut. One stamp alone
 * may be wrong: two lines must have come so far. */
static void advance_by(struct maillog_lines *m, int64_t time)
{
	int64_t sure = time < m->previous ? time : m->previous;
	m->previous = time;
	if (sure - m->advanced >= STAMP_SECOND || m->advanced - sure > MAILLOG_JUMP) {
		m->advanced = sure;
		maillog_lines_advance(m, sure);
	}
}

/* "mx3" is also "mx3.example.com", and the other way round. */
static bool is_host(struct slice host, const char *wanted)
{
	size_t len = strlen(wanted), n = slice_len(host), least = len < n ? len : n;
	if (least == 0 || strncasecmp(host.at, wanted, least) != 0)
		return false;
	return n == len || (n > len ? host.at[len] : wanted[n]) == '.';
}

/* "Suppressed 12 messages from postfix.service", "imuxsock lost 12 messages from pid 7
 * due to rate-limiting", "imjournal: 12 messages lost due to rate-limiting" */
static bool look_for_loss(struct maillog_lines *m, const struct logline *l)
{
	bool is_journald = slice_is(l->program, "systemd-journald") &&
			   words_find(l->text, "Suppressed ");
	bool is_rsyslog = slice_is(l->program, "rsyslogd") &&
			  words_find(l->text, "lost") &&
			  words_find(l->text, " due to rate-limiting");
	if (m->lost && (is_journald || is_rsyslog))
		m->lost(m->arg, m->mail ? m->mail : l->time - STAMP_MINUTE, l->time,
			is_journald);
	return is_journald || is_rsyslog;
}

static void read_framed(struct maillog_lines *m, const struct logline *l,
			struct maillog_made *made)
{
	made->program = l->program;
	made->has_stamp = true;
	made->says = MAILLOG_FOREIGN;
	if (m->host && !is_host(l->host, m->host))
		return;
	advance_by(m, l->time);
	m->last = l->time;
	m->last_precision_us = l->precision_us;
	made->says = read_line(m, l, made);
	if (made->says != MAILLOG_GARBLED)
		note_time(m, l->time);
	if (made->reader)
		m->mail = l->time;
	else
		made->is_loss = look_for_loss(m, l);
	if (made->says == MAILLOG_STARTED && m->started)
		m->started(m->arg, l->time);
}

static void count(struct maillog_lines_counts *c, enum maillog_says says)
{
	c->lines++;
	switch (says) {
	case MAILLOG_STARTED:
	case MAILLOG_USED: c->used++; break;
	case MAILLOG_USELESS: c->useless++; break;
	case MAILLOG_FOREIGN: c->foreign++; break;
	case MAILLOG_GARBLED: c->garbled++; break;
	}
}

void maillog_lines_line(struct maillog_lines *m, const char *line, size_t len,
			int64_t now)
{
	struct logline l;
	struct maillog_made made = { .says = MAILLOG_GARBLED, .program = { line, line } };
	m->last = 0;
	switch (frame_read(m->frame, line, len, now, &l)) {
	case FRAME_NONE: break;
	case FRAME_MARK: made.says = MAILLOG_FOREIGN; break;
	case FRAME_PART:
		made.says = MAILLOG_USELESS;
		made.is_part = true;
		break;
	case FRAME_LINE: read_framed(m, &l, &made); break;
	}
	count(&m->counts, made.says);
	if (m->made)
		m->made(m->arg, &made, line, len);
}

/* ---- a filter's own log ---- */

static void note_verdicts(struct maillog_lines *m)
{
	logsessions_verdicts(m->sessions,
			     m->is_filter_at_end ? STAMP_NEVER : m->filter_newest);
}

void maillog_lines_verdicts(struct maillog_lines *m, bool is_at_end)
{
	if (!m->filter) {
		m->filter = frame_new();
		frame_zone(m->filter, m->stamps);
	}
	m->is_filter_at_end = is_at_end;
	note_verdicts(m);
}

void maillog_lines_verdict(struct maillog_lines *m, const char *line, size_t len,
			   int64_t now)
{
	struct logline l;
	if (frame_read(m->filter, line, len, now, &l) != FRAME_LINE)
		return;
	if (reader_filter.is_program(&l))
		(void)reader_filter.line(m->sessions, &l);
	if (l.time > m->filter_newest)
		m->filter_newest = l.time;
	note_verdicts(m);
}

bool maillog_lines_verdicts_ahead(const struct maillog_lines *m)
{
	return m->is_filter_at_end || m->filter_newest > m->newest;
}

void maillog_lines_show(struct maillog_lines *m, int64_t now)
{
	maillog_lines_advance(m, now);
	logsessions_show(m->sessions, now);
}

void maillog_lines_finish(struct maillog_lines *m)
{
	m->blind = 0;
	logsessions_finish(m->sessions);
}

int64_t maillog_lines_held(const struct maillog_lines *m)
{
	int64_t held = logsessions_held(m->sessions);
	int64_t blind = logsessions_lag(m->sessions);
	if (blind < m->blind)
		blind = m->blind;
	return blind && m->now - blind < held ? m->now - blind : held;
}

int64_t maillog_lines_newest(const struct maillog_lines *m)
{
	return m->newest;
}

bool maillog_lines_last(const struct maillog_lines *m, int64_t *ret_time,
			uint32_t *ret_precision_us)
{
	*ret_time = m->last;
	*ret_precision_us = m->last_precision_us;
	return m->last != 0;
}

struct maillog_lines_counts maillog_lines_counts(const struct maillog_lines *m)
{
	struct maillog_lines_counts c = m->counts;
	c.visits = logsessions_given(m->sessions);
	c.open = logsessions_open(m->sessions);
	return c;
}

const char *maillog_lines_reader(size_t i)
{
	return i < READERS ? readers[i]->name : NULL;
}

struct maillog_lines *maillog_lines_new(logsession_visit_fn fn, void *arg)
{
	struct maillog_lines *m = xcalloc(1, sizeof(*m));
	m->sessions = logsessions_new(fn, arg);
	m->frame = frame_new();
	m->arg = arg;
	return m;
}

void maillog_lines_on_started(struct maillog_lines *m, maillog_started_fn fn)
{
	m->started = fn;
}

void maillog_lines_on_lost(struct maillog_lines *m, maillog_lost_fn fn)
{
	m->lost = fn;
}

const char *maillog_lines_limit(bool is_journald)
{
	return is_journald ? "RateLimitBurst in journald.conf"
			   : "the rate limit of rsyslog's imuxsock or imjournal";
}

void maillog_lines_on_made(struct maillog_lines *m, maillog_made_fn fn)
{
	m->made = fn;
}

void maillog_lines_stamps(struct maillog_lines *m, const char *zone)
{
	m->stamps = zone;
	frame_zone(m->frame, zone);
}

void maillog_lines_host(struct maillog_lines *m, const char *host)
{
	free(m->host);
	m->host = host && *host ? xstrdup(host) : NULL;
}

void maillog_lines_on_delivered(struct maillog_lines *m, logsession_delivered_fn fn)
{
	logsessions_on_delivered(m->sessions, fn);
}

void maillog_lines_free(struct maillog_lines *m)
{
	if (!m)
		return;
	logsessions_free(m->sessions);
	frame_free(m->frame);
	frame_free(m->filter);
	free(m->host);
	free(m);
}
