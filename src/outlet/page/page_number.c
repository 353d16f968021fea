#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/stamp.h"
#include "outlet/page/page_internal.h"

/* A key that does not fit is one of ours that is too long. */
FMX_PRINTF(2, 0)
static void begin_data(const struct page *p, const char *key, va_list ap)
{
	char text[96];
	(void)vsnprintf(text, sizeof(text), key, ap);
	buf_adds(p->out, "<data");
	html_attr(p->out, "data-key", text);
}

void page_count(const struct page *p, uint64_t n, const char *key, ...)
{
	va_list ap;
	va_start(ap, key);
	begin_data(p, key, ap);
	va_end(ap);
	buf_addf(p->out, " value=\"%" PRIu64 "\">", n);
	html_count(p->out, n);
	buf_adds(p->out, "</data>");
}

void page_seconds(const struct page *p, int64_t us, const char *key, ...)
{
	char text[STAMP_TEXT_MAX];
	va_list ap;
	va_start(ap, key);
	begin_data(p, key, ap);
	va_end(ap);
	buf_addf(p->out, " value=\"%.6f\">", (double)us / (double)STAMP_SECOND);
	html_unbroken(p->out, stamp_duration_text(us, text));
	buf_adds(p->out, "</data>");
}

void page_percent(const struct page *p, double part, const char *key, ...)
{
	va_list ap;
	va_start(ap, key);
	begin_data(p, key, ap);
	va_end(ap);
	buf_addf(p->out, " value=\"%.9f\">%.1f\xe2\x80\xaf%%</data>", part, 100 * part);
}

void page_rate(const struct page *p, double rate, const char *key, ...)
{
	va_list ap;
	va_start(ap, key);
	begin_data(p, key, ap);
	va_end(ap);
	buf_addf(p->out, " value=\"%.9f\">%.1f</data>", rate, rate);
}

void page_more(struct buf *out, size_t all, size_t shown, const char *what)
{
	if (all > shown)
		buf_addf(out,
			 "<p class=\"more\">And %zu more %s; <code>fakemx report "
			 "--json</code> has them all.</p>\n",
			 all - shown, what);
}
