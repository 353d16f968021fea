/*
 * lines - bytes as they come, cut into lines
 *
 * A line that is not at its end yet waits for the rest. Zeros in front of a
 * line are no part of it: a program that writes on at its old place in a file
 * that was truncated leaves a hole there. A line may also end by the count of octets in
 * front of it ("75 <22>1 ...", RFC 6587), with or without LF behind it.
 *
 * Use:
 *	struct lines l = { .fn = on_line, .arg = arg };
 *	lines_give(&l, bytes, len);	// again and again
 *	lines_end(&l);			// what waits is a line too; or lines_drop()
 *
 * Ownership: lines are lent for the call, without LF or NUL at the end; what
 * waits is freed by lines_end() and lines_drop().
 *
 * Limits: a line is given cut after LINES_MAX bytes, and counted.
 */
#ifndef FMX_SOURCE_MAILLOG_LINES_H
#define FMX_SOURCE_MAILLOG_LINES_H

#include <stdint.h>

#include "base/attr.h"

enum { LINES_MAX = 65536 };

typedef void (*lines_fn)(void *arg, const char *line, size_t len);

struct lines {
	lines_fn fn;
	void *arg;
	uint64_t too_long;
	bool is_skipping; /* the rest of a line that was cut, or begun before us */
	bool is_counted;  /* the line before ended by its count: LF may follow */
	char *partial;    /* NULL: nothing waits */
	size_t partial_len;
};

void lines_give(struct lines *l, const char *bytes, size_t len);
void lines_end(struct lines *l);
/* True if a line had begun. */
bool lines_drop(struct lines *l);

#endif
