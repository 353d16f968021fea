/*
 * feed_journal - the visits of one host of this machine's journal, as a feed
 *
 * A decoy on another machine is served there, by a `fakemx serve` of its own; what that
 * one has committed is sent on: visits, watermarks up to which it watched, and gaps
 * where it did not, or lost knocks.
 */
#ifndef FMX_CLI_FEED_JOURNAL_H
#define FMX_CLI_FEED_JOURNAL_H

#include "cli/visits_log.h"

/* Of v: host, since, out; told is set. Ends when nobody reads on. */
FMX_MUST_CHECK int feed_journal_follow(const struct cli *c, struct visits_log *v);

#endif
