/*
 * policy_answer - what to answer Postfix about a client, and what its question tells
 *
 * A question comes for each recipient (policy.h). The real host it is asked at is found
 * by the server's address, else the recipient's domain; the journal is asked about the
 * client (journal/ask.h), together with what is not committed yet; and the header
 * is given once a message. Nothing is said of a client that is at a decoy at this moment.
 * At a real host that nothing else watches a question is also all that is seen
 * of the client: one visit a connection is given there, and no
 * watermark, since nobody says which clients were not asked about; so the
 * host stays "not watched".
 *
 * Use:
 *	struct policy_answers *d = policy_answers_new(&world, sink);
 *	policy_answers_set(d, sites, count, defers);	// again after a reload
 *	policy_answers_give(d, &request, action);	// a policy_answer_fn
 *
 * Ownership: copies what it needs of sites. The world must outlive it.
 *
 * Limits: POLICY_CONNECTIONS client connections are remembered, the longest
 * silent of eight gives way: then a message may get a second header. With more
 * than POLICY_FRESH visits of the client waiting for a commit nothing is said of it. A
 * connection without port or instance (before Postfix 3.0) is taken for the
 * same one until it was silent for POLICY_SILENCE.
 */
#ifndef FMX_SERVE_POLICY_POLICY_ANSWER_H
#define FMX_SERVE_POLICY_POLICY_ANSWER_H

#include "base/stamp.h"
#include "journal/take/take.h"
#include "serve/policy/policy.h"
#include "source/source.h"

enum { POLICY_CONNECTIONS = 16384, POLICY_FRESH = 16 };
#define POLICY_SILENCE (10 * STAMP_MINUTE)

/* Where to look. */
struct policy_world {
	struct db *db; /* of its own: many questions are of one snapshot */
	const struct take *take;
	struct stamp_clock clock;
	/* Is the client at a decoy at this moment, its visit not given yet? */
	bool (*is_at_decoy)(void *arg, struct addr client);
	/* Does a source watch this real host? Asked in policy_answers_set(). */
	bool (*is_watched)(void *arg, uint16_t host);
	/* Somebody asks, and may again; may be NULL. */
	void (*asked)(void *arg);
	void *arg;
};

struct policy_answer_counts {
	uint64_t headers, deferred, dunno, visits, failed;
	int64_t took_us; /* all answers together */
};

struct policy_answers;
/* sink gets visits alone; NULL: none are given. */
struct policy_answers *policy_answers_new(const struct policy_world *world,
					  const struct source_sink *sink);
void policy_answers_free(struct policy_answers *d); /* NULL is fine */
void policy_answers_set(struct policy_answers *d, const struct site *sites, size_t count,
			bool defers);
/* Nobody is put off, whoever is listed. */
void policy_answers_hold(struct policy_answers *d, bool is_held);

/* The journal is another file: world.db and world.take. */
void policy_answers_move(struct policy_answers *d, struct db *db,
			 const struct take *take);
/* After each transaction: what was asked until now may be another's answer now. */
void policy_answers_committed(struct policy_answers *d);

void policy_answers_give(void *answers, const struct policy_request *r,
			 char ret_action[POLICY_ACTION_MAX]);
struct policy_answer_counts policy_answers_counts(const struct policy_answers *d);

#endif
