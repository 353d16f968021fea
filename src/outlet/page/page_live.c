#include <stdio.h>
#include <string.h>

#include "base/stamp.h"
#include "outlet/page/page_internal.h"

static const struct {
	const char *name, *words;
	int64_t length; /* 0: all */
} periods[PAGE_PERIODS] = {
	[PAGE_PERIOD_DAY] = { "1d", "1 day", STAMP_DAY },
	[PAGE_PERIOD_WEEK] = { "7d", "7 days", 7 * STAMP_DAY },
	[PAGE_PERIOD_MONTH] = { "30d", "30 days", 30 * STAMP_DAY },
	[PAGE_PERIOD_QUARTER] = { "90d", "90 days", 90 * STAMP_DAY },
	[PAGE_PERIOD_ALL] = { "all", "all", 0 },
};

bool page_period_parse(const char *text, enum page_period *ret_period)
{
	for (size_t i = 0; i < PAGE_PERIODS; i++) {
		if (strcmp(periods[i].name, text) != 0)
			continue;
		*ret_period = (enum page_period)i;
		return true;
	}
	return false;
}

int64_t page_period_since(enum page_period p, int64_t now)
{
	return periods[p].length > 0 ? now - periods[p].length : REPORT_BEGIN;
}

/* Sites that are judged together have their names joined by ", ". */
bool page_is_site(const struct report_site *s, const char *site)
{
	size_t len = strlen(site);
	for (const char *at = s->name; *at;) {
		size_t part = strcspn(at, ",");
		if (part == len && strncmp(at, site, len) == 0)
			return true;
		at += part;
		at += strspn(at, ", ");
	}
	return strcmp(s->name, site) == 0;
}

bool page_has_site(const struct report *r, const char *site)
{
	for (size_t i = 0; i < r->site_count; i++)
		if (page_is_site(&r->sites[i], site))
			return true;
	return false;
}

/* ---- links ---- */

void page_address(const struct page *p, struct addr a)
{
	char text[ADDR_TEXT_MAX];
	addr_text(a, text);
	if (p->live)
		buf_addf(p->out, "<a href=\"/sender/%s\">%s</a>", text, text);
	else
		buf_adds(p->out, text);
}

/* The first name is enough: config/ lets letters, digits and ._- into it
 * alone. */
void page_begin_site_link(const struct page *p, const char *name)
{
	char first[NAME_MAX_TEXT];
	(void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(name, ","), name);
	buf_adds(p->out, "<a href=\"/site/");
	html_text(p->out, first);
	buf_addf(p->out, "?period=%s\">", periods[p->live->period].name);
}

/* ---- the bar ---- */

static void choice(struct buf *out, const struct page_live *live, size_t i)
{
	bool is_chosen = live && live->period == (enum page_period)i;
	buf_addf(out, "<li><a href=\"%s", live && *live->site ? "/site/" : "/");
	if (live)
		html_text(out, live->site);
	buf_addf(out, "?period=%s\"%s>%s</a></li>", periods[i].name,
		 is_chosen ? " aria-current=\"page\"" : "", periods[i].words);
}

void page_bar(struct buf *out, const struct page_live *live)
{
	buf_adds(out, "<div class=\"bar-top\">\n<nav aria-label=\"Period\"><ul>");
	if (!live || *live->site)
		buf_adds(out, "<li><a href=\"/\">All sites</a></li>");
	for (size_t i = 0; i < PAGE_PERIODS; i++)
		choice(out, live, i);
	buf_adds(
	    out,
	    "</ul></nav>\n"
	    "<form action=\"/sender\" method=\"get\" role=\"search\">"
	    "<label for=\"address\">Sender</label> "
	    "<input id=\"address\" name=\"address\" type=\"text\" inputmode=\"text\" "
	    "autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" "
	    "placeholder=\"192.0.2.7\" maxlength=\"60\" required=\"required\"/> "
	    "<button type=\"submit\">Look up</button></form>\n</div>\n");
}

/* ---- a page that says one thing ---- */

void page_message(const char *title, const char *sentence, struct buf *out)
{
	page_begin(out, title, false);
	page_bar(out, NULL);
	buf_adds(out, "<main>\n<h1>");
	html_text(out, title);
	buf_adds(out, "</h1>\n<p>");
	html_text(out, sentence);
	buf_adds(out, "</p>\n</main>\n<footer>\n");
	page_foot_line(out);
	buf_adds(out, "</footer>\n");
	page_end(out);
}
