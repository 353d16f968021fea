/*
 * commands - which programs the configuration names: the helper starts no others
 *
 * Commands of feeds and logs with their %s and %q filled in, the stream's reader, the
 * alarm command as it stands, journalctl as `watch = journal` calls it, and what unpacks
 * an old log. Times and numbers may be anything, for they come from what strangers sent.
 *
 * Use:
 *	if (commands_allow(&config, argv, extra))
 *		...
 */
#ifndef FMX_SERVE_SYSTEM_COMMANDS_H
#define FMX_SERVE_SYSTEM_COMMANDS_H

#include "config/config.h"

/* Pure but for the stream's, which looks for the program. extra: variables besides the
 * environment; those of an alarm alone are allowed. */
bool commands_allow(const struct config *c, const char *const *argv,
		    const char *const *extra);
/* What reads the stream. False: there is no stream, the command does not fit, or *e says
 * that there is no such program. */
bool commands_stream(const struct config *c, char *to, size_t size, struct error *e);

/* program_split() with these; path and lab as the configuration is read again. c is
 * copied as fork(2) does. */
FMX_MUST_CHECK int commands_split(const struct config *c, const char *path, bool lab,
				  struct error *e);

#endif
