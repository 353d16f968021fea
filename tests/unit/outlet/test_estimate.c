/* What the logs of real hosts tell of a Fake MX that is not there yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "outlet/estimate/estimate.h"

#define DAY0 (INT64_C(1760000000) * STAMP_SECOND)

enum { BEST, WORST };

struct world {
	struct estimate *x;
	int64_t now; /* minutes pass */
};

static struct world world_of(size_t hosts)
{
	static const uint16_t ranks[] = { 10, 20, 20 };
	struct rules rules = rules_default();
	struct world w = { .now = DAY0 };
	struct error e;
	assert_int_equal(estimate_new(ranks, hosts, &rules, &w.x, &e), 0);
	return w;
}

static struct addr client(unsigned n)
{
	char text[ADDR_TEXT_MAX];
	struct addr a = { { 0 } };
	(void)snprintf(text, sizeof(text), "198.%u.%u.7", 18 + n / 256, n % 256);
	assert_true(addr_parse(text, &a));
	return a;
}

static struct visit visit_of(const struct world *w, struct addr from,
			     enum outcome outcome, const char *name)
{
	return (struct visit){ .client = from,
			       .time = w->now,
			       .precision_us = STAMP_SECOND,
			       .depth = DEPTH_RCPT,
			       .outcome = outcome,
			       .helo = "",
			       .mail_from = "",
			       .recipient_domain = "",
			       .name = name };
}

static void visit(struct world *w, size_t host, struct addr from, enum outcome outcome,
		  const char *name)
{
	struct visit v = visit_of(w, from, outcome, name);
	estimate_visit(w->x, host, &v);
}

/* Somebody good comes to the best host, so that it is seen to be alive. */
static void minutes_pass(struct world *w, unsigned minutes)
{
	for (unsigned i = 0; i < minutes; i++) {
		w->now += STAMP_MINUTE;
		if (i % 10 == 0)
			visit(w, BEST, client(60000 + i % 5), OUTCOME_ACCEPTED, "");
	}
}

static void on_name(struct name_fact *n)
{
	const char *dot = strchr(n->name, '.');
	(void)str_copy(n->domain, sizeof(n->domain), dot ? dot + 1 : "");
}

static struct estimate_result result_of(struct world *w)
{
	struct estimate_result r;
	struct error e;
	if (estimate_make(w->x, on_name, &r, &e) != 0)
		fail_msg("%s", e.text);
	return r;
}

static void end(struct world *w, struct estimate_result *r)
{
	estimate_release(r);
	estimate_free(w->x);
}

static void visitors_of_the_worst_alone_would_meet_a_high_decoy(void **state)
{
	(void)state;
	struct world w = world_of(2);
	minutes_pass(&w, 60);
	for (unsigned i = 0; i < 100; i++) {
		visit(&w, WORST, client(i), OUTCOME_REJECTED, "");
		minutes_pass(&w, 11);
	}
	minutes_pass(&w, 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.worse_only, 100);
	assert_true(r.high.can_tell);
	assert_int_equal(r.high.least, 50); /* 2/3 of 100, less 2 x 8.2 */
	assert_int_equal(r.high.most, 101); /* all; 100 + 2 x 2 were more */
	assert_false(r.low.can_tell);       /* nobody was deferred */
	assert_false(r.both.can_tell);
	assert_non_null(strstr(r.low.why_not, "0 senders were deferred"));
	end(&w, &r);
}

static void who_also_meets_the_best_walks_the_list(void **state)
{
	(void)state;
	struct world w = world_of(2);
	minutes_pass(&w, 60);
	for (unsigned i = 0; i < 20; i++) {
		visit(&w, WORST, client(i), OUTCOME_REJECTED, "");
		minutes_pass(&w, 20);
		visit(&w, BEST, client(i), OUTCOME_ACCEPTED, "");
	}
	minutes_pass(&w, 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.worse_only + r.worse_excused, 0);
	assert_int_equal(r.high.least, 0);
	end(&w, &r);
}

static void a_neighbour_at_the_best_excuses(void **state)
{
	(void)state;
	struct world w = world_of(2);
	struct addr a, b, c, d;
	assert_true(addr_parse("203.0.113.5", &a));
	assert_true(addr_parse("203.0.113.6", &b));
	assert_true(addr_parse("192.0.2.1", &c));
	assert_true(addr_parse("198.51.100.1", &d));
	minutes_pass(&w, 60);
	visit(&w, WORST, a, OUTCOME_ACCEPTED, "");
	visit(&w, BEST, b, OUTCOME_ACCEPTED, ""); /* its /24 */
	visit(&w, WORST, c, OUTCOME_ACCEPTED, "out1.pool.example");
	visit(&w, BEST, d, OUTCOME_ACCEPTED, "out2.pool.example");
	minutes_pass(&w, 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.worse_only, 0);
	assert_int_equal(r.worse_excused, 2);
	end(&w, &r);
}

