#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/stamp.h"
#include "outlet/report.h"

const struct report_style report_style_plain = { "", "", "", "", "", "" };

enum { AT_RISK_SHOWN = 20 /* the others are in the JSON */, CLAIM_MAX = 65536 };

struct writing {
	const struct report *r;
	const struct report_style *style;
	struct buf *out;
};

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void heading(const struct writing *w, const char *text)
{
	buf_addf(w->out, "  %s%s%s\n", w->style->bold, text, w->style->plain);
}

static void label(const struct writing *w, const char *text)
{
	buf_addf(w->out, "    %-19s ", text);
}

static void number_line(const struct writing *w, const char *name, uint64_t n,
			const char *what)
{
	label(w, name);
	buf_addf(w->out, "%" PRIu64 "%s%s\n", n, what[0] ? " " : "", what);
}

/* ---- good mail ---- */

static const char *tier_style(const struct writing *w, enum tier t)
{
	if (t == TIER_KNOWN)
		return w->style->bad;
	return t == TIER_PLAUSIBLE ? w->style->warn : "";
}

static void at_risk(const struct writing *w, const struct tally_group *g)
{
	char address[ADDR_TEXT_MAX];
	char since[STAMP_TEXT_MAX];

	label(w, "at risk");
	if (g->at_risk_count == 0) {
		buf_adds(w->out, "none\n");
		return;
	}
	buf_addf(w->out,
		 "%zu stopped sender%s that may have been good: %" PRIu64
		 " known, %" PRIu64 " plausible, %" PRIu64 " weak\n",
		 g->at_risk_count, plural(g->at_risk_count), g->at_risk_tier[TIER_KNOWN],
		 g->at_risk_tier[TIER_PLAUSIBLE], g->at_risk_tier[TIER_WEAK]);
	for (size_t i = 0; i < g->at_risk_count && i < AT_RISK_SHOWN; i++) {
		const struct tally_at_risk *a = &g->at_risk[i];
		buf_addf(w->out, "      %s%-9s%s %s%s", tier_style(w, a->tier),
			 tier_name(a->tier), w->style->plain,
			 addr_text(a->client, address), a->name[0] ? " (" : "");
		report_add_safe(w->out, a->name);
		buf_addf(w->out, "%s, since %s: %s\n", a->name[0] ? ")" : "",
			 stamp_text(a->since, since), report_tier_reason(a->tier));
	}
	if (g->at_risk_count > AT_RISK_SHOWN)
		buf_addf(w->out, "      and %zu more, see --json\n",
			 g->at_risk_count - AT_RISK_SHOWN);
}

static void delay(const struct writing *w, const struct tally_delay *d)
{
	char p50[STAMP_TEXT_MAX];
	char p95[STAMP_TEXT_MAX];
	char max[STAMP_TEXT_MAX];

	label(w, "delay");
	if (d->count == 0) {
		buf_adds(w->out, "none measured\n");
		return;
	}
	buf_addf(w->out,
		 "%" PRIu64 " measured: half within %s, 95 %% within %s, all within %s\n",
		 d->count, stamp_duration_text(d->p50_us, p50),
		 stamp_duration_text(d->p95_us, p95),
		 stamp_duration_text(d->max_us, max));
}

static void revised(const struct writing *w, const struct revise_counts *c)
{
	report_revised(c, w->out);
	buf_adds(w->out, "\n");
}

static void good_mail(const struct writing *w, const struct report_site *s)
{
	heading(w, "Good mail");
	at_risk(w, &s->counts);
	delay(w, &s->counts.delay);
	number_line(w, "returned later", s->counts.returned_later,
		    "more than ten minutes after a decoy");
	label(w, "revised");
	if (s->revised.senders == 0)
		buf_adds(w->out, "nothing that was said before\n");
	else
		revised(w, &s->revised);
}

/* ---- stopped senders ---- */

/* In the first five days nobody is finally stopped: what it looks like so far
 * is said, but not counted. */
