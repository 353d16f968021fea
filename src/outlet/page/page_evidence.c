/* Before and after the decoy, what blocklists knew, and what it costs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "outlet/page/chart.h"
#include "outlet/page/page_internal.h"

enum { DAYS_MAX = 96, SAY_MAX = 4096 };

static void add(const struct page *p, const char *text)
{
	buf_adds(p->out, text);
}

static void row(const struct page *p, const char *name, const struct effect *x)
{
	struct buf text = BUF_INIT(SAY_MAX);
	buf_addf(p->out, "<tr><th scope=\"row\">%s</th><td>", name);
	before_after_say(x, &text);
	html_text(p->out, buf_text(&text));
	add(p, "</td></tr>\n");
	buf_release(&text);
}

/* The days that are drawn: the last ones. */
struct drawn {
	double before[DAYS_MAX], after[DAYS_MAX], rest[DAYS_MAX];
	char text[DAYS_MAX][STAMP_TEXT_MAX];
	const char *labels[DAYS_MAX];
	size_t count;
	double mark;
};

static void take_days(const struct before_after *b, struct drawn *d)
{
	size_t first = b->day_count > DAYS_MAX ? b->day_count - DAYS_MAX : 0;
	for (size_t i = first; i < b->day_count; i++) {
		const struct before_after_day *day = &b->days[i];
		double *to = day->is_before  ? d->before
			     : day->is_after ? d->after
					     : d->rest;
		to[d->count] = day->count[COUNT_UNWELCOME];
		(void)stamp_text(day->day * STAMP_DAY, d->text[d->count]);
		d->text[d->count][10] = '\0'; /* the date */
		d->labels[d->count] = d->text[d->count];
		d->count++;
	}
	if (d->count > 0 && b->seen_all > 0)
		d->mark = (double)(b->seen_all - b->days[first].day * STAMP_DAY) /
			  (double)STAMP_DAY;
}

static void chart(const struct page *p)
{
	struct drawn *d = xcalloc(1, sizeof(*d));
	char id[32];
	take_days(&p->s->before_after, d);
	(void)snprintf(id, sizeof(id), "s%zu-before-after", p->index);
	struct chart_layer layers[] = {
		{ "before the decoy", CHART_PLAIN, d->before },
		{ "after it", CHART_REACHED, d->after },
		{ "not compared: in between, or not watched whole", CHART_REST, d->rest },
	};
	struct chart c = {
		.id = id,
		.title = "Unwelcome mail at the real hosts, each day",
		.description =
		    "The upright line is the moment when the decoy was seen in "
		    "the DNS; the report as JSON has the numbers.",
		.count = d->count,
		.labels = d->labels,
		.layers = layers,
		.layer_count = sizeof(layers) / sizeof(layers[0]),
		.mark = d->mark,
	};
	if (d->count > 0) {
		add(p, "<figure><figcaption>");
		html_text(p->out, c.title);
		add(p, "</figcaption>\n");
		chart_legend(&c, p->out);
		chart_bars(&c, p->out);
		add(p, "</figure>\n");
	}
	free(d);
}

static void power(const struct page *p)
{
	const struct before_after *b = &p->s->before_after;
	struct buf words = BUF_INIT(SAY_MAX);
	before_after_power(b, &words);
	if (words.len > 0)
		buf_addf(
		    p->out,
		    "<p>With %.0f unwelcome messages a day a fall by %.0f %% %s.</p>\n",
		    b->effect[COUNT_UNWELCOME].mean_before, 100 * before_after_fall,
		    buf_text(&words));
	buf_release(&words);
}

static void compared(const struct page *p)
{
	for (size_t i = 0; i < p->s->compared_count; i++) {
		const struct report_compared *c = &p->s->compared[i];
		add(p, "<p>Of ");
		html_count(p->out, c->listed + c->not_listed + c->unknown);
		add(p, " stopped senders ");
		html_count(p->out, c->listed);
		add(p, " were listed by ");
		html_text(p->out, c->zone);
		add(p, " when they first came to a decoy, ");
		html_count(p->out, c->not_listed);
		add(p, " were not; of ");
		html_count(p->out, c->unknown);
		add(p, " it is not known.</p>\n");
	}
}

static void cost(const struct page *p)
{
	const struct report_cost *c = &p->s->cost;
	char ttl[STAMP_TEXT_MAX], cpu[STAMP_TEXT_MAX], of[STAMP_TEXT_MAX];
	buf_addf(p->out,
		 "<p>What it costs, beside delay and who is at risk: %u address%s for "
		 "decoys; an undo takes %s, the TTL of the MX records",
		 c->decoy_addresses, c->decoy_addresses == 1 ? "" : "es",
		 stamp_duration_text(c->mx_ttl > 0 ? c->mx_ttl : STAMP_HOUR, ttl));
	if (c->has_serve)
		buf_addf(p->out, "; serve took %s of CPU in %s and %.0f MB of memory",
			 stamp_duration_text(c->cpu_us, cpu),
			 stamp_duration_text(c->of_us, of), (double)c->memory_kb / 1024);
	add(p, ".</p>\n");
}

void page_evidence(const struct page *p)
{
	const struct before_after *b = &p->s->before_after;
	struct buf why = BUF_INIT(SAY_MAX);
	add(p, "<section><h3>Before and after the decoy</h3>\n");
	before_after_why_not(b, &why);
	if (why.len > 0) {
		add(p, "<p>Nothing to compare yet: ");
		html_text(p->out, buf_text(&why));
		add(p, ".</p>\n");
	} else {
		add(p, "<table class=\"list\"><tbody>\n");
		for (int k = 0; k < COUNT_KINDS; k++)
			if (k != COUNT_SPAM || p->s->spam.has_filter)
				row(p, before_after_name((enum before_after_kind)k),
				    &b->effect[k]);
		if (b->has_half)
			row(p, "held against the other half", &b->half);
		buf_addf(p->out,
			 "</tbody></table>\n<p>At the real hosts, on %zu days watched "
			 "before and %zu after; each weekday is held against the same "
			 "weekday, and the certainty comes from %d random draws of the "
			 "days, seed %d.</p>\n",
			 b->effect[0].before, b->effect[0].after, EFFECT_DRAWS,
			 EFFECT_SEED);
		chart(p);
	}
	power(p);
	compared(p);
	cost(p);
	add(p, "</section>\n");
	buf_release(&why);
}
