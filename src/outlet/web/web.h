/*
 * web - answers over HTTP
 *
 * libmicrohttpd with a thread for each connection: a report may take seconds to count,
 * and only who asked for it shall wait. GET and HEAD, WEB_CLIENTS clients at once (of
 * each the next connection may be there before the last one's thread is gone; more are
 * closed), WEB_REQUEST_MAX bytes of request, WEB_SECONDS from a
 * connection's beginning, or its last answer, to the end of the next: who dribbles, or
 * does not read, is cut off.
 *
 * Use:
 *	struct web *w;
 *	if (web_start(fd, &options, &w, &e) != 0)
 *		...
 *	while (!is_over)
 *		web_tick(w);	// each second
 *	web_stop(w);
 *
 * Ownership: fd, which listens, is the web's from then on.
 */
#ifndef FMX_OUTLET_WEB_WEB_H
#define FMX_OUTLET_WEB_WEB_H

#include "outlet/web/answer.h"

enum {
	WEB_CLIENTS = 64,
	WEB_CONNECTIONS = 2 * WEB_CLIENTS,
	WEB_REQUEST_MAX = 16 * 1024,
	WEB_SECONDS = 60,
	WEB_IDLE_SECONDS = 15,
};

struct web;
FMX_MUST_CHECK int web_start(int fd, const struct answerer_options *options,
			     struct web **ret_web, struct error *e);
void web_tick(struct web *w);
void web_stop(struct web *w);

#endif
