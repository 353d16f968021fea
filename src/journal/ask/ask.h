/*
 * ask - the questions that every outlet asks
 *
 * Reads only. A long answer is read in slices by key, with a new snapshot each
 * ASK_SLICE rows, so that a reader that stands still pins no WAL.
 *
 * Use:
 *	struct ask *a;
 *	ask_open(db, stamp_now(), &a, &e);
 *	ask_client(a, client, on_walk, NULL, arg, &e);
 *	ask_close(a);
 *
 * Ownership: what is handed to callbacks is lent for the call.
 */
#ifndef FMX_JOURNAL_ASK_ASK_H
#define FMX_JOURNAL_ASK_ASK_H

#include "journal/ask/sender.h"
#include "journal/take/coverage.h"
#include "judge/listing.h"

enum { ASK_SLICE = 10000 };

struct ask;
FMX_MUST_CHECK int ask_open(struct db *db, int64_t now, struct ask **ret_ask,
			    struct error *e);
void ask_close(struct ask *a);
/* Questions between are of one moment's snapshot; else each has its own. */
FMX_MUST_CHECK int ask_begin(struct ask *a, struct error *e);
void ask_end(struct ask *a);
const struct sites *ask_sites(const struct ask *a);
/* The greatest `seen`, or the caller's now if later; of the first visit, 0 none. */
int64_t ask_now(const struct ask *a);
int64_t ask_first_seen(const struct ask *a);
int64_t ask_begun(const struct ask *a); /* that, or since a host was watched; 0 none */
FMX_MUST_CHECK int ask_view(struct ask *a, uint16_t group, const struct view **ret_view,
			    struct error *e);

struct ask_walk {
	const struct walk *walk;
	const struct run *runs; /* main first, then the touching ones */
	size_t run_count;
	const struct sender *sender;
	struct verdict verdict;
	struct told told; /* as stored; of a decoy walk */
};
/* 0 to go on; anything else ends the question and is returned. */
typedef int (*ask_walk_fn)(void *arg, const struct ask_walk *w);

/* Every walk of the client (and its twin) at any group, by began; then (NULL: not
 * wanted) every run of theirs of each kind, those of walks too: for their visit numbers.
 */
typedef int (*ask_run_fn)(void *arg, const struct run *r);
FMX_MUST_CHECK int ask_client(struct ask *a, struct addr client, ask_walk_fn fn,
			      ask_run_fn run, void *arg, struct error *e);

/*
 * One group in a period, sender by sender in the order of their (lesser) addresses; of
 * each sender first its walks that overlap [since, until) by began, then what came aside.
 * Each walk once, with the touching runs always: they stream by beside it. A decoy walk
 * that was told and need not be asked again comes as told; of a real walk all that
 * decides lies in the stream, but for the NAT. Not within its own callbacks. So a report
 * counts as it reads, and keeps nothing of a sender.
 */
struct ask_stream {
	int64_t since, until;
	ask_walk_fn walk;
	/* Decoy walks over before `since` that were once called stopped, as told, before
	 * the sender's others: for corrections. NULL: not wanted. */
	ask_walk_fn earlier;
	ask_run_fn aside; /* of kind aside: knocks, controls. NULL: not wanted */
	void *arg;
};
FMX_MUST_CHECK int ask_walks(struct ask *a, uint16_t group, const struct ask_stream *s,
			     struct error *e);

/* The listing now, with its reason: for explain. */
FMX_MUST_CHECK int ask_listing(struct ask *a, struct addr client, uint16_t group,
			       struct listing *ret_listing, struct error *e);
/* Every listing in force now or (would_too) that would be, obstacles asked again, by
 * address. */
typedef int (*ask_listing_fn)(void *arg, const struct listing *l);
FMX_MUST_CHECK int ask_listed(struct ask *a, bool would_too, ask_listing_fn fn, void *arg,
			      struct error *e);
/* Stored changes of one client's listings, oldest first. */
FMX_MUST_CHECK int ask_listing_history(struct ask *a, struct addr client,
				       ask_listing_fn fn, void *arg, struct error *e);

/* Every listing, or what would have been one, that began in [since, until), by address;
 * obstacles are not asked: for counting. */
FMX_MUST_CHECK int ask_listings(struct ask *a, int64_t since, int64_t until,
				ask_listing_fn fn, void *arg, struct error *e);
/* Did SPF pass for an envelope domain of the client? */
FMX_MUST_CHECK int ask_spf(struct ask *a, struct addr client, bool *ret_passes,
			   struct error *e);

/* Policy: a connection of client at a real host of the site began at `began`. fresh:
 * visits that are not committed yet. */
struct ask_quick {
	struct quick quick;
	bool is_own, is_listed;
	int64_t until; /* when listed */
};
FMX_MUST_CHECK int ask_quick(struct ask *a, struct addr client, uint16_t site,
			     int64_t began, int64_t now, const struct visit *fresh,
			     size_t fresh_count, struct ask_quick *ret_quick,
			     struct error *e);

/* Visits by number. since/until are of time; host 0: all; after: start behind this
 * number. */
struct ask_visit {
	int64_t id, seen;
	uint16_t group;
	enum role role;
	bool is_late, names_ours;
	struct visit visit;
};
typedef int (*ask_visit_fn)(void *arg, const struct ask_visit *v);
struct ask_visits {
	int64_t after, since, until;
	uint16_t host;
};
FMX_MUST_CHECK int ask_visits(struct ask *a, const struct ask_visits *which,
			      ask_visit_fn fn, void *arg, struct error *e);
FMX_MUST_CHECK int ask_visits_by_id(struct ask *a, const int64_t *ids, size_t count,
				    ask_visit_fn fn, void *arg, struct error *e);
/* Why serve says that it cannot see the host: a clause; "" it can. */
const char *ask_blind(struct ask *a, uint16_t host, char *text, size_t size);
/* The newest watermark of any host, also what serve says for a silent one: before it
 * somebody wrote to the journal. 0 none has. */
FMX_MUST_CHECK int ask_told_until(struct ask *a, int64_t *ret_until, struct error *e);
/* Slots of one host in [since, until), ascending. */
typedef int (*ask_slot_fn)(void *arg, const struct slot *s);
FMX_MUST_CHECK int ask_slots(struct ask *a, uint16_t host, int64_t since, int64_t until,
			     ask_slot_fn fn, void *arg, struct error *e);
/* A missing message: the decoy visit that told it. -ENOENT. */
FMX_MUST_CHECK int ask_message(struct ask *a, const struct run *decoy, uint64_t hash,
			       ask_visit_fn fn, void *arg, struct error *e);

#endif
