#include "source/maillog/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool lines_drop(struct lines *l)
{
	bool was_begun = l->partial != NULL || l->is_skipping;
	free(l->partial);
	l->partial = NULL;
	l->partial_len = 0;
	l->is_skipping = l->is_counted = false;
	return was_begun;
}

/* Keeps the beginning of a line. What passes the limit is given cut. */
static void hold(struct lines *l, const char *bytes, size_t len)
{
	if (l->is_skipping)
		return;
	size_t room = LINES_MAX - l->partial_len, keep = len < room ? len : room;
	l->partial = xrealloc(l->partial, l->partial_len + keep + 1, 1);
	memcpy(l->partial + l->partial_len, bytes, keep);
	l->partial_len += keep;
	if (keep == len)
		return;
	l->fn(l->arg, l->partial, l->partial_len);
	l->too_long++;
	(void)lines_drop(l);
	l->is_skipping = true;
}

static void end_line(struct lines *l, const char *bytes, size_t len)
{
	if (l->partial || len > LINES_MAX)
		hold(l, bytes, len);
	if (l->is_skipping)
		(void)lines_drop(l);
	else if (!l->partial)
		l->fn(l->arg, bytes, len);
	else
		lines_end(l);
}

void lines_end(struct lines *l)
{
	if (l->partial)
		l->fn(l->arg, l->partial, l->partial_len);
	(void)lines_drop(l);
}

/* ---- RFC 6587: "75 <22>1 ..." ---- */

enum { HEAD_MAX = 8 }; /* "65536 <2" */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* All octets of the line that begins with this head, or 0: not counted. *ret_unknown:
 * more of it is needed to say. */
static size_t counted(const char *head, size_t len, bool *ret_unknown)
{
	size_t i = 0, octets = 0;
	*ret_unknown = false;
	while (i < len && is_digit(head[i]) && octets <= LINES_MAX)
		octets = octets * 10 + (size_t)(head[i++] - '0');
	if (octets > LINES_MAX || (len > 0 && (head[0] == '0' || !is_digit(head[0]))))
		return 0;
	static const char then[] = " <";
	for (size_t k = 0; k < 3; k++, i++) {
		if (i >= len) {
			*ret_unknown = true;
			return 0;
		}
		if (k < 2 ? head[i] != then[k] : !is_digit(head[i]))
			return 0;
	}
	return octets + i - 2; /* what the count counts begins with "<" */
}

/* The octets of the line that has begun, with its count; 0: it ends by LF. */
static size_t octets_of(const struct lines *l, const char *bytes, size_t len)
{
	char head[HEAD_MAX];
	bool is_unknown;
	size_t held = 0;
	if (l->partial) {
		held = l->partial_len < HEAD_MAX ? l->partial_len : HEAD_MAX;
		memcpy(head, l->partial, held);
	}
	size_t more = len < HEAD_MAX - held ? len : HEAD_MAX - held;
	memcpy(head + held, bytes, more);
	return counted(head, held + more, &is_unknown);
}

/* How much of `bytes` ends a line by its count, 0: none does. A count that is wrong, so
 * that LF stands before its end, or neither LF nor the next count behind it, counts for
 * nothing. */
static size_t take_counted(struct lines *l, const char *bytes, size_t len)
{
	if (l->is_skipping || !is_digit(l->partial ? *l->partial : *bytes))
		return 0;
	size_t octets = octets_of(l, bytes, len);
	if (octets <= l->partial_len || octets - l->partial_len > len)
		return 0;
	size_t n = octets - l->partial_len;
	bool is_unknown = n == len;
	if (n < len && bytes[n] != '\n' &&
	    counted(bytes + n, len - n, &is_unknown) == 0 && !is_unknown)
		return 0;
	if (memchr(bytes, '\n', n - 1))
		return 0;
	end_line(l, bytes, bytes[n - 1] == '\n' ? n - 1 : n);
	l->is_counted = true;
	return n;
}

void lines_give(struct lines *l, const char *bytes, size_t len)
{
	const char *end = bytes + len;
	while (bytes < end) {
		while (bytes < end && *bytes == '\0' && !l->partial)
			bytes++;
		if (l->is_counted && bytes < end && *bytes == '\n')
			bytes++;
		if (bytes == end)
			return;
		l->is_counted = false;
		size_t n = take_counted(l, bytes, (size_t)(end - bytes));
		if (n > 0) {
			bytes += n;
			continue;
		}
		const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
		if (!lf) {
			hold(l, bytes, (size_t)(end - bytes));
			return;
		}
		end_line(l, bytes, (size_t)(lf - bytes));
		bytes = lf + 1;
	}
}
