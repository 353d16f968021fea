#include "source/maillog/frame.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "source/maillog/frame_json.h"
#include "source/maillog/logtime.h"
#include "source/maillog/words.h"

/* An engine stamps what a container writes at once, or soon. */
#define OUTER_LATE (5 * STAMP_MINUTE)
#define QUARTER (15 * STAMP_MINUTE)

/* The beginning of a line that a container's engine split. */
struct part {
	uint64_t source;
	char *text; /* NULL: none */
	size_t len;
};

struct frame {
	struct logtime inner, outer;
	char *room;  /* for JSON; NULL: none was needed yet */
	char *whole; /* a line of parts, as long as it is used */
	struct part parts[FRAME_SOURCES];
	size_t part_count; /* all of them */
};

/* A line while it is taken apart. */
struct peel {
	struct frame *f;
	struct slice in;
	int64_t now;
	int stamps;
	struct logstamp first, last; /* the outermost stamp, and the innermost */
	struct slice host;
	bool has_object;
	bool is_part, is_split; /* more follows; or could have */
	struct logline *l;
};

/* ---- what may stand in front ---- */

/* "<22>", with a 5424's "1 " behind it. */
static bool take_priority(struct peel *p, bool *ret_is_5424)
{
	struct slice rest = p->in;
	uint32_t number;
	struct slice count = rest;
	if (words_number(&count, &number) && slice_take(&count, ' ') &&
	    count.at < count.end && *count.at == '<')
		rest = count; /* octets */
	if (!slice_take(&rest, '<') || !words_number(&rest, &number) ||
	    !slice_take(&rest, '>'))
		return false;
	*ret_is_5424 = slice_take_text(&rest, "1 ");
	p->in = rest;
	return true;
}

/* ESC [ 36 m */
static void skip_colours(struct slice *in)
{
	while (slice_len(*in) > 2 && in->at[0] == '\x1b' && in->at[1] == '[') {
		const char *p = in->at + 2;
		while (p < in->end && (words_is_digit(*p) || *p == ';'))
			p++;
		if (p == in->end)
			return;
		in->at = p + 1;
	}
}

static bool is_name_byte(char c)
{
	return words_is_digit(c) || words_is_letter(c) || c == '-' || c == '_' ||
	       c == '.';
}

/* "mailserver-1  | " of docker compose, colours possible */
static bool take_compose(struct peel *p)
{
	struct slice rest = p->in, name;
	skip_colours(&rest);
	name = rest;
	while (rest.at < rest.end && is_name_byte(*rest.at))
		rest.at++;
	name.end = rest.at;
	skip_colours(&rest);
	while (slice_take(&rest, ' '))
		;
	if (slice_len(name) == 0 || !slice_take(&rest, '|'))
		return false;
	skip_colours(&rest);
	(void)slice_take(&rest, ' ');
	skip_colours(&rest);
	p->host = name;
	p->in = rest;
	return true;
}

/* "stdout F ", "stderr P " of the CRI */
static void take_stream(struct peel *p)
{
	struct slice rest = p->in;
	if (!slice_take_text(&rest, "stdout ") && !slice_take_text(&rest, "stderr "))
		return;
	bool is_part = slice_take_text(&rest, "P ");
	if (!is_part && !slice_take_text(&rest, "F ") && !slice_take_text(&rest, "F"))
		return;
	p->is_part = is_part;
	p->is_split = true;
	p->in = rest;
}

static void add_stamp(struct peel *p, struct logstamp s)
{
	if (p->stamps++ == 0)
		p->first = s;
	p->last = s;
}

static bool take_stamp(struct peel *p)
{
	struct logstamp s;
	struct logtime *reader = p->stamps ? &p->f->inner : &p->f->outer;
	if (!logtime_read(reader, &p->in, p->now, &s))
		return false;
	add_stamp(p, s);
	return true;
}

static void add_micros(struct peel *p, int64_t time)
{
	add_stamp(p, (struct logstamp){ .time = time, .width = 1, .has_zone = true });
}

/* ---- who ---- */

