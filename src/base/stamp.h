/*
 * stamp - moments and durations
 *
 * A moment is an int64_t of microseconds since 1970-01-01 UTC; a duration is
 * an int64_t of microseconds. Names end in _us where the unit is not plain
 * from the type's comment. Text is RFC 3339 in UTC with as many fraction
 * digits as are needed: 2026-11-23T14:05:09Z, 2026-11-23T14:05:09.25Z.
 *
 * The model never calls stamp_now(): time is an argument.
 */
#ifndef FMX_BASE_STAMP_H
#define FMX_BASE_STAMP_H

#include <stdint.h>

#include "base/attr.h"

#define STAMP_MILLISECOND INT64_C(1000)
#define STAMP_SECOND (1000 * STAMP_MILLISECOND)
#define STAMP_MINUTE (60 * STAMP_SECOND)
#define STAMP_HOUR (60 * STAMP_MINUTE)
#define STAMP_DAY (24 * STAMP_HOUR)
#define STAMP_NEVER INT64_MAX /* later than all */

enum { STAMP_TEXT_MAX = 40 };

static inline int64_t stamp_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t stamp_later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* 00:00 UTC of its day, of 1970 and later. */
static inline int64_t stamp_day(int64_t t)
{
	return t - t % STAMP_DAY;
}

int64_t stamp_now(void);       /* CLOCK_REALTIME; may step */
int64_t stamp_monotonic(void); /* CLOCK_MONOTONIC; only differences mean anything */

/*
 * The clock of one daemon. In a trial (`--lab` with `clock = FILE`, and in the
 * rehearsal) the clock may jump ahead while everybody waits: offset_us then
 * points at eight shared bytes, microseconds to add. It never runs faster.
 */
struct stamp_clock {
	const volatile int64_t *offset_us; /* NULL: the real clock */
};
int64_t stamp_clock_now(struct stamp_clock clock);

/* RFC 3339, UTC; stamp_second leaves the fraction out, for people. */
const char *stamp_text(int64_t t, char text[STAMP_TEXT_MAX]);
const char *stamp_second(int64_t t, char text[STAMP_TEXT_MAX]);

/*
 * RFC 3339 with a zone ("Z" or +hh:mm), T or space, any fraction, and a bare
 * date (midnight UTC). *ret_precision (may be NULL) is the width in
 * microseconds that the text left open: 1000000 for whole seconds, 1 for six
 * digits.
 */
FMX_MUST_CHECK bool stamp_parse(const char *text, int64_t *ret_t, int64_t *ret_precision);

/* Seconds since 1970 of a civil UTC date; month 1..12. Proleptic Gregorian. */
int64_t stamp_civil(int year, int month, int day, int hour, int minute, int second);

/* "90", "90s", "15m", "24h", "7d". Not negative, at most 100 years. */
FMX_MUST_CHECK bool stamp_parse_duration(const char *text, int64_t *ret_us);

/* Is there such a time zone on this machine? "Europe/Berlin" */
bool stamp_is_zone(const char *name);

/* "0.4 ms", "20 ms", "1.50 s", "3 min", "5 h", "2 days": for reports and messages. */
const char *stamp_duration_text(int64_t us, char text[STAMP_TEXT_MAX]);

#endif
