/* One machine, two families: what the one did excuses the other, by name or by
 * letter. And what names that are learnt late, or lost again, do. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *story, *events;
	char client;
	enum order order;
	enum reason reason;
	enum fate fate;
} letters[] = {
	{ "the same letter came over IPv6 before", "Y:Rf@-1h Hf@0 W@80", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "the same letter came over IPv6 after", "Hf@0 Y:Rf@50 W@130", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "over IPv4, after the decoy was tried over IPv6", "Y:Hf@0 Rf@50 W@130", 'Y',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "whatever became of it", "Hf@0 Y:Rf-@50 W@130", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "in the letters of another case", "Hfe@0 Y:Rf@50 W@130", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "told late", "Hf@0 W@80 Y:Rf@30^200 W@300", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "the decoy's visit told late too", "Y:Rf@-1h Hf@0^60 W@130", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "a day and more before", "Y:Rf@-23h W@2h Hf@150m W@160m", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "the log does not tell the recipient", "Y:Rfu@-1h Hf@0 W@80", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "nor does it afterwards", "Hf@0 Y:Rfu@50 W@130", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "another sender to an unknown recipient", "Y:Rgu@-1h Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "another letter", "Y:Rg@-1h Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "to another domain", "Y:Rfd@-1h Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "over the same family it is somebody else", "X:Rf@-1h Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "bounces have no sender", "Y:R@-1h H@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "a letter that was not told", "Y:Rfn@-1h Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "told to the control address only", "Y:Rf@-1h Cf@0 H@1 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "a knock at the real host is none", "Y:rf@-1h Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "never came, and is stopped", "Hf@0 W@80 W@242m", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED },
	{ "came over IPv6 in time", "Hf@0 W@80 Y:Rf@1h W@242m", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN },
	{ "came over IPv6 after it was stopped", "Hf@0 W@80 W@242m Y:Rf@300m", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN },
	{ "stopped, and then names the letter that came", "H@0 W@242m Y:Rf@242m Hf@243m", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN },
	{ "the one that came is judged by itself", "Hf@0 Y:Rf@50 W@130", 'Y',
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "a letter proves no delay", "Lf@0 Y:Rf@1 W@80", 'Y',
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "the low decoy, too", "Lf@0 Y:Rf@1 W@80 W@242m", 'A',
	  ORDER_UNKNOWN, REASON_LOW_ONLY, FATE_UNKNOWN },
};
/* clang-format on */

static void one_letter_over_two_families_is_one_machine(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		struct world w;
		world_init(&w);
		world_begin(&w);
		world_play(&w, letters[i].events);
		const struct verdict *v = world_verdict(&w, letters[i].client);
		if (v->order != letters[i].order ||
		    v->order_reason != letters[i].reason || v->fate != letters[i].fate ||
		    v->delay_us != -1) {
			print_error(
			    "%s: got %s (%s), %s (%s); want %s (%s), %s\n",
			    letters[i].story, order_name(v->order),
			    reason_text(v->order_reason), fate_name(v->fate),
			    reason_text(v->fate_reason), order_name(letters[i].order),
			    reason_text(letters[i].reason), fate_name(letters[i].fate));
			wrong++;
		}
		world_release(&w);
	}
	assert_int_equal(wrong, 0);
}

static void a_correction_is_marked_and_has_its_reason(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "Hf@0 W@80 W@242m");
	assert_int_equal(world_verdict(&w, 'A')->fate, FATE_STOPPED);
	world_play(&w, "Y:Rf@300m");
	const struct verdict *v = world_verdict(&w, 'A');
	assert_int_equal(v->fate, FATE_UNKNOWN);
	assert_int_equal(v->fate_reason, REASON_POOL_REACHED);
	assert_true(v->revised);
	assert_non_null(strstr(reason_text(v->fate_reason), "same machine"));
	world_release(&w);
}

static void begin_enforcing(struct world *w)
{
	struct rules rules = rules_default();
	rules.enforce = rules.lab = true;
	world_init(w);
	world_begin(w);
	world_rules(w, &rules);
}

