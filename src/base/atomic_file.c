#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static int system_error(const char *what, const char *path, struct error *e)
{
	int code = errno ? errno : EIO;
	return error_set(e, -code, "cannot %s %s: %s", what, path, strerror(code));
}

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

int atomic_file_sync_folder(const char *path, struct error *e)
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

/* Hidden, and beside the file. Of a long name the front is enough. */
static int temporary_name(const char *path, const char *end, char *temp, size_t size,
			  struct error *e)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) + 1 : 0;
	int n = snprintf(temp, size, "%.*s.%.200s.fakemx%s", folder, path, path + folder,
			 end);
	if (n < 0 || (size_t)n >= size)
		return error_set(e, -ENAMETOOLONG, "%s: the path is too long", path);
	return 0;
}

static int open_temporary(const char *path, bool alone, char *temp, size_t size,
			  int *ret_fd, struct error *e)
{
	int rc = temporary_name(path, alone ? "" : "-XXXXXX", temp, size, e);
	if (rc != 0)
		return rc;
	if (alone) {
		*ret_fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (*ret_fd < 0 && errno == EEXIST &&
		    unlink(temp) == 0) /* of a killed run */
			*ret_fd =
			    open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	} else {
		*ret_fd = mkostemp(temp, O_CLOEXEC);
	}
	if (*ret_fd >= 0)
		return 0;
	int code = errno ? errno : EIO;
	return error_set(e, -code,
			 "cannot write %s: no new file can be made in its folder: %s",
			 path, strerror(code));
}

void atomic_file_clean(const char *path)
{
	char temp[ATOMIC_FILE_PATH_MAX + 32];
	if (temporary_name(path, "", temp, sizeof(temp), NULL) == 0)
		(void)unlink(temp);
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

static int write_temporary(const char *path, bool alone, char *temp, size_t size,
			   const char *text, size_t len, const struct stat *like,
			   mode_t mode, struct error *e)
{
	int fd;
	int rc = open_temporary(path, alone, temp, size, &fd, e);
	if (rc != 0)
		return rc;
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

int atomic_file_temporary(const char *path, char *temp, size_t size, const char *text,
			  size_t len, const struct stat *like, mode_t mode,
			  struct error *e)
{
	return write_temporary(path, true, temp, size, text, len, like, mode, e);
}

/* A device or a pipe must not be renamed away; what a link points at is the
 * file that is meant. Sets *ret_is_there. */
static int find_target(const char *path, char *target, size_t size, struct stat *ret_st,
		       bool *ret_is_there, struct error *e)
{
	*ret_is_there = false;
	if (stat(path, ret_st) != 0) {
		if (errno != ENOENT)
			return system_error("write", path, e);
		return str_copy(target, size, path)
			   ? 0
			   : error_set(e, -ENAMETOOLONG, "%s: the path is too long",
				       path);
	}
	if (!S_ISREG(ret_st->st_mode))
		return error_set(e, -EINVAL, "cannot write %s: it is %s", path,
				 S_ISDIR(ret_st->st_mode) ? "a folder"
							  : "no regular file");
	char *resolved = realpath(path, NULL);
	if (!resolved)
		return system_error("find", path, e);
	bool fits = str_copy(target, size, resolved);
	free(resolved);
	if (!fits)
		return error_set(e, -ENAMETOOLONG, "%s: the path is too long", path);
	*ret_is_there = true;
	return 0;
}

static int write_whole(const char *path, bool alone, const char *text, size_t len,
		       mode_t mode, struct error *e)
{
	char target[ATOMIC_FILE_PATH_MAX];
	char temp[ATOMIC_FILE_PATH_MAX + 32];
	struct stat st;
	bool is_there;
	int rc = find_target(path, target, sizeof(target), &st, &is_there, e);
	if (rc == 0)
		rc = write_temporary(target, alone, temp, sizeof(temp), text, len,
				     is_there ? &st : NULL, mode, e);
	if (rc != 0)
		return rc;
	if (rename(temp, target) != 0) {
		rc = system_error("replace", target, e);
		(void)unlink(temp);
		return rc;
	}
	return atomic_file_sync_folder(target, e);
}

int atomic_file_write(const char *path, const char *text, size_t len, mode_t mode,
		      struct error *e)
{
	return write_whole(path, false, text, len, mode, e);
}

int atomic_file_write_alone(const char *path, const char *text, size_t len, mode_t mode,
			    struct error *e)
{
	return write_whole(path, true, text, len, mode, e);
}

/* ---- longer than memory ---- */

static bool are_same(FILE *a, FILE *b, bool (*is_same_line)(const char *, const char *))
{
	char *x = NULL, *y = NULL;
	size_t x_cap = 0, y_cap = 0;
	ssize_t n, m;
	bool same;
	rewind(a);
	do {
		n = getline(&x, &x_cap, a);
		m = getline(&y, &y_cap, b);
		same = (n < 0) == (m < 0) && (n < 0 || is_same_line(x, y));
	} while (same && n >= 0);
	free(x);
	free(y);
	return same;
}

static int fill_temporary(FILE *f, const char *path, const char *temp,
			  const struct whole_source *s, const struct stat *like,
			  mode_t mode, struct error *e)
{
	int rc = s->fill(s->arg, f, e);
	if (rc == 0 && (fflush(f) != 0 || ferror(f)))
		rc = system_error("write", temp, e);
	if (rc == 0 && like)
		rc = keep_rights(fileno(f), like, path, e);
	if (rc == 0 && !like && fchmod(fileno(f), mode) != 0)
		rc = system_error("set the mode of", temp, e);
	return rc;
}

static bool is_same_file(FILE *f, const char *path, const struct whole_source *s)
{
	FILE *old = fopen(path, "re");
	bool same = old && are_same(f, old, s->is_same_line);
	if (old)
		(void)fclose(old); /* only read */
	return same;
}

/* Of the open temporary file: 1 it takes the place of the target, 0 it is the same. */
static int fill_and_compare(FILE *f, const char *target, const char *temp,
			    const struct whole_source *s, const struct stat *like,
			    mode_t mode, struct error *e)
{
	int rc = fill_temporary(f, target, temp, s, like, mode, e);
	if (rc != 0 || (like && is_same_file(f, target, s)))
		return rc;
	return fsync(fileno(f)) != 0 ? system_error("sync", temp, e) : 1;
}

int atomic_file_write_changed(const char *path, const struct whole_source *s, mode_t mode,
			      bool *ret_changed, struct error *e)
{
	char target[ATOMIC_FILE_PATH_MAX];
	char temp[ATOMIC_FILE_PATH_MAX + 32];
	struct stat st;
	bool is_there;
	int fd;
	int rc = find_target(path, target, sizeof(target), &st, &is_there, e);
	if (rc == 0)
		rc = open_temporary(target, false, temp, sizeof(temp), &fd, e);
	if (rc != 0)
		return rc;
	FILE *f = fdopen(fd, "r+");
	if (!f)
		(void)close(fd);
	rc = f ? fill_and_compare(f, target, temp, s, is_there ? &st : NULL, mode, e)
	       : system_error("write", temp, e);
	if (f)
		(void)fclose(f); /* flushed and synced */
	if (rc == 1 && rename(temp, target) != 0)
		rc = system_error("replace", target, e);
	if (rc != 1)
		(void)unlink(temp);
	if (rc >= 0)
		*ret_changed = rc == 1;
	return rc == 1 ? atomic_file_sync_folder(target, e) : rc;
}
