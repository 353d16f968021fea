/*
 * exim_parts - what the lines of Exim's log are made of
 *
 * The front of a line, the host it is about, and the fields behind that.
 *
 * A line is read strictly from the left, up to Exim's own words behind the client's
 * address; of those in which a client's words come first only the ones with a
 * single reading. A HELO stands in brackets in front of the address. Exim takes one
 * with blanks and brackets only where helo_accept_junk_hosts lets it; a line that
 * could then be read in two ways is garbled, and no address.
 *
 *	H=name [addr]		the name is verified (both ways); HELO said the same,
 *				or the address, or nothing: it counts as unknown
 *	H=(helo) [addr]		no name, or not verified
 *	H=name (helo) [addr]	verified, and HELO said another
 *	... [addr]:port I=[addr]:port Ci=N
 *
 * By syslog there may be another stamp in front (syslog_timestamp), a mark of a
 * split line ("[1/2] "), and the process in the tag or as "[123] " (+pid).
 *
 * Ownership: slices borrow the line.
 */
#ifndef FMX_SOURCE_MAILLOG_EXIM_PARTS_H
#define FMX_SOURCE_MAILLOG_EXIM_PARTS_H

#include "source/maillog/reader.h"

/* Process and message id in front; false: a later part of a split line. */
FMX_MUST_CHECK bool exim_read_front(struct slice *in, struct said *d);

/* Behind "H=". */
FMX_MUST_CHECK bool exim_read_host(struct slice *in, struct said *d);
/* What stands between the host and what happened. */
FMX_MUST_CHECK bool exim_read_fields(struct slice *in, struct said *d);
/* " D=1m20s" behind Exim's own words. */
void exim_read_lasted(struct slice in, struct said *d);

#endif
