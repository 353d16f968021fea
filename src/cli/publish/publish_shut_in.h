/*
 * publish_shut_in - publish writes its files and its note, and asks its name servers
 *
 * It starts nothing but by a helper: the commands of its sections, and the alarm.
 */
#ifndef FMX_CLI_PUBLISH_PUBLISH_SHUT_IN_H
#define FMX_CLI_PUBLISH_PUBLISH_SHUT_IN_H

#include "cli/cli.h"
#include "config/config.h"

/* config lives as long as the process. */
FMX_MUST_CHECK int publish_shut_in(const struct cli *c, const struct config *config,
				   struct error *e);

#endif
