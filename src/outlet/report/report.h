/*
 * report - what a period showed, as numbers with a reason each
 *
 * DESIGN section 4 and 5. One document of values, made by asking the journal
 * (journal/ask.h) once through; report_text(), report_json() and page_write()
 * (outlet/page/) print it. How it counts is count.h's.
 *
 * Use:
 *	struct report r;
 *	struct report_span span = { .since = REPORT_BEGIN, .until = STAMP_NEVER };
 *	if (report_make(ask, &span, &r, &e) != 0)
 *		...
 *	report_text(&r, &style, &buf);
 *	report_release(&r);
 *
 * A report site is one group: sites that share an address are judged together,
 * so they are counted together, under their names joined by ", ".
 *
 * Ownership: report_release() frees all of it.
 *
 * Limits: memory grows with the hosts, the senders at risk and the measured delays
 * (8 bytes each), time with the walks; neither with the domains.
 */
#ifndef FMX_OUTLET_REPORT_REPORT_H
#define FMX_OUTLET_REPORT_REPORT_H

#include <jansson.h>

#include "journal/ask/ask.h"
#include "outlet/report/before_after.h"
#include "outlet/series.h"
#include "outlet/text.h"

#define REPORT_BEGIN INT64_MIN /* since the journal begins */
#define REPORT_MIN_COVERAGE 0.95

enum {
	REPORT_VERSION = 1,
	REPORT_ORDERS = ORDER_BACKDOOR + 1,
	REPORT_DELAY_BINS = 9,
	REPORT_NOTE_MAX = 200,
};

struct report_span {
	int64_t since, until;
	const char *half; /* seed of `plan --half`; NULL: all domains have the decoy */
};

enum { REPORT_WHY_MAX = 400 };
/* Why nothing is known of visits to a host; report_unseen() has the sentence. */
enum report_unseen {
	REPORT_SEEN,
	REPORT_NOT_WATCHED,  /* a real host without log, feed or policy service */
	REPORT_CLOSED,       /* nothing watches for knocks at it */
	REPORT_SILENT,       /* its source has told nothing yet */
	REPORT_SILENT_SINCE, /* nothing of the period: complete_until */
};

struct report_host {
	char name[NAME_MAX_TEXT];
	enum role role;
	enum place place;
	uint16_t preference;
	unsigned addresses;
	uint64_t visits, senders;
	int64_t complete_until; /* its source told of everything before; 0 never */
	enum report_unseen unseen;
	char why[REPORT_WHY_MAX]; /* of REPORT_CLOSED, as serve says; "" unknown */
	bool has_rate;            /* false when the host or the period is empty */
	double rate;              /* visits an address and day, since the host is there */
	bool
	    is_removable; /* a decoy that stopped nobody in REPORT_IDLE of watched time */
};
#define REPORT_IDLE (30 * STAMP_DAY)

/* Hosts of one place together: decoys against the background. */
struct report_rate {
	bool is_there;
	unsigned addresses;
	uint64_t visits;
	double days; /* of the addresses, together */
	bool has_rate;
	double rate; /* visits an address and day */
};

/* A delay is in the first bin whose end it is not above; the last bin has no
 * end. A delay is told up to ten minutes (rules.delay_window). */
extern const int64_t report_delay_ends_us[REPORT_DELAY_BINS - 1];
extern const char *const report_delay_names[REPORT_DELAY_BINS]; /* "10 ms" ... */

/* Upper bounds of delays; of count 0 all are 0. */
struct report_delay {
	uint64_t count;
	int64_t p50_us, p95_us, max_us, sum_us;
	int64_t exact_within_us; /* each of them */
	uint64_t bins[REPORT_DELAY_BINS];
};

/* A stopped sender, or a missing message, that may have been good. */
struct report_at_risk {
	struct addr client;
	enum tier tier;
	int64_t since;
	char *name; /* "" unknown */
	bool is_final;
	bool is_hidden;       /* its address, name and time are not to be told */
	bool is_message;      /* a message is missing; its sender may have come */
	int64_t message_time; /* when a decoy was told of it; 0: its visit is gone */
	char *sender_domain, *recipient_domain; /* NULL unless it is known */
};

/* Corrections of what earlier reports said: each sender once; one that both
 * returned and was excused returned. */
struct report_revised {
	uint64_t senders, returned, excused;
	uint64_t after_final;   /* of the returned: their stop had been final */
	int64_t p50_us, max_us; /* of the returned: from the walk's beginning until
				 * they came; 0 if there are none */
};

