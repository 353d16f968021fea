#include "serve/metrics/report_metrics.h"

#include <inttypes.h>

typedef void (*site_fn)(const struct report_site *s, const struct metric_row *row,
			struct buf *out);

static void each_site(const struct engine *n, const struct metric_row *row,
		      struct buf *out, site_fn fn)
{
	const struct journal_numbers *j = journal_counts_get(n->journal_counts);
	for (size_t i = 0; j && i < j->report.site_count; i++)
		fn(&j->report.sites[i], row, out);
}

static void count(const struct report_site *s, const struct metric_row *row,
		  const char *label, const char *value, uint64_t number, struct buf *out)
{
	buf_addf(out, "%s{site=\"%s\",%s=\"%s\"} %" PRIu64 "\n", row->name, s->name,
		 label, value, number);
}

static void ratio(const struct report_site *s, const struct metric_row *row, double part,
		  struct buf *out)
{
	buf_addf(out, "%s{site=\"%s\"} %.6f\n", row->name, s->name, part);
}

static void orders_of(const struct report_site *s, const struct metric_row *row,
		      struct buf *out)
{
	for (int i = 0; i < REPORT_ORDERS; i++)
		count(s, row, "order", order_name((enum order)i), s->counts.order[i],
		      out);
}

void report_metrics_orders(const struct engine *n, const struct metric_row *row,
			   struct buf *out)
{
	each_site(n, row, out, orders_of);
}

static void fates_of(const struct report_site *s, const struct metric_row *row,
		     struct buf *out)
{
	const struct report_counts *c = &s->counts;
	count(s, row, "fate", "reached", c->reached, out);
	count(s, row, "fate", "stopped", c->stopped, out);
	count(s, row, "fate", "stopped_provisional", c->stopped_provisional, out);
	count(s, row, "fate", "pending", c->pending, out);
	count(s, row, "fate", "unknown", c->unknown, out);
}

void report_metrics_fates(const struct engine *n, const struct metric_row *row,
			  struct buf *out)
{
	each_site(n, row, out, fates_of);
}

static void stopped_of(const struct report_site *s, const struct metric_row *row,
		       struct buf *out)
{
	if (s->has_share)
		ratio(s, row, s->stopped_share, out);
}

void report_metrics_stopped(const struct engine *n, const struct metric_row *row,
			    struct buf *out)
{
	each_site(n, row, out, stopped_of);
}

static void spam_of(const struct report_site *s, const struct metric_row *row,
		    struct buf *out)
{
	if (s->spam.has_share)
		ratio(s, row, s->spam.share, out);
}

void report_metrics_spam(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	each_site(n, row, out, spam_of);
}

static void coverage_of(const struct report_site *s, const struct metric_row *row,
			struct buf *out)
{
	if (s->has_coverage)
		ratio(s, row, s->coverage, out);
}

void report_metrics_coverage(const struct engine *n, const struct metric_row *row,
			     struct buf *out)
{
	each_site(n, row, out, coverage_of);
}

static void delays_of(const struct report_site *s, const struct metric_row *row,
		      struct buf *out)
{
	const struct report_delay *d = &s->counts.delay;
	uint64_t sum = 0;
	for (size_t i = 0; i + 1 < REPORT_DELAY_BINS; i++) {
		sum += d->bins[i];
		buf_addf(out, "%s_bucket{site=\"%s\",le=\"%g\"} %" PRIu64 "\n", row->name,
			 s->name, (double)report_delay_ends_us[i] / (double)STAMP_SECOND,
			 sum);
	}
	buf_addf(out, "%s_bucket{site=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", row->name,
		 s->name, d->count);
	buf_addf(out, "%s_sum{site=\"%s\"} %.6f\n", row->name, s->name,
		 (double)d->sum_us / (double)STAMP_SECOND);
	buf_addf(out, "%s_count{site=\"%s\"} %" PRIu64 "\n", row->name, s->name,
		 d->count);
}

void report_metrics_delays(const struct engine *n, const struct metric_row *row,
			   struct buf *out)
{
	each_site(n, row, out, delays_of);
}

static void tiers_of(const struct report_site *s, const struct metric_row *row,
		     struct buf *out)
{
	for (int i = TIER_NONE + 1; i < TIER_COUNT; i++)
		count(s, row, "tier", tier_name((enum tier)i), s->counts.at_risk_tier[i],
		      out);
}

void report_metrics_tiers(const struct engine *n, const struct metric_row *row,
			  struct buf *out)
{
	each_site(n, row, out, tiers_of);
}

static void missing_of(const struct report_site *s, const struct metric_row *row,
		       struct buf *out)
{
	buf_addf(out, "%s{site=\"%s\"} %" PRIu64 "\n", row->name, s->name,
		 s->counts.messages_missing);
}

void report_metrics_missing(const struct engine *n, const struct metric_row *row,
			    struct buf *out)
{
	each_site(n, row, out, missing_of);
}
