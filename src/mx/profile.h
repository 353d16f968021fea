/*
 * profile - how one mail program walks an MX list, as rules
 *
 * A profile says in which order a program tries addresses, how far it goes,
 * and what it does after each kind of failure at one address. It never says
 * how a layout ends: attempt.h runs the rules over a layout, predict.h tells
 * the outcome. Every number has its source beside it in profile.c, a program
 * source (version and file) or a measurement (facts/senders.md).
 *
 * Use:
 *	for (size_t i = 0; i < PROFILE_COUNT; i++)
 *		puts(profile_table[i].name);
 *
 * Ownership: the table is constant.
 *
 * Limits: each program as Debian 12 (or npm) configures it. An administrator
 * may have changed time-outs, families and limits.
 */
#ifndef FMX_MX_PROFILE_H
#define FMX_MX_PROFILE_H

#include "mx/state.h"

/* What a program does after what it saw at one address. */
enum reaction {
	REACTION_DELIVER, /* the address takes the message */
	REACTION_ADDRESS, /* goes on to the next address */
	REACTION_HOST,    /* goes on to the next MX host, passing over this one's other
			     addresses */
	REACTION_LATER,   /* ends this run; the next begins again with the best host */
	REACTION_BOUNCE,  /* returns the message to its author */
	REACTION_HANG,    /* waits for ever */
};

struct profile_rule {
	enum reaction reaction;
	bool bounces_last; /* when nothing is left to try, the message is returned ... */
	bool saves;        /* ... but not after this, which marks it for another run */
	double seconds;    /* lost before the reaction */
};

/* What stands free in the order of tries, lower preference always first. */
enum profile_order {
	ORDER_MIXED,          /* all addresses of a preference in any order */
	ORDER_V6_FIRST,       /* a preference's IPv6 addresses, then its IPv4 ones */
	ORDER_HOSTS_V6_FIRST, /* host by host, IPv6 first within each */
};

/* What a program shuffles itself, at each run; the rest comes as DNS has it. */
enum profile_shuffle { SHUFFLE_NOTHING, SHUFFLE_HOSTS, SHUFFLE_ADDRESSES };

/* How a program gets connected. */
enum profile_dial {
	DIAL_ADDRESSES, /* one address after the other */
	DIAL_GO, /* by name: Go's net.Dialer (RFC 6555), dial_seconds for all addresses */
	DIAL_NODE,   /* by name: Node 20's net.connect, families in turn */
	DIAL_ROUTER, /* OpenSMTPD's routes, see struct profile_router */
};

/* OpenSMTPD chooses a route anew each time, the best that is not resting. */
struct profile_router {
	unsigned pause_seconds; /* between two connections to one domain */
	unsigned rest_seconds;  /* a failed route rests */
	unsigned poll_seconds;  /* looks again while the best routes are in use */
	unsigned check_seconds; /* and, one second past each multiple, in any case */
	unsigned most;          /* connections at once for one message */
};

/* Which hosts are tried at all. Mail servers walk; bots take their pick. */
enum profile_pick { PICK_WALK, PICK_FIRST, PICK_LAST, PICK_RANDOM, PICK_ALL };

struct profile {
	const char *name;    /* "postfix": in JSON and in DESIGN's list */
	const char *title;   /* "Postfix": begins a note */
	const char *version; /* the one that was read and measured; "" for bots */

	enum profile_order order;
	enum profile_shuffle shuffle;
	enum profile_dial dial;
	enum profile_pick pick;
	bool is_bot;
	bool is_v4_only;   /* has no IPv6 */
	bool honours_sts;  /* passes over hosts outside an enforced MTA-STS policy */
	bool balances;     /* within max_addresses, keeps both families */
	bool one_per_rest; /* past max_addresses, one address of each worse preference */
	bool remembers; /* a time-out is remembered: later messages pass the host over */

	unsigned max_names;      /* MX hosts looked at; 0: all */
	unsigned max_addresses;  /* addresses tried in one run; 0: all */
	unsigned hard_addresses; /* one_per_rest stops here */
	unsigned max_sessions; /* sessions that got past EHLO in one run; 0: any number */
	double dial_seconds;   /* DIAL_GO, DIAL_NODE: for one name */

	struct profile_router router;
	struct profile_rule rules[STATE_COUNT];
};

enum { PROFILE_COUNT = 15, PROFILE_SENDERS = 10 }; /* senders first, then bots */

extern const struct profile profile_table[PROFILE_COUNT];

/* NULL if there is none of that name. */
const struct profile *profile_find(const char *name);

#endif
