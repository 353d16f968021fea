/*
 * names - lines of a file or of stdin, as the loop has them, in little memory
 *
 * Use:
 *	struct names *n;
 *	if (names_open(loop, "-", more, me, &n, &e) != 0) ...
 *	while (names_take(n, line)) ...		// a line, without its newline
 *	names_ended(n)				// true: there will be no more
 *	names_close(n);
 *
 * Reading never stops the loop, also when stdin is slow: names_take is false
 * when nothing is there yet, and more is called when lines or the end have come.
 *
 * Ownership: names owns its file and buffers. After names_close nothing is
 * called; memory goes as the loop runs.
 *
 * Limits: a line longer than NAMES_LINE_MAX is cut there. Empty lines and what
 * follows # are passed over.
 */
#ifndef FMX_CLI_NAMES_H
#define FMX_CLI_NAMES_H

#include <uv.h>

#include "base/attr.h"
#include "base/error.h"

enum { NAMES_LINE_MAX = 4096 };

struct names;

FMX_MUST_CHECK int names_open(uv_loop_t *loop, const char *path, void (*more)(void *arg),
			      void *arg, struct names **ret_names, struct error *e);
FMX_MUST_CHECK bool names_take(struct names *n, char line[NAMES_LINE_MAX]);
bool names_ended(const struct names *n);
/* A read that failed; "" for none. */
const char *names_failure(const struct names *n);
void names_close(struct names *n);

#endif
