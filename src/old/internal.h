/*
 * internal - what the files of the journal share, and nobody else sees
 */
#ifndef FMX_OLD_INTERNAL_H
#define FMX_OLD_INTERNAL_H

#include <sqlite3.h>

#include "old/batch.h"
#include "old/journal.h"

struct journal {
	sqlite3 *db;
	char *path;
	enum journal_mode mode;
	int lock_fd; /* -1: not locked */
	sqlite3_stmt *insert, *select, *head_get, *head_set;
	struct batch batch;   /* waits for the next commit */
	struct batch writing; /* written, being handed out */
	uint64_t handed;      /* seq of the last record given to a callback */
	journal_progress_fn on_progress;
	void *progress_arg;
	uint64_t appended, committed, commits, dropped;
};

/* The row of table `head`. */
struct head {
	int64_t records, last_seq, last_seen;
};

FMX_MUST_CHECK int journal_begin(struct journal *j, struct head *ret_head,
				 struct error *e);
/* Writes head and commits; on failure everything is rolled back. */
FMX_MUST_CHECK int journal_end(struct journal *j, const struct head *head,
			       struct error *e);
FMX_MUST_CHECK int journal_read_head(struct journal *j, struct head *ret_head,
				     struct error *e);

/* Opens path with the settings every connection has. flags are SQLite's. */
FMX_MUST_CHECK int journal_connect(const char *path, int flags, sqlite3 **ret_db,
				   struct error *e);

/* flock()s PATH.lock; -EBUSY with the holder's pid in the sentence. */
FMX_MUST_CHECK int journal_lock_file(const char *path, int *ret_fd, struct error *e);

/* As root: gives the file to the owner of the journal at path, or of its folder
 * while there is none, so that serve, which is not root, can use it. */
FMX_MUST_CHECK int journal_give(int fd, const char *path, struct error *e);

#endif
