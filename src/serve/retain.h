/*
 * retain - lets go of the old part of the journal once a day
 *
 * On a worker thread with a journal handle and a judge of its own: replays up
 * to the last record that is old enough, saves the judge's state as the
 * checkpoint, and lets the journal delete what the checkpoint now says.
 *
 * Use:
 *	struct retain *r = retain_new(loop, path);
 *	retain_tick(r, now, keep);	// often; starts the daily work
 *	retain_stop(r);			// then uv_run() until the worker is back
 *	retain_free(r);
 *
 * Ownership: the loop must run until a worker under way is back.
 *
 * Limits: needs the memory of a second judge while it works. A checkpoint
 * above RETAIN_MAX_STATE is refused, said, and tried the next day.
 */
#ifndef FMX_SERVE_RETAIN_H
#define FMX_SERVE_RETAIN_H

#include <stdatomic.h>
#include <uv.h>

#include "base/error.h"
#include "base/stamp.h"

#define RETAIN_INTERVAL STAMP_DAY
#define RETAIN_MAX_STATE ((size_t)1024 * 1024 * 1024)

struct retain;
struct retain *retain_new(uv_loop_t *loop, const char *journal_path);
/* keep: how long records stay. The first run is an hour after the start. */
void retain_tick(struct retain *r, int64_t now, int64_t keep);
bool retain_is_busy(const struct retain *r);
void retain_stop(struct retain *r);
void retain_free(struct retain *r);

/* The work itself, here and now; the number of records deleted. is_cancelled
 * (may be NULL) is looked at now and then. */
FMX_MUST_CHECK int64_t retain_run(const char *journal_path, int64_t before,
				  const atomic_bool *is_cancelled, struct error *e);

#endif
