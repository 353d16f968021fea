#include "source/feed/feed_intake.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "source/feed/feed_line.h"
#include "source/logclock.h"

/* Clocks that differ by less count as equal. */
#define CLOCK_SLACK STAMP_SECOND

/* Real hosts of one name: one per site that has it. */
struct machine {
	char name[NAME_MAX_TEXT];
	uint16_t site; /* of the first host */
	enum role role;
	uint16_t *hosts;
	size_t host_count;
	const struct intake_stream *owner; /* who is believed; NULL: nobody yet */
	int64_t upto;                      /* the last watermark */
	struct logclock clock;             /* of the machine, by what its lines say */
	uint64_t heard_ms, refused_ms;
	bool is_lost, is_refusing; /* told as trouble */
	bool is_doubted;           /* a line was not read: it may have been a visit */
	int64_t doubted_before;    /* and what came so long before the last watermark */
	bool is_clock_told;        /* that it is off */
};

struct intake {
	struct stamp_clock clock;
	struct source_sink sink;
	intake_since_fn since;
	void *since_arg;
	int64_t born;
	bool is_numbered;
	struct stream_place place;
	struct machine *machines;
	size_t machine_count;
	struct feed_line line;
	struct intake_counts counts;
};

/* What a stream has said of one machine. */
struct part {
	bool has_begun;
	int64_t since; /* earlier visits are repetitions */
};

struct intake_stream {
	struct intake *in;
	struct part *parts; /* by machine */
	bool is_good, is_replaced, is_skipping;
	unsigned bad_in_a_row;
	size_t held_len;
	char *held; /* a line that is not at its end; NULL: none */
};

static struct machine *machine_named(const struct intake *in, const char *name)
{
	for (size_t i = 0; i < in->machine_count; i++) {
		if (strcasecmp(in->machines[i].name, name) == 0)
			return &in->machines[i];
	}
	return NULL;
}

static void add_host(struct intake *in, const struct intake_host *h, uint64_t now_ms)
{
	struct machine *m = machine_named(in, h->name);
	if (!m) {
		m = &in->machines[in->machine_count++];
		*m = (struct machine){ .site = h->site,
				       .role = h->role,
				       .upto = INT64_MIN,
				       .clock = { .slack = CLOCK_SLACK },
				       .heard_ms = now_ms };
		(void)str_copy(m->name, sizeof(m->name), h->name);
	}
	m->hosts = xrealloc(m->hosts, m->host_count + 1, sizeof(*m->hosts));
	m->hosts[m->host_count++] = h->id;
}

struct intake *intake_new(const struct intake_spec *spec)
{
	struct intake *in = xcalloc(1, sizeof(*in));
	assert(spec->host_count > 0);
	in->clock = spec->clock;
	in->sink = *spec->sink;
	in->since = spec->since;
	in->since_arg = spec->since_arg;
	in->born = stamp_clock_now(spec->clock);
	in->is_numbered = spec->is_numbered;
	in->place = spec->place;
	in->machines = xcalloc(spec->host_count, sizeof(*in->machines));
	for (size_t i = 0; i < spec->host_count; i++)
		add_host(in, &spec->hosts[i], spec->now_ms);
	return in;
}

void intake_free(struct intake *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->machine_count; i++)
		free(in->machines[i].hosts);
	free(in->machines);
	free(in);
}

struct intake_stream *intake_open(struct intake *in)
{
	struct intake_stream *s = xcalloc(1, sizeof(*s));
	s->in = in;
	s->parts = xcalloc(in->machine_count, sizeof(*s->parts));
	return s;
}

void intake_close(struct intake_stream *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->in->machine_count; i++) {
		if (s->in->machines[i].owner == s)
			s->in->machines[i].owner = NULL;
	}
	free(s->parts);
	free(s->held);
	free(s);
}

bool intake_is_good(const struct intake_stream *s)
{
	return s->is_good;
}

/* What the moments of a line are held against: of a stream, when it was stored there,
 * which is the same for each who reads it. */
