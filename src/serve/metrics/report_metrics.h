/*
 * report_metrics - the metrics that are the report's own numbers
 *
 * Of the last seven days, a line a site (sites that are judged together are one): what
 * `fakemx report --since 7d` says. Gauges, since a period moves on; the histogram of
 * delays too: histogram_quantile() of it needs no rate().
 */
#ifndef FMX_SERVE_METRICS_REPORT_METRICS_H
#define FMX_SERVE_METRICS_REPORT_METRICS_H

#include "serve/metrics/metrics.h"

void report_metrics_orders(const struct engine *n, const struct metric_row *row,
			   struct buf *out);
void report_metrics_fates(const struct engine *n, const struct metric_row *row,
			  struct buf *out);
void report_metrics_stopped(const struct engine *n, const struct metric_row *row,
			    struct buf *out);
void report_metrics_spam(const struct engine *n, const struct metric_row *row,
			 struct buf *out);
void report_metrics_coverage(const struct engine *n, const struct metric_row *row,
			     struct buf *out);
void report_metrics_delays(const struct engine *n, const struct metric_row *row,
			   struct buf *out);
void report_metrics_tiers(const struct engine *n, const struct metric_row *row,
			  struct buf *out);
void report_metrics_missing(const struct engine *n, const struct metric_row *row,
			    struct buf *out);

#endif
