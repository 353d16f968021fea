#include "outlet/page/page_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "outlet/page/chart.h"

/* Labels and names of the series' parts, as the charts want them. */
struct axis {
	size_t count;
	char (*text)[2 * SERIES_LABEL_MAX];
	const char **labels, **names;
};

static struct axis axis_of(const struct series *s)
{
	struct axis a = { .count = s->count };
	a.text = xcalloc(s->count + 1, sizeof(*a.text));
	a.labels = xcalloc(s->count + 1, sizeof(*a.labels));
	a.names = xcalloc(s->count + 1, sizeof(*a.names));
	for (size_t i = 0; i < s->count; i++) {
		a.labels[i] = series_label(s, i, a.text[i]);
		a.names[i] = series_name(s, i, a.text[i] + SERIES_LABEL_MAX);
	}
	return a;
}

static void axis_release(struct axis *a)
{
	free(a->text);
	free(a->labels);
	free(a->names);
}

static void begin_figure(const struct page *p, const char *title)
{
	buf_adds(p->out, "<figure><figcaption>");
	html_text(p->out, title);
	buf_adds(p->out, "</figcaption>\n");
}

static void draw(const struct page *p, const struct chart *c)
{
	begin_figure(p, c->title);
	if (c->layer_count > 1 || c->line)
		chart_legend(c, p->out);
	chart_bars(c, p->out);
	buf_adds(p->out, "</figure>\n");
}

/* ---- delays ---- */

void page_delay_chart(const struct page *p)
{
	const struct report_delay *d = &p->s->counts.delay;
	double values[REPORT_DELAY_BINS];
	char text[REPORT_DELAY_BINS][24];
	const char *labels[REPORT_DELAY_BINS];
	char id[32];
	char description[160];
	if (d->count == 0)
		return;
	for (size_t i = 0; i < REPORT_DELAY_BINS; i++) {
		bool is_last = i + 1 == REPORT_DELAY_BINS;
		(void)snprintf(text[i], sizeof(text[i]), "%s%s",
			       is_last ? "" : "\xe2\x89\xa4 ", report_delay_names[i]);
		labels[i] = text[i];
		values[i] = (double)d->bins[i];
	}
	(void)snprintf(id, sizeof(id), "s%zu-delay", p->index);
	(void)snprintf(description, sizeof(description),
		       "%" PRIu64 " delays by their length; the table has the numbers.",
		       d->count);
	struct chart_layer layer = { "delays of good mail", CHART_PLAIN, values };
	draw(p, &(struct chart){ .id = id,
				 .title = "How long good mail was delayed",
				 .description = description,
				 .count = REPORT_DELAY_BINS,
				 .labels = labels,
				 .layers = &layer,
				 .layer_count = 1 });
}

/* ---- fates ---- */

enum { FATES = 5 };

static double fate_of(const struct report_part *part, size_t i)
{
	const uint64_t values[FATES] = { part->reached, part->rest,
					 part->stopped_provisional, part->stopped,
					 part->at_risk };
	return (double)values[i];
}

void page_fate_chart(const struct page *p)
{
	static const char *const names[FATES] = { "reached a real host", "the rest",
						  "not back so far", "stopped",
						  "at risk" };
	static const enum chart_ink inks[FATES] = { CHART_REACHED, CHART_REST,
						    CHART_PROVISIONAL, CHART_STOPPED,
						    CHART_AT_RISK };
	const struct series *s = &p->r->series;
	struct chart_layer layers[FATES];
	char id[32];
	char title[64];
	if (!p->s->parts || s->count == 0)
		return;
	double *values = xcalloc(FATES * s->count, sizeof(*values));
	for (size_t k = 0; k < FATES; k++) {
		for (size_t i = 0; i < s->count; i++)
			values[k * s->count + i] = fate_of(&p->s->parts[i], k);
		layers[k] =
		    (struct chart_layer){ names[k], inks[k], values + k * s->count };
	}
	(void)snprintf(id, sizeof(id), "s%zu-fate", p->index);
	(void)snprintf(title, sizeof(title), "What became of the senders of each %s",
		       series_unit_name(s->unit));
	struct axis a = axis_of(s);
	draw(p, &(struct chart){ .id = id,
				 .title = title,
				 .description =
				     "Each sender once, by its latest walk that began "
				     "then; the table at the end has the numbers.",
				 .count = s->count,
				 .labels = a.labels,
				 .names = a.names,
				 .layers = layers,
				 .layer_count = FATES });
	axis_release(&a);
	free(values);
}

