/*
 * generate - BIND's $GENERATE, written out as the records it stands for
 *
 * `$GENERATE start-stop[/step] owner [TTL] [class] type rdata`, where $ is the
 * number and ${offset[,width[,d|o|x|X|n|N]]} a number formed; \$ and $$ are a
 * dollar. rdata is one word: quotes around it go (BIND 9 Administrator Reference
 * Manual, "$GENERATE"; what named-compilezone does where that is silent).
 * libzscanner does not know it, so its judgement needs it written out.
 */
#ifndef FMX_ZONE_GENERATE_H
#define FMX_ZONE_GENERATE_H

#include "base/buf.h"
#include "base/error.h"
#include "zone/lex.h"

enum { GENERATE_MAX = 1 << 20 }; /* records of all directives of a zone */

/* Appends a line per record to out, at most *left, and takes those away from it.
 * FMX_EMALFORMED with the line, FMX_ETOOBIG. */
FMX_MUST_CHECK int generate_write(const char *text, const struct lex_entry *en,
				  uint32_t *left, struct buf *out, struct error *e);

#endif
