/* What the report compares, each figure counted a second way: from the visits. */
#include "rig.h"

#include <math.h>

#include "base/buf.h"
#include "mx/half.h"
#include "outlet/json.h"
#include "outlet/page/page.h"
#include "outlet/report/report.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
#define SEED "autumn"
#define DAY(n) (MIDNIGHT + (int64_t)(n)*STAMP_DAY)
#define MIDNIGHT (RIG_ZERO - RIG_ZERO % STAMP_DAY)

/* Three weeks before and three after, so that each weekday counts alike. */
enum { BEFORE = 21, DAYS = 42 };

static char in[32], out[32]; /* a domain of the half, and of the other */

static void find_domains(void)
{
	struct half half;
	half_init(&half, SEED);
	for (int i = 0; !*in || !*out; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "d%d.example", i);
		(void)snprintf(half_has(&half, name) ? in : out, sizeof(in), "%s", name);
	}
}

static void tell(struct rig *r, struct line l, int64_t time)
{
	r->seen = time > r->seen ? time : r->seen;
	l.time = time;
	l.seen = r->seen;
	take_add(r->take, &l);
}

static void visit(struct rig *r, const char *domain, enum outcome outcome, enum spam spam,
		  int64_t time)
{
	struct line l = { .kind = LINE_VISIT, .host = RIG_MAIL };
	l.visit = (struct visit){ .client = rig_client('A'),
				  .host = RIG_MAIL,
				  .site = r->site.id,
				  .depth = DEPTH_DATA,
				  .outcome = outcome,
				  .spam = spam,
				  .precision_us = 1,
				  .time = time,
				  .helo = "",
				  .mail_from = "",
				  .recipient_domain = domain,
				  .name = "" };
	tell(r, l, time);
}

static void see_mx(struct rig *r, const char *domain, bool has_decoy, int64_t time)
{
	struct line l = { .kind = LINE_MX,
			  .host = r->site.id,
			  .is_ok = has_decoy,
			  .text = domain,
			  .position = has_decoy ? "10 mail, 30 fake1" : "10 mail" };
	tell(r, l, time);
}

/* The decoy halves what comes to its domain; to the other comes what came before. */
static void tell_day(struct rig *r, int day)
{
	int64_t at = DAY(day) + STAMP_MINUTE, step = 8 * STAMP_MINUTE;
	int chance = day * 7 % 5, weekend = day % 7 >= 5 ? 20 : 0;
	int to_in = (day < BEFORE ? 50 : 25) + chance - weekend / (day < BEFORE ? 1 : 2);
	for (int i = 0; i < to_in; i++, at += step)
		visit(r, in, i % 4 == 0 ? OUTCOME_ACCEPTED : OUTCOME_REJECTED,
		      i % 4 == 0 ? SPAM_YES : SPAM_UNKNOWN, at);
	for (int i = 0; i < 50 + chance - weekend; i++, at += step)
		visit(r, out, OUTCOME_REJECTED, SPAM_UNKNOWN, at);
	for (int i = 0; i < 12 + chance; i++, at += step)
		visit(r, in, OUTCOME_ACCEPTED, SPAM_NO, at);
}

static void tell_all(struct rig *r, bool is_in_both)
{
	char mark[32];
	find_domains();
	rig_site(r, NULL, DAY(0) - STAMP_HOUR);
	for (int day = 0; day < DAYS; day++) {
		(void)snprintf(mark, sizeof(mark), "W@%.0f",
			       (double)(DAY(day) - RIG_ZERO) / 1e6);
		rig_play(r, mark);
		if (day == 0) {
			see_mx(r, in, false, DAY(0));
			see_mx(r, out, false, DAY(0));
		}
		if (day == BEFORE) {
			see_mx(r, in, true, DAY(day) - 2 * STAMP_HOUR);
			see_mx(r, out, is_in_both, DAY(day) - 2 * STAMP_HOUR);
		}
		see_mx(r, in, day >= BEFORE, DAY(day) + STAMP_HOUR); /* no news */
		tell_day(r, day);
	}
	(void)snprintf(mark, sizeof(mark), "W@%.0f",
		       (double)(DAY(DAYS) + STAMP_HOUR - RIG_ZERO) / 1e6);
	rig_play(r, mark);
}

