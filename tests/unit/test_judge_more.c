/* What the tables of test_judge do not show: delays, restarts, groups of
 * sites, what is measurable, NAT, memory. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *story;
	const char *events;
	int64_t delay, error; /* microseconds; -1 none */
	bool returned_later;
} delays[] = {
	{ "low, then real", "L@0 R@0.5", 500000, 0, false },
	{ "a knock at low, then real", "l@0 R@2", 2000000, 0, false },
	{ "low twice, then real: from the first", "L@0 L@1 R@3", 3000000, 0, false },
	{ "the backup", "L@0 S@2", 2000000, 0, false },
	{ "no low visit", "R@1", -1, 0, false },
	{ "within ten minutes", "L@0 R@10m", 600000000, 0, false },
	{ "after ten minutes it came later", "L@0 R@601", -1, 0, true },
	{ "the first low visit is too old, the last is not", "L@0 L@15m R@16m", 60000000, 0, true },
	{ "decoys for an hour, then real: later", "H@0 W@80 R@1h", -1, 0, true },
	{ "the log's second began before the low visit", "L@0.5 R%@0.7", 0, 999999, false },
	{ "the log's second began after", "L@0.5 R%@1.7", 500000, 999999, false },
	{ "the real host's clock is off", "L@0.5 Rx@1", -1, 0, false },
	{ "the decoy's clock is off", "Lx@0 R@1", -1, 0, false },
	{ "nor is the delay measured to the contact after that", "L@0 Rx@1 R@8", -1, 0, false },
	{ "one that may have come before takes the delay away", "L@3 R@6 Rx@2", -1, 0, false },
	{ "one that was long before does not", "L@30 R@36 Rx@2", 6000000, 0, false },
	{ "never below zero", "L@10 R@5^11", -1, 0, false },
	{ "a session was open in between", "Ri@0 L@10 R@12", -1, 0, false },
	{ "a session that is reported after", "L@10 R@12 Ri@5^20", -1, 0, false },
	{ "one of the same second that ended later", "L@0.5 R%@0.7 Si%@0.8^3", 0, 999999, false },
	{ "a nearer contact that is reported after", "L@0 R@5 S@1^6", 1000000, 0, false },
	{ "the greatest of the walk", "L@0 R@1 L@60 R@65 L@120 R@121", 5000000, 0, false },
	{ "greylisting after the connect is not the decoy's", "L@0 R~@0.2 L@301 R@301.2",
	  200000, 0, false },
};
/* clang-format on */

static void delay_is_from_low_to_the_next_real_contact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		struct world w;
		world_init(&w);
		world_begin(&w);
		world_play(&w, delays[i].events);
		const struct verdict *v = world_verdict(&w, 'A');
		if (v->delay_us != delays[i].delay ||
		    v->delay_error_us != delays[i].error ||
		    v->returned_later != delays[i].returned_later)
			fail_msg("%s: got %lld +- %lld, later %d; want %lld +- %lld, %d",
				 delays[i].story, (long long)v->delay_us,
				 (long long)v->delay_error_us, v->returned_later,
				 (long long)delays[i].delay, (long long)delays[i].error,
				 delays[i].returned_later);
		world_release(&w);
	}
}

static void a_walk_ends_after_half_an_hour_without_a_visit(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "L@0 R@1 R@30m R@59m");
	assert_int_equal(world_verdict(&w, 'A')->walk, 1);
	world_play(&w, "L@90m R@91m");
	assert_int_equal(world_verdict(&w, 'A')->walk, 2);
	world_play(&w, "X:L@2h X:W@2h X:H@2d X:R@3d");
	assert_int_equal(world_verdict(&w, 'X')->walk, 1);
	world_play(&w, "Y:L@4d T@9d Y:L@10d");
	assert_int_equal(world_verdict(&w, 'Y')->walk, 2);
	world_release(&w);
}

static void a_late_contact_excuses_a_walk_that_another_followed(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "H@0 W@80 R@10m W@12m L@2h R@2h W@125m");
	assert_int_equal(world_verdict(&w, 'A')->walk, 2);
	assert_int_equal(w.revisions[0], 0);
	world_play(&w, "B:R@30^126m");
	assert_int_equal(world_verdict(&w, 'A')->walk, 1);
	assert_int_equal(world_verdict(&w, 'A')->order_reason, REASON_POOL_CONTACT);
	assert_int_equal(w.revisions[0], 1);
	world_release(&w);
}

