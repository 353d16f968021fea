#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TWICE "H@0 W@80 H@61m W@63m"

enum learnt { NOT_NAMED, GOOD, GENERIC, UNCONFIRMED, SPF, ALLOWED, POOL_OF_X };

/* clang-format off */
static const struct {
	const char *story;
	enum learnt learnt;
	const char *events;
	bool is_listed;
	enum reason why;
	unsigned counted;
} rows[] = {
	{ "two visits an hour apart", NOT_NAMED, TWICE, true, REASON_LISTED, 2 },
	{ "one visit", NOT_NAMED, "H@0 W@80", false, REASON_TOO_FEW, 1 },
	{ "two visits within an hour", NOT_NAMED, "H@0 W@80 H@59m W@62m", false, REASON_TOO_FEW, 1 },
	{ "many visits within an hour, and one after", NOT_NAMED,
	  "H@0 W@80 H@5m W@7m H@30m W@35m H@61m W@63m", true, REASON_LISTED, 2 },
	{ "the second before the first was judged", NOT_NAMED, "H@0 H@61m W@63m", false,
	  REASON_TOO_FEW, 1 },
	{ "visits that never named a recipient", NOT_NAMED, "Hn@0 W@80 Hn@61m W@63m", false,
	  REASON_TOO_FEW, 0 },
	{ "visits for a domain of somebody else's", NOT_NAMED, "Hd@0 W@80 Hd@61m W@63m", false,
	  REASON_TOO_FEW, 0 },
	{ "visits to the low decoy", NOT_NAMED, "L@0 W@80 L@61m W@63m", false, REASON_TOO_FEW, 0 },
	{ "visits to the control", NOT_NAMED, "C@0 W@80 C@61m W@63m", false, REASON_TOO_FEW, 0 },
	{ "knocks", NOT_NAMED, "h@0 W@80 h@61m W@63m", false, REASON_TOO_FEW, 0 },
	{ "a real host met between the two", NOT_NAMED, "H@0 W@80 R-@90m H@2h W@123m", false,
	  REASON_TOO_FEW, 1 },
	{ "the second while a real host was down", NOT_NAMED, "H@0 W@80 F@1h H@61m W@63m", false,
	  REASON_TOO_FEW, 1 },
	{ "the second reported too late", NOT_NAMED, "H@0 W@80 W@63m H@61m^64m W@70m", false,
	  REASON_TOO_FEW, 1 },
	{ "mail accepted the day before", NOT_NAMED, "R@-25h " TWICE, false, REASON_AT_RISK, 2 },
	{ "mail accepted and marked spam", NOT_NAMED, "Rs@-25h " TWICE, false,
	  REASON_POOL_ACCEPTED, 2 },
	{ "mail of its pool accepted", NOT_NAMED, "B:R@-25h " TWICE, false,
	  REASON_POOL_ACCEPTED, 2 },
	{ "mail of its domain accepted", POOL_OF_X, "X:R@-25h " TWICE, false, REASON_AT_RISK, 2 },
	{ "mail of somebody else's accepted", NOT_NAMED, "X:R@-25h " TWICE, true, REASON_LISTED, 2 },
	{ "a good name", GOOD, TWICE, false, REASON_AT_RISK, 2 },
	{ "a generic name", GENERIC, TWICE, true, REASON_LISTED, 2 },
	{ "a generic name that it says in HELO", GENERIC, "He@0 W@80 He@61m W@63m", false,
	  REASON_AT_RISK, 2 },
	{ "a name that does not confirm", UNCONFIRMED, "He@0 W@80 He@61m W@63m", true,
	  REASON_LISTED, 2 },
	{ "SPF passes", SPF, TWICE, false, REASON_AT_RISK, 2 },
	{ "on the allow list", ALLOWED, TWICE, false, REASON_ALLOWED, 2 },
	{ "a contact told late", NOT_NAMED, TWICE " R-@30^64m", false, REASON_TOO_FEW, 0 },
	{ "a contact of the pool told late", NOT_NAMED, TWICE " B:R-@30^64m", false,
	  REASON_TOO_FEW, 0 },
	{ "a contact after, in time", NOT_NAMED, TWICE " R-@64m W@70m", true, REASON_LISTED, 2 },
	{ "mail accepted after", NOT_NAMED, TWICE " R@64m W@70m", false, REASON_AT_RISK, 0 },
	{ "mail of the pool accepted after", NOT_NAMED, TWICE " B:R@64m W@70m", false,
	  REASON_POOL_ACCEPTED, 0 },
	{ "an outage found out later", NOT_NAMED,
	  TWICE " X:R~@3721 X:R~@3722 X:R~@3723 X:R~@3724 X:R~@3725", false, REASON_TOO_FEW, 0 },
	{ "a day later it is over", NOT_NAMED, TWICE " T@26h", false, REASON_TOO_FEW, 0 },
	{ "visits while listed do not renew", NOT_NAMED, TWICE " H@10h W@11h H@20h W@21h T@26h",
	  false, REASON_TOO_FEW, 0 },
	{ "nor do they count for the next time", NOT_NAMED,
	  TWICE " H@10h W@11h H@20h W@21h T@26h H@27h W@1623m", false, REASON_TOO_FEW, 1 },
	{ "but two after it ended do", NOT_NAMED,
	  TWICE " T@26h H@27h W@1623m H@29h W@1743m", true, REASON_LISTED, 2 },
};
/* clang-format on */

