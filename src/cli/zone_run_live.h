/*
 * zone_run_live - the zones of a run that are changed by dynamic update
 */
#ifndef FMX_CLI_ZONE_RUN_LIVE_H
#define FMX_CLI_ZONE_RUN_LIVE_H

#include "cli/zone_outcome.h"

void zone_run_live(struct zone_run *run, struct progress *progress);

#endif
