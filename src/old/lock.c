#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "old/internal.h"

/*
 * serve answers clients in the thread that commits: when somebody holds the
 * journal for long (a shell of SQLite), it goes on and tries again a second
 * later. The verbs can wait.
 */
enum { LOCKED_BUSY_MS = 200 };

/* The pid that the holder wrote; only for the sentence. */
static void read_pid(int fd, char *ret_pid, size_t size)
{
	ssize_t n = pread(fd, ret_pid, size - 1, 0);
	ret_pid[n > 0 ? n : 0] = '\0';
	ret_pid[strspn(ret_pid, "0123456789")] = '\0';
}

static int take(int fd, const char *path, struct error *e)
{
	char pid[32];
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return error_set(e, -errno, "cannot lock %s: %s", path,
					 strerror(errno));
		read_pid(fd, pid, sizeof(pid));
		return error_set(
		    e, -EBUSY, "another `fakemx serve` (process %s) uses the journal %s",
		    pid[0] ? pid : "unknown", path);
	}
	int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	/* Only the sentence above needs the pid: a full disk is no reason not
	 * to start. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		return 0;
	return 0;
}

int journal_give(int fd, const char *path, struct error *e)
{
	struct stat owner;
	int rc = 0;

	if (geteuid() != 0)
		return 0;
	char *copy = xstrdup(path);
	if (stat(path, &owner) != 0 && stat(dirname(copy), &owner) != 0)
		rc = error_set(e, -errno, "cannot find the owner of %s: %s", path,
			       strerror(errno));
	else if (fchown(fd, owner.st_uid, owner.st_gid) != 0)
		rc = error_set(e, -errno, "cannot give a file to the owner of %s: %s",
			       path, strerror(errno));
	free(copy);
	return rc;
}

/*
 * A file beside the journal, not the journal itself: closing any descriptor of
 * that one would drop SQLite's locks. It is never deleted, or two processes
 * could hold locks on two files of the same name.
 */
int journal_lock_file(const char *path, int *ret_fd, struct error *e)
{
	struct buf name = BUF_INIT(64 * 1024);
	buf_addf(&name, "%s.lock", path);

	int rc = 0;
	int fd = open(buf_text(&name), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		rc = error_set(e, -errno, "cannot open %s: %s", buf_text(&name),
			       strerror(errno));
	else
		rc = take(fd, path, e);
	if (rc == 0)
		rc = journal_give(fd, path, e);
	buf_release(&name);
	if (rc != 0) {
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

int journal_lock(struct journal *j, struct error *e)
{
	assert(j->lock_fd < 0);
	int rc = journal_lock_file(j->path, &j->lock_fd, e);
	if (rc == 0)
		(void)sqlite3_busy_timeout(j->db, LOCKED_BUSY_MS); /* cannot fail */
	return rc;
}
