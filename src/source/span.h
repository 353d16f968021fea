/*
 * span - a piece of somebody else's bytes, read from the front
 *
 * Use:
 *	struct span in = { line, line + len };
 *	struct span word;
 *	if (span_take_text(&in, "connect from ") && span_take_until(&in, '[', &word))
 *		...
 *
 * A reader that fails leaves the span where it was.
 *
 * Ownership: borrows the bytes; nothing ends with NUL.
 */
#ifndef FMX_SOURCE_SPAN_H
#define FMX_SOURCE_SPAN_H

#include <string.h>

#include "base/attr.h"

struct span {
	const char *at, *end;
};

static inline size_t span_len(struct span s)
{
	return (size_t)(s.end - s.at);
}

static inline bool span_is(struct span s, const char *text)
{
	size_t len = strlen(text);
	return span_len(s) == len && memcmp(s.at, text, len) == 0;
}

static inline bool span_take(struct span *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static inline bool span_take_text(struct span *s, const char *text)
{
	size_t len = strlen(text);
	if (span_len(*s) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* What stands before the first c; goes behind c. */
static inline bool span_take_until(struct span *s, char c, struct span *ret_before)
{
	const char *at = s->at < s->end ? memchr(s->at, c, span_len(*s)) : NULL;
	if (!at)
		return false;
	*ret_before = (struct span){ s->at, at };
	s->at = at + 1;
	return true;
}

#endif