static void the_other_family_at_the_best_is_the_same_sender(void **state)
{
	(void)state;
	struct world w = world_of(2);
	struct addr four, six;
	assert_true(addr_parse("203.0.113.5", &four));
	assert_true(addr_parse("2a01:1::5", &six));
	minutes_pass(&w, 60);
	visit(&w, WORST, four, OUTCOME_DEFERRED, "mx.shop.example");
	minutes_pass(&w, 10);
	visit(&w, BEST, six, OUTCOME_ACCEPTED, "mx.shop.example");
	minutes_pass(&w, 5 * 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.worse_only + r.worse_excused, 0);
	assert_int_equal(r.tested, 1);
	assert_int_equal(r.gave_up, 0); /* it came back */
	end(&w, &r);
}

static void nothing_is_held_against_visitors_while_the_best_is_away(void **state)
{
	(void)state;
	struct world w = world_of(2);
	minutes_pass(&w, 60);
	w.now += 3 * STAMP_HOUR; /* nobody gets through to the best */
	for (unsigned i = 0; i < 50; i++)
		visit(&w, WORST, client(i), OUTCOME_ACCEPTED, "");
	w.now += 3 * STAMP_HOUR;
	minutes_pass(&w, 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.worse_only, 0);
	assert_int_equal(r.worse_excused, 50);
	assert_false(r.high.can_tell);
	assert_non_null(strstr(r.high.why_not, "no better one was seen to be well"));
	end(&w, &r);
}

/* As the journal has it: those whose mail it took are sent away before they can say whom
 * it is from. A refusal of a recipient, or greylisting, is no trouble. */
static void a_best_host_that_sends_its_own_away_is_not_well(void **state)
{
	(void)state;
	struct world w = world_of(2);
	for (unsigned i = 0; i < 25; i++)
		visit(&w, BEST, client(1000 + i), OUTCOME_ACCEPTED, "");
	minutes_pass(&w, 60);
	for (unsigned i = 0; i < 25; i++) {
		struct visit v = visit_of(&w, client(1000 + i), OUTCOME_DEFERRED, "");
		v.depth = DEPTH_HELO;
		estimate_visit(w.x, BEST, &v);
	}
	minutes_pass(&w, 5 * 60); /* the tail is six hours */
	for (unsigned i = 0; i < 10; i++)
		visit(&w, WORST, client(i), OUTCOME_REJECTED, "");
	minutes_pass(&w, 5 * 60);
	visit(&w, WORST, client(100), OUTCOME_REJECTED, "");
	minutes_pass(&w, 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.worse_excused, 10);
	assert_int_equal(r.worse_only, 1);
	end(&w, &r);
}

static void an_outage_that_the_log_tells_excuses_for_six_hours(void **state)
{
	(void)state;
	struct world w = world_of(2);
	minutes_pass(&w, 60);
	estimate_outage(w.x, BEST, w.now);
	minutes_pass(&w, 60);
	visit(&w, WORST, client(1), OUTCOME_REJECTED, "");
	minutes_pass(&w, 6 * 60);
	visit(&w, WORST, client(2), OUTCOME_REJECTED, "");
	minutes_pass(&w, 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.worse_excused, 1);
	assert_int_equal(r.worse_only, 1);
	end(&w, &r);
}

/* Every third of those that were deferred never comes back. */
static void greylist(struct world *w, unsigned senders, const char *name)
{
	for (unsigned i = 0; i < senders; i++)
		visit(w, BEST, client(i), OUTCOME_DEFERRED, name);
	minutes_pass(w, 30);
	for (unsigned i = 0; i < senders; i++) {
		if (i % 3 != 0)
			visit(w, BEST, client(i), OUTCOME_ACCEPTED, name);
	}
}

static void who_does_not_retry_is_the_upper_bound_of_a_low_decoy(void **state)
{
	(void)state;
	struct world w = world_of(1);
	greylist(&w, 90, "");
	for (unsigned i = 0; i < 100; i++) /* nothing is known of these */
		visit(&w, BEST, client(1000 + i), OUTCOME_REJECTED, "");
	minutes_pass(&w, 5 * 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.tested, 90);
	assert_int_equal(r.gave_up, 30);
	assert_true(r.low.can_tell);
	assert_int_equal(r.low.least, 0);
	/* 30, and of the 105 others (5 of them keep the host alive) 44 % */
	assert_in_range(r.low.most, 70, 80);
	/* With one MX nobody can see who begins at which end. */
	assert_int_equal(r.high.most, r.low.most);
	end(&w, &r);
}

