#include "source/maillog/maillog.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/logclock.h"
#include "source/maillog/input.h"
#include "source/maillog/maillog_lines.h"

/* How often we look, and how much we read before others get their turn. */
enum {
	LOOK_MS = 250,
	BYTES_AT_ONCE = 1 << 16,
	BYTES_IN_HASTE = 1 << 13,
	FILTER_WAITS = 40
};
#define TURN (4 * STAMP_MILLISECOND)
#define PAUSE (10 * STAMP_SECOND) /* longer than any between two looks */

struct maillog {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_idle_t more; /* while there is something to read at once */
	struct stamp_clock clock;
	struct source_sink sink;
	uint16_t *hosts;
	size_t host_count;
	uint16_t site;
	char *path;
	int64_t since; /* INT64_MIN: all */
	struct input *log;
	struct input *filter; /* of the spam filter, read as far as the log is; NULL */
	char *filter_path;
	bool is_filter_trouble;
	unsigned filter_waits; /* looks in a row at which it had not begun to speak */
	bool is_log_at_end;
	char *stamps; /* NULL: ours */
	void (*ended)(void *arg);
	struct maillog_lines *reader;
	struct maillog_address *addresses;
	size_t address_count;
	int64_t now;  /* of the look that runs */
	int64_t upto; /* the last watermark */
	struct logclock logclock;
	int64_t caught_up;  /* the log's newest stamp at its first end; STAMP_NEVER */
	bool is_clock_seen; /* whether it was off when we started */
	bool is_fresh;      /* what comes now was written since the look before */
	bool is_clock_told; /* that it is off */
	bool was_far;       /* and so far that nobody could be judged */
	int64_t looked;     /* when we read last */
	bool is_trouble, is_stopped;
	unsigned closed; /* of two handles */
	struct maillog_counts counts;
};

/* So far that a visit's interval cannot span it: nobody is judged until the
 * clocks agree, nor later by what was logged meanwhile. */
static bool is_far(const struct maillog *m)
{
	return logclock_distance(&m->logclock) > MAILLOG_CLOCK_FAR;
}

/* The earlier of what the log says and what that is by our clock. */
static int64_t earliest(const struct maillog *m, int64_t t)
{
	int64_t ours = t - m->logclock.offset;
	return (ours < t ? ours : t) - LOGCLOCK_SLACK;
}

/*
 * Where the log's clock seems to be off, it may as well be right and its lines
 * late, or only one of the machines that write it be wrong. So the moment is
 * known less exactly: in an interval that contains it either way, and is too
 * wide for a delay (DELAY_WIDTH_MAX).
 */
static void by_our_clock(const struct maillog *m, struct visit *v)
{
	if (m->logclock.offset == 0 || is_far(m))
		return;
	v->time = earliest(m, v->time);
	v->precision_us += (uint32_t)(logclock_doubt(&m->logclock));
	v->answered = 0;
	if (v->ended && m->logclock.offset < 0)
		v->ended -= m->logclock.offset;
}

/* Whose visit it is. Of two hosts with that address the first. */
static void set_host(const struct maillog *m, const struct addr *local, struct visit *v)
{
	v->site = m->site;
	v->host = m->hosts[0];
	for (size_t i = 0; local && i < m->address_count; i++) {
		if (addr_equal(m->addresses[i].address, *local)) {
			v->site = m->addresses[i].site;
			v->host = m->addresses[i].host;
			return;
		}
	}
}

static void on_visit(void *arg, const struct visit *known, const struct addr *local)
{
	struct maillog *m = arg;
	struct visit v = *known;
	by_our_clock(m, &v);
	bool is_exact = m->logclock.offset == 0 || is_far(m);
	/* By a clock that is behind, what came after the start may look older
	 * than the watermark. */
	if (v.time + (is_exact ? 0 : v.precision_us) < m->since &&
	    known->time <= m->caught_up)
		return;
	set_host(m, local, &v);
	m->counts.visits++;
	m->sink.visit(m->sink.arg, &v);
}

/* Nobody is accused by lines that are missing; over at once, as it is past and nothing
 * can be done. */
static void tell_gap(struct maillog *m, const char *text, int64_t from, int64_t to)
{
	for (size_t i = 0; i < m->host_count; i++) {
		m->sink.trouble(m->sink.arg, m->hosts[i], false, text);
		m->sink.trouble(m->sink.arg, m->hosts[i], true, "the mail log is read");
		if (m->sink.gap)
			m->sink.gap(m->sink.arg, m->hosts[i],
				    from > m->since ? from : m->since, to);
	}
}