static int64_t now_of(const struct intake *in)
{
	int64_t jumped = in->clock.offset_us ? *in->clock.offset_us : 0;
	return in->is_numbered && in->line.stored ? in->line.stored + jumped
						  : stamp_clock_now(in->clock);
}

static void tell(const struct intake *in, const struct machine *m, bool is_over,
		 const char *sentence)
{
	for (size_t i = 0; i < m->host_count; i++)
		in->sink.trouble(in->sink.arg, m->hosts[i], is_over, sentence);
}

static bool ask_since(const struct intake *in, const struct machine *m,
		      int64_t *ret_since)
{
	bool is_known = false;
	/* The last of them, as of a log: one that is new must not bring back
	 * what the others have. */
	for (size_t i = 0; i < m->host_count; i++) {
		int64_t t;
		if (!in->since(in->since_arg, m->hosts[i], &t))
			continue;
		*ret_since = is_known && *ret_since > t ? *ret_since : t;
		is_known = true;
	}
	return is_known;
}

int64_t intake_since(const struct intake *in)
{
	int64_t oldest = in->born;
	/* A stream goes on where it was: nothing of it is read again. */
	for (size_t i = 0; !in->is_numbered && i < in->machine_count; i++) {
		int64_t t;
		if (ask_since(in, &in->machines[i], &t) && t < oldest)
			oldest = t;
	}
	return oldest;
}

struct stream_place intake_place(const struct intake *in)
{
	return in->place;
}

/* ---- lines that are not believed ---- */

static void refuse_of(const struct intake *in, struct machine *m, const char *sentence,
		      uint64_t now_ms)
{
	m->refused_ms = now_ms;
	if (!m->is_refusing)
		tell(in, m, false, sentence);
	m->is_refusing = true;
}

/* m NULL: nobody knows of which machine it should have been. */
static void refuse(const struct intake *in, struct machine *m, const char *sentence,
		   uint64_t now_ms)
{
	if (m)
		refuse_of(in, m, sentence, now_ms);
	for (size_t i = 0; !m && i < in->machine_count; i++)
		refuse_of(in, &in->machines[i], sentence, now_ms);
}

static void refuse_garbled(struct intake_stream *s, const char *why, uint64_t now_ms)
{
	char text[512];
	s->in->counts.garbled++;
	s->bad_in_a_row++;
	for (size_t i = 0; i < s->in->machine_count; i++) {
		struct machine *m = &s->in->machines[i];
		if (m->owner == s || !m->owner)
			m->is_doubted = true;
	}
	(void)snprintf(text, sizeof(text), "a line of the feed cannot be read: %.300s",
		       why);
	for (char *c = text; *c; c++)
		*c = *c == '"' ? '\'' : *c; /* a log shows it in quotes */
	refuse(s->in, NULL, text, now_ms);
}

static void refuse_foreign(struct intake_stream *s, uint64_t now_ms)
{
	char text[512], name[80];
	s->in->counts.foreign++;
	(void)snprintf(text, sizeof(text),
		       "the feed tells of %s, which is no host that is watched by it; "
		       "the sender can give another name with --host",
		       feed_printable(s->in->line.host, name, sizeof(name)));
	refuse(s->in, NULL, text, now_ms);
}

static void refuse_future(const struct intake_stream *s, struct machine *m, int64_t time,
			  uint64_t now_ms)
{
	char text[512], at[STAMP_TEXT_MAX];
	s->in->counts.future++;
	m->is_doubted = true;
	(void)snprintf(text, sizeof(text),
		       "the feed of %s tells of %s, which is still to come: is the clock "
		       "of one of the two machines wrong?",
		       m->name, stamp_text(time, at));
	refuse(s->in, m, text, now_ms);
}

/* ---- clocks ---- */

static bool is_far(const struct machine *m)
{
	return logclock_distance(&m->clock) > INTAKE_FUTURE;
}

