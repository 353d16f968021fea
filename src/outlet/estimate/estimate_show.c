#include "outlet/estimate/estimate_show.h"

#include <inttypes.h>
#include <string.h>

#include "base/stamp.h"
#include "outlet/json.h"
#include "outlet/report/report.h"

enum { AT_RISK_SHOWN = 20 }; /* the others are in the JSON */

struct writing {
	const struct estimate_page *page;
	const struct estimate_result *r;
	struct text text;
};

const struct estimate_range *estimate_range_at(const struct estimate_result *r, size_t i,
					       const char **ret_layout)
{
	static const char *const layouts[ESTIMATE_LAYOUTS] = { "high", "low", "both" };
	const struct estimate_range *const ranges[] = { &r->high, &r->low, &r->both };
	*ret_layout = layouts[i];
	return ranges[i];
}

double estimate_share(const struct estimate_result *r, uint64_t n)
{
	return r->senders ? (double)(n < r->senders ? n : r->senders) / (double)r->senders
			  : 0;
}

const char *estimate_risk_reason(enum tier t)
{
	switch (t) {
	case TIER_KNOWN:
		return "its mail was accepted here and a filter called it clean, and "
		       "when "
		       "it was deferred it never came back";
	case TIER_RETURNING:
		return "its mail was accepted here, and when it was deferred it never "
		       "came back";
	default:
		return "it has a verified name, and when it was deferred it never came "
		       "back";
	}
}

const char *estimate_site_name(const struct estimate_page *page)
{
	return page->is_anonymous ? "site 1" : page->site;
}

const char *estimate_host_name(const struct estimate_page *page, size_t i,
			       char to[NAME_MAX_TEXT])
{
	if (!page->is_anonymous)
		return page->hosts[i].name;
	(void)snprintf(to, NAME_MAX_TEXT, "real host %zu", i + 1);
	return to;
}

/* ---- text ---- */

static void number(const struct writing *w, const char *name, uint64_t n,
		   const char *what)
{
	text_line(&w->text, name, "%" PRIu64 " %s", n, what);
}

static void good_mail(const struct writing *w)
{
	char address[ADDR_TEXT_MAX], since[STAMP_TEXT_MAX];
	const struct estimate_result *r = w->r;
	text_heading(&w->text, "Good mail");
	text_label(&w->text, "at risk");
	if (r->tested == 0) {
		buf_adds(w->text.out,
			 "cannot tell: nobody was deferred, so nobody had to "
			 "retry\n");
		return;
	}
	if (r->at_risk_count == 0) {
		buf_addf(w->text.out,
			 "%snone of the senders that were deferred and may be good gave "
			 "up%s\n",
			 w->text.style->good, w->text.style->plain);
		return;
	}
	buf_addf(w->text.out,
		 "%zu that may be good do not retry: a low decoy may cost them\n",
		 r->at_risk_count);
	size_t most = w->page->is_anonymous ? 0 : AT_RISK_SHOWN;
	for (size_t i = 0; i < r->at_risk_count && i < most; i++) {
		const struct estimate_at_risk *a = &r->at_risk[i];
		buf_addf(w->text.out, "      %s%-9s%s %s%s%s%s, since %s: %s\n",
			 a->tier >= TIER_RETURNING ? w->text.style->bad : "",
			 tier_name(a->tier), w->text.style->plain,
			 addr_text(a->client, address), a->name[0] ? " (" : "", a->name,
			 a->name[0] ? ")" : "", stamp_second(a->since, since),
			 estimate_risk_reason(a->tier));
	}
	if (most && r->at_risk_count > most)
		buf_addf(w->text.out, "      and %zu more, see --json\n",
			 r->at_risk_count - most);
}

static void ranges(const struct writing *w)
{
	text_heading(&w->text, "What a Fake MX would stop");
	for (size_t i = 0; i < ESTIMATE_LAYOUTS; i++) {
		const char *layout;
		const struct estimate_range *range = estimate_range_at(w->r, i, &layout);
		char name[32];
		(void)snprintf(name, sizeof(name), "layout = %s", layout);
		text_label(&w->text, name);
		if (!range->can_tell)
			buf_addf(w->text.out, "%scannot tell:%s %s\n",
				 w->text.style->warn, w->text.style->plain,
				 range->why_not);
		else
			buf_addf(w->text.out,
				 "%" PRIu64 " to %" PRIu64 " of %" PRIu64
				 " senders (%.1f to %.1f %%)\n",
				 range->least, range->most, w->r->senders,
				 100 * estimate_share(w->r, range->least),
				 100 * estimate_share(w->r, range->most));
	}
}

