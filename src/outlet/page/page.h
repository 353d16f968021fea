/*
 * page - the report as one page that needs nothing else
 *
 * DESIGN section 8. No script, no resource of its own or of others: a strict
 * Content-Security-Policy in the page lets its one style sheet through by its
 * hash, and nothing else. Charts are SVG (chart.h), and all their numbers stand
 * in tables too. The order is that of report_text(): good mail first. Prints
 * on A4, in black and white too; follows a dark desktop.
 *
 * Each number of the JSON document that is shown is an element
 *	<data data-key="fate.stopped" value="61">61</data>
 * whose key is its path in the site's object, the site being the number in
 * data-site of the article around it. So the page can be held against the JSON.
 *
 * Use:
 *	struct buf page = BUF_INIT(PAGE_MAX);
 *	page_write(&report, &page);
 *	if (buf_failed(&page))
 *		...
 *
 * Limits: the first PAGE_SITES sites in full, PAGE_AT_RISK senders
 * at risk and PAGE_GAPS gaps each; how many more there are is said. All
 * of them are in the JSON.
 */
#ifndef FMX_OUTLET_PAGE_PAGE_H
#define FMX_OUTLET_PAGE_PAGE_H

#include "outlet/explain.h"
#include "outlet/report/report.h"

enum {
	PAGE_SITES = 50,
	PAGE_INDEX = 1000,
	PAGE_AT_RISK = 1000,
	PAGE_GAPS = 100,
	PAGE_MAX = 256 * 1024 * 1024,
};

void page_write(const struct report *r, struct buf *out);
/* The estimate of `report --maillog` (estimate_show.h), with the keys of its JSON. */
struct estimate_page;
void page_estimate(const struct estimate_page *estimate, struct buf *out);

/*
 * The same over HTTP (outlet/web/): with periods to choose, a sender to search and links
 * between the pages, all of them from the root. site: that one alone; "" all.
 */
enum page_period {
	PAGE_PERIOD_DAY,
	PAGE_PERIOD_WEEK,
	PAGE_PERIOD_MONTH,
	PAGE_PERIOD_QUARTER,
	PAGE_PERIOD_ALL,
	PAGE_PERIODS,
	PAGE_PERIOD_USUAL = PAGE_PERIOD_WEEK,
};
FMX_MUST_CHECK bool page_period_parse(const char *text, enum page_period *ret_period);
int64_t page_period_since(enum page_period p, int64_t now); /* REPORT_BEGIN */

struct page_live {
	enum page_period period;
	const char *site;
};
/* A site, or one of those that are judged together and shown as one. */
bool page_has_site(const struct report *r, const char *site);
void page_write_live(const struct report *r, const struct page_live *live,
		     struct buf *out);
/* One sender, as explain_text() tells it. */
void page_sender(const struct explain *x, struct buf *out);
/* A page that says one thing. */
void page_message(const char *title, const char *sentence, struct buf *out);

/* The style sheet, and what the policy calls it: sha256-... in base64. */
extern const char page_css[];
extern const char page_css_hash[];

#endif
