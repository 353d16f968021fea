#include "outlet/page/chart.h"

#include <math.h>
#include <stdio.h>

#include "outlet/page/html.h"

/* In the units of the viewBox: a chart is drawn WIDTH wide and scaled whole. */
enum {
	WIDTH = 720,
	HEIGHT = 220,
	LEFT = 46,
	RIGHT = 6,
	TOP = 12,
	BOTTOM = 26,
	PLOT_WIDTH = WIDTH - LEFT - RIGHT,
	PLOT_HEIGHT = HEIGHT - TOP - BOTTOM,
	TICKS = 5,           /* at most */
	LABEL_CHARACTER = 6, /* about the width of one */
	STRIP_HEIGHT = 44,
	STRIP_BAND = 16,
};

static const char *const ink_names[CHART_INKS] = {
	[CHART_REACHED] = "reached",   [CHART_STOPPED] = "stopped",
	[CHART_PROVISIONAL] = "maybe", [CHART_AT_RISK] = "risk",
	[CHART_REST] = "rest",         [CHART_PLAIN] = "plain",
};

static const char ink_dots[] = "<circle cx=\"1.5\" cy=\"1.5\" r=\"0.8\"/>"
			       "<circle cx=\"4.5\" cy=\"4.5\" r=\"0.8\"/>";

/* What lies over an ink's ground: patterns of 6 by 6. */
static const char *const ink_marks[CHART_INKS] = {
	[CHART_REACHED] = "",
	[CHART_STOPPED] = "<path d=\"M-1 1L1 -1M0 6L6 0M5 7L7 5\"/>",
	[CHART_PROVISIONAL] = "<path d=\"M0 0L6 6M-1 5L1 7M5 -1L7 1\"/>",
	[CHART_AT_RISK] = "",
	[CHART_REST] = ink_dots,
	[CHART_PLAIN] = "",
};

void chart_inks(struct buf *out)
{
	buf_adds(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"inks\" "
		      "width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n");
	for (size_t i = 0; i < CHART_INKS; i++)
		buf_addf(out,
			 "<pattern id=\"ink-%s\" class=\"ink ink-%s\" width=\"6\" "
			 "height=\"6\" patternUnits=\"userSpaceOnUse\">"
			 "<rect width=\"6\" height=\"6\"/>%s</pattern>\n",
			 ink_names[i], ink_names[i], ink_marks[i]);
	buf_adds(out, "</defs></svg>\n");
}

/* ---- scales ---- */

static double sane(double value)
{
	return isfinite(value) && value > 0 ? value : 0;
}

struct chart_axis chart_axis(double most, bool has_fractions)
{
	static const double steps[] = { 1, 2, 5, 10 };
	most = sane(most);
	if (most == 0)
		return (struct chart_axis){ 1, 1 };
	double least = most / TICKS;
	double unit = pow(10, floor(log10(least)));
	double step = 10 * unit;
	for (size_t i = sizeof(steps) / sizeof(steps[0]); i > 0; i--)
		if (steps[i - 1] * unit >= least)
			step = steps[i - 1] * unit;
	if (!has_fractions)
		step = fmax(1, floor(step + 0.5));
	return (struct chart_axis){ step, (unsigned)ceil(most / step - 1e-9) };
}

static double stack_at(const struct chart *c, size_t bar)
{
	double sum = 0;
	for (size_t i = 0; i < c->layer_count; i++)
		sum += sane(c->layers[i].values[bar]);
	return sum;
}

static size_t bars_of(const struct chart *c)
{
	return c->count < CHART_MAX_BARS ? c->count : CHART_MAX_BARS;
}

static double greatest(const struct chart *c)
{
	double most = 0;
	for (size_t i = 0; i < bars_of(c); i++) {
		most = fmax(most, stack_at(c, i));
		if (c->line)
			most = fmax(most, sane(c->line[i]));
	}
	return most;
}

/* ---- elements ---- */

static void number(struct buf *out, double value, bool has_fractions)
{
	if (has_fractions && value < 1000)
		buf_addf(out, "%.3g", value);
	else
		html_count(out, (uint64_t)(sane(value) + 0.5));
}

