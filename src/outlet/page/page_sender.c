/* One sender: what explain_text() says, as a page. */
#include <inttypes.h>
#include <stdio.h>

#include "base/number.h"
#include "base/stamp.h"
#include "outlet/page/page_internal.h"

enum { CAPTION_MAX = 96 };

static void head(const struct explain *x, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	const struct sender *s = &x->sender;
	buf_addf(out, "<header><h1 class=\"address\">%s</h1>\n",
		 addr_text(x->client, text));
	if (s->name[0]) {
		buf_adds(out, "<p class=\"lead\">");
		html_text(out, s->name);
		buf_addf(out, ": its name is %sconfirmed%s; SPF %s.</p>\n",
			 s->is_confirmed ? "" : "not ",
			 s->is_generic ? ", but generic" : "",
			 x->spf_passes ? "passes" : "does not pass");
	}
	for (size_t i = 0; i < s->count; i++) {
		if (s->count < 2 || addr_equal(s->clients[i], x->client))
			continue;
		addr_text(s->clients[i], text);
		buf_addf(out,
			 "<p>One sender with <a href=\"/sender/%s\">%s</a>, by its "
			 "name.</p>\n",
			 text, text);
	}
	if (x->is_allowed)
		buf_adds(out, "<p>It is on the allow list.</p>\n");
	buf_adds(out, "</header>\n");
}

static void begin_table(struct buf *out, const char *title, const char *const *columns,
			size_t count, uint64_t left_out)
{
	buf_addf(out, "<section><h2>%s</h2>\n", title);
	if (left_out > 0)
		buf_addf(out, "<p class=\"more\">%" PRIu64 " older one%s left out.</p>\n",
			 left_out, left_out == 1 ? " is" : "s are");
	buf_adds(out, "<table class=\"wide cards\"><thead><tr>");
	for (size_t i = 0; i < count; i++)
		buf_addf(out, "<th scope=\"col\">%s</th>", columns[i]);
	buf_adds(out, "</tr></thead><tbody>\n");
}

static void end_table(struct buf *out)
{
	buf_adds(out, "</tbody></table></section>\n");
}

static void begin_cell(struct buf *out, const char *label)
{
	buf_addf(out, "<td data-label=\"%s\">", label);
}

static void end_cell(struct buf *out)
{
	buf_adds(out, "</td>");
}

static void time_cell(struct buf *out, const char *label, int64_t t)
{
	begin_cell(out, label);
	html_time(out, t);
	end_cell(out);
}

static void text_cell(struct buf *out, const char *label, const char *text)
{
	begin_cell(out, label);
	html_text(out, text);
	end_cell(out);
}

/* ---- listing ---- */

static void standing(const struct explain *x, struct buf *out)
{
	char name[SITE_NAME_MAX];
	for (size_t i = 0; i < x->standing_count; i++) {
		const struct listing *l = &x->standing[i];
		buf_addf(out, "<p class=\"claim claim-%s\">",
			 l->is_listed ? "bad" : "good");
		html_text(out, explain_site(x, l->site, name));
		if (l->is_listed) {
			buf_adds(out, ": listed until ");
			html_time(out, l->until);
		} else {
			buf_adds(out, ": not listed");
		}
		buf_adds(out, "</p>\n<p class=\"caveat\">");
		html_text(out, reason_text(l->reason));
		buf_addf(out, " (%" PRIu32 " hour%s counted)</p>\n", l->counted_visits,
			 number_plural(l->counted_visits));
	}
}

static void changes(const struct explain *x, struct buf *out)
{
	static const char *const columns[] = { "When", "Site", "What", "Why" };
	char name[SITE_NAME_MAX];
	if (x->change_count == 0)
		return;
	begin_table(out, "Onto the list and off it", columns, 4, x->changes_left_out);
	for (size_t i = 0; i < x->change_count; i++) {
		const struct listing *l = &x->changes[i];
		buf_adds(out, "<tr>");
		time_cell(out, "When", l->at);
		text_cell(out, "Site", explain_site(x, l->site, name));
		text_cell(out, "What", l->is_listed ? "listed" : "not listed");
		text_cell(out, "Why", reason_text(l->reason));
		buf_adds(out, "</tr>\n");
	}
	end_table(out);
}

/* ---- walks ---- */

static void said(struct buf *out, const char *word, const char *more, const char *why)
{
	buf_addf(out, "<strong>%s</strong>%s: ", word, more);
	html_text(out, why);
}