static void stopped_is_final_after_five_days_and_corrected_before(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "H@0 X:H@0 W@80 W@242m");
	assert_false(world_verdict(&w, 'A')->is_final);
	world_play(&w, "X:R@2d");
	assert_true(world_verdict(&w, 'X')->revised);
	assert_true(world_verdict(&w, 'X')->returned_later);
	assert_int_equal(world_verdict(&w, 'X')->fate, FATE_REACHED);
	world_play(&w, "T@7199m");
	assert_false(world_verdict(&w, 'A')->is_final);
	world_play(&w, "T@7201m");
	assert_true(world_verdict(&w, 'A')->is_final);
	assert_int_equal(world_verdict(&w, 'A')->at, WORLD_ZERO + 5 * STAMP_DAY);
	world_release(&w);
}

static void without_well_time_a_fate_is_unknown_in_the_end(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "H@0 W@80 T@6d");
	assert_int_equal(world_verdict(&w, 'A')->fate, FATE_UNKNOWN);
	assert_int_equal(world_verdict(&w, 'A')->fate_reason, REASON_NOT_WELL);
	world_release(&w);
}

static void an_unwatched_low_decoy_proves_no_skipping(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	w.is_watched = false; /* closed, and no knock watcher */
	world_play(&w, "R@0 W@80");
	assert_int_equal(world_verdict(&w, 'A')->order, ORDER_STRAIGHT);
	world_release(&w);
}

static void a_verdict_says_what_kind_of_visits_there_were(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "A:h@0 B:C@0 X:C@0 X:L@1 Y:c@0");
	assert_true(world_verdict(&w, 'A')->only_knocked);
	assert_true(world_verdict(&w, 'B')->only_control);
	assert_false(world_verdict(&w, 'X')->only_control);
	assert_true(world_verdict(&w, 'Y')->only_knocked);
	world_release(&w);
}

static void an_unwatched_real_host_makes_the_site_unmeasurable(void **state)
{
	(void)state;
	struct world w;
	char why[200];
	world_init(&w);
	world_begin(&w);
	assert_true(judge_is_measurable(w.judge, 1, why, sizeof(why)));
	world_site(&w, world_site_text(false), WORLD_ZERO - STAMP_HOUR);
	assert_false(judge_is_measurable(w.judge, 1, why, sizeof(why)));
	assert_string_equal(why, "backup is not watched");
	world_play(&w, "H@0 X:L@0 X:R@1 W@80 W@5h");
	assert_int_equal(world_verdict(&w, 'A')->order_reason, REASON_NOT_WATCHED);
	assert_int_equal(world_verdict(&w, 'A')->fate, FATE_UNKNOWN);
	assert_int_equal(world_verdict(&w, 'X')->fate, FATE_REACHED);
	assert_int_equal(judge_coverage(w.judge, 1, WORLD_ZERO, WORLD_ZERO + STAMP_HOUR),
			 0);

	/* Watched again, but not for what was before. */
	world_site(&w, world_site_text(true), WORLD_ZERO + 5 * STAMP_HOUR);
	world_play(&w, "Y:H@299m V:H@301m W@310m");
	assert_int_equal(world_verdict(&w, 'Y')->order, ORDER_UNKNOWN);
	assert_int_equal(world_verdict(&w, 'V')->order, ORDER_BACKDOOR);
	world_release(&w);
}

static const char other_real[] = "site\t1\t1\tboth\thome\n"
				 "host\t1\tdecoy\treset\t0\tfake0\t\n"
				 "address\t5.9.1.4\t25\n"
				 "host\t2\treal\t-\t10\tmail\tlog\n"
				 "address\t5.9.1.1\t25\n"
				 "host\t8\treal\t-\t20\tbackup2\tfeed\n"
				 "address\t5.9.1.8\t25\n"
				 "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
				 "address\t5.9.1.3\t25\n"
				 "domain\texample.com\n";

static void a_changed_set_of_real_hosts_excuses_for_two_days(void **state)
{
	(void)state;
	struct world w;
	struct record mark = { .kind = RECORD_WATERMARK, .host = 8 };
	struct record well = { .kind = RECORD_HEALTH, .host = 8, .is_ok = true };
	world_init(&w);
	world_begin(&w);
	world_site(&w, world_site_text(true), WORLD_ZERO); /* the same: no change */
	world_site(&w, other_real, WORLD_ZERO);
	well.time = well.seen = WORLD_ZERO;
	world_feed(&w, &well);
	world_play(&w, "H@47h X:H@49h W@50h");
	assert_int_equal(world_verdict(&w, 'A')->order_reason, REASON_HOSTS_CHANGED);
	assert_int_equal(world_verdict(&w, 'X')->order_reason, REASON_UNDECIDED);
	mark.time = mark.seen = well.time = well.seen = WORLD_ZERO + 50 * STAMP_HOUR;
	world_feed(&w, &mark);
	world_feed(&w, &well);
	assert_int_equal(world_verdict(&w, 'X')->order, ORDER_BACKDOOR);
	world_release(&w);
}