static void learn(struct world *w, enum learnt what)
{
	bool is_generic = what == GENERIC;
	struct record allow = { .kind = RECORD_ALLOW,
				.is_ok = true,
				.text = "20.1.1.0/24" };
	if (what == ALLOWED)
		world_feed(w, &allow);
	else if (what == POOL_OF_X)
		world_name(w, 'X', "x.good.example", "good.example", true, false, false);
	if (what == GOOD || what == GENERIC || what == UNCONFIRMED || what == POOL_OF_X)
		world_name(w, 'A', "mail.good.example", "good.example",
			   what != UNCONFIRMED, is_generic, false);
	else if (what == SPF)
		world_name(w, 'A', "", "", false, false, true);
}

static void begin(struct world *w, bool enforce, bool lab)
{
	struct rules rules = rules_default();
	rules.enforce = enforce;
	rules.lab = lab;
	world_init(w);
	world_begin(w);
	world_rules(w, &rules);
}

static void each_condition_for_the_list(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		begin(&w, true, true);
		learn(&w, rows[i].learnt);
		world_play(&w, rows[i].events);
		struct listing got = judge_listing(w.judge, world_client('A'), 1);
		uint64_t listed = judge_counts(w.judge).listed;
		if (got.is_listed != rows[i].is_listed || got.reason != rows[i].why ||
		    got.counted_visits != rows[i].counted || listed != got.is_listed) {
			print_error("%s: got %d, %s, %u visits; want %d, %s, %u\n",
				    rows[i].story, got.is_listed, reason_text(got.reason),
				    got.counted_visits, rows[i].is_listed,
				    reason_text(rows[i].why), rows[i].counted);
			wrong++;
		}
		world_release(&w);
	}
	assert_int_equal(wrong, 0);
}

static void count(void *arg, const struct listing *l)
{
	(void)l;
	(*(unsigned *)arg)++;
}

static unsigned each_listed(const struct world *w)
{
	unsigned n = 0;
	judge_each_listed(w->judge, count, &n);
	return n;
}

static void in_observe_nobody_is_listed_but_one_sees_who_would_be(void **state)
{
	(void)state;
	struct world w;
	begin(&w, false, true);
	world_play(&w, TWICE);
	assert_false(w.listing[0].is_listed);
	assert_int_equal(w.listing[0].reason, REASON_OBSERVE);
	assert_int_equal(judge_counts(w.judge).listed, 0);
	assert_int_equal(each_listed(&w), 1);
	world_play(&w, "T@26h");
	assert_int_equal(w.listing[0].reason, REASON_EXPIRED);
	assert_int_equal(each_listed(&w), 0);
	world_release(&w);
}

static void enforce_asks_for_fourteen_watched_days(void **state)
{
	(void)state;
	struct world w;
	begin(&w, true, false);
	world_play(&w, TWICE);
	assert_int_equal(w.listing[0].reason, REASON_WATCHED_DAYS);
	assert_int_equal(each_listed(&w), 0);
	world_play(&w, "W@308h X:H@308h W@18483m X:H@310h W@18603m");
	assert_int_equal(w.listing['X' - 'A'].reason, REASON_WATCHED_DAYS);
	world_play(&w, "W@314h A:H@315h W@18903m H@317h W@19023m");
	assert_true(w.listing[0].is_listed);
	assert_int_equal(each_listed(&w), 1);
	world_release(&w);
}

static void our_own_and_private_addresses_are_never_listed(void **state)
{
	(void)state;
	struct world w;
	begin(&w, true, false);
	world_play(&w, "W@15d P:H@361h O:H@361h W@21663m P:H@363h O:H@363h W@21783m");
	assert_int_equal(w.listing['P' - 'A'].reason, REASON_OWN_ADDRESS);
	assert_int_equal(w.listing['O' - 'A'].reason, REASON_OWN_ADDRESS);
	assert_int_equal(each_listed(&w), 0);
	world_release(&w);
	begin(&w, true, true); /* in the lab private ones may be */
	world_play(&w, "P:H@0 O:H@0 W@80 P:H@61m O:H@61m W@63m");
	assert_true(w.listing['P' - 'A'].is_listed);
	assert_int_equal(w.listing['O' - 'A'].reason, REASON_OWN_ADDRESS);
	world_release(&w);
}

