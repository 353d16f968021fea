#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/stamp.h"
#include "outlet/report/report.h"

enum { AT_RISK_SHOWN = 20 /* the others are in the JSON */, CLAIM_MAX = 65536 };

/* One site on its way to the terminal. */
struct writing {
	const struct report *r;
	const struct report_site *s;
	struct text text;
};

/* ---- good mail ---- */

static const char *tier_style(const struct text_style *style, enum tier t)
{
	if (t == TIER_KNOWN)
		return style->bad;
	return t >= TIER_PLAUSIBLE ? style->warn : "";
}

static void risk_line(const struct text *t, const struct report_at_risk *a)
{
	char address[ADDR_TEXT_MAX];
	char since[STAMP_TEXT_MAX];
	buf_addf(t->out, "      %s%-9s%s %s%s", tier_style(t->style, a->tier),
		 tier_name(a->tier), t->style->plain, addr_text(a->client, address),
		 a->name[0] ? " (" : "");
	buf_add_safe(t->out, a->name);
	buf_addf(t->out, "%s, since %s: ", a->name[0] ? ")" : "",
		 stamp_second(a->since, since));
	report_risk_reason(a, t->out);
	buf_adds(t->out, "\n");
}

static void at_risk(const struct writing *w)
{
	const struct report_counts *c = &w->s->counts;
	size_t most = w->r->is_anonymous ? 0 : AT_RISK_SHOWN;
	size_t shown = c->at_risk_count < most ? c->at_risk_count : most;
	if (c->at_risk_count == 0) {
		text_line(&w->text, "at risk", "none");
		return;
	}
	text_line(&w->text, "at risk",
		  "%zu that may have been good: %" PRIu64 " known, %" PRIu64
		  " returning, %" PRIu64 " plausible, %" PRIu64 " weak",
		  c->at_risk_count, c->at_risk_tier[TIER_KNOWN],
		  c->at_risk_tier[TIER_RETURNING], c->at_risk_tier[TIER_PLAUSIBLE],
		  c->at_risk_tier[TIER_WEAK]);
	for (size_t i = 0; i < shown; i++)
		risk_line(&w->text, &c->at_risk[i]);
	if (shown > 0 && c->at_risk_count > shown)
		buf_addf(w->text.out, "      and %zu more, see --json\n",
			 c->at_risk_count - shown);
	if (c->messages_missing > 0)
		text_line(&w->text, "missing", "%" PRIu64 " of them %s",
			  c->messages_missing,
			  c->messages_missing == 1
			      ? "is a message of a sender that came with others"
			      : "are messages of senders that came with others");
}

static void delay(const struct writing *w)
{
	const struct report_delay *d = &w->s->counts.delay;
	char p50[STAMP_TEXT_MAX], p95[STAMP_TEXT_MAX];
	char max[STAMP_TEXT_MAX], within[STAMP_TEXT_MAX];
	if (d->count == 0) {
		text_line(&w->text, "delay", "none measured");
		return;
	}
	text_line(&w->text, "delay",
		  "%" PRIu64 " measured: half within %s, 95 %% within %s, all within %s",
		  d->count, stamp_duration_text(d->p50_us, p50),
		  stamp_duration_text(d->p95_us, p95),
		  stamp_duration_text(d->max_us, max));
	if (d->exact_within_us > 0)
		text_line(&w->text, "", "exact within %s",
			  stamp_duration_text(d->exact_within_us, within));
}

static void good_mail(const struct writing *w)
{
	text_heading(&w->text, "Good mail");
	at_risk(w);
	delay(w);
	text_line(&w->text, "returned later",
		  "%" PRIu64 " time%s a sender came to a real host more than ten "
		  "minutes after it met a decoy",
		  w->s->counts.returned_later,
		  number_plural(w->s->counts.returned_later));
	text_label(&w->text, "revised");
	report_revised(&w->s->counts.revised, w->text.out);
	buf_adds(w->text.out, "\n");
}

/* ---- what was stopped ---- */

