/*
 * own - tells our own health probes from visits in the log of a real host
 *
 * Each probe of a real host is one connection that the host's log shows too.
 * It is no visit of a sender. A visit is taken for a probe when it came to the
 * probed host from the address the probe left from, at the time of the probe,
 * and got no further than EHLO; and each probe explains one visit at most. So
 * a sender that shares our address is only ever mistaken for the probe when
 * the two cannot be told apart at all.
 *
 * Use:
 *	own_began(o, host, own_route(addr), now);	// as the probe starts
 *	own_ended(o, host, now);
 *	if (own_explains(o, &visit))			// drop it
 *
 * Ownership: plain memory, own_free().
 *
 * Limits: the last OWN_KEPT probes are remembered. Behind NAT, or through a
 * forwarding proxy, the log shows an address that is not ours, and the probe
 * is then counted as a visit of that address.
 */
#ifndef FMX_SERVE_OWN_H
#define FMX_SERVE_OWN_H

#include "model/visit.h"

enum { OWN_KEPT = 1024 };
#define OWN_SLACK INT64_C(2000000) /* microseconds that two clocks may differ */

struct own;

struct own *own_new(void);
void own_free(struct own *o);

void own_began(struct own *o, uint16_t host, struct addr from, int64_t now);
/* The last probe of the host is over. */
void own_ended(struct own *o, uint16_t host, int64_t now);
bool own_explains(struct own *o, const struct visit *v);

/* The address that a connection to `to` leaves from; all zero if there is no
 * route. Asks the kernel, sends nothing. */
struct addr own_route(struct addr to);

#endif
