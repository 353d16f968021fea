/*
 * feed_line - one line of a feed: what another machine says of a host
 *
 * The lines are those of `fakemx visits` (docs/json.md): a visit, or
 * {KIND: TIME, "host": NAME, ...}. They come from another machine and may say
 * anything: each key that we know must have the right type and a value that
 * makes sense, else the line is refused with a sentence. Keys that we do not
 * know are ignored, so that a newer sender can be read. Texts are cut at
 * VISIT_TEXT_MAX. Pure: whether the host and its role are ours to hear of
 * and the time can be true is the caller's to judge.
 *
 * Use:
 *	struct feed_line l;
 *	if (feed_parse(line, len, &l, &e) < 0)
 *		...
 *	if (l.kind == FEED_VISIT)
 *		sink(&l.visit);		// site and host are 0: l.host names it
 *
 * Ownership: the visit's texts point into the feed_line, which must stay
 * where it is.
 *
 * Limits: FEED_LINE_MAX bytes a line.
 */
#ifndef FMX_SOURCE_FEED_FEED_LINE_H
#define FMX_SOURCE_FEED_FEED_LINE_H

#include "base/error.h"
#include "judge/visit.h"
#include "mx/layout.h"

enum { FEED_LINE_MAX = 16 * 1024 };

enum feed_kind {
	FEED_VISIT,
	FEED_WATERMARK, /* every visit before `time` was given */
	FEED_OUTAGE,    /* the host was down until `time` */
	FEED_SINCE,     /* visits from `time` on follow; INT64_MIN: all of the log's */
	FEED_GAP, /* visits from `from` (0: since always) to `time` may be missing */
	FEED_DELIVERED, /* mail of this site's went to the domain of texts[] */
};

enum feed_text { FEED_HELO, FEED_SENDER, FEED_DOMAIN, FEED_NAME, FEED_TEXTS };

struct feed_line {
	enum feed_kind kind;
	char host[NAME_MAX_TEXT]; /* lower case */
	int64_t time, from;       /* of the other kinds */
	int64_t
	    sent; /* of a watermark: the sender's clock as it was written; 0 unknown */
	/* Of a stream: its number there, 0 none, also of a line that is refused; how many
	 * before it are missing; and when the stream took it, 0 unknown. */
	int64_t sequence, missing, stored;
	struct visit visit; /* its source is feed: see `source` */
	bool has_role;
	enum role role;           /* as the line says */
	enum visit_source source; /* likewise; feed if it does not */
	char texts[FEED_TEXTS][VISIT_TEXT_MAX];
};

/* FMX_EMALFORMED. */
FMX_MUST_CHECK int feed_parse(const char *line, size_t len, struct feed_line *ret_line,
			      struct error *e);
/* What another machine said, for a sentence: no quotes, no control characters. */
const char *feed_printable(const char *text, char *to, size_t size);

#endif
