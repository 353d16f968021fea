/*
 * effect - did it change, and by how much? Days before against days after
 *
 * Pure. Counts of whole days are compared as a ratio, weekday with weekday: what came on
 * day i is taken as (level before or after) x (factor of its weekday) x chance. How far
 * chance alone moves the ratio is found by a bootstrap over the days: EFFECT_DRAWS times
 * as many days as there were are drawn, with their weekdays, from those before and those
 * after; the middle 95 % of the ratios, widened for the levels and factors that were
 * taken from the same days (Student's t instead of the normal) and by a tenth, since days
 * that follow each other are alike, are the interval. The
 * same seed gives the same interval.
 *
 * Use:
 *	struct effect x;
 *	effect_compare(before, before_count, after, after_count, EFFECT_SEED, &x);
 *	if (x.is_told)
 *		... x.change, x.low, x.high
 */
#ifndef FMX_OUTLET_REPORT_EFFECT_H
#define FMX_OUTLET_REPORT_EFFECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { EFFECT_SEED = 1, EFFECT_DRAWS = 2000, EFFECT_LEAST_DAYS = 7 };

struct effect_day {
	int64_t day; /* since 1970, UTC */
	double value;
};

struct effect {
	size_t before, after;           /* days */
	double mean_before, mean_after; /* a day, as if each week had its seven days */
	bool is_told; /* EFFECT_LEAST_DAYS of each, of which some had something */
	double change, low, high; /* after / before - 1; the interval of 95 % */
	bool is_difference;       /* 0 is not in the interval */
	double spread;            /* of a day, as a share of its level */
};

void effect_compare(const struct effect_day *before, size_t before_count,
		    const struct effect_day *after, size_t after_count, uint64_t seed,
		    struct effect *ret);

/* With so much spread and so many days before: how many after are needed to see a fall
 * by this share, four times in five? 0: more than ten years. */
unsigned effect_days_needed(double spread, size_t before, double fall);
/* How many before, and as many after, if more can still be watched before. */
unsigned effect_days_each(double spread, double fall);

#endif
