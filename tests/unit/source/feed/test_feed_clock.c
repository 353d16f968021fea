#include "source/feed/feed_intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S STAMP_SECOND
#define T0 (INT64_C(1795446000) * S)

enum { MX2 = 5 };

/* A stream is read whenever: its lines say when it took them. */
struct rig {
	struct intake *in;
	struct intake_stream *stream;
	int64_t sequence;
	struct visit visit; /* the last */
	size_t visits, gaps;
	bool is_new; /* nothing was read before */
	size_t asked;
	int64_t upto, gap_from, gap_to;
	char trouble[2048]; /* one behind the other; "" all over */
};

static void on_visit(void *arg, const struct visit *v)
{
	struct rig *r = arg;
	r->visit = *v;
	r->visits++;
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct rig *r = arg;
	assert_true(host == MX2 && upto > r->upto);
	r->upto = upto;
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	struct rig *r = arg;
	assert_int_equal(host, MX2);
	size_t len = is_over ? 0 : strlen(r->trouble);
	(void)snprintf(r->trouble + len, sizeof(r->trouble) - len, "%s",
		       is_over ? "" : sentence);
}

static void on_gap(void *arg, uint16_t host, int64_t from, int64_t to)
{
	struct rig *r = arg;
	assert_int_equal(host, MX2);
	r->gap_from = from;
	r->gap_to = to;
	r->gaps++;
}

static bool on_since(void *arg, uint16_t host, int64_t *ret_since)
{
	struct rig *r = arg;
	(void)host;
	r->asked++;
	*ret_since = r->upto ? r->upto : T0;
	return !r->is_new || r->upto;
}

static void begin(struct rig *r)
{
	static const struct intake_host host = { MX2, 1, "mx2.example", ROLE_REAL };
	memset(r, 0, sizeof(*r));
	struct source_sink sink = { .visit = on_visit,
				    .watermark = on_watermark,
				    .trouble = on_trouble,
				    .gap = on_gap,
				    .arg = r };
	struct intake_spec spec = { .sink = &sink,
				    .hosts = &host,
				    .host_count = 1,
				    .since = on_since,
				    .since_arg = r,
				    .is_numbered = true };
	r->in = intake_new(&spec);
	r->stream = intake_open(r->in);
}

static void end(struct rig *r)
{
	intake_close(r->stream);
	intake_free(r->in);
}

static void say(struct rig *r, int64_t stored, const char *words)
{
	char line[512], at[STAMP_TEXT_MAX];
	int n = snprintf(line, sizeof(line),
			 "{\"sequence\": %lld, \"missing\": 0, \"stored\": \"%s\", "
			 "\"host\": \"mx2.example\", %s}\n",
			 (long long)++r->sequence, stamp_text(stored, at), words);
	assert_true(n > 0 && (size_t)n < sizeof(line));
	assert_true(intake_bytes(r->stream, line, (size_t)n, 0));
}

/* As the machine's clock has it, which is `off`; the stream stores it at `now`. */
static void say_visit(struct rig *r, int64_t now, int64_t off)
{
	char words[128], at[STAMP_TEXT_MAX];
	(void)snprintf(words, sizeof(words),
		       "\"time\": \"%s\", \"address\": \"192.0.2.1\", \"depth\": "
		       "\"rcpt\"",
		       stamp_text(now + off, at));
	say(r, now, words);
}

static void say_watermark(struct rig *r, int64_t now, int64_t off)
{
	char words[128], upto[STAMP_TEXT_MAX], sent[STAMP_TEXT_MAX];
	(void)snprintf(words, sizeof(words), "\"watermark\": \"%s\", \"sent\": \"%s\"",
		       stamp_text(now + off - 2 * S, upto), stamp_text(now + off, sent));
	say(r, now, words);
}

/* A watermark each second; returns the moment after the last. */
static int64_t go_on(struct rig *r, int64_t from, int seconds, int64_t off)
{
	for (int i = 0; i < seconds; i++, from += S)
		say_watermark(r, from, off);
	return from;
}

/* The visit began within what is said of it, and the watermark claims nothing that the
 * machine may not have told yet. */
static void holds_truth(const struct rig *r, int64_t began, int64_t now)
{
	const struct visit *v = &r->visit;
	assert_true(v->time - v->earlier_us <= began);
	assert_true(v->time + v->precision_us > began);
	assert_true(r->upto < now);
	assert_true(r->upto <= v->time - v->earlier_us);
}

