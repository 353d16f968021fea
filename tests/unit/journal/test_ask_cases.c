/*
 * The cases that an easier design gets wrong, by number: what a question tells of the
 * client's last walk after each story. Those that are not here:
 *
 *	18 35 39	test_ask_listing
 *	22		here, and tests/system/test_policy*: it answers throughout
 *	24		test_take_order, killed_at_any_write...
 *	25		here, and test_take, knocks_beyond_50000..., over_its_budget...
 *	26		test_take, a_real_visit_that_was_lost..., test_take_order,
 * a_full_disk... 28		tiers_rise..., test_ask_listing; own addresses:
 * serve/test_policy, test_site 37 38		with 19; case_38 here
 *	45		test_take, a_feed_that_tells_again..., what_was_told_late...
 *
 * Rules that must hold: any order, batches (test_take_order, test_ask_properties,
 * tests/oracle); a rebuild (test_ask_properties, tests/oracle); a knock accuses nobody
 * and changes no row of others, late lines only soften (judge/test_soft, fuzz_judge);
 * hosts that are down or unwatched excuse (judge/test_rule); nothing before `need`
 * (judge/test_need, test_ask_properties, tests/oracle); nothing is listed for ever
 * (test_ask_listing, judge/test_listing); steps are bounded (case 22 here).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/ask/proof.h"
#include "journal/upkeep/upkeep.h"
#include "world.h"

enum { NO_DELAY = -1, ANY = 99 };

struct row {
	int number;
	const char *title, *story;
	enum order order;
	enum fate fate;
	int reason; /* of the order; ANY */
	int64_t delay;
	bool is_missing;
	char client; /* 0: A */
};

#define S(n) ((int64_t)(n)*STAMP_SECOND)
/* Both real hosts tell envelopes; somebody else's. */
#define TELLS "C:R=1@-2h C:S=2@-2h W@-1h "

