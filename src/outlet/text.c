#include "outlet/text.h"

#include <stdarg.h>
#include <stdio.h>

const struct text_style text_style_plain = { "", "", "", "", "", "" };

void text_heading(const struct text *t, const char *words)
{
	buf_addf(t->out, "  %s%s%s\n", t->style->bold, words, t->style->plain);
}

void text_label(const struct text *t, const char *name)
{
	buf_addf(t->out, "    %-19s ", name);
}

void text_line(const struct text *t, const char *name, const char *fmt, ...)
{
	char words[1024];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	text_label(t, name);
	buf_addf(t->out, "%s\n", words);
}
