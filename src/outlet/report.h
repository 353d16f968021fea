/*
 * report - what a period showed, as numbers with a reason each
 *
 * DESIGN section 4. Made from the journal by the same fold as serve's; the
 * rules of counting are tally.h's. Data here, printing in report_text() and
 * report_json(), so that another form is another function.
 *
 * Use:
 *	struct report r;
 *	struct report_span span = { .since = REPORT_BEGIN, .until = STAMP_NEVER };
 *	if (report_make(journal, &span, stamp_now(), &r, &e) != 0)
 *		...
 *	report_text(&r, &style, &buf);
 *	report_release(&r);
 *
 * A report site is one group: sites that share a decoy address are judged
 * together, so they are counted together, under their names joined by ", ".
 *
 * Ownership: report_release() frees all of it.
 */
#ifndef FMX_OUTLET_REPORT_H
#define FMX_OUTLET_REPORT_H

#include <jansson.h>

#include "base/buf.h"
#include "old/journal.h"
#include "outlet/revise.h"
#include "outlet/series.h"
#include "outlet/sight.h"
#include "outlet/tally.h"

#define REPORT_BEGIN INT64_MIN /* since the first record */
#define REPORT_MIN_COVERAGE 0.95

enum { REPORT_VERSION = 1 };

struct report_span {
	int64_t since, until;
};

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
	char *why_unseen; /* of REPORT_CLOSED, as serve said it; NULL */
	bool has_rate;    /* false when the host or the period is empty */
	double rate;      /* visits an address and day, since the host is there */
};

/* Hosts of one place together: decoys against the background. */
struct report_rate {
	bool is_there;
	unsigned addresses;
	uint64_t visits;
	bool has_rate;
	double rate; /* visits an address and day */
};

struct report_site {
	char *name;
	bool is_measurable;
	char why_not[256]; /* "backup.isp.example is not watched": the first reason */
	bool has_coverage; /* false when the period is empty */
	double coverage;
	struct report_host *hosts;
	size_t host_count;
	bool has_control;
	struct report_rate low, high, control;
	struct tally_group counts; /* names in at_risk are the report's */
	struct revise_counts revised;
	struct tally_part *parts; /* as many as the report's series has */
	double *coverage_of;      /* of each part */
	struct sight sight;
	bool has_share; /* false when coverage is too small */
	double stopped_share;
	uint64_t listed_now;
};

struct report {
	int64_t since, until; /* as asked, but within the journal's own time */
	bool enforce;
	struct series series;
	struct report_site *sites;
	size_t site_count;
	struct tally *tally; /* holds the names */
};

/* now: later than the last record, or that record's seen is taken. */
FMX_MUST_CHECK int report_make(struct journal *j, const struct report_span *span,
			       int64_t now, struct report *ret_report, struct error *e);
void report_release(struct report *r);

/* What stands before and after a word; "" for plain text. */
struct report_style {
	const char *bold, *good, *warn, *bad, *faint, *plain;
};
extern const struct report_style report_style_plain;

void report_text(const struct report *r, const struct report_style *style,
		 struct buf *out);
/* A new reference; the keys are contracts. */
json_t *report_json(const struct report *r);

/*
 * The proof, as one sentence: what may be claimed of good mail, never more than
 * was seen. "No loss of a known sender was seen" is the most that it says, and
 * only where something could be seen.
 */
enum report_claim {
	REPORT_CANNOT_TELL, /* nobody watched, or nothing was well */
	REPORT_NO_LOSS_SEEN,
	REPORT_AT_RISK, /* a known sender */
};
enum report_claim report_claim(const struct report_site *s, struct buf *out);
/* The sentences that belong below it: how it is meant, who else may have been
 * good, and what no report can claim. */
void report_claim_more(const struct report_site *s, struct buf *out);

/* "backup.isp.example is not watched"; nothing for one that is seen. */
void report_unseen(const struct report_host *h, struct buf *out);

/* "revised: ...", without final dot; nothing is added when nothing was. */
void report_revised(const struct revise_counts *c, struct buf *out);

/* Text that a stranger wrote, for a terminal: what could steer it or deceive
 * is shown as \xNN. */
void report_add_safe(struct buf *out, const char *text);

/* Why a sender is in that tier: a clause. */
const char *report_tier_reason(enum tier t);

#endif