static const struct row rows[] = {
	{ 0, "goes straight to the last host and never comes again", "H@0 W@5h",
	  ORDER_BACKDOOR, FATE_STOPPED, ANY, NO_DELAY, false, 0 },
	{ 0, "meets a low decoy, then the real host", "L@0 R@3 W@1h", ORDER_STRAIGHT,
	  FATE_REACHED, ANY, S(3), false, 0 },
	{ 0, "goes to the real host, past the low decoy", "R@0 W@1h", ORDER_SKIPPED,
	  FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 0, "dials all at once", "H@0 R@0.5 W@1h", ORDER_SHOTGUN, FATE_REACHED, ANY,
	  NO_DELAY, false, 0 },
	{ 1, "a session held its own host's watermark back: not late",
	  "M@118 B@118 L0@118 P@118 H0@-1^118 H@0>120^120 W@5h", ORDER_BACKDOOR,
	  FATE_STOPPED, ANY, NO_DELAY, false, 0 },
	{ 3, "watermarks without probes are no proof that a host was well", "H@0 w@5h",
	  ORDER_UNKNOWN, FATE_PENDING, REASON_UNDECIDED, NO_DELAY, false, 0 },
	{ 3, "the probe comes: now it is", "H@0 w@5h P@5h", ORDER_BACKDOOR, FATE_STOPPED,
	  ANY, NO_DELAY, false, 0 },
	{ 5, "a session that is still open when L comes measures nothing",
	  "R@-3>2 L@0 R@5 W@1h", ORDER_SKIPPED, FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 7, "knocks each 29 minutes glue nothing",
	  "R@0 l@29m l@58m l@87m l@116m L@2h R@7201 W@5h", ORDER_STRAIGHT, FATE_REACHED,
	  ANY, NO_DELAY, false, 0 },
	{ 8, "L a second before midnight, R a second after", "L@57599 R@57601 W@20h",
	  ORDER_STRAIGHT, FATE_REACHED, ANY, S(2), false, 0 },
	{ 9, "its own contact of yesterday is not its pool", "R@-23h W@-22h H@0 W@5h",
	  ORDER_UNKNOWN, FATE_STOPPED, REASON_ADDRESS_CONTACT, NO_DELAY, false, 0 },
	{ 11, "a forged envelope is not excused by the shop over the same family",
	  "X:R=E@-10 H=E@0 W@5h", ORDER_BACKDOOR, FATE_STOPPED, ANY, NO_DELAY, false, 0 },
	{ 11, "the same envelope over the other family excuses", "V:R=E@-10 H=E@0 W@5h",
	  ORDER_UNKNOWN, FATE_UNKNOWN, REASON_POOL_CONTACT, NO_DELAY, false, 0 },
	{ 11, "which may have been 30 minutes before", "V:R=Ex@0 H=E@1804 W@6h",
	  ORDER_UNKNOWN, FATE_UNKNOWN, REASON_POOL_CONTACT, NO_DELAY, false, 0 },
	{ 11, "but no earlier", "V:R=Ex@0 H=E@1805 W@6h", ORDER_BACKDOOR, FATE_STOPPED,
	  ANY, NO_DELAY, false, 0 },
	{ 14, "a feed is dead for a week: not pending for ever",
	  "H@0 B@5d L0@5d H0@5d P@5d T@7d", ORDER_UNKNOWN, FATE_UNKNOWN,
	  REASON_NOT_WATCHED, NO_DELAY, false, 0 },
	{ 14, "it comes back with what it had: softer",
	  "H@0 B@5d L0@5d H0@5d P@5d T@7d G@7d^7d R@10^7d M@8d W@8d", ORDER_UNKNOWN,
	  FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 14, "serve was down for six days: sealed before the logs of them are read",
	  "H@0 W@10m T@6d W@6d", ORDER_BACKDOOR, FATE_UNKNOWN, ANY, NO_DELAY, false, 0 },
	{ 14, "in which it came: softer", "H@0 W@10m T@6d R@2d^6d W@6d", ORDER_BACKDOOR,
	  FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 15, "a late R before the low visit makes nobody skipped",
	  "L@50 R@100 W@10m R@0^11m W@1h", ORDER_STRAIGHT, FATE_REACHED, ANY, S(50),
	  false, 0 },
	{ 20, "a script gives up on a message and goes on with the next",
	  TELLS "R~=E@0 H=E@1.5 R=F@1h W@6h", ORDER_SKIPPED, FATE_REACHED, ANY, NO_DELAY,
	  true, 0 },
	{ 20, "and if it never comes again", TELLS "R~=E@0 H=E@1.5 W@6h", ORDER_SKIPPED,
	  FATE_REACHED, ANY, NO_DELAY, true, 0 },
	{ 20, "another client of its provider brings it",
	  TELLS "R~=E@0 H=E@1.5 X:R=E@3h W@6h", ORDER_SKIPPED, FATE_REACHED, ANY,
	  NO_DELAY, false, 0 },
	{ 20, "a late contact makes nothing missing", TELLS "H=E@1 W@2h R=F@1h^3h W@6h",
	  ORDER_BACKDOOR, FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 20, "what was accepted yesterday was another message to the same recipient",
	  TELLS "R=E@0 H=E@10 W@1h R~=E@25h H=E@90001.5 W@31h", ORDER_SKIPPED,
	  FATE_REACHED, ANY, NO_DELAY, true, 0 },
	{ 20, "a late acceptance clears it", TELLS "R~=E@0 H=E@1.5 W@6h S=E@2h^7h W@8h",
	  ORDER_SKIPPED, FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 20, "a real visit of many envelopes clears those of its sender",
	  TELLS "R~=E@0 H=E@1.5 Rm@1h W@6h", ORDER_SKIPPED, FATE_REACHED, ANY, NO_DELAY,
	  false, 0 },
	{ 20, "and those of its pool", TELLS "R~=E@0 H=E@1.5 B:Rm@1h W@6h", ORDER_SKIPPED,
	  FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 20, "but not those of a stranger", TELLS "R~=E@0 H=E@1.5 X:Rm@1h W@6h",
	  ORDER_SKIPPED, FATE_REACHED, ANY, NO_DELAY, true, 0 },
	{ 20, "nor what was told later", TELLS "R~=E@1h H=E@3601.5 Rm@0 W@6h",
	  ORDER_SKIPPED, FATE_REACHED, ANY, NO_DELAY, true, 0 },
	{ 20, "a session that ended 25 minutes before it was told may have brought it",
	  TELLS "X:R=E@0>30m R~=E@3298.5 H=E@55m W@6h", ORDER_SKIPPED, FATE_REACHED, ANY,
	  NO_DELAY, false, 0 },
	{ 20, "so may one of many envelopes", TELLS "B:Rm@0>30m R~=E@3298.5 H=E@55m W@6h",
	  ORDER_SKIPPED, FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 20, "but not one that ended 31 minutes before",
	  TELLS "X:R=E@0>24m B:Rm@0>24m R~=E@3298.5 H=E@55m W@6h", ORDER_SKIPPED,
	  FATE_REACHED, ANY, NO_DELAY, true, 0 },
	{ 25, "knocks were lost: nobody is called skipped", "D@30 R@40 W@1h",
	  ORDER_STRAIGHT, FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 30, "a stop of a month ago makes today's no sooner",
	  "H@0 W@5h W@6d H@30d W@721h", ORDER_BACKDOOR, FATE_PENDING, ANY, NO_DELAY,
	  false, 0 },
	{ 31, "a low decoy alone: order unknown, stopped after four hours", "L@0 W@5h",
	  ORDER_UNKNOWN, FATE_STOPPED, REASON_LOW_ONLY, NO_DELAY, false, 0 },
	{ 31, "a knock at the low decoy, the real host a second later", "l@0 R@1 W@1h",
	  ORDER_STRAIGHT, FATE_REACHED, ANY, S(1), false, 0 },
	{ 31, "a knock before the outage does not make its own visit one of a well time",
	  "l@-10m W@-9m F@-5m L@0 W@1m W@30h", ORDER_UNKNOWN, FATE_UNKNOWN,
	  REASON_NOT_WELL, NO_DELAY, false, 0 },
	{ 32, "a log that shows no probe any more accuses nobody",
	  "H@0 B@5h L0@5h H0@5h P@5h", ORDER_UNKNOWN, FATE_PENDING, REASON_UNDECIDED,
	  NO_DELAY, false, 0 },
	{ 34, "the low decoy has not told yet whether it was passed over",
	  "R@0 M@1h B@1h H0@1h C0@1h P@1h", ORDER_UNKNOWN, FATE_REACHED, REASON_UNDECIDED,
	  NO_DELAY, false, 0 },
	{ 34, "now it has", "R@0 M@1h B@1h H0@1h C0@1h P@1h L0@1h", ORDER_SKIPPED,
	  FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 40, "a neighbour of the provider brings the message",
	  TELLS "R~=E@0 H=E@1.5 B:R=E@2h W@6h", ORDER_SKIPPED, FATE_REACHED, ANY,
	  NO_DELAY, false, 0 },
	{ 41, "sealed as stopped, then a late contact", "H@0 W@5h W@6d R@1h^7d W@7d",
	  ORDER_BACKDOOR, FATE_REACHED, ANY, NO_DELAY, false, 0 },
	{ 42, "23 hours later it waits four hours again", "H@0 W@5h H@23h W@24h",
	  ORDER_BACKDOOR, FATE_PENDING, ANY, NO_DELAY, false, 0 },
	{ 43, "five days of outage", "H@0 F@1m w@5d F@5d w@6d F@6d", ORDER_UNKNOWN,
	  FATE_UNKNOWN, ANY, NO_DELAY, false, 0 },
	{ 44, "a feed falls silent and brings what it had: softer",
	  "H@0 W@5h G@6h^6h R@20m^6h M@6h W@7h", ORDER_BACKDOOR, FATE_REACHED, ANY,
	  NO_DELAY, false, 0 },
};

