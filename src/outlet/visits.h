/*
 * visits - one visit as one line of JSON
 *
 * The keys are contracts (DESIGN section 4): time, seen, site, host, role,
 * address, depth, outcome, helo, sender, recipient_domain, name, source.
 * Unknown is null; so is an empty envelope sender, as the sources do not tell
 * the null sender from none.
 *
 * A line of another kind is {"watermark": TIME, "host": NAME}: every visit of
 * that host that began before TIME was given. Only a feed has them.
 */
#ifndef FMX_OUTLET_VISITS_H
#define FMX_OUTLET_VISITS_H

#include "base/buf.h"
#include "model/visit.h"
#include "outlet/book.h"

/* host may be NULL: unknown. seen 0: unknown. Without newline. */
void visits_object(const struct visit *v, const struct book_host *host, int64_t seen,
		   struct buf *out);
void visits_watermark(int64_t upto, const char *host, struct buf *out);

#endif
