#include "zone/lex.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

int lex_init(struct lex *l, const char *text, size_t len, struct error *e)
{
	if (len >= UINT32_MAX)
		return error_set(e, FMX_ETOOBIG, "the zone text is larger than 4 GiB");
	*l = (struct lex){ .text = text, .len = (uint32_t)len, .line = 1 };
	return 0;
}

/* What one step over the text is made of. */
enum piece {
	PIECE_END,     /* of the text */
	PIECE_NEWLINE, /* LF, with a CR before it if there is one */
	PIECE_SPACE,
	PIECE_COMMENT, /* up to the line end, without it */
	PIECE_OPEN,
	PIECE_CLOSE,
	PIECE_TOKEN,
	PIECE_BAD, /* a quote that the line end leaves open, or a NUL byte */
};

/* 1: ends a token. 2: needs a second look within a token. */
static const uint8_t special[256] = {
	[0] = 2,   [' '] = 1, ['\t'] = 1, ['\r'] = 2, ['\n'] = 1,
	['('] = 1, [')'] = 1, [';'] = 1,  ['"'] = 2,  ['\\'] = 2,
};

/* Past a quoted string that begins at `at`; `end` itself if it is left open. */
static uint32_t quoted_end(const char *text, uint32_t at, uint32_t end)
{
	for (at++; at < end && text[at] != '\n'; at++) {
		if (text[at] == '"')
			return at + 1;
		if (text[at] == '\\' && at + 1 < end && text[at + 1] != '\n')
			at++;
	}
	return end;
}

static bool is_quote_closed(const char *text, uint32_t from, uint32_t to)
{
	return to > from + 1 && text[to - 1] == '"';
}

/* A carriage return is a line end's first half, or a byte like any other. */
static bool is_line_end(const char *text, uint32_t at, uint32_t end)
{
	return text[at] == '\n' ||
	       (text[at] == '\r' && at + 1 < end && text[at + 1] == '\n');
}

static enum piece token(const char *text, uint32_t *at, uint32_t end)
{
	uint32_t i = *at;
	if (text[i] == '"') {
		uint32_t to = quoted_end(text, i, end);
		*at = to;
		return is_quote_closed(text, i, to) ? PIECE_TOKEN : PIECE_BAD;
	}
	while (i < end && special[(uint8_t)text[i]] != 1) {
		if (special[(uint8_t)text[i]] == 2) {
			if (text[i] == '\0')
				return PIECE_BAD;
			if (text[i] == '\\' && i + 1 < end &&
			    !is_line_end(text, i + 1, end))
				i++;
			else if (text[i] == '"' || is_line_end(text, i, end))
				break;
		}
		i++;
	}
	*at = i;
	return PIECE_TOKEN;
}

static uint32_t comment_end(const char *text, uint32_t at, uint32_t end)
{
	const char *newline = memchr(text + at, '\n', end - at);
	uint32_t to = newline ? (uint32_t)(newline - text) : end;
	return newline && to > at && text[to - 1] == '\r' ? to - 1 : to;
}

/* Takes one piece at *at and moves on. */
static enum piece next_piece(const char *text, uint32_t *at, uint32_t end)
{
	if (*at >= end)
		return PIECE_END;
	switch (text[*at]) {
	case '\r':
		if (!is_line_end(text, *at, end))
			break;
		*at += 2;
		return PIECE_NEWLINE;
	case '\n': (*at)++; return PIECE_NEWLINE;
	case '(': (*at)++; return PIECE_OPEN;
	case ')': (*at)++; return PIECE_CLOSE;
	case ';': *at = comment_end(text, *at, end); return PIECE_COMMENT;
	case ' ':
	case '\t':
		while (*at < end && (text[*at] == ' ' || text[*at] == '\t'))
			(*at)++;
		return PIECE_SPACE;
	default: break;
	}
	return token(text, at, end);
}

bool lex_token(const char *text, struct lex_span in, uint32_t *at,
	       struct lex_span *ret_token)
{
	uint32_t end = in.begin + in.len;
	for (;;) {
		uint32_t from = *at;
		switch (next_piece(text, at, end)) {
		case PIECE_TOKEN:
			*ret_token = (struct lex_span){ from, *at - from };
			return true;
		case PIECE_END:
		case PIECE_BAD: return false;
		default: break;
		}
	}
}

bool lex_is(const struct lex *l, struct lex_span span, const char *word)
{
	return strlen(word) == span.len &&
	       strncasecmp(l->text + span.begin, word, span.len) == 0;
}

static int64_t ttl_unit(char c)
{
	switch (c | 0x20) {
	case 's': return 1;
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	case 'w': return 604800;
	default: return 0;
	}
}

bool lex_ttl(const char *text, struct lex_span span, uint32_t *ret_seconds)
{
	int64_t sum = 0, number = 0;
	bool digits = false;
	for (uint32_t i = 0; i < span.len; i++) {
		char c = text[span.begin + i];
		if (c >= '0' && c <= '9') {
			number = number * 10 + (c - '0');
			digits = true;
		} else {
			if (!digits || ttl_unit(c) == 0)
				return false;
			sum += number * ttl_unit(c);
			number = 0;
			digits = false;
		}
		if (number > INT32_MAX || sum > INT32_MAX)
			return false;
	}
	if (span.len == 0 || sum + number > INT32_MAX)
		return false;
	*ret_seconds = (uint32_t)(sum + number);
	return true;
}

