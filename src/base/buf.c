#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

static bool make_room(struct buf *b, size_t more)
{
	if (b->too_big || more > b->limit - b->len) {
		b->too_big = true;
		return false;
	}
	size_t need = b->len + more + 1;
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		b->cap = cap < need ? need : cap;
		b->data = xrealloc(b->data, b->cap, 1);
	}
	return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (!make_room(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && make_room(b, (size_t)n)) {
		(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

/* Printable ASCII that JSON takes as it is: most of all texts, and in one piece. */
static size_t plain_length(const char *text)
{
	size_t n = 0;
	while (text[n] >= ' ' && text[n] <= '~' && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

void buf_add_json(struct buf *b, const char *text)
{
	buf_add(b, "\"", 1);
	for (;;) {
		size_t plain = plain_length(text);
		buf_add(b, text, plain);
		text += plain;
		if (!*text)
			break;
		const char *at = text;
		uint32_t c = utf8_next(&text);
		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", (int)c);
		else if (c > 0xffff && utf8_is_deceptive(c))
			buf_addf(b, "\\u%04x\\u%04x", 0xd7c0 + (unsigned)(c >> 10),
				 0xdc00 + (unsigned)(c & 0x3ff));
		else if (c == UTF8_BAD || utf8_is_deceptive(c))
			buf_addf(b, "\\u%04x", (unsigned)c);
		else
			buf_add(b, at, (size_t)(text - at));
	}
	buf_add(b, "\"", 1);
}

void buf_add_safe(struct buf *b, const char *text)
{
	while (*text) {
		const char *at = text;
		uint32_t c = utf8_next(&text);
		bool is_unsafe = c == UTF8_BAD || utf8_is_deceptive(c);
		for (; at < text; at++)
			if (is_unsafe)
				buf_addf(b, "\\x%02x", (unsigned char)*at);
			else
				buf_add(b, at, 1);
	}
}

bool buf_failed(const struct buf *b)
{
	return b->too_big;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->too_big = false;
	if (b->data)
		b->data[0] = '\0';
}

void buf_release(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->too_big = false;
}

char *buf_take(struct buf *b)
{
	char *data = b->data ? b->data : xstrdup("");
	b->data = NULL;
	b->len = b->cap = 0;
	return data;
}
