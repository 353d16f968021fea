/*
 * sandbox - a process gives away for good what it does not need
 *
 * By Landlock (landlock(7)): where it may write, that it executes nothing, to which
 * TCP ports it may connect. By seccomp (seccomp(2)): which system calls it may make; none
 * of them starts a program. Its user's rights hold besides. What is open stays open.
 *
 * Use:
 *	struct sandbox s = { .folder_count = 0 };
 *	sandbox_folder(&s, "/var/lib/fakemx", SANDBOX_FILES);
 *	sandbox_port(&s, 25);
 *	struct sandbox_held held;
 *	if (sandbox_enter(&s, &held, &e) != 0)	// before there is a second thread
 *		...
 *
 * Limits: a kernel that lacks something is no failure, and held says what holds. Landlock
 * knows TCP ports since version 4 (Linux 6.7), and folders as they are at the time: one
 * that is made anew, or mounted over, is another. Who is shut in may not look into
 * /proc/N of processes outside. Reading is not limited, UDP is not.
 */
#ifndef FMX_BASE_SANDBOX_H
#define FMX_BASE_SANDBOX_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { SANDBOX_FOLDERS = 96, SANDBOX_PORTS = 256 };

enum sandbox_kind {
	SANDBOX_FILES,   /* files and sockets are made, written, renamed and removed */
	SANDBOX_SOCKETS, /* sockets alone are made; files may be removed */
};

struct sandbox {
	struct sandbox_folder {
		char path[PATH_MAX]; /* without symbolic links */
		enum sandbox_kind kind;
	} folders[SANDBOX_FOLDERS];
	size_t folder_count;
	uint16_t ports[SANDBOX_PORTS]; /* to which TCP connects */
	size_t port_count;
	bool connects_anywhere; /* there are too many, or nobody knows which */
};

struct sandbox_held {
	int landlock; /* its version; 0: the kernel has none, or it is switched off */
	bool has_ports;
	bool has_seccomp;
};

/* One that is not there is left out, and false. */
bool sandbox_folder(struct sandbox *s, const char *path, enum sandbox_kind kind);
/* The folder of a file, or of what the link of that name points at. */
bool sandbox_folder_of(struct sandbox *s, const char *file, enum sandbox_kind kind);
void sandbox_port(struct sandbox *s, uint16_t port);
bool sandbox_has_port(const struct sandbox *s, uint16_t port);
/* Is every folder of `part` in one of s? *ret_path: the first that is not. */
bool sandbox_covers(const struct sandbox *s, const struct sandbox *part,
		    const char **ret_path);

FMX_MUST_CHECK int sandbox_enter(const struct sandbox *s, struct sandbox_held *ret,
				 struct error *e);
/* What this kernel has, without entering. */
struct sandbox_held sandbox_kernel(void);
/* How many system calls are allowed, for people. */
size_t sandbox_calls(void);

#endif
