/*
 * smtp_grammar - the parts of RFC 5321's grammar that a command is made of
 *
 * Each function reads one construct at the front of a slice, moves the span
 * behind it and says whether it was well-formed. Bytes of 0x80 and more count
 * as letters where RFC 6531 (SMTPUTF8) allows UTF-8.
 *
 * Two slips of the grammar that every server takes are taken here too: "_" in
 * domains, and a space between "FROM:" or "TO:" and the path.
 *
 * Use:
 *	struct slice in = { line, line + len };
 *	struct smtp_path path;
 *	if (smtp_read_path(&in, &path) && smtp_read_parameters(&in))
 *		...		// in is empty now
 *
 * Ownership: slices borrow the line.
 */
#ifndef FMX_SOURCE_DECOY_SMTP_GRAMMAR_H
#define FMX_SOURCE_DECOY_SMTP_GRAMMAR_H

#include "base/slice.h"

/* Of "<@a,@b:local@domain>": mailbox is "local@domain". "<>" has both empty,
 * "<Postmaster>" has no domain. */
struct smtp_path {
	struct slice mailbox, domain;
};

/* Domain, or address literal with its brackets (4.1.2, 4.1.3). */
FMX_MUST_CHECK bool smtp_read_host(struct slice *in, struct slice *ret_host);
FMX_MUST_CHECK bool smtp_read_path(struct slice *in, struct smtp_path *ret_path);
/* *( SP keyword [ "=" value ] ), up to the end of the slice. */
FMX_MUST_CHECK bool smtp_read_parameters(struct slice *in);

#endif
