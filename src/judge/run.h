/*
 * run - the visits of one client at hosts of one kind, as one row
 *
 * A session window: a visit that begins at most RUN_GAP after the end of
 * another, or the other way round, belongs to the same run; the run is cut at
 * 00:00 UTC of the moment a visit began. Merging is commutative and
 * associative (min, max, or, plus), so that visits may arrive in any order.
 *
 * Kinds never mix: what can be forged (a knock) or was told late must not glue
 * together what else were two runs.
 *
 * Use:
 *	struct run r = run_of(&visit, &where);
 *	if (run_is_one(&stored, &r))		// same key, same day, they touch
 *		run_merge(&stored, &r);
 *
 * Ownership: plain data.
 *
 * Limits: times of the years 1970 to 9999; texts are not kept.
 */
#ifndef FMX_JUDGE_RUN_H
#define FMX_JUDGE_RUN_H

#include "base/stamp.h"
#include "judge/visit.h"
#include "mx/layout.h"

#define RUN_GAP (30 * STAMP_MINUTE)
/* No run is longer: a day, and the session that its last visit may have had. */
#define RUN_REACH (2 * STAMP_DAY)
#define MOMENT_NONE INT64_MIN /* "never" of moments in runs */

/* The numbers are stored: never change one. */
enum run_kind {
	RUN_REAL = 1,  /* contacts with real hosts, told in time */
	RUN_LATE = 2,  /* contacts with real hosts, told late: excuses only */
	RUN_DECOY = 3, /* contacts with decoys, told in time */
	RUN_ASIDE = 4, /* knocks, controls, late decoy visits: excuses and delay only */
};

enum { RUN_ENVELOPES = 16, RUN_IDS = 16, RUN_IDS_REAL = 4 };

/* What was said of the walk that a decoy run begins; of other runs, and before
 * anything was said, TOLD_NONE. */
struct told {
	uint8_t order, order_reason, fate, fate_reason, tier; /* rule.h's */
	bool is_told, is_final, is_sealed, returned_later;
	/* Something excused it once, and that stays with the walk: a contact near its
	 * first high visit, or one of its pool; an envelope; too much to read. */
	bool order_excused, fate_excused;
	int64_t delay_us; /* -1 none */
	int64_t delay_error_us;
	uint64_t missing;     /* keyed hash of a missing message; 0 none */
	int64_t stopped_at;   /* a report from then on called it stopped; 0 never */
	int64_t corrected_at; /* until then; 0: it still does */
	int64_t need;         /* rule.h; MOMENT_NONE: nothing is waited for */
	bool is_woken;        /* a row has come since that may say something of it */
};

#define TOLD_NONE ((struct told){ .delay_us = -1, .need = MOMENT_NONE })

/*
 * It lies in [began - earlier, last]: there a visit of it was, with gaps of at most
 * RUN_GAP, so that a run that meets a window of more than RUN_GAP has a visit in it.
 */
struct run {
	enum run_kind kind;
	uint16_t group; /* id of the group's first site when it was written */
	struct addr client;
	int64_t began; /* the least time of a visit */
	uint32_t
	    width; /* that one began in [began, began + width); the widest of a tie */
	uint32_t earlier; /* and one may have begun so much earlier than began */
	int64_t answered; /* when that one was first answered, the first of a tie; 0
			   * unknown */
	int64_t last;     /* the latest moment that a visit may have begun, or ended at:
			   * the greatest of time + width - 1 and ended */
	/* First visits at a high and at a low decoy; MOMENT_NONE. Of RUN_ASIDE, knocks
	 * too. */
	int64_t high, low;
	uint32_t high_width, low_width; /* the widest of a tie */
	/* First accepted mail; that a filter called clean; of which none said anything:
	 * times of visits. */
	int64_t accepted, clean, unjudged;
	uint32_t rcpt_hours; /* bit h: at a high decoy, in hour h of the run's UTC day, a
			      * domain of ours was named at RCPT */
	uint64_t half_hours; /* 48 bits: a visit began in it. For counting only */
	uint64_t hosts;      /* bit n: the group's n-th host. For showing only */
	uint32_t visits;     /* for NAT and showing */
	enum depth depth;    /* the deepest */
	uint8_t envelope_count;
	uint64_t envelopes[RUN_ENVELOPES]; /* the smallest keyed hashes, ascending */
	uint8_t id_count[2]; /* smallest and greatest visit numbers, for explain */
	int64_t first_ids[RUN_IDS], last_ids[RUN_IDS]; /* ascending */
	struct told told;
};

/* What take resolved of a visit (DESIGN section 3). */
struct run_where {
	uint16_t group;
	enum role role;
	enum place place;
	unsigned host_bit; /* 0..63 */
	bool is_late;
	bool names_ours; /* RCPT for a domain of the site */
	int64_t id;      /* visit number; 0 none yet */
};

/* v->envelopes must be keyed already; v->time is 0 or later. */
struct run run_of(const struct visit *v, const struct run_where *w);
int64_t run_day(const struct run *r); /* 00:00 UTC of its day */
/* Does one of its visits lie in [since, until]? Exact for more than RUN_GAP. */
bool run_meets(const struct run *r, int64_t since, int64_t until);
/* Gap between them at most gap_us. */
bool run_touches(const struct run *a, const struct run *b, int64_t gap_us);
/* Same kind, group, client and day, and they touch: one row. */
bool run_is_one(const struct run *a, const struct run *b);
/* By key: kind, group, client, began. */
int run_compare(const struct run *a, const struct run *b);
/* Of one kind, group and client. */
void run_merge(struct run *into, const struct run *other);
/* began, width, earlier, answered and last alone, of whatever client. */
void run_merge_began(struct run *into, const struct run *other);

const char *run_kind_name(enum run_kind k); /* "real" "late" "decoy" "aside" */

#endif
