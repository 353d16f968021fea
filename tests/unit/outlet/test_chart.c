/* Charts of nothing, of one value, of very many; and text that is hostile. */
#include "outlet/page/chart.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "outlet/page/html.h"
#include "outlet/page/page.h"

static void text_becomes(const char *text, const char *want)
{
	struct buf b = BUF_INIT(4096);
	html_text(&b, text);
	assert_string_equal(buf_text(&b), want);
	buf_release(&b);
}

static void hostile_text_is_text(void **state)
{
	(void)state;
	text_becomes("mail.example.com", "mail.example.com");
	text_becomes("", "");
	text_becomes("<script>alert('1')</script>",
		     "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
	text_becomes("]]>--><!-- &amp; \"", "]]&gt;--&gt;&lt;!-- &amp;amp; &quot;");
	text_becomes("\xff\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	text_becomes("a\xe2\x80\xae"
		     "b",
		     "a&lt;U+202E&gt;b");
	text_becomes("\x1b[2J\n\x7f", "&lt;U+001B&gt;[2J&lt;U+000A&gt;&lt;U+007F&gt;");
	text_becomes("\xef\xbf\xbf\xc2\x85", "&lt;U+FFFF&gt;&lt;U+0085&gt;");
	text_becomes("b\xc3\xbc"
		     "cher.example \xf0\x9f\x93\xab",
		     "b\xc3\xbc"
		     "cher.example \xf0\x9f\x93\xab");
}

static void attributes_are_quoted(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(4096);
	html_attr(&b, "title", "\" onload=\"x' >");
	assert_string_equal(buf_text(&b), " title=\"&quot; onload=&quot;x&#39; &gt;\"");
	buf_release(&b);
}

static void numbers_and_times_are_readable(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(4096);
	html_count(&b, 0);
	html_count(&b, 1234);
	assert_string_equal(buf_text(&b), "01234");
	buf_clear(&b);
	html_count(&b, UINT64_MAX);
	assert_string_equal(buf_text(&b), "18\xe2\x80\xaf"
					  "446\xe2\x80\xaf"
					  "744\xe2\x80\xaf"
					  "073\xe2\x80\xaf"
					  "709\xe2\x80\xaf"
					  "551\xe2\x80\xaf"
					  "615");
	buf_clear(&b);
	html_time(&b, INT64_C(1795392000) * STAMP_SECOND + 1);
	assert_string_equal(buf_text(&b),
			    "<time datetime=\"2026-11-23T00:00:00.000001Z\">"
			    "2026-11-23\xc2\xa0"
			    "00:00:00</time>");
	buf_release(&b);
}

static void axes_end_at_round_numbers(void **state)
{
	(void)state;
	static const struct {
		double most;
		bool has_fractions;
		double step;
		unsigned ticks;
	} rows[] = {
		{ 0, false, 1, 1 },        { 1, false, 1, 1 },     { 3, false, 1, 3 },
		{ 5, false, 1, 5 },        { 6, false, 2, 3 },     { 22, false, 5, 5 },
		{ 64, false, 20, 4 },      { 238, false, 50, 5 },  { 250, false, 50, 5 },
		{ 251, false, 100, 3 },    { 1e6, false, 2e5, 5 }, { 0.3, true, 0.1, 3 },
		{ 0.3, false, 1, 1 },      { -5, false, 1, 1 },    { NAN, false, 1, 1 },
		{ INFINITY, false, 1, 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct chart_axis a = chart_axis(rows[i].most, rows[i].has_fractions);
		if (fabs(a.step - rows[i].step) > rows[i].step / 1e6 ||
		    a.ticks != rows[i].ticks)
			fail_msg("%g: got %u ticks of %g, want %u of %g", rows[i].most,
				 a.ticks, a.step, rows[i].ticks, rows[i].step);
	}
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
		n++;
	return n;
}

enum { MOST = 1000 };

/* A chart of n bars of this value in two layers; returns how many were drawn. */
static size_t drawn(size_t n, double value, struct buf *b)
{
	static double values[MOST], none[MOST];
	static const char *labels[MOST];
	for (size_t i = 0; i < n; i++) {
		values[i] = value;
		labels[i] = "23 Nov";
	}
	struct chart_layer layers[] = { { "reached", CHART_REACHED, values },
					{ "<stopped>", CHART_STOPPED, none } };
	struct chart c = { .id = "t",
			   .title = "A & B",
			   .description = "\"<>",
			   .count = n,
			   .labels = labels,
			   .layers = layers,
			   .layer_count = 2,
			   .line = values,
			   .line_name = "line" };
	chart_bars(&c, b);
	chart_legend(&c, b);
	assert_false(buf_failed(b));
	assert_null(strstr(buf_text(b), "nan"));
	assert_null(strstr(buf_text(b), "inf"));
	assert_null(strstr(buf_text(b), "<stopped>"));
	assert_int_equal(count(buf_text(b), "<svg"), count(buf_text(b), "</svg>"));
	return count(buf_text(b), "<title>23 Nov: reached");
}

static void a_chart_of_nothing_says_so(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(1 << 20);
	assert_int_equal(drawn(0, 0, &b), 0);
	assert_non_null(strstr(buf_text(&b), "nothing was counted"));
	assert_non_null(strstr(buf_text(&b), "<title id=\"t-t\">A &amp; B</title>"));
	buf_clear(&b);
	assert_int_equal(drawn(7, 0, &b), 0);
	assert_non_null(strstr(buf_text(&b), "nothing was counted"));
	buf_clear(&b);
	assert_int_equal(drawn(7, NAN, &b), 0);
	buf_release(&b);
}

static void one_day_is_one_bar_of_bounded_width(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(1 << 20);
	assert_int_equal(drawn(1, 3, &b), 1);
	assert_non_null(strstr(buf_text(&b), "width=\"48.00\""));
	assert_int_equal(count(buf_text(&b), ">23 Nov</text>"), 1);
	buf_release(&b);
}

static void labels_do_not_stand_on_each_other(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(1 << 20);
	assert_int_equal(drawn(62, 3, &b), 62);
	size_t labels = count(buf_text(&b), ">23 Nov</text>");
	assert_true(labels >= 8 && labels <= 14);
	buf_clear(&b);
	assert_int_equal(drawn(MOST, 3, &b), CHART_MAX_BARS);
	assert_true(b.len < 200000);
	buf_release(&b);
}

static void little_beside_much_is_still_seen(void **state)
{
	(void)state;
	double many[] = { 100000 };
	double one[] = { 1 };
	const char *label[] = { "x" };
	struct chart_layer layers[] = { { "many", CHART_REACHED, many },
					{ "one", CHART_AT_RISK, one } };
	struct chart c = { .id = "t",
			   .title = "",
			   .description = "",
			   .count = 1,
			   .labels = label,
			   .layers = layers,
			   .layer_count = 2 };
	struct buf b = BUF_INIT(1 << 20);
	chart_bars(&c, &b);
	assert_non_null(strstr(buf_text(&b), "height=\"1.00\"><title>x: one 1</title>"));
	buf_release(&b);
}

static void gaps_that_touch_are_drawn_as_one(void **state)
{
	(void)state;
	static struct chart_span spans[20000];
	struct buf b = BUF_INIT(1 << 20);
	for (size_t i = 0; i < 20000; i++)
		spans[i] =
		    (struct chart_span){ (double)i / 40000, ((double)i + 0.5) / 40000 };
	struct chart_strip s = { .id = "t",
				 .title = "",
				 .description = "",
				 .begin = "a",
				 .end = "b",
				 .spans = spans,
				 .count = 20000 };
	chart_strip(&s, &b);
	assert_int_equal(count(buf_text(&b), "class=\"gap\""), 1);
	spans[0] = (struct chart_span){ -1, NAN };
	spans[1] = (struct chart_span){ 1, 1 }; /* the last moment */
	s.count = 2;
	buf_clear(&b);
	chart_strip(&s, &b);
	assert_non_null(strstr(buf_text(&b), "x=\"719.00\" y=\"2\" width=\"1.00\""));
	assert_null(strstr(buf_text(&b), "nan"));
	buf_release(&b);
}

/* ---- the page ---- */

static struct report page_of(struct report_site *sites, size_t n)
{
	struct report r = {
		.since = 0, .until = STAMP_DAY, .sites = sites, .site_count = n
	};
	series_cut(r.since, r.until, &r.series);
	return r;
}

static void a_page_loads_nothing_and_runs_nothing(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(1 << 20);
	struct report r = page_of(NULL, 0);
	(void)str_copy(r.note, sizeof(r.note), "No site was ever served: <the journal>");
	page_write(&r, &b);
	const char *page = buf_text(&b);
	assert_non_null(strstr(page, "default-src 'none'; style-src 'sha256-"));
	assert_non_null(strstr(page, page_css_hash));
	assert_non_null(strstr(page, "No site was ever served: &lt;the journal&gt;"));
	static const char *const never[] = { "<script", "src=",    "@import", "<link",
					     "<img",    "<iframe", "style=",  "onload",
					     "onclick", "https:" };
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strstr(page, never[i]))
			fail_msg("the page has %s", never[i]);
	buf_release(&b);
}

static void a_page_of_very_many_is_bounded(void **state)
{
	(void)state;
	static struct report_site sites[3000];
	static struct report_at_risk at_risk[100000];
	static char hostile[] = "<b>\xff.example";
	struct buf b = BUF_INIT(64 << 20);
	for (size_t i = 0; i < 100000; i++)
		at_risk[i] =
		    (struct report_at_risk){ .tier = TIER_WEAK, .name = hostile };
	static char name[] = "<i>";
	for (size_t i = 0; i < 3000; i++)
		sites[i] = (struct report_site){ .name = name,
						 .counts.at_risk = at_risk,
						 .counts.at_risk_count = i ? 5 : 100000,
						 .is_measurable = true };
	struct report r = page_of(sites, 3000);
	page_write(&r, &b);
	assert_false(buf_failed(&b));
	assert_true(b.len < (size_t)2 << 20);
	const char *page = buf_text(&b);
	assert_int_equal(count(page, "<article"), PAGE_SITES);
	assert_int_equal(count(page, "tier-weak"), PAGE_AT_RISK + (PAGE_SITES - 1) * 5);
	assert_non_null(strstr(page, "And 99000 more senders at risk"));
	assert_non_null(strstr(page, "And 2950 more sites"));
	assert_null(strstr(page, "<i>"));
	assert_null(strstr(page, "<b>"));
	buf_release(&b);
}

/* Where the upright line stands in a chart of four bars; -1 there is none. */
static double mark_at(double mark)
{
	static const double values[] = { 1, 2, 3, 4 };
	static const char *const labels[] = { "a", "b", "c", "d" };
	struct chart_layer layer = { "visits", CHART_PLAIN, values };
	struct chart c = { .id = "m",
			   .title = "t",
			   .description = "d",
			   .count = 4,
			   .labels = labels,
			   .layers = &layer,
			   .layer_count = 1,
			   .mark = mark };
	static const char line[] = "class=\"line\" d=\"M";
	struct buf b = BUF_INIT(64 * 1024);
	double x = -1;
	chart_bars(&c, &b);
	const char *at = strstr(buf_text(&b), line);
	if (at)
		assert_int_equal(sscanf(at + sizeof(line) - 1, "%lf", &x), 1);
	buf_release(&b);
	return x;
}

static void a_moment_is_marked_where_it_was(void **state)
{
	(void)state;
	assert_true(mark_at(0) < 0 && mark_at(4.5) < 0);
	double bar = mark_at(2) - mark_at(1);
	assert_true(bar > 10);
	assert_true(fabs(mark_at(2.5) - mark_at(2) - bar / 2) < 0.02);
	assert_true(fabs(mark_at(4) - mark_at(1) - 3 * bar) < 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_text_is_text),
		cmocka_unit_test(attributes_are_quoted),
		cmocka_unit_test(numbers_and_times_are_readable),
		cmocka_unit_test(axes_end_at_round_numbers),
		cmocka_unit_test(a_chart_of_nothing_says_so),
		cmocka_unit_test(one_day_is_one_bar_of_bounded_width),
		cmocka_unit_test(labels_do_not_stand_on_each_other),
		cmocka_unit_test(little_beside_much_is_still_seen),
		cmocka_unit_test(gaps_that_touch_are_drawn_as_one),
		cmocka_unit_test(a_page_loads_nothing_and_runs_nothing),
		cmocka_unit_test(a_page_of_very_many_is_bounded),
		cmocka_unit_test(a_moment_is_marked_where_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
