/*
 * answer - the document that a request gets, as values: status, headers, body
 *
 * Without HTTP: web.c sends it. Each question opens the journal anew, so that one that
 * was restored, deleted or broken is answered as it is now, and nothing is pinned
 * between two questions.
 *
 * Use:
 *	struct answerer *w = answerer_new(&options);
 *	struct answer a;
 *	answer_make(w, &route, &a);
 *	answer_release(&a);
 *
 * Ownership: answer_release() frees the body. For several threads.
 */
#ifndef FMX_OUTLET_WEB_ANSWER_H
#define FMX_OUTLET_WEB_ANSWER_H

#include "base/stamp.h"
#include "outlet/web/route.h"

enum { ANSWER_ETAG_MAX = 24 };

struct answerer_options {
	const char *journal;         /* its path */
	const char *metrics;         /* path of the file that serve writes */
	const struct config *config; /* lent as long as it answers */
	struct stamp_clock clock;
};

struct answer {
	int status;
	const char *type;           /* of the content */
	bool is_page;               /* shown by a browser: with the page's policy */
	int seconds;                /* for which it may be kept; 0: ask each time */
	int64_t modified;           /* 0: not told */
	char etag[ANSWER_ETAG_MAX]; /* with its quotes; "" none */
	char location[64];          /* of 303 */
	struct buf body;
};

struct answerer;
struct answerer *answerer_new(const struct answerer_options *options);
void answerer_free(struct answerer *w);
void answer_make(struct answerer *w, const struct route *route, struct answer *ret);
void answer_release(struct answer *a);

#endif
