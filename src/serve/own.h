/*
 * own - tells our own health probes from visits in the log of a real host
 *
 * Each probe of a real host is one connection that the host's log shows too.
 * It is no visit of a sender. A visit is taken for a probe when its log told it
 * of the address the probe left from, at the time of the probe, and no command
 * beyond EHLO; and each probe explains one visit at most. So a sender that
 * shares our address is only ever mistaken for the probe when the two cannot
 * be told apart at all.
 *
 * The other way round the probes prove that a log is still written: a log
 * whose syslog daemon died looks like a quiet mail server, and every sender
 * like one that never came to it. So once it is known to show our probes, a
 * log is believed only as far as the last probe that was seen in it.
 *
 * A log is named by the host that its reader gives visits for (watch_log()).
 *
 * Use:
 *	uint64_t probe = own_began(o, log, own_route(addr), now);
 *	own_ended(o, probe, now, was_open);
 *	if (own_explains(o, &visit))			// drop it
 *	upto = least(upto, own_proven(o, log));
 *
 * Ownership: plain memory, own_free().
 *
 * Limits: the last OWN_KEPT probes are remembered. Behind NAT, or through a
 * forwarding proxy, the log shows an address that is not ours, and the probe
 * is then counted as a visit of that address. A log that has not yet shown
 * OWN_TRUST of our probes in this run is believed without.
 */
#ifndef FMX_SERVE_OWN_H
#define FMX_SERVE_OWN_H

#include "judge/visit.h"

enum { OWN_KEPT = 1024, OWN_TRUST = 3, OWN_MISSED = 3 };
#define OWN_SLACK INT64_C(2000000)     /* microseconds that two clocks may differ */
#define OWN_LATENESS INT64_C(15000000) /* that a line may take into the log */

struct own;

struct own *own_new(void);
void own_free(struct own *o);

/* Returns the probe's name for own_ended(). */
uint64_t own_began(struct own *o, uint16_t log, struct addr from, int64_t now);
void own_ended(struct own *o, uint64_t probe, int64_t now, bool was_open);
bool own_explains(struct own *o, const struct visit *v);
/* When the newest probe began that the log has shown; STAMP_NEVER while the log
 * is believed without. */
int64_t own_proven(const struct own *o, uint16_t log);
/* The last OWN_MISSED probes that were answered, over two intervals at least,
 * are not in the log. */
bool own_is_missing(const struct own *o, uint16_t log, int64_t interval, int64_t now);

/* The address that a connection to `to` leaves from; all zero if there is no
 * route. Asks the kernel, sends nothing. */
struct addr own_route(struct addr to);

#endif
