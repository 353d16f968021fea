/*
 * program_own - what both ends of the helper's socket share; only program*.c include this
 *
 * A request is one packet: struct program_request and the words, each with its NUL, the
 * program's and then the environment's; with it four descriptors, the three files and
 * where the status is to be written. Without words the rules are to be read again. The
 * answer is one struct program_answer.
 */
#ifndef FMX_BASE_PROGRAM_OWN_H
#define FMX_BASE_PROGRAM_OWN_H

#include <stdint.h>

#include "base/program.h"

enum { PROGRAM_FILES = 4 };

struct program_request {
	uint32_t words, extra;
};

struct program_answer {
	int32_t error; /* an errno, or 0 */
	int32_t pid;
};

/* posix_spawn(3) with what program.h promises. Returns an errno, or 0. */
FMX_MUST_CHECK int program_spawn(const char *const *argv, const char *const *extra,
				 const int files[3], pid_t *ret_pid);
/* Never returns. */
void program_help(int fd, const struct program_rules *rules);

#endif