static void notes(const struct explain_walk *k, struct buf *out)
{
	char text[STAMP_TEXT_MAX];
	const struct verdict *v = &k->verdict;
	if (v->missing != 0)
		buf_adds(out,
			 "<br/>A message that a decoy put off was not seen at a real "
			 "host (greylisting alone may have lost it).");
	if (v->tier != TIER_NONE) {
		buf_addf(out, "<br/>At risk, %s: ", tier_name(v->tier));
		html_text(out, report_tier_reason(v->tier));
		buf_adds(out, ".");
	}
	if (v->delay_us >= 0)
		buf_addf(out, "<br/>Delayed by %s at most.",
			 stamp_duration_text(v->delay_us, text));
	if (v->returned_later)
		buf_adds(out, "<br/>It came to a real host more than ten minutes later.");
	if (k->corrected_at == 0)
		return;
	buf_adds(out, "<br/>Reports from ");
	html_time(out, k->told.stopped_at);
	buf_adds(out, " to ");
	html_time(out, k->corrected_at);
	buf_addf(out, " called it stopped%s; %s.",
		 k->told.is_final || v->is_final ? " for good" : "",
		 k->has_returned ? "then it came" : "what was learnt later excuses it");
}

static void walks(const struct explain *x, struct buf *out)
{
	static const char *const columns[] = { "Began", "Site", "Order", "Fate" };
	char name[SITE_NAME_MAX];
	if (x->walk_count == 0)
		return;
	begin_table(out, "Its walks from host to host", columns, 4, x->walks_left_out);
	for (size_t i = 0; i < x->walk_count; i++) {
		const struct verdict *v = &x->walks[i].verdict;
		buf_adds(out, "<tr>");
		time_cell(out, "Began", v->began);
		text_cell(out, "Site", explain_site(x, v->site, name));
		begin_cell(out, "Order");
		said(out, order_name(v->order), "", reason_text(v->order_reason));
		end_cell(out);
		begin_cell(out, "Fate");
		said(out, fate_name(v->fate),
		     v->fate == FATE_STOPPED && !v->is_final ? " so far" : "",
		     reason_text(v->fate_reason));
		notes(&x->walks[i], out);
		end_cell(out);
		buf_adds(out, "</tr>\n");
	}
	end_table(out);
}

/* ---- visits ---- */

static void host_cell(const struct explain *x, const struct visit *v, struct buf *out)
{
	const struct host *h = sites_host_of(x->sites, v->host);
	begin_cell(out, "Host");
	html_text(out, h ? h->name : "unknown host");
	buf_addf(out, " <span class=\"none\">(%s)</span>",
		 h ? role_name(h->role) : "unknown");
	end_cell(out);
}

static void word(struct buf *out, const char *name, const char *text)
{
	if (!text || text[0] == '\0')
		return;
	buf_addf(out, " <span class=\"none\">%s</span> ", name);
	html_text(out, text);
}

static void what_cell(const struct explain *x, const struct visit *v, struct buf *out)
{
	char address[ADDR_TEXT_MAX];
	const char *outcome = outcome_name(v->outcome);
	begin_cell(out, "What it said");
	buf_addf(out, "%s%s%s%s", depth_name(v->depth), outcome ? ", " : "",
		 outcome ? outcome : "",
		 v->spam == SPAM_YES  ? ", called spam"
		 : v->spam == SPAM_NO ? ", called clean"
				      : "");
	if (!addr_equal(v->client, x->client))
		word(out, "as", addr_text(v->client, address));
	word(out, "HELO", v->helo);
	word(out, "from", v->mail_from);
	word(out, "for", v->recipient_domain);
	end_cell(out);
}

static void visits(const struct explain *x, struct buf *out)
{
	static const char *const columns[] = { "When", "Host", "What it said",
					       "Seen by" };
	begin_table(out, "Its visits", columns, 4, x->visits_total - x->visit_count);
	for (size_t i = 0; i < x->visit_count; i++) {
		const struct visit *v = &x->visits[i].visit;
		buf_adds(out, "<tr>");
		time_cell(out, "When", v->time);
		host_cell(x, v, out);
		what_cell(x, v, out);
		text_cell(out, "Seen by", visit_source_name(v->source));
		buf_adds(out, "</tr>\n");
	}
	end_table(out);
}

void page_sender(const struct explain *x, struct buf *out)
{
	char title[CAPTION_MAX];
	char text[ADDR_TEXT_MAX];
	(void)snprintf(title, sizeof(title), "Sender %s", addr_text(x->client, text));
	page_begin(out, title, false);
	page_bar(out, NULL);
	buf_adds(out, "<main class=\"sender\">\n");
	head(x, out);
	if (x->visits_total == 0 && x->walk_count == 0) {
		buf_adds(out, "<p>It was never seen here, or is no longer in the "
			      "journal.</p>\n");
	} else {
		standing(x, out);
		walks(x, out);
		visits(x, out);
		changes(x, out);
	}
	buf_adds(out, "</main>\n<footer>\n");
	page_foot_line(out);
	buf_adds(out, "</footer>\n");
	page_end(out);
}