/* The moment stays as the machine tells it, so that what comes twice is known. */
static void widen(const struct machine *m, struct visit *v)
{
	if (m->clock.offset == 0)
		return;
	v->precision_us += (uint32_t)logclock_doubt(&m->clock);
	if (m->clock.offset > 0)
		v->earlier_us += (uint32_t)logclock_doubt(&m->clock);
	v->answered = 0;
	if (v->ended && m->clock.offset < 0)
		v->ended += logclock_distance(&m->clock);
}

static void tell_clock(const struct intake *in, struct machine *m)
{
	char text[512], span[STAMP_TEXT_MAX];
	bool is_off = m->clock.offset != 0;
	if (m->is_clock_told == is_off)
		return;
	m->is_clock_told = is_off;
	if (is_off)
		(void)snprintf(text, sizeof(text),
			       "the clock of %s is %s %s %s; %s until they agree",
			       m->name,
			       stamp_duration_text(logclock_distance(&m->clock), span),
			       m->clock.offset < 0 ? "behind" : "ahead of",
			       in->is_numbered ? "the stream's" : "ours",
			       is_far(m) ? "what it says is refused, and nobody is "
					   "judged by it,"
					 : "its visits are known that much less "
					   "exactly, and tell no delays,");
	else
		(void)snprintf(text, sizeof(text), "the clock of %s is right again",
			       m->name);
	tell(in, m, !is_off, text);
}

/* A clock that was moved by a trial says nothing of the machine's. */
static void note_clock(const struct intake *in, struct machine *m, int64_t now)
{
	int64_t was = logclock_distance(&m->clock);
	if (in->line.sent == 0 || (in->clock.offset_us && *in->clock.offset_us))
		return;
	logclock_line(&m->clock, in->line.sent, 1, now);
	/* What was refused is missing. What came since the clock went wrong, which was
	 * in the window before the last at the earliest, was taken to be exact. */
	if (was > INTAKE_FUTURE)
		m->is_doubted = true;
	if (logclock_distance(&m->clock) > was + CLOCK_SLACK) {
		m->is_doubted = true;
		m->doubted_before = 2 * LOGCLOCK_WINDOW;
	}
	tell_clock(in, m);
}

/* ---- lines that are ---- */

/* Nobody knows who came between `from` and `to`. */
static void tell_gap(const struct intake_stream *s, const struct machine *m, int64_t from,
		     int64_t to)
{
	const struct source_sink *sink = &s->in->sink;
	for (size_t i = 0; sink->gap && i < m->host_count; i++)
		sink->gap(sink->arg, m->hosts[i], from, to);
}

/* The first that the stream says of the machine. */
static void begin(struct intake_stream *s, struct machine *m, struct part *part)
{
	if (m->owner && m->owner != s)
		s->in->counts.replaced++;
	m->owner = s;
	part->has_begun = true;
	part->since = INT64_MIN;
	if (s->in->is_numbered && s->in->line.kind != FEED_SINCE)
		return; /* it goes on where it was */
	/* What a stream still has of before we were is as good as a log that is read. */
	part->since =
	    s->in->is_numbered && s->in->line.time > 0 ? s->in->line.time : s->in->born;
	if (!ask_since(s->in, m, &part->since))
		tell_gap(s, m, 0, part->since);
	else if (part->since > m->upto)
		m->upto = part->since;
}

static void heard(const struct intake_stream *s, struct machine *m, uint64_t now_ms)
{
	char text[512];
	m->heard_ms = now_ms;
	if (!m->is_lost)
		return;
	m->is_lost = false;
	(void)snprintf(text, sizeof(text), "the feed of %s goes on", m->name);
	tell(s->in, m, true, text);
}

static void on_visit(struct intake_stream *s, const struct machine *m,
		     const struct part *part, int64_t now)
{
	struct visit *v = &s->in->line.visit;
	if (v->time < part->since) {
		s->in->counts.repeated++;
		return;
	}
	v->site = m->site;
	v->host = m->hosts[0];
	if (v->answered > now + INTAKE_FUTURE)
		v->answered = 0;
	if (v->ended > now + INTAKE_FUTURE)
		v->ended = 0;
	widen(m, v);
	s->in->counts.visits++;
	s->in->sink.visit(s->in->sink.arg, v);
}

