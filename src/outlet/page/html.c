#include "outlet/page/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/stamp.h"
#include "base/utf8.h"

static const char *reference(uint32_t c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	case UTF8_BAD: return "\xef\xbf\xbd";
	default: return NULL;
	}
}

void html_text(struct buf *out, const char *text)
{
	while (*text) {
		const char *at = text;
		uint32_t c = utf8_next(&text);
		const char *is_special = reference(c);
		if (is_special)
			buf_adds(out, is_special);
		else if (utf8_is_deceptive(c))
			buf_addf(out, "&lt;U+%04" PRIX32 "&gt;", c);
		else
			buf_add(out, at, (size_t)(text - at));
	}
}

void html_unbroken(struct buf *out, const char *text)
{
	for (; *text; text++) {
		const char one[2] = { *text, '\0' };
		if (*text == ' ')
			buf_adds(out, "\xc2\xa0");
		else
			html_text(out, one);
	}
}

void html_attr(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, " %s=\"", name);
	html_text(out, value);
	buf_adds(out, "\"");
}

void html_count(struct buf *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0 && len > 4)
			buf_adds(out, "\xe2\x80\xaf"); /* U+202F */
		buf_add(out, &digits[i], 1);
	}
}

void html_time(struct buf *out, int64_t t)
{
	char exact[STAMP_TEXT_MAX];
	char whole[STAMP_TEXT_MAX]; /* 2026-11-23T14:05:09Z */
	(void)stamp_text(t, exact);
	(void)stamp_second(t, whole);
	buf_adds(out, "<time");
	html_attr(out, "datetime", exact);
	buf_addf(out, ">%.10s\xc2\xa0%.8s</time>", whole,
		 strlen(whole) > 11 ? whole + 11 : "");
}
