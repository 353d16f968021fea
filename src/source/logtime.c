#include "source/logtime.h"

#include <time.h>

#include "base/stamp.h"

enum { CLASSIC_LEN = 16 };

struct fields {
	int month, day, hour, minute, second;
};

static bool read_two(const char *p, int *ret_value)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*ret_value = (p[0] - '0') * 10 + p[1] - '0';
	return true;
}

/* 1..12 or 0. */
static int month_of(const char *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int i = 0; i < 12; i++)
		if (memcmp(names + 3 * i, p, 3) == 0)
			return i + 1;
	return 0;
}

/* One reading of the hour's first second, or -1 if there is no such hour. */
static int64_t convert(int year, const struct logtime *l, int is_dst)
{
	struct tm tm = { .tm_year = year - 1900,
			 .tm_mon = l->month - 1,
			 .tm_mday = l->day,
			 .tm_hour = l->hour,
			 .tm_isdst = is_dst };
	time_t t = mktime(&tm);
	bool is_same = tm.tm_mday == l->day && tm.tm_hour == l->hour;
	return t == (time_t)-1 || !is_same ? -1 : (int64_t)t * STAMP_SECOND;
}

static int year_of(int64_t t)
{
	time_t seconds = (time_t)(t / STAMP_SECOND);
	struct tm tm;
	return localtime_r(&seconds, &tm) ? tm.tm_year + 1900 : 1970;
}

/* The latest year in which the hour exists (a 29th of February does not in
 * most) and is not in the future. */
static bool find_hour(struct logtime *l, int64_t now)
{
	int year = year_of(now + STAMP_DAY);
	for (int back = 0; back <= 8; back++, year--) {
		int64_t any = convert(year, l, -1);
		if (any == -1 || any > now + STAMP_DAY)
			continue;
		int64_t other = convert(year, l, 0), summer = convert(year, l, 1);
		l->base[0] = summer != -1 ? summer : any;
		l->base[1] = other != -1 ? other : any;
		return true;
	}
	return false;
}

/* "Nov 23 14:05:09 ", the day padded with a space or a zero. */
static bool read_fields(const char *p, struct fields *f)
{
	char day[2] = { p[4] == ' ' ? '0' : p[4], p[5] };
	if (p[3] != ' ' || p[6] != ' ' || p[9] != ':' || p[12] != ':' || p[15] != ' ')
		return false;
	f->month = month_of(p);
	return f->month != 0 && read_two(day, &f->day) && read_two(p + 7, &f->hour) &&
	       read_two(p + 10, &f->minute) && read_two(p + 13, &f->second);
}

static bool is_a_time(const struct fields *f)
{
	return f->day >= 1 && f->day <= 31 && f->hour <= 23 && f->minute <= 59 &&
	       f->second <= 60; /* a leap second */
}

/* Makes l->base the hour that f names; a log's lines share it for long. */
static bool convert_hour(struct logtime *l, const struct fields *f, int64_t now)
{
	if (l->month == f->month && l->day == f->day && l->hour == f->hour &&
	    l->now_day == now / STAMP_DAY)
		return true;
	l->month = f->month;
	l->day = f->day;
	l->hour = f->hour;
	l->now_day = now / STAMP_DAY;
	bool is_found = find_hour(l, now);
	if (!is_found)
		l->month = 0;
	return is_found;
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static bool read_classic(struct logtime *l, struct span *line, int64_t now,
			 int64_t *ret_time)
{
	struct fields f;
	if (span_len(*line) < CLASSIC_LEN || !read_fields(line->at, &f) ||
	    !is_a_time(&f) || !convert_hour(l, &f, now))
		return false;
	int64_t within = (f.minute * 60 + f.second) * STAMP_SECOND;
	int64_t first = l->base[0] + within, later = l->base[1] + within;
	*ret_time = distance(later, l->last) < distance(first, l->last) ? later : first;
	line->at += CLASSIC_LEN;
	return true;
}

static bool read_iso(struct span *line, int64_t *ret_time, uint32_t *ret_precision)
{
	char text[STAMP_TEXT_MAX];
	struct span word, rest = *line;
	int64_t precision;
	if (!span_take_until(&rest, ' ', &word) || span_len(word) >= sizeof(text))
		return false;
	memcpy(text, word.at, span_len(word));
	text[span_len(word)] = '\0';
	if (!strchr(text, 'T') || !stamp_parse(text, ret_time, &precision))
		return false;
	*ret_precision = (uint32_t)precision;
	*line = rest;
	return true;
}

bool logtime_read(struct logtime *l, struct span *line, int64_t now, int64_t *ret_time,
		  uint32_t *ret_precision)
{
	if (line->at == line->end)
		return false;
	if (*line->at >= '0' && *line->at <= '9') {
		if (!read_iso(line, ret_time, ret_precision))
			return false;
	} else {
		if (!read_classic(l, line, now, ret_time))
			return false;
		*ret_precision = STAMP_SECOND;
	}
	l->last = *ret_time;
	return true;
}
