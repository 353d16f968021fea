/*
 * journal - the append-only record from which everything else is computed
 *
 * SQLite in WAL mode, one writer that batches and any number of readers. A
 * record is acknowledged when journal_commit() returned 0: from then on every
 * reader sees it and kill -9 does not lose it.
 *
 * Every record goes source -> journal -> model: journal_commit() hands back,
 * in the order of seq, all records that came since the last call, also those
 * that another process wrote meanwhile (allow, forget). What live code feeds
 * its judge is thereby what a replay feeds later, in the same order.
 *
 * Use (serve):
 *	struct journal *j;
 *	journal_open(path, JOURNAL_WRITE, &j, &e);
 *	journal_replay(j, load, on_record, arg, &e);	// the past
 *	journal_append(j, &record);			// copied, in memory
 *	journal_commit(j, on_record, arg, &e);		// at least each second
 *	journal_close(j);				// commits
 *
 * Use (report): journal_open(path, JOURNAL_READ, ...), journal_replay(...).
 *
 * Ownership: records handed to callbacks are lent for the call.
 *
 * Limits: JOURNAL_MAX_PENDING records wait in memory; when the disk is full
 * the newest are dropped over that, counted, and said by journal_commit()'s
 * error. Serving goes on.
 */
#ifndef FMX_OLD_JOURNAL_H
#define FMX_OLD_JOURNAL_H

#include <stdint.h>

#include "base/error.h"
#include "old/record.h"

enum { JOURNAL_MAX_PENDING = 100000, JOURNAL_SCHEMA_VERSION = 2 };

enum journal_mode { JOURNAL_READ, JOURNAL_WRITE };

/* Return 0 to go on, anything else to stop (journal_replay returns it). */
typedef int (*journal_record_fn)(void *arg, const struct record *r, struct error *e);
/* The checkpoint, called at most once and before any record. */
typedef int (*journal_checkpoint_fn)(void *arg, const void *data, size_t len,
				     struct error *e);

struct journal;

/*
 * WRITE creates the file (mode 0640) and its folder's last part if missing and
 * migrates an older schema; READ refuses what does not exist (-ENOENT).
 * FMX_EFOREIGN: not a fakemx journal, damaged, or of a newer version; the
 * sentence says which and what to do. A second writer that appends is allowed
 * (allow and forget do that); two `serve` are kept apart by journal_lock().
 */
FMX_MUST_CHECK int journal_open(const char *path, enum journal_mode mode,
				struct journal **ret_journal, struct error *e);
/* Commits what is pending, best effort, and frees. NULL is fine. */
void journal_close(struct journal *j);

/* One serve per journal: -EBUSY with the pid of the other. Held until close. */
FMX_MUST_CHECK int journal_lock(struct journal *j, struct error *e);

/* Copies r into the batch. r->seq is ignored; a r->seen smaller than the last
 * is raised to it when written. -ENOBUFS when the batch is full: dropped and
 * counted. */
FMX_MUST_CHECK int journal_append(struct journal *j, const struct record *r);

/*
 * Writes the batch in one transaction, then calls fn for each new record in
 * order of seq, other processes' included. fn NULL: nobody wants them, now or
 * later. A callback may append; that waits for the next commit. Errors:
 * -ENOSPC, -EBUSY, -EIO, ...: the batch is kept and tried again by the next
 * call; each call says so again (log the first). What fn returned if it
 * stopped: then the batch is written, and the next call hands out the rest.
 */
FMX_MUST_CHECK int journal_commit(struct journal *j, journal_record_fn fn, void *arg,
				  struct error *e);

/* All committed records from the checkpoint on, in order. on_checkpoint may be
 * NULL if the caller does not need the state of what was deleted; such a
 * replay may stand still (a pipe) without the -wal file growing meanwhile. */
FMX_MUST_CHECK int journal_replay(struct journal *j, journal_checkpoint_fn on_checkpoint,
				  journal_record_fn fn, void *arg, struct error *e);
/* Called by a replay now and then, and at its end with done equal to total:
 * for a line that shows progress. fn NULL: no more. */
typedef void (*journal_progress_fn)(void *arg, uint64_t done, uint64_t total);
void journal_on_progress(struct journal *j, journal_progress_fn fn, void *arg);
/* The checkpoint alone, if there is one. */
FMX_MUST_CHECK int journal_checkpoint(struct journal *j, journal_checkpoint_fn fn,
				      void *arg, struct error *e);
/* Every ALLOW record that was ever committed, in order. */
FMX_MUST_CHECK int journal_allowed(struct journal *j, journal_record_fn fn, void *arg,
				   struct error *e);
/* As commit without writing: records newer than the last handed out. */
FMX_MUST_CHECK int journal_follow(struct journal *j, journal_record_fn fn, void *arg,
				  struct error *e);

/*
 * Deletes the records up to upto_seq, keeping data (judge_save() of exactly
 * those) as the checkpoint. In slices, so that a writer never waits long.
 * Returns the number deleted; -EINVAL when upto_seq lies before the last
 * checkpoint or after the last record. ALLOW records stay in the file. Freed
 * pages are overwritten and used again; the file does not shrink.
 */
FMX_MUST_CHECK int64_t journal_retain(struct journal *j, uint64_t upto_seq,
				      const void *data, size_t len, struct error *e);
/* The last seq whose record was seen before `before`; 0 if none. */
uint64_t journal_seq_before(struct journal *j, int64_t before);

/*
 * Appends the FORGET record, then overwrites (secure_delete) visits and names
 * of the address, or of clients whose verified name is or lies below the name
 * or domain; where the name was only claimed (HELO, envelope), the texts.
 * A checkpoint, which must be judge_save()'s, is made to forget it too.
 * Returns how many records were changed. FMX_EUSAGE: neither address nor name.
 * -EBUSY: erased, but a reader keeps old pages in the -wal file; do it again.
 * Backups are not touched, nor are ALLOW records.
 */
FMX_MUST_CHECK int64_t journal_forget(struct journal *j, const char *what, int64_t now,
				      struct error *e);

/* A consistent copy while serve runs (SQLite's online backup). -EEXIST. */
FMX_MUST_CHECK int journal_backup(struct journal *j, const char *to, struct error *e);
/* Integrity, schema, order of seq and seen, every record readable. */
FMX_MUST_CHECK int journal_verify(const char *path, uint64_t *ret_records,
				  struct error *e);
/* Verifies the backup, then replaces path by it; refuses while serve runs;
 * the replaced file is kept as PATH.before-restore. -EEXIST if that is there. */
FMX_MUST_CHECK int journal_restore(const char *from, const char *path, struct error *e);

struct journal_counts {
	uint64_t records; /* in the file */
	uint64_t appended, committed, commits, dropped;
	uint64_t pending;
	int64_t first_seen, last_seen; /* 0 when empty */
};
struct journal_counts journal_counts(struct journal *j);

#endif
