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
	l->is_skipping = false;
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

void lines_give(struct lines *l, const char *bytes, size_t len)
{
	const char *end = bytes + len;
	while (bytes < end) {
		while (bytes < end && *bytes == '\0' && !l->partial)
			bytes++;
		const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
		if (!lf) {
			if (bytes < end)
				hold(l, bytes, (size_t)(end - bytes));
			return;
		}
		end_line(l, bytes, (size_t)(lf - bytes));
		bytes = lf + 1;
	}
}