/* Up to the end of "postfix/smtpd[123]: " or "exim: ". */
static bool read_tag(struct slice in, struct logline *l)
{
	const char *p = in.at;
	while (p < in.end && *p != '[' && *p != ':' && *p != ' ')
		p++;
	if (p == in.end || p == in.at || *p == ' ')
		return false;
	struct slice rest = { p, in.end }, pid = { p, p };
	if (slice_take(&rest, '[') && !slice_take_until(&rest, ']', &pid))
		return false;
	const char *end = rest.at;
	if (!slice_take(&rest, ':') || (rest.at < rest.end && !slice_take(&rest, ' ')))
		return false;
	l->tag = (struct slice){ in.at, p };
	l->pid = pid;
	l->process = (struct slice){ in.at, end };
	l->text = rest;
	const char *slash = memrchr(in.at, '/', slice_len(l->tag));
	l->program = (struct slice){ slash ? slash + 1 : in.at, p };
	return true;
}

static bool is_one_of(struct slice word, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_is(word, names[i]))
			return true;
	return false;
}

/* "mail.info ", busybox's between host and tag; "<mail.notice> ", FreeBSD's. */
static void skip_facility(struct slice *in)
{
	static const char *const levels[] = { "emerg", "alert", "crit",    "err",
					      "error", "warn",  "warning", "notice",
					      "info",  "debug" };
	static const char *const facilities[] = { "mail",   "user",   "daemon", "auth",
						  "syslog", "kern",   "local0", "local1",
						  "local2", "local3", "local4", "local5",
						  "local6", "local7", "2" };
	struct slice rest = *in, word, facility;
	bool has_bracket = slice_take(&rest, '<');
	if (!slice_take_until(&rest, ' ', &word) || slice_len(word) > 24 ||
	    (has_bracket && (slice_len(word) == 0 || word.end[-1] != '>')))
		return;
	word.end -= has_bracket;
	if (slice_take_until(&word, '.', &facility) &&
	    is_one_of(facility, facilities, sizeof(facilities) / sizeof(facilities[0])) &&
	    is_one_of(word, levels, sizeof(levels) / sizeof(levels[0])))
		*in = rest;
}

/* Exim has a blank in its own stamps, and no host: "1w8Y5p-000000006Hp-2f1C <= ...".
 * syslog-ng has both: "mx postfix/smtpd[7]: ...". */
static bool is_own_log(struct slice in)
{
	struct slice host, tag;
	if (!slice_take_until(&in, ' ', &host))
		return true;
	for (const char *c = host.at; c < host.end; c++)
		if (!is_name_byte(*c) && *c != ':')
			return true;
	skip_facility(&in);
	if (!slice_take_until(&in, ' ', &tag) || slice_len(tag) < 4)
		return true;
	return tag.end[-1] != ':' || tag.end[-2] != ']' || *tag.at == '[';
}

/* Exim's main log, or rspamd's: "#8(normal) <747296>; task; ..." */
static void set_own_log(struct peel *p)
{
	static const char exim[] = LOGLINE_EXIM, rspamd[] = "rspamd";
	struct logline *l = p->l;
	bool is_rspamd = p->in.at < p->in.end && *p->in.at == '#';
	const char *name = is_rspamd ? rspamd : exim;
	l->text = p->in;
	l->pid = (struct slice){ p->in.at, p->in.at };
	l->tag = l->program = l->process = (struct slice){ name, name + strlen(name) };
}

/* "mx postfix/smtpd 7 - [a b="c"] text", behind a 5424's stamp */
static bool read_5424(struct peel *p)
{
	struct logline *l = p->l;
	struct slice in = p->in, id;
	if (!slice_take_until(&in, ' ', &p->host) ||
	    !slice_take_until(&in, ' ', &l->tag) ||
	    !slice_take_until(&in, ' ', &l->pid) || !slice_take_until(&in, ' ', &id))
		return false;
	if (slice_take(&in, '[')) {
		struct slice data;
		do
			if (!words_mailbox(&in, ']', &data))
				return false;
		while (slice_take(&in, '['));
	} else if (!slice_take(&in, '-')) {
		return false;
	}
	(void)slice_take(&in, ' ');
	(void)slice_take_text(&in, "\xef\xbb\xbf");
	(void)slice_take(&in, ' '); /* rsyslog's: what RFC 3164 has behind the tag */
	const char *slash = memrchr(l->tag.at, '/', slice_len(l->tag));
	l->program = (struct slice){ slash ? slash + 1 : l->tag.at, l->tag.end };
	l->process = (struct slice){ l->tag.at, l->pid.end };
	l->text = in;
	return true;
}

