#include "outlet/page/page_internal.h"

#include "base/number.h"
#include "base/stamp.h"

static void section(const struct page *p, const char *title)
{
	buf_addf(p->out, "<section><h3>%s</h3>\n", title);
}

static void end_section(const struct page *p)
{
	buf_adds(p->out, "</section>\n");
}

static void add(const struct page *p, const char *html)
{
	buf_adds(p->out, html);
}

/* One row of a list of numbers: begin_row(); the number; what(). */
static void begin_row(const struct page *p, const char *name)
{
	buf_addf(p->out, "<tr><th scope=\"row\">%s</th><td class=\"n\">", name);
}

static void what(const struct page *p, const char *text)
{
	buf_addf(p->out, "</td><td>%s</td></tr>\n", text);
}

static void row(const struct page *p, const char *name, uint64_t n, const char *key,
		const char *text)
{
	begin_row(p, name);
	page_count(p, n, "%s", key);
	what(p, text);
}

/* ---- good mail ---- */

static void at_risk_row(const struct page *p, size_t i)
{
	const struct report_at_risk *a = &p->s->counts.at_risk[i];
	struct buf reason = BUF_INIT(4096);
	buf_addf(p->out,
		 "<tr class=\"tier-%s\"><td data-label=\"Tier\" "
		 "data-key=\"at_risk.%zu.tier\">%s</td>",
		 tier_name(a->tier), i, tier_name(a->tier));
	buf_addf(p->out,
		 "<td class=\"address\" data-label=\"Address\" "
		 "data-key=\"at_risk.%zu.address\">",
		 i);
	page_address(p, a->client);
	add(p, "</td><td class=\"name\" data-label=\"Name\">");
	if (a->name[0])
		html_text(p->out, a->name);
	else
		add(p, "<span class=\"none\">no name</span>");
	add(p, "</td><td data-label=\"Since\">");
	html_time(p->out, a->since);
	add(p, "</td><td data-label=\"Why\">");
	report_risk_reason(a, &reason);
	html_text(p->out, buf_text(&reason));
	buf_release(&reason);
	add(p, a->is_final || a->is_message ? "</td></tr>\n"
					    : " (may still come)</td></tr>\n");
}

