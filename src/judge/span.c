#include "judge/span.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"

/* The first that ends after t. */
static size_t find(const struct spans *s, int64_t t)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->at[middle].until > t)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void spans_add(struct spans *s, int64_t since, int64_t until)
{
	if (until <= since)
		return;
	size_t first = since > INT64_MIN ? find(s, since - 1) : 0, end = first;
	for (; end < s->count && s->at[end].since <= until; end++) {
		since = stamp_earlier(since, s->at[end].since);
		until = stamp_later(until, s->at[end].until);
	}
	if (end == first)
		s->at = xroom(s->at, s->count, &s->cap, sizeof(*s->at));
	/* All that it touches goes, and it takes their place. */
	memmove(s->at + first + 1, s->at + end, (s->count - end) * sizeof(*s->at));
	s->count = s->count - (end - first) + 1;
	s->at[first] = (struct span){ since, until };
}

bool spans_meet(const struct spans *s, int64_t since, int64_t until)
{
	size_t i = find(s, since);
	return i < s->count && s->at[i].since <= until;
}

bool spans_hold(const struct spans *s, int64_t since, int64_t until)
{
	size_t i = find(s, since);
	return i < s->count && s->at[i].since <= since && s->at[i].until > until;
}

struct spans spans_both(const struct spans *a, const struct spans *b)
{
	struct spans both = { 0 };
	for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
		spans_add(&both, stamp_later(a->at[i].since, b->at[j].since),
			  stamp_earlier(a->at[i].until, b->at[j].until));
		if (a->at[i].until < b->at[j].until)
			i++;
		else
			j++;
	}
	return both;
}

struct spans spans_less(const struct spans *a, const struct spans *b)
{
	struct spans left = { 0 };
	for (size_t i = 0; i < a->count; i++) {
		int64_t at = a->at[i].since, until = a->at[i].until;
		for (size_t j = find(b, at); j < b->count && b->at[j].since < until;
		     j++) {
			spans_add(&left, at, b->at[j].since);
			at = b->at[j].until;
		}
		spans_add(&left, at, until);
	}
	return left;
}

int64_t spans_time(const struct spans *s, int64_t since, int64_t until)
{
	int64_t time = 0;
	if (until <= since)
		return 0;
	for (size_t i = find(s, since); i < s->count && s->at[i].since < until; i++)
		time += stamp_earlier(s->at[i].until, until) -
			stamp_later(s->at[i].since, since);
	return time;
}

int64_t spans_reach(const struct spans *s, int64_t since, int64_t amount)
{
	if (amount <= 0)
		return since;
	for (size_t i = find(s, since); i < s->count; i++) {
		int64_t from = stamp_later(s->at[i].since, since);
		if (s->at[i].until - from >= amount)
			return from + amount;
		amount -= s->at[i].until - from;
	}
	return INT64_MAX;
}

void spans_release(struct spans *s)
{
	free(s->at);
	*s = (struct spans){ 0 };
}