static void mail_that_its_twin_had_accepted_keeps_it_off_the_list(void **state)
{
	(void)state;
	static const char *const twice = "Hf@0 W@80 Hf@61m W@63m";
	static const struct {
		const char *before, *after;
		enum reason want;
	} rows[] = {
		{ "", "", REASON_LISTED },
		{ "Y:Rf@-23h T@-100", "", REASON_POOL_ACCEPTED },
		{ "", "Y:Rf@64m W@70m", REASON_POOL_ACCEPTED },
		{ "", "Y:Rf-@30^64m", REASON_TOO_FEW },
		{ "", "Y:Rg@64m W@70m", REASON_LISTED },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		begin_enforcing(&w);
		world_play(&w, rows[i].before);
		world_play(&w, twice);
		world_play(&w, rows[i].after);
		struct listing got = judge_listing(w.judge, world_client('A'), 1);
		/* The day before excuses the first visit too: it does not count. */
		bool is_right = got.reason == rows[i].want ||
				(i == 1 && got.reason == REASON_TOO_FEW);
		if (!is_right || got.is_listed != (rows[i].want == REASON_LISTED))
			fail_msg("row %zu: got %s", i, reason_text(got.reason));
		world_release(&w);
	}
}

/* Judged by another letter; then it tells the one that its twin had told. */
static void a_letter_told_late_takes_it_off_the_list(void **state)
{
	(void)state;
	struct world w;
	begin_enforcing(&w);
	world_play(&w, "Hg@0 W@80 Y:Rf-@90 Hg@61m W@63m");
	assert_true(judge_listing(w.judge, world_client('A'), 1).is_listed);
	world_play(&w, "Hf@64m");
	struct listing got = judge_listing(w.judge, world_client('A'), 1);
	assert_false(got.is_listed);
	assert_int_equal(got.reason, REASON_TOO_FEW);
	world_release(&w);
}

static void a_name_made_from_the_address_joins_its_two_families(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "Y:R@-1h H@0 X:H@0 V:H@0");
	world_name(&w, 'Y', "c-2-3.isp.example", "isp.example", true, true, false);
	world_name(&w, 'A', "c-2-3.isp.example", "isp.example", true, true, false);
	world_name(&w, 'X', "c-2-4.isp.example", "isp.example", true, true, false);
	world_name(&w, 'V', "c-2-3.isp.example", "isp.example", false, true, false);
	world_play(&w, "W@80");
	assert_int_equal(world_verdict(&w, 'A')->order_reason, REASON_POOL_CONTACT);
	assert_int_equal(world_verdict(&w, 'X')->order, ORDER_BACKDOOR);
	assert_int_equal(world_verdict(&w, 'V')->order, ORDER_BACKDOOR);
	world_release(&w);
}

/* The tier follows what is learnt after the verdict, and never sinks. */
static void a_tier_is_raised_by_a_late_name_and_not_lowered_by_a_later(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool is_confirmed, is_generic, spf_passes;
		enum tier want;
	} learnt[] = {
		{ "c-2-3.isp.example", true, true, false, TIER_NONE },
		{ "mail.isp.example", false, false, false, TIER_NONE },
		{ "mail.isp.example", true, false, false, TIER_WEAK },
		{ "", false, false, false, TIER_WEAK },
		{ "", false, false, true, TIER_PLAUSIBLE },
		{ "mail.isp.example", true, false, false, TIER_PLAUSIBLE },
		{ "", false, false, false, TIER_PLAUSIBLE },
	};
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_play(&w, "H@0 W@80 W@242m");
	assert_int_equal(world_verdict(&w, 'A')->tier, TIER_NONE);
	for (size_t i = 0; i < sizeof(learnt) / sizeof(learnt[0]); i++) {
		world_name(&w, 'A', learnt[i].name,
			   learnt[i].name[0] ? "isp.example" : "", learnt[i].is_confirmed,
			   learnt[i].is_generic, learnt[i].spf_passes);
		const struct verdict *v = world_verdict(&w, 'A');
		if (v->fate != FATE_STOPPED || v->tier != learnt[i].want)
			fail_msg("record %zu: got %s, %s", i, fate_name(v->fate),
				 tier_name(v->tier));
	}
	world_release(&w);
}

static struct addr nth(unsigned i)
{
	struct addr a;
	assert_true(addr_parse("20.0.0.0", &a));
	a.bytes[13] = (uint8_t)(i >> 16);
	a.bytes[14] = (uint8_t)(i >> 8);
	a.bytes[15] = (uint8_t)i;
	return a;
}

