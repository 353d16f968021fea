/* Which hours at a high decoy list a sender, and what keeps it off. Second 0 is 08:00. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TWICE "H@0 H@2h W@182m"
#define HOUR STAMP_HOUR

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
	{ "two visits two hours apart", NOT_NAMED, TWICE, true, REASON_LISTED, 2 },
	{ "one visit", NOT_NAMED, "H@0 W@62m", false, REASON_TOO_FEW, 1 },
	{ "two visits within an hour", NOT_NAMED, "H@0 H@59m W@62m", false, REASON_TOO_FEW, 1 },
	{ "the next hour is too near", NOT_NAMED, "H@0 H@61m W@122m", false, REASON_TOO_FEW, 1 },
	{ "the end of one hour, the beginning of the second next", NOT_NAMED, "H@59m H@2h W@182m",
	  true, REASON_LISTED, 2 },
	{ "many visits, and one after", NOT_NAMED, "H@0 H@5m H@30m H@61m H@121m W@182m", true,
	  REASON_LISTED, 2 },
	{ "seven days apart", NOT_NAMED, "H@0 W@2h H@168h W@170h", true, REASON_LISTED, 2 },
	{ "longer apart: it counts anew", NOT_NAMED, "H@0 W@2h H@169h W@171h", false,
	  REASON_TOO_FEW, 1 },
	{ "what was too near is no first", NOT_NAMED, "H@0 H@61m W@3h H@169h W@171h", false,
	  REASON_TOO_FEW, 1 },
	{ "the second hour is not confirmed yet", NOT_NAMED, "H@0 H@2h W@180m", false,
	  REASON_TOO_FEW, 1 },
	{ "visits that never named a recipient", NOT_NAMED, "Hn@0 Hn@2h W@182m", false,
	  REASON_TOO_FEW, 0 },
	{ "visits for a domain of somebody else's", NOT_NAMED, "Hd@0 Hd@2h W@182m", false,
	  REASON_TOO_FEW, 0 },
	{ "visits to the low decoy", NOT_NAMED, "L@0 L@2h W@182m", false, REASON_TOO_FEW, 0 },
	{ "visits to the control", NOT_NAMED, "C@0 C@2h W@182m", false, REASON_TOO_FEW, 0 },
	{ "knocks", NOT_NAMED, "h@0 h@2h W@182m", false, REASON_TOO_FEW, 0 },
	{ "a real host met between the two", NOT_NAMED, "H@0 R-@90m H@2h W@182m", false,
	  REASON_TOO_FEW, 1 },
	{ "a real host met within a minute after the second hour", NOT_NAMED,
	  "H@0 H@2h R-@10859 W@182m", false, REASON_TOO_FEW, 1 },
	{ "case 39: a sender that goes to the high decoy first for a day, and delivers all",
	  NOT_NAMED, "Rc@-1h H@0 R@5 H@2h R@7205 H@5h R@18005 W@7h", false, REASON_AT_RISK, 0 },
	{ "a high-first sender whose mail is all accepted", NOT_NAMED,
	  "H@0 R@20m H@2h R@140m H@5h W@7h", false, REASON_AT_RISK, 0 },
	{ "the second while a real host was down", NOT_NAMED,
	  "H@0 W@61m F@90m H@2h P@181m W@182m", false, REASON_TOO_FEW, 1 },
	{ "the second while nobody watched", NOT_NAMED, "H@0 W@61m H@2h [@150m W@182m", false,
	  REASON_TOO_FEW, 1 },
	{ "the second reported too late", NOT_NAMED, "H@0 W@3h H@2h W@4h", false,
	  REASON_TOO_FEW, 1 },
	{ "mail accepted the day before", NOT_NAMED, "R@-25h " TWICE, false, REASON_AT_RISK, 2 },
	{ "case 28: mail accepted and called spam", NOT_NAMED, "Rs@-25h " TWICE, false,
	  REASON_POOL_ACCEPTED, 2 },
	{ "mail of its pool accepted", NOT_NAMED, "B:R@-25h " TWICE, false,
	  REASON_POOL_ACCEPTED, 2 },
	{ "mail of its domain accepted", POOL_OF_X, "X:R@-25h " TWICE, false, REASON_AT_RISK, 2 },
	{ "mail of somebody else's accepted", NOT_NAMED, "X:R@-25h " TWICE, true, REASON_LISTED, 2 },
	{ "a good name", GOOD, TWICE, false, REASON_AT_RISK, 2 },
	{ "a generic name", GENERIC, TWICE, true, REASON_LISTED, 2 },
	{ "a generic name that it says in HELO", GENERIC, "He@0 He@2h W@182m", false,
	  REASON_AT_RISK, 2 },
	{ "a name that does not confirm", UNCONFIRMED, "He@0 He@2h W@182m", true,
	  REASON_LISTED, 2 },
	{ "SPF passes", SPF, TWICE, false, REASON_AT_RISK, 2 },
	{ "on the allow list", ALLOWED, TWICE, false, REASON_ALLOWED, 2 },
	{ "case 35: a contact told late", NOT_NAMED, TWICE " R-@30^183m", false,
	  REASON_WITHDRAWN, 2 },
	{ "case 35: and no new listing by a shifted phase", NOT_NAMED,
	  TWICE " R-@30^183m H@4h H@6h W@8h", false, REASON_WITHDRAWN, 2 },
	{ "a contact of the pool told late", NOT_NAMED, TWICE " B:R-@30^183m", false,
	  REASON_WITHDRAWN, 2 },
	{ "a contact after, in time", NOT_NAMED, TWICE " R-@183m W@190m", true, REASON_LISTED, 2 },
	{ "mail accepted after", NOT_NAMED, TWICE " R@183m W@190m", false, REASON_AT_RISK, 2 },
	{ "mail of the pool accepted after", NOT_NAMED, TWICE " B:R@183m W@190m", false,
	  REASON_POOL_ACCEPTED, 2 },
	{ "a day later it is over", NOT_NAMED, TWICE " W@27h", false, REASON_TOO_FEW, 0 },
	{ "visits while listed do not renew", NOT_NAMED, TWICE " H@10h H@20h W@27h",
	  false, REASON_TOO_FEW, 0 },
	{ "nor do they count for the next time", NOT_NAMED,
	  TWICE " H@10h H@20h H@28h W@30h", false, REASON_TOO_FEW, 1 },
	{ "but two after it ended do", NOT_NAMED,
	  TWICE " H@28h H@30h W@1862m", true, REASON_LISTED, 2 },
};
/* clang-format on */