/* A host and a tag, or a tag alone; without either the rest is text. */
static bool read_rest(struct peel *p)
{
	struct logline *l = p->l;
	struct slice in = p->in, host;
	l->tag = l->program = l->pid = l->process = (struct slice){ in.at, in.at };
	if (in.at < in.end && *in.at == '<')
		skip_facility(&in);
	l->text = in;
	if (read_tag(in, l))
		return true;
	if (!slice_take_until(&in, ' ', &host))
		return false;
	p->host = host;
	skip_facility(&in);
	l->text = in;
	(void)read_tag(in, l); /* the kernel and others have none */
	return true;
}

/* ---- time ---- */

/* The program's stamp, as exactly as both together say. */
static void set_time(const struct peel *p)
{
	int64_t time = p->last.time, width = p->last.width, told = p->first.time;
	bool is_nested = p->stamps > 1 && p->first.has_zone;
	if (is_nested && !p->last.has_zone) {
		int64_t off = time - told;
		int64_t zone = (off >= 0 ? off + QUARTER / 2 : off - QUARTER / 2) /
			       QUARTER * QUARTER;
		int64_t fits = time - zone;
		if (told - fits < OUTER_LATE && fits - told < OUTER_LATE) {
			time = fits;
			width = width < STAMP_SECOND ? width : STAMP_SECOND;
		}
	}
	if (is_nested && told >= time && told - time < width)
		width = told - time + 1;
	p->l->time = time;
	p->l->precision_us = (uint32_t)width;
	p->l->told = told;
}

/* ---- objects ---- */

static struct slice either(struct slice a, struct slice b)
{
	return slice_len(a) ? a : b;
}

#define MICROS_MOST UINT64_C(99999999999999999) /* the year 5138 */

/* A line of the journal: its own fields say who, unless a container's engine is it. */
static bool take_journal(struct peel *p, const struct frame_json *j, bool *ret_is_whole)
{
	struct logline *l = p->l;
	struct slice received = j->at[JSON_RECEIVED], written = j->at[JSON_WRITTEN];
	uint64_t time;
	if (!number_parse(received.at, slice_len(received), MICROS_MOST, &time))
		return false;
	add_micros(p, (int64_t)time);
	if (number_parse(written.at, slice_len(written), MICROS_MOST, &time))
		add_micros(p, (int64_t)time);
	p->in = j->at[JSON_MESSAGE];
	p->is_part = slice_is(j->at[JSON_PARTIAL], "true");
	p->host = either(j->at[JSON_CONTAINER], j->at[JSON_HOST]);
	*ret_is_whole = slice_len(j->at[JSON_CONTAINER_ID]) == 0 &&
			slice_len(j->at[JSON_CONTAINER]) == 0;
	p->is_split = !*ret_is_whole;
	if (!*ret_is_whole)
		return true;
	l->tag = either(j->at[JSON_IDENTIFIER], j->at[JSON_COMM]);
	l->pid = either(j->at[JSON_SYSLOG_PID], j->at[JSON_PID]);
	const char *slash =
	    slice_len(l->tag) ? memrchr(l->tag.at, '/', slice_len(l->tag)) : NULL;
	l->program = (struct slice){ slash ? slash + 1 : l->tag.at, l->tag.end };
	l->process = l->pid; /* of one machine, that is enough */
	l->text = p->in;
	return true;
}

static bool take_object(struct peel *p, bool *ret_is_whole)
{
	struct frame_json j;
	if (p->has_object)
		return false;
	p->has_object = true;
	if (!p->f->room)
		p->f->room = xcalloc(FRAME_MAX, 1);
	if (!frame_json_read(p->in, p->f->room, FRAME_MAX, &j))
		return false;
	*ret_is_whole = false;
	if (slice_len(j.at[JSON_RECEIVED]))
		return take_journal(p, &j, ret_is_whole);
	struct slice text = j.at[JSON_LOG], time = j.at[JSON_TIME];
	struct peel stamp = *p;
	char line[64];
	size_t len = slice_len(time);
	if (len + 1 > sizeof(line) || len == 0)
		return false;
	memcpy(line, time.at, len);
	line[len] = ' ';
	stamp.in = (struct slice){ line, line + len + 1 };
	if (!take_stamp(&stamp))
		return false;
	add_stamp(p, stamp.last);
	p->is_split = true;
	p->is_part = slice_len(text) == 0 || text.end[-1] != '\n';
	if (!p->is_part)
		text.end--;
	p->in = text;
	return true;
}

