/*
 * glance - what can be said now of a client that is at a real host
 *
 * A verdict waits until every source has passed the moment; a mail server that
 * asks wants an answer at once. So a glance says less: `straight` or `skipped`
 * where nothing that is still to come can make it an accusation, and `unknown`
 * wherever there is doubt. It never says `backdoor` or `shotgun`: a client that
 * was at a high decoy before is `unknown`, with the reason why.
 *
 * Pure, and from memory alone. What sources gave after the judge was last fed
 * (the batch that is not committed yet) comes with the question.
 *
 * Use:
 *	struct glance_ask ask = { client, site, began, now, fresh, fresh_count };
 *	struct glance g;
 *	judge_glance(judge, &ask, &g);
 *
 * Ownership: plain data; fresh is lent for the call.
 *
 * Limits: when the client's connection really began is not known to who asks:
 * the delay runs to when it was first asked about, and so holds what the real
 * host made it wait before (a greeting delay, TLS). Greylisting is not in it:
 * the next try starts from its own low visit.
 */
#ifndef FMX_OLD_GLANCE_H
#define FMX_OLD_GLANCE_H

#include "old/judge.h"

struct glance_ask {
	struct addr client;
	uint16_t site; /* one of the group's */
	int64_t began; /* when this connection was first heard of; at most now */
	int64_t now;
	/* The client's visits that the judge has not been fed yet, in any order. */
	const struct visit *fresh;
	size_t fresh_count;
};

struct glance {
	enum order order; /* STRAIGHT, SKIPPED or UNKNOWN */
	enum reason reason;
	int64_t delay_us; /* from the low visit to `began`; -1: none, or not known */
	bool is_own;      /* an address of ours, or formerly a real host's */
	bool is_listed;   /* mode = enforce, and not expired at `now` */
	int64_t until;    /* when listed */
};

void judge_glance(const struct judge *j, const struct glance_ask *ask,
		  struct glance *ret_glance);

#endif
