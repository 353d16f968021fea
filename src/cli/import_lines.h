/*
 * import_lines - a file of lines as `visits` prints them, into a new journal
 *
 * The configuration names the hosts; a line that cannot be read, or is of a host that
 * is not there, refuses the file by the line's number.
 */
#ifndef FMX_CLI_IMPORT_LINES_H
#define FMX_CLI_IMPORT_LINES_H

#include "cli/archive.h"
#include "journal/upkeep/import.h"

/* file "-": standard input. CLI_DONE, or what was said. */
FMX_MUST_CHECK int import_lines(const struct cli *c, struct archive *a, const char *file,
				struct import_counts *ret_counts);

#endif
