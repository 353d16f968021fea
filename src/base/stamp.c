#include "base/stamp.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;
	(void)clock_gettime(id, &ts); /* cannot fail for these two clocks */
	return (int64_t)ts.tv_sec * STAMP_SECOND + ts.tv_nsec / 1000;
}

int64_t stamp_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t stamp_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t stamp_clock_now(struct stamp_clock clock)
{
	return stamp_now() + (clock.offset_us ? *clock.offset_us : 0);
}

/* Days since 1970-01-01, by counting from 1 March so that the leap day is the
 * last of its year. */
static int64_t civil_days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era =
	    year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

int64_t stamp_civil(int year, int month, int day, int hour, int minute, int second)
{
	return civil_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

/* "2026-11-30T10:20:30": lists print a million, and strftime() is slow. */
static size_t put_time(const struct tm *tm, char *text)
{
	const int parts[] = { tm->tm_year / 100 + 19,
			      tm->tm_year % 100,
			      tm->tm_mon + 1,
			      tm->tm_mday,
			      tm->tm_hour,
			      tm->tm_min,
			      tm->tm_sec };
	static const char after[] = " --T::";
	char *at = text;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*at++ = (char)('0' + parts[i] / 10);
		*at++ = (char)('0' + parts[i] % 10);
		if (i > 0 && i < sizeof(after) - 1)
			*at++ = after[i];
	}
	*at = '\0';
	return (size_t)(at - text);
}

const char *stamp_text(int64_t t, char text[STAMP_TEXT_MAX])
{
	time_t seconds = (time_t)(t / STAMP_SECOND);
	int64_t fraction = t % STAMP_SECOND;
	if (fraction < 0) {
		fraction += STAMP_SECOND;
		seconds--;
	}
	struct tm tm;
	if (!gmtime_r(&seconds, &tm)) {
		(void)snprintf(text, STAMP_TEXT_MAX, "%lld us", (long long)t);
		return text;
	}
	bool is_usual = tm.tm_year >= 0 && tm.tm_year < 9999 - 1900;
	size_t n = is_usual ? put_time(&tm, text)
			    : strftime(text, STAMP_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction) {
		n += (size_t)snprintf(text + n, STAMP_TEXT_MAX - n, ".%06d",
				      (int)fraction);
		while (text[n - 1] == '0')
			n--;
	}
	(void)snprintf(text + n, STAMP_TEXT_MAX - n, "Z");
	return text;
}

const char *stamp_second(int64_t t, char text[STAMP_TEXT_MAX])
{
	int64_t fraction = t % STAMP_SECOND;
	return stamp_text(t - fraction - (fraction < 0 ? STAMP_SECOND : 0), text);
}