static void provisional(const struct writing *w, const struct report_site *s)
{
	const struct tally_group *g = &s->counts;
	uint64_t both = g->stopped + g->stopped_provisional;

	label(w, "not back so far");
	buf_addf(w->out, "%" PRIu64 " may still come (less than five days)",
		 g->stopped_provisional);
	if (s->has_share && g->stopped_provisional > 0)
		buf_addf(w->out, "; with them it is %.1f %%",
			 100 * (double)both / (double)(both + g->reached));
	buf_adds(w->out, "\n");
}

static void stopped(const struct writing *w, const struct report_site *s)
{
	const struct tally_group *g = &s->counts;

	heading(w, "Stopped senders");
	label(w, "stopped");
	buf_addf(w->out, "%" PRIu64, g->stopped);
	if (s->has_share)
		buf_addf(w->out,
			 ", %.1f %% of the %" PRIu64
			 " that were stopped or reached a real host",
			 100 * s->stopped_share, g->stopped + g->reached);
	else if (s->has_coverage && s->coverage < REPORT_MIN_COVERAGE)
		buf_addf(w->out, " (no share: less than %.0f %% was watched and well)",
			 100 * REPORT_MIN_COVERAGE);
	buf_adds(w->out, "\n");
	provisional(w, s);
	number_line(w, "attempts", g->stopped_attempts,
		    "of the stopped (a sender and half hour each)");
	number_line(w, "named a recipient", g->stopped_naming_recipient,
		    "of the stopped");
}

/* ---- background ---- */

static void rate(const struct writing *w, const char *name, const struct report_rate *r)
{
	if (!r->is_there)
		return;
	label(w, name);
	buf_addf(w->out, "%" PRIu64 " visit%s", r->visits, plural(r->visits));
	if (r->has_rate)
		buf_addf(w->out, ", %.1f an address and day", r->rate);
	buf_adds(w->out, "\n");
}

/* Any port 25 is visited: what a decoy draws means little without that. */
static void background(const struct writing *w, const struct report_site *s)
{
	const struct tally_group *g = &s->counts;

	heading(w, "Decoys against the background");
	rate(w, "low decoys", &s->low);
	rate(w, "high decoys", &s->high);
	rate(w, "control addresses", &s->control);
	label(w, "background");
	if (!s->has_control)
		buf_adds(w->out, "not known: no control address is configured\n");
	else
		buf_addf(w->out,
			 "%" PRIu64 " sender%s at control addresses, %" PRIu64
			 " of them at decoys too; %" PRIu64 " of the stopped\n",
			 g->background_senders, plural(g->background_senders),
			 g->background_at_decoys, g->background_stopped);
}

/* ---- the rest ---- */

static void all_senders(const struct writing *w, const struct tally_group *g)
{
	static const enum order orders[] = { ORDER_STRAIGHT, ORDER_SKIPPED, ORDER_SHOTGUN,
					     ORDER_BACKDOOR, ORDER_UNKNOWN };
	heading(w, "All senders, each by its latest walk");
	label(w, "order");
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		buf_addf(w->out, "%s%s %" PRIu64, i > 0 ? ", " : "",
			 order_name(orders[i]), g->order[orders[i]]);
	buf_adds(w->out, "\n");
	label(w, "fate");
	buf_addf(w->out,
		 "reached %" PRIu64 ", stopped %" PRIu64 ", not back so far %" PRIu64
		 ", at risk %zu, pending %" PRIu64 ", unknown %" PRIu64 "\n",
		 g->reached, g->stopped, g->stopped_provisional, g->at_risk_count,
		 g->pending, g->unknown);
	number_line(w, "only knocked", g->only_knocked, "of the unknown");
}

