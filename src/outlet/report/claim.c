/* The sentences of the report that claim something, or say why not. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/stamp.h"
#include "outlet/report/report.h"

enum { NAMED = 3 /* of those at risk; the table has the others */ };

static const char caveat[] =
    "A first-time sender that never came back cannot be told from a spambot.";

void report_unseen(const struct report_host *h, struct buf *out)
{
	char since[STAMP_TEXT_MAX];
	if (h->unseen == REPORT_SEEN)
		return;
	buf_add_safe(out, h->name);
	switch (h->unseen) {
	case REPORT_SEEN: break;
	case REPORT_NOT_WATCHED: buf_adds(out, " is not watched"); break;
	case REPORT_CLOSED:
		buf_adds(out, " is closed, and knocks at it are not watched");
		if (*h->why)
			buf_adds(out, ": ");
		buf_add_safe(out, h->why);
		break;
	case REPORT_SILENT: buf_adds(out, " has told nothing yet"); break;
	case REPORT_SILENT_SINCE:
		buf_addf(out, " has told nothing since %s",
			 stamp_second(h->complete_until, since));
		break;
	}
}

/* Each real host that stands in the way. */
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
		buf_adds(out, "at no time of the period were all real hosts watched and "
			      "well");
}

static bool can_tell(const struct report_site *s)
{
	return s->is_measurable && s->has_coverage && s->coverage > 0;
}

static uint64_t known_messages(const struct report_counts *c)
{
	uint64_t n = 0;
	for (size_t i = 0; i < c->at_risk_tier[TIER_KNOWN]; i++)
		n += c->at_risk[i].is_message; /* known come first */
	return n;
}

static void add_names(const struct report_counts *c, struct buf *out)
{
	char address[ADDR_TEXT_MAX];
	if (c->at_risk_count > 0 && c->at_risk[0].is_hidden)
		return;
	for (size_t i = 0; i < c->at_risk_tier[TIER_KNOWN] && i < NAMED; i++) {
		const struct report_at_risk *a = &c->at_risk[i];
		buf_adds(out, i == 0 ? " (" : ", ");
		buf_add_safe(out, a->name[0] ? a->name : addr_text(a->client, address));
	}
	buf_adds(out, c->at_risk_tier[TIER_KNOWN] > NAMED ? " and others)" : ")");
}

/* "1 known sender and 2 messages of known senders are at risk (mail.x.example)" */
static void add_known(const struct report_counts *c, struct buf *out)
{
	uint64_t messages = known_messages(c);
	uint64_t senders = c->at_risk_tier[TIER_KNOWN] - messages;
	if (senders > 0)
		buf_addf(out, "%" PRIu64 " known sender%s", senders,
			 number_plural(senders));
	buf_adds(out, senders > 0 && messages > 0 ? " and " : "");
	if (messages == 1)
		buf_adds(out, "1 message of a known sender");
	else if (messages > 1)
		buf_addf(out, "%" PRIu64 " messages of known senders", messages);
	buf_adds(out, senders + messages == 1 ? " is at risk" : " are at risk");
	add_names(c, out);
}

static void add_delay(const struct report_counts *c, struct buf *out)
{
	char max[STAMP_TEXT_MAX];
	if (c->delay.count > 0)
		buf_addf(out, " Good mail came at most %s late.",
			 stamp_duration_text(c->delay.max_us, max));
	else if (c->reached > 0)
		buf_adds(out, " No delay of good mail was seen.");
}

/* What follows what was said of known senders. */
static void add_rest(const struct report_site *s, struct buf *out)
{
	buf_adds(out, ".");
	add_delay(&s->counts, out);
	if (s->spam.has_share)
		buf_addf(out, " %.1f %% of the spam was stopped%s", 100 * s->spam.share,
			 s->spam.has_filter
			     ? "."
			     : "; spam that the real hosts accepted is not counted, "
			       "since no spam filter's verdicts are in their logs.");
}

enum report_claim report_claim(const struct report_site *s, struct buf *out)
{
	if (s->counts.at_risk_tier[TIER_KNOWN] > 0) {
		add_known(&s->counts, out);
		add_rest(s, out);
		return REPORT_AT_RISK;
	}
	if (!can_tell(s)) {
		buf_adds(out, "Not measurable: ");
		why_not(s, out);
		buf_adds(out, ".");
		return REPORT_CANNOT_TELL;
	}
	buf_adds(out, "No loss of a known sender or message was seen");
	if (s->coverage < REPORT_MIN_COVERAGE)
		buf_addf(out, " in the %.1f %% of the time that was watched and well",
			 100 * s->coverage);
	add_rest(s, out);
	return REPORT_NO_LOSS_SEEN;
}

