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
#include "journal/journal.h"
#include "outlet/tally.h"

#define REPORT_BEGIN INT64_MIN /* since the first record */
#define REPORT_MIN_COVERAGE 0.95

enum { REPORT_VERSION = 1 };

struct report_span {
	int64_t since, until;
};

struct report_host {
	char name[NAME_MAX_TEXT];
	enum role role;
	uint16_t preference;
	uint64_t visits, senders;
};

struct report_site {
	char *name;
	bool is_measurable;
	char why_not[256]; /* "backup.isp.example is not watched" */
	bool has_coverage; /* false when the period is empty */
	double coverage;
	struct report_host *hosts;
	size_t host_count;
	bool has_control;
	struct tally_group counts; /* names in at_risk are the report's */
	bool has_share;            /* false when coverage is too small */
	double stopped_share;
	uint64_t listed_now;
};

struct report {
	int64_t since, until; /* as asked, but within the journal's own time */
	bool enforce;
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

/* Why a sender is in that tier: a clause. */
const char *report_tier_reason(enum tier t);

#endif
