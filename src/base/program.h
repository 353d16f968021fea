/*
 * program - starts programs, itself or through a helper that may do what we may not
 *
 * A process that shuts itself in (sandbox.h) can start nothing any more that is not
 * shut in with it. Before, it splits off a helper by program_split(), which stays
 * outside, knows which programs the configuration names, and starts these alone. From
 * then on program_start() asks the helper; without one the process is the parent itself.
 *
 * Use:
 *	struct program s;
 *	const int files[3] = { -1, out, err };	// -1: /dev/null
 *	if (program_start(argv, NULL, files, &s, &e) == 0)
 *		...			// poll(2) s.fd: readable when it has ended
 *	if (program_ended(&s, &status))	// as of waitpid(2)
 *		...
 *
 * Ownership: s.fd is closed by program_ended() that says true, or by program_leave().
 *
 * Limits: PROGRAM_WORDS_MAX bytes of words. The helper runs PROGRAM_MAX programs at a
 * time. It ends with us, and what it started gets SIGTERM then. It is one of the few
 * things of which a process has only one, and so needs no handle.
 */
#ifndef FMX_BASE_PROGRAM_H
#define FMX_BASE_PROGRAM_H

#include <sys/types.h>

#include "base/error.h"

enum { PROGRAM_WORDS_MAX = 32 * 1024, PROGRAM_MAX = 1024, PROGRAM_WORDS = 64 };

struct program {
	pid_t pid; /* of it, and of its session and group: for kill(-pid, ...) */
	int fd;
	bool is_ours; /* our child, not the helper's */
};

/* extra: variables "NAME=value" besides our environment, or instead of the same names
 * there; ends with NULL, and may be NULL. In a session of its own, with the signals as
 * usual and no other file of ours. */
FMX_MUST_CHECK int program_start(const char *const *argv, const char *const *extra,
				 const int files[3], struct program *ret,
				 struct error *e);
/* True: it has ended, and status is its, or that of SIGKILL if nobody knows. */
FMX_MUST_CHECK bool program_ended(struct program *s, int *ret_status);
void program_leave(struct program *s); /* nobody wants to know how it ends */

struct program_rules {
	/* May that be started? extra may be NULL. */
	bool (*allows)(void *arg, const char *const *argv, const char *const *extra);
	void (*reread)(void *arg); /* see program_reread() */
	void *arg;
};

/* Splits the helper off; only while there is one thread. The rules' values are copied as
 * fork(2) does. */
FMX_MUST_CHECK int program_split(const struct program_rules *rules, struct error *e);
/* The helper looks anew at what may be started; nothing without one. */
void program_reread(void);
/* The helper was there, and has ended: nothing can be started any more. */
bool program_is_lost(void);
/* Ends the helper, and what it started. */
void program_join(void);

#endif
