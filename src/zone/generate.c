#include "zone/generate.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* A directive's parts; rdata without the quotes around it. */
struct directive {
	uint32_t start, stop, step;
	struct lex_span owner, rdata;
	struct lex_span front; /* TTL, class and type, as they stand */
	bool is_quoted;
};

static bool read_number(const char **at, const char *end, uint32_t *ret)
{
	uint64_t n = 0;
	const char *from = *at;
	for (; *at < end && **at >= '0' && **at <= '9' && n <= INT32_MAX; (*at)++)
		n = n * 10 + (uint64_t)(**at - '0');
	*ret = (uint32_t)n;
	return *at > from && n <= INT32_MAX;
}

static bool read_range(const char *text, struct lex_span s, struct directive *d)
{
	const char *at = text + s.begin, *end = at + s.len;
	d->step = 1;
	if (!read_number(&at, end, &d->start) || at == end || *at++ != '-' ||
	    !read_number(&at, end, &d->stop))
		return false;
	if (at < end && (*at++ != '/' || !read_number(&at, end, &d->step)))
		return false;
	return at == end && d->stop >= d->start && d->step > 0;
}

/* Nibbles in reverse order, with dots: for ip6.arpa. width counts digits and
 * dots, as in BIND. */
static void add_nibbles(struct buf *out, uint32_t value, uint32_t width, bool upper)
{
	static const char lower_digits[] = "0123456789abcdef";
	static const char upper_digits[] = "0123456789ABCDEF";
	int64_t left = width;
	do {
		buf_addf(out, "%c", (upper ? upper_digits : lower_digits)[value & 15]);
		value >>= 4;
		left--;
		if (left > 0 || value) {
			buf_adds(out, ".");
			left--;
		}
	} while (value || left > 0);
}

static bool add_number(struct buf *out, uint32_t value, uint32_t width, char form)
{
	switch (form) {
	case 'd': buf_addf(out, "%0*" PRId32, (int)width, (int32_t)value); return true;
	case 'o': buf_addf(out, "%0*" PRIo32, (int)width, value); return true;
	case 'x': buf_addf(out, "%0*" PRIx32, (int)width, value); return true;
	case 'X': buf_addf(out, "%0*" PRIX32, (int)width, value); return true;
	case 'n':
	case 'N': add_nibbles(out, value, width, form == 'N'); return true;
	default: return false;
	}
}

/* ${offset,width,form}; *at stands behind the brace. False if malformed. */
static bool add_formed(struct buf *out, const char **at, const char *end, uint32_t number,
		       int64_t *ret_offset)
{
	const char *p = *at;
	uint32_t offset, width = 0;
	char form = 'd';
	bool minus = p < end && *p == '-';
	p += minus;
	if (!read_number(&p, end, &offset))
		return false;
	if (p < end && *p == ',' && (p++, !read_number(&p, end, &width)))
		return false;
	if (p + 1 < end && *p == ',') {
		form = p[1];
		p += 2;
	}
	if (p == end || *p != '}' || width > 127)
		return false;
	*at = p + 1;
	*ret_offset = minus ? -(int64_t)offset : (int64_t)offset;
	int64_t value = number + *ret_offset;
	return value <= INT32_MAX &&
	       add_number(out, (uint32_t)(int32_t)value, width, form);
}

static void add_escape(struct buf *out, const char *at, bool is_quoted)
{
	bool is_quote = is_quoted && at[1] == '"';
	buf_add(out, is_quote ? at + 1 : at, is_quote ? 1 : 2);
}

static bool add_plain(struct buf *out, int64_t value)
{
	if (value <= INT32_MAX)
		buf_addf(out, "%" PRId64, value);
	return value <= INT32_MAX;
}

