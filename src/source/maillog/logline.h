/*
 * logline - the front of one line of a mail log: when, where, who
 *
 * Two forms. A line of syslog's: stamp, host, tag, and perhaps a process:
 * "2026-11-23T14:05:09.123456+01:00 mail postfix-in/smtpd[123]: text". And
 * Exim's own main log, which has no host and no tag:
 * "2026-11-23 14:05:09 1w8Y5p-000000006Hp-2f1C <= ..."; its tag is "exim" then.
 *
 * Pure, but for the hour that logtime remembers. A line is read strictly from
 * the left; what a client said comes only in the text.
 *
 * Use:
 *	struct logtime times = { 0 };
 *	struct logline l;
 *	if (logline_read(&times, line, len, now, &l) && slice_is(l.program, "smtpd"))
 *		...	// l.time, l.host, l.text
 *
 * Ownership: slices borrow the line.
 */
#ifndef FMX_SOURCE_MAILLOG_LOGLINE_H
#define FMX_SOURCE_MAILLOG_LOGLINE_H

#include "base/slice.h"
#include "source/maillog/logtime.h"

#define LOGLINE_EXIM "exim"

struct logline {
	int64_t time;
	uint32_t precision_us;
	struct slice host;    /* empty: Exim's own log */
	struct slice tag;     /* "postfix-in/smtpd"; empty: the kernel's and others' */
	struct slice program; /* "smtpd": what stands behind the tag's last slash */
	struct slice pid;     /* "123"; may be empty, need not be a number */
	struct slice process; /* "postfix-in/smtpd[123]" */
	struct slice text;
};

/* False: it does not begin with a stamp and, unless it is Exim's, a host. */
FMX_MUST_CHECK bool logline_read(struct logtime *times, const char *line, size_t len,
				 int64_t now, struct logline *ret_line);

#endif
