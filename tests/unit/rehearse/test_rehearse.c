#include "rehearse/population.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Part two of the article: fake0 0, mail 10, backup-mail 20, fake1 30. */
static const struct trip_host part_two[] = { { .preference = 0 },
					     { .preference = 10 },
					     { .preference = 20 },
					     { .preference = 30 } };
enum { HOSTS = sizeof(part_two) / sizeof(part_two[0]) };

static const enum state as_designed[HOSTS] = { STATE_RESET, STATE_OPEN, STATE_OPEN,
					       STATE_DEFER_RCPT };
static const enum state real_ones_down[HOSTS] = { STATE_RESET, STATE_CLOSED, STATE_CLOSED,
						  STATE_DEFER_RCPT };
static const enum state low_defers[HOSTS] = { STATE_DEFER_RCPT, STATE_OPEN, STATE_OPEN,
					      STATE_DEFER_RCPT };

/* clang-format off */
static const struct {
	const char *story, *profile;
	const enum state *states;
	const char *path; /* hosts tried, in order */
	enum trip_step end;
} trips[] = {
	{ "Postfix walks past the low decoy",     "postfix",    as_designed,    "01",   TRIP_DELIVERED },
	{ "so does OpenSMTPD",                    "opensmtpd",  as_designed,    "01",   TRIP_DELIVERED },
	{ "Exim tries all when the real are down", "exim",      real_ones_down, "0123", TRIP_LATER },
	{ "Courier stays at a low decoy that answers", "courier", low_defers,   "0",    TRIP_LATER },
	{ "Postfix walks past one that answers",  "postfix",    low_defers,     "01",   TRIP_DELIVERED },
	{ "a bot that knows the first only",      "first-only", as_designed,    "0",    TRIP_LOST },
	{ "a bot that knows the last only",       "last-only",  as_designed,    "3",    TRIP_LOST },
	{ "a bot that dials all at once",         "shotgun",    as_designed,    "3210", TRIP_DELIVERED },
	{ "the same while the real are down",     "shotgun",    real_ones_down, "3210", TRIP_LOST },
	{ "a bot that behaves like a server",     "retrying",   as_designed,    "01",   TRIP_DELIVERED },
	{ "it tries again too",                   "retrying",   real_ones_down, "0123", TRIP_LATER },
};
/* clang-format on */

static enum trip_step walk(struct trip *t, const enum state *states, char *path)
{
	size_t n = 0, host = 0;
	int64_t wait_us;
	enum trip_step step;
	while ((step = trip_next(t, &host, &wait_us)) == TRIP_TRY) {
		assert_true(n < HOSTS); /* nobody is tried twice in one run */
		assert_true(wait_us >= 0);
		path[n++] = (char)('0' + host);
		trip_saw(t, host, states[host]);
	}
	path[n] = '\0';
	return step;
}

static void trips_follow_the_rules_of_the_program(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trips) / sizeof(trips[0]); i++) {
		struct trip t;
		uint64_t random = 1;
		const struct profile *p = profile_find(trips[i].profile);
		assert_non_null(p);
		trip_begin(&t, p, part_two, HOSTS, &random);
		char path[HOSTS + 1];
		enum trip_step end = walk(&t, trips[i].states, path);
		if (end != trips[i].end || strcmp(path, trips[i].path) != 0)
			fail_msg("%s: got %s and %d, want %s and %d", trips[i].story,
				 path, end, trips[i].path, trips[i].end);
	}
}

static void a_random_bot_takes_its_pick_once(void **state)
{
	(void)state;
	unsigned picked[HOSTS] = { 0 };
	uint64_t random = 42;
	for (int i = 0; i < 400; i++) {
		struct trip t;
		trip_begin(&t, profile_find("random"), part_two, HOSTS, &random);
		char path[HOSTS + 1];
		enum trip_step end = walk(&t, as_designed, path);
		assert_int_equal(strlen(path), 1);
		int host = path[0] - '0';
		assert_int_equal(end, as_designed[host] == STATE_OPEN ? TRIP_DELIVERED
								      : TRIP_LOST);
		picked[host]++;
	}
	for (size_t i = 0; i < HOSTS; i++)
		assert_in_range(picked[i], 50, 150);
}

static void every_sender_has_a_loopback_24_of_its_own(void **state)
{
	(void)state;
	struct population c;
	population_make(&c, 3000, 7);
	struct prefix own;
	assert_true(prefix_parse("127.0.0.0/24", &own));
	for (size_t i = 0; i < c.count; i++) {
		assert_int_equal(addr_kind(c.senders[i].addr), ADDR_LOOPBACK);
		assert_false(prefix_has(own, c.senders[i].addr));
		struct prefix pool = prefix_pool(c.senders[i].addr);
		assert_true(i == 0 || !prefix_has(pool, c.senders[i - 1].addr));
		assert_true(c.senders[i].sends[0]);
	}
	population_release(&c);
}

static void the_cast_follows_from_the_seed(void **state)
{
	(void)state;
	struct population a, b, other;
	population_make(&a, 300, 7);
	population_make(&b, 300, 7);
	population_make(&other, 300, 8);
	unsigned same = 0;
	for (size_t i = 0; i < 300; i++) {
		assert_ptr_equal(a.senders[i].profile, b.senders[i].profile);
		assert_true(addr_equal(a.senders[i].addr, b.senders[i].addr));
		assert_memory_equal(a.senders[i].sends, b.senders[i].sends,
				    sizeof(a.senders[i].sends));
		same += addr_equal(a.senders[i].addr, other.senders[i].addr);
	}
	assert_true(same < 30);
	population_release(&a);
	population_release(&b);
	population_release(&other);
}

static void populations_are_of_one_size(void **state)
{
	(void)state;
	struct population c;
	population_make(&c, 10 * PROFILE_COUNT + 3, 1);
	unsigned sizes[PROFILE_COUNT] = { 0 };
	for (size_t i = 0; i < c.count; i++)
		sizes[c.senders[i].profile - profile_table]++;
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		assert_int_equal(sizes[i], i < 3 ? 11 : 10);
	population_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trips_follow_the_rules_of_the_program),
		cmocka_unit_test(a_random_bot_takes_its_pick_once),
		cmocka_unit_test(every_sender_has_a_loopback_24_of_its_own),
		cmocka_unit_test(the_cast_follows_from_the_seed),
		cmocka_unit_test(populations_are_of_one_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