static bool is_class(const struct lex *l, struct lex_span s)
{
	if (s.len == 2)
		return lex_is(l, s, "IN") || lex_is(l, s, "CH") || lex_is(l, s, "HS");
	return s.len > 5 && strncasecmp(l->text + s.begin, "CLASS", 5) == 0;
}

/* The tokens of one entry as they come, given their places. */
struct slots {
	struct lex_entry *en;
	bool have_type;
};

/* [TTL] [class] type or [class] [TTL] type (RFC 1035 5.1). */
static void place_token(const struct lex *l, struct slots *s, struct lex_span t)
{
	struct lex_entry *en = s->en;
	uint32_t seconds;
	if (s->have_type) {
		if (en->rdata.len == 0)
			en->rdata = t;
		en->rdata.len = t.begin + t.len - en->rdata.begin;
	} else if (en->class_.len == 0 && is_class(l, t)) {
		en->class_ = t;
	} else if (en->ttl.len == 0 && lex_ttl(l->text, t, &seconds)) {
		en->ttl = t;
		en->ttl_value = seconds;
	} else {
		en->type = t;
		s->have_type = true;
	}
}

static const struct {
	const char *word;
	enum lex_kind kind;
} directives[] = {
	{ "$ORIGIN", LEX_ORIGIN },
	{ "$TTL", LEX_TTL },
	{ "$INCLUDE", LEX_INCLUDE },
	{ "$GENERATE", LEX_GENERATE },
};

static int first_token(const struct lex *l, struct slots *s, struct lex_span t,
		       struct error *e)
{
	/* A parenthesis at the margin is no space: what follows is the owner. */
	char first = l->text[s->en->whole.begin];
	if (first == ' ' || first == '\t') {
		s->en->kind = LEX_RECORD;
		place_token(l, s, t);
		return 0;
	}
	if (l->text[t.begin] != '$') {
		s->en->kind = LEX_RECORD;
		s->en->owner = t;
		return 0;
	}
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
		if (lex_is(l, t, directives[i].word)) {
			s->en->kind = directives[i].kind;
			s->en->type = t;
			s->have_type = true;
			return 0;
		}
	}
	return error_set(e, FMX_EMALFORMED, "line %u: unknown directive \"%.*s\"",
			 s->en->line, (int)(t.len > 40 ? 40 : t.len), l->text + t.begin);
}

static int finish(const struct lex_entry *en, unsigned depth, struct error *e)
{
	if (depth)
		return error_set(e, FMX_EMALFORMED,
				 "line %u: a parenthesis is opened and never closed",
				 en->line);
	if (en->kind != LEX_BLANK && en->type.len == 0)
		return error_set(e, FMX_EMALFORMED, "line %u: a record without a type",
				 en->line);
	if (en->kind != LEX_BLANK && en->kind != LEX_RECORD && en->rdata.len == 0)
		return error_set(e, FMX_EMALFORMED,
				 "line %u: a directive without its value", en->line);
	return 1;
}

/* One piece of an entry. 1: the entry is over, 0: go on. */
static int take_piece(struct lex *l, struct slots *s, unsigned *depth, struct error *e)
{
	uint32_t from = l->at;
	switch (next_piece(l->text, &l->at, l->len)) {
	case PIECE_END: return 1;
	case PIECE_NEWLINE: l->line++; return *depth == 0;
	case PIECE_SPACE:
	case PIECE_COMMENT: return 0;
	case PIECE_OPEN: (*depth)++; return 0;
	case PIECE_CLOSE:
		if ((*depth)-- > 0)
			return 0;
		return error_set(e, FMX_EMALFORMED,
				 "line %u: a parenthesis is closed and was never opened",
				 l->line);
	case PIECE_BAD:
		return error_set(e, FMX_EMALFORMED,
				 "line %u: a quote that is never closed, or a NUL byte",
				 l->line);
	case PIECE_TOKEN: break;
	}
	struct lex_span t = { from, l->at - from };
	if (s->en->kind == LEX_BLANK)
		return first_token(l, s, t, e);
	place_token(l, s, t);
	return 0;
}

int lex_next(struct lex *l, struct lex_entry *ret_entry, struct error *e)
{
	if (l->at >= l->len)
		return 0;
	*ret_entry = (struct lex_entry){ .kind = LEX_BLANK,
					 .line = l->line,
					 .whole = { .begin = l->at } };
	struct slots s = { .en = ret_entry };
	unsigned depth = 0;
	int rc;
	do {
		rc = take_piece(l, &s, &depth, e);
		if (rc == 0 && l->at - ret_entry->whole.begin > LEX_ENTRY_MAX)
			return error_set(e, FMX_ETOOBIG,
					 "line %u: an entry of more than %d bytes",
					 ret_entry->line, LEX_ENTRY_MAX);
	} while (rc == 0);
	if (rc < 0)
		return rc;
	ret_entry->whole.len = l->at - ret_entry->whole.begin;
	return finish(ret_entry, depth, e);
}
