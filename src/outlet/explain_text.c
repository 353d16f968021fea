#include <inttypes.h>

#include "base/stamp.h"
#include "outlet/explain.h"

struct writing {
	const struct explain *x;
	const struct report_style *style;
	struct buf *out;
};

static void heading(const struct writing *w, const char *text, size_t left_out)
{
	buf_addf(w->out, "\n%s%s%s", w->style->bold, text, w->style->plain);
	if (left_out > 0)
		buf_addf(w->out, " (the latest; %zu earlier ones are left out)",
			 left_out);
	buf_adds(w->out, "\n");
}

static void head(const struct writing *w)
{
	char text[ADDR_TEXT_MAX];
	const struct explain *x = w->x;

	buf_addf(w->out, "%s%s%s", w->style->bold, addr_text(x->client, text),
		 w->style->plain);
	if (x->name[0]) {
		buf_adds(w->out, " (");
		report_add_safe(w->out, x->name);
		buf_adds(w->out, ")");
	}
	if (x->has_name_record)
		buf_addf(w->out, ": its name is %sconfirmed%s; SPF %s",
			 x->is_confirmed ? "" : "not ",
			 x->is_generic ? " but generic" : "",
			 x->spf_passes ? "passes" : "does not pass");
	buf_adds(w->out, x->is_allowed ? "\nOn the allow list.\n" : "\n");
}

static void detail(const struct writing *w, const char *what, const char *text)
{
	if (text[0] == '\0')
		return;
	buf_addf(w->out, "  %s ", what);
	report_add_safe(w->out, text);
}

static void visit(const struct writing *w, const struct visit *v)
{
	char text[STAMP_TEXT_MAX];
	const struct visits_host *h = book_host(w->x->book, v->host);
	const char *outcome = outcome_name(v->outcome);

	buf_addf(w->out, "  %s  %s (%s)  %s%s%s", stamp_text(v->time, text),
		 h ? h->name : "unknown host", h ? role_name(h->role) : "unknown",
		 depth_name(v->depth), outcome ? ", " : "", outcome ? outcome : "");
	detail(w, "helo", v->helo);
	detail(w, "from", v->mail_from);
	detail(w, "for", v->recipient_domain);
	buf_addf(w->out, "  [%s]\n", visit_source_name(v->source));
}

static const char *order_style(const struct writing *w, enum order o)
{
	if (o == ORDER_BACKDOOR)
		return w->style->bad;
	return o == ORDER_STRAIGHT ? w->style->good : "";
}

/* Reports made in between said something else. */
static void revision(const struct writing *w, const struct explain_walk *k)
{
	char from[STAMP_TEXT_MAX];
	char until[STAMP_TEXT_MAX];
	char after[STAMP_TEXT_MAX];
	if (k->corrected_at == 0)
		return;
	buf_addf(w->out, "    revised: reports from %s to %s called it stopped%s; ",
		 stamp_text(k->stopped_at, from), stamp_text(k->corrected_at, until),
		 k->was_final ? " for good" : "");
	if (k->has_returned)
		buf_addf(w->out, "it returned after %s\n",
			 stamp_duration_text(k->corrected_at - k->verdict.began, after));
	else
		buf_adds(w->out, "what was learnt later excuses it\n");
}

static void walk(const struct writing *w, const struct explain_walk *k)
{
	const struct verdict *v = &k->verdict;
	char began[STAMP_TEXT_MAX];
	char delay[STAMP_TEXT_MAX];

	buf_addf(w->out, "  %s, walk %u, began %s\n", explain_site(w->x, v->site),
		 v->walk, stamp_text(v->began, began));
	buf_addf(w->out, "    order  %s%s%s: %s\n", order_style(w, v->order),
		 order_name(v->order), w->style->plain, reason_text(v->order_reason));
	buf_addf(w->out, "    fate   %s%s: %s\n", fate_name(v->fate),
		 v->fate == FATE_STOPPED && !v->is_final ? " (provisional)" : "",
		 reason_text(v->fate_reason));
	if (v->tier != TIER_NONE)
		buf_addf(w->out, "    at risk, %s: %s\n", tier_name(v->tier),
			 report_tier_reason(v->tier));
	if (v->delay_us >= 0)
		buf_addf(w->out, "    delay  %s\n",
			 stamp_duration_text(v->delay_us, delay));
	if (v->returned_later)
		buf_adds(w->out, "    came to a real host more than ten minutes later\n");
	revision(w, k);
	if (k->revisions > 0)
		buf_addf(w->out, "    corrected %" PRIu32 " time%s by what came later\n",
			 k->revisions, k->revisions == 1 ? "" : "s");
}

static void standing(const struct writing *w, const struct listing *l)
{
	char until[STAMP_TEXT_MAX];
	buf_addf(w->out, "  %s: ", explain_site(w->x, l->site));
	if (l->is_listed)
		buf_addf(w->out, "%slisted%s until %s", w->style->bad, w->style->plain,
			 stamp_text(l->until, until));
	else
		buf_adds(w->out, "not listed");
	buf_addf(w->out, ": %s (%" PRIu32 " visit%s counted)\n", reason_text(l->reason),
		 l->counted_visits, l->counted_visits == 1 ? "" : "s");
}

static void change(const struct writing *w, const struct listing *l)
{
	char at[STAMP_TEXT_MAX];
	buf_addf(w->out, "  %s  %s: %s: %s\n", stamp_text(l->at, at),
		 explain_site(w->x, l->site), l->is_listed ? "listed" : "not listed",
		 reason_text(l->reason));
}

void explain_text(const struct explain *x, const struct report_style *style,
		  struct buf *out)
{
	struct writing w = { x, style, out };

	head(&w);
	if (x->visit_count == 0 && x->walk_count == 0) {
		buf_adds(out, "Never seen, or no longer in the journal.\n");
		return;
	}
	heading(&w, "Visits", x->visits_left_out);
	for (size_t i = 0; i < x->visit_count; i++)
		visit(&w, &x->visits[i].visit);
	heading(&w, "Walks", x->walks_left_out);
	for (size_t i = 0; i < x->walk_count; i++)
		walk(&w, &x->walks[i]);
	heading(&w, "Listing", x->changes_left_out);
	for (size_t i = 0; i < x->change_count; i++)
		change(&w, &x->changes[i]);
	for (size_t i = 0; i < x->standing_count; i++)
		standing(&w, &x->standing[i]);
}
