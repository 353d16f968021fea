#include "source/maillog/logtime.h"

#include <time.h>

#include "base/stamp.h"

enum { CLASSIC_LEN = 16, LOCAL_LEN = 19, ZONE_LEN = 6 };

struct fields {
	int year, month, day, hour, minute, second;
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

/* Both readings of the hour, where the end of daylight saving time repeats it. */
static bool set_hour(struct logtime *l, int year, int64_t latest)
{
	int64_t any = convert(year, l, -1);
	if (any == -1 || any > latest)
		return false;
	int64_t other = convert(year, l, 0), summer = convert(year, l, 1);
	l->base[0] = summer != -1 ? summer : any;
	l->base[1] = other != -1 ? other : any;
	return true;
}

/* The latest year in which the hour exists (a 29th of February does not in
 * most) and is not in the future. */
static bool find_hour(struct logtime *l, int64_t now)
{
	if (l->year != 0)
		return set_hour(l, l->year, INT64_MAX);
	int year = year_of(now + STAMP_DAY);
	for (int back = 0; back <= 8; back++, year--)
		if (set_hour(l, year, now + STAMP_DAY))
			return true;
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
	if (l->year == f->year && l->month == f->month && l->day == f->day &&
	    l->hour == f->hour && l->now_day == now / STAMP_DAY)
		return true;
	l->year = f->year;
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

/* Of the hour's two readings the one nearer to the line before. */
static int64_t moment_of(const struct logtime *l, const struct fields *f)
{
	int64_t within = (f->minute * 60 + f->second) * STAMP_SECOND;
	int64_t first = l->base[0] + within, later = l->base[1] + within;
	return distance(later, l->last) < distance(first, l->last) ? later : first;
}

static bool read_classic(struct logtime *l, struct slice *line, int64_t now,
			 int64_t *ret_time)
{
	struct fields f = { .year = 0 };
	if (slice_len(*line) < CLASSIC_LEN || !read_fields(line->at, &f) ||
	    !is_a_time(&f) || !convert_hour(l, &f, now))
		return false;
	*ret_time = moment_of(l, &f);
	line->at += CLASSIC_LEN;
	return true;
}

/* "2026-11-23 14:05:09" */
static bool read_date(const char *p, struct fields *f)
{
	int century, year;
	if (p[4] != '-' || p[7] != '-' || p[10] != ' ' || p[13] != ':' || p[16] != ':' ||
	    !read_two(p, &century) || !read_two(p + 2, &year))
		return false;
	f->year = century * 100 + year;
	return f->year >= 1970 && read_two(p + 5, &f->month) && f->month >= 1 &&
	       f->month <= 12 && read_two(p + 8, &f->day) && read_two(p + 11, &f->hour) &&
	       read_two(p + 14, &f->minute) && read_two(p + 17, &f->second);
}

/* "+0100 ", or nothing and false. */
static bool read_zone(struct slice *in, int64_t *ret_offset)
{
	const char *p = in->at;
	int hours, minutes;
	if (slice_len(*in) < ZONE_LEN || (p[0] != '+' && p[0] != '-') ||
	    !read_two(p + 1, &hours) || !read_two(p + 3, &minutes) || p[5] != ' ')
		return false;
	*ret_offset =
	    (hours * STAMP_HOUR + minutes * STAMP_MINUTE) * (p[0] == '-' ? -1 : 1);
	in->at += ZONE_LEN;
	return true;
}

/* ".123 "; false where there is none. */
static bool read_milliseconds(struct slice *in, int64_t *ret_value)
{
	const char *p = in->at;
	int tens;
	if (slice_len(*in) < 4 || p[0] != '.' || !read_two(p + 1, &tens) || p[3] < '0' ||
	    p[3] > '9')
		return false;
	*ret_value = tens * 10 + (p[3] - '0');
	in->at += 4;
	return true;
}

bool logtime_read_local(struct logtime *l, struct slice *line, int64_t *ret_time,
			uint32_t *ret_precision)
{
	struct fields f;
	int64_t zone, time, fraction = 0;
	if (slice_len(*line) <= LOCAL_LEN || line->at[10] != ' ' ||
	    !read_date(line->at, &f) || !is_a_time(&f))
		return false;
	struct slice rest = { line->at + LOCAL_LEN, line->end };
	bool is_fine = read_milliseconds(&rest, &fraction);
	if (!slice_take(&rest, ' '))
		return false;
	if (read_zone(&rest, &zone))
		time = stamp_civil(f.year, f.month, f.day, f.hour, f.minute, f.second) *
			   STAMP_SECOND -
		       zone;
	else if (convert_hour(l, &f, 0))
		time = moment_of(l, &f);
	else
		return false;
	*ret_time = l->last = time + fraction * STAMP_MILLISECOND;
	*ret_precision = (uint32_t)(is_fine ? STAMP_MILLISECOND : STAMP_SECOND);
	*line = rest;
	return true;
}

static bool read_iso(struct slice *line, int64_t *ret_time, uint32_t *ret_precision)
{
	char text[STAMP_TEXT_MAX];
	struct slice word, rest = *line;
	int64_t precision;
	if (!slice_take_until(&rest, ' ', &word) || slice_len(word) >= sizeof(text))
		return false;
	memcpy(text, word.at, slice_len(word));
	text[slice_len(word)] = '\0';
	if (!strchr(text, 'T') || !stamp_parse(text, ret_time, &precision))
		return false;
	*ret_precision = (uint32_t)precision;
	*line = rest;
	return true;
}

enum {
	SECOND_LEN = 19,
	MICROS_LEN = 6,
	ZONE_AT = SECOND_LEN + 1 + MICROS_LEN,
	STAMP_LEN = ZONE_AT + ZONE_LEN
};

/* "2026-11-23T14:05:09.123456+01:00 ", as rsyslog writes it: the microseconds, or
 * -1 for another form. */
static int64_t micros_of(const struct slice *line)
{
	int64_t micros = 0;
	if (slice_len(*line) <= STAMP_LEN || line->at[SECOND_LEN] != '.' ||
	    line->at[STAMP_LEN] != ' ' ||
	    (line->at[ZONE_AT] != '+' && line->at[ZONE_AT] != '-'))
		return -1;
	for (const char *p = line->at + SECOND_LEN + 1;
	     p < line->at + SECOND_LEN + 1 + MICROS_LEN; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		micros = micros * 10 + (*p - '0');
	}
	return micros;
}

/* Of the second that the line before had, only the fraction is read. */
static bool read_iso_quickly(struct logtime *l, struct slice *line, int64_t *ret_time,
			     uint32_t *ret_precision)
{
	int64_t micros = micros_of(line);
	if (micros < 0)
		return read_iso(line, ret_time, ret_precision);
	const char *at = line->at, *zone = at + ZONE_AT;
	if (memcmp(l->second, at, SECOND_LEN) != 0 ||
	    memcmp(l->zone, zone, sizeof(l->zone)) != 0) {
		if (!read_iso(line, ret_time, ret_precision))
			return false;
		memcpy(l->second, at, SECOND_LEN);
		memcpy(l->zone, zone, sizeof(l->zone));
		l->second_at = *ret_time - micros;
		return true;
	}
	*ret_time = l->second_at + micros;
	*ret_precision = 1;
	line->at += STAMP_LEN + 1;
	return true;
}

bool logtime_read(struct logtime *l, struct slice *line, int64_t now, int64_t *ret_time,
		  uint32_t *ret_precision)
{
	if (line->at == line->end)
		return false;
	if (*line->at >= '0' && *line->at <= '9') {
		if (!read_iso_quickly(l, line, ret_time, ret_precision))
			return false;
	} else {
		if (!read_classic(l, line, now, ret_time))
			return false;
		*ret_precision = STAMP_SECOND;
	}
	l->last = *ret_time;
	return true;
}
