/*
 * confine - what serve, publish, web and check may do once they have begun
 *
 * serve writes in the folders of its state, its metrics and its sockets, connects to the
 * ports of its hosts and of DNS, and starts nothing: a helper that it splits off before
 * starts the configuration's commands. What this comes to stands in the configuration at
 * the start; a reload that needs more is refused.
 *
 * Use:
 *	if (confine_serve(&config, path, lab, &held, &e) < 0)	// before any thread
 *		...
 *	if (confine_check(&held, &config, &changed, &e) < 0)	// at a reload
 *
 * Limits: those of sandbox.h.
 */
#ifndef FMX_SERVE_SYSTEM_CONFINE_H
#define FMX_SERVE_SYSTEM_CONFINE_H

#include <stdio.h>

#include "base/sandbox.h"
#include "config/config.h"

struct confined {
	struct sandbox allowed;
	struct sandbox_held held;
};

FMX_MUST_CHECK int confine_serve(const struct config *c, const char *path, bool lab,
				 struct confined *ret, struct error *e);
/* FMX_EUSAGE: c needs what the process gave away; the sentence says what. */
FMX_MUST_CHECK int confine_check(const struct confined *now, const struct config *c,
				 struct error *e);
/* For --privileges. */
void confine_print(const struct config *c, FILE *to);

#endif
