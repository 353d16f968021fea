/*
 * before_after - what came to the real hosts, a day, before and after the decoy was seen
 * in the DNS; and of two halves of the domains, which of them has it
 *
 * Days (UTC) of the whole journal, whatever the report's period; only those of which
 * REPORT_MIN_COVERAGE was watched and well. Before: serve asked the DNS, and none of the
 * domains that it asks about had a decoy. After: all of them have, for as long as their
 * records' TTL. With a seed of `plan --half` only the domains of that half are asked for;
 * the other half tells what would have come: its days stand beside them, and the
 * ratio of the halves is compared instead of the numbers.
 *
 * Use:
 *	struct before_after b;
 *	before_after_make(ask, view, until, half, &b, &e);
 *	before_after_release(&b);
 */
#ifndef FMX_OUTLET_REPORT_BEFORE_AFTER_H
#define FMX_OUTLET_REPORT_BEFORE_AFTER_H

#include "journal/ask/ask.h"
#include "outlet/report/effect.h"

enum before_after_kind {
	COUNT_UNWELCOME, /* refused for good, or accepted and called spam */
	COUNT_REFUSED,
	COUNT_SPAM,
	COUNT_GOOD, /* accepted, and not called spam */
	COUNT_VISITS,
	COUNT_KINDS,
};

struct before_after_day {
	int64_t day; /* since 1970 */
	double count[COUNT_KINDS];
	double half[2]; /* unwelcome mail of the half with the decoy, of the other */
	bool is_before, is_after; /* neither: not watched, or in between */
	bool has_half; /* one of the two, and its visits are all kept (retention) */
};

struct before_after {
	bool is_asked;                 /* the DNS was asked at all */
	int64_t asked_since;           /* moments of DNS; 0: not yet */
	int64_t seen_first;            /* a decoy of ours, at the first domain */
	int64_t seen_all;              /* at all of them */
	int64_t gone;                  /* no more at one of them */
	struct before_after_day *days; /* ascending */
	size_t day_count;
	struct effect effect[COUNT_KINDS];
	bool has_half;
	size_t half_domains[2]; /* with the decoy, without */
	struct effect half;
	/* Of the halves, or of the site: days after it that show a fall by 15 %. 0: more
	 * than ten years, or not known. */
	unsigned days_needed;
	unsigned days_each; /* the same, of as many days without it and with it */
};

extern const double before_after_fall;                   /* 0.15 */
const char *before_after_key(enum before_after_kind k);  /* "unwelcome" */
const char *before_after_name(enum before_after_kind k); /* "unwelcome mail" */

/* half: the seed; "" all domains have the decoy. */
FMX_MUST_CHECK int before_after_make(struct ask *a, const struct view *view,
				     int64_t until, const char *half,
				     struct before_after *ret, struct error *e);
void before_after_release(struct before_after *b);

/* "no difference that could be told from chance", or how much it changed. */
void before_after_say(const struct effect *x, struct buf *out);
/* "shows after 9 days, four times in five": a fall by before_after_fall; nothing while it
 * is not known. */
void before_after_power(const struct before_after *b, struct buf *out);
/* Why there is nothing to compare yet, and what to do; nothing when there is. */
void before_after_why_not(const struct before_after *b, struct buf *out);

#endif