static bool is_right(const struct row *r, const struct verdict *v)
{
	return v->order == r->order && v->fate == r->fate &&
	       (r->reason == ANY || (int)v->order_reason == r->reason) &&
	       v->delay_us == r->delay && (v->missing != 0) == r->is_missing;
}

static void show(const struct row *r, const char *what, const struct verdict *v)
{
	print_error("%d %s: %s\n  %s: got %s (%s) %s (%s), delay %lld, missing %d;\n"
		    "  want %s %s, delay %lld, missing %d\n",
		    r->number, r->title, r->story, what, order_name(v->order),
		    reason_text(v->order_reason), fate_name(v->fate),
		    reason_text(v->fate_reason), (long long)v->delay_us, v->missing != 0,
		    order_name(r->order), fate_name(r->fate), (long long)r->delay,
		    r->is_missing);
}

static void asks_each_case(void **state)
{
	unsigned wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct world w;
		world_init(&w);
		world_begin(&w);
		world_play(&w, r->story);
		struct world_walk got = world_last(&w, r->client ? r->client : 'A');
		if (!is_right(r, &got.verdict)) {
			show(r, "asked", &got.verdict);
			wrong++;
		}
		world_release(&w);
	}
	assert_int_equal(wrong, 0);
}

/* ---- cases that a row cannot say ---- */

static void ok_ask_again(struct world *w)
{
	struct error e = { 0, "" };
	assert_int_equal(db_ask_again(w->db, 0, &e), 0);
}

static void begin(struct world *w, const char *story)
{
	world_init(w);
	world_begin(w);
	world_play(w, story);
}

static void expect(struct world *w, char client, enum order order, enum fate fate)
{
	struct verdict v = world_last(w, client).verdict;
	if (v.order != order || v.fate != fate)
		fail_msg("got %s (%s) %s (%s), want %s %s", order_name(v.order),
			 reason_text(v.order_reason), fate_name(v.fate),
			 reason_text(v.fate_reason), order_name(order), fate_name(fate));
}

static void case_2_is_told_once(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "H@150>151 R@200 M@280 B@280 L0@280 C0@280 P@280 H0@-1^281 T@281");
	assert_int_equal(w.verdicts, 0);
	world_play(&w, "H@0>290^290 W@400 W@5h");
	expect(&w, 'A', ORDER_BACKDOOR, FATE_REACHED);
	assert_int_equal(w.backdoors, 1);
	assert_null(strstr(buf_text(&w.log), "unknown"));
	world_release(&w);
}

static struct site with_another_host(const struct site *s, struct host hosts[6])
{
	struct site more = *s;
	memcpy(hosts, s->hosts, 5 * sizeof(*hosts));
	hosts[5] = hosts[2];
	hosts[5].id = 0;
	(void)snprintf(hosts[5].name, sizeof(hosts[5].name), "third.example.net");
	hosts[5].addresses[0].addr.bytes[15]++;
	hosts[5].addresses[0].addr.bytes[14]++;
	more.hosts = hosts;
	more.host_count = 6;
	return more;
}

static void case_4_what_is_decided_stays_when_a_host_comes(void **state)
{
	struct world w;
	struct host hosts[6];
	(void)state;
	begin(&w, "H@0 W@5h W@3d");
	expect(&w, 'A', ORDER_BACKDOOR, FATE_STOPPED);
	w.site = with_another_host(&w.site, hosts);
	world_rules(&w);
	world_play(&w, "W@73h");
	expect(&w, 'A', ORDER_BACKDOOR, FATE_STOPPED);
	world_play(&w, "H@74h W@74h");
	world_release(&w);
}

static void case_4_hours_of_a_removed_host_that_were_not_told_are_unwatched(void **state)
{
	struct world w;
	struct host hosts[4];
	(void)state;
	begin(&w, "W@3h H@4h M@6h L0@6h H0@6h C0@6h P@6h");
	memcpy(hosts, w.site.hosts, 2 * sizeof(*hosts));
	memcpy(hosts + 2, w.site.hosts + 3, 2 * sizeof(*hosts));
	w.site.hosts = hosts;
	w.site.host_count = 4;
	world_rules(&w);
	world_play(&w, "M@12h L0@12h H0@12h C0@12h P@12h");
	struct verdict v = world_last(&w, 'A').verdict;
	assert_int_equal(v.order, ORDER_UNKNOWN);
	assert_int_equal(v.order_reason, REASON_NOT_WATCHED);
	world_release(&w);
}

static void case_6_a_tie_gives_one_row_in_either_order(void **state)
{
	static const char *const stories[] = { "R%@0 R%a@0.5 W@1h", "R%a@0.5 R%@0 W@1h" };
	struct buf texts[2] = { BUF_INIT(1 << 20), BUF_INIT(1 << 20) };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		begin(&w, stories[i]);
		world_runs(&w, true, &texts[i]);
		world_release(&w);
	}
	assert_string_equal(buf_text(&texts[0]), buf_text(&texts[1]));
	buf_release(&texts[0]);
	buf_release(&texts[1]);
}

static void case_8_a_busy_sender_has_one_run_a_day(void **state)
{
	struct world w;
	struct world_walk walks[16] = { 0 };
	(void)state;
	world_init(&w);
	w.is_lazy = true;
	world_begin(&w);
	world_play_each(&w, "R", 0, 5 * 1440, 20);
	world_play(&w, "W@5d");
	assert_int_equal(world_walks(&w, 'A', walks, 16), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(walks[i].verdict.fate, FATE_REACHED);
	world_release(&w);
}

static void case_10_a_generic_name_is_its_own_pool(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'A', "ec2-20-1-1-1.amazonaws.com", true);
	world_name(&w, 'X', "ec2-30-1-1-1.amazonaws.com", true);
	world_play(&w, "X:R@10 H@0 W@5h");
	expect(&w, 'A', ORDER_BACKDOOR, FATE_STOPPED);
	world_release(&w);
}