static void feed_letter(struct world *w, struct addr client, const char *from, int64_t at)
{
	struct record r = { .kind = RECORD_VISIT, .time = at, .seen = at };
	r.visit = (struct visit){ .client = client,
				  .site = 1,
				  .host = HOST_HIGH,
				  .depth = DEPTH_RCPT,
				  .precision_us = 1,
				  .time = at,
				  .helo = "",
				  .mail_from = from,
				  .recipient_domain = "example.com",
				  .name = "" };
	world_feed(w, &r);
}

static void feed_contact(struct world *w, const char *from)
{
	struct record r = { .kind = RECORD_VISIT };
	r.time = r.seen = WORLD_ZERO + STAMP_SECOND;
	r.visit = (struct visit){ .client = world_client('Y'),
				  .site = 1,
				  .host = HOST_MAIL,
				  .depth = DEPTH_RCPT,
				  .outcome = OUTCOME_REJECTED,
				  .precision_us = 1,
				  .time = r.time,
				  .helo = "",
				  .mail_from = from,
				  .recipient_domain = "example.com",
				  .name = "" };
	world_feed(w, &r);
}

/* Letters take an eighth of the senders' number at most: the newest stay. */
static void letters_are_bounded_and_go(void **state)
{
	(void)state;
	enum { SENDERS = 8000, LETTERS = 5000 };
	struct world w;
	struct rules rules = rules_default();
	struct addr a = world_client('A');
	char from[64];
	rules.max_senders = SENDERS;
	world_init(&w);
	world_begin(&w);
	world_rules(&w, &rules);
	for (unsigned i = 0; i < LETTERS; i++)
		feed_letter(&w, i == 0 ? a : nth(i), "", WORLD_ZERO);
	size_t before = judge_counts(w.judge).bytes;
	for (unsigned i = 0; i < LETTERS; i++) {
		(void)snprintf(from, sizeof(from), "sender%u@bulk.example", i);
		feed_letter(&w, i == 0 ? a : nth(i), from, WORLD_ZERO + i);
	}
	feed_letter(&w, a, "last@bulk.example", WORLD_ZERO + LETTERS);
	size_t bytes = judge_counts(w.judge).bytes - before;
	if (bytes > (size_t)160 * 1024) /* a chunk of letters, one of writers, slots */
		fail_msg("%zu bytes for letters", bytes);
	feed_contact(&w, "sender0@bulk.example"); /* it went */
	world_play(&w, "W@100");
	assert_int_equal(world_verdict(&w, 'A')->order, ORDER_BACKDOOR);
	feed_contact(&w, "LAST@bulk.example");
	assert_int_equal(world_verdict(&w, 'A')->order, ORDER_UNKNOWN);
	world_release(&w);
}

static void letters_go_after_five_days(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	struct buf before = BUF_INIT(1 << 20), after = BUF_INIT(1 << 20);
	world_play(&w, "T@40d");
	judge_save(w.judge, &before);
	world_play(&w, "Hf@40d T@40d Y:Rg@40d Y:Rf@40d T@100d");
	judge_save(w.judge, &after);
	/* Senders, pools and letters are gone; what is left is a day's count and
	 * what the log of free numbers takes. */
	if (after.len > before.len + 200)
		fail_msg("%zu bytes became %zu", before.len, after.len);
	buf_release(&before);
	buf_release(&after);
	world_release(&w);
}

/* Millions of bots have no name: that costs nothing. */
static void who_has_no_name_takes_no_room(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_begin(&w);
	size_t before = judge_counts(w.judge).bytes;
	for (unsigned i = 0; i < 100000; i++) {
		struct record r = { .kind = RECORD_NAME };
		r.name =
		    (struct record_name){ .client = nth(i), .name = "", .domain = "" };
		world_feed(&w, &r);
	}
	assert_int_equal(judge_counts(w.judge).bytes, before);
	world_release(&w);
}

