/*
 * slice - a piece of somebody else's bytes, read from the front
 *
 * Use:
 *	struct slice in = { line, line + len };
 *	struct slice word;
 *	if (slice_take_text(&in, "connect from ") && slice_take_until(&in, '[', &word))
 *		...
 *
 * A reader that fails leaves the slice where it was.
 *
 * Ownership: borrows the bytes; nothing ends with NUL.
 */
#ifndef FMX_BASE_SLICE_H
#define FMX_BASE_SLICE_H

#include <string.h>

#include "base/attr.h"

struct slice {
	const char *at, *end;
};

static inline size_t slice_len(struct slice s)
{
	return (size_t)(s.end - s.at);
}

static inline bool slice_is(struct slice s, const char *text)
{
	size_t len = strlen(text);
	return slice_len(s) == len && memcmp(s.at, text, len) == 0;
}

static inline bool slice_take(struct slice *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static inline bool slice_take_text(struct slice *s, const char *text)
{
	size_t len = strlen(text);
	if (slice_len(*s) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* What stands before the first c; goes behind c. */
static inline bool slice_take_until(struct slice *s, char c, struct slice *ret_before)
{
	const char *at = s->at < s->end ? memchr(s->at, c, slice_len(*s)) : NULL;
	if (!at)
		return false;
	*ret_before = (struct slice){ s->at, at };
	s->at = at + 1;
	return true;
}

#endif