static void the_domain_of_a_name_is_a_pool(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'A', "mx1.good.example", false);
	world_name(&w, 'X', "mx2.good.example", false);
	world_play(&w, "X:R@10 H@0 W@5h");
	expect(&w, 'A', ORDER_UNKNOWN, FATE_UNKNOWN);
	/* 36: the name goes away, what it excused stays excused. */
	world_name(&w, 'A', "", false);
	world_play(&w, "W@6h");
	expect(&w, 'A', ORDER_UNKNOWN, FATE_UNKNOWN);
	world_release(&w);
}

static void case_12_a_tier_never_falls(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "H@0 W@5h");
	assert_int_equal(world_last(&w, 'A').verdict.tier, TIER_NONE);
	world_name(&w, 'A', "mx1.good.example", false);
	world_play(&w, "W@6h");
	assert_int_equal(world_last(&w, 'A').verdict.tier, TIER_WEAK);
	world_name(&w, 'A', "", false);
	world_play(&w, "W@7h");
	assert_int_equal(world_last(&w, 'A').verdict.tier, TIER_WEAK);
	world_release(&w);
}

static void case_13_has_one_tier_at_every_reading(void **state)
{
	static const char *const moments[] = { "W@4h", "W@5d", "W@30d", "W@60d" };
	struct world w;
	(void)state;
	world_init(&w);
	world_play(&w, "Rk@-80d W@-79d W@-1d H@0 W@1h");
	for (size_t i = 0; i < 4; i++) {
		world_play(&w, moments[i]);
		assert_int_equal(world_last(&w, 'A').verdict.fate, FATE_STOPPED);
		assert_int_equal(world_last(&w, 'A').verdict.tier, TIER_KNOWN);
	}
	world_release(&w);
}

static void tiers_rise_with_what_is_known(void **state)
{
	static const struct {
		const char *before, *spf, *wrote;
		enum tier tier;
	} all[] = {
		{ "C:R@-2d", "", "", TIER_NONE },
		{ "C:R@-2d", "good.example", "", TIER_PLAUSIBLE },
		{ "C:R@-2d", "good.example", "good.example", TIER_KNOWN },
		{ "C:R@-2d", "good.example", "other.example", TIER_PLAUSIBLE },
		{ "R@-2d", "", "", TIER_RETURNING },
		{ "R@-91d", "", "", TIER_NONE },
		{ "Rk@-2d", "", "", TIER_KNOWN },
		{ "Rs@-2d", "", "", TIER_NONE }, /* 28: spam makes nobody known */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct world w;
		world_init(&w);
		world_play(&w, all[i].before);
		if (all[i].wrote[0])
			world_wrote(&w, all[i].wrote, "-3d");
		world_play(&w, "W@-1d H@0");
		if (all[i].spf[0])
			world_spf(&w, 'A', all[i].spf, "1");
		world_play(&w, "W@5h");
		struct verdict v = world_last(&w, 'A').verdict;
		if (v.fate != FATE_STOPPED || v.tier != all[i].tier)
			fail_msg("%s, SPF %s, wrote to %s: got %s, want %s",
				 all[i].before, all[i].spf, all[i].wrote,
				 tier_name(v.tier), tier_name(all[i].tier));
		world_release(&w);
	}
}

/* Twenty and more clients in ten minutes. */
static void play_crowd(struct world *w, const char *event, int minute)
{
	char line[64];
	for (char c = 'C'; c <= 'Z'; c++) {
		if (strchr("OPXYZV", c))
			continue;
		(void)snprintf(line, sizeof(line), "%c:%s@%d.%02d", c, event, minute * 60,
			       c - 'A');
		world_play(w, line);
		(void)snprintf(line, sizeof(line), "%c:%s@%d.%02d", c, event,
			       minute * 60 + 60, c - 'A');
		world_play(w, line);
	}
}

static void case_19_greylisting_is_no_trouble_but_a_421_to_everybody_is(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	play_crowd(&w, "R~", 0);
	world_play(&w, "H@150 W@10m W@1h W@5h");
	expect(&w, 'A', ORDER_BACKDOOR, FATE_STOPPED);
	world_release(&w);

	world_init(&w);
	world_begin(&w);
	play_crowd(&w, "R", -120);
	world_play(&w, "W@-1h");
	play_crowd(&w, "Rn!", 0);
	world_play(&w, "H@150 W@10m W@1h W@5h");
	struct verdict v = world_last(&w, 'A').verdict;
	assert_int_equal(v.order, ORDER_UNKNOWN);
	assert_int_equal(v.order_reason, REASON_NOT_WELL);
	world_release(&w);

	/* 37: bots get a 421 all day. */
	world_init(&w);
	world_begin(&w);
	play_crowd(&w, "Rn!", 0);
	world_play(&w, "H@150 W@10m W@1h W@5h");
	expect(&w, 'A', ORDER_BACKDOOR, FATE_STOPPED);
	world_release(&w);
}

static void case_21_two_families_of_one_host_are_one_sender(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'A', "mx1.good.example", false);
	world_name(&w, 'V', "mx1.good.example", false);
	world_play(&w, "L@0 V:R@3 W@1h");
	expect(&w, 'A', ORDER_STRAIGHT, FATE_REACHED);
	assert_int_equal(world_last(&w, 'A').verdict.delay_us, 3 * STAMP_SECOND);
	/* A third address makes them a pool. */
	world_name(&w, 'X', "mx1.good.example", false);
	world_play(&w, "W@2h");
	assert_int_equal(world_last(&w, 'A').verdict.delay_us, -1);
	world_release(&w);
}

