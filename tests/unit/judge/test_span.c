#include "judge/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The naive set: one bool a moment. */
enum { MOMENTS = 48, ROUNDS = 4000 };

struct naive {
	bool in[MOMENTS];
};

static uint64_t seed = 20261130;

static int64_t some(int64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)below);
}

static void fill(struct spans *s, struct naive *n)
{
	*s = (struct spans){ 0 };
	memset(n, 0, sizeof(*n));
	for (int64_t times = some(8); times > 0; times--) {
		int64_t since = some(MOMENTS), until = some(MOMENTS);
		spans_add(s, since, until);
		for (int64_t t = since; t < until; t++)
			n->in[t] = true;
	}
}

static void check_shape(const struct spans *s)
{
	for (size_t i = 0; i < s->count; i++) {
		assert_true(s->at[i].since < s->at[i].until);
		assert_true(i == 0 || s->at[i - 1].until < s->at[i].since);
	}
}

static void check_same(const struct spans *s, const struct naive *n, const char *what)
{
	check_shape(s);
	for (int64_t t = 0; t < MOMENTS; t++)
		if (spans_meet(s, t, t) != n->in[t])
			fail_msg("%s: at %d got %d, want %d", what, (int)t,
				 spans_meet(s, t, t), n->in[t]);
}

static int64_t naive_reach(const struct naive *n, int64_t since, int64_t amount)
{
	int64_t t = since;
	for (; amount > 0 && t < MOMENTS; t++)
		amount -= n->in[t];
	return amount > 0 ? INT64_MAX : t;
}

static void check_questions(const struct spans *s, const struct naive *n)
{
	int64_t since = some(MOMENTS), until = since + some(MOMENTS - since);
	bool meets = false, holds = true;
	int64_t time = 0;
	for (int64_t t = since; t <= until; t++) {
		meets |= n->in[t];
		holds &= n->in[t];
		time += t < until && n->in[t];
	}
	assert_int_equal(spans_meet(s, since, until), meets);
	assert_int_equal(spans_hold(s, since, until), holds);
	assert_int_equal(spans_time(s, since, until), time);
	assert_int_equal(spans_time(s, until, since), 0);
	int64_t amount = some(20);
	assert_int_equal(spans_reach(s, since, amount), naive_reach(n, since, amount));
}

static void a_set_of_spans_equals_a_bitmap(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct spans a, b;
		struct naive x, y, both, less;
		fill(&a, &x);
		fill(&b, &y);
		for (size_t t = 0; t < MOMENTS; t++) {
			both.in[t] = x.in[t] && y.in[t];
			less.in[t] = x.in[t] && !y.in[t];
		}
		struct spans in_both = spans_both(&a, &b), left = spans_less(&a, &b);
		check_same(&a, &x, "added");
		check_same(&in_both, &both, "both");
		check_same(&left, &less, "less");
		check_questions(&a, &x);
		check_questions(&left, &less);
		spans_release(&in_both);
		spans_release(&left);
		spans_release(&a);
		spans_release(&b);
	}
}

static void what_touches_is_joined_and_nothing_is_nothing(void **state)
{
	(void)state;
	struct spans s = { 0 };
	spans_add(&s, 5, 5);
	spans_add(&s, 7, 3);
	assert_int_equal(s.count, 0);
	assert_false(spans_meet(&s, 0, INT64_MAX));
	spans_add(&s, 0, 10);
	spans_add(&s, 20, INT64_MAX);
	spans_add(&s, 10, 20);
	assert_int_equal(s.count, 1);
	assert_true(spans_hold(&s, 0, INT64_MAX - 1));
	spans_release(&s);
	assert_int_equal(s.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_of_spans_equals_a_bitmap),
		cmocka_unit_test(what_touches_is_joined_and_nothing_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