static void spam(const struct writing *w)
{
	const struct report_spam *s = &w->s->spam;
	const struct report_counts *c = &w->s->counts;
	if (s->has_share)
		text_line(&w->text, "spam stopped",
			  "%.1f %%: %" PRIu64 " of %" PRIu64 " attempts", 100 * s->share,
			  c->attempts_stopped,
			  c->attempts_stopped + s->refused + s->accepted_as_spam);
	else
		text_line(&w->text, "spam stopped", "%" PRIu64 " attempt%s",
			  c->attempts_stopped, number_plural(c->attempts_stopped));
	text_line(&w->text, "not stopped", "%" PRIu64 " refused by the real hosts",
		  s->refused);
	if (s->has_filter)
		text_line(&w->text, "",
			  "%" PRIu64 " accepted, and called spam by a filter",
			  s->accepted_as_spam);
	else
		text_line(&w->text, "",
			  "accepted spam is not known: no filter's verdicts in the logs");
	if (c->attempts_knocked > 0)
		text_line(&w->text, "only knocked",
			  "%" PRIu64 " attempt%s, not counted: a knock can be forged",
			  c->attempts_knocked, number_plural(c->attempts_knocked));
}

/* In the first five days nobody is finally stopped: what it looks like so far
 * is said, but not counted. */
static void provisional(const struct writing *w)
{
	const struct report_counts *c = &w->s->counts;
	uint64_t both = c->stopped + c->stopped_provisional;

	text_label(&w->text, "not back so far");
	buf_addf(w->text.out, "%" PRIu64 " may still come (less than five days)",
		 c->stopped_provisional);
	if (w->s->has_share && c->stopped_provisional > 0)
		buf_addf(w->text.out, "; with them it is %.1f %%",
			 100 * (double)both / (double)(both + c->reached));
	buf_adds(w->text.out, "\n");
}

static void stopped(const struct writing *w)
{
	const struct report_counts *c = &w->s->counts;

	text_heading(&w->text, "Stopped senders");
	text_label(&w->text, "stopped");
	buf_addf(w->text.out, "%" PRIu64, c->stopped);
	if (w->s->has_share)
		buf_addf(w->text.out,
			 ", %.1f %% of the %" PRIu64
			 " that were stopped or reached a real host",
			 100 * w->s->stopped_share, c->stopped + c->reached);
	else if (w->s->has_coverage && w->s->coverage < REPORT_MIN_COVERAGE)
		buf_addf(
		    w->text.out,
		    " (no share: less than %.0f %% of the time was watched and well)",
		    100 * REPORT_MIN_COVERAGE);
	buf_adds(w->text.out, "\n");
	provisional(w);
	text_line(&w->text, "attempts",
		  "%" PRIu64 " by the stopped senders; one is whatever a sender tries in "
		  "half an hour",
		  c->stopped_attempts);
	text_line(&w->text, "named a recipient", "%" PRIu64 " of the stopped senders",
		  c->stopped_naming_recipient);
	spam(w);
}

/* ---- before and after, and elsewhere ---- */

static void half(const struct writing *w)
{
	const struct before_after *b = &w->s->before_after;
	if (!b->has_half)
		return;
	text_line(&w->text, "halves", "%zu domains have the decoy, %zu have not",
		  b->half_domains[0], b->half_domains[1]);
	text_label(&w->text, "held against the other");
	before_after_say(&b->half, w->text.out);
	buf_adds(w->text.out, "\n");
}

static void before_after(const struct writing *w)
{
	const struct before_after *b = &w->s->before_after;
	const struct effect *x = &b->effect[COUNT_UNWELCOME];
	char seen[STAMP_TEXT_MAX];
	text_heading(&w->text, "Before and after the decoy, at the real hosts");
	if (b->seen_all > 0)
		text_line(
		    &w->text, "the decoy",
		    "is seen in the DNS since %s; %zu days watched before, %zu after",
		    stamp_second(b->seen_all, seen), x->before, x->after);
	for (int k = 0; k < COUNT_KINDS && x->is_told; k++) {
		if (k == COUNT_SPAM && !w->s->spam.has_filter)
			continue;
		text_label(&w->text, before_after_name((enum before_after_kind)k));
		before_after_say(&b->effect[k], w->text.out);
		buf_adds(w->text.out, "\n");
	}
	if (x->is_told)
		text_line(&w->text, "how",
			  "each weekday is held against the same weekday; the certainty "
			  "comes from %d random draws of the days, seed %d",
			  EFFECT_DRAWS, EFFECT_SEED);
	else {
		text_label(&w->text, "not yet");
		before_after_why_not(b, w->text.out);
		buf_adds(w->text.out, "\n");
	}
	half(w);
	if (b->days_each == 0)
		return;
	text_label(&w->text, "power");
	buf_addf(w->text.out, "with %.0f unwelcome messages a day a fall by %.0f %% ",
		 x->mean_before, 100 * before_after_fall);
	before_after_power(b, w->text.out);
	buf_adds(w->text.out, "\n");
}