/* What is told of one address of a sender asks the walks of the other again. */
static void case_21_late_lines_of_either_family_soften(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'A', "mx1.good.example", false);
	world_name(&w, 'V', "mx1.good.example", false);
	world_play(&w, "R@0 V:L@61 W@3m");
	assert_int_equal(world_last(&w, 'V').told.order, ORDER_SKIPPED);
	world_play(&w, "L@-20m^4m W@1h");
	assert_int_equal(world_last(&w, 'V').told.order, ORDER_STRAIGHT);
	/* Sealed, and the late contact is the other address's. */
	world_play(&w, "V:H@2h W@7h W@6d");
	assert_true(world_last(&w, 'V').told.is_sealed);
	assert_int_equal(world_last(&w, 'V').told.fate, FATE_STOPPED);
	world_play(&w, "R@3h^6d W@145h");
	assert_int_equal(world_last(&w, 'V').told.fate, FATE_REACHED);
	world_release(&w);
}

/* The contact is of a whole second, and may have come after the low visit, as its stamp
 * does not say. So what was open at the low visit was open between. */
static void case_21_the_other_address_was_at_a_real_host_already(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'A', "mx1.good.example", false);
	world_name(&w, 'V', "mx1.good.example", false);
	world_play(&w, "R%@0 L@0.5 W@5m");
	assert_int_equal(world_last(&w, 'A').verdict.delay_us, 0);
	world_play(&w, "V:R@0.4>3^6m W@1h");
	assert_int_equal(world_last(&w, 'A').verdict.delay_us, -1);
	world_release(&w);
}

/* Its pool is the prefixes of both its addresses. */
static void case_21_the_pool_is_that_of_either_family(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'C', "mx1.good.example", false);
	world_name(&w, 'Y', "mx1.good.example", false);
	world_play(&w, "C:H@0 W@5h");
	assert_int_equal(world_last(&w, 'C').told.fate, FATE_STOPPED);
	world_play(&w, "Z:R@6h W@7h");
	assert_int_equal(world_last(&w, 'C').told.fate, FATE_UNKNOWN);
	world_release(&w);
}

/* SPF speaks for a sender, whichever of its addresses passed it, and whenever we begin to
 * write to its domain. */
static void a_tier_rises_with_either_family_and_what_we_write(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'A', "mx1.good.example", false);
	world_name(&w, 'V', "mx1.good.example", false);
	world_play(&w, "H@0 W@5h");
	assert_int_equal(world_last(&w, 'A').told.tier, TIER_WEAK);
	world_spf(&w, 'V', "good.example", "5h");
	world_play(&w, "W@6h");
	assert_int_equal(world_last(&w, 'A').told.tier, TIER_PLAUSIBLE);
	world_wrote(&w, "good.example", "6h");
	world_play(&w, "W@7h");
	assert_int_equal(world_last(&w, 'A').told.tier, TIER_KNOWN);
	world_release(&w);
}

static void case_22_an_outage_drains_in_slices(void **state)
{
	enum { WALKS = 6000 };
	struct world w;
	struct error e = { 0, "" };
	bool has_more = true;
	unsigned steps = 0;
	(void)state;
	world_init(&w);
	w.batch = 2000;
	w.is_lazy = true;
	world_begin(&w);
	for (uint32_t i = 0; i < WALKS; i++) {
		struct line l = { .kind = LINE_VISIT, .seen = WORLD_ZERO };
		l.visit = (struct visit){ .host = HOST_HIGH,
					  .depth = DEPTH_CONNECT,
					  .precision_us = 1,
					  .time = WORLD_ZERO,
					  .helo = "",
					  .mail_from = "",
					  .recipient_domain = "",
					  .name = "" };
		l.visit.client = world_client('C');
		memcpy(l.visit.client.bytes + 12, &(uint32_t){ 40 + (i << 8) }, 4);
		world_line(&w, &l);
	}
	w.is_lazy = false;
	world_play(&w, "W@1h");
	assert_int_equal(w.backdoors, WALKS);
	w.is_lazy = true;
	ok_ask_again(&w);
	while (has_more) {
		assert_int_equal(due_step(w.due, w.seen, DUE_TIME, &has_more, &e), 0);
		steps++;
	}
	assert_true(steps >= WALKS / DUE_STEP);
	assert_int_equal(w.verdicts, WALKS);
	world_release(&w);
}

static void case_23_a_probe_a_minute_sweeps_no_more_than_its_outage(void **state)
{
	struct world w;
	struct error e = { 0, "" };
	(void)state;
	begin(&w, "H@0 W@1m");
	world_play_each(&w, "F", 2, 182, 1);
	world_play(&w, "W@183m");
	sqlite3_stmt *s = db_statement(w.db, "SELECT max(resweep) FROM grp");
	assert_int_equal(db_step(w.db, s, &e), 1);
	assert_in_range(sqlite3_column_int64(s, 0), 0, 4);
	db_done(s);
	world_release(&w);
}

static struct ask_quick ask_now_of(struct world *w, char client, const char *second,
				   const struct visit *fresh, size_t count)
{
	struct error e = { 0, "" };
	struct ask *a;
	struct ask_quick q;
	int64_t now = world_time(second);
	assert_int_equal(ask_open(w->db, now, &a, &e), 0);
	assert_int_equal(
	    ask_quick(a, world_client(client), 1, now, now, fresh, count, &q, &e), 0);
	ask_close(a);
	return q;
}

