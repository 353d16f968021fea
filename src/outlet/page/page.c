#include "outlet/page/page.h"

#include <inttypes.h>

#include "base/number.h"
#include "base/stamp.h"
#include "outlet/page/chart.h"
#include "outlet/page/page_internal.h"

enum { CLAIM_MAX = 65536 };

/* ---- what a site says first ---- */

static void claim(const struct page *p)
{
	static const char *const classes[] = {
		[REPORT_CANNOT_TELL] = "cannot",
		[REPORT_NO_LOSS_SEEN] = "good",
		[REPORT_AT_RISK] = "bad",
	};
	struct buf text = BUF_INIT(CLAIM_MAX);
	enum report_claim c = report_claim(p->s, &text);
	buf_addf(p->out, "<p class=\"claim claim-%s\">", classes[c]);
	html_text(p->out, buf_text(&text));
	buf_adds(p->out, "</p>\n<p class=\"caveat\">");
	buf_clear(&text);
	report_claim_more(p->s, &text);
	html_text(p->out, buf_text(&text));
	buf_adds(p->out, "</p>\n");
	buf_release(&text);
}

static void begin_figure(const struct page *p, const char *name)
{
	buf_addf(p->out, "<div><dt>%s</dt><dd><span class=\"value\">", name);
}

static void end_figure(const struct page *p)
{
	buf_adds(p->out, "</span></dd></div>\n");
}

static void aside(const struct page *p)
{
	buf_adds(p->out, "</span> <span class=\"aside\">");
}

static void figure_at_risk(const struct page *p)
{
	const struct report_counts *c = &p->s->counts;
	begin_figure(p, "At risk");
	html_count(p->out, c->at_risk_count);
	aside(p);
	buf_addf(p->out,
		 "known %" PRIu64 ", returning %" PRIu64 ", plausible %" PRIu64
		 ", weak %" PRIu64,
		 c->at_risk_tier[TIER_KNOWN], c->at_risk_tier[TIER_RETURNING],
		 c->at_risk_tier[TIER_PLAUSIBLE], c->at_risk_tier[TIER_WEAK]);
	end_figure(p);
}

static void figure_delay(const struct page *p)
{
	const struct report_delay *d = &p->s->counts.delay;
	begin_figure(p, "Delay of good mail");
	if (d->count == 0) {
		buf_adds(p->out, "\xe2\x80\x93");
		aside(p);
		buf_adds(p->out, "none measured");
	} else {
		page_seconds(p, d->p50_us, "delay_seconds.p50");
		aside(p);
		buf_adds(p->out, "for half of it; 95\xe2\x80\xaf% within ");
		page_seconds(p, d->p95_us, "delay_seconds.p95");
		buf_adds(p->out, ", all within ");
		page_seconds(p, d->max_us, "delay_seconds.max");
	}
	end_figure(p);
}

static void figure_spam(const struct page *p)
{
	const struct report_spam *m = &p->s->spam;
	begin_figure(p, "Spam stopped");
	if (m->has_share)
		page_percent(p, m->share, "spam.share_stopped");
	else
		buf_adds(p->out, "\xe2\x80\x93");
	aside(p);
	page_count(p, p->s->counts.attempts_stopped, "spam.attempts_stopped");
	buf_adds(p->out, " attempts stopped, ");
	page_count(p, m->refused, "spam.attempts_refused");
	buf_adds(p->out, " refused");
	if (m->has_filter) {
		buf_adds(p->out, ", ");
		page_count(p, m->accepted_as_spam, "spam.accepted_as_spam");
		buf_adds(p->out, " accepted");
	}
	end_figure(p);
}

static void figure_stopped(const struct page *p)
{
	const struct report_counts *c = &p->s->counts;
	begin_figure(p, "Stopped senders");
	if (p->s->has_share)
		page_percent(p, p->s->stopped_share, "stopped_senders_share");
	else
		html_count(p->out, c->stopped);
	aside(p);
	if (p->s->has_share) {
		html_count(p->out, c->stopped);
		buf_adds(p->out, " of the ");
		html_count(p->out, c->stopped + c->reached);
		buf_adds(p->out, " that were stopped or reached a real host");
	} else {
		buf_adds(p->out,
			 p->s->has_coverage && p->s->coverage < REPORT_MIN_COVERAGE
			     ? "no share: too little was watched and well"
			     : "no share can be told");
	}
	end_figure(p);
}

static void figure_coverage(const struct page *p)
{
	char text[STAMP_TEXT_MAX];
	begin_figure(p, "Watched and well");
	if (p->s->has_coverage)
		page_percent(p, p->s->coverage, "coverage");
	else
		buf_adds(p->out, "\xe2\x80\x93");
	aside(p);
	if (p->s->gaps.count == 0)
		buf_adds(p->out, "of the time; no gap");
	else
		buf_addf(p->out, "of the time; %zu gap%s, the longest ", p->s->gaps.count,
			 number_plural(p->s->gaps.count));
	if (p->s->gaps.count > 0)
		html_unbroken(p->out, stamp_duration_text(p->s->longest_gap_us, text));
	end_figure(p);
}

static void site(const struct page *p)
{
	buf_addf(p->out, "<article id=\"site-%zu\" data-site=\"%zu\">\n<header><h2>",
		 p->index, p->index);
	html_text(p->out, p->s->name);
	buf_adds(p->out, "</h2>\n");
	claim(p);
	buf_adds(p->out, "</header>\n<dl class=\"figures\">\n");
	figure_at_risk(p);
	figure_delay(p);
	figure_spam(p);
	figure_stopped(p);
	figure_coverage(p);
	buf_adds(p->out, "</dl>\n");
	page_good_mail(p);
	page_stopped(p);
	page_evidence(p);
	page_background(p);
	page_senders(p);
	page_sight(p);
	page_numbers(p);
	buf_adds(p->out, "</article>\n");
}

