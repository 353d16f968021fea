/*
 * self_probe - tells our own health probes from visits in the log of a real host
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
 *	uint64_t probe = self_probe_began(o, log, self_probe_route(addr), now);
 *	self_probe_ended(o, probe, now, was_open);
 *	if (self_probe_explains(o, &visit))			// drop it
 *	upto = least(upto, self_probe_proven(o, log));
 *
 * Ownership: plain memory, self_probe_free().
 *
 * Limits: the last SELF_PROBE_KEPT probes are remembered. Behind NAT, or through a
 * forwarding proxy, the log shows an address that is not ours, and the probe
 * is then counted as a visit of that address. A log that has not yet shown
 * SELF_PROBE_TRUST of our probes in this run is believed without.
 */
#ifndef FMX_SERVE_PROBE_SELF_PROBE_H
#define FMX_SERVE_PROBE_SELF_PROBE_H

#include "judge/visit.h"

enum { SELF_PROBE_KEPT = 1024, SELF_PROBE_TRUST = 3, SELF_PROBE_MISSED = 3 };
#define SELF_PROBE_SLACK INT64_C(2000000) /* microseconds that two clocks may differ */
#define SELF_PROBE_LATENESS INT64_C(15000000) /* that a line may take into the log */

struct self_probes;

struct self_probes *self_probe_new(void);
void self_probe_free(struct self_probes *o);

/* Returns the probe's name for self_probe_ended(). */
uint64_t self_probe_began(struct self_probes *o, uint16_t log, struct addr from,
			  int64_t now);
void self_probe_ended(struct self_probes *o, uint64_t probe, int64_t now, bool was_open);
bool self_probe_explains(struct self_probes *o, const struct visit *v);
/* The log is read again from what began at `since` on: it shows its probes once more. */
void self_probe_reread(struct self_probes *o, uint16_t log, int64_t since);
/* When the newest probe began that the log has shown; STAMP_NEVER while the log
 * is believed without. */
int64_t self_probe_proven(const struct self_probes *o, uint16_t log);
/* The last SELF_PROBE_MISSED probes that were answered, over two intervals at least,
 * are not in the log. */
bool self_probe_is_missing(const struct self_probes *o, uint16_t log, int64_t interval,
			   int64_t now);

/* The address that a connection to `to` leaves from; all zero if there is no
 * route. Asks the kernel, sends nothing. */
struct addr self_probe_route(struct addr to);

#endif
