/*
 * zone_run - many zones by parallel workers, results in order
 *
 * Each worker has its own libzscanner and forecast. A batch of zones is worked
 * on side by side, then told in the order of the list, so that memory does not
 * grow with the list and the output does not depend on the threads. One bad
 * zone never stops the others; Ctrl-C lets the zones under way finish.
 *
 * Use:
 *	struct zone_run run = { .work = &w, .cli = c, .does = ZONE_PLAN, .tell = tell };
 *	zone_run_all(&run);
 *	run.totals.changed ...
 *
 * Ownership: what tell gets lasts for the call.
 */
#ifndef FMX_CLI_ZONE_RUN_H
#define FMX_CLI_ZONE_RUN_H

#include "cli/zone_outcome.h"

enum { ZONE_BATCH = 256, ZONE_THREADS_MAX = 16 };

void zone_run_all(struct zone_run *run);

#endif
