/*
 * atomic_file - write a file so that it is the old or the new one, never less
 *
 * A temporary file beside it (its name begins with a dot, so that no glob sees
 * it) is written and synced, and takes the name by rename(); then the folder
 * is synced. A kill, a full disk or any other failure leaves what was there.
 *
 * Use:
 *	if (atomic_file_write("/var/www/mail.html", text, len, 0644, &e) != 0)
 *		...	// -EACCES, -ENOSPC, ...: the old file is as it was
 *
 * Ownership: borrows everything.
 *
 * Limits: paths shorter than ATOMIC_FILE_PATH_MAX. A failure after the rename (the
 * folder cannot be synced) leaves the new file and is an error all the same.
 */
#ifndef FMX_BASE_ATOMIC_FILE_H
#define FMX_BASE_ATOMIC_FILE_H

#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"

enum { ATOMIC_FILE_PATH_MAX = 4096 };

/* A file that is there keeps mode and owner, a link stays; mode is a new
 * file's. What is no regular file is refused with -EINVAL. */
FMX_MUST_CHECK int atomic_file_write(const char *path, const char *text, size_t len,
				     mode_t mode, struct error *e);

/* The same for a caller who lets nobody else write that path (a lock): then the
 * temporary file has one name, and what a killed run left of it is replaced. */
FMX_MUST_CHECK int atomic_file_write_alone(const char *path, const char *text, size_t len,
					   mode_t mode, struct error *e);

/* The same for what is too long to hold: fill() writes it. If no line differs from the
 * file that is there, that stays as it is. */
struct whole_source {
	int (*fill)(void *arg, FILE *to, struct error *e);
	bool (*is_same_line)(const char *a, const char *b);
	void *arg;
};
FMX_MUST_CHECK int atomic_file_write_changed(const char *path,
					     const struct whole_source *s, mode_t mode,
					     bool *ret_changed, struct error *e);

/* Removes what a killed atomic_file_write_alone() or atomic_file_temporary() left. */
void atomic_file_clean(const char *path);

/* The first half, for a caller who lets nobody else write that path: the
 * temporary file, written and synced, with the rights of `like`, or with mode if
 * like is NULL. Its name goes to temp. */
FMX_MUST_CHECK int atomic_file_temporary(const char *path, char *temp, size_t size,
					 const char *text, size_t len,
					 const struct stat *like, mode_t mode,
					 struct error *e);
/* The last step: syncs the folder that path is in. */
FMX_MUST_CHECK int atomic_file_sync_folder(const char *path, struct error *e);

#endif
