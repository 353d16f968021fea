/*
 * knot_file_name - a zone file's name, as Knot's formatters make it (knot.conf(5),
 *"file")
 *
 *	%s		the zone's name
 *	%c[0] %c[0-2]	characters of it, with its final dot
 *	%l[0]		a label, from the right
 */
#ifndef FMX_ZONE_KNOT_FILE_NAME_H
#define FMX_ZONE_KNOT_FILE_NAME_H

#include "base/buf.h"

/* Adds the name. False: the format has something that Knot does not know, or is too
 * long. */
FMX_MUST_CHECK bool knot_file_name(const char *format, const char *zone, struct buf *out);

#endif
