/*
 * visits - one visit as one line of JSON
 *
 * The keys are contracts (DESIGN section 4): time, seen, site, host, role,
 * address, depth, outcome, helo, sender, recipient_domain, name, source, and
 * what the judge of another machine needs besides: precision_seconds,
 * answered, ended, spam, envelopes, earlier_seconds; unknown_recipient where it is true.
 * Unknown is null; so is an empty envelope sender, as the sources do not tell the null
 * sender from none. An envelope is 16 hexadecimal digits; a null after the last says that
 * there were more.
 *
 * Lines of other kinds are in a feed only: {KIND: TIME, "host": NAME, ...}.
 */
#ifndef FMX_OUTLET_VISITS_H
#define FMX_OUTLET_VISITS_H

#include <jansson.h>

#include "base/buf.h"
#include "journal/site.h"
#include "judge/visit.h"

struct visits_host {
	enum role role;
	const char *name, *site; /* "" unknown */
};

/* The host with that id; NULL: never defined. Texts are lent by the sites. */
const struct visits_host *visits_host_of(const struct sites *s, uint16_t id,
					 struct visits_host *ret_host);

/* The host was down until TIME, as its log says. */
#define VISITS_OUTAGE "outage"
/* The feed begins: visits from TIME on follow; null: from the log's beginning. */
#define VISITS_SINCE "since"

/* host may be NULL: unknown. seen 0: unknown. A new reference. */
json_t *visits_json(const struct visit *v, const struct visits_host *host, int64_t seen);
/* The same as a line, without newline. */
void visits_line(const struct visit *v, const struct visits_host *host, int64_t seen,
		 struct buf *out);
/* time INT64_MIN is null. */
void visits_mark(const char *kind, int64_t time, const char *host, struct buf *out);
/* "watermark": every visit that began before `time` was given; `sent` is this machine's
 * clock as it is written, by which the reader learns how far ours is from his. */
void visits_watermark(int64_t time, int64_t sent, const char *host, struct buf *out);
/* "gap": nobody saw the host from `from` (0 or less: since always) to `to`. */
void visits_gap(int64_t from, int64_t to, const char *host, struct buf *out);
/* "delivered": mail of this site's went to that domain. */
void visits_delivered(const char *domain, int64_t time, const char *host,
		      struct buf *out);

#endif
