/*
 * error - how a library function says what went wrong
 *
 * Functions that can fail for more than one reason return int: 0 or more is
 * success, negative is a code. System failures are -errno; ours are below.
 * The code is for the program. The sentence for the human goes into an
 * optional struct error that the caller owns.
 *
 * Library code never logs and never exits: the program that asked decides.
 *
 * Ownership: plain data, nothing to release. Passing NULL is always allowed.
 */
#ifndef FMX_BASE_ERROR_H
#define FMX_BASE_ERROR_H

#include "base/attr.h"

enum {
	FMX_EMALFORMED = -1000, /* input breaks its own format */
	FMX_ETOOBIG = -1001,    /* input is larger than a limit we set */
	FMX_ECONFLICT = -1002,  /* what we meant to change is not what we read */
	FMX_EREFUSED = -1003,   /* it would endanger mail: exit code 3 */
	FMX_EUSAGE = -1004,     /* the person asked for what does not exist */
	FMX_EFOREIGN = -1005,   /* the file is not ours, or damaged */
	FMX_ECOMMAND = -1006,   /* a command of the administrator failed: exit code 1 */
};

struct error {
	int code;
	char text[512]; /* one line, control characters as "?", may be cut short */
};

/* Fill e (if not NULL) and return code, so that callers can write
 * `return error_set(e, FMX_EMALFORMED, "line %u: ...", n);` */
FMX_PRINTF(3, 4)
int error_set(struct error *e, int code, const char *fmt, ...);

/* "cannot read PATH: ...", with what to do where nothing is there, and where the rights
 * are wanting (whole sentences; NULL: none). Returns -error, an errno value. */
int error_cannot_read(struct error *e, int error, const char *path,
		      const char *if_missing, const char *if_forbidden);

#endif
