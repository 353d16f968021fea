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

#include "base/mem.h"
#include "zone/walk.h"

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
			return system_error("open", f->path, e);
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
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
	free(f->text);
	f->text = NULL;
}

/* ---- write ---- */

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_folder(const char *path, struct error *e)
{
	char folder[4096];
	(void)str_copy(folder, sizeof(folder), path);
	char *slash = strrchr(folder, '/');
	if (!slash)
		(void)str_copy(folder, sizeof(folder), ".");
	else
		slash[slash == folder] = '\0';
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) != 0 ? system_error("sync", folder, e) : 0;
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static int temporary_name(const char *path, char *temp, size_t size, struct error *e)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) + 1 : 0;
	int n = snprintf(temp, size, "%.*s.fakemx-XXXXXX", folder, path);
	if (n < 0 || (size_t)n >= size)
		return error_set(e, -ENAMETOOLONG, "%s: the path is too long", path);
	return 0;
}

/* Mode and owner as the old file's: a name server that runs as another user
 * must be able to read the new one. */
static int keep_rights(int fd, const struct stat *st, const char *path, struct error *e)
{
	struct stat now;
	if (fstat(fd, &now) != 0)
		return system_error("look at", path, e);
	if ((now.st_uid != st->st_uid || now.st_gid != st->st_gid) &&
	    fchown(fd, st->st_uid, st->st_gid) != 0)
		return error_set(e, -errno,
				 "%s belongs to another user and its owner cannot be "
				 "kept: run as that "
				 "user or as root",
				 path);
	return fchmod(fd, st->st_mode & 07777) == 0
		   ? 0
		   : system_error("set the mode of", path, e);
}

static int write_temporary(const char *path, char *temp, size_t size, const char *text,
			   size_t len, const struct stat *like, mode_t mode,
			   struct error *e)
{
	int rc = temporary_name(path, temp, size, e);
	if (rc != 0)
		return rc;
	int fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return system_error("write beside", path, e);
	if (write_all(fd, text, len) != 0)
		rc = system_error("write", temp, e);
	if (rc == 0 && like)
		rc = keep_rights(fd, like, path, e);
	if (rc == 0 && !like && fchmod(fd, mode) != 0)
		rc = system_error("set the mode of", temp, e);
	if (rc == 0 && fsync(fd) != 0)
		rc = system_error("sync", temp, e);
	if (close(fd) != 0 && rc == 0)
		rc = system_error("close", temp, e);
	if (rc != 0)
		(void)unlink(temp);
	return rc;
}

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
	int rc = write_temporary(f->path, temp, sizeof(temp), text, len, &f->st, 0, e);
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
	return sync_folder(f->path, e);
}

int zone_write_whole(const char *path, const char *text, size_t len, mode_t mode,
		     struct error *e)
{
	char temp[4200];
	int rc = write_temporary(path, temp, sizeof(temp), text, len, NULL, mode, e);
	if (rc != 0)
		return rc;
	if (rename(temp, path) != 0) {
		rc = system_error("replace", path, e);
		(void)unlink(temp);
		return rc;
	}
	return sync_folder(path, e);
}
