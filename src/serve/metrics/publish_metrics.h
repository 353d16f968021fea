/*
 * publish_metrics - what `publish` did, as it noted it, and how old its files are
 *
 * Use: rows of metrics.c name these.
 */
#ifndef FMX_SERVE_METRICS_PUBLISH_METRICS_H
#define FMX_SERVE_METRICS_PUBLISH_METRICS_H

#include "serve/metrics/metrics.h"

void publish_metrics_files(const struct engine *n, const struct metric_row *row,
			   struct buf *out);
void publish_metrics_right(const struct engine *n, const struct metric_row *row,
			   struct buf *out);
void publish_metrics_senders(const struct engine *n, const struct metric_row *row,
			     struct buf *out);
void publish_metrics_changes(const struct engine *n, const struct metric_row *row,
			     struct buf *out);
void publish_metrics_failures(const struct engine *n, const struct metric_row *row,
			      struct buf *out);
void publish_metrics_failing(const struct engine *n, const struct metric_row *row,
			     struct buf *out);

#endif
