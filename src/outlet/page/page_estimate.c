/* An estimate from mail logs: what estimate_text() says, as a page. */
#include "base/stamp.h"
#include "outlet/estimate/estimate_show.h"
#include "outlet/page/page_internal.h"

/* Numbers have their keys by a page without a report. */
struct writing {
	const struct estimate_page *page;
	const struct estimate_result *r;
	struct page p;
	struct buf *out;
};

static void head(const struct writing *w)
{
	char span[STAMP_TEXT_MAX];
	buf_adds(w->out, "<header><h1>What a Fake MX would stop</h1>\n"
			 "<p class=\"lead\">An estimate from mail logs");
	if (w->r->senders > 0) {
		buf_adds(w->out, ", ");
		html_time(w->out, w->r->since);
		buf_adds(w->out, " to ");
		html_time(w->out, w->r->until);
		buf_adds(w->out, " (");
		html_unbroken(w->out,
			      stamp_duration_text(w->r->until - w->r->since, span));
		buf_adds(w->out, ")");
	}
	buf_adds(w->out, ", before any change of the DNS.</p></header>\n");
}

/* ---- good mail ---- */

static void risk_row(const struct writing *w, const struct estimate_at_risk *a)
{
	char address[ADDR_TEXT_MAX];
	buf_addf(w->out,
		 "<tr class=\"tier-%s\"><td data-label=\"Tier\">%s</td>"
		 "<td data-label=\"Address\" class=\"address\">%s</td>"
		 "<td data-label=\"Name\" class=\"name\">",
		 tier_name(a->tier), tier_name(a->tier), addr_text(a->client, address));
	html_text(w->out, a->name);
	buf_adds(w->out, "</td><td data-label=\"Since\">");
	html_time(w->out, a->since);
	buf_adds(w->out, "</td><td data-label=\"Why\">");
	html_text(w->out, estimate_risk_reason(a->tier));
	buf_adds(w->out, "</td></tr>\n");
}

static void risk_table(const struct writing *w)
{
	size_t count = w->r->at_risk_count;
	size_t shown = count < PAGE_AT_RISK ? count : PAGE_AT_RISK;
	buf_adds(w->out,
		 "<table class=\"wide cards\"><thead><tr><th scope=\"col\">Tier</th>"
		 "<th scope=\"col\">Address</th><th scope=\"col\">Name</th>"
		 "<th scope=\"col\">Since</th><th scope=\"col\">Why</th></tr>"
		 "</thead><tbody>\n");
	for (size_t i = 0; i < shown; i++)
		risk_row(w, &w->r->at_risk[i]);
	buf_adds(w->out, "</tbody></table>\n");
	page_more(w->out, count, shown, "senders");
}

static void good_mail(const struct writing *w)
{
	size_t count = w->r->at_risk_count;
	buf_adds(w->out, "<section><h2>Good mail</h2>\n");
	if (w->r->tested == 0)
		buf_adds(w->out,
			 "<p class=\"claim claim-cannot\">Cannot tell: nobody was "
			 "deferred, so nobody had to retry.</p>\n");
	else if (count == 0)
		buf_adds(w->out,
			 "<p class=\"claim claim-good\">None of the senders that were "
			 "deferred and may be good gave up.</p>\n");
	else
		buf_addf(
		    w->out,
		    "<p class=\"claim claim-bad\">%zu that may be good do not retry: "
		    "a low decoy may cost them.</p>\n",
		    count);
	if (w->r->tested > 0 && count > 0 && !w->page->is_anonymous)
		risk_table(w);
	buf_adds(w->out, "</section>\n");
}

/* ---- what would be stopped ---- */

static void range_row(const struct writing *w, size_t i)
{
	static const char *const meanings[ESTIMATE_LAYOUTS] = { "tried last",
								"tried first",
								"one of each" };
	const char *layout;
	const struct estimate_range *range = estimate_range_at(w->r, i, &layout);
	buf_addf(w->out, "<tr><th scope=\"row\">layout = %s (%s)</th><td class=\"n\">",
		 layout, meanings[i]);
	if (!range->can_tell) {
		buf_adds(w->out, "cannot tell</td><td>");
		html_text(w->out, range->why_not);
		buf_adds(w->out, "</td></tr>\n");
		return;
	}
	page_percent(&w->p, estimate_share(w->r, range->least),
		     "estimate.layouts.%zu.share_least", i);
	buf_adds(w->out, " to ");
	page_percent(&w->p, estimate_share(w->r, range->most),
		     "estimate.layouts.%zu.share_most", i);
	buf_adds(w->out, "</td><td>");
	page_count(&w->p, range->least, "estimate.layouts.%zu.stopped_least", i);
	buf_adds(w->out, " to ");
	page_count(&w->p, range->most, "estimate.layouts.%zu.stopped_most", i);
	buf_adds(w->out, " of ");
	page_count(&w->p, w->r->senders, "estimate.senders");
	buf_adds(w->out, " senders</td></tr>\n");
}