static void allow_and_forget_take_off_the_list(void **state)
{
	(void)state;
	struct world w;
	struct record allow = { .kind = RECORD_ALLOW,
				.is_ok = true,
				.text = "good.example" };
	struct record forget = { .kind = RECORD_FORGET, .text = "30.1.1.1" };
	begin(&w, true, true);
	world_play(&w, TWICE " X:H@63m W@65m X:H@125m W@127m");
	assert_int_equal(each_listed(&w), 2);
	world_feed(&w, &allow);
	assert_int_equal(each_listed(&w), 2);
	world_name(&w, 'A', "mail.good.example", "good.example", true, true, false);
	assert_int_equal(w.listing[0].reason, REASON_ALLOWED);
	assert_false(w.listing[0].is_listed);
	assert_true(judge_is_allowed(w.judge, world_client('A')));
	world_feed(&w, &forget);
	assert_int_equal(w.listing['X' - 'A'].reason, REASON_FORGOTTEN);
	assert_int_equal(each_listed(&w), 0);
	assert_int_equal(judge_counts(w.judge).senders, 1);
	allow.is_ok = false;
	world_feed(&w, &allow);
	assert_false(judge_is_allowed(w.judge, world_client('A')));
	world_release(&w);
}

/* In a replay the forgotten contact is no longer there: A must not be judged
 * by what only its pool mate had excused. */
static void what_is_forgotten_excuses_its_pool_in_a_replay_too(void **state)
{
	(void)state;
	struct world live, replay;
	struct record forget = { .kind = RECORD_FORGET, .text = "20.1.1.2" };
	begin(&live, true, true);
	world_play(&live, "B:R-@-1h " TWICE);
	assert_int_equal(world_verdict(&live, 'A')->order, ORDER_UNKNOWN);
	world_feed(&live, &forget);
	assert_int_equal(world_verdict(&live, 'A')->order, ORDER_UNKNOWN);
	begin(&replay, true, true);
	world_play(&replay, TWICE); /* B's records were erased */
	assert_int_equal(each_listed(&replay), 1);
	forget.seen = forget.time = 0;
	world_feed(&replay, &forget);
	assert_int_equal(world_verdict(&replay, 'A')->order, ORDER_UNKNOWN);
	assert_int_equal(each_listed(&replay), 0);
	world_release(&live);
	world_release(&replay);
}

static void back_to_observe_empties_the_list(void **state)
{
	(void)state;
	struct world w;
	struct rules rules = rules_default();
	begin(&w, true, true);
	world_play(&w, TWICE);
	assert_true(w.listing[0].is_listed);
	world_rules(&w, &rules);
	assert_false(w.listing[0].is_listed);
	assert_int_equal(judge_counts(w.judge).listed, 0);
	world_release(&w);
}

/* Who was stopped, and may have been good. */
/* clang-format off */
static const struct {
	const char *story;
	enum learnt learnt;
	const char *events;
	enum tier tier;
} tiers[] = {
	{ "nothing good is known", NOT_NAMED, "H@0 W@80 W@242m", TIER_NONE },
	{ "mail was accepted", NOT_NAMED, "R@-25h H@0 W@80 W@242m", TIER_KNOWN },
	{ "mail was accepted and marked spam", NOT_NAMED, "Rs@-25h H@0 W@80 W@242m", TIER_NONE },
	{ "on the allow list", ALLOWED, "H@0 W@80 W@242m", TIER_KNOWN },
	{ "SPF passes", SPF, "H@0 W@80 W@242m", TIER_PLAUSIBLE },
	{ "a good name", GOOD, "L@0 W@80 W@242m", TIER_WEAK },
	{ "a generic name", GENERIC, "H@0 W@80 W@242m", TIER_NONE },
	{ "a generic name that it says in HELO", GENERIC, "He@0 W@80 W@242m", TIER_WEAK },
	{ "a name that does not confirm", UNCONFIRMED, "He@0 W@80 W@242m", TIER_NONE },
};
/* clang-format on */

static void stopped_senders_that_may_be_good_have_a_tier(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
		struct world w;
		begin(&w, false, true);
		learn(&w, tiers[i].learnt);
		world_play(&w, tiers[i].events);
		const struct verdict *v = world_verdict(&w, 'A');
		if (v->fate != FATE_STOPPED || v->tier != tiers[i].tier)
			fail_msg("%s: got %s, %s; want stopped, %s", tiers[i].story,
				 fate_name(v->fate), tier_name(v->tier),
				 tier_name(tiers[i].tier));
		world_release(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_for_the_list),
		cmocka_unit_test(in_observe_nobody_is_listed_but_one_sees_who_would_be),
		cmocka_unit_test(enforce_asks_for_fourteen_watched_days),
		cmocka_unit_test(our_own_and_private_addresses_are_never_listed),
		cmocka_unit_test(allow_and_forget_take_off_the_list),
		cmocka_unit_test(what_is_forgotten_excuses_its_pool_in_a_replay_too),
		cmocka_unit_test(back_to_observe_empties_the_list),
		cmocka_unit_test(stopped_senders_that_may_be_good_have_a_tier),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
