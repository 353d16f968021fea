/*
 * chart - values as SVG: bars in layers, a line over them, a strip of time
 *
 * Pure: numbers and texts in, elements out. No script, no style attribute:
 * colours are classes of the page's style sheet, and every ink has a pattern
 * of its own besides, so that black and white print tells them apart. Each
 * chart has a title and a description for those who cannot see it, each bar a
 * title with its number; the page has a table with the same numbers.
 *
 * Use:
 *	chart_inks(out);		// once a page, before the first chart
 *	struct chart c = { .id = "s0-days", .title = "Senders a day", ... };
 *	chart_bars(&c, out);
 *	chart_legend(&c, out);
 *
 * Ownership: borrows everything.
 *
 * Limits: CHART_MAX_BARS bars; more are not drawn. Values that are negative or
 * no number count as 0. Texts are escaped.
 */
#ifndef FMX_OUTLET_PAGE_CHART_H
#define FMX_OUTLET_PAGE_CHART_H

#include <stddef.h>

#include "base/buf.h"

enum { CHART_MAX_BARS = 512 };

enum chart_ink {
	CHART_REACHED,     /* pale */
	CHART_STOPPED,     /* dense hatching */
	CHART_PROVISIONAL, /* sparse hatching */
	CHART_AT_RISK,     /* full */
	CHART_REST,        /* dots */
	CHART_PLAIN,       /* middle */
	CHART_INKS,
};

struct chart_layer {
	const char *name;
	enum chart_ink ink;
	const double *values; /* chart.count of them */
};

struct chart {
	const char *id; /* unique in the page: letters, digits, - */
	const char *title, *description;
	size_t count;
	const char *const *labels; /* under the bars; as many as fit are drawn */
	const char *const *names;  /* of the bars, for their titles; NULL: labels */
	const struct chart_layer *layers; /* the first is at the bottom */
	size_t layer_count;
	const double *line;    /* NULL: none */
	const char *line_name; /* of the line */
	bool has_fractions;    /* values are no counts */
	double mark;           /* an upright line, in bars from the left; 0: none */
};

struct chart_span {
	double from, to; /* parts of the whole, 0..1 */
};

struct chart_strip {
	const char *id, *title, *description;
	const char *begin, *end; /* under its ends */
	const struct chart_span *spans;
	size_t count;
};

void chart_inks(struct buf *out);
void chart_bars(const struct chart *c, struct buf *out);
/* A list of what the inks mean. */
void chart_legend(const struct chart *c, struct buf *out);
/* A band, with the spans missing from it. */
void chart_strip(const struct chart_strip *s, struct buf *out);

/* Ticks at round numbers (1, 2 or 5 times a power of ten, whole ones for
 * counts), five at most, the last not below `most`. Of nothing: one, at 1. */
struct chart_axis {
	double step;
	unsigned ticks;
};
struct chart_axis chart_axis(double most, bool has_fractions);

#endif
