/*
 * prober - probe many addresses, each by one connection at a time
 *
 * Domains share mail servers. Who asks for an address that is being probed, or
 * was a moment ago, gets the same result: a list of a million domains at one
 * provider is no flood of that provider.
 *
 * Use:
 *	struct prober *p = prober_new(loop, 25, PROBE_TIMEOUT_US);
 *	prober_ask(p, addr, seen, me);		// probe_callback of probe.h
 *	...
 *	prober_free(p);
 *	uv_run(loop, UV_RUN_DEFAULT);		// connections close
 *
 * Ownership: each question gets one call, never from within prober_ask; none
 * after prober_free.
 *
 * Limits: PROBER_OPEN_MAX connections at once, others wait; results are kept for
 * PROBER_KEPT_MAX addresses, the oldest going first.
 */
#ifndef FMX_LOOK_PROBER_H
#define FMX_LOOK_PROBER_H

#include "look/probe.h"

enum { PROBER_OPEN_MAX = 400, PROBER_KEPT_MAX = 2048 };

struct prober;

struct prober *prober_new(uv_loop_t *loop, uint16_t port, int64_t timeout_us);
void prober_ask(struct prober *p, struct addr addr, probe_callback *callback, void *arg);
/* Who asks for it now wants to know how it is now. One that others wait for stays. */
void prober_forget(struct prober *p, struct addr addr);
void prober_free(struct prober *p);

#endif