static void at_risk(const struct page *p)
{
	size_t all = p->s->counts.at_risk_count;
	size_t shown = all < PAGE_AT_RISK ? all : PAGE_AT_RISK;
	if (all == 0) {
		add(p, "<p>No stopped sender and no missing message showed a sign of "
		       "being good.</p>\n");
		return;
	}
	if (p->r->is_anonymous) {
		add(p, "<p>");
		html_count(p->out, all);
		add(p, " may have been good; who they are is not told here.</p>\n");
		return;
	}
	add(p, "<table class=\"wide cards\"><caption>Senders and messages that may have "
	       "been "
	       "good</caption><thead><tr><th scope=\"col\">Tier</th><th "
	       "scope=\"col\">Address</th><th scope=\"col\">Name</th><th "
	       "scope=\"col\">Since</th><th scope=\"col\">Why it may be "
	       "good</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < shown; i++)
		at_risk_row(p, i);
	add(p, "</tbody></table>\n");
	page_more(p->out, all, shown, "senders at risk");
}

static void revised(const struct page *p)
{
	struct buf text = BUF_INIT(4096);
	begin_row(p, "revised");
	page_count(p, p->s->counts.revised.senders, "revised.senders");
	add(p, "</td><td>");
	report_revised(&p->s->counts.revised, &text);
	html_text(p->out, buf_text(&text));
	add(p, "</td></tr>\n");
	buf_release(&text);
}

/* Delays are upper bounds. */
static void delays(const struct page *p)
{
	const struct report_delay *d = &p->s->counts.delay;
	begin_row(p, "delays");
	page_count(p, d->count, "delay_seconds.count");
	add(p, "</td><td>measured, from a low decoy to a real host");
	if (d->exact_within_us > 0) {
		add(p, ", exact within ");
		page_seconds(p, d->exact_within_us, "delay_seconds.exact_within");
	}
	add(p, "</td></tr>\n");
}

void page_good_mail(const struct page *p)
{
	const struct report_counts *c = &p->s->counts;
	section(p, "Good mail");
	at_risk(p);
	add(p, "<table class=\"list\"><tbody>\n");
	delays(p);
	row(p, "messages missing", c->messages_missing, "messages_missing",
	    "of those at risk: their senders came with others");
	row(p, "returned later", c->returned_later, "returned_later",
	    "came to a real host more than ten minutes after a decoy");
	revised(p);
	add(p, "</tbody></table>\n");
	page_delay_chart(p);
	end_section(p);
}

/* ---- stopped senders ---- */

static void listing(const struct page *p)
{
	begin_row(p, "listed");
	html_count(p->out, p->r->enforce ? p->s->listed_now : p->s->would_be_listed);
	if (!p->r->enforce) {
		what(p, "would have been listed: mode is observe, so nothing is");
		return;
	}
	add(p, "</td><td>now; ");
	html_count(p->out, p->s->listed);
	add(p, " came onto the list in the period</td></tr>\n");
}

void page_stopped(const struct page *p)
{
	const struct report_counts *c = &p->s->counts;
	section(p, "Stopped senders");
	add(p, "<table class=\"list\"><tbody>\n");
	row(p, "stopped", c->stopped, "fate.stopped",
	    "came to decoys only, and not to a real host within five days");
	row(p, "not back so far", c->stopped_provisional, "fate.stopped_provisional",
	    "the same, but the five days are not over");
	row(p, "attempts", c->stopped_attempts, "stopped_attempts",
	    "by the stopped senders; one is whatever a sender tries in half an hour");
	row(p, "named a recipient", c->stopped_naming_recipient,
	    "stopped_naming_recipient",
	    "of the stopped senders, a recipient at a domain of this site");
	row(p, "only knocked", c->attempts_knocked, "spam.attempts_knocked",
	    "attempts at decoys, not counted as stopped: a knock can be forged");
	listing(p);
	add(p, "</tbody></table>\n");
	page_fate_chart(p);
	end_section(p);
}

/* ---- background ---- */

static void rate_row(const struct page *p, const char *name, const char *key,
		     const struct report_rate *r)
{
	if (!r->is_there)
		return;
	buf_addf(p->out,
		 "<tr><th scope=\"row\">%s</th><td class=\"n\" data-label=\"Addresses\">",
		 name);
	page_count(p, r->addresses, "background.%s.addresses", key);
	add(p, "</td><td class=\"n\" data-label=\"Visits\">");
	page_count(p, r->visits, "background.%s.visits", key);
	add(p, "</td><td class=\"n\" data-label=\"An address and day\">");
	if (r->has_rate)
		page_rate(p, r->rate, "background.%s.visits_per_address_day", key);
	else
		add(p, "\xe2\x80\x93");
	add(p, "</td></tr>\n");
}

static void rates(const struct page *p)
{
	const struct report_site *s = p->s;
	if (!s->low.is_there && !s->high.is_there && !s->control.is_there)
		return;
	add(p, "<table class=\"cards\"><thead><tr><th scope=\"col\">Where</th><th "
	       "scope=\"col\" "
	       "class=\"n\">Addresses</th><th scope=\"col\" "
	       "class=\"n\">Visits</th><th scope=\"col\" class=\"n\">An address and "
	       "day</th></tr></thead><tbody>\n");
	rate_row(p, "low decoys", "low", &s->low);
	rate_row(p, "high decoys", "high", &s->high);
	rate_row(p, "control addresses", "control", &s->control);
	add(p, "</tbody></table>\n");
}

void page_background(const struct page *p)
{
	const struct report_counts *c = &p->s->counts;
	section(p, "Decoys against the background");
	add(p, "<p>Any port 25 in the world is visited. ");
	if (p->s->has_control) {
		add(p, "At addresses that are in no MX, ");
		page_count(p, c->background_senders, "background_senders");
		buf_addf(p->out, " sender%s %s seen; ",
			 number_plural(c->background_senders),
			 c->background_senders == 1 ? "was" : "were");
		page_count(p, c->background_at_decoys,
			   "background.senders_at_decoys_too");
		add(p, " of them at a decoy too. ");
		page_count(p, c->background_stopped, "background.stopped_senders");
		add(p, " of the stopped were seen there: they may not be drawn by the "
		       "MX at all.</p>\n");
	} else {
		add(p, "How much of this is background is not known here: no control "
		       "address is configured.</p>\n");
	}
	rates(p);
	page_decoy_chart(p);
	end_section(p);
}

/* ---- all senders, hosts ---- */

static void orders(const struct page *p)
{
	static const struct {
		enum order order;
		const char *text;
	} rows[] = {
		{ ORDER_STRAIGHT, "real hosts first, or after the low decoy" },
		{ ORDER_SKIPPED, "a real host, and not the low decoy before it" },
		{ ORDER_SHOTGUN, "decoy and real host at once" },
		{ ORDER_BACKDOOR, "a high decoy, and no real host before it" },
		{ ORDER_UNKNOWN, "cannot be told, or only a low decoy" },
	};
	add(p, "<table class=\"list\"><caption>Order</caption><tbody>\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_row(p, order_name(rows[i].order));
		page_count(p, p->s->counts.order[rows[i].order], "order.%s",
			   order_name(rows[i].order));
		what(p, rows[i].text);
	}
	add(p, "</tbody></table>\n");
}

static void fates(const struct page *p)
{
	const struct report_counts *c = &p->s->counts;
	add(p, "<table class=\"list\"><caption>Fate</caption><tbody>\n");
	row(p, "reached", c->reached, "fate.reached", "came to a real host");
	row(p, "stopped", c->stopped, "fate.stopped", "for good");
	row(p, "not back so far", c->stopped_provisional, "fate.stopped_provisional",
	    "may still come");
	begin_row(p, "at risk");
	html_count(p->out, c->at_risk_count - c->messages_missing);
	what(p, "stopped, and may have been good");
	row(p, "pending", c->pending, "fate.pending", "too early to tell");
	row(p, "unknown", c->unknown, "fate.unknown", "cannot be told");
	begin_row(p, "only knocked");
	html_count(p->out, c->only_knocked);
	what(p, "besides: a knock is no walk");
	add(p, "</tbody></table>\n");
}

static void host_row(const struct page *p, size_t i)
{
	const struct report_host *h = &p->s->hosts[i];
	add(p, "<tr><td class=\"n\" data-label=\"MX\">");
	if (h->role == ROLE_CONTROL)
		add(p, "\xe2\x80\x93");
	else
		page_count(p, h->preference, "hosts.%zu.preference", i);
	buf_addf(p->out,
		 "</td><th scope=\"row\" class=\"name\" data-key=\"hosts.%zu.host\">", i);
	html_text(p->out, h->name);
	buf_addf(p->out,
		 "</th><td data-label=\"Role\">%s%s</td><td class=\"n\" "
		 "data-label=\"Visits\">",
		 h->role == ROLE_DECOY ? (h->place == PLACE_LOW ? "low " : "high ") : "",
		 role_name(h->role));
	page_count(p, h->visits, "hosts.%zu.visits", i);
	add(p, "</td><td class=\"n\" data-label=\"Senders\">");
	page_count(p, h->senders, "hosts.%zu.senders", i);
	add(p, "</td><td data-label=\"Complete until\">");
	if (h->complete_until > 0)
		html_time(p->out, h->complete_until);
	else
		add(p, "\xe2\x80\x93");
	add(p, "</td></tr>\n");
}

static void hosts(const struct page *p)
{
	add(p, "<table class=\"wide cards\"><caption>Hosts</caption><thead><tr><th "
	       "scope=\"col\" class=\"n\">MX</th><th scope=\"col\">Host</th><th "
	       "scope=\"col\">Role</th><th scope=\"col\" class=\"n\">Visits</th><th "
	       "scope=\"col\" class=\"n\">Senders</th><th scope=\"col\">Complete "
	       "until</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < p->s->host_count; i++)
		host_row(p, i);
	add(p, "</tbody></table>\n");
}

void page_senders(const struct page *p)
{
	section(p, "All senders, each by its latest walk");
	add(p, "<div class=\"pair\">\n");
	orders(p);
	fates(p);
	add(p, "</div>\n");
	hosts(p);
	end_section(p);
}

/* ---- what could not be seen ---- */

static void unseen(const struct page *p)
{
	struct buf text = BUF_INIT(4096);
	bool has_any = false;
	for (size_t i = 0; i < p->s->host_count; i++) {
		if (p->s->hosts[i].unseen == REPORT_SEEN)
			continue;
		buf_clear(&text);
		report_unseen(&p->s->hosts[i], &text);
		add(p, has_any ? "<li>" : "<ul>\n<li>");
		html_text(p->out, buf_text(&text));
		add(p, ".</li>\n");
		has_any = true;
	}
	add(p, has_any ? "</ul>\n" : "");
	buf_release(&text);
}

static void gaps(const struct page *p)
{
	const struct spans *all = &p->s->gaps;
	size_t shown = all->count < PAGE_GAPS ? all->count : PAGE_GAPS;
	char length[STAMP_TEXT_MAX];
	if (all->count == 0)
		return;
	add(p, "<table class=\"cards\"><thead><tr><th scope=\"col\">Gap from</th><th "
	       "scope=\"col\">until</th><th scope=\"col\" "
	       "class=\"n\">Length</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < shown; i++) {
		const struct span *g = &all->at[i];
		add(p, "<tr class=\"gap\"><td data-label=\"Gap from\">");
		html_time(p->out, g->since);
		add(p, "</td><td data-label=\"until\">");
		html_time(p->out, g->until);
		buf_addf(p->out,
			 "</td><td class=\"n\" data-label=\"Length\">%s</td></tr>\n",
			 stamp_duration_text(g->until - g->since, length));
	}
	add(p, "</tbody></table>\n");
	page_more(p->out, all->count, shown, "gaps");
}

void page_sight(const struct page *p)
{
	section(p, "When we could not see");
	page_sight_chart(p);
	unseen(p);
	if (p->s->gaps.count == 0 && p->r->since < p->r->until)
		add(p, "<p>There is no gap in the period.</p>\n");
	gaps(p);
	end_section(p);
}

/* ---- the numbers behind the charts ---- */

static void bins(const struct page *p)
{
	const struct report_delay *d = &p->s->counts.delay;
	if (d->count == 0)
		return;
	add(p, "<table><caption>Delays of good mail</caption><thead><tr><th "
	       "scope=\"col\">up to</th><th scope=\"col\" "
	       "class=\"n\">Delays</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < REPORT_DELAY_BINS; i++) {
		buf_addf(p->out, "<tr><th scope=\"row\">%s</th><td class=\"n\">",
			 report_delay_names[i]);
		page_count(p, d->bins[i], "delays.%zu.count", i);
		add(p, "</td></tr>\n");
	}
	add(p, "</tbody></table>\n");
}

enum { PART_COLUMNS = 9 };
static const char *const part_columns[PART_COLUMNS] = {
	"Reached",    "Rest",        "Not back",   "Stopped", "At risk",
	"Low decoys", "High decoys", "Background", "Watched"
};

static void part_cell(const struct page *p, uint64_t n, size_t i, size_t column,
		      const char *key)
{
	buf_addf(p->out, "<td class=\"n\" data-label=\"%s\">", part_columns[column]);
	page_count(p, n, "series.parts.%zu.%s", i, key);
	add(p, "</td>");
}

static void part_row(const struct page *p, size_t i)
{
	const struct report_part *part = &p->s->parts[i];
	char name[SERIES_LABEL_MAX];
	buf_addf(p->out, "<tr><th scope=\"row\">%s</th>",
		 series_name(&p->r->series, i, name));
	part_cell(p, part->reached, i, 0, "reached");
	part_cell(p, part->rest, i, 1, "rest");
	part_cell(p, part->stopped_provisional, i, 2, "stopped_provisional");
	part_cell(p, part->stopped, i, 3, "stopped");
	part_cell(p, part->at_risk, i, 4, "at_risk");
	part_cell(p, part->low_visits, i, 5, "low_decoy_visits");
	part_cell(p, part->high_visits, i, 6, "high_decoy_visits");
	part_cell(p, part->control_visits, i, 7, "control_visits");
	buf_addf(p->out, "<td class=\"n\" data-label=\"%s\">",
		 part_columns[PART_COLUMNS - 1]);
	page_percent(p, p->s->parts[i].coverage, "series.parts.%zu.coverage", i);
	add(p, "</td></tr>\n");
}

static void parts(const struct page *p)
{
	if (!p->s->parts || p->r->series.count == 0)
		return;
	buf_addf(p->out,
		 "<table class=\"wide cards\"><caption>Senders by fate, and visits, each "
		 "%s</caption><thead><tr><th scope=\"col\">From</th>",
		 series_unit_name(p->r->series.unit));
	for (size_t i = 0; i < PART_COLUMNS; i++)
		buf_addf(p->out, "<th scope=\"col\" class=\"n\">%s</th>",
			 part_columns[i]);
	add(p, "</tr></thead><tbody>\n");
	for (size_t i = 0; i < p->r->series.count; i++)
		part_row(p, i);
	add(p, "</tbody></table>\n");
}

void page_numbers(const struct page *p)
{
	if (p->s->counts.delay.count == 0 && !p->s->parts)
		return;
	section(p, "The numbers behind the charts");
	bins(p);
	parts(p);
	end_section(p);
}
