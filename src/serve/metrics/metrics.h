/*
 * metrics - the table of what the metrics file tells
 *
 * The file is Prometheus' text format, for node_exporter's textfile collector.
 * It is replaced whole, so that nobody reads half of it. metrics_rows() is what
 * fakemx.conf(5) is checked against.
 */
#ifndef FMX_SERVE_METRICS_METRICS_H
#define FMX_SERVE_METRICS_METRICS_H

#include "serve/parts.h"

struct metric_row {
	const char *name;
	const char *type;   /* "counter" "gauge" */
	const char *labels; /* "host,role"; "" none */
	const char *meaning;
	/* Adds a line for each value there is. */
	void (*fill)(const struct engine *n, const struct metric_row *row,
		     struct buf *out);
};

const struct metric_row *metrics_rows(size_t *ret_count);
/* Nothing when no file is configured. */
void metrics_write(struct engine *n);

#endif
