/*
 * desk - what to answer Postfix about a client, and what its question tells us
 *
 * A question comes for each recipient (source/policy.h). The desk finds the
 * real host it is asked at (by the server's address, else the recipient's domain),
 * glances at the client (model/glance.h), and gives the header once a message.
 * At a real host that nothing else watches a question is also all that is seen
 * of the client: the desk gives one visit a connection there. It gives no
 * watermark, since nobody says which clients were not asked about; so the
 * host stays "not watched".
 *
 * What sources gave since the last commit is not in the judge yet; a sender
 * walks on within milliseconds. So the desk keeps those visits (desk_fresh) until
 * the judge has been fed (desk_fed).
 *
 * Use:
 *	struct desk *d = desk_new(&world, sink);
 *	desk_set(d, sites, count, &options);	// again after a reload
 *	desk_answer(d, &request, action);	// a policy_answer_fn
 *
 * Ownership: copies what it needs of sites. The world's callbacks and the judge
 * must outlive it.
 *
 * Limits: DESK_CONNECTIONS client connections are remembered, the longest
 * silent of eight gives way: then a message may get a second header. With more
 * than DESK_FRESH visits waiting for a commit nothing is said of anybody. A
 * connection without port or instance (before Postfix 3.0) is taken for the
 * same one until it was silent for DESK_SILENCE.
 */
#ifndef FMX_SERVE_DESK_H
#define FMX_SERVE_DESK_H

#include "base/stamp.h"
#include "old/judge.h"
#include "serve/policy/policy.h"
#include "source/source.h"

enum { DESK_CONNECTIONS = 16384, DESK_FRESH = 4096 };
#define DESK_SILENCE (10 * STAMP_MINUTE)

/* Where a desk looks. */
struct desk_world {
	const struct judge *judge;
	struct stamp_clock clock;
	/* Is the client at a decoy at this moment, its visit not given yet? */
	bool (*is_at_decoy)(void *arg, struct addr client);
	/* Does a source watch this real host? Asked in desk_set(). */
	bool (*is_watched)(void *arg, uint16_t host);
	void *arg;
};

struct desk_counts {
	uint64_t headers, deferred, dunno, visits;
};

struct desk;
/* sink gets visits alone; NULL: none are given. */
struct desk *desk_new(const struct desk_world *world, const struct source_sink *sink);
void desk_free(struct desk *d); /* NULL is fine */
void desk_set(struct desk *d, const struct site *sites, size_t count, bool defers);

void desk_answer(void *desk, const struct policy_request *r,
		 char ret_action[POLICY_ACTION_MAX]);

void desk_fresh(struct desk *d, const struct visit *v);
void desk_fed(struct desk *d);
struct desk_counts desk_counts(const struct desk *d);

#endif
