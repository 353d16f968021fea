/*
 * text - how our documents look on a terminal
 *
 * Use:
 *	struct text t = { &style, &buf };
 *	text_heading(&t, "Good mail");
 *	text_line(&t, "delay", "%s at most", longest);
 */
#ifndef FMX_OUTLET_TEXT_H
#define FMX_OUTLET_TEXT_H

#include "base/buf.h"

/* What stands before and after a word; "" for plain text. */
struct text_style {
	const char *bold, *good, *warn, *bad, *faint, *plain;
};
extern const struct text_style text_style_plain;

struct text {
	const struct text_style *style;
	struct buf *out;
};

void text_heading(const struct text *t, const char *words);
/* The name of what follows in its line; "" goes on with the one above. */
void text_label(const struct text *t, const char *name);
/* text_label(), the rest, and the end of the line. */
FMX_PRINTF(3, 4)
void text_line(const struct text *t, const char *name, const char *fmt, ...);

#endif