static void a_letter_of_who_is_forgotten_is_nobodys(void **state)
{
	(void)state;
	struct world w;
	struct record r = { .kind = RECORD_FORGET, .text = "20.1.1.1" };
	world_init(&w);
	world_begin(&w);
	world_play(&w, "Hf@0 X:Hf@0 W@80");
	world_feed(&w, &r);
	world_play(&w, "W@2d H@2d X:H@2d Y:Rf@2d W@2881m");
	assert_int_equal(world_verdict(&w, 'A')->order, ORDER_BACKDOOR);
	assert_int_equal(world_verdict(&w, 'X')->fate, FATE_UNKNOWN);
	world_release(&w);
}

static void feed_host(struct world *w, uint16_t host, int64_t time)
{
	struct record mark = { .kind = RECORD_WATERMARK, .host = host, .time = time };
	struct record probe = {
		.kind = RECORD_HEALTH, .host = host, .is_ok = true, .time = time
	};
	mark.seen = probe.seen = time;
	world_feed(w, &mark);
	world_feed(w, &probe);
}

/* Two sites become one group: what each knew of a letter is kept. */
static void letters_outlive_the_joining_of_groups(void **state)
{
	(void)state;
	static const char other[] = "site\t1\t3\thigh\tother.example\n"
				    "host\t9\treal\t-\t10\tmx.other\tlog\n"
				    "address\t5.9.2.9\t25\n";
	static const char joins[] = "site\t1\t3\thigh\tother.example\n"
				    "host\t9\treal\t-\t10\tmx.other\tlog\n"
				    "address\t5.9.2.9\t25\n"
				    "host\t10\tdecoy\tdefer\t30\tfake.other\t\n"
				    "address\t5.9.1.3\t25\n";
	struct world w;
	world_init(&w);
	world_begin(&w);
	world_site(&w, other, WORLD_ZERO - 2 * STAMP_HOUR);
	feed_host(&w, 9, WORLD_ZERO - 61 * STAMP_MINUTE);
	struct record r = { .kind = RECORD_VISIT };
	r.time = r.seen = WORLD_ZERO - STAMP_HOUR;
	r.visit = (struct visit){ .client = world_client('Y'),
				  .site = 3,
				  .host = 9,
				  .depth = DEPTH_RCPT,
				  .outcome = OUTCOME_ACCEPTED,
				  .precision_us = 1,
				  .time = r.time,
				  .helo = "",
				  .mail_from = "a@sender.example",
				  .recipient_domain = "example.com",
				  .name = "" };
	world_feed(&w, &r);
	r.visit.mail_from = "b@sender.example";
	world_feed(&w, &r);
	world_play(&w, "Z:Rf@-50m");
	world_site(&w, joins, WORLD_ZERO - 30 * STAMP_MINUTE);
	assert_int_equal(judge_group(w.judge, 3), judge_group(w.judge, 1));
	world_play(&w, "Hf@0 X:Hg@0 V:Hf@0 W@80");
	feed_host(&w, 9, WORLD_ZERO + 90 * STAMP_SECOND);
	struct buf bytes = BUF_INIT(1 << 20);
	judge_save(w.judge, &bytes);
	assert_int_equal(judge_load(w.judge, bytes.data, bytes.len, NULL), 0);
	buf_release(&bytes);
	assert_int_equal(world_verdict(&w, 'A')->order_reason, REASON_POOL_CONTACT);
	assert_int_equal(world_verdict(&w, 'X')->order_reason, REASON_POOL_CONTACT);
	assert_int_equal(world_verdict(&w, 'V')->order, ORDER_BACKDOOR);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_letter_over_two_families_is_one_machine),
		cmocka_unit_test(a_correction_is_marked_and_has_its_reason),
		cmocka_unit_test(mail_that_its_twin_had_accepted_keeps_it_off_the_list),
		cmocka_unit_test(a_letter_told_late_takes_it_off_the_list),
		cmocka_unit_test(a_name_made_from_the_address_joins_its_two_families),
		cmocka_unit_test(
		    a_tier_is_raised_by_a_late_name_and_not_lowered_by_a_later),
		cmocka_unit_test(letters_are_bounded_and_go),
		cmocka_unit_test(letters_go_after_five_days),
		cmocka_unit_test(a_letter_of_who_is_forgotten_is_nobodys),
		cmocka_unit_test(who_has_no_name_takes_no_room),
		cmocka_unit_test(letters_outlive_the_joining_of_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