static void learn(struct story *s, enum learnt what)
{
	if (what == POOL_OF_X)
		story_name(s, 'X', "x.good.example", "good.example", true, false);
	if (what == GOOD || what == GENERIC || what == UNCONFIRMED || what == POOL_OF_X)
		story_name(s, 'A', "mail.good.example", "good.example",
			   what != UNCONFIRMED, what == GENERIC);
	s->spf_passes[0] = what == SPF;
	s->is_allowed[0] = what == ALLOWED;
}

static struct story *begin(bool enforce, bool lab)
{
	struct story *s = story_new();
	s->rules.enforce = enforce;
	s->rules.lab = lab;
	return s;
}

static void each_condition_for_the_list(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct story *s = begin(true, true);
		learn(s, rows[i].learnt);
		story_play(s, rows[i].events);
		struct listing got = story_listing(s, 'A');
		if (got.is_listed != rows[i].is_listed || got.reason != rows[i].why ||
		    got.counted_visits != rows[i].counted || got.would_be) {
			print_error("%s: got %d, %s, %u; want %d, %s, %u\n",
				    rows[i].story, got.is_listed, reason_text(got.reason),
				    got.counted_visits, rows[i].is_listed,
				    reason_text(rows[i].why), rows[i].counted);
			wrong++;
		}
		story_free(s);
	}
	assert_int_equal(wrong, 0);
}

static void a_listing_lasts_a_day_from_the_end_of_its_second_hour(void **state)
{
	(void)state;
	struct story *s = begin(true, true);
	story_play(s, "H@30m H@150m W@182m");
	struct listing l = story_listing(s, 'A');
	assert_int_equal(l.since, story_time(3 * 3600));
	assert_int_equal(l.until, story_time(27 * 3600));
	story_play(s, "W@27h");
	l = story_listing(s, 'A');
	assert_int_equal(l.since, 0);
	assert_int_equal(l.until, 0);
	story_free(s);
}

static void in_observe_nobody_is_listed_but_one_sees_who_would_be(void **state)
{
	(void)state;
	struct story *s = begin(false, true);
	story_play(s, TWICE);
	struct listing l = story_listing(s, 'A');
	assert_false(l.is_listed);
	assert_true(l.would_be);
	assert_int_equal(l.reason, REASON_OBSERVE);
	s->is_allowed[0] = true; /* what keeps it off keeps it off here too */
	assert_false(story_listing(s, 'A').would_be);
	story_free(s);
}

static void enforce_asks_for_fourteen_watched_days(void **state)
{
	(void)state;
	struct story *s = begin(true, false);
	story_play(s, TWICE);
	struct listing l = story_listing(s, 'A');
	assert_int_equal(l.reason, REASON_WATCHED_DAYS);
	assert_true(l.would_be && !l.is_listed);
	story_play(s, "X:H@308h X:H@310h W@311.5h");
	assert_int_equal(story_listing(s, 'X').reason, REASON_WATCHED_DAYS);
	story_play(s, "W@313h");
	assert_true(story_listing(s, 'X').is_listed);
	story_free(s);
}