/* ---- parts ---- */

static struct part *part_of(struct frame *f, uint64_t source)
{
	for (size_t i = 0; i < FRAME_SOURCES; i++)
		if (f->parts[i].text && f->parts[i].source == source)
			return &f->parts[i];
	return NULL;
}

static void keep_part(struct frame *f, uint64_t source, struct slice in)
{
	struct part *part = part_of(f, source);
	if (!part) {
		part = &f->parts[f->part_count++ % FRAME_SOURCES];
		free(part->text);
		*part = (struct part){ .source = source, .text = xcalloc(FRAME_MAX, 1) };
	}
	size_t room = FRAME_MAX - part->len, len = slice_len(in);
	len = len < room ? len : room;
	memcpy(part->text + part->len, in.at, len);
	part->len += len;
}

/* Of the same container, if it is known. */
static bool join_parts(struct peel *p)
{
	struct frame *f = p->f;
	uint64_t source = hash_bytes(p->host.at, slice_len(p->host));
	if (p->is_part) {
		keep_part(f, source, p->in);
		return false;
	}
	struct part *part = p->is_split ? part_of(f, source) : NULL;
	if (!part)
		return true;
	keep_part(f, source, p->in);
	free(f->whole);
	f->whole = part->text;
	p->in = (struct slice){ part->text, part->text + part->len };
	*part = (struct part){ .text = NULL };
	return true;
}

/* ---- lines ---- */

static void trim(struct slice *in)
{
	while (in->at < in->end && (in->end[-1] == '\r' || in->end[-1] == '\n'))
		in->end--;
}

/* journalctl's, tail's, Compose's own. */
static bool is_mark(struct slice in)
{
	return slice_take_text(&in, "-- ") || slice_take_text(&in, "==> ") ||
	       slice_take_text(&in, "Attaching to ");
}

enum step { FOUND, GO_ON, STOP, PART, NOTHING };

static enum step take_one_object(struct peel *p)
{
	bool is_whole = false;
	if (!take_object(p, &is_whole))
		return STOP;
	return is_whole ? FOUND : join_parts(p) ? GO_ON : PART;
}

/* Takes one framing off. */
static enum step take_one(struct peel *p, bool is_first)
{
	bool is_5424 = false;
	trim(&p->in);
	skip_colours(&p->in);
	if (p->in.at < p->in.end && *p->in.at == '{')
		return take_one_object(p);
	bool has_priority = take_priority(p, &is_5424);
	if (!take_stamp(p))
		return has_priority || (is_first && take_compose(p)) ? GO_ON : STOP;
	if (is_5424)
		return read_5424(p) ? FOUND : NOTHING;
	take_stream(p);
	if (!join_parts(p))
		return PART;
	if (!p->last.is_dated || !is_own_log(p->in))
		return GO_ON;
	set_own_log(p);
	return FOUND;
}

/* Until what is left begins with host and tag, or with a tag. */
static enum frame_kind read_within(struct peel *p)
{
	enum step step = GO_ON;
	for (int depth = 0; depth < FRAME_DEPTH && step == GO_ON; depth++)
		step = take_one(p, depth == 0);
	if (step == PART)
		return FRAME_PART;
	if (step == FOUND)
		return FRAME_LINE;
	return step != NOTHING && p->stamps && read_rest(p) ? FRAME_LINE : FRAME_NONE;
}

enum frame_kind frame_read(struct frame *f, const char *line, size_t len, int64_t now,
			   struct logline *ret_line)
{
	struct peel p = { .f = f, .in = { line, line + len }, .now = now, .l = ret_line };
	p.host = (struct slice){ line, line };
	if (is_mark(p.in))
		return FRAME_MARK;
	enum frame_kind kind = read_within(&p);
	if (kind != FRAME_LINE)
		return kind;
	ret_line->host = p.host;
	set_time(&p);
	return FRAME_LINE;
}

struct frame *frame_new(void)
{
	return xcalloc(1, sizeof(struct frame));
}

void frame_zone(struct frame *f, const char *zone)
{
	f->inner.zone = f->outer.zone = zone;
}

void frame_free(struct frame *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < FRAME_SOURCES; i++)
		free(f->parts[i].text);
	free(f->room);
	free(f->whole);
	free(f);
}
