#include "outlet/report/effect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WEEK = 7, ROUNDS = 20, YEARS_10 = 3650 };
#define NORMAL_975 1.96
#define POWER_80 2.8 /* 1.96, and 0.84 for four times in five */
#define HALF_A_VISIT 0.5
#define ALIKE 1.1 /* days that follow each other are: a tenth wider */

struct sample {
	const struct effect_day *days;
	size_t count;
	double level;
};

struct model {
	struct sample before, after;
	double factor[WEEK];
};

static unsigned weekday(int64_t day)
{
	return (unsigned)(((day + 4) % WEEK + WEEK) % WEEK); /* 0: Sunday */
}

static void set_level(const struct model *m, struct sample *s)
{
	double all = 0, weight = 0;
	for (size_t i = 0; i < s->count; i++) {
		all += s->days[i].value;
		weight += m->factor[weekday(s->days[i].day)];
	}
	s->level = weight > 0 ? all / weight : 0;
}

static void add_expected(const struct sample *s, double seen[WEEK], double expected[WEEK])
{
	for (size_t i = 0; i < s->count; i++) {
		unsigned w = weekday(s->days[i].day);
		seen[w] += s->days[i].value;
		expected[w] += s->level;
	}
}

/* One round of what makes the days most likely; the mean of the factors stays 1. */
static void set_factors(struct model *m)
{
	double seen[WEEK] = { 0 }, expected[WEEK] = { 0 }, sum = 0;
	unsigned known = 0;
	add_expected(&m->before, seen, expected);
	add_expected(&m->after, seen, expected);
	for (unsigned w = 0; w < WEEK; w++) {
		m->factor[w] = expected[w] > 0 ? seen[w] / expected[w] : 1;
		sum += expected[w] > 0 ? m->factor[w] : 0;
		known += expected[w] > 0;
	}
	for (unsigned w = 0; w < WEEK && sum > 0; w++)
		m->factor[w] = expected[w] > 0 ? m->factor[w] * known / sum : 1;
}

static void fit(struct model *m)
{
	for (unsigned w = 0; w < WEEK; w++)
		m->factor[w] = 1;
	for (int i = 0; i < ROUNDS; i++) {
		set_level(m, &m->before);
		set_level(m, &m->after);
		set_factors(m);
	}
	set_level(m, &m->before);
	set_level(m, &m->after);
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The logarithm of the level of as many days, drawn from these. */
static double drawn_level(const struct model *m, const struct sample *s, uint64_t *state)
{
	double all = HALF_A_VISIT, weight = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct effect_day *d = &s->days[draw(state) % s->count];
		all += d->value;
		weight += m->factor[weekday(d->day)];
	}
	return log(all) - log(weight > 0 ? weight : 1);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* What is left to chance, after as many numbers as were taken from the days. */
static double freedom(const struct model *m)
{
	bool has[WEEK] = { false };
	unsigned taken = 1; /* two levels, and one factor less than weekdays */
	for (size_t i = 0; i < m->before.count; i++)
		has[weekday(m->before.days[i].day)] = true;
	for (size_t i = 0; i < m->after.count; i++)
		has[weekday(m->after.days[i].day)] = true;
	for (unsigned w = 0; w < WEEK; w++)
		taken += has[w];
	double left = (double)(m->before.count + m->after.count) - taken;
	return left > 1 ? left : 1;
}

/* Student's t at 97.5 %, to a percent from five degrees of freedom on. */
static double student(double left)
{
	return NORMAL_975 + 2.4 / left + 3 / (left * left);
}

static double spread_of(const struct model *m)
{
	double squares = 0;
	const struct sample *both[] = { &m->before, &m->after };
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < both[k]->count; i++) {
			const struct effect_day *d = &both[k]->days[i];
			double want = both[k]->level * m->factor[weekday(d->day)];
			double off = want > 0 ? d->value / want - 1 : 0;
			squares += off * off;
		}
	}
	return sqrt(squares / freedom(m));
}

static void set_interval(const struct model *m, uint64_t seed, struct effect *x)
{
	double *draws = calloc(EFFECT_DRAWS, sizeof(*draws)), left = freedom(m);
	double all = (double)(m->before.count + m->after.count);
	double wider = sqrt(all / left) * student(left) / NORMAL_975 * ALIKE;
	double middle = log(x->mean_after * (double)m->after.count + HALF_A_VISIT) -
			log((double)m->after.count) -
			log(x->mean_before * (double)m->before.count + HALF_A_VISIT) +
			log((double)m->before.count);
	if (!draws)
		abort();
	for (size_t i = 0; i < EFFECT_DRAWS; i++) {
		/* One after the other: compilers take the sides of a minus as they like.
		 */
		double after = drawn_level(m, &m->after, &seed);
		draws[i] = after - drawn_level(m, &m->before, &seed);
	}
	qsort(draws, EFFECT_DRAWS, sizeof(*draws), compare);
	double low = draws[EFFECT_DRAWS / 40] - middle;
	double high = draws[EFFECT_DRAWS - 1 - EFFECT_DRAWS / 40] - middle;
	free(draws);
	x->low = exp(middle + low * wider) - 1;
	x->high = exp(middle + high * wider) - 1;
	x->is_difference = x->low > 0 || x->high < 0;
}

void effect_compare(const struct effect_day *before, size_t before_count,
		    const struct effect_day *after, size_t after_count, uint64_t seed,
		    struct effect *ret)
{
	struct model m = { .before = { before, before_count, 0 },
			   .after = { after, after_count, 0 } };
	*ret = (struct effect){ .before = before_count, .after = after_count };
	fit(&m);
	ret->mean_before = m.before.level;
	ret->mean_after = m.after.level;
	ret->is_told = before_count >= EFFECT_LEAST_DAYS &&
		       after_count >= EFFECT_LEAST_DAYS && m.before.level > 0;
	if (before_count + after_count > 0)
		ret->spread = spread_of(&m);
	if (!ret->is_told)
		return;
	ret->change = m.after.level / m.before.level - 1;
	set_interval(&m, seed, ret);
}

/* What chance may move the ratio, so that a fall is seen four times in five. */
static double bearable(double fall)
{
	return -log(1 - fall) / POWER_80;
}

unsigned effect_days_each(double spread, double fall)
{
	double n = ceil(2 * pow(spread / bearable(fall), 2));
	return n > YEARS_10 ? 0 : n > EFFECT_LEAST_DAYS ? (unsigned)n : EFFECT_LEAST_DAYS;
}

unsigned effect_days_needed(double spread, size_t before, double fall)
{
	double want = bearable(fall);
	for (unsigned n = EFFECT_LEAST_DAYS; n <= YEARS_10 && before > 0; n++)
		if (spread * sqrt(1 / (double)before + 1 / (double)n) <= want)
			return n;
	return 0;
}