/* A clock that is ahead of ours must not make us believe that we have heard of
 * what is still on its way. */
static void on_watermark(struct intake_stream *s, struct machine *m, int64_t now)
{
	int64_t upto = s->in->line.time, latest = now - INTAKE_LAG;
	note_clock(s->in, m, now);
	if (upto > latest)
		upto = latest;
	upto -= logclock_doubt(&m->clock);
	if (upto <= m->upto || is_far(m))
		return;
	if (m->is_doubted)
		tell_gap(s, m, m->upto < 0 ? 0 : m->upto - m->doubted_before, now);
	m->is_doubted = false;
	m->doubted_before = 0;
	m->upto = upto;
	s->in->counts.watermarks++;
	for (size_t i = 0; i < m->host_count; i++)
		s->in->sink.watermark(s->in->sink.arg, m->hosts[i], upto);
}

static void on_outage(const struct intake_stream *s, const struct machine *m,
		      const struct part *part)
{
	const struct source_sink *sink = &s->in->sink;
	int64_t until = s->in->line.time + logclock_doubt(&m->clock);
	if (!sink->outage || until < part->since)
		return;
	for (size_t i = 0; i < m->host_count; i++)
		sink->outage(sink->arg, m->hosts[i], until);
}

/* Of before the watermark we know already. */
static void on_gap(const struct intake_stream *s, const struct machine *m,
		   const struct part *part)
{
	int64_t from = s->in->line.from - logclock_doubt(&m->clock),
		until = s->in->line.time + logclock_doubt(&m->clock);
	if (until > part->since)
		tell_gap(s, m, from > part->since ? from : part->since, until);
}

static void on_delivered(const struct intake_stream *s, const struct machine *m)
{
	const struct source_sink *sink = &s->in->sink;
	if (sink->delivered)
		sink->delivered(sink->arg, m->hosts[0], s->in->line.texts[FEED_DOMAIN],
				s->in->line.time);
}

static void on_line(struct intake_stream *s, struct machine *m, uint64_t now_ms)
{
	struct part *part = &s->parts[m - s->in->machines];
	int64_t now = now_of(s->in);
	const struct feed_line *l = &s->in->line;
	int64_t time = l->kind == FEED_VISIT ? l->visit.time : l->time;
	if (time > now + INTAKE_FUTURE) {
		refuse_future(s, m, time, now_ms);
		return;
	}
	if (!part->has_begun || (s->in->is_numbered && l->kind == FEED_SINCE))
		begin(s, m, part);
	if (m->owner != s) {
		s->is_replaced = true;
		return;
	}
	s->is_good = true;
	heard(s, m, now_ms);
	if (is_far(m) && l->kind != FEED_WATERMARK)
		return; /* and it was said */
	switch (l->kind) {
	case FEED_VISIT: on_visit(s, m, part, now); break;
	case FEED_WATERMARK: on_watermark(s, m, now); break;
	case FEED_OUTAGE: on_outage(s, m, part); break;
	case FEED_SINCE:
		if (time > part->since)
			tell_gap(s, m, part->since, time + logclock_doubt(&m->clock));
		break;
	case FEED_GAP: on_gap(s, m, part); break;
	case FEED_DELIVERED: on_delivered(s, m); break;
	}
}

/* Of a stream: what it no longer has may have been visits of any machine. */
static void note_missing(struct intake *in, uint64_t now_ms)
{
	char text[512];
	for (size_t i = 0; i < in->machine_count; i++)
		in->machines[i].is_doubted = true;
	(void)snprintf(text, sizeof(text), "the stream no longer has %lld of its lines",
		       (long long)in->line.missing);
	refuse(in, NULL, text, now_ms);
}

