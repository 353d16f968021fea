/*
 * buf - a growing byte buffer that knows its limit
 *
 * Use:
 *	struct buf b = BUF_INIT(64 * 1024);
 *	buf_addf(&b, "250 %s\r\n", name);
 *	if (buf_failed(&b))		// asked once, at the end
 *		...
 *	buf_release(&b);
 *
 * The error is sticky: after the first append that would pass the limit,
 * nothing more is added.
 *
 * Ownership: the buffer owns data until buf_take.
 */
#ifndef FMX_BASE_BUF_H
#define FMX_BASE_BUF_H

#include <stdint.h>

#include "base/attr.h"

struct buf {
	char *data; /* always NUL-terminated when not NULL */
	size_t len, cap, limit;
	bool too_big;
};

#define BUF_INIT(most)                                                                   \
	{                                                                                \
		.data = NULL, .len = 0, .cap = 0, .limit = (most), .too_big = false      \
	}

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *text);
FMX_PRINTF(2, 3) void buf_addf(struct buf *b, const char *fmt, ...);
/* text as a JSON string with its quotes; bytes that are not UTF-8 become
 * U+FFFD. */
void buf_add_json(struct buf *b, const char *text);
/* text that a stranger wrote, for a terminal: what could steer it or deceive is
 * shown as \xNN (utf8.h). */
void buf_add_safe(struct buf *b, const char *text);
bool buf_failed(const struct buf *b);
/* "" when nothing was added. */
const char *buf_text(const struct buf *b);
void buf_clear(struct buf *b);
void buf_release(struct buf *b);
/* Moves ownership: the caller frees with free(). Never NULL. */
char *buf_take(struct buf *b);

#endif
