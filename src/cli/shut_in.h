/*
 * shut_in - web, publish and check give away what they do not need, as serve does
 *
 * Use:
 *	struct sandbox *s = xcalloc(1, sizeof(*s));
 *	...
 *	if (shut_in(c, s, true, &e) != 0)	// frees s; before there is a second
 * thread return cli_fail(c, &e);
 *
 * Limits: those of sandbox.h.
 */
#ifndef FMX_CLI_SHUT_IN_H
#define FMX_CLI_SHUT_IN_H

#include "base/sandbox.h"
#include "cli/cli.h"

/* is_said: what the kernel cannot do is said, once, by what runs for long. */
FMX_MUST_CHECK int shut_in(const struct cli *c, struct sandbox *s, bool is_said,
			   struct error *e);

#endif
