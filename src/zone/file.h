/*
 * file - replace a zone file so that it is the old or the new one, never less
 *
 * open locks the file (flock) and reads it. replace writes a temporary file
 * beside it (its name begins with a dot, so no glob of zones sees it), keeps
 * mode and owner, syncs it, lets the caller judge the bytes as they are read
 * back from disk, makes sure that nobody changed the zone file meanwhile, and
 * renames. A kill at any moment leaves the old file or the new one; what it left
 * of a temporary file goes when the file is closed the next time.
 *
 * Use:
 *	struct zone_file f;
 *	zone_file_open(path, &f, &e);
 *	zone_file_replace(&f, text, len, judge, me, &e);
 *	zone_file_close(&f);
 *
 * Ownership: zone_file_close frees the text and lets go of the lock.
 *
 * Limits: other programs that write zone files do not take the lock; what they
 * do between our last look and the rename (microseconds) is lost. A symbolic
 * link is followed and kept: its target is replaced.
 */
#ifndef FMX_ZONE_FILE_H
#define FMX_ZONE_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/error.h"

struct zone_file {
	char path[4096]; /* with symbolic links resolved */
	int fd;          /* holds the lock */
	struct stat st;  /* as it was read */
	char *text;      /* NUL after len bytes */
	size_t len;
	bool is_replaced; /* also where zone_file_replace() failed after that */
};

/* Judges the temporary file: text is what was read back from temp_path.
 * 0, or an error that ends the replacement. */
typedef int (*zone_file_judge_fn)(void *arg, const char *temp_path, const char *text,
				  size_t len, struct error *e);

/* -EBUSY: another process holds the lock for more than ten seconds. */
FMX_MUST_CHECK int zone_file_open(const char *path, struct zone_file *ret,
				  struct error *e);
/* FMX_ECONFLICT: somebody changed the file since it was opened. -EACCES,
 * -ENOSPC and others: the old file is as it was. */
FMX_MUST_CHECK int zone_file_replace(struct zone_file *f, const char *text, size_t len,
				     zone_file_judge_fn judge, void *arg,
				     struct error *e);
void zone_file_close(struct zone_file *f);

#endif
