#include "base/socket_file.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { BACKLOG = 1024 };

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int failed(const char *path, int error, struct error *e)
{
	if (error == ENOENT || error == ENOTDIR)
		return error_set(e, -error,
				 "%s: cannot listen there: its folder does not exist; "
				 "make it (systemd: RuntimeDirectory=)",
				 path);
	if (error == EACCES || error == EPERM || error == EROFS)
		return error_set(e, -error,
				 "%s: cannot listen there: no permission to make a file "
				 "in its folder; give the folder to the user of serve",
				 path);
	return error_set(e, -error, "%s: cannot listen there: %s", path, strerror(error));
}

/* Of a socket that nobody listens on connect() says ECONNREFUSED. EAGAIN: its
 * backlog is full, so somebody does. */
static bool is_stale(const struct sockaddr_un *sa)
{
	int fd = new_socket();
	if (fd < 0)
		return false;
	bool refused = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0 &&
		       errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int remove_stale(const struct sockaddr_un *sa, struct error *e)
{
	struct stat st;
	if (lstat(sa->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : failed(sa->sun_path, errno, e);
	if (!S_ISSOCK(st.st_mode))
		return error_set(e, -EADDRINUSE,
				 "%s: cannot listen there: a file that is no socket has "
				 "this name; choose another",
				 sa->sun_path);
	if (!is_stale(sa))
		return error_set(e, -EADDRINUSE,
				 "%s: another program listens there (ss -lxp shows "
				 "which); choose another name, or stop it",
				 sa->sun_path);
	if (unlink(sa->sun_path) != 0 && errno != ENOENT)
		return failed(sa->sun_path, errno, e);
	return 0;
}

int socket_file_open(struct socket_file *s, const char *path, mode_t mode,
		     struct error *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;
	if (!str_copy(sa.sun_path, sizeof(sa.sun_path), path) ||
	    !str_copy(s->path, sizeof(s->path), path))
		return error_set(e, -ENAMETOOLONG,
				 "%s: the path of a socket has at most %d bytes", path,
				 SOCKET_FILE_PATH_MAX - 1);
	int rc = remove_stale(&sa, e);
	if (rc != 0)
		return rc;
	int fd = new_socket();
	if (fd < 0)
		return failed(path, errno, e);
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0) {
		rc = errno;
		close(fd);
		return failed(path, rc, e);
	}
	/* Nobody can connect before listen(), so the mode is never too wide. */
	if (chmod(path, mode) != 0 || lstat(path, &st) != 0 || listen(fd, BACKLOG) != 0) {
		rc = errno;
		(void)unlink(path);
		close(fd);
		return failed(path, rc, e);
	}
	s->fd = fd;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	return 0;
}

void socket_file_close(struct socket_file *s)
{
	struct stat st;
	if (lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		(void)unlink(s->path);
	close(s->fd);
	s->fd = -1;
}