/* One shared decoy makes the two sites one group, over all real hosts. */
static const char shares_decoy[] = "site\t1\t2\thigh\tother\n"
				   "host\t6\treal\t-\t10\tmx.other\tlog\n"
				   "address\t5.9.2.1\t25\n"
				   "host\t7\tdecoy\tdefer\t30\tfake.other\t\n"
				   "address\t5.9.1.3\t25\n"
				   "domain\tother.example\n";
static const char apart[] = "site\t1\t3\thigh\tthird\n"
			    "host\t9\treal\t-\t10\tmx.third\tlog\n"
			    "address\t5.9.3.1\t25\n"
			    "host\t10\tdecoy\tdefer\t30\tfake.third\t\n"
			    "address\t5.9.3.3\t25\n";

static void feed_host(struct world *w, uint16_t host, int64_t time)
{
	struct record mark = {
		.kind = RECORD_WATERMARK, .host = host, .time = time, .seen = time
	};
	struct record well = { .kind = RECORD_HEALTH,
			       .host = host,
			       .is_ok = true,
			       .time = time,
			       .seen = time };
	world_feed(w, &mark);
	world_feed(w, &well);
}

static void visit_host(struct world *w, char client, uint16_t host, int64_t time)
{
	struct record r = { .kind = RECORD_VISIT, .time = time, .seen = time };
	r.visit = (struct visit){ .client = world_client(client),
				  .site = 2,
				  .host = host,
				  .depth = DEPTH_DATA,
				  .outcome = OUTCOME_REJECTED,
				  .precision_us = 1,
				  .time = time,
				  .helo = "",
				  .mail_from = "",
				  .recipient_domain = "other.example",
				  .name = "" };
	world_feed(w, &r);
}

static void sites_that_share_an_address_are_judged_together(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "X:L@-3h X:R@-3h");
	world_site(&w, shares_decoy, WORLD_ZERO - 2 * STAMP_HOUR);
	world_site(&w, apart, WORLD_ZERO - 2 * STAMP_HOUR);
	assert_int_equal(judge_group(w.judge, 2), 1);
	assert_int_equal(judge_group(w.judge, 3), 3);
	assert_int_equal(judge_site_count(w.judge), 3);
	feed_host(&w, 6, WORLD_ZERO - STAMP_HOUR);
	visit_host(&w, 'A', 6, WORLD_ZERO - 600 * STAMP_SECOND);
	world_play(&w, "H@2h B:H@2h X:H@2h V:H@2h W@125m");
	assert_int_equal(world_verdict(&w, 'V')->order_reason, REASON_UNDECIDED);
	feed_host(&w, 6, WORLD_ZERO + 130 * STAMP_MINUTE);
	assert_int_equal(world_verdict(&w, 'A')->order_reason, REASON_ADDRESS_CONTACT);
	assert_int_equal(world_verdict(&w, 'A')->site, 1);
	assert_int_equal(world_verdict(&w, 'B')->order_reason, REASON_POOL_CONTACT);
	assert_int_equal(world_verdict(&w, 'X')->order_reason, REASON_ADDRESS_CONTACT);
	assert_int_equal(world_verdict(&w, 'V')->order, ORDER_BACKDOOR);
	world_release(&w);
}

static void what_was_known_before_two_groups_became_one_still_excuses(void **state)
{
	(void)state;
	struct world w;
	static const char joins[] = "site\t1\t3\thigh\tthird\n"
				    "host\t9\treal\t-\t10\tmx.third\tlog\n"
				    "address\t5.9.3.1\t25\n"
				    "host\t10\tdecoy\tdefer\t30\tfake.third\t\n"
				    "address\t5.9.1.3\t25\n";
	world_init(&w);
	world_begin(&w);
	world_site(&w, apart, WORLD_ZERO - 2 * STAMP_HOUR);
	feed_host(&w, 9, WORLD_ZERO - STAMP_HOUR);
	visit_host(&w, 'A', 9, WORLD_ZERO - 600 * STAMP_SECOND);
	visit_host(&w, 'X', 9, WORLD_ZERO - 500 * STAMP_SECOND);
	world_play(&w, "A:L@-60");
	world_site(&w, joins, WORLD_ZERO - STAMP_SECOND);
	assert_int_equal(judge_group(w.judge, 3), 1);
	world_play(&w, "H@2h B:H@2h X:H@2h V:H@2h W@125m");
	feed_host(&w, 9, WORLD_ZERO + 130 * STAMP_MINUTE);
	assert_int_equal(world_verdict(&w, 'X')->order_reason, REASON_ADDRESS_CONTACT);
	assert_int_equal(world_verdict(&w, 'B')->order_reason, REASON_POOL_CONTACT);
	assert_int_equal(world_verdict(&w, 'V')->order, ORDER_BACKDOOR);
	world_release(&w);
}

