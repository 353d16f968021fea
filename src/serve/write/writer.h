/*
 * writer - serve's hand on the journal: lines in batches, and the work of time
 *
 * Lines wait for WRITER_DELAY_MS after the first of a batch, or until TAKE_BATCH
 * wait, and are then committed (journal/take.h). What time brings (journal/due.h)
 * is done in steps of 20 ms, each in a turn of the loop of its own, after commits
 * and with each tick; so is retention. Verdicts and listings come to the sink after
 * they were committed.
 *
 * All that happens on the loop's one thread, where Postfix and the decoys' clients wait
 * for answers. While somebody asks (writer_asked()) or floods the decoys, a turn writes
 * no more than about a millisecond's worth: the first lines of a batch, then the next.
 * Whoever reads a log reads only what is written as fast (writer_reading()). Otherwise
 * the greater steps are cheaper.
 *
 * While the journal cannot be written - a full disk, a file that was deleted or
 * replaced - lines wait in memory, and the writer tries again each five ticks;
 * what became too much is "unwatched" later (take.h). Of a file that is gone its sink
 * is asked to writer_move() to the one that took its place.
 *
 * Use:
 *	writer_open(loop, path, clock, &sink, &w, &e);
 *	writer_define(w, sites, count, &rules, true, &e);
 *	writer_add(w, &line);
 *	writer_tick(w, retention);	// each second
 *	writer_stop(w);			// then uv_run(), writer_commit(), writer_free(w)
 *
 * Ownership: the writer owns the journal; what it lends lives until writer_free().
 *
 * Limits: those of take.h and due.h.
 */
#ifndef FMX_SERVE_WRITE_WRITER_H
#define FMX_SERVE_WRITE_WRITER_H

#include <uv.h>

#include "journal/ask/due.h"
#include "journal/take/take.h"

enum { WRITER_DELAY_MS = 500 };

struct writer_sink {
	struct due_sink told;
	/* The journal cannot be written, and then can: a sentence each. */
	void (*trouble)(void *arg, bool is_over, const char *sentence);
	/* Another process wrote: allow, forget. */
	void (*changed)(void *arg);
	/* The file is gone: the time has come to writer_move(). */
	void (*gone)(void *arg);
	/* The journal may be another than before. */
	void (*committed)(void *arg);
	void *arg; /* of the last four */
};

struct writer;
FMX_MUST_CHECK int writer_open(uv_loop_t *loop, const char *path,
			       struct stamp_clock clock, const struct writer_sink *sink,
			       struct writer **ret_writer, struct error *e);
/* Gives sites and hosts their numbers, and the journal the configuration. What
 * waits is committed first. */
FMX_MUST_CHECK int writer_define(struct writer *w, struct site *sites, size_t count,
				 const struct rules *rules, bool is_started,
				 struct error *e);
/* Goes on with the file that lies at the path now, or with a new one: sites and hosts
 * keep their numbers, and what waits is written there. What take, db and sites lent is
 * gone. */
FMX_MUST_CHECK int writer_move(struct writer *w, struct site *sites, size_t count,
			       const struct rules *rules, struct error *e);
/* seen is set. */
void writer_add(struct writer *w, struct line *l);
bool writer_commit(struct writer *w); /* false while it cannot be written */
/* Somebody waits for an answer of ours, and in a moment somebody else may. */
void writer_asked(struct writer *w);
/* For how long a log may be read before others get their turn: microseconds; 0: what it
 * gave is to be written first. */
int64_t writer_reading(struct writer *w);
void writer_tick(struct writer *w, int64_t retention);
/* A clock that cannot be believed: nothing is judged or deleted. */
void writer_hold(struct writer *w, bool is_held);

int64_t writer_now(const struct writer *w);
bool writer_is_failing(const struct writer *w);
/* Nothing is left to be judged now. */
bool writer_is_idle(const struct writer *w);
struct writer_counts {
	uint64_t commits;
	int64_t commit_us;    /* all that they took, together */
	int64_t committed_at; /* the last one; 0 none yet */
};
struct writer_counts writer_counts(const struct writer *w);
struct take *writer_take(const struct writer *w);
struct db *writer_db(const struct writer *w);
const struct sites *writer_sites(const struct writer *w);

/* Nothing is judged any more; writer_add() and writer_commit() still work. */
void writer_stop(struct writer *w);
void writer_free(struct writer *w); /* NULL is fine */

#endif