static void hosts(const struct writing *w, const struct report_site *s)
{
	int width = 4;
	for (size_t i = 0; i < s->host_count; i++)
		if ((int)strlen(s->hosts[i].name) > width)
			width = (int)strlen(s->hosts[i].name);

	heading(w, "Hosts");
	buf_addf(w->out, "    %s%5s  %-7s  %-*s  %10s  %10s%s\n", w->style->faint, "MX",
		 "role", width, "host", "visits", "senders", w->style->plain);
	for (size_t i = 0; i < s->host_count; i++) {
		const struct report_host *h = &s->hosts[i];
		char preference[8] = "-";
		if (h->role != ROLE_CONTROL)
			(void)snprintf(preference, sizeof(preference), "%u",
				       h->preference);
		buf_addf(w->out, "    %5s  %-7s  %-*s  %10" PRIu64 "  %10" PRIu64 "\n",
			 preference, role_name(h->role), width, h->name, h->visits,
			 h->senders);
	}
}

static void listing(const struct writing *w, const struct report_site *s)
{
	heading(w, "Listing");
	label(w, w->r->enforce ? "mode = enforce" : "mode = observe");
	if (!w->r->enforce)
		buf_addf(w->out,
			 "nothing is listed; %" PRIu64 " sender%s would have been\n",
			 s->counts.would_be_listed, plural(s->counts.would_be_listed));
	else
		buf_addf(w->out,
			 "%" PRIu64 " sender%s listed now, %" PRIu64
			 " came onto the list\n",
			 s->listed_now, s->listed_now == 1 ? " is" : "s are",
			 s->counts.listed);
}

/* What is not seen of each host, unless the claim has said it. */
static void unseen(const struct writing *w, const struct report_site *s)
{
	bool has_any = false;
	for (size_t i = 0; i < s->host_count; i++) {
		if (s->hosts[i].unseen == REPORT_SEEN)
			continue;
		label(w, has_any ? "" : "not seen");
		report_unseen(&s->hosts[i], w->out);
		buf_adds(w->out, "\n");
		has_any = true;
	}
	if (s->sight.count == 0)
		return;
	char longest[STAMP_TEXT_MAX];
	char from[STAMP_TEXT_MAX];
	const struct sight_gap *g = &s->sight.gaps[0];
	for (size_t i = 1; i < s->sight.count; i++)
		if (s->sight.gaps[i].until - s->sight.gaps[i].from > g->until - g->from)
			g = &s->sight.gaps[i];
	label(w, "gaps");
	buf_addf(w->out, "%zu, the longest %s from %s\n", s->sight.count,
		 stamp_duration_text(g->until - g->from, longest),
		 stamp_text(g->from, from));
}

static void claim(const struct writing *w, const struct report_site *s)
{
	struct buf text = BUF_INIT(CLAIM_MAX);
	enum report_claim c = report_claim(s, &text);
	const char *style = c == REPORT_AT_RISK       ? w->style->bad
			    : c == REPORT_CANNOT_TELL ? w->style->warn
						      : w->style->good;
	buf_addf(w->out, "  %s%s%s\n  ", style, buf_text(&text), w->style->plain);
	report_claim_more(s, w->out);
	buf_adds(w->out, "\n");
	buf_release(&text);
}

static void site(const struct writing *w, const struct report_site *s)
{
	buf_addf(w->out, "\n%s%s%s", w->style->bold, s->name, w->style->plain);
	if (s->has_coverage)
		buf_addf(w->out, ": %.1f %% of the time watched and well",
			 100 * s->coverage);
	buf_adds(w->out, "\n");
	claim(w, s);
	good_mail(w, s);
	stopped(w, s);
	background(w, s);
	all_senders(w, &s->counts);
	hosts(w, s);
	unseen(w, s);
	listing(w, s);
}

void report_text(const struct report *r, const struct report_style *style,
		 struct buf *out)
{
	struct writing w = { r, style, out };
	char since[STAMP_TEXT_MAX];
	char until[STAMP_TEXT_MAX];
	char span[STAMP_TEXT_MAX];

	buf_addf(
	    out, "From %s to %s (%s)\n", stamp_text(r->since, since),
	    stamp_text(r->until, until),
	    stamp_duration_text(r->until > r->since ? r->until - r->since : 0, span));
	if (r->site_count == 0)
		buf_adds(out, "\nNo site was ever served: the journal is empty.\n");
	for (size_t i = 0; i < r->site_count; i++)
		site(&w, &r->sites[i]);
}