static void ranges(const struct writing *w)
{
	buf_adds(w->out, "<section><h2>What would be stopped</h2>\n"
			 "<table class=\"list\"><tbody>\n");
	for (size_t i = 0; i < ESTIMATE_LAYOUTS; i++)
		range_row(w, i);
	buf_adds(w->out, "</tbody></table></section>\n");
}

static void seen_row(const struct writing *w, const char *name, uint64_t n,
		     const char *key, const char *what)
{
	buf_addf(w->out, "<tr><th scope=\"row\">%s</th><td class=\"n\">", name);
	page_count(&w->p, n, "estimate.%s", key);
	buf_addf(w->out, "</td><td>%s</td></tr>\n", what);
}

static void seen(const struct writing *w)
{
	const struct estimate_result *r = w->r;
	buf_adds(w->out,
		 "<section><h2>What was seen</h2>\n<table class=\"list\"><tbody>\n");
	if (w->page->host_count > 1) {
		seen_row(w, "worst MX alone", r->worse_only, "worst_host_alone",
			 "while a better one was well, and never came to it");
		seen_row(w, "of these", r->worse_plausible, "worst_host_alone_plausible",
			 "with a verified name or accepted mail: not in the lower end");
		seen_row(w, "excused", r->worse_excused, "worst_host_alone_excused",
			 "no better one was seen to be well, or their pool came to it");
	}
	seen_row(w, "deferred", r->tested, "deferred",
		 "and the log goes on for long enough");
	seen_row(w, "of these", r->gave_up, "deferred_gave_up", "never came back");
	if (r->too_late)
		seen_row(w, "too late", r->too_late, "deferred_too_late",
			 "were deferred in the log's last hours: not counted");
	buf_adds(w->out, "</tbody></table></section>\n");
}

static void hosts(const struct writing *w)
{
	char name[NAME_MAX_TEXT];
	buf_adds(w->out,
		 "<section><h2>Hosts, the best first</h2>\n<table class=\"wide "
		 "cards\"><thead><tr><th scope=\"col\">Host</th><th scope=\"col\" "
		 "class=\"n\">Visits read</th><th scope=\"col\" class=\"n\">Senders</th>"
		 "</tr></thead><tbody>\n");
	for (size_t i = 0; i < w->page->host_count; i++) {
		buf_adds(w->out, "<tr><th scope=\"row\" class=\"name\">");
		html_text(w->out, estimate_host_name(w->page, i, name));
		buf_adds(w->out, "</th><td class=\"n\" data-label=\"Visits read\">");
		page_count(&w->p, w->r->hosts[i].visits, "hosts.%zu.visits", i);
		buf_adds(w->out, "</td><td class=\"n\" data-label=\"Senders\">");
		page_count(&w->p, w->r->hosts[i].senders, "hosts.%zu.senders", i);
		buf_adds(w->out, "</td></tr>\n");
	}
	buf_adds(w->out, "</tbody></table></section>\n");
}

static void assumptions(const struct writing *w)
{
	const char *text;
	buf_adds(w->out, "<section><h2>What this assumes</h2>\n<ul>\n");
	for (size_t i = 0; (text = estimate_assumption(i)); i++) {
		buf_adds(w->out, "<li>");
		html_text(w->out, text);
		buf_adds(w->out, "</li>\n");
	}
	buf_adds(w->out, "</ul></section>\n");
}

void page_estimate(const struct estimate_page *estimate, struct buf *out)
{
	struct writing w = { estimate, estimate->result, { .out = out }, out };
	page_begin(out, "An estimate from mail logs", true);
	buf_adds(out, "<main>\n");
	head(&w);
	buf_adds(out, "<article data-site=\"0\"");
	html_attr(out, "aria-label", estimate_site_name(estimate));
	buf_adds(out, ">\n<h2>");
	html_text(out, estimate_site_name(estimate));
	buf_adds(out, "</h2>\n");
	if (w.r->senders == 0) {
		buf_adds(out,
			 "<p class=\"claim claim-cannot\">No visit was read: nothing can "
			 "be estimated.</p>\n");
	} else {
		good_mail(&w);
		ranges(&w);
		seen(&w);
		hosts(&w);
		assumptions(&w);
	}
	buf_adds(out, "</article>\n</main>\n<footer>\n");
	buf_adds(out,
		 "<p>Made by fakemx " FMX_VERSION " from mail logs. Times are UTC. This "
		 "page loads nothing and runs nothing.</p>\n</footer>\n");
	page_end(out);
}
