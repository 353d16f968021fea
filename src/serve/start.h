/*
 * start - from nothing to parts that listen, in the one order that works
 *
 * Use:
 *	start_inherit(n);	// before anything else is opened
 *	r = start_parts(n, &e);
 */
#ifndef FMX_SERVE_START_H
#define FMX_SERVE_START_H

#include "serve/parts.h"

/* The sockets that systemd hands over: a number that is not open now would become a
 * descriptor of ours. */
void start_inherit(struct engine *n);
/* n->loop is initialised, the configuration there. */
FMX_MUST_CHECK int start_parts(struct engine *n, struct error *e);

#endif