static void compared(const struct writing *w)
{
	for (size_t i = 0; i < w->s->compared_count; i++) {
		const struct report_compared *c = &w->s->compared[i];
		text_line(&w->text, i == 0 ? "known elsewhere" : "",
			  "of %" PRIu64 " stopped senders %" PRIu64
			  " were listed by %s at that moment, %" PRIu64
			  " were not, of %" PRIu64 " it is not known",
			  c->listed + c->not_listed + c->unknown, c->listed, c->zone,
			  c->not_listed, c->unknown);
	}
}

static void cost(const struct writing *w)
{
	const struct report_cost *c = &w->s->cost;
	const struct report_counts *n = &w->s->counts;
	char ttl[STAMP_TEXT_MAX], cpu[STAMP_TEXT_MAX], of[STAMP_TEXT_MAX];
	text_heading(&w->text, "What it costs");
	text_line(&w->text, "good mail",
		  "%" PRIu64 " deliver%s came later for a decoy, %" PRIu64
		  " message%s missing, %zu sender%s "
		  "or messages at risk",
		  n->delay.count, n->delay.count == 1 ? "y" : "ies", n->messages_missing,
		  number_plural(n->messages_missing), n->at_risk_count,
		  number_plural(n->at_risk_count));
	text_line(&w->text, "addresses", "%u for decoys", c->decoy_addresses);
	text_line(&w->text, "an undo", "takes %s: the TTL of the MX records",
		  stamp_duration_text(c->mx_ttl > 0 ? c->mx_ttl : STAMP_HOUR, ttl));
	if (c->has_serve)
		text_line(&w->text, "serve",
			  "%s of CPU in %s, %.0f MB of memory at most, for all sites",
			  stamp_duration_text(c->cpu_us, cpu),
			  stamp_duration_text(c->of_us, of), (double)c->memory_kb / 1024);
}

static void advice(const struct writing *w)
{
	for (size_t i = 0; i < w->s->host_count; i++) {
		const struct report_host *h = &w->s->hosts[i];
		if (h->is_removable)
			text_line(&w->text, "advice",
				  "take the decoy %s out again: in 30 watched days it "
				  "stopped nobody, and it takes %u address%s",
				  h->name, h->addresses, h->addresses == 1 ? "" : "es");
	}
}

/* ---- background ---- */

static void rate(const struct writing *w, const char *name, const struct report_rate *r)
{
	if (!r->is_there)
		return;
	text_label(&w->text, name);
	buf_addf(w->text.out, "%" PRIu64 " visit%s", r->visits, number_plural(r->visits));
	if (r->has_rate)
		buf_addf(w->text.out, ", %.1f an address and day", r->rate);
	buf_adds(w->text.out, "\n");
}

/* Any port 25 is visited: what a decoy draws means little without that. */
static void background(const struct writing *w)
{
	const struct report_counts *c = &w->s->counts;

	text_heading(&w->text, "Decoys against the background");
	rate(w, "low decoys", &w->s->low);
	rate(w, "high decoys", &w->s->high);
	rate(w, "control addresses", &w->s->control);
	if (!w->s->has_control)
		text_line(&w->text, "background",
			  "not known: no control address is configured");
	else
		text_line(&w->text, "background",
			  "%" PRIu64 " sender%s at control addresses, %" PRIu64
			  " of them at decoys too; %" PRIu64
			  " of the stopped senders were there",
			  c->background_senders, number_plural(c->background_senders),
			  c->background_at_decoys, c->background_stopped);
}

/* ---- the rest ---- */

static void all_senders(const struct writing *w)
{
	static const enum order orders[] = { ORDER_STRAIGHT, ORDER_SKIPPED, ORDER_SHOTGUN,
					     ORDER_BACKDOOR, ORDER_UNKNOWN };
	const struct report_counts *c = &w->s->counts;
	text_heading(&w->text, "All senders, each by its latest walk");
	text_label(&w->text, "order");
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		buf_addf(w->text.out, "%s%s %" PRIu64, i > 0 ? ", " : "",
			 order_name(orders[i]), c->order[orders[i]]);
	buf_adds(w->text.out, "\n");
	text_line(&w->text, "fate",
		  "reached %" PRIu64 ", stopped %" PRIu64 ", not back so far %" PRIu64
		  ", at risk %" PRIu64 ", pending %" PRIu64 ", unknown %" PRIu64,
		  c->reached, c->stopped, c->stopped_provisional,
		  c->at_risk_count - c->messages_missing, c->pending, c->unknown);
	text_line(&w->text, "only knocked", "%" PRIu64 " besides", c->only_knocked);
}

