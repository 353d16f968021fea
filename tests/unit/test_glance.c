/* What is said at once of a client that is at a real host: rows tell a story
 * of client A until it connects at the second of the question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "history.h"
#include "old/glance.h"
#include "world.h"

enum { HISTORIES = 300, LENGTH = 240 };

/* clang-format off */
static const struct {
	const char *story, *events;
	double at; /* second of the question */
	enum order order;
	enum reason why;
	int64_t delay;
} rows[] = {
	{ "the low decoy first", "L@0", 0.01, ORDER_STRAIGHT, REASON_IN_ORDER, 10000 },
	{ "a knock at the low decoy counts as something", "l@0", 1, ORDER_STRAIGHT,
	  REASON_IN_ORDER, 1000000 },
	{ "in the whole second of the low visit, undecided", "L@0.5 R%@0.7", 0.9, ORDER_STRAIGHT,
	  REASON_IN_ORDER, -1 },
	{ "never seen: its low visit may still be on its way", "", 1, ORDER_UNKNOWN,
	  REASON_UNDECIDED, -1 },
	{ "of two low visits the first counts", "L@0 L@1", 3, ORDER_STRAIGHT,
	  REASON_IN_ORDER, 3000000 },
	{ "a low visit after the connection began", "L@5", 4, ORDER_UNKNOWN,
	  REASON_UNDECIDED, -1 },
	{ "a low visit eleven minutes ago is no delay", "L@0", 660, ORDER_STRAIGHT,
	  REASON_IN_ORDER, -1 },
	{ "another address of its pool was at the low decoy", "B:L@0", 1, ORDER_UNKNOWN,
	  REASON_UNDECIDED, -1 },

	/* a walk that met a real host before */
	{ "the second connection of a walk in order", "L@0 R@1 W@80", 90, ORDER_STRAIGHT,
	  REASON_IN_ORDER, -1 },
	{ "the same before it is decided", "L@0 R@1", 2, ORDER_STRAIGHT, REASON_IN_ORDER, -1 },
	{ "it did not try the low decoy, and that is decided", "R@1 W@80", 90,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, -1 },
	{ "undecided, but the low decoy has told of the moment", "R@1 w@5", 6,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, -1 },
	{ "undecided, and the low decoy has not told yet", "R@1", 2, ORDER_UNKNOWN,
	  REASON_UNDECIDED, -1 },
	{ "greylisted, and back by way of the low decoy", "L@0 R~@0.2 L@301", 301.2,
	  ORDER_STRAIGHT, REASON_IN_ORDER, 200000 },
	{ "greylisted, and back straight away: the wait is not the decoy's", "L@0 R~@0.2", 301,
	  ORDER_STRAIGHT, REASON_IN_ORDER, -1 },
	{ "a session was open when it came to the low decoy", "Ri@0 L@10", 12,
	  ORDER_UNKNOWN, REASON_UNDECIDED, -1 },
	{ "the next walk begins anew", "R@1 W@80", 3600, ORDER_UNKNOWN, REASON_UNDECIDED, -1 },

	/* the high decoy */
	{ "at the high decoy just before", "L@0 H@0.5", 1, ORDER_UNKNOWN,
	  REASON_ADDRESS_CONTACT, -1 },
	{ "at the high decoy an hour before", "H@0 W@80", 3600, ORDER_UNKNOWN,
	  REASON_ADDRESS_CONTACT, -1 },
	{ "a knock at the high decoy is nothing", "L@0 h@0.5", 1, ORDER_STRAIGHT,
	  REASON_IN_ORDER, 1000000 },
	{ "called backdoor before, then here: nothing is said of it", "H@0 W@90 R@600 W@700",
	  710, ORDER_UNKNOWN, REASON_UNDECIDED, -1 },
	{ "after the real host to the high decoy, then here again", "L@-1 R@0 H@5 W@90", 100,
	  ORDER_STRAIGHT, REASON_IN_ORDER, -1 },
	{ "all at once", "H@0 R@0.9 W@80", 90, ORDER_UNKNOWN, REASON_UNDECIDED, -1 },
	{ "another address of its pool was at the high decoy", "B:H@0 L@1", 2, ORDER_STRAIGHT,
	  REASON_IN_ORDER, 1000000 },

	/* row 1 */
	{ "within the grace after a start", "[@-30 L@0", 1, ORDER_UNKNOWN, REASON_GRACE, -1 },
	{ "a start since the walk began", "]@-50 [@100 L@-40^120 L@170", 171,
	  ORDER_UNKNOWN, REASON_GRACE, -1 },
	{ "a real host's last probe failed", "F@-10 L@0", 1, ORDER_UNKNOWN, REASON_NOT_WELL, -1 },
	{ "a real host was down an hour ago", "F@-1h P@-59m L@0", 1, ORDER_UNKNOWN,
	  REASON_NOT_WELL, -1 },
	{ "serve has stopped", "L@0 ]@1", 2, ORDER_UNKNOWN, REASON_NOT_WATCHED, -1 },
};
/* clang-format on */