static void a_domain_pool_excuses_across_networks(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'X', "a.pool.example", "pool.example", true, false, false);
	world_play(&w, "X:R-@-1h H@0 Y:H@0 V:H@0");
	world_name(&w, 'A', "b.pool.example", "pool.example", true, false, false);
	world_name(&w, 'Y', "c.pool.example", "pool.example", false, false, false);
	world_name(&w, 'V', "dyn.pool.example", "pool.example", true, true, false);
	world_play(&w, "W@80");
	assert_int_equal(world_verdict(&w, 'A')->order_reason, REASON_POOL_CONTACT);
	assert_int_equal(world_verdict(&w, 'Y')->order,
			 ORDER_BACKDOOR); /* not confirmed */
	assert_int_equal(world_verdict(&w, 'V')->order, ORDER_BACKDOOR); /* generic */
	/* A name that is learnt after the verdict excuses too. */
	world_name(&w, 'Y', "c.pool.example", "pool.example", true, false, false);
	assert_int_equal(world_verdict(&w, 'Y')->order_reason, REASON_POOL_CONTACT);
	assert_true(world_verdict(&w, 'Y')->revised);
	world_release(&w);
}

static void an_address_that_makes_most_visits_is_not_judged(void **state)
{
	(void)state;
	struct world w;
	struct addr nat;
	char event[40];
	world_init(&w);
	world_begin(&w);
	for (int i = 0; i < 220; i++) {
		(void)snprintf(event, sizeof(event), "N:L@%d Q:l@%d", i - 3000, i - 3000);
		world_play(&w, event);
		if (i % 3 == 0)
			world_play(&w, "X:L@-10");
		if (i == 100)
			assert_false(judge_nat(w.judge, 1, &nat)); /* too few to tell */
	}
	assert_true(judge_nat(w.judge, 1, &nat));
	assert_true(addr_equal(nat, world_client('N')));
	world_play(&w, "N:H@0 A:H@0 W@80");
	assert_int_equal(world_verdict(&w, 'N')->order_reason, REASON_NAT);
	assert_int_equal(world_verdict(&w, 'A')->order, ORDER_BACKDOOR);
	world_release(&w);
}

static void coverage_is_the_part_that_was_watched_and_well(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "W@10h ]@10h [@11h W@12h P@1200m F@1200m P@1201m W@30h");
	int64_t zero = WORLD_ZERO;
	double whole = judge_coverage(w.judge, 1, zero, zero + 9 * STAMP_HOUR);
	double gap = judge_coverage(w.judge, 1, zero, zero + 12 * STAMP_HOUR);
	double unwell =
	    judge_coverage(w.judge, 1, zero + 12 * STAMP_HOUR, zero + 28 * STAMP_HOUR);
	double before =
	    judge_coverage(w.judge, 1, zero - 3 * STAMP_DAY, zero - 2 * STAMP_DAY);
	assert_true(whole == 1.0);
	assert_true(gap > 0.91 && gap < 0.92);
	assert_true(unwell > 0.6 && unwell < 0.63);
	assert_true(before == 0.0);
	world_release(&w);
}

static void what_cannot_be_read_changes_nothing(void **state)
{
	(void)state;
	struct world w;
	struct buf before = BUF_INIT(1 << 20), after = BUF_INIT(1 << 20);
	world_init(&w);
	world_begin(&w);
	world_play(&w, "H@0 W@80");
	struct record bad[] = {
		{ .kind = RECORD_SITE, .text = "site\t1\t9\thigh\tx\nhost\t\n" },
		{ .kind = RECORD_RULES, .text = "confirm=soon\n" },
		{ .kind = RECORD_RULES, .text = "max_senders=0\n" },
		{ .kind = RECORD_VISIT, .visit = { .host = 99, .helo = "" } },
		{ .kind = (enum record_kind)77 },
	};
	judge_save(w.judge, &before);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error e = { .text = "" };
		bad[i].seen = w.seen;
		assert_int_equal(judge_feed(w.judge, &bad[i], &e), FMX_EMALFORMED);
		assert_true(e.text[0] != '\0');
	}
	judge_save(w.judge, &after);
	assert_string_equal(buf_text(&before), buf_text(&after));
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	buf_release(&before);
	buf_release(&after);
	world_release(&w);
}