static void on_lost(void *arg, int64_t from, int64_t to, bool is_journald)
{
	struct maillog *m = arg;
	char text[640];
	if (to < m->since)
		return;
	(void)snprintf(text, sizeof(text),
		       "the mail log %s left lines out, because there were too many at "
		       "once: nobody is judged by their absence; raise %s",
		       m->path, maillog_lines_limit(is_journald));
	tell_gap(m, text, from, to);
}

static void on_delivered(void *arg, const char *domain, int64_t time)
{
	struct maillog *m = arg;
	if (m->sink.delivered)
		m->sink.delivered(m->sink.arg, m->hosts[0], domain, time);
}

static void on_started(void *arg, int64_t at)
{
	struct maillog *m = arg;
	if (m->logclock.offset < 0)
		at -= m->logclock.offset;
	if (at < m->since || !m->sink.outage)
		return;
	for (size_t i = 0; i < m->host_count; i++)
		m->sink.outage(m->sink.arg, m->hosts[i], at);
}

/* The log's clock is off, and was not known to be when what was written while we
 * were away was read: visits of it may have been taken for older ones, or for
 * later. */
static void doubt(struct maillog *m)
{
	if (m->is_clock_seen || m->since == INT64_MIN || !m->sink.gap)
		return;
	m->is_clock_seen = true;
	for (size_t i = 0; i < m->host_count; i++)
		m->sink.gap(m->sink.arg, m->hosts[i], m->since, m->now);
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct maillog *m = arg;
	int64_t stamp;
	uint32_t precision;
	maillog_lines_line(m->reader, line, len, m->now);
	if (!m->is_fresh || !maillog_lines_last(m->reader, &stamp, &precision))
		return;
	logclock_line(&m->logclock, stamp, precision, m->now);
	if (m->logclock.offset || stamp + precision + LOGCLOCK_SLACK < m->since)
		doubt(m);
	else if (stamp + precision + LOGCLOCK_SLACK >= m->now)
		m->is_clock_seen = true; /* one line in time shows that it is right */
}

/* In whole seconds: then a stamp without fraction is below the watermark
 * exactly if the moment it stands for is. */
static void give_watermark(struct maillog *m)
{
	int64_t upto = m->now - MAILLOG_LAG - logclock_distance(&m->logclock);
	int64_t held = maillog_lines_held(m->reader);
	if (is_far(m))
		return;
	if (held != STAMP_NEVER && m->logclock.offset)
		held = earliest(m, held);
	upto -= upto % STAMP_SECOND;
	if (held < upto)
		upto = held;
	if (upto <= m->upto)
		return;
	m->upto = upto;
	for (size_t i = 0; i < m->host_count; i++)
		m->sink.watermark(m->sink.arg, m->hosts[i], upto);
}

/* why: NULL when all is well. */
static void tell(struct maillog *m, const char *why)
{
	char text[768];
	bool is_over = !why;
	if (m->is_trouble == !is_over)
		return;
	m->is_trouble = !is_over;
	if (is_over)
		(void)snprintf(text, sizeof(text), "the mail log %s is read again",
			       m->path);
	else
		(void)snprintf(text, sizeof(text),
			       "%s; until it can be read, nobody watches this host", why);
	for (size_t i = 0; i < m->host_count; i++)
		m->sink.trouble(m->sink.arg, m->hosts[i], is_over, text);
}

/* What was logged while the clock was far off cannot be held against anybody. */
static void tell_far(struct maillog *m)
{
	bool was_far = m->was_far;
	m->was_far = is_far(m);
	for (size_t i = 0; was_far && !m->was_far && i < m->host_count; i++) {
		if (m->sink.gap)
			m->sink.gap(m->sink.arg, m->hosts[i], m->upto, m->now);
	}
}

static void tell_clock(struct maillog *m)
{
	char text[640], span[STAMP_TEXT_MAX];
	int64_t offset = m->logclock.offset;
	if (m->is_clock_told == (offset != 0))
		return;
	m->is_clock_told = offset != 0;
	if (offset)
		(void)snprintf(
		    text, sizeof(text),
		    "the clock of the mail log %s is %s %s ours, or its lines "
		    "come late; %s until they agree",
		    m->path, stamp_duration_text(logclock_distance(&m->logclock), span),
		    offset < 0 ? "behind" : "ahead of",
		    is_far(m) ? "nobody is judged by it" : "it tells no delays");
	else
		(void)snprintf(text, sizeof(text),
			       "the clock of the mail log %s agrees with ours again",
			       m->path);
	for (size_t i = 0; i < m->host_count; i++)
		m->sink.trouble(m->sink.arg, m->hosts[i], offset == 0, text);
}

static void tell_missed(struct maillog *m, const char *missed)
{
	char text[640];
	(void)snprintf(text, sizeof(text),
		       "visits may be missing, and nobody is judged by that: %s", missed);
	tell_gap(m, text, m->upto, m->now);
}

