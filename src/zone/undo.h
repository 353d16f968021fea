/*
 * undo - the plan that takes an apply back from a zone that has changed since
 *
 * Where the zone is byte for byte as apply left it, its former bytes are better
 * (job.c). Else what apply did is taken back piece by piece, each where it is still
 * as apply left it: decoys go from the MX set, wherever they stand in it;
 * preferences and the TTL of real hosts become what they were; the records that
 * apply gave the decoys' names go. What somebody else put there stays, and the
 * plan's note says so.
 *
 * Use:
 *	struct plan_undo undo = { history.changes, history.change_count, false };
 *	want.undo = &undo;
 *	undo_make(&zone, &want, &plan);
 *
 * Limits: a TTL in which a record differs from what apply left is no difference;
 * that of a whole MX set is.
 */
#ifndef FMX_ZONE_UNDO_H
#define FMX_ZONE_UNDO_H

#include "zone/plan.h"

/* plan_make(), and what want->undo says, if there is one. */
void undo_make(const struct plan_zone *zone, const struct plan_want *want,
	       struct plan *ret);

/* True for a record that apply added, and that is as it left it. */
bool undo_is_added(const struct plan_undo *u, const struct record_range *r);

#endif
