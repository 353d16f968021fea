/*
 * route - what a request asks for, or the sentence that refuses it
 *
 * Pure: texts in, a value out. GET and HEAD alone, one address for each thing:
 *
 *	/			the report; ?period=7d
 *	/site/NAME		the same of one site
 *	/sender/ADDRESS		one sender
 *	/sender?address=...	the form's way to it: sent on
 *	/list/FORMAT		list.h's formats
 *	/metrics /healthz
 *
 * A name in Host that is not ours is refused: else any page that a browser shows could
 * have its own name point at 127.0.0.1 and read what stands here (DNS rebinding).
 */
#ifndef FMX_OUTLET_WEB_ROUTE_H
#define FMX_OUTLET_WEB_ROUTE_H

#include "config/config.h"
#include "outlet/page/page.h"

enum { ROUTE_TEXT_MAX = 512 };

struct route_request {
	const char *method, *path;    /* path without the query, its %XX resolved */
	const char *host;             /* NULL: none */
	const char *period, *address; /* of the query; NULL: none */
	bool has_body;
};

enum route_kind {
	ROUTE_NOTHING, /* status and sentence say why */
	ROUTE_REPORT,
	ROUTE_SENDER,
	ROUTE_SEND_ON, /* to the page of client */
	ROUTE_LIST,
	ROUTE_METRICS,
	ROUTE_HEALTH,
};

struct route {
	enum route_kind kind;
	int status; /* 200, but for NOTHING and SEND_ON */
	char sentence[ROUTE_TEXT_MAX];
	enum page_period period;  /* REPORT */
	char name[NAME_MAX_TEXT]; /* REPORT: of the one site, "" all; LIST: the format */
	struct addr client;       /* SENDER, SEND_ON */
};

struct route route_of(const struct config_web *web, const struct route_request *q);

#endif
