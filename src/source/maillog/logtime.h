/*
 * logtime - the stamps at the front of log lines
 *
 * Two forms: RFC 3339 ("2026-11-23T14:05:09.123456+01:00 ", rsyslog's default)
 * and the classic one ("Nov 23 14:05:09 ", RFC 3164, also what Postfix's
 * postlogd writes), which has neither year nor zone: it is read in the zone of
 * this process and in the latest year that is not after `now` by more than a
 * day.
 *
 * A third form is Exim's ("2026-11-23 14:05:09 ", with milliseconds and a zone
 * where it is told to): without zone it is read in the zone of this process.
 *
 * In the hour that the end of daylight saving time repeats, the reading
 * nearest to the line before is taken.
 *
 * Use:
 *	struct logtime reader = { 0 };
 *	struct slice line = ...;
 *	if (logtime_read(&reader, &line, now, &time, &precision))
 *		...		// line begins behind the stamp's space now
 *
 * Ownership: plain data; all zero at first.
 */
#ifndef FMX_SOURCE_MAILLOG_LOGTIME_H
#define FMX_SOURCE_MAILLOG_LOGTIME_H

#include <stdint.h>

#include "base/slice.h"

struct logtime {
	int64_t last; /* the line before */
	/* The hour it was in, converted: two readings where it is repeated. */
	int year, month, day, hour; /* year: 0 where the log has none */
	int64_t now_day;            /* of the conversion: it may change the year */
	int64_t base[2];
	/* "2026-11-23T14:05:09" and "+01:00" of an RFC 3339 stamp, and the moment
	 * that they make; the lines of a second share them. */
	char second[19], zone[6];
	int64_t second_at;
};

FMX_MUST_CHECK bool logtime_read(struct logtime *l, struct slice *line, int64_t now,
				 int64_t *ret_time, uint32_t *ret_precision);
/* Only Exim's form. */
FMX_MUST_CHECK bool logtime_read_local(struct logtime *l, struct slice *line,
				       int64_t *ret_time, uint32_t *ret_precision);

#endif