static void begin_svg(struct buf *out, const char *id, int height)
{
	buf_addf(out,
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" "
		 "viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n",
		 WIDTH, height, id, id);
}

static void describe(struct buf *out, const char *id, const char *title,
		     const char *description)
{
	buf_addf(out, "<title id=\"%s-t\">", id);
	html_text(out, title);
	buf_addf(out, "</title>\n<desc id=\"%s-d\">", id);
	html_text(out, description);
	buf_adds(out, "</desc>\n");
}

static double height_of(double value, double end)
{
	return sane(value) / end * PLOT_HEIGHT;
}

static void axis(const struct chart *c, struct chart_axis a, struct buf *out)
{
	double end = a.step * a.ticks;
	for (unsigned i = 0; i <= a.ticks; i++) {
		double value = a.step * i;
		double y = TOP + PLOT_HEIGHT - height_of(value, end);
		buf_addf(out,
			 "<line class=\"%s\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" "
			 "y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
			 "text-anchor=\"end\">",
			 i == 0 ? "base" : "grid", LEFT, y, WIDTH - RIGHT, y, LEFT - 6,
			 y + 4);
		number(out, value, c->has_fractions);
		buf_adds(out, "</text>\n");
	}
}

static void bar(const struct chart *c, size_t i, double end, struct buf *out)
{
	double step = (double)PLOT_WIDTH / (double)bars_of(c);
	double gap = step > 6 ? fmin(step * 0.22, 14) : 0;
	double width = fmin(step - gap, 48);
	double x = LEFT + step * ((double)i + 0.5) - width / 2;
	double bottom = TOP + PLOT_HEIGHT;
	for (size_t k = 0; k < c->layer_count; k++) {
		const struct chart_layer *l = &c->layers[k];
		double height = height_of(l->values[i], end);
		if (height <= 0)
			continue;
		/* What is there must be seen: one at risk among thousands. */
		double drawn = fmax(height, 1);
		bottom -= height;
		buf_addf(out,
			 "<rect class=\"bar bar-%s\" fill=\"url(#ink-%s)\" x=\"%.2f\" "
			 "y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>",
			 ink_names[l->ink], ink_names[l->ink], x, bottom + height - drawn,
			 width, drawn);
		html_text(out, c->names ? c->names[i] : c->labels[i]);
		buf_adds(out, ": ");
		html_text(out, l->name);
		buf_adds(out, " ");
		number(out, l->values[i], c->has_fractions);
		buf_adds(out, "</title></rect>\n");
	}
}

/* Steps, since each value holds for the whole of its part. */
static void line(const struct chart *c, double end, struct buf *out)
{
	double step = (double)PLOT_WIDTH / (double)bars_of(c);
	buf_adds(out, "<path class=\"halo\" d=\"");
	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1)
			buf_adds(out, "\"/>\n<path class=\"line\" d=\"");
		for (size_t i = 0; i < bars_of(c); i++)
			buf_addf(out, "%s%.2f %.2fH%.2f", i == 0 ? "M" : "L",
				 LEFT + step * (double)i,
				 TOP + PLOT_HEIGHT - height_of(c->line[i], end),
				 LEFT + step * (double)(i + 1));
	}
	buf_adds(out, "\"/>\n");
}

static size_t width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n * LABEL_CHARACTER;
}

static void labels(const struct chart *c, struct buf *out)
{
	double step = (double)PLOT_WIDTH / (double)bars_of(c);
	double widest = 1;
	for (size_t i = 0; i < bars_of(c); i++)
		widest =
		    fmax(widest, (double)width_of(c->labels[i]) + 2 * LABEL_CHARACTER);
	size_t every = (size_t)ceil(widest / step);
	buf_adds(out, "<g class=\"x\">");
	for (size_t i = 0; i < bars_of(c); i += every) {
		double x = LEFT + step * ((double)i + 0.5);
		double half = (double)width_of(c->labels[i]) / 2;
		x = fmin(x, WIDTH - half); /* the last one must not be cut */
		buf_addf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x,
			 HEIGHT - 8);
		html_text(out, c->labels[i]);
		buf_adds(out, "</text>\n");
	}
	buf_adds(out, "</g>\n");
}

