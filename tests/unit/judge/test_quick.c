/* What the policy service may say at once of a client that is at a real host: rows tell a
 * story of client A until it connects at the second of the question. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

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

	/* a run that met a real host before */
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
	  ORDER_STRAIGHT, REASON_IN_ORDER, -1 },
	{ "greylisted, and back straight away: the wait is not the decoy's", "L@0 R~@0.2", 301,
	  ORDER_STRAIGHT, REASON_IN_ORDER, -1 },
	{ "a session was open when it came to the low decoy", "Ri@0 L@10", 12,
	  ORDER_UNKNOWN, REASON_UNDECIDED, -1 },
	{ "the next walk begins anew", "R@1 W@80 W@1h", 3600, ORDER_UNKNOWN, REASON_UNDECIDED, -1 },

	/* the high decoy */
	{ "at the high decoy just before", "L@0 H@0.5", 1, ORDER_UNKNOWN,
	  REASON_ADDRESS_CONTACT, -1 },
	{ "case 27: still in a session there", "L@0 Hi@0.5", 1, ORDER_UNKNOWN,
	  REASON_ADDRESS_CONTACT, -1 },
	{ "at the high decoy an hour before", "H@0 W@80 W@59m L@1h", 3600.5, ORDER_STRAIGHT,
	  REASON_IN_ORDER, 500000 },
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
	{ "within the grace after a start", "[@-30 L@0 W@1", 1, ORDER_UNKNOWN, REASON_GRACE, -1 },
	{ "a real host's last probe failed", "F@-10 L@0", 1, ORDER_UNKNOWN, REASON_NOT_WELL, -1 },
	{ "a real host was down a minute ago", "F@1 P@60 W@61 L@62", 63, ORDER_UNKNOWN,
	  REASON_NOT_WELL, -1 },
	{ "the set of real hosts has just changed", "N@-1 L@0", 1, ORDER_UNKNOWN,
	  REASON_HOSTS_CHANGED, -1 },
	{ "no source has said a word for nearly that long", "L@899", 900, ORDER_STRAIGHT,
	  REASON_IN_ORDER, 1000000 },
	{ "no source has said a word for a quarter of an hour", "L@1000", 1001, ORDER_UNKNOWN,
	  REASON_NOT_WATCHED, -1 },
};
/* clang-format on */

/* The sender's run that touches the moment; if none does, this connection alone. */
static struct walk walk_now(struct story *s, int64_t now)
{
	struct walk w;
	struct visit v = { .client = story_client('A'),
			   .depth = DEPTH_CONNECT,
			   .precision_us = 1,
			   .time = now };
	struct run_where where = { .group = 1, .role = ROLE_REAL, .place = PLACE_REAL };
	struct run here = run_of(&v, &where);
	double second = (double)(now - STORY_ZERO) / 1e6;
	if (story_walk(s, 'A', second, &w) && w.began <= now && w.last >= now - RUN_GAP)
		return w;
	size_t count, n = 0;
	struct run *runs = story_runs(s, &count);
	for (size_t i = 0; i < count; i++)
		if (addr_equal(runs[i].client, here.client) &&
		    run_touches(&runs[i], &here, RUN_GAP))
			runs[n++] = runs[i];
	walk_of(&here, runs, n, &w);
	free(runs);
	return w;
}

static struct quick ask(struct story *s, double second)
{
	int64_t now = story_time(second);
	struct walk w = walk_now(s, now);
	struct proof p = story_proof(s, &w);
	return decide_quick(&w, &p, &s->view, &s->rules, now);
}

static void a_client_at_a_real_host_is_told_at_once(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct story *s = story_new();
		story_play(s, "W@0"); /* sources have told until now */
		story_play(s, rows[i].events);
		struct quick q = ask(s, rows[i].at);
		if (q.order != rows[i].order || q.reason != rows[i].why ||
		    q.delay_us != rows[i].delay) {
			print_error("%s: got %s (%s) %lld; want %s (%s) %lld\n",
				    rows[i].story, order_name(q.order),
				    reason_text(q.reason), (long long)q.delay_us,
				    order_name(rows[i].order), reason_text(rows[i].why),
				    (long long)rows[i].delay);
			wrong++;
		}
		story_free(s);
	}
	assert_int_equal(wrong, 0);
}

static void where_a_real_host_is_not_watched_nothing_is_said(void **state)
{
	(void)state;
	struct story *s = story_new();
	s->hosts[STORY_BACKUP].is_unwatched = true;
	story_play(s, "W@0 L@0");
	assert_int_equal(ask(s, 1).reason, REASON_NOT_WATCHED);
	story_free(s);
}

static void without_a_low_decoy_everybody_is_in_order(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_play(s, "W@0");
	s->view.hosts[STORY_LOW].until = story_time(-1000);
	assert_int_equal(ask(s, 1).order, ORDER_STRAIGHT);
	assert_int_equal(ask(s, 1).delay_us, -1);
	story_free(s);
}

static void a_nat_is_told_nothing(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_play(s, "W@0 L@0");
	s->nat = 'A';
	assert_int_equal(ask(s, 1).reason, REASON_NAT);
	story_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_at_a_real_host_is_told_at_once),
		cmocka_unit_test(where_a_real_host_is_not_watched_nothing_is_said),
		cmocka_unit_test(without_a_low_decoy_everybody_is_in_order),
		cmocka_unit_test(a_nat_is_told_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
