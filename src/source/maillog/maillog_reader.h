/*
 * maillog_reader - what every mail server's reader has in common
 *
 * A reader is two functions: is this line's program one of mine, and what does
 * the line say, written into the table of sessions (logsession.h). It has no
 * memory of its own. maillog_lines.c has the table of readers.
 *
 * Ownership: plain data; the line is lent.
 */
#ifndef FMX_SOURCE_MAILLOG_MAILLOG_READER_H
#define FMX_SOURCE_MAILLOG_MAILLOG_READER_H

#include "source/maillog/logsession.h"

enum maillog_says {
	MAILLOG_USED,    /* told something of a session */
	MAILLOG_STARTED, /* the mail server was started: until then it was down */
	MAILLOG_USELESS, /* of a program we know, but of no use to us */
	MAILLOG_FOREIGN, /* of another program, or of a service that is not the MX's */
	MAILLOG_GARBLED, /* no stamp, or a line we know that is not as we know it */
};

struct maillog_reader {
	const char *name; /* "postfix" */
	bool (*is_program)(const struct logline *l);
	enum maillog_says (*line)(struct logsessions *t, const struct logline *l);
	/* How long a session may go on before the log has a first line of it:
	 * only so far back is the log complete. */
	int64_t blind;
};

#endif
