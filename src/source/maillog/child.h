/*
 * child - a program of which we read what it writes
 *
 * Use:
 *	const char *argv[] = { "xz", "-dc", NULL };
 *	struct child *c = child_start(argv, fd, &e);
 *	while ((n = child_read(c, bytes, sizeof(bytes))) > 0 || n == -EAGAIN)
 *		...			// child_wait(c, ms) instead of asking again
 *	status = child_end(c, text, sizeof(text));
 *
 * Ownership: child_end() ends it, if it has not ended itself, and frees. The input
 * is lent for the start.
 *
 * Limits: it is in a process group of its own, with our environment, which gets
 * SIGTERM, and SIGKILL a moment later. Of what it says on standard error the last line
 * is kept.
 */
#ifndef FMX_SOURCE_MAILLOG_CHILD_H
#define FMX_SOURCE_MAILLOG_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct child;
/* input: its standard input, or -1: none. NULL, and the sentence. */
FMX_MUST_CHECK struct child *child_start(const char *const *argv, int input,
					 struct error *e);
/* Bytes; 0: it has closed its output; -EAGAIN: none now. */
FMX_MUST_CHECK ssize_t child_read(struct child *c, char *to, size_t size);
void child_wait(struct child *c, int ms); /* until there is something to read */
/* "ended with status 1: its last words" or "was ended by SIGKILL"; empty, and true,
 * if it ended well by itself. */
bool child_end(struct child *c, char *ret_how, size_t size);

#endif