static void our_own_and_private_addresses_are_never_listed(void **state)
{
	(void)state;
	struct story *s = begin(true, false);
	story_play(s, "W@15d P:H@361h O:H@361h P:H@363h O:H@363h W@365h");
	assert_int_equal(story_listing(s, 'P').reason, REASON_OWN_ADDRESS);
	assert_int_equal(story_listing(s, 'O').reason, REASON_OWN_ADDRESS);
	s->rules.lab = true; /* in the lab private ones may be */
	assert_true(story_listing(s, 'P').is_listed);
	assert_int_equal(story_listing(s, 'O').reason, REASON_OWN_ADDRESS);
	story_free(s);
}

/* Case 18: one walk a day, and its visits while listed do not renew the listing. */
static void a_bot_each_twenty_minutes_is_listed_again_when_it_was_over(void **state)
{
	(void)state;
	static const struct {
		int64_t since, until; /* hours */
	} want[] = { { 3, 27 }, { 30, 54 }, { 57, 81 } };
	struct story *s = begin(true, true);
	struct span got[10];
	struct listing_count since;
	size_t runs;
	for (int i = 0; i < 3 * 58; i++) {
		char event[40];
		(void)snprintf(event, sizeof(event), "H@%dm", 20 * i);
		story_play(s, event);
	}
	free(story_runs(s, &runs));
	assert_int_equal(runs, 3); /* from 08:00 for 58 hours */
	story_play(s, "W@60h");
	size_t count = story_listings(s, 'A', got, 10, &since);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(got[i].since, STORY_ZERO + want[i].since * HOUR);
		assert_int_equal(got[i].until, STORY_ZERO + want[i].until * HOUR);
	}
	story_free(s);
}

static void the_fold_goes_on_from_the_last_listing(void **state)
{
	(void)state;
	const struct listing_hour hours[] = {
		{ .began = 0 },         { .began = 2 * HOUR },  { .began = 5 * HOUR },
		{ .began = 27 * HOUR }, { .began = 28 * HOUR }, { .began = 29 * HOUR },
		{ .began = 60 * HOUR },
	};
	const size_t count = sizeof(hours) / sizeof(hours[0]);
	struct rules rules = rules_default();
	struct span all[8], one[1];
	struct listing_count since;
	int64_t known = 40 * HOUR;
	assert_int_equal(
	    listing_fold(hours, count, INT64_MIN, &rules, known, all, 8, &since), 2);
	assert_int_equal(all[1].since, 30 * HOUR);
	assert_int_equal(since.hour, MOMENT_NONE);
	assert_int_equal(since.need, 61 * HOUR + STAMP_MINUTE);
	/* One at a time, each from the end of the one before: the same. */
	int64_t from = INT64_MIN;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    listing_fold(hours, count, from, &rules, known, one, 1, &since), 1);
		assert_int_equal(one[0].since, all[i].since);
		from = one[0].until;
	}
	assert_int_equal(listing_fold(hours, count, from, &rules, known, one, 1, &since),
			 0);
	assert_int_equal(since.need, 61 * HOUR + STAMP_MINUTE);
	known = 61 * HOUR + STAMP_MINUTE;
	assert_int_equal(listing_fold(hours, count, from, &rules, known, one, 1, &since),
			 0);
	assert_int_equal(since.hour, 60 * HOUR);
	assert_int_equal(since.need, MOMENT_NONE);
}

/* `need`: stepped, nothing changes below it. */
static void below_its_need_no_count_changes(void **state)
{
	(void)state;
	const struct listing_hour hours[] = { { .began = 0 },
					      { .began = 2 * HOUR, .has_contact = true },
					      { .began = 3 * HOUR, .is_excused = true },
					      { .began = 4 * HOUR },
					      { .began = 40 * HOUR },
					      { .began = 50 * HOUR } };
	struct rules rules = rules_default();
	struct listing_count last = { MOMENT_NONE, 0 };
	size_t last_made = 0;
	for (int64_t f = 0; f < 60 * HOUR; f += STAMP_MINUTE) {
		struct span made[8];
		struct listing_count now;
		size_t n = listing_fold(hours, 6, INT64_MIN, &rules, f, made, 8, &now);
		bool is_changed = n != last_made || now.hour != last.hour;
		bool was_needed = last.need != MOMENT_NONE && last.need <= f;
		assert_int_equal(is_changed, f > 0 && was_needed);
		last = now;
		last_made = n;
	}
	assert_int_equal(last_made, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_for_the_list),
		cmocka_unit_test(a_listing_lasts_a_day_from_the_end_of_its_second_hour),
		cmocka_unit_test(in_observe_nobody_is_listed_but_one_sees_who_would_be),
		cmocka_unit_test(enforce_asks_for_fourteen_watched_days),
		cmocka_unit_test(our_own_and_private_addresses_are_never_listed),
		cmocka_unit_test(
		    a_bot_each_twenty_minutes_is_listed_again_when_it_was_over),
		cmocka_unit_test(the_fold_goes_on_from_the_last_listing),
		cmocka_unit_test(below_its_need_no_count_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