/* ---- the frame ---- */

static void head(const struct report *r, struct buf *out)
{
	buf_adds(out,
		 "<!DOCTYPE html>\n"
		 "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
		 "<meta charset=\"utf-8\"/>\n"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
		 "'none'; style-src '");
	buf_adds(out, page_css_hash);
	buf_adds(out, "'; base-uri 'none'; form-action 'none'\"/>\n"
		      "<meta name=\"viewport\" content=\"width=device-width, "
		      "initial-scale=1\"/>\n"
		      "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
		      "<meta name=\"robots\" content=\"noindex\"/>\n"
		      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
	html_text(out, r->site_count == 1 ? r->sites[0].name : "Fake MX");
	buf_adds(out, ": what the decoys did</title>\n<style>");
	buf_adds(out, page_css);
	buf_adds(out, "</style>\n</head>\n<body>\n");
	chart_inks(out);
}

static void period(const struct report *r, struct buf *out)
{
	char span[STAMP_TEXT_MAX];
	int64_t length = r->until > r->since ? r->until - r->since : 0;
	buf_adds(out, "<header class=\"top\"><h1>What the decoys did</h1>\n<p>From ");
	html_time(out, r->since);
	buf_adds(out, " to ");
	html_time(out, r->until);
	buf_addf(out, " UTC, %s</p></header>\n<main>\n",
		 stamp_duration_text(length, span));
}

static void index_row(const struct page *p)
{
	struct buf text = BUF_INIT(CLAIM_MAX);
	(void)report_claim(p->s, &text);
	buf_adds(p->out, "<tr><th scope=\"row\">");
	if (p->index < PAGE_SITES)
		buf_addf(p->out, "<a href=\"#site-%zu\">", p->index);
	html_text(p->out, p->s->name);
	buf_adds(p->out, p->index < PAGE_SITES ? "</a></th><td>" : "</th><td>");
	html_text(p->out, buf_text(&text));
	buf_adds(p->out, "</td><td class=\"n\">");
	html_count(p->out, p->s->counts.at_risk_count);
	buf_adds(p->out, "</td><td class=\"n\">");
	html_count(p->out, p->s->counts.stopped);
	buf_adds(p->out, "</td></tr>\n");
	buf_release(&text);
}

static void index_of_sites(const struct report *r, struct buf *out)
{
	size_t shown = r->site_count < PAGE_INDEX ? r->site_count : PAGE_INDEX;
	buf_adds(out, "<nav aria-label=\"Sites\"><table><thead><tr><th "
		      "scope=\"col\">Site</th><th scope=\"col\">What was seen of good "
		      "mail</th><th scope=\"col\" class=\"n\">At risk</th><th "
		      "scope=\"col\" class=\"n\">Stopped</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < shown; i++)
		index_row(&(struct page){ r, &r->sites[i], i, out });
	buf_adds(out, "</tbody></table>\n");
	page_more(out, r->site_count, shown, "sites");
	buf_adds(out, "</nav>\n");
}

static void foot(struct buf *out)
{
	buf_adds(
	    out,
	    "</main>\n<footer>\n<h2>How to read this</h2>\n<dl>"
	    "<dt>sender</dt><dd>One client address, or the two (IPv4 and IPv6) of one "
	    "host name. Each counts once, by its latest walk in the period of which "
	    "anything can be said.</dd>"
	    "<dt>walk</dt><dd>Its visits to one site, until 30 minutes pass without one; "
	    "cut at midnight UTC.</dd>"
	    "<dt>reached</dt><dd>It came to a real host, whatever became of the "
	    "mail.</dd>"
	    "<dt>stopped</dt><dd>It met decoys only, and did not come to a real host "
	    "within 5 days; before these are over it is \"not back so far\".</dd>"
	    "<dt>at risk</dt><dd>A stopped sender, or a message that came to a decoy and "
	    "to no real host, that may have been good: known (allow-listed, or a spam "
	    "filter called its mail clean here, or this site has written to it), "
	    "returning (its mail was accepted here before), plausible (SPF passes) or "
	    "weak (a name of its own). In no figure of what was stopped.</dd>"
	    "<dt>spam stopped</dt><dd>Of all attempts to bring spam (a sender and half "
	    "hour each) those that decoys stopped. The others were refused for good by "
	    "a real host, or accepted and called spam by a filter.</dd>"
	    "<dt>rest</dt><dd>Nothing was decided, or something else explains it.</dd>"
	    "<dt>delay</dt><dd>From a visit to a low decoy until the same sender met a "
	    "real host, within ten minutes: at most so long.</dd>"
	    "<dt>background</dt><dd>What control addresses draw, which are in no "
	    "MX.</dd></dl>\n");
	buf_adds(out,
		 "<p>Made by fakemx " FMX_VERSION
		 " from its journal. Times are UTC. This page loads nothing and runs "
		 "nothing.</p>\n</footer>\n</body>\n</html>\n");
}

void page_write(const struct report *r, struct buf *out)
{
	size_t all = r->since < r->until ? r->site_count : 0;
	size_t shown = all < PAGE_SITES ? all : PAGE_SITES;
	head(r, out);
	period(r, out);
	if (r->note[0]) {
		buf_adds(out, "<p class=\"claim claim-cannot\">");
		html_text(out, r->note);
		buf_adds(out, "</p>\n");
	}
	if (all > 1)
		index_of_sites(r, out);
	for (size_t i = 0; i < shown; i++)
		site(&(struct page){ r, &r->sites[i], i, out });
	page_more(out, all, shown, "sites");
	foot(out);
}