static void seen(const struct writing *w)
{
	const struct estimate_result *r = w->r;
	text_heading(&w->text, "What was seen");
	if (w->page->host_count > 1) {
		number(w, "worst MX alone", r->worse_only,
		       "while a better one was well, and never came to it");
		number(w, "of these", r->worse_plausible,
		       "with a verified name or accepted mail: not in the lower end");
		number(w, "excused", r->worse_excused,
		       "no better one was seen to be well, or their pool came to it");
	}
	number(w, "deferred", r->tested, "and the log goes on for long enough");
	number(w, "of these", r->gave_up, "never came back");
	if (r->too_late)
		number(w, "too late", r->too_late,
		       "were deferred in the log's last hours: not counted");
}

static void hosts(const struct writing *w)
{
	text_heading(&w->text, "Hosts, the best first");
	for (size_t i = 0; i < w->page->host_count; i++) {
		char name[NAME_MAX_TEXT];
		buf_addf(w->text.out,
			 "    %s: %" PRIu64 " visits of %" PRIu64 " senders were read\n",
			 estimate_host_name(w->page, i, name), w->r->hosts[i].visits,
			 w->r->hosts[i].senders);
	}
}

static void assumptions(const struct writing *w)
{
	const char *text;
	text_heading(&w->text, "What this assumes");
	for (size_t i = 0; (text = estimate_assumption(i)); i++)
		buf_addf(w->text.out, "    - %s\n", text);
}

void estimate_text(const struct estimate_page *page, const struct text_style *style,
		   struct buf *out)
{
	struct writing w = { page, page->result, { style, out } };
	char since[STAMP_TEXT_MAX], until[STAMP_TEXT_MAX], span[STAMP_TEXT_MAX];
	const struct estimate_result *r = page->result;

	if (r->senders == 0) {
		buf_adds(out, "No visit was read: nothing can be estimated.\n");
		return;
	}
	buf_addf(out, "An estimate from mail logs, %s to %s (%s)\n",
		 stamp_second(r->since, since), stamp_second(r->until, until),
		 stamp_duration_text(r->until - r->since, span));
	buf_addf(out, "\n%s%s%s\n", style->bold, estimate_site_name(page), style->plain);
	good_mail(&w);
	ranges(&w);
	seen(&w);
	hosts(&w);
	assumptions(&w);
}

/* ---- JSON ---- */

static json_t *zeros(const char *const *keys)
{
	json_t *o = json_object();
	for (; *keys; keys++)
		json_add(o, *keys, json_integer(0));
	return o;
}

static json_t *nulls(const char *const *keys)
{
	json_t *o = json_object();
	for (; *keys; keys++)
		json_add(o, *keys, json_null());
	return o;
}

static json_t *hosts_json(const struct estimate_page *page)
{
	json_t *list = json_array();
	for (size_t i = 0; i < page->host_count; i++) {
		const struct estimate_page_host *h = &page->hosts[i];
		char name[NAME_MAX_TEXT];
		json_t *o = json_object();
		json_add(o, "host", json_text(estimate_host_name(page, i, name)));
		json_add(o, "role", json_text(role_name(ROLE_REAL)));
		json_add(o, "preference",
			 h->has_preference ? json_integer(h->preference) : json_null());
		json_add(o, "visits", json_count(page->result->hosts[i].visits));
		json_add(o, "senders", json_count(page->result->hosts[i].senders));
		json_add(o, "addresses", json_null());
		json_add(o, "visits_per_address_day", json_null());
		json_add(o, "complete_until", json_null());
		json_add(o, "not_seen", json_null());
		json_add(o, "removable", json_false());
		json_push(list, o);
	}
	return list;
}

static json_t *at_risk_json(const struct estimate_page *page)
{
	const struct estimate_result *r = page->result;
	bool is_hidden = page->is_anonymous;
	json_t *list = json_array();
	for (size_t i = 0; i < r->at_risk_count; i++) {
		const struct estimate_at_risk *a = &r->at_risk[i];
		json_t *o = json_object();
		json_add(o, "address", is_hidden ? json_null() : json_addr(a->client));
		json_add(o, "name", json_text_or_null(is_hidden ? "" : a->name));
		json_add(o, "tier", json_text(tier_name(a->tier)));
		json_add(o, "since", is_hidden ? json_null() : json_stamp(a->since));
		json_add(o, "reason", json_text(estimate_risk_reason(a->tier)));
		json_add(o, "message", json_null());
		json_push(list, o);
	}
	return list;
}