static struct glance_ask ask_of(char client, double second)
{
	int64_t at = WORLD_ZERO + (int64_t)(second * 1e6 + 0.5);
	return (struct glance_ask){
		.client = world_client(client), .site = 1, .began = at, .now = at
	};
}

static void begin(struct world *w, const char *events)
{
	world_init(w);
	world_begin(w);
	world_play(w, events);
}

static void a_client_at_a_real_host_is_told_from_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		struct glance g;
		begin(&w, rows[i].events);
		struct glance_ask ask = ask_of('A', rows[i].at);
		judge_glance(w.judge, &ask, &g);
		if (g.order != rows[i].order || g.reason != rows[i].why ||
		    g.delay_us != rows[i].delay)
			fail_msg("%s: got %s (%s) %lld; want %s (%s) %lld", rows[i].story,
				 order_name(g.order), reason_text(g.reason),
				 (long long)g.delay_us, order_name(rows[i].order),
				 reason_text(rows[i].why), (long long)rows[i].delay);
		world_release(&w);
	}
}

/* What the judge has not been fed yet. */
/* clang-format off */
static const struct {
	const char *story, *events;
	struct visit fresh[2];
	double at;
	enum order order;
	int64_t delay;
} fresh_rows[] = {
	{ "its low visit is not committed yet", "",
	  { { .host = HOST_LOW, .depth = DEPTH_CONNECT, .time = WORLD_ZERO } }, 0.02,
	  ORDER_STRAIGHT, 20000 },
	{ "two of them, the later first", "",
	  { { .host = HOST_LOW, .depth = DEPTH_CONNECT, .time = WORLD_ZERO + 5000 },
	    { .host = HOST_LOW, .depth = DEPTH_CONNECT, .time = WORLD_ZERO } }, 0.02,
	  ORDER_STRAIGHT, 20000 },
	{ "a low visit that the judge knows, and a later one", "L@0",
	  { { .host = HOST_LOW, .depth = DEPTH_CONNECT, .time = WORLD_ZERO + 5000 } }, 0.02,
	  ORDER_STRAIGHT, 20000 },
	{ "its high visit is not committed yet", "L@0",
	  { { .host = HOST_HIGH, .depth = DEPTH_RCPT, .time = WORLD_ZERO + 5000 } }, 0.02,
	  ORDER_UNKNOWN, -1 },
	{ "a low visit that began after the connection", "",
	  { { .host = HOST_LOW, .depth = DEPTH_CONNECT, .time = WORLD_ZERO + 50000 } }, 0.02,
	  ORDER_UNKNOWN, -1 },
	{ "a real host saw it just after the low decoy: the delay was that one's", "L@0",
	  { { .host = HOST_MAIL, .depth = DEPTH_RCPT, .time = WORLD_ZERO + 5000, .precision_us = 1 } },
	  0.02, ORDER_STRAIGHT, -1 },
	{ "in the whole second of the low visit", "L@0.5",
	  { { .host = HOST_MAIL, .depth = DEPTH_RCPT, .time = WORLD_ZERO, .precision_us = 1000000 } },
	  0.6, ORDER_STRAIGHT, -1 },
	{ "a real host saw it before the low decoy", "L@5",
	  { { .host = HOST_MAIL, .depth = DEPTH_RCPT, .time = WORLD_ZERO + 500, .precision_us = 1 } },
	  6, ORDER_UNKNOWN, -1 },
	{ "a session with a real host was open", "Ri@0",
	  { { .host = HOST_LOW, .depth = DEPTH_CONNECT, .time = WORLD_ZERO + 1000000 } }, 2,
	  ORDER_UNKNOWN, -1 },
	{ "a host that nobody knows", "L@0",
	  { { .host = 999, .depth = DEPTH_RCPT, .time = WORLD_ZERO } }, 0.02,
	  ORDER_STRAIGHT, 20000 },
};
/* clang-format on */

static void visits_on_their_way_to_the_judge_count_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fresh_rows) / sizeof(fresh_rows[0]); i++) {
		struct world w;
		struct glance g;
		begin(&w, fresh_rows[i].events);
		struct glance_ask ask = ask_of('A', fresh_rows[i].at);
		ask.fresh = fresh_rows[i].fresh;
		ask.fresh_count = fresh_rows[i].fresh[1].host ? 2 : 1;
		judge_glance(w.judge, &ask, &g);
		if (g.order != fresh_rows[i].order || g.delay_us != fresh_rows[i].delay)
			fail_msg("%s: got %s %lld; want %s %lld", fresh_rows[i].story,
				 order_name(g.order), (long long)g.delay_us,
				 order_name(fresh_rows[i].order),
				 (long long)fresh_rows[i].delay);
		world_release(&w);
	}
}

