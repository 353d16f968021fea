#include "outlet/page/page.h"

#include <inttypes.h>

#include "base/number.h"
#include "base/stamp.h"
#include "outlet/page/chart.h"
#include "outlet/page/page_internal.h"

enum { CLAIM_MAX = 65536 };

/* ---- what a site says first ---- */

static const char *const tones[] = {
	[REPORT_CANNOT_TELL] = "cannot",
	[REPORT_NO_LOSS_SEEN] = "good",
	[REPORT_AT_RISK] = "bad",
};

static void claim(const struct page *p)
{
	struct buf text = BUF_INIT(CLAIM_MAX);
	enum report_claim c = report_claim(p->s, &text);
	buf_addf(p->out, "<p class=\"claim claim-%s\">", tones[c]);
	html_text(p->out, buf_text(&text));
	buf_adds(p->out, "</p>\n<p class=\"caveat\">");
	buf_clear(&text);
	report_claim_more(p->s, &text);
	html_text(p->out, buf_text(&text));
	buf_adds(p->out, "</p>\n");
	buf_release(&text);
}

/* One question and its answer: begin_answer(); the value; aside(); more; end_answer(). */
static void begin_answer(const struct page *p, const char *question, const char *tone)
{
	buf_addf(p->out,
		 "<div class=\"answer tone-%s\"><dt>%s</dt><dd><span class=\"value\">",
		 tone, question);
}

static void aside(const struct page *p)
{
	buf_adds(p->out, "</span> <span class=\"aside\">");
}

static void end_answer(const struct page *p)
{
	buf_adds(p->out, "</span></dd></div>\n");
}

/* "known 1, weak 2": tiers that nobody is in are left out. */
static void tiers(const struct page *p)
{
	static const enum tier all[] = { TIER_KNOWN, TIER_RETURNING, TIER_PLAUSIBLE,
					 TIER_WEAK };
	const char *link = "";
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint64_t n = p->s->counts.at_risk_tier[all[i]];
		if (n == 0)
			continue;
		buf_addf(p->out, "%s%" PRIu64 " %s", link, n, tier_name(all[i]));
		link = ", ";
	}
}

static void answer_lost(const struct page *p)
{
	const struct report_counts *c = &p->s->counts;
	uint64_t known = c->at_risk_tier[TIER_KNOWN];
	struct buf unused = BUF_INIT(CLAIM_MAX);
	enum report_claim claim = report_claim(p->s, &unused);
	buf_release(&unused);
	begin_answer(p, "Did I lose mail?", tones[claim]);
	if (claim == REPORT_CANNOT_TELL)
		buf_adds(p->out, "Cannot be told");
	else if (known == 0)
		buf_adds(p->out, "No loss seen");
	else
		buf_addf(p->out, "%" PRIu64 " at risk", known);
	aside(p);
	if (claim == REPORT_CANNOT_TELL && c->at_risk_count == 0)
		buf_adds(p->out, "not all real hosts were watched");
	else if (c->at_risk_count == 0)
		buf_adds(p->out, "of a known sender or message, or of another that may "
				 "have been good");
	else
		buf_adds(p->out, known > 0
				     ? "of all that may have been good: "
				     : "of a known sender; that may have been good: ");
	tiers(p);
	end_answer(p);
}

static void answer_spam(const struct page *p)
{
	const struct report_spam *m = &p->s->spam;
	begin_answer(p, "How much spam did it stop?", "plain");
	if (m->has_share)
		page_percent(p, m->share, "spam.share_stopped");
	else
		buf_adds(p->out, "\xe2\x80\x93");
	aside(p);
	page_count(p, p->s->counts.attempts_stopped, "spam.attempts_stopped");
	buf_adds(p->out, " attempts stopped, ");
	page_count(p, m->refused, "spam.attempts_refused");
	buf_adds(p->out, " refused by real hosts");
	if (m->has_filter) {
		buf_adds(p->out, ", ");
		page_count(p, m->accepted_as_spam, "spam.accepted_as_spam");
		buf_adds(p->out, " accepted and called spam");
	} else {
		buf_adds(p->out, "; what was accepted is left out");
	}
	end_answer(p);
}

static void answer_delay(const struct page *p)
{
	const struct report_delay *d = &p->s->counts.delay;
	begin_answer(p, "How late was good mail?", "plain");
	if (d->count == 0) {
		buf_adds(p->out,
			 p->s->counts.reached > 0 ? "No delay seen" : "\xe2\x80\x93");
		aside(p);
		buf_adds(p->out, "none was measured");
	} else {
		page_seconds(p, d->p50_us, "delay_seconds.p50");
		aside(p);
		buf_adds(p->out, "or less, for half of it; 95\xe2\x80\xaf% within ");
		page_seconds(p, d->p95_us, "delay_seconds.p95");
		buf_adds(p->out, ", all within ");
		page_seconds(p, d->max_us, "delay_seconds.max");
	}
	end_answer(p);
}

/* ---- two more figures ---- */

static void figure_stopped(const struct page *p)
{
	const struct report_counts *c = &p->s->counts;
	buf_adds(p->out, "<div><dt>Senders stopped</dt><dd>");
	if (p->s->has_share) {
		page_percent(p, p->s->stopped_share, "stopped_senders_share");
		buf_adds(p->out, ": ");
	}
	html_count(p->out, c->stopped);
	if (p->s->has_share) {
		buf_adds(p->out, " of the ");
		html_count(p->out, c->stopped + c->reached);
		buf_adds(p->out, " that were stopped or reached a real host");
	} else {
		buf_adds(p->out,
			 p->s->has_coverage && p->s->coverage < REPORT_MIN_COVERAGE
			     ? " (no share: too little was watched and well)"
			     : " (no share can be told)");
	}
	buf_adds(p->out, "</dd></div>\n");
}

