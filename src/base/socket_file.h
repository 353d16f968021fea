/*
 * socket_file - a listening unix socket at a path, over what a killed
 * predecessor left behind
 *
 * A socket file outlives the process that made it. One that nobody listens on
 * is replaced; one that somebody answers on, or a file that is no socket, is
 * refused with a sentence.
 *
 * Use:
 *	struct socket_file s;
 *	if (socket_file_open(&s, "/run/fakemx/policy.sock", 0666, &e) < 0)
 *		...
 *	accept4(s.fd, ...);
 *	socket_file_close(&s);
 *
 * Ownership: socket_file_close() closes the descriptor and removes the file, if
 * it is still the one that was made.
 *
 * Limits: the path has room in a socket's address: SOCKET_FILE_PATH_MAX bytes
 * with NUL. Who may connect is decided by mode, and by the folder.
 */
#ifndef FMX_BASE_SOCKET_FILE_H
#define FMX_BASE_SOCKET_FILE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

enum { SOCKET_FILE_PATH_MAX = 108 };

struct socket_file {
	int fd; /* non-blocking, close-on-exec */
	dev_t device;
	ino_t inode;
	char path[SOCKET_FILE_PATH_MAX];
};

/* -EADDRINUSE: somebody listens there, or it is another kind of file. */
FMX_MUST_CHECK int socket_file_open(struct socket_file *s, const char *path, mode_t mode,
				    struct error *e);
void socket_file_close(struct socket_file *s);

#endif