static void a_clock_within_a_second_is_right(void **state)
{
	(void)state;
	struct rig r;
	begin(&r);
	int64_t now = go_on(&r, T0, 200, 9 * S / 10);
	now = go_on(&r, now, 200, -9 * S / 10);
	say_visit(&r, now, -9 * S / 10);
	assert_true(r.visit.precision_us <= S); /* as its stamp */
	assert_string_equal(r.trouble, "");
	assert_int_equal(r.gaps, 0);
	end(&r);
}

static void of_a_clock_that_is_off_visits_are_wide_and_watermarks_early(void **state)
{
	(void)state;
	static const int64_t offs[] = { 4 * S, -4 * S, 299 * S, -299 * S };
	for (size_t i = 0; i < 4; i++) {
		struct rig r;
		begin(&r);
		int64_t now = go_on(&r, T0, 500, offs[i]);
		say_visit(&r, now, offs[i]);
		holds_truth(&r, now, now);
		assert_true(r.visit.precision_us > 5 * S);  /* no delay is told of it */
		assert_true(r.visit.time == now + offs[i]); /* known again */
		assert_non_null(strstr(r.trouble, "the clock of mx2.example is "));
		assert_non_null(strstr(r.trouble, offs[i] > 0 ? " ahead of the stream's"
							      : " behind the stream's"));
		/* What was taken to be exact before is doubted. */
		assert_true(r.gaps == 1 && r.gap_from <= T0 && r.gap_to >= T0);
		now = go_on(&r, now, 130, 0);
		assert_string_equal(r.trouble, "");
		say_visit(&r, now, 0);
		assert_true(r.visit.precision_us <= S); /* as its stamp */
		end(&r);
	}
}

static void a_clock_that_is_far_off_is_refused_and_leaves_a_gap(void **state)
{
	(void)state;
	static const int64_t offs[] = { 301 * S, -301 * S };
	for (size_t i = 0; i < 2; i++) {
		struct rig r;
		begin(&r);
		int64_t right = go_on(&r, T0, 70, 0);
		int64_t now = go_on(&r, right, 130, offs[i]);
		int64_t upto = r.upto;
		size_t visits = r.visits;
		say_visit(&r, now, offs[i]);
		now = go_on(&r, now, 10, offs[i]);
		assert_int_equal(r.visits, visits);
		assert_true(r.upto == upto);
		assert_non_null(strstr(r.trouble, "refused"));
		now = go_on(&r, now, 130, 0);
		assert_true(r.upto > now - 4 * S);
		assert_true(r.gap_from <= upto && r.gap_to > right + 130 * S);
		assert_string_equal(r.trouble, "");
		end(&r);
	}
}

static void lines_that_were_held_up_show_no_clock(void **state)
{
	(void)state;
	struct rig r;
	begin(&r);
	int64_t now = go_on(&r, T0, 70, 0);
	for (int i = 0; i < 40; i++) /* a minute late, all at once */
		say_watermark(&r, now + 60 * S, (i - 60) * S);
	(void)go_on(&r, now + 60 * S, 70, 0);
	assert_string_equal(r.trouble, "");
	assert_int_equal(r.gaps, 0);
	end(&r);
}

/* Who asks since when a host is wanted looks for what comes twice (lines_since()). */
static void a_start_goes_on_where_it_was_and_a_feed_that_begins_anew_repeats(void **state)
{
	(void)state;
	struct rig r;
	begin(&r);
	(void)intake_since(r.in);
	say_visit(&r, T0, 0);
	assert_int_equal(r.asked, 0);
	say(&r, T0, "\"since\": \"2020-01-01T00:00:00Z\"");
	assert_int_equal(r.asked, 1);
	end(&r);
}

static void a_new_judge_reads_what_the_stream_has_of_before_it_was(void **state)
{
	(void)state;
	struct rig r;
	begin(&r);
	r.is_new = true;
	say(&r, T0, "\"since\": \"2020-01-01T00:00:00Z\"");
	assert_int_equal(r.gaps, 1); /* of before that nobody knows */
	assert_true(r.gap_from == 0 && r.gap_to < T0);
	say_visit(&r, T0, -STAMP_DAY);
	say_visit(&r, T0, 0);
	assert_int_equal(r.visits, 2);
	(void)go_on(&r, T0, 10, 0);
	assert_true(r.upto > T0);
	assert_int_equal(r.gaps, 1);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_within_a_second_is_right),
		cmocka_unit_test(
		    of_a_clock_that_is_off_visits_are_wide_and_watermarks_early),
		cmocka_unit_test(a_clock_that_is_far_off_is_refused_and_leaves_a_gap),
		cmocka_unit_test(lines_that_were_held_up_show_no_clock),
		cmocka_unit_test(
		    a_start_goes_on_where_it_was_and_a_feed_that_begins_anew_repeats),
		cmocka_unit_test(a_new_judge_reads_what_the_stream_has_of_before_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
