/*
 * estimate_internal - between counting (estimate.c) and the ranges that follow
 * (estimate_ranges.c)
 */
#ifndef FMX_OUTLET_ESTIMATE_ESTIMATE_INTERNAL_H
#define FMX_OUTLET_ESTIMATE_ESTIMATE_INTERNAL_H

#include "outlet/estimate/estimate.h"

/* Senders that met the worst host alone; of these deferred; of these gone for good. */
struct estimate_worst {
	uint64_t all, tested, gave_up;
};

/* Fills in high, low and both from the counts in *r. */
void estimate_ranges(struct estimate_result *r, const struct estimate_worst *worst,
		     size_t host_count, unsigned rank_count);

#endif
