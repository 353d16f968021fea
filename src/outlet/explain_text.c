#include <inttypes.h>

#include "base/number.h"
#include "base/stamp.h"
#include "outlet/explain.h"
#include "outlet/report/report.h"

struct writing {
	const struct explain *x;
	const struct text_style *style;
	struct buf *out;
};

static void heading(const struct writing *w, const char *text)
{
	buf_addf(w->out, "\n%s%s%s", w->style->bold, text, w->style->plain);
}

static void left_out(const struct writing *w, uint64_t count)
{
	if (count > 0)
		buf_addf(w->out, " (%" PRIu64 " others are left out)", count);
	buf_adds(w->out, "\n");
}

static void head(const struct writing *w)
{
	char text[ADDR_TEXT_MAX];
	const struct explain *x = w->x;
	const struct sender *s = &x->sender;

	buf_addf(w->out, "%s%s%s", w->style->bold, addr_text(x->client, text),
		 w->style->plain);
	if (s->name[0]) {
		buf_adds(w->out, " (");
		buf_add_safe(w->out, s->name);
		if (x->was_looked_up)
			buf_addf(w->out, "): its name is %sconfirmed%s; SPF %s",
				 s->is_confirmed ? "" : "not ",
				 s->is_generic ? " but generic" : "",
				 x->spf_passes ? "passes" : "does not pass");
		else
			buf_adds(w->out, "): a mail log has this name; fakemx itself "
					 "looked up neither name nor SPF");
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->count > 1 && !addr_equal(s->clients[i], x->client))
			buf_addf(w->out, "\nOne sender with %s, by its name.",
				 addr_text(s->clients[i], text));
	buf_adds(w->out, x->is_allowed ? "\nOn the allow list.\n" : "\n");
}

static void detail(const struct writing *w, const char *what, const char *text)
{
	if (text[0] == '\0')
		return;
	buf_addf(w->out, "  %s ", what);
	buf_add_safe(w->out, text);
}

static const char *spam_word(enum spam spam)
{
	return spam == SPAM_YES  ? ", called spam"
	       : spam == SPAM_NO ? ", called clean"
				 : "";
}

static void visit(const struct writing *w, const struct visit *v)
{
	char text[STAMP_TEXT_MAX], address[ADDR_TEXT_MAX];
	const struct host *h = sites_host_of(w->x->sites, v->host);
	const char *outcome = outcome_name(v->outcome);

	buf_addf(w->out, "  %s  %s (%s)  %s%s%s%s", stamp_text(v->time, text),
		 h ? h->name : "unknown host", h ? role_name(h->role) : "unknown",
		 depth_name(v->depth), outcome ? ", " : "", outcome ? outcome : "",
		 spam_word(v->spam));
	if (!addr_equal(v->client, w->x->client))
		detail(w, "as", addr_text(v->client, address));
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
		 stamp_text(k->told.stopped_at, from), stamp_text(k->corrected_at, until),
		 k->told.is_final || k->verdict.is_final ? " for good" : "");
	if (k->has_returned)
		buf_addf(w->out, "it returned after %s\n",
			 stamp_duration_text(k->corrected_at - k->verdict.began, after));
	else
		buf_adds(w->out, "what was learnt later excuses it\n");
}

static void walk(const struct writing *w, const struct explain_walk *k)
{
	const struct verdict *v = &k->verdict;
	char began[STAMP_TEXT_MAX], delay[STAMP_TEXT_MAX], within[STAMP_TEXT_MAX];
	char name[SITE_NAME_MAX];

	buf_addf(w->out, "  %s, walk %u, began %s\n", explain_site(w->x, v->site, name),
		 k->number, stamp_text(v->began, began));
	buf_addf(w->out, "    order  %s%s%s: %s\n", order_style(w, v->order),
		 order_name(v->order), w->style->plain, reason_text(v->order_reason));
	buf_addf(w->out, "    fate   %s%s: %s\n", fate_name(v->fate),
		 v->fate == FATE_STOPPED && !v->is_final ? " (provisional)" : "",
		 reason_text(v->fate_reason));
	if (v->missing != 0)
		buf_adds(w->out, "    a message that a decoy put off was not seen at a "
				 "real host (greylisting alone may have lost it)\n");
	if (v->tier != TIER_NONE)
		buf_addf(w->out, "    at risk, %s: %s\n", tier_name(v->tier),
			 report_tier_reason(v->tier));
	if (v->delay_us >= 0)
		buf_addf(w->out, "    delay  %s at most, exact within %s\n",
			 stamp_duration_text(v->delay_us, delay),
			 stamp_duration_text(v->delay_error_us, within));
	if (v->returned_later)
		buf_adds(w->out, "    came to a real host more than ten minutes later\n");
	revision(w, k);
}

static void standing(const struct writing *w, const struct listing *l)
{
	char until[STAMP_TEXT_MAX], name[SITE_NAME_MAX];
	buf_addf(w->out, "  %s: ", explain_site(w->x, l->site, name));
	if (l->is_listed)
		buf_addf(w->out, "%slisted%s until %s", w->style->bad, w->style->plain,
			 stamp_text(l->until, until));
	else
		buf_adds(w->out, "not listed");
	buf_addf(w->out, ": %s (%" PRIu32 " hour%s counted)\n", reason_text(l->reason),
		 l->counted_visits, number_plural(l->counted_visits));
}

static void change(const struct writing *w, const struct listing *l)
{
	char at[STAMP_TEXT_MAX], name[SITE_NAME_MAX];
	buf_addf(w->out, "  %s  %s: %s: %s\n", stamp_text(l->at, at),
		 explain_site(w->x, l->site, name),
		 l->is_listed ? "listed" : "not listed", reason_text(l->reason));
}

void explain_text(const struct explain *x, const struct text_style *style,
		  struct buf *out)
{
	struct writing w = { x, style, out };

	head(&w);
	if (x->visits_total == 0 && x->walk_count == 0) {
		buf_adds(out, "Never seen, or no longer in the journal.\n");
		return;
	}
	heading(&w, "Visits");
	left_out(&w, x->visits_total - x->visit_count);
	for (size_t i = 0; i < x->visit_count; i++)
		visit(&w, &x->visits[i].visit);
	heading(&w, "Walks");
	left_out(&w, x->walks_left_out);
	for (size_t i = 0; i < x->walk_count; i++)
		walk(&w, &x->walks[i]);
	heading(&w, "Listing");
	left_out(&w, x->changes_left_out);
	for (size_t i = 0; i < x->change_count; i++)
		change(&w, &x->changes[i]);
	for (size_t i = 0; i < x->standing_count; i++)
		standing(&w, &x->standing[i]);
}
