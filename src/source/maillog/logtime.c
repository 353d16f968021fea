#include "source/maillog/logtime.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "source/maillog/words.h"

/* Lines of several programs are out of order, but not that much. */
#define DISORDER (2 * STAMP_MINUTE)
enum { DATE_LEN = 19, ZONE_LEN = 6, FRACTION_MAX = 9, UNIX_LEN = 10 };

struct fields {
	int year, month, day, hour, minute, second; /* year 0: none */
	int64_t fraction, width;
};

static bool read_two(const char *p, int *ret_value)
{
	if (!words_is_digit(p[0]) || !words_is_digit(p[1]))
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

/* ---- local hours ---- */

static void set_zone(const char *zone)
{
	if (zone)
		(void)setenv("TZ", zone, 1); /* no memory: abort() soon */
	else
		(void)unsetenv("TZ");
	tzset();
}

/* One reading of the hour's first second, or -1 if there is no such hour; *ret_gap: on
 * that day the clock passed over it. */
static int64_t convert(int year, const struct logtime *l, int is_dst, bool *ret_gap)
{
	struct tm tm = { .tm_year = year - 1900,
			 .tm_mon = l->month - 1,
			 .tm_mday = l->day,
			 .tm_hour = l->hour,
			 .tm_isdst = is_dst };
	time_t t = mktime(&tm);
	*ret_gap = t != (time_t)-1 && tm.tm_hour != l->hour;
	bool is_day =
	    tm.tm_mday == l->day; /* no 29th of February that is a 1st of March */
	return t == (time_t)-1 || (!is_day && !*ret_gap) ? -1 : (int64_t)t * STAMP_SECOND;
}

static int year_of(int64_t t)
{
	time_t seconds = (time_t)(t / STAMP_SECOND);
	struct tm tm;
	return localtime_r(&seconds, &tm) ? tm.tm_year + 1900 : 1970;
}

/* Both readings of the hour, where the end of daylight saving time repeats it; or where
 * its begin passes over it, and the writer's clock had not, or was another zone's. */
static bool set_hour(struct logtime *l, int year, int64_t latest)
{
	bool is_none, other_is_none, summer_is_none;
	int64_t any = convert(year, l, -1, &is_none);
	if (any == -1 || any > latest)
		return false;
	int64_t other = convert(year, l, 0, &other_is_none);
	int64_t summer = convert(year, l, 1, &summer_is_none);
	l->base[0] = summer != -1 && summer_is_none == is_none ? summer : any;
	l->base[1] = other != -1 && other_is_none == is_none ? other : any;
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

static bool find_hour_there(struct logtime *l, int64_t now)
{
	if (!l->zone)
		return find_hour(l, now);
	const char *ours = getenv("TZ");
	char *kept = ours ? xstrdup(ours) : NULL;
	set_zone(l->zone);
	bool is_found = find_hour(l, now);
	set_zone(kept);
	free(kept);
	return is_found;
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
	bool is_found = find_hour_there(l, now);
	if (!is_found)
		l->month = 0;
	return is_found;
}

/* Of the hour's two readings the one that is certain, or the first with the width
 * of both. */
static void choose(const struct logtime *l, const struct fields *f, int64_t now,
		   struct logstamp *s)
{
	int64_t within = (f->minute * 60 + f->second) * STAMP_SECOND + f->fraction;
	int64_t first = l->base[0] + within, second = l->base[1] + within;
	s->time = first;
	s->width = f->width;
	if (second == first || second > now + DISORDER)
		return;
	if (l->last > first + DISORDER && l->last < second + STAMP_DAY)
		s->time = second;
	else
		s->width += second - first;
}

/* ---- forms ---- */

static bool is_a_time(const struct fields *f)
{
	return f->month >= 1 && f->month <= 12 && f->day >= 1 && f->day <= 31 &&
	       f->hour <= 23 && f->minute <= 59 && f->second <= 60; /* a leap second */
}

/* "14:05:09", of eight bytes that are there. */
static bool read_clock(const char *p, struct fields *f)
{
	return p[2] == ':' && p[5] == ':' && read_two(p, &f->hour) &&
	       read_two(p + 3, &f->minute) && read_two(p + 6, &f->second);
}

/* ".123456", or nothing. */
static bool read_fraction(struct slice *in, struct fields *f)
{
	int digits = 0;
	f->fraction = 0;
	f->width = STAMP_SECOND;
	if (!slice_take(in, '.') && !slice_take(in, ','))
		return true;
	for (; in->at < in->end && words_is_digit(*in->at) && digits < FRACTION_MAX;
	     in->at++, digits++) {
		f->width /= 10;
		f->fraction += (*in->at - '0') * f->width;
	}
	if (f->width == 0)
		f->width = 1;
	return digits > 0;
}

/* "Z", "+01:00", "+0100" */
static bool read_offset(struct slice *in, int64_t *ret_offset)
{
	const char *p = in->at;
	int hours, minutes;
	if (slice_take(in, 'Z')) {
		*ret_offset = 0;
		return true;
	}
	if (slice_len(*in) < ZONE_LEN - 1 || (p[0] != '+' && p[0] != '-') ||
	    !read_two(p + 1, &hours))
		return false;
	bool has_colon = p[3] == ':' && slice_len(*in) >= ZONE_LEN;
	if (!read_two(p + (has_colon ? 4 : 3), &minutes))
		return false;
	*ret_offset =
	    (hours * STAMP_HOUR + minutes * STAMP_MINUTE) * (p[0] == '-' ? -1 : 1);
	in->at += has_colon ? ZONE_LEN : ZONE_LEN - 1;
	return true;
}

/* "2026-11-23T14:05:09", or with a blank */
static bool read_date(struct slice *in, struct fields *f)
{
	const char *p = in->at;
	int century, year;
	if (slice_len(*in) <= DATE_LEN || p[4] != '-' || p[7] != '-' ||
	    (p[10] != ' ' && p[10] != 'T') || !read_two(p, &century) ||
	    !read_two(p + 2, &year) || !read_two(p + 5, &f->month) ||
	    !read_two(p + 8, &f->day) || !read_clock(p + 11, f))
		return false;
	f->year = century * 100 + year;
	in->at += DATE_LEN;
	return f->year >= 1970 && is_a_time(f) && read_fraction(in, f);
}

/* The zone follows at once, or behind a blank; or there is none. */
static bool read_dated(struct logtime *l, struct slice *line, int64_t now,
		       struct logstamp *s)
{
	struct fields f;
	struct slice rest = *line, later;
	int64_t offset;
	if (!read_date(&rest, &f))
		return false;
	s->is_dated = line->at[10] == ' ';
	s->has_zone = read_offset(&rest, &offset);
	later = rest;
	if (!s->has_zone && s->is_dated && slice_take(&later, ' ') &&
	    read_offset(&later, &offset) && later.at < later.end && *later.at == ' ') {
		s->has_zone = true;
		rest = later;
	}
	if (!slice_take(&rest, ' '))
		return false;
	if (s->has_zone) {
		s->time =
		    stamp_civil(f.year, f.month, f.day, f.hour, f.minute, f.second) *
			STAMP_SECOND +
		    f.fraction - offset;
		s->width = f.width;
	} else if (convert_hour(l, &f, 0)) {
		choose(l, &f, now, s);
	} else {
		return false;
	}
	*line = rest;
	return true;
}

/* "Nov 23 14:05:09 ", the day padded with a space or a zero. */
static bool read_classic(struct logtime *l, struct slice *line, int64_t now,
			 struct logstamp *s)
{
	struct fields f = { .year = 0 };
	struct slice rest = *line;
	const char *p = rest.at;
	if (slice_len(rest) < 16 || p[3] != ' ' || p[6] != ' ')
		return false;
	char day[2] = { p[4] == ' ' ? '0' : p[4], p[5] };
	f.month = month_of(p);
	rest.at += 15;
	if (!read_two(day, &f.day) || !read_clock(p + 7, &f) || !is_a_time(&f) ||
	    !read_fraction(&rest, &f) || !slice_take(&rest, ' ') ||
	    !convert_hour(l, &f, now))
		return false;
	choose(l, &f, now, s);
	*line = rest;
	return true;
}

/* "Mon 2026-11-23 14:05:09 CET " */
static bool read_full(struct logtime *l, struct slice *line, int64_t now,
		      struct logstamp *s)
{
	struct slice rest = *line, zone, day;
	if (!slice_take_until(&rest, ' ', &day) || slice_len(day) != 3 ||
	    rest.at == rest.end || !words_is_digit(*rest.at) ||
	    !read_dated(l, &rest, now, s) || !slice_take_until(&rest, ' ', &zone))
		return false;
	if (slice_is(zone, "UTC") || slice_is(zone, "GMT")) {
		struct fields f;
		struct slice again = { day.end + 1, line->end };
		if (!read_date(&again, &f))
			return false;
		s->has_zone = true;
		s->time =
		    stamp_civil(f.year, f.month, f.day, f.hour, f.minute, f.second) *
			STAMP_SECOND +
		    f.fraction;
		s->width = f.width;
	}
	s->is_dated = false;
	*line = rest;
	return true;
}

/* "1795446309.123456 " */
static bool read_unix(struct slice *line, struct logstamp *s)
{
	struct slice rest = *line;
	struct fields f;
	uint64_t t;
	if (slice_len(rest) < UNIX_LEN + 3 || rest.at[UNIX_LEN] != '.' ||
	    !number_parse(rest.at, UNIX_LEN, INT64_MAX, &t))
		return false;
	rest.at += UNIX_LEN;
	if (!read_fraction(&rest, &f) || !slice_take(&rest, ' '))
		return false;
	*s = (struct logstamp){ .time = (int64_t)t * STAMP_SECOND + f.fraction,
				.width = f.width,
				.has_zone = true };
	*line = rest;
	return true;
}

enum { MICROS_LEN = 6, OFFSET_AT = DATE_LEN + 1 + MICROS_LEN, QUICK_LEN = OFFSET_AT + 6 };

/* "2026-11-23T14:05:09.123456+01:00 ", as rsyslog writes it: the microseconds, or
 * -1 for another form. */
static int64_t micros_of(const struct slice *line)
{
	int64_t micros = 0;
	if (slice_len(*line) <= QUICK_LEN || line->at[DATE_LEN] != '.' ||
	    line->at[QUICK_LEN] != ' ' ||
	    (line->at[OFFSET_AT] != '+' && line->at[OFFSET_AT] != '-'))
		return -1;
	for (const char *p = line->at + DATE_LEN + 1; p < line->at + OFFSET_AT; p++) {
		if (!words_is_digit(*p))
			return -1;
		micros = micros * 10 + (*p - '0');
	}
	return micros;
}

/* Of the second that the line before had, only the fraction is read. */
static bool read_quickly(struct logtime *l, struct slice *line, int64_t now,
			 struct logstamp *s)
{
	int64_t micros = micros_of(line);
	if (micros < 0)
		return read_dated(l, line, now, s);
	const char *at = line->at, *offset = at + OFFSET_AT;
	if (memcmp(l->second, at, DATE_LEN) != 0 ||
	    memcmp(l->offset, offset, sizeof(l->offset)) != 0) {
		if (!read_dated(l, line, now, s))
			return false;
		memcpy(l->second, at, DATE_LEN);
		memcpy(l->offset, offset, sizeof(l->offset));
		l->second_at = s->time - micros;
		return true;
	}
	*s = (struct logstamp){ .is_dated = at[10] == ' ',
				.time = l->second_at + micros,
				.width = 1,
				.has_zone = true };
	line->at += QUICK_LEN + 1;
	return true;
}

bool logtime_read(struct logtime *l, struct slice *line, int64_t now,
		  struct logstamp *ret_stamp)
{
	struct logstamp s = { .time = 0 };
	if (line->at == line->end)
		return false;
	bool is_read =
	    words_is_digit(*line->at)
		? read_quickly(l, line, now, &s) || read_unix(line, &s)
		: read_classic(l, line, now, &s) || read_full(l, line, now, &s);
	if (!is_read)
		return false;
	l->last = s.time;
	*ret_stamp = s;
	return true;
}
