/*
 * logtime - the stamps of log lines
 *
 *	2026-11-23T14:05:09.123456+01:00	RFC 3339, any fraction; +0100 too
 *	2026-11-23 14:05:09[.123][+01:00| +0100]	Exim, syslog-ng
 *	Nov 23 14:05:09[.123456]		RFC 3164, journalctl
 *	Mon 2026-11-23 14:05:09 CET		journalctl -o short-full
 *	1795446309.123456			journalctl -o short-unix
 *
 * A stamp without a zone is read in the zone that was named, or else that of this
 * process; one without a year in the latest year that is not after `now` by more than
 * a day. In the hour that the end of daylight saving time repeats, a stamp that may
 * mean either time means the first, and its width says so, unless `now` or the line
 * before shows which.
 *
 * Use:
 *	struct logtime reader = { .zone = "Europe/Berlin" };
 *	struct slice line = ...;
 *	if (logtime_read(&reader, &line, now, &stamp))
 *		...		// line begins behind the stamp's space now
 *
 * Ownership: plain data; all zero at first. zone is borrowed.
 *
 * Limits: a named zone is read by changing TZ for a moment, once for each hour of a
 * log; not for programs with other threads that ask for the time of day.
 */
#ifndef FMX_SOURCE_MAILLOG_LOGTIME_H
#define FMX_SOURCE_MAILLOG_LOGTIME_H

#include <stdint.h>

#include "base/slice.h"

struct logstamp {
	int64_t time;
	int64_t width;
	bool has_zone;
	bool is_dated; /* "2026-11-23 ...": as Exim writes its own */
};

struct logtime {
	const char *zone; /* NULL: this process's */
	int64_t last;     /* the line before */
	/* The hour it was in, converted: two readings where it is repeated. */
	int year, month, day, hour; /* year: 0 where the log has none */
	int64_t now_day;            /* of the conversion: it may change the year */
	int64_t base[2];
	/* "2026-11-23T14:05:09" and "+01:00" of an RFC 3339 stamp, and the moment
	 * that they make; the lines of a second share them. */
	char second[19], offset[6];
	int64_t second_at;
};

FMX_MUST_CHECK bool logtime_read(struct logtime *l, struct slice *line, int64_t now,
				 struct logstamp *ret_stamp);

#endif