static void case_27_a_session_open_at_a_decoy_is_looked_at(void **state)
{
	struct world w;
	struct visit fresh = { .client = world_client('A'),
			       .host = HOST_HIGH,
			       .depth = DEPTH_RCPT,
			       .precision_us = 1,
			       .time = world_time("1h") - STAMP_SECOND };
	(void)state;
	begin(&w, "B:L@59m W@1h");
	assert_int_equal(ask_now_of(&w, 'A', "1h", &fresh, 1).quick.order, ORDER_UNKNOWN);
	struct ask_quick b = ask_now_of(&w, 'B', "1h", NULL, 0);
	assert_int_equal(b.quick.order, ORDER_STRAIGHT);
	assert_int_equal(b.quick.delay_us, STAMP_MINUTE);
	fresh.host = HOST_LOW;
	b = ask_now_of(&w, 'A', "1h", &fresh, 1);
	assert_int_equal(b.quick.order, ORDER_STRAIGHT);
	assert_int_equal(b.quick.delay_us, STAMP_SECOND);
	assert_true(ask_now_of(&w, 'O', "1h", NULL, 0).is_own);
	world_release(&w);
}

/* More runs than a look-up reads, most of them of long ago: its walks are all told, and
 * only those near one excuse it. */
static void a_busy_sender_is_told_whole(void **state)
{
	enum { RUNS = LOOKUP_MOST + 100 };
	struct world w;
	struct error e = { 0, "" };
	struct world_walk *walks = calloc(RUNS + 8, sizeof(*walks));
	(void)state;
	assert_non_null(walks);
	begin(&w, "H@0 W@5h");
	for (int i = 0; i < RUNS; i++) {
		int64_t began =
		    WORLD_ZERO - (20 + 2 * (int64_t)i) * STAMP_DAY / 60 - 20 * STAMP_DAY;
		struct run r = { .kind = RUN_REAL,
				 .group = 1,
				 .client = world_client('A'),
				 .began = began,
				 .last = began,
				 .width = 1,
				 .high = MOMENT_NONE,
				 .low = MOMENT_NONE,
				 .accepted = MOMENT_NONE,
				 .clean = MOMENT_NONE,
				 .unjudged = MOMENT_NONE,
				 .visits = 1,
				 .depth = DEPTH_CONNECT,
				 .told = TOLD_NONE };
		assert_int_equal(db_write_run(w.db, &r, &e), 0);
	}
	assert_int_equal(world_walks(&w, 'A', walks, RUNS + 8), RUNS + 1);
	assert_true(walks[RUNS].is_decoy);
	assert_int_equal(walks[RUNS].verdict.order, ORDER_BACKDOOR);
	world_release(&w);
	free(walks);
}

/* serve keeps one open, and writes through the same connection. */
static void a_question_knows_what_was_written_since_the_last(void **state)
{
	struct world w;
	struct error e = { 0, "" };
	struct ask *a;
	struct ask_quick q;
	int64_t now = world_time("1h");
	(void)state;
	begin(&w, "W@1h");
	assert_int_equal(ask_open(w.db, now, &a, &e), 0);
	assert_int_equal(ask_quick(a, world_client('B'), 1, now, now, NULL, 0, &q, &e),
			 0);
	assert_int_equal(q.quick.order, ORDER_UNKNOWN);
	world_play(&w, "B:L@119m W@2h");
	now = world_time("2h");
	assert_int_equal(ask_quick(a, world_client('B'), 1, now, now, NULL, 0, &q, &e),
			 0);
	assert_int_equal(q.quick.order, ORDER_STRAIGHT);
	assert_int_equal(q.quick.delay_us, STAMP_MINUTE);
	ask_close(a);
	world_release(&w);
}

static void case_29_nothing_is_judged_while_the_clock_is_wrong(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "H@0 W@1m");
	due_hold(w.due, true);
	world_play(&w, "W@5h W@6d");
	assert_int_equal(w.stops, 0);
	due_hold(w.due, false);
	world_play(&w, "W@145h");
	assert_int_equal(w.stops, 1);
	world_release(&w);
}

static void case_31_a_knock_alone_is_no_walk(void **state)
{
	struct world w;
	struct world_walk walks[2];
	(void)state;
	begin(&w, "l@0 h@10 W@5h");
	assert_int_equal(world_walks(&w, 'A', walks, 2), 0);
	world_release(&w);
}

static void case_33_nothing_is_told_in_an_outage_that_has_not_ended(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "F@-10m H@0 w@1h");
	assert_int_equal(w.verdicts, 0);
	world_release(&w);
}

static void case_38_all_clients_behind_one_address(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	w.is_lazy = true;
	world_begin(&w);
	world_play_each(&w, "R", -1000, -1000 + 210 * 2, 2);
	world_play(&w, "C:R@-20m H@0 W@5h");
	struct verdict v = world_last(&w, 'A').verdict;
	assert_int_equal(v.order, ORDER_UNKNOWN);
	assert_int_equal(v.order_reason, REASON_NAT);
	world_release(&w);
}

static void case_41_each_part_of_a_run_cut_at_midnight_is_for_itself(void **state)
{
	struct world w;
	struct world_walk walks[4] = { 0 };
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_play_each(&w, "H", 900, 1020, 20);
	world_play(&w, "W@22h W@5.65d");
	assert_int_equal(world_walks(&w, 'A', walks, 4), 2);
	assert_true(walks[0].verdict.is_final);
	assert_false(walks[1].verdict.is_final);
	world_release(&w);
}

static void case_36_what_was_excused_stays_so_when_a_name_goes(void **state)
{
	struct world w;
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'A', "a.good.example", false);
	world_name(&w, 'X', "x.good.example", false);
	world_play(&w, "X:R@-1h H@0 W@5h");
	expect(&w, 'A', ORDER_UNKNOWN, FATE_UNKNOWN);
	world_name(&w, 'X', "", false);
	world_play(&w, "W@6h");
	expect(&w, 'A', ORDER_UNKNOWN, FATE_UNKNOWN);
	assert_int_equal(world_last(&w, 'A').told.fate, FATE_UNKNOWN);
	world_release(&w);
}

