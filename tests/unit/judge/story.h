/*
 * story - walks, proofs and views from one line of text
 *
 * A site in layout both: fake0 (L) 0, mail (R) 10, backup (S) 20, fake1 (H) 30, and a
 * control (C). Watched and well since a day before second 0, 08:00 UTC. A story is a list
 * of events with spaces between:
 *
 *	[CLIENT:]KIND[MARKS]@SECOND[^SEEN]
 *
 * KIND L R S H C are visits of depth data; l h c r knocks. MARKS: + accepted (what a
 * real host does without a mark), ~ deferred, ! aborted, - rejected, s a filter called
 * it spam, c clean; n connect only; % the time is a whole second; x known within 5 s
 * only; p it may have begun 10 s earlier; a it was not answered, t after 5 s; d for a
 * domain of somebody else's; f and g one or another sender, and so an envelope; e HELO
 * mail.good.example; i the session lasts an hour. W: all watermarks and good probes at
 * that time. w: watermarks alone, of M mail, B backup, q the low decoy, k the high one.
 * P: good probes alone, b of backup alone, F: mail's fails. D: the low decoy lost
 * something since its watermark. [: a start; nobody watched since the last watermarks.
 * N: the set of real hosts changed. T: nothing but time passes. SECOND may have a
 * fraction and the endings m h d. SEEN is the SECOND, or later if something later was
 * seen before; what is seen after its host's watermark passed it is late.
 *
 * Clients: A 20.1.1.1, B 20.1.1.2 (of A's pool), X 30.1.1.1, Y 2a01:1::1, Z 2a01:1::2 (of
 * Y's pool), V 2a02:1::1; any other letter has a pool of its own.
 *
 * The proof is made by loops over all visits, as the sentences of DESIGN read: what the
 * journal finds by look-ups must be equal to it.
 */
#ifndef FMX_TEST_STORY_H
#define FMX_TEST_STORY_H

#include "judge/listing.h"
#include "judge/name.h"

#define STORY_ZERO (INT64_C(1800000000) * STAMP_SECOND) /* second 0 */

enum { STORY_LOW, STORY_MAIL, STORY_BACKUP, STORY_HIGH, STORY_CONTROL, STORY_HOSTS };
enum { STORY_VISITS = 4096, STORY_CLIENTS = 26 };

struct story {
	struct view view;
	struct rules rules;
	struct story_host {
		bool is_unwatched; /* nothing tells its visits */
		int64_t watched_from, well_from;
		bool is_down;
	} hosts[STORY_HOSTS];
	size_t count;
	struct story_visit {
		struct visit visit;
		struct run_where where;
	} visits[STORY_VISITS];
	struct name_fact names[STORY_CLIENTS];
	bool is_allowed[STORY_CLIENTS], spf_passes[STORY_CLIENTS],
	    wrote_to[STORY_CLIENTS];
	char nat; /* the client that makes most contacts */
};

struct story *story_new(void);
void story_free(struct story *s);
void story_play(struct story *s, const char *events);
int64_t story_time(double second);
struct addr story_client(char client);
void story_name(struct story *s, char client, const char *name, const char *domain,
		bool is_confirmed, bool is_generic);

/* A made-up history: visits on a coarse grid of seconds, so that many begin at once;
 * outages, starts and gaps between; all known in the end. */
void story_draw(uint64_t *seed, char *text, size_t size);
unsigned story_some(uint64_t *seed, unsigned below);

/* All runs of all clients; the caller frees. */
struct run *story_runs(const struct story *s, size_t *ret_count);
/* The client's walk that began nearest to the second; false if it has none. */
bool story_walk(const struct story *s, char client, double second, struct walk *ret_walk);
struct proof story_proof(const struct story *s, const struct walk *w);
/* Of that walk; told (NULL: nothing yet) is what was said of it before. A walk that is
 * none has order_reason REASON_NONE. */
struct verdict story_verdict(const struct story *s, char client, double second,
			     const struct told *told);
struct told story_tell(const struct verdict *v);
/* The client's listings until now, and what is counted since. */
size_t story_listings(const struct story *s, char client, struct span *ret, size_t most,
		      struct listing_count *ret_count);
struct listing_obstacle story_obstacle(const struct story *s, char client);
struct listing story_listing(const struct story *s, char client);

#endif