/* For how long: less while somebody waits, or what was read is not written yet. */
static int64_t turn(const struct maillog *m)
{
	int64_t most = m->sink.reading ? m->sink.reading(m->sink.arg) : TURN;
	return most < TURN ? most : TURN;
}

static int poll_input(struct maillog *m, struct input *in, struct error *e)
{
	return input_poll(in, uv_now(m->loop),
			  turn(m) < TURN ? BYTES_IN_HASTE : BYTES_AT_ONCE, e);
}

static int poll_log(struct maillog *m, struct error *e)
{
	int64_t from, to;
	int rc = poll_input(m, m->log, e);
	for (const char *missed; (missed = input_missed_file(m->log));)
		tell_missed(m, missed);
	if (!input_missed(m->log, &from, &to) || !m->sink.gap)
		return rc;
	for (size_t i = 0; i < m->host_count; i++)
		m->sink.gap(m->sink.arg, m->hosts[i], from, to);
	return rc;
}

/* ---- the spam filter's own log ---- */

static void on_filter_line(void *arg, const char *line, size_t len)
{
	struct maillog *m = arg;
	maillog_lines_verdict(m->reader, line, len, m->now);
}

/* Its verdicts are missing then, and nobody is judged by that. */
static void tell_filter(struct maillog *m, const char *why)
{
	char text[768];
	if (m->is_filter_trouble == (why != NULL))
		return;
	m->is_filter_trouble = why != NULL;
	(void)snprintf(text, sizeof(text), "%s%s%s",
		       why ? "of the spam filter: " : "the spam filter's log ",
		       why ? why : m->filter_path,
		       why ? "; whether mail is spam is not known until then"
			   : " is read again");
	for (size_t i = 0; i < m->host_count; i++)
		m->sink.trouble(m->sink.arg, m->hosts[i], !why, text);
}

/* As far as the log is, or to its end: TAIL_AT_END, go on with the log. Who has not
 * begun to speak is waited for, but not for ever. */
static int read_filter(struct maillog *m)
{
	struct error e;
	if (!m->filter || (!m->is_log_at_end && maillog_lines_verdicts_ahead(m->reader)))
		return TAIL_AT_END;
	int rc = poll_input(m, m->filter, &e);
	while (input_missed_file(m->filter))
		; /* its verdicts alone are missing */
	m->filter_waits = rc == TAIL_WAIT ? m->filter_waits + 1 : 0;
	bool is_waiting = rc == TAIL_WAIT && m->filter_waits < FILTER_WAITS;
	if (rc != TAIL_WAIT)
		tell_filter(m, rc < 0 ? e.text : NULL);
	maillog_lines_verdicts(m->reader, rc != TAIL_MORE && !is_waiting);
	if (rc == TAIL_MORE)
		return rc;
	return is_waiting && !m->is_log_at_end ? TAIL_WAIT : TAIL_AT_END;
}

/* A piece, and more of them while others need not wait for their turn. */
static int read_on(struct maillog *m, struct error *e)
{
	int64_t began = stamp_monotonic();
	int rc = TAIL_MORE;
	while (rc == TAIL_MORE && stamp_monotonic() - began < turn(m)) {
		rc = read_filter(m);
		if (rc == TAIL_AT_END)
			rc = poll_log(m, e);
		m->is_log_at_end = rc == TAIL_AT_END;
	}
	return rc;
}

/* True: there is more to read at once. */
static bool look(struct maillog *m)
{
	m->now = stamp_clock_now(m->clock);
	struct error e;
	/* After a pause of ours, or a jump of our clock, lines are not fresh. */
	if (m->now - m->looked > PAUSE || m->now < m->looked) {
		m->is_fresh = false;
		m->logclock.began = 0;
	}
	m->looked = m->now;
	int rc = read_on(m, &e);
	if (rc != TAIL_WAIT)
		tell(m, rc < 0 ? e.text : NULL);
	tell_clock(m);
	tell_far(m);
	m->is_fresh = rc == TAIL_AT_END;
	if (rc == TAIL_AT_END) {
		if (m->caught_up == STAMP_NEVER)
			m->caught_up = maillog_lines_newest(m->reader);
		maillog_lines_show(m->reader, m->now + m->logclock.offset);
		give_watermark(m);
	}
	return rc == TAIL_MORE;
}

static void on_more(uv_idle_t *more);
static void on_timer(uv_timer_t *timer);

/* A timer of no time at all would run again and again before anybody else does. */
static void on_turn(struct maillog *m)
{
	bool is_more = look(m);
	if (input_is_over(m->log) && m->ended && !m->is_stopped)
		m->ended(m->sink.arg);
	if (m->is_stopped)
		return;
	if (is_more) {
		(void)uv_idle_start(&m->more, on_more); /* nothing that could fail */
		return;
	}
	(void)uv_idle_stop(&m->more);
	(void)uv_timer_start(&m->timer, on_timer, LOOK_MS, 0); /* not closing */
}

