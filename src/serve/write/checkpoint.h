/*
 * checkpoint - moves the write-ahead log into the journal's file, off the loop
 *
 * SQLite would do that within a commit, which then waits for the disk. Here a
 * worker thread does it with a connection of its own, once the log has
 * CHECKPOINT_BYTES; the writer starts the log over when all of it was moved. Who always
 * writes never lets that be: once the log has CHECKPOINT_QUIET_BYTES, it is asked to
 * write nothing until the worker is back, which then has little to move.
 *
 * Use:
 *	struct checkpoint *c = checkpoint_new(loop, db, on_back, arg);
 *	checkpoint_tick(c);	// after commits
 *	if (!checkpoint_is_quiet(c)) ...	// on_back says when that is over
 *	checkpoint_stop(c);	// then uv_run(), then checkpoint_free(c)
 *
 * Ownership: db must outlive it.
 *
 * Limits: a reader that stands still keeps the log from being started over.
 */
#ifndef FMX_SERVE_WRITE_CHECKPOINT_H
#define FMX_SERVE_WRITE_CHECKPOINT_H

#include <uv.h>

#include "journal/db.h"

enum {
	CHECKPOINT_BYTES = 16 * 1024 * 1024,
	CHECKPOINT_QUIET_BYTES = 64 * 1024 * 1024,
};

struct checkpoint;
typedef void (*checkpoint_back_fn)(void *arg);
struct checkpoint *checkpoint_new(uv_loop_t *loop, struct db *db,
				  checkpoint_back_fn on_back, void *arg);
void checkpoint_tick(struct checkpoint *c);
bool checkpoint_is_busy(const struct checkpoint *c);
bool checkpoint_is_quiet(const struct checkpoint *c);
void checkpoint_stop(struct checkpoint *c);
void checkpoint_free(struct checkpoint *c); /* NULL is fine */

#endif
