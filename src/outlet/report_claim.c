/* The sentences of the report that claim something, or say why not. */
#include "outlet/report.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/stamp.h"
#include "base/utf8.h"

static const char report_caveat[] =
    "A first-time sender that never came back cannot be told from a spambot.";

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void report_add_safe(struct buf *out, const char *text)
{
	while (*text) {
		const char *at = text;
		uint32_t c = utf8_next(&text);
		if (c != UTF8_BAD && !utf8_is_deceptive(c)) {
			buf_add(out, at, (size_t)(text - at));
			continue;
		}
		for (; at < text; at++)
			buf_addf(out, "\\x%02x", (unsigned char)*at);
	}
}

void report_unseen(const struct report_host *h, struct buf *out)
{
	char since[STAMP_TEXT_MAX];
	if (h->unseen == REPORT_SEEN)
		return;
	report_add_safe(out, h->name);
	switch (h->unseen) {
	case REPORT_SEEN: break;
	case REPORT_NOT_WATCHED: buf_adds(out, " is not watched"); break;
	case REPORT_CLOSED:
		buf_adds(out, " is closed, and knocks at it are not watched");
		if (h->why_unseen) {
			buf_adds(out, ": ");
			report_add_safe(out, h->why_unseen);
		}
		break;
	case REPORT_SILENT: buf_adds(out, " has told nothing yet"); break;
	case REPORT_SILENT_SINCE:
		buf_addf(out, " has told nothing since %s",
			 stamp_text(h->complete_until, since));
		break;
	}
}

/* Each real host that stands in the way; the judge names one at most. */
static void why_not(const struct report_site *s, struct buf *out)
{
	bool has_any = false;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct report_host *h = &s->hosts[i];
		if (h->role != ROLE_REAL || h->unseen == REPORT_SEEN)
			continue;
		buf_adds(out, has_any ? "; " : "");
		report_unseen(h, out);
		has_any = true;
	}
	if (!has_any)
		report_add_safe(out, s->is_measurable
					 ? "at no time of the period were all real hosts "
					   "watched and well"
					 : s->why_not);
}

/* The stopped senders with a good sign that is less than accepted mail. */
static void other_tiers(const struct tally_group *g, struct buf *out)
{
	uint64_t plausible = g->at_risk_tier[TIER_PLAUSIBLE];
	uint64_t weak = g->at_risk_tier[TIER_WEAK];
	uint64_t n = plausible + weak;
	if (n == 0)
		return;
	buf_addf(out,
		 "%" PRIu64 " %sstopped sender%s may have been good (%" PRIu64
		 " plausible, %" PRIu64 " weak). ",
		 n, g->at_risk_tier[TIER_KNOWN] > 0 ? "other " : "", plural(n), plausible,
		 weak);
}

static bool can_tell(const struct report_site *s)
{
	return s->is_measurable && s->has_coverage && s->coverage > 0;
}

enum report_claim report_claim(const struct report_site *s, struct buf *out)
{
	uint64_t known = s->counts.at_risk_tier[TIER_KNOWN];
	if (known > 0) {
		buf_addf(out, "%" PRIu64 " known sender%s at risk.", known,
			 known == 1 ? " is" : "s are");
		return REPORT_AT_RISK;
	}
	if (!can_tell(s)) {
		buf_adds(out, "Not measurable: ");
		why_not(s, out);
		buf_adds(out, ".");
		return REPORT_CANNOT_TELL;
	}
	buf_adds(out, "No loss of a known sender was seen");
	if (s->coverage < REPORT_MIN_COVERAGE)
		buf_addf(out, " in the %.1f %% of the time that was watched and well",
			 100 * s->coverage);
	buf_adds(out, ".");
	return REPORT_NO_LOSS_SEEN;
}

void report_claim_more(const struct report_site *s, struct buf *out)
{
	uint64_t known = s->counts.at_risk_tier[TIER_KNOWN];
	if (known > 0)
		buf_adds(
		    out,
		    known == 1
			? "It has not come back to a real host, though its mail was "
			  "accepted here before, or it is allow-listed. "
			: "They have not come back to a real host, though their mail "
			  "was accepted here before, or they are allow-listed. ");
	if (known > 0 && !can_tell(s)) {
		buf_adds(out, "No more can be told: ");
		why_not(s, out);
		buf_adds(out, ". ");
	}
	if (known > 0 || can_tell(s))
		other_tiers(&s->counts, out);
	buf_adds(out, report_caveat);
}

void report_revised(const struct revise_counts *c, struct buf *out)
{
	char p50[STAMP_TEXT_MAX];
	char max[STAMP_TEXT_MAX];
	if (c->returned > 0) {
		buf_addf(out, "%" PRIu64 " sender%s returned after %s", c->returned,
			 plural(c->returned), stamp_duration_text(c->max_us, max));
		if (c->returned > 1)
			buf_addf(out, " at most, half of them after %s",
				 stamp_duration_text(c->p50_us, p50));
		if (c->after_final > 0)
			buf_addf(out, " (%" PRIu64 " after the stop was final)",
				 c->after_final);
	}
	if (c->excused > 0)
		buf_addf(out, "%s%" PRIu64 " sender%s excused by what was learnt later",
			 c->returned > 0 ? "; " : "", c->excused,
			 c->excused == 1 ? " is" : "s are");
}

const char *report_tier_reason(enum tier t)
{
	switch (t) {
	case TIER_NONE: return "nothing speaks for it";
	case TIER_KNOWN:
		return "its mail was accepted here before, or it is allow-listed";
	case TIER_PLAUSIBLE: return "SPF passes for its envelope domain";
	case TIER_WEAK:
		return "its name is confirmed and not generic, or is what it says in "
		       "HELO";
	}
	assert(false); /* the switch above is complete: -Wswitch says so */
	return "";
}