/* ---- below it ---- */

/* Those with a good sign that is less than mail that was called clean. */
static void other_tiers(const struct report_counts *c, struct buf *out)
{
	static const enum tier tiers[] = { TIER_RETURNING, TIER_PLAUSIBLE, TIER_WEAK };
	uint64_t known = c->at_risk_tier[TIER_KNOWN], n = c->at_risk_count - known;
	const char *link = "";
	if (n == 0)
		return;
	buf_addf(out, "%" PRIu64 " %ssender%s or message%s may have been good (", n,
		 known > 0 ? "other " : "", number_plural(n), number_plural(n));
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
		if (c->at_risk_tier[tiers[i]] == 0)
			continue;
		buf_addf(out, "%s%" PRIu64 " %s", link, c->at_risk_tier[tiers[i]],
			 tier_name(tiers[i]));
		link = ", ";
	}
	buf_adds(out, "). ");
}

/* Not counted in the share of the spam. */
static void spam_more(const struct report_site *s, struct buf *out)
{
	uint64_t knocked = s->counts.attempts_knocked;
	if (knocked > 0)
		buf_addf(out,
			 "%" PRIu64
			 " more attempt%s only knocked at a decoy; that can be "
			 "forged and is not counted. ",
			 knocked, number_plural(knocked));
}

void report_claim_more(const struct report_site *s, struct buf *out)
{
	uint64_t known = s->counts.at_risk_tier[TIER_KNOWN];
	if (known > 0)
		buf_adds(out, "What is at risk has not been seen at a real host since it "
			      "was at a decoy; the reasons stand below. ");
	if (known > 0 && !can_tell(s)) {
		buf_adds(out, "No more can be told: ");
		why_not(s, out);
		buf_adds(out, ". ");
	}
	if (known > 0 || can_tell(s)) {
		other_tiers(&s->counts, out);
		spam_more(s, out);
	}
	buf_adds(out, caveat);
}

void report_revised(const struct report_revised *c, struct buf *out)
{
	char p50[STAMP_TEXT_MAX];
	char max[STAMP_TEXT_MAX];
	if (c->senders == 0)
		buf_adds(out, "nothing that an earlier report said was corrected");
	if (c->returned > 0) {
		buf_addf(out,
			 "%" PRIu64 " sender%s called stopped came to a real host after "
			 "%s",
			 c->returned, c->returned == 1 ? " that was" : "s that were",
			 stamp_duration_text(c->max_us, max));
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
		return "it is on the allow list, or a spam filter called its mail clean "
		       "here before, or this site has written to its domain";
	case TIER_RETURNING:
		return "its mail was accepted here before, and no spam filter said "
		       "anything of it";
	case TIER_PLAUSIBLE: return "SPF passes for its envelope domain";
	case TIER_WEAK:
		return "its name is confirmed and not generic, or is what it says in "
		       "HELO";
	case TIER_COUNT: break;
	}
	assert(false); /* the switch above is complete: -Wswitch says so */
	return "";
}

void report_risk_reason(const struct report_at_risk *a, struct buf *out)
{
	if (a->is_message) {
		buf_adds(out, "a message");
		if (a->recipient_domain) {
			buf_adds(out, " to ");
			buf_add_safe(out, a->recipient_domain);
		}
		buf_adds(out,
			 " that a decoy put off was not seen at a real host, though "
			 "its sender came with others (greylisting alone may have lost "
			 "it); ");
	}
	buf_adds(out, report_tier_reason(a->tier));
}

void report_judged_by(const struct report *r, struct buf *out)
{
	struct rules usual = rules_default();
	struct buf text = BUF_INIT(4096);
	bool has_any = false;
	rules_text(&usual, &text);
	buf_addf(out, "fakemx %s, judged by the rules that it comes with", FMX_VERSION);
	for (const char *line = r->rules; *line;) {
		size_t n = strcspn(line, "\n") + (strchr(line, '\n') != NULL);
		char one[64];
		(void)snprintf(one, sizeof(one), "%.*s", (int)n, line);
		if (!strstr(buf_text(&text), one)) {
			one[strcspn(one, "\n")] = '\0';
			buf_addf(out, "%s%s", has_any ? ", " : ", but for ", one);
			has_any = true;
		}
		line += n;
	}
	buf_release(&text);
}