static void on_more(uv_idle_t *more)
{
	on_turn(more->data);
}

static void on_timer(uv_timer_t *timer)
{
	on_turn(timer->data);
}

static void open_inputs(struct maillog *m, const struct maillog_spec *spec)
{
	struct input_spec in = { .where = spec->path,
				 .is_command = spec->is_command,
				 .is_end = spec->start == MAILLOG_END,
				 .now = m->upto,
				 .since = m->since,
				 .has_earlier = spec->start == MAILLOG_SINCE };
	m->log = input_new(&in, on_line, m);
	if (!spec->filter || !*spec->filter)
		return;
	in.where = spec->filter;
	in.what = "its log"; /* tell_filter() says whose */
	in.is_command = spec->is_filter_command;
	m->filter_path = xstrdup(spec->filter);
	m->filter = input_new(&in, on_filter_line, m);
	maillog_lines_verdicts(m->reader, false);
}

struct maillog *maillog_new(uv_loop_t *loop, struct stamp_clock clock,
			    const struct maillog_spec *spec,
			    const struct source_sink *sink)
{
	struct maillog *m = xcalloc(1, sizeof(*m));
	assert(spec->host_count > 0);
	m->loop = loop;
	m->clock = clock;
	m->sink = *sink;
	m->site = spec->site;
	m->host_count = spec->host_count;
	m->hosts = xcalloc(spec->host_count, sizeof(uint16_t));
	memcpy(m->hosts, spec->hosts, spec->host_count * sizeof(uint16_t));
	m->addresses = xcalloc(spec->address_count + 1, sizeof(*m->addresses));
	m->address_count = spec->address_count;
	if (spec->address_count)
		memcpy(m->addresses, spec->addresses,
		       spec->address_count * sizeof(*m->addresses));
	m->path = xstrdup(spec->path);
	m->caught_up = STAMP_NEVER;
	m->since = spec->start == MAILLOG_SINCE ? spec->since : INT64_MIN;
	if (spec->start == MAILLOG_END)
		m->upto = stamp_clock_now(clock); /* of before we know nothing */
	m->reader = maillog_lines_new(on_visit, m);
	maillog_lines_on_started(m->reader, on_started);
	maillog_lines_on_delivered(m->reader, on_delivered);
	maillog_lines_on_lost(m->reader, on_lost);
	m->ended = spec->ended;
	m->stamps = spec->stamps && *spec->stamps ? xstrdup(spec->stamps) : NULL;
	maillog_lines_stamps(m->reader, m->stamps);
	maillog_lines_host(m->reader, spec->log_host);
	open_inputs(m, spec);
	m->timer.data = m->more.data = m;
	int rc = uv_idle_init(loop, &m->more);
	if (rc == 0)
		rc = uv_timer_init(loop, &m->timer);
	if (rc == 0)
		rc = uv_timer_start(&m->timer, on_timer, 0, 0);
	assert(rc == 0); /* timers need nothing that could lack */
	(void)rc;
	return m;
}

struct maillog_counts maillog_counts(const struct maillog *m)
{
	struct maillog_counts c = m->counts;
	struct tail_counts t = input_counts(m->log);
	struct maillog_lines_counts p = maillog_lines_counts(m->reader);
	c.bytes = t.bytes;
	c.too_long = t.too_long;
	c.rotations = t.rotations;
	c.lines = p.lines;
	c.used = p.used;
	c.useless = p.useless;
	c.foreign = p.foreign;
	c.garbled = p.garbled;
	c.open = p.open;
	c.last_line = maillog_lines_newest(m->reader);
	return c;
}

static void on_closed(uv_handle_t *h)
{
	struct maillog *m = h->data;
	m->closed++;
}

void maillog_stop(struct maillog *m)
{
	if (m->is_stopped)
		return;
	m->is_stopped = true;
	bool is_more = look(m);
	if (!is_more) {
		maillog_lines_finish(m->reader);
		if (!m->is_trouble)
			give_watermark(m);
	}
	uv_close((uv_handle_t *)&m->timer, on_closed);
	uv_close((uv_handle_t *)&m->more, on_closed);
}

void maillog_free(struct maillog *m)
{
	if (!m)
		return;
	assert(m->closed == 2);
	input_free(m->log);
	input_free(m->filter);
	free(m->filter_path);
	free(m->stamps);
	maillog_lines_free(m->reader);
	free(m->hosts);
	free(m->addresses);
	free(m->path);
	free(m);
}