static bool add_expanded(struct buf *out, const char *text, struct lex_span s,
			 uint32_t number, bool is_quoted)
{
	const char *at = text + s.begin, *end = at + s.len;
	int64_t offset = 0; /* BIND keeps the last one for each $ behind it */
	while (at < end) {
		if (*at == '\\' && at + 1 < end) {
			add_escape(out, at, is_quoted);
			at += 2;
		} else if (*at == '$' && at + 1 < end && at[1] == '$') {
			buf_adds(out, "\\$"); /* $$: the old way to write \$ */
			at += 2;
		} else if (*at == '$' && at + 1 < end && at[1] == '{') {
			at += 2;
			if (!add_formed(out, &at, end, number, &offset))
				return false;
		} else if (*at == '$') {
			if (!add_plain(out, number + offset))
				return false;
			at++;
		} else {
			buf_add(out, at++, 1);
		}
	}
	return true;
}

static bool is_class(const char *text, struct lex_span s)
{
	return s.len == 2 && strncasecmp(text + s.begin, "IN", 2) == 0;
}

/* What a line of the zone can hold has been written without quotes by BIND: a
 * comment or parenthesis would mean another thing there. */
static bool is_one_line(const char *text, struct lex_span s)
{
	return !memchr(text + s.begin, ';', s.len) &&
	       !memchr(text + s.begin, '(', s.len) && !memchr(text + s.begin, ')', s.len);
}

static bool read_directive(const char *text, const struct lex_entry *en,
			   struct directive *d)
{
	uint32_t at = en->rdata.begin, seconds;
	struct lex_span t, more;
	if (!lex_token(text, en->rdata, &at, &t) || !read_range(text, t, d) ||
	    !lex_token(text, en->rdata, &at, &d->owner) ||
	    !lex_token(text, en->rdata, &at, &t))
		return false;
	d->front = t;
	for (int i = 0; i < 2 && (is_class(text, t) || lex_ttl(text, t, &seconds)); i++)
		if (!lex_token(text, en->rdata, &at, &t))
			return false;
	d->front.len = t.begin + t.len - d->front.begin;
	if (!lex_token(text, en->rdata, &at, &d->rdata) ||
	    lex_token(text, en->rdata, &at, &more))
		return false;
	d->is_quoted = text[d->rdata.begin] == '"';
	if (d->is_quoted)
		d->rdata = (struct lex_span){ d->rdata.begin + 1, d->rdata.len - 2 };
	return text[d->owner.begin] != '"' && text[d->front.begin] != '"' &&
	       is_one_line(text, d->rdata) &&
	       !memchr(text + d->front.begin, '\n', d->front.len);
}

/* An owner that begins with a dollar is one, and no directive. */
static bool add_record(struct buf *out, const char *text, const struct directive *d,
		       uint32_t number)
{
	if (!add_expanded(out, text, d->owner, number, false))
		return false;
	buf_adds(out, "\t");
	buf_add(out, text + d->front.begin, d->front.len);
	buf_adds(out, "\t");
	if (!add_expanded(out, text, d->rdata, number, d->is_quoted))
		return false;
	buf_adds(out, "\n");
	return true;
}

int generate_write(const char *text, const struct lex_entry *en, uint32_t *left,
		   struct buf *out, struct error *e)
{
	struct directive d;
	if (!read_directive(text, en, &d))
		return error_set(
		    e, FMX_EMALFORMED,
		    "line %u: $GENERATE wants a range like 1-10, an owner, a "
		    "type and one word of data (in quotes, if it has spaces)",
		    en->line);
	uint32_t count = (d.stop - d.start) / d.step + 1;
	if (count > *left)
		return error_set(e, FMX_ETOOBIG,
				 "line %u: $GENERATE makes more than %d records",
				 en->line, GENERATE_MAX);
	*left -= count;
	for (uint32_t i = 0; i < count; i++)
		if (!add_record(out, text, &d, d.start + i * d.step))
			return error_set(e, FMX_EMALFORMED,
					 "line %u: $GENERATE with a malformed ${}",
					 en->line);
	if (buf_failed(out))
		return error_set(e, FMX_ETOOBIG, "line %u: $GENERATE makes too much text",
				 en->line);
	return 0;
}
