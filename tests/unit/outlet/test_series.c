#include "outlet/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/stamp.h"

static int64_t at(const char *text)
{
	int64_t t;
	assert_true(stamp_parse(text, &t, NULL));
	return t;
}

static void periods_are_cut_into_few_enough_parts(void **state)
{
	(void)state;
	static const struct {
		const char *since, *until, *unit, *first, *second;
		size_t count;
	} rows[] = {
		{ "2026-11-23T14:20:00Z", "2026-11-23T14:21:00Z", "hour", "14:00", "",
		  1 },
		{ "2026-11-23T14:20:00Z", "2026-11-24T02:00:00Z", "hour", "14:00",
		  "15:00", 12 },
		{ "2026-11-23", "2026-11-25", "hour", "00:00", "01:00", 48 },
		{ "2026-11-23T14:20:00Z", "2026-11-30", "day", "23 Nov", "24 Nov", 7 },
		{ "2026-11-23", "2027-01-24", "day", "23 Nov", "24 Nov", 62 },
		/* 400 days, from a Thursday on: weeks begin on Monday */
		{ "2026-01-01", "2027-02-05", "week", "29 Dec", "5 Jan", 58 },
		{ "2024-01-15", "2026-11-23", "month", "Jan 2024", "Feb 2024", 35 },
		{ "1999-06-01", "2026-11-23", "year", "1999", "2000", 28 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct series s;
		char text[SERIES_LABEL_MAX];
		series_cut(at(rows[i].since), at(rows[i].until), &s);
		assert_string_equal(series_unit_name(s.unit), rows[i].unit);
		assert_int_equal(s.count, rows[i].count);
		assert_int_equal(s.edges[0], at(rows[i].since));
		assert_int_equal(s.edges[s.count], at(rows[i].until));
		assert_string_equal(series_label(&s, 0, text), rows[i].first);
		if (s.count > 1)
			assert_string_equal(series_label(&s, 1, text), rows[i].second);
		for (size_t k = 0; k < s.count; k++)
			assert_true(s.edges[k] < s.edges[k + 1]);
	}
}

static void every_moment_is_in_one_part(void **state)
{
	(void)state;
	struct series s;
	series_cut(at("2026-11-23T14:20:00Z"), at("2026-11-30T06:00:00Z"), &s);
	assert_int_equal(s.count, 8);
	assert_int_equal(series_find(&s, at("2026-11-23T14:20:00Z")), 0);
	assert_int_equal(series_find(&s, at("2026-11-23T23:59:59.999999Z")), 0);
	assert_int_equal(series_find(&s, at("2026-11-24")), 1);
	assert_int_equal(series_find(&s, at("2026-11-30T05:59:59Z")), 7);
	assert_int_equal(series_find(&s, at("2026-11-30T06:00:00Z")), s.count);
	assert_int_equal(series_find(&s, at("2026-11-23T14:19:59Z")), s.count);
}

static void what_cannot_be_cut_has_no_parts(void **state)
{
	(void)state;
	static const int64_t spans[][2] = {
		{ 5, 5 },         { 9, 5 },
		{ -1, 5 },        { 0, INT64_MAX },
		{ INT64_MIN, 0 }, { 0, 253402300800000000 }, /* 8030 years */
	};
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct series s;
		series_cut(spans[i][0], spans[i][1], &s);
		assert_int_equal(s.count, 0);
		assert_int_equal(series_find(&s, 5), 0);
	}
}

static void names_are_understood_alone(void **state)
{
	(void)state;
	static const struct {
		const char *since, *until, *want;
	} rows[] = {
		{ "2026-11-23T14:20:00Z", "2026-11-23T20:00:00Z", "2026-11-23 14:00" },
		{ "2026-11-23T14:20:00Z", "2026-11-30", "2026-11-23" },
		{ "2026-01-01", "2027-02-05", "week of 2025-12-29" },
		{ "2024-01-15", "2026-11-23", "2024-01" },
		{ "1999-06-01", "2026-11-23", "1999" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct series s;
		char text[SERIES_LABEL_MAX];
		series_cut(at(rows[i].since), at(rows[i].until), &s);
		assert_string_equal(series_name(&s, 0, text), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_are_cut_into_few_enough_parts),
		cmocka_unit_test(every_moment_is_in_one_part),
		cmocka_unit_test(what_cannot_be_cut_has_no_parts),
		cmocka_unit_test(names_are_understood_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