/* Reads exactly n digits and moves *at on. */
static bool digits(const char **at, int n, int *ret_value)
{
	int value = 0;
	for (int i = 0; i < n; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret_value = value;
	return true;
}

static bool literal(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool parse_fraction(const char **at, int64_t *ret_us, int64_t *ret_precision)
{
	*ret_us = 0;
	*ret_precision = STAMP_SECOND;
	if (**at != '.' && **at != ',')
		return true;
	(*at)++;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++) {
		if (*ret_precision == 1)
			continue; /* finer than we keep */
		*ret_precision /= 10;
		*ret_us += (**at - '0') * *ret_precision;
	}
	return true;
}

static bool parse_zone(const char **at, int *ret_offset_seconds)
{
	*ret_offset_seconds = 0;
	if (literal(at, 'Z') || literal(at, 'z'))
		return true;
	int sign = **at == '-' ? -1 : 1;
	if (!literal(at, '+') && !literal(at, '-'))
		return false;
	int h, m;
	if (!digits(at, 2, &h))
		return false;
	(void)literal(at, ':');
	if (!digits(at, 2, &m) || h > 23 || m > 59)
		return false;
	*ret_offset_seconds = sign * (h * 3600 + m * 60);
	return true;
}

static bool parse_date(const char **at, int *y, int *mo, int *d)
{
	static const int longest[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	if (!digits(at, 4, y) || !literal(at, '-') || !digits(at, 2, mo) ||
	    !literal(at, '-') || !digits(at, 2, d))
		return false;
	if (*mo < 1 || *mo > 12)
		return false;
	bool leap = (*y % 4 == 0 && *y % 100 != 0) || *y % 400 == 0;
	return *d >= 1 && *d <= longest[*mo - 1] + (*mo == 2 && leap);
}

/* hh:mm:ss with fraction and zone, as microseconds since the UTC midnight of
 * the date that stands before it. */
static bool parse_clock_time(const char **at, int64_t *ret_us, int64_t *ret_precision)
{
	int h, mi, s, offset;
	int64_t us;
	if (!digits(at, 2, &h) || !literal(at, ':') || !digits(at, 2, &mi) ||
	    !literal(at, ':') || !digits(at, 2, &s))
		return false;
	if (h > 23 || mi > 59 || s > 60) /* 60: a leap second */
		return false;
	if (!parse_fraction(at, &us, ret_precision) || !parse_zone(at, &offset))
		return false;
	*ret_us = (h * 3600 + mi * 60 + s - offset) * STAMP_SECOND + us;
	return true;
}

bool stamp_parse(const char *text, int64_t *ret_t, int64_t *ret_precision)
{
	const char *at = text;
	int y, mo, d;
	int64_t us = 0, precision = STAMP_SECOND;
	if (!parse_date(&at, &y, &mo, &d))
		return false;
	if (literal(&at, 'T') || literal(&at, 't') || literal(&at, ' '))
		if (!parse_clock_time(&at, &us, &precision))
			return false;
	if (*at)
		return false;
	*ret_t = stamp_civil(y, mo, d, 0, 0, 0) * STAMP_SECOND + us;
	if (ret_precision)
		*ret_precision = precision;
	return true;
}

bool stamp_parse_duration(const char *text, int64_t *ret_us)
{
	if (!isdigit((unsigned char)*text))
		return false;
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	int64_t unit;
	if (!*end || strcmp(end, "s") == 0)
		unit = STAMP_SECOND;
	else if (strcmp(end, "m") == 0 || strcmp(end, "min") == 0)
		unit = STAMP_MINUTE;
	else if (strcmp(end, "h") == 0)
		unit = STAMP_HOUR;
	else if (strcmp(end, "d") == 0)
		unit = STAMP_DAY;
	else
		return false;
	if (n > (unsigned long long)(36525 * STAMP_DAY / unit))
		return false;
	*ret_us = (int64_t)n * unit;
	return true;
}

const char *stamp_duration_text(int64_t us, char text[STAMP_TEXT_MAX])
{
	double s = (double)us / (double)STAMP_SECOND;
	if (s < 0.1 && us != 0)
		(void)snprintf(text, STAMP_TEXT_MAX, "%.*f ms", s < 0.01, s * 1000);
	else if (s < 10)
		(void)snprintf(text, STAMP_TEXT_MAX, "%.2f s", s);
	else if (s < 120)
		(void)snprintf(text, STAMP_TEXT_MAX, "%.0f s", s);
	else if (s < 7200)
		(void)snprintf(text, STAMP_TEXT_MAX, "%.0f min", s / 60);
	else if (s < 172800)
		(void)snprintf(text, STAMP_TEXT_MAX, "%.0f h", s / 3600);
	else
		(void)snprintf(text, STAMP_TEXT_MAX, "%.0f days", s / 86400);
	return text;
}

bool stamp_is_zone(const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	const char *folder = getenv("TZDIR");
	if (strcmp(name, "UTC") == 0)
		return true;
	if (!*name || *name == '/' || *name == ':' || strstr(name, ".."))
		return false;
	(void)snprintf(path, sizeof(path), "%s/%s",
		       folder ? folder : "/usr/share/zoneinfo", name);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}