static void no_more_are_stopped_than_there_are(void **state)
{
	(void)state;
	struct world w = world_of(2);
	minutes_pass(&w, 60);
	visit(&w, WORST, client(1), OUTCOME_REJECTED, "");
	minutes_pass(&w, 60);
	struct estimate_result r = result_of(&w);
	assert_true(r.high.can_tell);
	assert_int_equal(r.senders, 2);
	assert_int_equal(r.high.most, 2);
	end(&w, &r);

	w = world_of(2);
	minutes_pass(&w, 60);
	for (unsigned i = 0; i < 90; i++)
		visit(&w, WORST, client(2000 + i), OUTCOME_REJECTED, "");
	minutes_pass(&w, 60);
	for (unsigned i = 0; i < 60; i++) /* nobody comes back */
		visit(&w, BEST, client(i), OUTCOME_DEFERRED, "");
	minutes_pass(&w, 5 * 60);
	r = result_of(&w);
	assert_true(r.both.can_tell);
	assert_true(r.high.most + r.low.most > r.senders);
	assert_int_equal(r.both.most, r.senders);
	end(&w, &r);
}

static void a_log_that_ends_too_soon_tells_nothing(void **state)
{
	(void)state;
	struct world w = world_of(1);
	greylist(&w, 90, "");
	minutes_pass(&w, 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.too_late, 30);
	assert_int_equal(r.gave_up, 0);
	end(&w, &r);
}

static void too_few_deferred_senders_tell_nothing(void **state)
{
	(void)state;
	struct world w = world_of(1);
	greylist(&w, ESTIMATE_MIN_TESTED - 1, "");
	minutes_pass(&w, 5 * 60);
	struct estimate_result r = result_of(&w);
	assert_false(r.low.can_tell);
	assert_false(r.high.can_tell);
	end(&w, &r);
}

static void the_next_mx_within_the_same_second_is_a_return(void **state)
{
	(void)state;
	struct world w = world_of(2);
	for (unsigned i = 0; i < 40; i++) {
		visit(&w, BEST, client(i), OUTCOME_DEFERRED, "");
		visit(&w, WORST, client(i), OUTCOME_DEFERRED, "");
	}
	w.now += 5 * STAMP_HOUR;
	visit(&w, BEST, client(9999), OUTCOME_ACCEPTED, "");
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.tested, 40);
	assert_int_equal(r.gave_up, 0);
	end(&w, &r);
}

static void known_senders_that_do_not_retry_are_at_risk(void **state)
{
	(void)state;
	struct world w = world_of(1);
	visit(&w, BEST, client(3), OUTCOME_ACCEPTED, "");
	visit(&w, BEST, client(6), OUTCOME_ACCEPTED, "mail.shop.example");
	struct visit clean = visit_of(&w, client(7), OUTCOME_ACCEPTED, "");
	clean.spam = SPAM_NO;
	estimate_visit(w.x, BEST, &clean);
	minutes_pass(&w, 60);
	visit(&w, BEST, client(3), OUTCOME_DEFERRED, "");
	visit(&w, BEST, client(4), OUTCOME_DEFERRED, "app.bank.example");
	visit(&w, BEST, client(5), OUTCOME_DEFERRED, "");
	visit(&w, BEST, client(6), OUTCOME_DEFERRED, "mail.shop.example");
	visit(&w, BEST, client(7), OUTCOME_DEFERRED, "");
	minutes_pass(&w, 30);
	visit(&w, BEST, client(6), OUTCOME_ACCEPTED, "mail.shop.example");
	minutes_pass(&w, 5 * 60);
	struct estimate_result r = result_of(&w);
	assert_int_equal(r.at_risk_count, 3);
	assert_int_equal(r.at_risk[0].tier, TIER_KNOWN);
	assert_true(addr_equal(r.at_risk[0].client, client(7)));
	assert_int_equal(r.at_risk[1].tier, TIER_RETURNING);
	assert_true(addr_equal(r.at_risk[1].client, client(3)));
	assert_int_equal(r.at_risk[2].tier, TIER_WEAK);
	assert_string_equal(r.at_risk[2].name, "app.bank.example");
	end(&w, &r);
}

