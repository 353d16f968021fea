/*
 * generate - BIND's $GENERATE, written out as the records it stands for
 *
 * `$GENERATE start-stop[/step] owner [TTL] [class] type rdata`, where $ is the
 * number, ${offset[,width[,d|o|x|X|n|N]]} a number formed, and \$ a dollar
 * (BIND 9 Administrator Reference Manual, "$GENERATE"). libzscanner does not
 * know it, so its judgement needs it written out.
 */
#ifndef FMX_ZONE_GENERATE_H
#define FMX_ZONE_GENERATE_H

#include "base/buf.h"
#include "base/error.h"
#include "zone/lex.h"

enum { GENERATE_MAX = 1 << 20 }; /* records of one directive */

/* Appends a line per record to out. FMX_EMALFORMED with the line, FMX_ETOOBIG. */
FMX_MUST_CHECK int generate_write(const char *text, const struct lex_entry *en,
				  struct buf *out, struct error *e);

#endif