struct report_counts {
	uint64_t stopped_hosts; /* bits of the hosts that stopped senders came to */
	uint64_t senders;       /* in order[] or only_knocked */
	uint64_t order[REPORT_ORDERS];
	uint64_t reached, stopped, stopped_provisional, pending, unknown;
	uint64_t only_knocked; /* at decoys; in none of the above */
	uint64_t stopped_attempts, stopped_naming_recipient;
	uint64_t background_senders;   /* seen at a control address */
	uint64_t background_at_decoys; /* of those: seen at a decoy too */
	uint64_t background_stopped;   /* of the stopped: seen at a control address */
	struct report_delay delay;
	uint64_t returned_later;
	struct report_at_risk *at_risk; /* known first, then by since */
	size_t at_risk_count, at_risk_cap;
	uint64_t at_risk_tier[TIER_COUNT];
	uint64_t messages_missing; /* of those at risk */
	struct report_revised revised;
	uint64_t attempts_stopped; /* final or not; a sender and half hour each */
	uint64_t attempts_knocked; /* knocks alone, and no real host within 5 days */
	bool has_clean;            /* a filter called some mail clean */
};

/* The article's own number: how much of the spam went away. */
struct report_spam {
	uint64_t refused; /* visits refused for good at real hosts */
	bool has_filter;  /* a filter's verdicts are in the logs */
	uint64_t accepted_as_spam;
	bool has_share;
	double share;
};

/* A part of the period. Each sender counts once, by its latest walk that began
 * in this part; so the parts' sums are not the period's counts. */
struct report_part {
	uint64_t reached, stopped, stopped_provisional, at_risk, rest;
	uint64_t low_visits, high_visits, control_visits; /* at decoys and controls */
	double coverage;
};

/* What a blocklist said of the stopped senders, when they first came to a decoy. */
struct report_compared {
	char zone[NAME_MAX_TEXT];
	uint64_t listed, not_listed, unknown;
};
enum { REPORT_COMPARED_MAX = 8 };

/* What the decoys cost, beside delay and who is at risk. */
struct report_cost {
	unsigned decoy_addresses;
	int64_t mx_ttl;        /* microseconds: an undo takes as long */
	bool has_serve;        /* of the serve that wrote last, for all sites */
	int64_t cpu_us, of_us; /* CPU in so much time */
	int64_t memory_kb;     /* at most */
};

struct report_site {
	char *name;
	uint16_t group;
	bool is_measurable;
	bool has_coverage; /* false when the period is empty */
	double coverage;
	struct report_host *hosts;
	size_t host_count;
	bool has_control;
	uint64_t visits; /* of all hosts */
	struct report_rate low, high, control;
	struct report_counts counts;
	struct report_spam spam;
	struct before_after before_after;
	struct report_compared compared[REPORT_COMPARED_MAX];
	size_t compared_count;
	struct report_cost cost;
	struct report_part *parts; /* as many as the series has; NULL without a visit */
	struct spans gaps;         /* in which it could not be judged */
	int64_t longest_gap_us;
	bool has_share; /* false when coverage is too small */
	double stopped_share;
	uint64_t listed_now, listed, would_be_listed; /* came onto the list */
};

struct report {
	int64_t since, until;       /* as asked, but within the journal's own time */
	char note[REPORT_NOTE_MAX]; /* why it says nothing; "" when it says something */
	bool enforce;
	bool is_anonymous;
	char *rules; /* that it was judged by */
	struct series series;
	struct report_site *sites;
	size_t site_count;
};

FMX_MUST_CHECK int report_make(struct ask *a, const struct report_span *span,
			       struct report *ret_report, struct error *e);
void report_release(struct report *r);
/* Takes every address, name and domain out of it: a page to show others. Sites, hosts
 * and lists have numbers instead; of who is at risk the tiers are left. */
void report_anonymize(struct report *r);

void report_text(const struct report *r, const struct text_style *style, struct buf *out);
/* A new reference; the keys are contracts. */
json_t *report_json(const struct report *r);

/*
 * The proof, as one sentence: what may be claimed of good mail and of spam, never
 * more than was seen. "No loss of a known sender or message was seen" is the most
 * that it says, and only where something could be seen.
 */
enum report_claim {
	REPORT_CANNOT_TELL, /* nobody watched, or nothing was well */
	REPORT_NO_LOSS_SEEN,
	REPORT_AT_RISK, /* a known sender or message */
};
enum report_claim report_claim(const struct report_site *s, struct buf *out);
/* The sentences that belong below it: how it is meant, who else may have been
 * good, and what no report can claim. */
void report_claim_more(const struct report_site *s, struct buf *out);

/* "backup.isp.example is not watched"; nothing for one that is seen. */
void report_unseen(const struct report_host *h, struct buf *out);

/* Whose numbers these are: the version, and which rules somebody has changed; no full
 * stop. */
void report_judged_by(const struct report *r, struct buf *out);

/* What was corrected: a clause. */
void report_revised(const struct report_revised *c, struct buf *out);

/* Why one is at risk: a clause. */
const char *report_tier_reason(enum tier t);
void report_risk_reason(const struct report_at_risk *a, struct buf *out);

#endif
