/*
 * check - what was sent against what the journal says
 *
 * A rehearsal proves something only if everything that was seen came through
 * the sources that `serve` uses. So each connection that a sender made must be
 * one visit in the journal, of that address at that host, and each message
 * that was taken one that the mail log shows as accepted; nothing may be
 * missing, and nothing may be there that nobody did.
 *
 * Use:
 *	if (rehearse_check_journal(path, &population, hosts, count, driver_counts(d), &e)
 *< 0)
 *		...	// FMX_ECONFLICT: the sentence says what differs
 *
 * Ownership: nothing is kept.
 */
#ifndef FMX_REHEARSE_CHECK_H
#define FMX_REHEARSE_CHECK_H

#include "rehearse/driver.h"

FMX_MUST_CHECK int
rehearse_check_journal(const char *path, const struct population *population,
		       const struct driver_host *hosts, size_t host_count,
		       const struct driver_count *counts, struct error *e);

#endif
