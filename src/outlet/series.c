#include "outlet/series.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "base/stamp.h"

#define YEAR_10000 (INT64_C(253402300800) * STAMP_SECOND)

static struct tm civil(int64_t t)
{
	time_t seconds = (time_t)(t / STAMP_SECOND);
	struct tm tm = { 0 };
	(void)gmtime_r(&seconds, &tm); /* t is between 1970 and 9999 */
	return tm;
}

static int64_t month_begin(int year, int month)
{
	return stamp_civil(year, month, 1, 0, 0, 0) * STAMP_SECOND;
}

/* 1970-01-01 was a Thursday: Monday was three days before. */
static int64_t floor_of(enum series_unit unit, int64_t t)
{
	struct tm tm = civil(t);
	switch (unit) {
	case SERIES_HOUR: return t - t % STAMP_HOUR;
	case SERIES_DAY: return stamp_day(t);
	case SERIES_WEEK: return t - (t + 3 * STAMP_DAY) % (7 * STAMP_DAY);
	case SERIES_MONTH: return month_begin(tm.tm_year + 1900, tm.tm_mon + 1);
	case SERIES_YEAR: return month_begin(tm.tm_year + 1900, 1);
	}
	assert(false); /* the switch above is complete: -Wswitch says so */
	return t;
}

static int64_t next_of(enum series_unit unit, int64_t t)
{
	struct tm tm = civil(t);
	int64_t begin = floor_of(unit, t);
	switch (unit) {
	case SERIES_HOUR: return begin + STAMP_HOUR;
	case SERIES_DAY: return begin + STAMP_DAY;
	case SERIES_WEEK: return begin + 7 * STAMP_DAY;
	case SERIES_MONTH:
		return tm.tm_mon == 11 ? month_begin(tm.tm_year + 1901, 1)
				       : month_begin(tm.tm_year + 1900, tm.tm_mon + 2);
	case SERIES_YEAR: return month_begin(tm.tm_year + 1901, 1);
	}
	assert(false);
	return t;
}

static enum series_unit unit_for(int64_t length)
{
	if (length <= 2 * STAMP_DAY)
		return SERIES_HOUR;
	if (length <= 62 * STAMP_DAY)
		return SERIES_DAY;
	if (length <= 62 * 7 * STAMP_DAY)
		return SERIES_WEEK;
	return length <= 62 * 30 * STAMP_DAY ? SERIES_MONTH : SERIES_YEAR;
}

void series_cut(int64_t since, int64_t until, struct series *ret_series)
{
	struct series s = { .unit = SERIES_DAY };
	*ret_series = s;
	if (since < 0 || since >= until || until > YEAR_10000)
		return;
	s.unit = unit_for(until - since);
	for (int64_t at = since; at < until; at = next_of(s.unit, at)) {
		if (s.count == SERIES_MAX)
			return;
		s.edges[s.count++] = at;
	}
	s.edges[s.count] = until;
	*ret_series = s;
}

size_t series_find(const struct series *s, int64_t t)
{
	if (s->count == 0 || t < s->edges[0] || t >= s->edges[s->count])
		return s->count;
	size_t low = 0, high = s->count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (s->edges[middle] <= t)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const char *series_unit_name(enum series_unit u)
{
	static const char *const names[] = { "hour", "day", "week", "month", "year" };
	return names[u];
}

const char *series_label(const struct series *s, size_t i, char text[SERIES_LABEL_MAX])
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm tm = civil(floor_of(s->unit, s->edges[i]));
	const char *month = months[tm.tm_mon];
	int n = -1;
	switch (s->unit) {
	case SERIES_HOUR:
		n = snprintf(text, SERIES_LABEL_MAX, "%02d:00", tm.tm_hour);
		break;
	case SERIES_DAY:
	case SERIES_WEEK:
		n = snprintf(text, SERIES_LABEL_MAX, "%d %s", tm.tm_mday, month);
		break;
	case SERIES_MONTH:
		n = snprintf(text, SERIES_LABEL_MAX, "%s %d", month, tm.tm_year + 1900);
		break;
	case SERIES_YEAR:
		n = snprintf(text, SERIES_LABEL_MAX, "%d", tm.tm_year + 1900);
		break;
	}
	assert(n > 0 && n < SERIES_LABEL_MAX);
	return text;
}

const char *series_name(const struct series *s, size_t i, char text[SERIES_LABEL_MAX])
{
	static const char before[] = "week of ";
	char stamp[STAMP_TEXT_MAX]; /* 2026-11-23T14:00:00Z, of whole hours */
	(void)stamp_text(floor_of(s->unit, s->edges[i]), stamp);
	int n = -1;
	switch (s->unit) {
	case SERIES_HOUR:
		n = snprintf(text, SERIES_LABEL_MAX, "%.10s %.5s", stamp, stamp + 11);
		break;
	case SERIES_DAY: n = snprintf(text, SERIES_LABEL_MAX, "%.10s", stamp); break;
	case SERIES_WEEK:
		n = snprintf(text, SERIES_LABEL_MAX, "%s%.10s", before, stamp);
		break;
	case SERIES_MONTH: n = snprintf(text, SERIES_LABEL_MAX, "%.7s", stamp); break;
	case SERIES_YEAR: n = snprintf(text, SERIES_LABEL_MAX, "%.4s", stamp); break;
	}
	assert(n > 0 && n < SERIES_LABEL_MAX);
	return text;
}