/* As if all that was found were but the first of it. */
static struct verdict decided_of_many(struct world *w)
{
	struct error e = { 0, "" };
	struct coverage *c = take_coverage(w->take);
	struct lookup q = { .db = w->db, .sites = coverage_get_sites(c) };
	struct run_list runs = { 0 };
	struct sender who;
	const struct view *v;
	struct walk walk;
	struct proof p;
	assert_int_equal(coverage_view(c, 1, w->seen, &v, &e), 0);
	assert_int_equal(sender_find(&q, world_client('A'), &who, &e), 0);
	assert_int_equal(sender_runs(&q, 1, &who, 0, INT64_MAX, &runs, &e), 0);
	struct run real = runs.at[0];
	assert_int_equal(real.kind, RUN_REAL);
	walk_of(&real, runs.at + 1, runs.count - 1, &walk);
	while (runs.count < LOOKUP_MOST)
		run_list_add(&runs, &real);
	proof_own(&walk, runs.at, runs.count, &w->rules, &p);
	assert_int_equal(
	    proof_make(&q, &walk, &who, runs.at, runs.count, v, &w->rules, &p, &e), 0);
	run_list_release(&runs);
	lookup_clear(&q);
	return decide(&walk, &p, v, &w->rules);
}

static void more_than_a_look_up_reads_excuses(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "R@0 W@1h");
	expect(&w, 'A', ORDER_SKIPPED, FATE_REACHED);
	assert_int_equal(decided_of_many(&w).order, ORDER_STRAIGHT);
	world_release(&w);
	begin(&w, "l@0 R@3 W@1h");
	assert_int_equal(world_last(&w, 'A').verdict.delay_us, S(3));
	assert_int_equal(decided_of_many(&w).delay_us, NO_DELAY);
	world_release(&w);
}

static void case_16_forgetting_makes_nobody_worse(void **state)
{
	struct world w;
	struct error e = { 0, "" };
	(void)state;
	world_init(&w);
	world_begin(&w);
	world_name(&w, 'X', "mx1.good.example", false);
	world_name(&w, 'C', "mx2.good.example", false);
	/* B is excused by its prefix, C by its name's domain, D by nobody. */
	world_play(&w, "A:R~@-1h X:R~@-1h B:H@0 C:H@0 D:H@0 W@5h");
	expect(&w, 'B', ORDER_UNKNOWN, FATE_UNKNOWN);
	expect(&w, 'C', ORDER_UNKNOWN, FATE_UNKNOWN);
	expect(&w, 'D', ORDER_BACKDOOR, FATE_STOPPED);
	assert_true(journal_forget(w.db, "20.1.1.1", w.seen, &e) > 0);
	assert_true(journal_forget(w.db, "30.1.1.1", w.seen, &e) > 0);
	ok_ask_again(&w);
	world_play(&w, "W@6h");
	struct world_walk walks[1];
	assert_int_equal(world_walks(&w, 'A', walks, 1), 0);
	expect(&w, 'B', ORDER_UNKNOWN, FATE_UNKNOWN);
	expect(&w, 'C', ORDER_UNKNOWN, FATE_UNKNOWN);
	world_play(&w, "W@6d");
	expect(&w, 'B', ORDER_UNKNOWN, FATE_UNKNOWN);
	expect(&w, 'C', ORDER_UNKNOWN, FATE_UNKNOWN);
	world_release(&w);
}

/* A visit with more envelopes than a line names may have brought any of its pool's. */
static void case_16_and_20_what_many_envelopes_cleared_stays_so(void **state)
{
	struct world w;
	struct error e = { 0, "" };
	(void)state;
	begin(&w, TELLS "X:Rm@2h A:R~=E@0 A:H=E@1.5 B:R~=F@0 B:H=F@1.5 W@6h");
	assert_true(world_last(&w, 'A').verdict.missing);
	/* Its name is learnt later than both came. */
	world_name(&w, 'A', "mx1.good.example", false);
	world_name(&w, 'X', "mx2.good.example", false);
	world_play(&w, "W@7h");
	assert_false(world_last(&w, 'A').told.missing);
	assert_true(world_last(&w, 'B').told.missing);
	assert_true(journal_forget(w.db, "30.1.1.1", w.seen, &e) > 0);
	ok_ask_again(&w);
	world_play(&w, "W@8h");
	assert_false(world_last(&w, 'A').told.missing);
	world_release(&w);
}

/* ---- two sites ---- */

static void make_pair(struct host hosts[2], const char *real, const char *decoy)
{
	static const char *const names[] = { "mail", "fake" };
	for (size_t i = 0; i < 2; i++) {
		hosts[i] = (struct host){ .role = i ? ROLE_DECOY : ROLE_REAL,
					  .posture = i ? POSTURE_DEFER : POSTURE_CLOSED,
					  .preference = (uint16_t)(10 + 10 * i),
					  .address_count = 1 };
		hosts[i].addresses[0].port = SMTP_PORT;
		assert_true(addr_parse(i ? decoy : real, &hosts[i].addresses[0].addr));
		(void)snprintf(hosts[i].name, sizeof(hosts[i].name), "%s.%s.example",
			       names[i], decoy);
		(void)snprintf(hosts[i].watch, sizeof(hosts[i].watch), "%s",
			       i ? "" : "feed");
	}
}

struct two {
	struct world w; /* its journal; the site is not used */
	struct host hosts[4];
	struct site sites[2];
};

static void define_two(struct two *t, const char *second_real)
{
	struct error e = { 0, "" };
	make_pair(t->hosts, "5.9.1.1", "5.9.1.3");
	make_pair(t->hosts + 2, second_real, "5.9.2.3");
	for (size_t i = 0; i < 2; i++) {
		t->sites[i] = (struct site){ .layout = LAYOUT_HIGH,
					     .hosts = t->hosts + 2 * i,
					     .host_count = 2 };
		(void)snprintf(t->sites[i].name, sizeof(t->sites[i].name), "site%zu", i);
		(void)site_set_places(&t->sites[i]);
	}
	assert_int_equal(
	    sites_define(t->w.db, t->sites, 2, &t->w.rules, t->w.seen, false, &e), 0);
	assert_int_equal(take_sites(t->w.take, &e), 0);
}

