/*
 * rule - what a walk was: order, fate, delay, tier (DESIGN section 4)
 *
 * One pure function. A walk is a decoy run, or a real run that touches no decoy
 * run, with the runs of the same sender that touch it. What look-ups found is
 * the proof; what is known of the hosts is the view.
 *
 * Use:
 *	struct walk w;
 *	walk_of(&main, touching, count, &w);
 *	proof_make(db, &w, &view, &rules, &proof, &e);	// journal/proof.h
 *	struct verdict v = decide(&w, &proof, &view, &rules);
 *
 * `need`: while v.need > view.frontier and no row is added, deciding again
 * gives the same verdict; `need_now` is the same of view.now. MOMENT_NONE:
 * nothing is waited for.
 *
 * What the sentences of DESIGN leave open:
 * - A visit began in [time - earlier, time + width) and was over at its end, if told. It
 *   lies in a window that it may share a moment with; windows hold both their ends.
 * - The frontier has passed a moment by 60 s when it is at least the last moment that the
 *   width leaves open + 60 s. H is before R when it wholly is (H + its width <= R - its
 *   earlier); else R is before H. L is before R when it may be.
 * - Shotgun: a second may be all that lies between; or H is wholly before R was answered
 *   and at most a second after R may have begun. An answer that was not told is none.
 * - A backdoor's minute after must have been watched, or it is row 6 (not watched).
 * - Without an excuse a fate is pending until four well hours are over, though its pool
 *   came; well time counts within the five days. An undecided walk is pending, unless a
 *   real host saw it. Once T is five days after it began, what is not decided yet is
 *   `unknown` (not watched), and stays so unless the frontier comes before the seal.
 * - A missing message waits for four well hours since it was told to the decoy.
 * - A delay is told once the frontier has passed the contact it runs to by 60 s.
 *
 * Ownership: plain data.
 */
#ifndef FMX_JUDGE_RULE_H
#define FMX_JUDGE_RULE_H

#include "base/buf.h"
#include "base/error.h"
#include "judge/reason.h"
#include "judge/run.h"
#include "judge/view.h"

/* What is safe as it is; only `lab { }` may change a duration (config/). */
struct rules {
	bool enforce;           /* mode: observe (false) or enforce */
	bool lab;               /* private addresses may be listed; no watched days */
	int64_t confirm;        /* 60 s */
	int64_t patience;       /* 4 h of well time until `stopped` */
	int64_t final;          /* 5 days until it is final, and sealed */
	int64_t excuse;         /* 24 h: a real contact before a high visit excuses */
	int64_t grace;          /* 60 s after a start nothing is judged */
	int64_t probe_interval; /* 60 s */
	int64_t unwell_tail;    /* 6 h that an unwell span reaches on */
	int64_t mx_ttl; /* 1 h; a changed set of real hosts excuses max(2 x, 48 h) */
	int64_t delay_window;    /* 10 min */
	int64_t known_window;    /* 90 days */
	int64_t pool_accepted;   /* 30 days: keeps off the list */
	int64_t listing_least;   /* 2 h from a counted hour to the next */
	int64_t listing_most;    /* 168 h */
	int64_t listing_expires; /* 24 h; 7 days at most */
	int64_t watched_days;    /* 14 days before enforce lists */
};
struct rules rules_default(void);
/* `name=number` lines, durations in microseconds: the journal's rules row. An unknown
 * name or a number out of range is FMX_EMALFORMED. */
void rules_text(const struct rules *r, struct buf *out);
FMX_MUST_CHECK int rules_parse(const char *text, struct rules *ret_rules,
			       struct error *e);

struct walk {
	struct run main; /* a decoy run, or a real one that touches none */
	int64_t began, last;
	/* First contact with a real host among main and the touching real runs. */
	bool has_real;
	int64_t real; /* it began in [real - real_earlier, real + real_width) */
	uint32_t real_width;
	uint32_t real_earlier; /* the most innocent: of all contacts of these runs */
	int64_t real_answered; /* 0 unknown */
	/* First contact at a high decoy, in time. */
	bool has_high;
	int64_t high;
	uint32_t high_width;
	/* First contact or knock at a low decoy, told late or not. */
	bool has_low;
	int64_t low;
	uint32_t low_width;
	/* The first real contact of a touching run that is not wholly before L: for
	 * delay. */
	bool has_next;
	int64_t next;
	uint32_t next_width, next_earlier;
	bool is_real_open_at_low; /* a real run of these began before L and reaches it */
};