static json_t *range_json(const struct estimate_result *r, size_t i)
{
	const char *layout;
	const struct estimate_range *range = estimate_range_at(r, i, &layout);
	bool can = range->can_tell;
	json_t *o = json_object();
	json_add(o, "layout", json_text(layout));
	json_add(o, "can_tell", json_boolean(can));
	json_add(o, "reason", json_text_or_null(can ? "" : range->why_not));
	json_add(o, "stopped_least", can ? json_count(range->least) : json_null());
	json_add(o, "stopped_most", can ? json_count(range->most) : json_null());
	json_add(o, "share_least",
		 can ? json_real(estimate_share(r, range->least)) : json_null());
	json_add(o, "share_most",
		 can ? json_real(estimate_share(r, range->most)) : json_null());
	return o;
}

static json_t *ranges_json(const struct estimate_result *r)
{
	json_t *o = json_object(), *list = json_array(), *texts = json_array();
	const char *text;
	for (size_t i = 0; i < ESTIMATE_LAYOUTS; i++)
		json_push(list, range_json(r, i));
	for (size_t i = 0; (text = estimate_assumption(i)); i++)
		json_push(texts, json_text(text));
	json_add(o, "senders", json_count(r->senders));
	json_add(o, "layouts", list);
	json_add(o, "worst_host_alone", json_count(r->worse_only));
	json_add(o, "worst_host_alone_plausible", json_count(r->worse_plausible));
	json_add(o, "worst_host_alone_excused", json_count(r->worse_excused));
	json_add(o, "deferred", json_count(r->tested));
	json_add(o, "deferred_gave_up", json_count(r->gave_up));
	json_add(o, "deferred_too_late", json_count(r->too_late));
	json_add(o, "assumptions", texts);
	return o;
}

static json_t *no_delay(void)
{
	json_t *o = json_object();
	json_add(o, "count", json_integer(0));
	json_add(o, "p50", json_null());
	json_add(o, "p95", json_null());
	json_add(o, "max", json_null());
	json_add(o, "exact_within", json_null());
	return o;
}

/* What only a decoy shows. */
static void add_unknown(json_t *o)
{
	static const char *const spam[] = { "attempts_stopped", "attempts_knocked",
					    "attempts_refused", "accepted_as_spam",
					    "share_stopped",    NULL };
	json_t *series = json_object();
	json_add(series, "unit", json_null());
	json_add(series, "parts", json_array());
	json_add(o, "messages_missing", json_null());
	json_add(o, "spam", nulls(spam));
	json_add(o, "revised", json_null());
	json_add(o, "background", json_null());
	json_add(o, "delays", json_array());
	json_add(o, "series", series);
	json_add(o, "gaps", json_array());
	json_add(o, "before_after", json_null());
	json_add(o, "halves", json_null());
	json_add(o, "compared", json_array());
	json_add(o, "cost", json_null());
}

static json_t *site_json(const struct estimate_page *page)
{
	static const char *const orders[] = { "straight", "skipped", "shotgun",
					      "backdoor", "unknown", NULL };
	static const char *const fates[] = { "reached", "stopped", "stopped_provisional",
					     "pending", "unknown", NULL };
	const struct estimate_result *r = page->result;
	json_t *o = json_object();
	json_add(o, "site", json_text(estimate_site_name(page)));
	json_add(o, "measurable", json_false());
	json_add(o, "coverage", json_null());
	json_add(o, "hosts", hosts_json(page));
	json_add(o, "order", zeros(orders));
	json_add(o, "fate", zeros(fates));
	json_add(o, "stopped_senders_share", json_null());
	json_add(o, "stopped_attempts", json_integer(0));
	json_add(o, "stopped_naming_recipient", json_integer(0));
	json_add(o, "background_senders", json_null());
	json_add(o, "delay_seconds", no_delay());
	json_add(o, "returned_later", json_integer(0));
	json_add(o, "at_risk", at_risk_json(page));
	add_unknown(o);
	json_add(o, "estimate", ranges_json(r));
	return o;
}

json_t *estimate_json(const struct estimate_page *page)
{
	const struct estimate_result *r = page->result;
	json_t *o = json_object(), *sites = json_array();
	json_push(sites, site_json(page));
	json_add(o, "version", json_integer(REPORT_VERSION));
	json_add(o, "since", r->senders ? json_stamp(r->since) : json_null());
	json_add(o, "until", r->senders ? json_stamp(r->until) : json_null());
	json_add(o, "note", r->senders ? json_null() : json_text("No visit was read."));
	json_add(o, "fakemx", json_text(FMX_VERSION));
	json_add(o, "rules", json_null());
	json_add(o, "anonymous", json_boolean(page->is_anonymous));
	json_add(o, "sites", sites);
	return o;
}
