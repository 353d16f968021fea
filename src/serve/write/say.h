/*
 * say - verdicts and listings as the log tells them
 *
 * One line each, of key=value pairs.
 *
 * Use:
 *	struct buf line = BUF_INIT(SAY_MAX);
 *	say_verdict(&v, &before, "example", &line);
 *	log_info("%s", buf_text(&line));
 */
#ifndef FMX_SERVE_WRITE_SAY_H
#define FMX_SERVE_WRITE_SAY_H

#include "base/buf.h"
#include "judge/listing.h"

enum { SAY_MAX = 2048 };

/* before: what was told of the walk until now. */
void say_verdict(const struct verdict *v, const struct told *before,
		 const char *site_name, struct buf *out);
void say_listing(const struct listing *l, const char *site_name, struct buf *out);

/* False for what only says that nothing can be told: news for the curious. */
bool say_is_news(const struct verdict *v, const struct told *before);

#endif
