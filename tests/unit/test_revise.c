#include "outlet/revise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/stamp.h"

enum { GROUP = 1, OTHER_GROUP = 2 };
#define BEGIN (INT64_C(1795392000) * STAMP_SECOND)
#define DAY(n) (BEGIN + (n)*STAMP_DAY)
#define HOUR(n) (BEGIN + (n)*STAMP_HOUR)

struct said {
	unsigned who;
	uint32_t walk;
	int64_t began, at;
	enum fate fate;
	bool is_final;
};

static struct revise *told(const struct said *said, size_t count)
{
	struct revise *r = revise_new();
	for (size_t i = 0; i < count; i++) {
		struct verdict v = { .site = GROUP,
				     .walk = said[i].walk,
				     .began = said[i].began,
				     .at = said[i].at,
				     .fate = said[i].fate,
				     .is_final = said[i].is_final };
		char text[32];
		(void)snprintf(text, sizeof(text), "198.51.100.%u", said[i].who);
		assert_true(addr_parse(text, &v.client));
		revise_verdict(r, &v);
	}
	assert_false(revise_failed(r));
	return r;
}

#define TOLD(...)                                                                        \
	told((const struct said[]){ __VA_ARGS__ },                                       \
	     sizeof((const struct said[]){ __VA_ARGS__ }) / sizeof(struct said))

static void counts_are(struct revise *r, int64_t since, int64_t until,
		       struct revise_counts want)
{
	struct revise_counts got;
	revise_group(r, GROUP, since, until, &got);
	assert_int_equal(got.senders, want.senders);
	assert_int_equal(got.returned, want.returned);
	assert_int_equal(got.excused, want.excused);
	assert_int_equal(got.after_final, want.after_final);
	assert_int_equal(got.p50_us, want.p50_us);
	assert_int_equal(got.max_us, want.max_us);
}

static const struct revise_counts nothing;

static void a_stop_that_holds_is_no_correction(void **state)
{
	(void)state;
	struct revise *r = TOLD({ 1, 1, DAY(0), HOUR(1), FATE_PENDING, false },
				{ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 1, 1, DAY(0), DAY(5), FATE_STOPPED, true },
				{ 2, 1, DAY(0), HOUR(1), FATE_PENDING, false },
				{ 2, 1, DAY(0), HOUR(2), FATE_REACHED, false });
	counts_are(r, DAY(0), DAY(99), nothing);
	revise_free(r);
}

static void who_returns_is_told_with_the_time_until_then(void **state)
{
	(void)state;
	struct revise *r = TOLD({ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 1, 1, DAY(0), DAY(2), FATE_REACHED, false },
				{ 2, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 2, 1, DAY(0), DAY(3), FATE_REACHED, false },
				{ 3, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 3, 1, DAY(0), DAY(4), FATE_REACHED, false });
	counts_are(r, DAY(0), DAY(5),
		   (struct revise_counts){ .senders = 3,
					   .returned = 3,
					   .p50_us = 3 * STAMP_DAY,
					   .max_us = 4 * STAMP_DAY });
	revise_free(r);
}

/* The walk is older than the period; the correction is what belongs to it. */
static void a_correction_belongs_to_the_period_in_which_it_was_given(void **state)
{
	(void)state;
	struct revise *r = TOLD({ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 1, 1, DAY(0), DAY(2), FATE_REACHED, false });
	counts_are(r, DAY(0), DAY(2), nothing);
	counts_are(r, DAY(2), DAY(3),
		   (struct revise_counts){ .senders = 1,
					   .returned = 1,
					   .p50_us = 2 * STAMP_DAY,
					   .max_us = 2 * STAMP_DAY });
	counts_are(r, DAY(3), DAY(9), nothing);
	revise_free(r);
}

static void who_comes_after_the_stop_was_final_is_told_too(void **state)
{
	(void)state;
	struct revise *r = TOLD({ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 1, 1, DAY(0), DAY(5), FATE_STOPPED, true },
				{ 1, 2, DAY(8), DAY(8), FATE_PENDING, false },
				{ 1, 2, DAY(8), DAY(9), FATE_REACHED, false },
				{ 1, 3, DAY(10), DAY(10), FATE_REACHED, false });
	counts_are(r, DAY(0), DAY(99),
		   (struct revise_counts){ .senders = 1,
					   .returned = 1,
					   .after_final = 1,
					   .p50_us = 9 * STAMP_DAY,
					   .max_us = 9 * STAMP_DAY });
	revise_free(r);
}

