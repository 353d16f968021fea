/*
 * logfiles - old logs, as one stream of lines from the oldest to the newest
 *
 * Files as they lie about after rotation: packed or not, named in any
 * order. If all are regular files they are read in the order of the first stamp
 * in each, else in the order given. "-" is standard input, "journal" systemd's
 * (output.h).
 *
 * Use:
 *	struct logfiles_hooks hooks = { .begin = ..., .line = ..., .arg = arg };
 *	struct logfiles_counts counts = { 0 };
 *	r = logfiles_read(files, n, &hooks, &counts, &e);
 *
 * Ownership: lines are lent for the call, without LF or NUL at the end.
 *
 * Limits: constant memory, whatever the size; lines as in lines.h. A last line
 * need not have its LF. What was given before a file that turns out to be damaged stays
 * given.
 */
#ifndef FMX_SOURCE_MAILLOG_LOGFILES_H
#define FMX_SOURCE_MAILLOG_LOGFILES_H

#include <stdint.h>

#include "base/error.h"

struct logfiles_hooks {
	/* A file's lines follow. No line of it is younger than latest (its last
	 * change; now for a pipe): stamps without a year go by that. */
	void (*begin)(void *arg, const char *file, int64_t latest);
	void (*line)(void *arg, const char *line, size_t len);
	/* Bytes read so far and of all files, as they lie on the disk; total 0:
	 * not known. False: no more is wanted. */
	bool (*pause)(void *arg, uint64_t done, uint64_t total);
	/* All lines of it were given. A negative code ends the reading. */
	int (*end)(void *arg, const char *file, struct error *e);
	/* Nothing older is wanted, or INT64_MIN: a journal is entered there. */
	int64_t since;
	void *arg;
};

struct logfiles_counts {
	uint64_t bytes;
	uint64_t too_long; /* lines that were cut */
};

/* 0, or a negative code and the sentence. counts are valid in any case. */
FMX_MUST_CHECK int logfiles_read(char *const *files, size_t count,
				 const struct logfiles_hooks *hooks,
				 struct logfiles_counts *ret_counts, struct error *e);

#endif