static void hosts(const struct writing *w)
{
	int width = 4;
	for (size_t i = 0; i < w->s->host_count; i++)
		if ((int)strlen(w->s->hosts[i].name) > width)
			width = (int)strlen(w->s->hosts[i].name);

	text_heading(&w->text, "Hosts");
	buf_addf(w->text.out, "    %s%5s  %-7s  %-*s  %10s  %10s%s\n",
		 w->text.style->faint, "MX", "role", width, "host", "visits", "senders",
		 w->text.style->plain);
	for (size_t i = 0; i < w->s->host_count; i++) {
		const struct report_host *h = &w->s->hosts[i];
		char preference[8] = "-";
		if (h->role != ROLE_CONTROL)
			(void)snprintf(preference, sizeof(preference), "%u",
				       h->preference);
		buf_addf(w->text.out,
			 "    %5s  %-7s  %-*s  %10" PRIu64 "  %10" PRIu64 "\n",
			 preference, role_name(h->role), width, h->name, h->visits,
			 h->senders);
	}
}

static void listing(const struct writing *w)
{
	const struct report_site *s = w->s;
	text_heading(&w->text, "Listing");
	if (!w->r->enforce)
		text_line(&w->text, "mode = observe",
			  "nothing is listed; %" PRIu64 " sender%s would have been",
			  s->would_be_listed, number_plural(s->would_be_listed));
	else
		text_line(&w->text, "mode = enforce",
			  "%" PRIu64 " sender%s listed now, %" PRIu64
			  " came onto the list",
			  s->listed_now, s->listed_now == 1 ? " is" : "s are", s->listed);
}

/* What is not seen of each host, unless the claim has said it. */
static void unseen(const struct writing *w)
{
	const char *name = "not seen";
	for (size_t i = 0; i < w->s->host_count; i++) {
		if (w->s->hosts[i].unseen == REPORT_SEEN)
			continue;
		text_label(&w->text, name);
		report_unseen(&w->s->hosts[i], w->text.out);
		buf_adds(w->text.out, "\n");
		name = "";
	}
}

static void gaps(const struct writing *w)
{
	char longest[STAMP_TEXT_MAX];
	char from[STAMP_TEXT_MAX];
	const struct spans *all = &w->s->gaps;
	if (all->count == 0)
		return;
	const struct span *g = &all->at[0];
	for (size_t i = 1; i < all->count; i++)
		if (all->at[i].until - all->at[i].since > g->until - g->since)
			g = &all->at[i];
	text_line(&w->text, "gaps", "%zu, the longest %s from %s", all->count,
		  stamp_duration_text(g->until - g->since, longest),
		  stamp_second(g->since, from));
}

static void claim(const struct writing *w)
{
	struct buf words = BUF_INIT(CLAIM_MAX);
	const struct text_style *style = w->text.style;
	enum report_claim c = report_claim(w->s, &words);
	buf_addf(w->text.out, "  %s%s%s\n  ",
		 c == REPORT_AT_RISK       ? style->bad
		 : c == REPORT_CANNOT_TELL ? style->warn
					   : style->good,
		 buf_text(&words), style->plain);
	report_claim_more(w->s, w->text.out);
	buf_adds(w->text.out, "\n");
	buf_release(&words);
}

static void site(const struct writing *w)
{
	const struct report_site *s = w->s;
	buf_addf(w->text.out, "\n%s%s%s", w->text.style->bold, s->name,
		 w->text.style->plain);
	if (s->has_coverage)
		buf_addf(w->text.out, ": %.1f %% of the time watched and well",
			 100 * s->coverage);
	buf_adds(w->text.out, "\n");
	claim(w);
	good_mail(w);
	stopped(w);
	compared(w);
	before_after(w);
	cost(w);
	advice(w);
	background(w);
	all_senders(w);
	hosts(w);
	unseen(w);
	gaps(w);
	listing(w);
}

void report_text(const struct report *r, const struct text_style *style, struct buf *out)
{
	char since[STAMP_TEXT_MAX];
	char until[STAMP_TEXT_MAX];
	char span[STAMP_TEXT_MAX];

	bool any = r->since < r->until;
	if (any)
		buf_addf(out, "From %s to %s (%s)\n", stamp_second(r->since, since),
			 stamp_second(r->until, until),
			 stamp_duration_text(r->until - r->since, span));
	if (any && r->is_anonymous) {
		report_judged_by(r, out);
		buf_adds(out, "\n");
	}
	if (r->note[0])
		buf_addf(out, "%s%s\n", any ? "\n" : "", r->note);
	for (size_t i = 0; i < r->site_count && any; i++)
		site(&(struct writing){ r, &r->sites[i], { style, out } });
}
