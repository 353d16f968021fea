/*
 * listing - which hours at a high decoy put a sender on the list, and what keeps
 * it off (DESIGN section 4, "Listing")
 *
 * A fold over the sender's eligible hours, from the last `listing` row on. An
 * hour counts once the frontier has passed its end by 60 s; a second counting
 * hour, 2 to 168 hours after the first, lists for rules.listing_expires from
 * its end. Hours within a listing never count. Obstacles do not move the count:
 * a withdrawn listing uses up its time.
 *
 * Ownership: plain data.
 */
#ifndef FMX_JUDGE_LISTING_H
#define FMX_JUDGE_LISTING_H

#include "judge/rule.h"

/* One UTC hour in which the sender named a domain of ours to a high decoy. */
struct listing_hour {
	int64_t began; /* the hour's first moment */
	bool
	    has_contact; /* own, in time: from 24 h before the hour until 60 s after it */
	bool is_excused; /* an excusing span lies in it */
};

/* Asked again at every output; the first that holds is the reason. */
struct listing_obstacle {
	bool is_allowed, is_own, is_nat, is_at_risk, pool_accepted, is_withdrawn;
};

/* A stored row, or what would be one. */
struct listing {
	struct addr client;
	uint16_t site;
	bool is_listed; /* enforce, in force, nothing keeps it off */
	bool would_be;  /* but for the mode or the watched days */
	enum reason reason;
	uint32_t counted_visits; /* counting hours that led to it, or so far */
	int64_t at;
	int64_t since, until; /* 0 when none */
	int64_t need;         /* the frontier that moves it on; MOMENT_NONE */
};

/* What is counted towards the next listing. */
struct listing_count {
	int64_t hour; /* the first counting hour; MOMENT_NONE: none yet */
	int64_t
	    need; /* the frontier that moves it on; MOMENT_NONE: nothing is waited for */
};

/* hours ascending; those that began before `from` (the end of the last listing;
 * INT64_MIN) are passed over. Writes each listing that the hours make to ret[], at most
 * `most` (then it stops: go on from the last one's end); returns how many. */
size_t listing_fold(const struct listing_hour *hours, size_t count, int64_t from,
		    const struct rules *r, int64_t frontier, struct span *ret,
		    size_t most, struct listing_count *ret_count);
/* What holds at `now` of the last listing (NULL: there was none) and the count since; the
 * caller fills in client and site. Of one that is over: TOO_FEW. (EXPIRED is the reason
 * of the change that is told.) */
struct listing listing_say(const struct span *last, const struct listing_count *since,
			   const struct listing_obstacle *o, const struct rules *r,
			   bool is_watched_long, int64_t now);

#endif