static void take_line(struct intake_stream *s, const char *line, size_t len,
		      uint64_t now_ms)
{
	struct error e;
	s->in->counts.lines++;
	int rc = feed_parse(line, len, &s->in->line, &e);
	if (s->in->line.missing > 0 && s->in->place.sequence > 0)
		note_missing(s->in, now_ms);
	if (rc < 0) {
		refuse_garbled(s, e.text, now_ms);
		return;
	}
	struct machine *m = machine_named(s->in, s->in->line.host);
	if (s->in->line.has_role && s->in->line.role != (m ? m->role : ROLE_REAL)) {
		s->in->counts.foreign++; /* of a decoy that is served here, say */
		return;
	}
	s->bad_in_a_row = 0;
	if (m)
		on_line(s, m, now_ms);
	else
		refuse_foreign(s, now_ms);
}

/* ---- bytes ---- */

/* Keeps the beginning of a line; one that passes the limit is nobody's. */
static void hold(struct intake_stream *s, const char *bytes, size_t len, uint64_t now_ms)
{
	if (s->is_skipping)
		return;
	if (s->held_len + len > FEED_LINE_MAX) {
		s->in->counts.lines++;
		refuse_garbled(s, "it is too long", now_ms);
		s->is_skipping = true;
		return;
	}
	s->held = xrealloc(s->held, s->held_len + len + 1, 1);
	memcpy(s->held + s->held_len, bytes, len);
	s->held_len += len;
}

/* With what the line gave, in one batch: a commit is never between them. */
static void note_sequence(struct intake *in)
{
	/* A stream that was made anew begins again, and says that some are missing. */
	if (!in->is_numbered ||
	    (in->line.sequence <= in->place.sequence && in->line.missing == 0))
		return;
	in->place = (struct stream_place){ in->line.sequence, in->line.stored };
	if (in->sink.position)
		in->sink.position(in->sink.arg, in->place);
}

static void end_line(struct intake_stream *s, const char *bytes, size_t len,
		     uint64_t now_ms)
{
	if (s->held || len > FEED_LINE_MAX)
		hold(s, bytes, len, now_ms);
	if (!s->is_skipping && s->held_len + len > 0) {
		take_line(s, s->held ? s->held : bytes, s->held ? s->held_len : len,
			  now_ms);
		note_sequence(s->in);
	}
	free(s->held);
	s->held = NULL;
	s->held_len = 0;
	s->is_skipping = false;
}

static bool is_hopeless(const struct intake_stream *s)
{
	return s->is_replaced || s->bad_in_a_row >= INTAKE_MAX_BAD;
}

bool intake_bytes(struct intake_stream *s, const char *bytes, size_t len, uint64_t now_ms)
{
	const char *end = bytes + len;
	while (bytes < end && !is_hopeless(s)) {
		const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
		if (!lf) {
			hold(s, bytes, (size_t)(end - bytes), now_ms);
			break;
		}
		end_line(s, bytes, (size_t)(lf - bytes), now_ms);
		bytes = lf + 1;
	}
	return !is_hopeless(s);
}

/* ---- silence ---- */

void intake_lost(struct intake *in, const char *sentence)
{
	for (size_t i = 0; i < in->machine_count; i++) {
		struct machine *m = &in->machines[i];
		if (!m->is_lost)
			tell(in, m, false, sentence);
		m->is_lost = true;
	}
}

void intake_tick(struct intake *in, uint64_t now_ms)
{
	char text[512];
	for (size_t i = 0; i < in->machine_count; i++) {
		struct machine *m = &in->machines[i];
		if (!m->is_lost && now_ms - m->heard_ms >= INTAKE_SILENT_MS) {
			m->is_lost = true;
			(void)snprintf(text, sizeof(text),
				       "the feed of %s has said nothing for %d s; until "
				       "it does, nobody is judged by this host",
				       m->name, INTAKE_SILENT_MS / 1000);
			tell(in, m, false, text);
		}
		if (m->is_refusing && now_ms - m->refused_ms >= INTAKE_SILENT_MS) {
			m->is_refusing = false;
			(void)snprintf(text, sizeof(text),
				       "the feed of %s can be read again", m->name);
			tell(in, m, true, text);
		}
	}
}

struct intake_counts intake_counts(const struct intake *in)
{
	return in->counts;
}