/* ---- decoys and background ---- */

static double per_address(uint64_t visits, const struct report_rate *r)
{
	return r->addresses > 0 ? (double)visits / r->addresses : 0;
}

/* Low decoys are visited by good mail too: high ones say more, where there are
 * any. */
void page_decoy_chart(const struct page *p)
{
	const struct series *s = &p->r->series;
	const struct report_rate *decoys = p->s->high.is_there ? &p->s->high : &p->s->low;
	bool is_high = p->s->high.is_there;
	char id[32];
	char title[96];
	if (!p->s->parts || s->count == 0 || !decoys->is_there)
		return;
	double *values = xcalloc(2 * s->count, sizeof(*values));
	double *line = values + s->count;
	for (size_t i = 0; i < s->count; i++) {
		const struct report_part *part = &p->s->parts[i];
		values[i] =
		    per_address(is_high ? part->high_visits : part->low_visits, decoys);
		line[i] = per_address(part->control_visits, &p->s->control);
	}
	(void)snprintf(id, sizeof(id), "s%zu-decoys", p->index);
	(void)snprintf(title, sizeof(title), "Visits at %s decoys each %s, an address",
		       is_high ? "high" : "low", series_unit_name(s->unit));
	struct chart_layer layer = { is_high ? "a high decoy" : "a low decoy",
				     CHART_PLAIN, values };
	struct axis a = axis_of(s);
	draw(p, &(struct chart){ .id = id,
				 .title = title,
				 .description =
				     "Bars are decoys, the line is the background; the "
				     "table at the end has the visits.",
				 .count = s->count,
				 .labels = a.labels,
				 .names = a.names,
				 .layers = &layer,
				 .layer_count = 1,
				 .line = p->s->control.is_there ? line : NULL,
				 .line_name = "a control address, in no MX",
				 .has_fractions = decoys->addresses > 1 ||
						  p->s->control.addresses > 1 });
	axis_release(&a);
	free(values);
}

/* ---- sight ---- */

static const char *second_text(int64_t t, char text[STAMP_TEXT_MAX])
{
	(void)stamp_second(t, text);
	text[10] = ' ';
	text[19] = '\0'; /* the page says that it is UTC */
	return text;
}

void page_sight_chart(const struct page *p)
{
	const struct spans *gaps = &p->s->gaps;
	int64_t since = p->r->since, length = p->r->until - p->r->since;
	char id[32];
	char begin[STAMP_TEXT_MAX];
	char end[STAMP_TEXT_MAX];
	if (length <= 0)
		return;
	struct chart_span *spans = xcalloc(gaps->count + 1, sizeof(*spans));
	for (size_t i = 0; i < gaps->count; i++) {
		const struct span *g = &gaps->at[i];
		spans[i].from = (double)(g->since - since) / (double)length;
		spans[i].to = (double)(g->until - since) / (double)length;
	}
	(void)snprintf(id, sizeof(id), "s%zu-sight", p->index);
	struct chart_strip strip = {
		.id = id,
		.title = "Hatched: not all real hosts were watched and well",
		.description =
		    "The whole period from left to right; the table has the gaps.",
		.begin = second_text(p->r->since, begin),
		.end = second_text(p->r->until, end),
		.spans = spans,
		.count = gaps->count
	};
	begin_figure(p, strip.title);
	chart_strip(&strip, p->out);
	buf_adds(p->out, "</figure>\n");
	free(spans);
}
