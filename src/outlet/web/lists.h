/*
 * lists - the listed senders in each format, for programs that ask by HTTP
 *
 * A list that cannot be made, or that nobody keeps fresh, is empty and not an error:
 * programs such as rspamd go on with the old one after an error, and nobody shall be
 * scored by what fakemx does not stand for any more. Made at most every few seconds, or
 * three times as long as it took.
 *
 * For several threads.
 */
#ifndef FMX_OUTLET_WEB_LISTS_H
#define FMX_OUTLET_WEB_LISTS_H

#include "base/buf.h"
#include "base/stamp.h"
#include "config/config.h"

struct lists;
struct lists *lists_new(const char *journal, const struct config *config,
			struct stamp_clock clock);
void lists_free(struct lists *all);

struct lists_text {
	const char *type; /* of the content */
	int64_t modified; /* since when we have seen this text */
};
/* False: there is no such format. */
FMX_MUST_CHECK bool lists_get(struct lists *all, const char *format,
			      struct lists_text *ret_text, struct buf *out);
#endif