static void a_damaged_checkpoint_is_refused(void **state)
{
	(void)state;
	struct world w;
	struct buf good = BUF_INIT(1 << 20);
	world_init(&w);
	world_begin(&w);
	world_play(&w, "H@0 W@80");
	judge_save(w.judge, &good);
	for (size_t i = 0; i < good.len; i += 7) {
		struct error e = { .text = "" };
		good.data[i] ^= 1;
		assert_int_equal(judge_load(w.judge, good.data, good.len, &e),
				 FMX_EMALFORMED);
		good.data[i] ^= 1;
		assert_int_equal(judge_load(w.judge, good.data, i, &e), FMX_EMALFORMED);
	}
	assert_int_equal(judge_load(w.judge, good.data, good.len, NULL), 0);
	buf_release(&good);
	world_release(&w);
}

static void rules_read_back_from_their_text(void **state)
{
	(void)state;
	struct rules rules = rules_default(), back;
	struct buf text = BUF_INIT(4096), again = BUF_INIT(4096);
	rules.enforce = true;
	rules.patience = 5;
	rules.max_senders = 17;
	rules_text(&rules, &text);
	assert_int_equal(rules_parse(buf_text(&text), &back, NULL), 0);
	rules_text(&back, &again);
	assert_string_equal(buf_text(&text), buf_text(&again));
	assert_int_equal(back.max_senders, 17);
	static const char *const bad[] = {
		"enforce",       "enforce=2\n", "surprise=1\n",
		"patience=-1\n", "final=\n",    "listing_expires=999999999999\n",
		"confirm=1"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(rules_parse(bad[i], &back, NULL), FMX_EMALFORMED);
	assert_int_equal(rules_parse("", &back, NULL), 0);
	buf_release(&text);
	buf_release(&again);
}

/* Else the late visit at 10 h would hold the one at 20.4 h in the walk of 21 h, and
 * it would be judged before the real hosts' logs have passed that. */
static void what_is_late_does_not_stretch_a_walk_backwards(void **state)
{
	(void)state;
	static const char *const late[] = { "W@20h", "W@20h Hn@10h^20h", "W@20h h@10h" };
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		struct world w;
		world_init(&w);
		world_begin(&w);
		world_play(&w, late[i]);
		world_play(&w, "H@21h H@20.4h^21.1h M@21.01h^21.2h B@21.01h^21.2h P@22h");
		assert_int_equal(world_verdict(&w, 'A')->order, ORDER_UNKNOWN);
		assert_int_equal(world_verdict(&w, 'A')->order_reason, REASON_UNDECIDED);
		world_play(&w, "W@23h");
		assert_int_equal(world_verdict(&w, 'A')->order, ORDER_BACKDOOR);
		world_release(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delay_is_from_low_to_the_next_real_contact),
		cmocka_unit_test(a_walk_ends_after_half_an_hour_without_a_visit),
		cmocka_unit_test(a_late_contact_excuses_a_walk_that_another_followed),
		cmocka_unit_test(stopped_is_final_after_five_days_and_corrected_before),
		cmocka_unit_test(without_well_time_a_fate_is_unknown_in_the_end),
		cmocka_unit_test(an_unwatched_low_decoy_proves_no_skipping),
		cmocka_unit_test(a_verdict_says_what_kind_of_visits_there_were),
		cmocka_unit_test(an_unwatched_real_host_makes_the_site_unmeasurable),
		cmocka_unit_test(a_changed_set_of_real_hosts_excuses_for_two_days),
		cmocka_unit_test(sites_that_share_an_address_are_judged_together),
		cmocka_unit_test(
		    what_was_known_before_two_groups_became_one_still_excuses),
		cmocka_unit_test(a_domain_pool_excuses_across_networks),
		cmocka_unit_test(an_address_that_makes_most_visits_is_not_judged),
		cmocka_unit_test(coverage_is_the_part_that_was_watched_and_well),
		cmocka_unit_test(what_cannot_be_read_changes_nothing),
		cmocka_unit_test(a_damaged_checkpoint_is_refused),
		cmocka_unit_test(rules_read_back_from_their_text),
		cmocka_unit_test(what_is_late_does_not_stretch_a_walk_backwards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