static void mark(const struct chart *c, struct buf *out)
{
	double x = LEFT + (double)PLOT_WIDTH / (double)bars_of(c) * c->mark;
	buf_addf(out,
		 "<path class=\"halo\" d=\"M%.2f %dV%d\"/>\n<path class=\"line\" "
		 "d=\"M%.2f %dV%d\"/>\n",
		 x, TOP, TOP + PLOT_HEIGHT, x, TOP, TOP + PLOT_HEIGHT);
}

void chart_bars(const struct chart *c, struct buf *out)
{
	begin_svg(out, c->id, HEIGHT);
	describe(out, c->id, c->title, c->description);
	double most = greatest(c);
	struct chart_axis a = chart_axis(most, c->has_fractions);
	double end = a.step * a.ticks;
	axis(c, a, out);
	for (size_t i = 0; i < bars_of(c); i++)
		bar(c, i, end, out);
	if (c->line && c->count > 0)
		line(c, end, out);
	if (c->mark > 0 && c->mark <= (double)bars_of(c))
		mark(c, out);
	if (most == 0)
		buf_addf(out,
			 "<text class=\"none\" x=\"%d\" y=\"%d\" "
			 "text-anchor=\"middle\">nothing was counted</text>\n",
			 LEFT + PLOT_WIDTH / 2, TOP + PLOT_HEIGHT / 2);
	labels(c, out);
	buf_adds(out, "</svg>\n");
}

void chart_legend(const struct chart *c, struct buf *out)
{
	buf_adds(out, "<ul class=\"legend\">");
	for (size_t i = 0; i < c->layer_count; i++) {
		const char *ink = ink_names[c->layers[i].ink];
		buf_addf(out,
			 "<li><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"18\" "
			 "height=\"12\" aria-hidden=\"true\"><rect class=\"bar bar-%s\" "
			 "fill=\"url(#ink-%s)\" x=\"0.5\" y=\"0.5\" width=\"17\" "
			 "height=\"11\"/></svg> ",
			 ink, ink);
		html_text(out, c->layers[i].name);
		buf_adds(out, "</li>");
	}
	if (c->line) {
		buf_adds(out,
			 "<li><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"18\" "
			 "height=\"12\" aria-hidden=\"true\"><path class=\"line\" "
			 "d=\"M0 6H18\"/></svg> ");
		html_text(out, c->line_name);
		buf_adds(out, "</li>");
	}
	buf_adds(out, "</ul>\n");
}

/* ---- the strip ---- */

static double inside(double part)
{
	return fmin(sane(part), 1);
}

void chart_strip(const struct chart_strip *s, struct buf *out)
{
	begin_svg(out, s->id, STRIP_HEIGHT);
	describe(out, s->id, s->title, s->description);
	buf_addf(out,
		 "<rect class=\"seen\" x=\"0\" y=\"2\" width=\"%d\" height=\"%d\"/>\n",
		 WIDTH, STRIP_BAND);
	for (size_t i = 0; i < s->count; i++) {
		double from = inside(s->spans[i].from) * WIDTH;
		double to = inside(s->spans[i].to) * WIDTH;
		/* What the eye cannot keep apart is one: a thousand gaps are not
		 * a thousand elements. */
		while (i + 1 < s->count &&
		       inside(s->spans[i + 1].from) * WIDTH < to + 0.5)
			to = fmax(to, inside(s->spans[++i].to) * WIDTH);
		/* A gap that is too short to be drawn is a gap all the same. */
		double width = fmax(to - from, 1);
		buf_addf(out,
			 "<rect class=\"gap\" fill=\"url(#ink-stopped)\" x=\"%.2f\" "
			 "y=\"2\" width=\"%.2f\" height=\"%d\"/>\n",
			 fmin(from, WIDTH - width), width, STRIP_BAND);
	}
	buf_addf(out, "<text x=\"0\" y=\"%d\">", STRIP_HEIGHT - 10);
	html_text(out, s->begin);
	buf_addf(out, "</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">", WIDTH,
		 STRIP_HEIGHT - 10);
	html_text(out, s->end);
	buf_adds(out, "</text>\n</svg>\n");
}