static void figure_coverage(const struct page *p)
{
	char text[STAMP_TEXT_MAX];
	buf_adds(p->out, "<div><dt>Watched and well</dt><dd>");
	if (p->s->has_coverage)
		page_percent(p, p->s->coverage, "coverage");
	else
		buf_adds(p->out, "\xe2\x80\x93");
	if (p->s->gaps.count == 0)
		buf_adds(p->out, " of the time, without a gap");
	else
		buf_addf(p->out, " of the time, with %zu gap%s, the longest ",
			 p->s->gaps.count, number_plural(p->s->gaps.count));
	if (p->s->gaps.count > 0)
		html_unbroken(p->out, stamp_duration_text(p->s->longest_gap_us, text));
	buf_adds(p->out, "</dd></div>\n");
}

static void site(const struct page *p)
{
	buf_addf(p->out, "<article id=\"site-%zu\" data-site=\"%zu\">\n<header><h2>",
		 p->index, p->index);
	html_text(p->out, p->s->name);
	buf_adds(p->out, "</h2>\n");
	buf_adds(p->out, "<dl class=\"answers\">\n");
	answer_lost(p);
	answer_spam(p);
	answer_delay(p);
	buf_adds(p->out, "</dl>\n");
	claim(p);
	buf_adds(p->out, "</header>\n<dl class=\"figures\">\n");
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
	bool has_link = p->live || p->index < PAGE_SITES;
	buf_adds(p->out, "<tr><th scope=\"row\">");
	if (p->live)
		page_begin_site_link(p, p->s->name);
	else if (has_link)
		buf_addf(p->out, "<a href=\"#site-%zu\">", p->index);
	html_text(p->out, p->s->name);
	buf_addf(p->out, "%s</th><td data-label=\"Good mail\">", has_link ? "</a>" : "");
	html_text(p->out, buf_text(&text));
	buf_adds(p->out, "</td><td class=\"n\" data-label=\"At risk\">");
	html_count(p->out, p->s->counts.at_risk_count);
	buf_adds(p->out, "</td><td class=\"n\" data-label=\"Stopped\">");
	html_count(p->out, p->s->counts.stopped);
	buf_adds(p->out, "</td></tr>\n");
	buf_release(&text);
}

static void index_of_sites(const struct report *r, const struct page_live *live,
			   struct buf *out)
{
	size_t shown = r->site_count < PAGE_INDEX ? r->site_count : PAGE_INDEX;
	buf_adds(out, "<nav class=\"sites\" aria-label=\"Sites\"><table class=\"wide "
		      "cards\"><thead><tr><th "
		      "scope=\"col\">Site</th><th scope=\"col\">What was seen of good "
		      "mail</th><th scope=\"col\" class=\"n\">At risk</th><th "
		      "scope=\"col\" class=\"n\">Stopped</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < shown; i++)
		index_row(&(struct page){ r, live, &r->sites[i], i, out });
	buf_adds(out, "</tbody></table>\n");
	page_more(out, r->site_count, shown, "sites");
	buf_adds(out, "</nav>\n");
}

static void foot(const struct report *r, struct buf *out)
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
	if (r->is_anonymous) {
		struct buf by = BUF_INIT(4096);
		report_judged_by(r, &by);
		buf_adds(out, "<p>These are numbers of ");
		html_text(out, buf_text(&by));
		buf_adds(out, ".</p>\n");
		buf_release(&by);
	}
	page_foot_line(out);
	buf_adds(out, "</footer>\n");
}

static const char *title_of(const struct report *r, const struct page_live *live)
{
	if (live && *live->site)
		return live->site;
	return r->site_count == 1 ? r->sites[0].name : "Fake MX";
}

static bool is_wanted(const struct page_live *live, const struct report_site *s)
{
	return !live || !*live->site || page_is_site(s, live->site);
}

/* A file has every site; over HTTP many sites are an index of pages. */
static void sites(const struct report *r, const struct page_live *live, struct buf *out)
{
	size_t all = r->since < r->until ? r->site_count : 0;
	size_t shown = 0, most = live && all > 1 && !*live->site ? 0 : PAGE_SITES;
	if (all > 1 && (!live || !*live->site))
		index_of_sites(r, live, out);
	for (size_t i = 0; i < all && shown < most; i++) {
		if (!is_wanted(live, &r->sites[i]))
			continue;
		site(&(struct page){ r, live, &r->sites[i], i, out });
		shown++;
	}
	if (!live)
		page_more(out, all, shown, "sites");
}

static void write_page(const struct report *r, const struct page_live *live,
		       struct buf *out)
{
	struct buf title = BUF_INIT(CLAIM_MAX);
	buf_addf(&title, "%s: what the decoys did", title_of(r, live));
	page_begin(out, buf_text(&title), !live);
	buf_release(&title);
	chart_inks(out);
	if (live)
		page_bar(out, live);
	period(r, out);
	if (r->note[0]) {
		buf_adds(out, "<p class=\"claim claim-cannot\">");
		html_text(out, r->note);
		buf_adds(out, "</p>\n");
	}
	sites(r, live, out);
	foot(r, out);
	page_end(out);
}

void page_write(const struct report *r, struct buf *out)
{
	write_page(r, NULL, out);
}

void page_write_live(const struct report *r, const struct page_live *live,
		     struct buf *out)
{
	write_page(r, live, out);
}