static void mark_two(struct two *t, const char *second)
{
	for (size_t i = 0; i < 4; i++) {
		struct line l = { .kind = LINE_WATERMARK,
				  .host = t->hosts[i].id,
				  .time = world_time(second),
				  .seen = world_time(second) };
		world_line(&t->w, &l);
		l.kind = LINE_PROBE;
		l.is_ok = true;
		if (t->hosts[i].role == ROLE_REAL)
			world_line(&t->w, &l);
	}
}

static void come_to(struct two *t, size_t host, char client, const char *second)
{
	struct line l = { .kind = LINE_VISIT, .seen = world_time(second) };
	l.visit = (struct visit){ .client = world_client(client),
				  .host = t->hosts[host].id,
				  .depth = DEPTH_CONNECT,
				  .outcome = host % 2 ? OUTCOME_NONE : OUTCOME_REJECTED,
				  .precision_us = 1,
				  .time = world_time(second),
				  .helo = "",
				  .mail_from = "",
				  .recipient_domain = "",
				  .name = "" };
	world_line(&t->w, &l);
}

/* C comes to one site's real host and to the other's decoy. */
static void case_17_sites_share_an_address_and_part_again(void **state)
{
	struct two t;
	(void)state;
	world_init(&t.w);
	t.w.seen = WORLD_ZERO - 20 * STAMP_DAY;
	define_two(&t, "5.9.2.1");
	assert_int_not_equal(sites_group(take_get_sites(t.w.take), t.sites[0].id),
			     sites_group(take_get_sites(t.w.take), t.sites[1].id));
	mark_two(&t, "-10d");
	come_to(&t, 0, 'C', "-1h");
	come_to(&t, 3, 'C', "0");
	mark_two(&t, "5h");
	expect(&t.w, 'C', ORDER_BACKDOOR, FATE_STOPPED);
	/* One address: the runs of before are looked at together. */
	define_two(&t, "5.9.1.1");
	assert_int_equal(sites_group(take_get_sites(t.w.take), t.sites[0].id),
			 sites_group(take_get_sites(t.w.take), t.sites[1].id));
	mark_two(&t, "6h");
	expect(&t.w, 'C', ORDER_UNKNOWN, FATE_STOPPED);
	come_to(&t, 0, 'D', "60h");
	come_to(&t, 3, 'D', "61h");
	mark_two(&t, "66h");
	expect(&t.w, 'D', ORDER_UNKNOWN, FATE_STOPPED);
	/* They part: what was said stays, and is told once. */
	define_two(&t, "5.9.2.1");
	mark_two(&t, "67h");
	expect(&t.w, 'C', ORDER_UNKNOWN, FATE_STOPPED);
	expect(&t.w, 'D', ORDER_UNKNOWN, FATE_STOPPED);
	struct world_walk walks[8];
	assert_int_equal(world_walks(&t.w, 'D', walks, 8), 2);
	world_release(&t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_each_case),
		cmocka_unit_test(case_2_is_told_once),
		cmocka_unit_test(case_4_what_is_decided_stays_when_a_host_comes),
		cmocka_unit_test(
		    case_4_hours_of_a_removed_host_that_were_not_told_are_unwatched),
		cmocka_unit_test(case_6_a_tie_gives_one_row_in_either_order),
		cmocka_unit_test(case_8_a_busy_sender_has_one_run_a_day),
		cmocka_unit_test(case_10_a_generic_name_is_its_own_pool),
		cmocka_unit_test(the_domain_of_a_name_is_a_pool),
		cmocka_unit_test(case_12_a_tier_never_falls),
		cmocka_unit_test(case_13_has_one_tier_at_every_reading),
		cmocka_unit_test(tiers_rise_with_what_is_known),
		cmocka_unit_test(
		    case_19_greylisting_is_no_trouble_but_a_421_to_everybody_is),
		cmocka_unit_test(case_21_two_families_of_one_host_are_one_sender),
		cmocka_unit_test(case_21_late_lines_of_either_family_soften),
		cmocka_unit_test(case_21_the_other_address_was_at_a_real_host_already),
		cmocka_unit_test(case_21_the_pool_is_that_of_either_family),
		cmocka_unit_test(a_tier_rises_with_either_family_and_what_we_write),
		cmocka_unit_test(case_22_an_outage_drains_in_slices),
		cmocka_unit_test(case_23_a_probe_a_minute_sweeps_no_more_than_its_outage),
		cmocka_unit_test(case_27_a_session_open_at_a_decoy_is_looked_at),
		cmocka_unit_test(a_busy_sender_is_told_whole),
		cmocka_unit_test(a_question_knows_what_was_written_since_the_last),
		cmocka_unit_test(case_29_nothing_is_judged_while_the_clock_is_wrong),
		cmocka_unit_test(case_31_a_knock_alone_is_no_walk),
		cmocka_unit_test(case_33_nothing_is_told_in_an_outage_that_has_not_ended),
		cmocka_unit_test(case_38_all_clients_behind_one_address),
		cmocka_unit_test(
		    case_41_each_part_of_a_run_cut_at_midnight_is_for_itself),
		cmocka_unit_test(case_36_what_was_excused_stays_so_when_a_name_goes),
		cmocka_unit_test(more_than_a_look_up_reads_excuses),
		cmocka_unit_test(case_16_forgetting_makes_nobody_worse),
		cmocka_unit_test(case_16_and_20_what_many_envelopes_cleared_stays_so),
		cmocka_unit_test(case_17_sites_share_an_address_and_part_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
