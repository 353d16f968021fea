/*
 * say - verdicts and listings as the log tells them
 *
 * One line each, of key=value pairs that are a function of the value alone:
 * what was logged live and what a replay of the journal says in another
 * process can be compared as text.
 *
 * Use:
 *	struct buf line = BUF_INIT(SAY_MAX);
 *	say_verdict(&v, "example", &line);
 *	log_info("%s", buf_text(&line));
 */
#ifndef FMX_SERVE_SAY_H
#define FMX_SERVE_SAY_H

#include "base/buf.h"
#include "old/judge.h"

enum { SAY_MAX = 2048 };

void say_verdict(const struct verdict *v, const char *site_name, struct buf *out);
void say_listing(const struct listing *l, const char *site_name, struct buf *out);

/* False for what only says that nothing can be told: news for the curious. */
bool say_is_news(const struct verdict *v);

#endif
