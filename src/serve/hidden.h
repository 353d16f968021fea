/*
 * hidden - who comes to a real host through a proxy that does not say for whom
 *
 * Docker's userland proxy, for one, takes IPv6 connections and makes IPv4 ones of
 * them, from the bridge's own address: the log shows that address for everybody. So
 * a private address that names a recipient of ours, at a host that has no private
 * address itself, and that is neither ours nor on the allow list, is no sender but a
 * veil: the host is not watched until HIDDEN_FOR has passed without one, with an alarm
 * (source) that names the cause.
 *
 * Use:
 *	hidden_begin(n);		// after a start: what the journal has of it
 *	hidden_visit(n, &visit);	// each new one of a log or feed
 *	if (hidden_is(n, host)) ...	// its watermarks say nothing
 *	hidden_tick(n);			// each second
 *
 * Limits: of the whole host, also where the proxy hides IPv6 alone: a sender of both
 * families may have come to it unseen by IPv6, and to the decoy by IPv4.
 */
#ifndef FMX_SERVE_HIDDEN_H
#define FMX_SERVE_HIDDEN_H

#include "serve/parts.h"

#define HIDDEN_FOR STAMP_DAY

void hidden_begin(struct engine *n);
void hidden_visit(struct engine *n, const struct visit *v);
bool hidden_is(const struct engine *n, uint16_t host);
void hidden_tick(struct engine *n);

#endif