static double asked(struct rig *r, const char *sql)
{
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_prepare_v2(db_sqlite(r->db), sql, -1, &s, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	double n = sqlite3_column_double(s, 0);
	(void)sqlite3_finalize(s);
	return n;
}

static struct report made(struct rig *r, const char *half)
{
	struct report report;
	struct error e;
	struct report_span span = { REPORT_BEGIN, STAMP_NEVER, half };
	struct ask *a = rig_ask(r, 0);
	if (report_make(a, &span, &report, &e) != 0)
		fail_msg("%s", e.text);
	ask_close(a);
	return report;
}

/* outcome 1 is accepted, 3 rejected; spam 2: a filter called it so. */
static const char *const second_way[COUNT_KINDS] = {
	[COUNT_UNWELCOME] = "sum(outcome = 3 OR outcome = 1 AND spam = 2)",
	[COUNT_REFUSED] = "sum(outcome = 3)",
	[COUNT_SPAM] = "sum(outcome = 1 AND spam = 2)",
	[COUNT_GOOD] = "sum(outcome = 1 AND spam IS NOT 2)",
	[COUNT_VISITS] = "count(*)",
};

static double mean_of(struct rig *r, const char *what, int from, int to)
{
	char sql[400];
	(void)snprintf(sql, sizeof(sql),
		       "SELECT avg(n) FROM (SELECT %s AS n FROM visit WHERE role = 0 AND "
		       "time >= %lld AND time < %lld GROUP BY time / 86400000000)",
		       what, (long long)DAY(from), (long long)DAY(to));
	return asked(r, sql);
}

static void each_figure_is_what_the_visits_say(void **state)
{
	struct rig *r = *state;
	tell_all(r, true);
	assert_int_equal((int)asked(r, "SELECT count(*) FROM mx"), 4); /* changes alone */
	struct report report = made(r, NULL);
	const struct before_after *b = &report.sites[0].before_after;
	assert_int_equal(b->seen_all, DAY(BEFORE) - 2 * STAMP_HOUR);
	for (int k = 0; k < COUNT_KINDS; k++) {
		const struct effect *x = &b->effect[k];
		/* The day on which it came is neither. */
		assert_int_equal(x->before, BEFORE - 1);
		assert_int_equal(x->after, DAYS - BEFORE);
		double after = mean_of(r, second_way[k], BEFORE, DAYS);
		assert_true(x->is_told);
		if (fabs(x->mean_after - after) > 0.05 * after)
			fail_msg("%s: got %f, want %f",
				 before_after_key((enum before_after_kind)k),
				 x->mean_after, after);
		for (size_t i = 0; i < b->day_count; i++) {
			int day = (int)(b->days[i].day - DAY(0) / STAMP_DAY);
			double want = mean_of(r, second_way[k], day, day + 1);
			if (day >= 0 && day < DAYS)
				assert_true(b->days[i].count[k] == want);
		}
	}
	assert_true(b->effect[COUNT_UNWELCOME].is_difference);
	assert_true(b->effect[COUNT_UNWELCOME].high < -0.1);
	assert_false(b->effect[COUNT_GOOD].is_difference);
	report_release(&report);
}

static void halves_are_held_against_each_other(void **state)
{
	struct rig *r = *state;
	tell_all(r, false); /* the other half has no decoy, and is not asked for one */
	struct report report = made(r, SEED);
	const struct before_after *b = &report.sites[0].before_after;
	assert_true(b->has_half && b->half.is_told && b->half.is_difference);
	assert_true(b->half.low < -0.45 && b->half.high > -0.55);
	assert_true(b->days_needed > 0);
	char sql[300];
	for (int k = 0; k < 2; k++) {
		double all = 0;
		for (size_t i = 0; i < b->day_count; i++)
			all += b->days[i].half[k];
		(void)snprintf(sql, sizeof(sql),
			       "SELECT sum(outcome = 3 OR spam = 2) FROM visit WHERE "
			       "role = 0 AND domain = '%s'",
			       k == 0 ? in : out);
		assert_true(all == asked(r, sql));
	}
	report_release(&report);
	/* Without the seed not all domains have it: nothing is compared. */
	struct buf why = BUF_INIT(4096);
	report = made(r, NULL);
	b = &report.sites[0].before_after;
	assert_false(b->effect[COUNT_UNWELCOME].is_told);
	before_after_why_not(b, &why);
	assert_non_null(strstr(buf_text(&why), "others do not"));
	buf_release(&why);
	report_release(&report);
}

/* Retention has taken the visits of six days: they are no days without spam. */
static void days_whose_visits_are_gone_are_left_out(void **state)
{
	struct rig *r = *state;
	char sql[100];
	tell_all(r, false);
	(void)snprintf(sql, sizeof(sql), "DELETE FROM visit WHERE time < %lld",
		       (long long)DAY(6));
	assert_int_equal(sqlite3_exec(db_sqlite(r->db), sql, NULL, NULL, NULL),
			 SQLITE_OK);
	struct report report = made(r, SEED);
	const struct before_after *b = &report.sites[0].before_after;
	assert_int_equal(b->effect[COUNT_UNWELCOME].before, BEFORE - 1);
	/* Nobody knows whether the first that is left is whole. */
	assert_int_equal(b->half.before, BEFORE - 1 - 7);
	assert_true(b->half.is_told && b->half.low < -0.45 && b->half.high > -0.55);
	report_release(&report);
}

/* Told before the decoy comes, in the text and on the page. */
static void how_long_it_takes_is_told(void **state)
{
	struct rig *r = *state;
	struct buf words = BUF_INIT(256), text = BUF_INIT(1024 * 1024);
	tell_all(r, true);
	struct report report = made(r, NULL);
	const struct before_after *b = &report.sites[0].before_after;
	before_after_power(b, &words);
	assert_non_null(strstr(buf_text(&words), "days, four times in five"));
	report_text(&report, &text_style_plain, &text);
	assert_non_null(strstr(buf_text(&text), buf_text(&words)));
	buf_clear(&text);
	page_write(&report, &text);
	assert_non_null(strstr(buf_text(&text), buf_text(&words)));
	assert_non_null(strstr(buf_text(&text), "The upright line is the moment"));
	assert_non_null(strstr(buf_text(&text), "class=\"halo\""));
	buf_release(&text);
	buf_release(&words);
	report_release(&report);
}

/* ---- blocklists ---- */

static void compared(struct rig *r, char client, enum compared answer)
{
	struct line l = { .kind = LINE_COMPARED,
			  .client = rig_client(client),
			  .text = "zen.example",
			  .answer = answer };
	tell(r, l, AT(50));
}

static void what_a_list_knew_of_the_stopped_is_counted(void **state)
{
	struct rig *r = *state;
	rig_begin(r);
	rig_play(r, "A:Ln@0 A:R@0.25 X:H@10 Y:Hn@20 V:H@30 D:H@40 W@100");
	compared(r, 'X', COMPARED_YES);
	compared(r, 'Y', COMPARED_NO);
	compared(r, 'A', COMPARED_YES); /* it reached a real host */
	compared(r, 'V', COMPARED_UNKNOWN);
	compared(r, 'V', COMPARED_NO);
	compared(r, 'D', COMPARED_UNKNOWN);
	compared(r, 'X', COMPARED_NO); /* later: not of the first contact */
	rig_play(r, "W@2h W@1d W@2d W@6d W@147h");
	struct report report = made(r, NULL);
	const struct report_site *s = &report.sites[0];
	assert_int_equal(s->compared_count, 1);
	assert_string_equal(s->compared[0].zone, "zen.example");
	static const char sql[] = "SELECT count(DISTINCT c.client) FROM walks w JOIN "
				  "compared c ON c.client = w.client WHERE fate = "
				  "'stopped' AND final AND at_risk IS NULL AND answer = ";
	const uint64_t got[] = { s->compared[0].not_listed, s->compared[0].listed,
				 s->compared[0].unknown };
	const uint64_t want[] = { 2, 1, 1 };
	for (int i = 0; i < 3; i++) {
		char text[300];
		(void)snprintf(text, sizeof(text), "%s%d", sql, i);
		assert_int_equal(got[i], want[i]);
		assert_int_equal((uint64_t)asked(r, text), want[i]);
	}
	report_release(&report);
}

/* ---- to show others ---- */

static void nobody_is_named(const char *text)
{
	static const char *const names[] = { "partner", "20.1.1.",       "30.1.1.",
					     "2a0",     "40.1.",         "home",
					     "fake0",   "5.9.1",         "zen",
					     "info@",   "sender.example" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(text, names[i]))
			fail_msg("'%s' in: %s", names[i], text);
}

static void an_anonymous_report_names_nobody(void **state)
{
	struct rig *r = *state;
	rig_begin(r);
	rig_name(r, 'V', "mail.partner.example", "partner.example", true);
	rig_play(r, "A:Ln@0 A:Rk@0.25 A:Hf@10 A:Rk@20 X:H@10 Y:Hn@20 V:H@30 W@100 W@2h");
	compared(r, 'X', COMPARED_YES);
	rig_play(r, "W@1d W@2d W@6d W@147h");
	struct report report = made(r, NULL);
	struct buf text = BUF_INIT(1024 * 1024);
	assert_int_equal(report.sites[0].counts.at_risk_count, 1);
	report_anonymize(&report);
	report_text(&report, &text_style_plain, &text);
	nobody_is_named(buf_text(&text));
	assert_non_null(strstr(buf_text(&text), "1 that may have been good"));
	assert_non_null(
	    strstr(buf_text(&text), "judged by the rules that it comes with"));
	buf_clear(&text);
	json_t *o = report_json(&report);
	json_print(o, &text);
	json_decref(o);
	nobody_is_named(buf_text(&text));
	buf_clear(&text);
	page_write(&report, &text);
	nobody_is_named(strstr(buf_text(&text), "<body>"));
	assert_non_null(
	    strstr(buf_text(&text), "judged by the rules that it comes with"));
	buf_release(&text);
	report_release(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_figure_is_what_the_visits_say),
		TEST(halves_are_held_against_each_other),
		TEST(days_whose_visits_are_gone_are_left_out),
		TEST(how_long_it_takes_is_told),
		TEST(what_a_list_knew_of_the_stopped_is_counted),
		TEST(an_anonymous_report_names_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
