/*
 * journal_file - a journal file of systemd's that grows while a test looks on
 *
 * Written by systemd-journal-remote from its export format: it makes the files
 * that journald makes, and needs no running systemd.
 */
#ifndef FMX_TEST_JOURNAL_FILE_H
#define FMX_TEST_JOURNAL_FILE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define JOURNAL_REMOTE "/lib/systemd/systemd-journal-remote"

static inline FILE *journal_file(const char *path)
{
	char command[1024];
	(void)snprintf(command, sizeof(command), JOURNAL_REMOTE " -o '%s' - 2>/dev/null",
		       path);
	return popen(command, "w");
}

/* An entry that a program wrote at `time` and that arrived 1 ms later. */
static inline void journal_add(FILE *f, int64_t time, const char *program, int facility,
			       const char *message)
{
	(void)fprintf(
	    f,
	    "__REALTIME_TIMESTAMP=%" PRId64 "\n__MONOTONIC_TIMESTAMP=%" PRId64
	    "\n_BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=mail\n"
	    "_SOURCE_REALTIME_TIMESTAMP=%" PRId64
	    "\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\n_PID=12\nMESSAGE=%s\n\n",
	    time + 1000, time, time, facility, program, message);
	(void)fflush(f);
}

/* It has written all that was added. */
static inline int journal_file_close(FILE *f)
{
	return pclose(f);
}

#endif