/* touching: the sender's runs (both its addresses') that touch main, without it, of any
 * kind; what makes no part of the walk is passed over. */
void walk_of(const struct run *main, const struct run *touching, size_t count,
	     struct walk *ret_walk);
/* The moment that row 1 asks about, its end ([*ret_from, *ret_to]), and what the
 * frontier must pass (row 0). */
int64_t walk_moment(const struct walk *w, int64_t *ret_from, int64_t *ret_to);
/* Undecided whatever a proof says (row 0), and never told before it was sealed. */
bool walk_is_early(const struct walk *w, const struct view *v, const struct rules *r);

/* What may make it a good sender at a moment. Runs keep the first accepted mail of a day,
 * so these windows (and the listing's 30 days) begin at 00:00 UTC of the day that their
 * beginning falls on. */
struct standing {
	bool is_allowed, has_clean, has_unjudged, spf_wrote_to, spf_passes, has_name;
};
enum tier standing_tier(const struct standing *s);

/* What look-ups found; "contact" is with a real host, told late or not. */
struct proof {
	/* Of the sender (both its addresses). */
	bool own_near; /* a contact in [high - excuse, high + high_width - 1 + confirm] */
	/* Its first contact in [began, began + final], or a touching one that began
	 * before: MOMENT_NONE if there is none. */
	int64_t own_after;
	bool own_in_time; /* one of these was told in time */
	/* A low visit (decoy, aside; a knock too) of it before real + real_width, in a
	 * run that reaches into the 30 minutes before `real` (row 3). */
	bool low_before;
	bool is_nat; /* more than half of the group's contacts of 7 days */
	/* A real run of it that does not touch, told late or not, begun or open between L
	 * and `next`: no delay. */
	bool own_between;
	/* Of its pool, without the sender itself; the same envelope over the other family
	 * is one of it. */
	bool pool_near;   /* in the window of own_near */
	bool pool_around; /* in [began - excuse, began + final] */
	bool too_many;    /* a look-up met 4,096 rows: an excuse */
	/* An envelope told to decoys of this walk that no real host accepted from 30
	 * minutes before it was told until began + final. Where envelopes are no longer
	 * kept: told.missing, and began. */
	uint64_t missing; /* keyed hash of the first told; 0 none */
	int64_t missing_time;
	struct standing standing; /* at walk.began */
	struct told told;         /* what was said before: an excuse and a tier stay */
};

struct verdict {
	struct addr client; /* walk.main's */
	uint16_t site;      /* its group */
	int64_t began, last;
	enum order order;
	enum reason order_reason;
	enum fate fate;
	enum reason fate_reason;
	bool is_final;
	bool returned_later; /* reached more than delay_window after it began */
	bool order_excused, fate_excused; /* kept with the walk (struct told) */
	enum tier tier;         /* of a stopped walk, or of one with a missing message */
	uint64_t missing;       /* a message that may be lost; 0 none */
	int64_t delay_us;       /* upper bound; -1: none measured */
	int64_t delay_error_us; /* it is exact within this */
	int64_t need, need_now;
};

/* An UNDECIDED one is not told: what was told stands. After the seal (told.is_sealed) it
 * is what was told, or softer. */
struct verdict decide(const struct walk *w, const struct proof *p, const struct view *v,
		      const struct rules *r);
/* Told before and told now: was a report of an earlier moment wrong? */
bool verdict_corrects(const struct told *before, const struct verdict *now);

/*
 * For the policy service: what may be said now of a connection at a real host
 * that began at `now`, so that nothing still to come can make it an accusation.
 * ORDER_STRAIGHT; ORDER_SKIPPED for a later connection of a run whose first was that;
 * else ORDER_UNKNOWN with the reason. delay_us is of the low visit before, or -1.
 * w: of the sender's run that touches `now` (the decoy run, if there is one), with what
 * is not committed yet; if none does, of a real run that is this connection alone.
 */
struct quick {
	enum order order;
	enum reason reason;
	int64_t delay_us;
};
struct quick decide_quick(const struct walk *w, const struct proof *p,
			  const struct view *v, const struct rules *r, int64_t now);

#endif