static void visits_may_come_in_any_order(void **state)
{
	(void)state;
	struct world a = world_of(2), b = world_of(2);
	/* b reads the worst host's log first, and each backwards. */
	for (int i = 0; i < 600; i++) {
		a.now = DAY0 + i * STAMP_MINUTE;
		b.now = DAY0 + (599 - i) * STAMP_MINUTE;
		if (i % 7 == 0) {
			visit(&a, BEST, client(5000), OUTCOME_ACCEPTED, "");
			visit(&a, BEST, client((unsigned)i), OUTCOME_DEFERRED, "");
		}
		if (i % 11 == 0)
			visit(&a, WORST, client((unsigned)i), OUTCOME_REJECTED, "");
		if ((599 - i) % 11 == 0)
			visit(&b, WORST, client(599 - (unsigned)i), OUTCOME_REJECTED, "");
	}
	for (int i = 599; i >= 0; i--) {
		b.now = DAY0 + i * STAMP_MINUTE;
		if (i % 7 != 0)
			continue;
		visit(&b, BEST, client((unsigned)i), OUTCOME_DEFERRED, "");
		visit(&b, BEST, client(5000), OUTCOME_ACCEPTED, "");
	}
	struct estimate_result x = result_of(&a), y = result_of(&b);
	assert_int_equal(x.worse_only, y.worse_only);
	assert_int_equal(x.worse_excused, y.worse_excused);
	assert_int_equal(x.tested, y.tested);
	assert_int_equal(x.gave_up, y.gave_up);
	assert_int_equal(x.high.least, y.high.least);
	assert_int_equal(x.low.most, y.low.most);
	assert_int_equal(x.since, y.since);
	end(&a, &x);
	end(&b, &y);
}

static void a_host_without_a_visit_tells_nothing(void **state)
{
	(void)state;
	struct world w = world_of(2);
	visit(&w, WORST, client(1), OUTCOME_ACCEPTED, "");
	struct estimate_result r = result_of(&w);
	assert_false(r.high.can_tell || r.low.can_tell || r.both.can_tell);
	assert_int_equal(r.senders, 1);
	end(&w, &r);
}

/* Draws populations of bots and servers, and runs them twice: against real
 * hosts alone, and with a high decoy. What the decoy would have stopped must lie
 * in the range, or the estimate must have said that it cannot tell. */
static unsigned draw(uint64_t *seed, unsigned n)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*seed >> 33) % n;
}

static void the_range_contains_what_a_decoy_stops(void **state)
{
	(void)state;
	unsigned outside = 0, told = 0;
	for (uint64_t run = 1; run <= 200; run++) {
		uint64_t seed = run * 7919;
		unsigned last = draw(&seed, 60), random = draw(&seed, 60), first = 30;
		unsigned stopped = 0;
		struct world w = world_of(2);
		minutes_pass(&w, 60);
		for (unsigned i = 0; i < last + random + first; i++) {
			bool is_random = i >= last && i < last + random;
			size_t host = i < last    ? WORST
				      : is_random ? draw(&seed, 2)
						  : BEST;
			stopped += i < last || (is_random && draw(&seed, 3) == 2);
			visit(&w, host, client(i), OUTCOME_REJECTED, "");
			minutes_pass(&w, 5);
		}
		minutes_pass(&w, 60);
		struct estimate_result r = result_of(&w);
		told += r.high.can_tell;
		outside +=
		    r.high.can_tell && (stopped < r.high.least || stopped > r.high.most);
		end(&w, &r);
	}
	assert_in_range(told, 190, 200);
	assert_in_range(outside, 0, 10); /* two standard deviations: 5 % */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(visitors_of_the_worst_alone_would_meet_a_high_decoy),
		cmocka_unit_test(no_more_are_stopped_than_there_are),
		cmocka_unit_test(who_also_meets_the_best_walks_the_list),
		cmocka_unit_test(a_neighbour_at_the_best_excuses),
		cmocka_unit_test(the_other_family_at_the_best_is_the_same_sender),
		cmocka_unit_test(nothing_is_held_against_visitors_while_the_best_is_away),
		cmocka_unit_test(a_best_host_that_sends_its_own_away_is_not_well),
		cmocka_unit_test(an_outage_that_the_log_tells_excuses_for_six_hours),
		cmocka_unit_test(who_does_not_retry_is_the_upper_bound_of_a_low_decoy),
		cmocka_unit_test(a_log_that_ends_too_soon_tells_nothing),
		cmocka_unit_test(too_few_deferred_senders_tell_nothing),
		cmocka_unit_test(the_next_mx_within_the_same_second_is_a_return),
		cmocka_unit_test(known_senders_that_do_not_retry_are_at_risk),
		cmocka_unit_test(visits_may_come_in_any_order),
		cmocka_unit_test(a_host_without_a_visit_tells_nothing),
		cmocka_unit_test(the_range_contains_what_a_decoy_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