static void who_is_excused_did_not_return(void **state)
{
	(void)state;
	struct revise *r = TOLD({ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 1, 1, DAY(0), DAY(1), FATE_UNKNOWN, false },
				{ 2, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 2, 1, DAY(0), HOUR(6), FATE_UNKNOWN, false },
				{ 2, 1, DAY(0), DAY(1), FATE_REACHED, false });
	counts_are(r, DAY(0), DAY(9),
		   (struct revise_counts){ .senders = 2,
					   .returned = 1,
					   .excused = 1,
					   .p50_us = STAMP_DAY,
					   .max_us = STAMP_DAY });
	revise_free(r);
}

static void a_stop_that_is_given_again_stands(void **state)
{
	(void)state;
	struct revise *r = TOLD({ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 1, 1, DAY(0), HOUR(6), FATE_PENDING, false },
				{ 1, 1, DAY(0), HOUR(9), FATE_STOPPED, false });
	counts_are(r, DAY(0), DAY(9), nothing);
	revise_free(r);
}

/* A sender that was dropped or forgotten counts its walks from 1 again. */
static void a_walk_with_an_old_number_is_another_walk(void **state)
{
	(void)state;
	struct revise *r = TOLD({ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, true },
				{ 1, 1, DAY(20), DAY(20), FATE_PENDING, false });
	counts_are(r, DAY(0), DAY(99), nothing);
	revise_free(r);
	r = TOLD({ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, true },
		 { 1, 1, DAY(20), DAY(21), FATE_STOPPED, false },
		 { 1, 1, DAY(20), DAY(22), FATE_REACHED, false });
	counts_are(r, DAY(0), DAY(99),
		   (struct revise_counts){ .senders = 1,
					   .returned = 1,
					   .p50_us = 2 * STAMP_DAY,
					   .max_us = 2 * STAMP_DAY });
	revise_free(r);
}

static void a_sender_counts_once_and_groups_do_not_mix(void **state)
{
	(void)state;
	struct revise *r = TOLD({ 1, 1, DAY(0), HOUR(5), FATE_STOPPED, false },
				{ 1, 1, DAY(0), DAY(1), FATE_REACHED, false },
				{ 1, 2, DAY(2), DAY(3), FATE_STOPPED, false },
				{ 1, 2, DAY(2), DAY(4), FATE_REACHED, false });
	counts_are(r, DAY(0), DAY(9),
		   (struct revise_counts){ .senders = 1,
					   .returned = 1,
					   .p50_us = 2 * STAMP_DAY,
					   .max_us = 2 * STAMP_DAY });
	struct revise_counts got;
	revise_group(r, OTHER_GROUP, DAY(0), DAY(9), &got);
	assert_int_equal(got.senders, 0);
	revise_free(r);
}

static void very_many_are_counted_exactly(void **state)
{
	(void)state;
	struct revise *r = revise_new();
	for (uint32_t i = 0; i < 50000; i++) {
		struct verdict v = { .site = GROUP,
				     .walk = 1,
				     .began = DAY(0),
				     .at = DAY(1),
				     .fate = FATE_STOPPED };
		v.client.bytes[15] = (uint8_t)i;
		v.client.bytes[14] = (uint8_t)(i >> 8);
		revise_verdict(r, &v);
		v.at = DAY(2);
		v.fate = i % 2 ? FATE_REACHED : FATE_UNKNOWN;
		revise_verdict(r, &v);
	}
	counts_are(r, DAY(0), DAY(9),
		   (struct revise_counts){ .senders = 50000,
					   .returned = 25000,
					   .excused = 25000,
					   .p50_us = 2 * STAMP_DAY,
					   .max_us = 2 * STAMP_DAY });
	revise_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stop_that_holds_is_no_correction),
		cmocka_unit_test(who_returns_is_told_with_the_time_until_then),
		cmocka_unit_test(
		    a_correction_belongs_to_the_period_in_which_it_was_given),
		cmocka_unit_test(who_comes_after_the_stop_was_final_is_told_too),
		cmocka_unit_test(who_is_excused_did_not_return),
		cmocka_unit_test(a_stop_that_is_given_again_stands),
		cmocka_unit_test(a_walk_with_an_old_number_is_another_walk),
		cmocka_unit_test(a_sender_counts_once_and_groups_do_not_mix),
		cmocka_unit_test(very_many_are_counted_exactly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
