/*
 * zone_gone - zones that apply changed in a file that is not there any more
 *
 * A revert of the configuration's zones finds those by their files. What apply did
 * in a file that was renamed or removed since is recorded, but no zone leads to it.
 *
 * Use:
 *	size_t gone = zone_gone_say(&work, cli);	// each is said on stderr
 */
#ifndef FMX_CLI_ZONE_GONE_H
#define FMX_CLI_ZONE_GONE_H

#include "cli/cli.h"
#include "cli/zone_work.h"

/* How many of the configuration's domains that no zone file was found for; --origin and
 * --half choose among them. */
size_t zone_gone_say(const struct zone_work *w, const struct cli *c);

#endif
