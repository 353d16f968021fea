/*
 * setup_file - the file that setup writes
 *
 * Use:
 *	int code = setup_file_check(c, path, asks);	// before any question
 *	...
 *	code = setup_file_write(c, path, text);		// the old or the new, never less
 */
#ifndef FMX_CLI_SETUP_SETUP_FILE_H
#define FMX_CLI_SETUP_SETUP_FILE_H

#include "base/buf.h"
#include "cli/cli.h"

#define SETUP_USER "_fakemx"

/* May it be written, and is none there that nobody wants to lose? CLI_DONE, or said. */
FMX_MUST_CHECK int setup_file_check(const struct cli *c, const char *path, bool asks);
/* Somebody answered no: says that nothing was written. Its exit code, as of every no. */
int setup_said_no(const struct cli *c);
/* Mode 0640, of the group that serve runs as where it exists; the usual folder is made.
 */
FMX_MUST_CHECK int setup_file_write(const struct cli *c, const char *path,
				    const struct buf *text);

#endif