static void where_a_real_host_is_not_watched_nothing_is_said(void **state)
{
	(void)state;
	struct world w;
	struct glance g;
	begin(&w, "L@0");
	world_site(&w, world_site_text(false), WORLD_ZERO + 1);
	struct glance_ask ask = ask_of('A', 1);
	judge_glance(w.judge, &ask, &g);
	assert_int_equal(g.order, ORDER_UNKNOWN);
	assert_int_equal(g.reason, REASON_NOT_WATCHED);
	ask.site = 7; /* of no definition */
	judge_glance(w.judge, &ask, &g);
	assert_int_equal(g.reason, REASON_NOT_WATCHED);
	world_release(&w);
}

static void our_own_and_private_addresses_are_nobodys_sender(void **state)
{
	(void)state;
	struct world w;
	struct glance g;
	begin(&w, "P:L@0 O:L@0");
	struct glance_ask ask = ask_of('P', 1);
	judge_glance(w.judge, &ask, &g);
	assert_true(g.is_own);
	assert_int_equal(g.reason, REASON_OWN_ADDRESS);
	ask = ask_of('O', 1);
	judge_glance(w.judge, &ask, &g);
	assert_true(g.is_own);
	struct rules rules = rules_default();
	rules.lab = true;
	world_rules(&w, &rules);
	ask = ask_of('P', 1);
	judge_glance(w.judge, &ask, &g);
	assert_false(g.is_own);
	assert_int_equal(g.order, ORDER_STRAIGHT);
	world_release(&w);
}

static void without_a_low_decoy_everybody_is_in_order(void **state)
{
	(void)state;
	struct world w;
	struct glance g;
	world_init(&w);
	world_begin(&w);
	world_site(&w,
		   "site\t1\t1\thigh\thome\n"
		   "host\t2\treal\t-\t10\tmail\tlog\n"
		   "address\t5.9.1.1\t25\n"
		   "host\t3\treal\t-\t20\tbackup\tfeed\n"
		   "address\t5.9.1.2\t25\n"
		   "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
		   "address\t5.9.1.3\t25\n"
		   "domain\texample.com\n",
		   WORLD_ZERO);
	struct glance_ask ask = ask_of('A', 1);
	judge_glance(w.judge, &ask, &g);
	assert_int_equal(g.order, ORDER_STRAIGHT);
	assert_int_equal(g.delay_us, -1);
	world_release(&w);
}

static void who_is_listed_is_told_until_it_expires(void **state)
{
	(void)state;
	struct world w;
	struct glance g;
	struct rules rules = rules_default();
	world_init(&w);
	world_begin(&w);
	rules.lab = true; /* no watched days */
	world_rules(&w, &rules);
	world_play(&w, "H@0 W@80 H@2h W@125m");
	struct glance_ask ask = ask_of('A', 3 * 3600);
	judge_glance(w.judge, &ask, &g);
	assert_false(g.is_listed); /* observe */
	rules.enforce = true;
	world_rules(&w, &rules);
	world_play(&w, "X:H@3h W@182m X:H@5h W@305m");
	ask = ask_of('X', 6 * 3600);
	judge_glance(w.judge, &ask, &g);
	assert_true(g.is_listed);
	assert_int_equal(g.order, ORDER_UNKNOWN);
	assert_true(g.until > ask.now && g.until <= ask.now + STAMP_DAY);
	ask.now = ask.began = g.until; /* the judge was not told that time passed */
	judge_glance(w.judge, &ask, &g);
	assert_false(g.is_listed);
	world_release(&w);
}

/* Whatever happened before. */
static void a_glance_never_accuses(void **state)
{
	(void)state;
	unsigned said = 0;
	for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
		struct history h;
		struct judge *j = judge_new(NULL, NULL, NULL);
		history_make(&h, seed, LENGTH);
		for (size_t i = 0; i < h.count; i++) {
			struct error e;
			struct glance g;
			(void)!judge_feed(j, &h.records[i], &e); /* refuses some */
			struct glance_ask ask = { .client = history_client(
						      (unsigned)(i % HISTORY_CLIENTS)),
						  .site = 1,
						  .began = h.records[i].seen,
						  .now = h.records[i].seen + 1 };
			judge_glance(j, &ask, &g);
			assert_true(g.order == ORDER_STRAIGHT ||
				    g.order == ORDER_SKIPPED || g.order == ORDER_UNKNOWN);
			assert_true(g.delay_us >= -1 &&
				    g.delay_us <= judge_rules(j)->delay_window);
			assert_true(g.delay_us < 0 || g.order != ORDER_UNKNOWN);
			assert_true(!g.is_listed || judge_rules(j)->enforce);
			said += g.order != ORDER_UNKNOWN;
		}
		history_release(&h);
		judge_free(j);
	}
	assert_true(said > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_at_a_real_host_is_told_from_memory),
		cmocka_unit_test(visits_on_their_way_to_the_judge_count_too),
		cmocka_unit_test(where_a_real_host_is_not_watched_nothing_is_said),
		cmocka_unit_test(our_own_and_private_addresses_are_nobodys_sender),
		cmocka_unit_test(without_a_low_decoy_everybody_is_in_order),
		cmocka_unit_test(who_is_listed_is_told_until_it_expires),
		cmocka_unit_test(a_glance_never_accuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
