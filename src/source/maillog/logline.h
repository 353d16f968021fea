/*
 * logline - one line of a mail log: when, where, who, and what it says
 *
 * What frame.h makes of a line, however it was packed, for the readers of mail
 * programs.
 *
 * Ownership: slices borrow the line, or frame.h's memory, until the next line.
 */
#ifndef FMX_SOURCE_MAILLOG_LOGLINE_H
#define FMX_SOURCE_MAILLOG_LOGLINE_H

#include <stdint.h>

#include "base/slice.h"

#define LOGLINE_EXIM "exim"

struct logline {
	int64_t time;
	uint32_t precision_us;
	int64_t told;         /* by the outermost stamp: when whoever keeps it got it */
	struct slice host;    /* of the machine or container; empty: it does not say */
	struct slice tag;     /* "postfix-in/smtpd"; empty: the kernel's and others' */
	struct slice program; /* "smtpd": what stands behind the tag's last slash */
	struct slice pid;     /* "123"; may be empty, need not be a number */
	struct slice process; /* "postfix-in/smtpd[123]" */
	struct slice text;
};

#endif
