#include "zone/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/mem.h"
#include "zone/records.h"

enum { LOCK_TRIES = 100 }; /* of 100 ms */

static int system_error(const char *what, const char *path, struct error *e)
{
	int code = errno ? errno : EIO;
	return error_set(e, -code, "cannot %s %s: %s", what, path, strerror(code));
}

/* ---- open, lock ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int wait_for_lock(int fd, const char *path, struct error *e)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return system_error("lock", path, e);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
	return error_set(e, -EBUSY,
			 "%s is being changed by another fakemx: try again later", path);
}

/* Whoever had the lock before may have renamed a new file into place: then
 * ours is a lock on a file that is gone. */
static int open_locked(struct zone_file *f, struct error *e)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
		if (f->fd < 0)
			return error_cannot_read(e, errno, f->path, ZONE_FILE_MISSING,
						 NULL);
		int rc = wait_for_lock(f->fd, f->path, e);
		if (rc != 0)
			return rc;
		struct stat now;
		if (fstat(f->fd, &f->st) == 0 && stat(f->path, &now) == 0 &&
		    f->st.st_ino == now.st_ino && f->st.st_dev == now.st_dev)
			return 0;
		(void)close(f->fd);
		f->fd = -1;
	}
	return error_set(e, -EBUSY, "%s is being replaced again and again", f->path);
}

int zone_file_open(const char *path, struct zone_file *ret, struct error *e)
{
	*ret = (struct zone_file){ .fd = -1 };
	char *resolved = realpath(path, NULL);
	if (!resolved)
		return system_error("find", path, e);
	bool fits = str_copy(ret->path, sizeof(ret->path), resolved);
	free(resolved);
	if (!fits)
		return error_set(e, -ENAMETOOLONG, "%s: the path is too long", path);
	int rc = open_locked(ret, e);
	if (rc == 0)
		rc = zone_read_file(ret->path, &ret->text, &ret->len, e);
	if (rc != 0)
		zone_file_close(ret);
	return rc;
}

void zone_file_close(struct zone_file *f)
{
	if (f->fd >= 0 && !f->is_replaced)
		atomic_file_clean(f->path); /* of a killed run: the lock is still ours */
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
	free(f->text);
	f->text = NULL;
}

/* ---- write ---- */

static int judge_temporary(const char *temp, zone_file_judge_fn judge, void *arg,
			   struct error *e)
{
	char *text;
	size_t len;
	int rc = zone_read_file(temp, &text, &len, e);
	if (rc != 0)
		return rc;
	rc = judge(arg, temp, text, len, e);
	free(text);
	return rc;
}

int zone_file_replace(struct zone_file *f, const char *text, size_t len,
		      zone_file_judge_fn judge, void *arg, struct error *e)
{
	char temp[4200];
	int rc =
	    atomic_file_temporary(f->path, temp, sizeof(temp), text, len, &f->st, 0, e);
	if (rc != 0)
		return rc;
	rc = judge_temporary(temp, judge, arg, e);
	struct stat now;
	if (rc == 0 && (stat(f->path, &now) != 0 || !is_same(&now, &f->st)))
		rc = error_set(e, FMX_ECONFLICT,
			       "%s was changed by somebody else meanwhile: nothing was "
			       "written; plan again",
			       f->path);
	if (rc == 0 && rename(temp, f->path) != 0)
		rc = system_error("replace", f->path, e);
	if (rc != 0) {
		(void)unlink(temp);
		return rc;
	}
	f->is_replaced = true;
	return atomic_file_sync_folder(f->path, e);
}
