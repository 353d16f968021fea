/*
 * reason - the words of a verdict: order, fate, tier, and why
 *
 * Ownership: texts are static.
 */
#ifndef FMX_JUDGE_REASON_H
#define FMX_JUDGE_REASON_H

/* The numbers of these four are stored: never change one, add at the end. */
enum order {
	ORDER_UNKNOWN,
	ORDER_STRAIGHT,
	ORDER_SKIPPED,
	ORDER_SHOTGUN,
	ORDER_BACKDOOR
};
enum fate { FATE_PENDING, FATE_REACHED, FATE_STOPPED, FATE_UNKNOWN };
/* At risk, rising. */
enum tier {
	TIER_NONE,
	TIER_WEAK,
	TIER_PLAUSIBLE,
	TIER_RETURNING,
	TIER_KNOWN,
	TIER_COUNT
};

/* Why; each has a sentence (reason_text). */
enum reason {
	REASON_NONE,
	/* order */
	REASON_UNDECIDED,
	REASON_GRACE,
	REASON_NOT_WATCHED,
	REASON_NOT_WELL,
	REASON_HOSTS_CHANGED,
	REASON_NAT,
	REASON_LOW_ONLY, /* neither R nor H */
	REASON_AT_ONCE,
	REASON_LOW_SKIPPED,
	REASON_IN_ORDER,
	REASON_REAL_NEVER_SEEN, /* backdoor */
	REASON_ADDRESS_CONTACT, /* the sender had contact with a real host */
	REASON_POOL_CONTACT,
	REASON_TOO_MANY, /* a look-up met its limit: an excuse */
	/* fate */
	REASON_REACHED,
	REASON_WAITING,
	REASON_NEVER_CAME,
	REASON_POOL_REACHED,
	REASON_NO_WELL_TIME, /* five days held no four well hours */
	/* listing */
	REASON_LISTED,
	REASON_TOO_FEW,
	REASON_OBSERVE,
	REASON_WATCHED_DAYS,
	REASON_AT_RISK,
	REASON_ALLOWED,
	REASON_POOL_ACCEPTED,
	REASON_OWN_ADDRESS,
	REASON_EXPIRED,
	REASON_WITHDRAWN,
};

const char *order_name(enum order o); /* "straight" ... */
const char *fate_name(enum fate f);   /* "reached" ... */
const char *tier_name(enum tier t);   /* "known" "returning" "plausible" "weak" "none" */
const char *reason_text(enum reason r); /* a clause, no final dot; never NULL */

#endif
