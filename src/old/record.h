/*
 * record - one line of the journal: all that may change a verdict
 *
 * A verdict at T is a function of the records seen up to T, and of T. So
 * whatever the model needs to know is a record: not only visits.
 *
 * `time` is when it happened, `seen` when it arrived here; `seen` never
 * decreases from one record to the next (the journal sees to that). Order and
 * delays use time, timers use seen.
 *
 * Ownership: texts are borrowed and live as long as the call that hands the
 * record over.
 */
#ifndef FMX_OLD_RECORD_H
#define FMX_OLD_RECORD_H

#include <stdint.h>

#include "judge/visit.h"

/* The numbers are stored: never change one, never reuse one. */
enum record_kind {
	RECORD_START = 1, /* serve began to watch */
	RECORD_STOP = 2,  /* serve stopped in order; after SIGKILL there is none */
	RECORD_VISIT = 3,
	RECORD_WATERMARK = 4, /* host: every visit that began before `time` is in */
	/* host: a probe of a real host at `time` did or did not succeed. Of a decoy,
	 * not ok: what came to it after its last watermark and before `time` may be
	 * missing; text: it is not watched, and why; "": it is from now on. */
	RECORD_HEALTH = 5,
	RECORD_SITE = 6,    /* text: site_text(), when a definition changed */
	RECORD_RULES = 7,   /* text: rules_text(), when they changed */
	RECORD_NAME = 8,    /* what was learnt of an address */
	RECORD_ALLOW = 9,   /* text: address, prefix, name or domain; note */
	RECORD_FORGET = 10, /* text: address, name or domain */
	RECORD_UNSITE = 11, /* host: none; site: is no longer configured */
};

/* What the names and SPF source learnt (DESIGN, "at risk"). */
struct record_name {
	struct addr client;
	bool is_confirmed;  /* the name's addresses contain the client's */
	bool is_generic;    /* made from the address: a dial-up or cloud name */
	bool spf_passes;    /* for the envelope domain last seen */
	const char *name;   /* lower case; "" when there is none */
	const char *domain; /* registrable domain of name; "" when none */
};

struct record {
	uint64_t seq; /* given by the journal, ascending; 0 before that */
	int64_t time;
	int64_t seen;
	enum record_kind kind;
	uint16_t site;           /* UNSITE */
	uint16_t host;           /* WATERMARK, HEALTH */
	bool is_ok;              /* HEALTH: succeeded. ALLOW: put on, else taken off */
	const char *text;        /* SITE, RULES, ALLOW, FORGET, HEALTH; "" elsewhere */
	const char *note;        /* ALLOW; "" elsewhere */
	struct visit visit;      /* VISIT; visit.time equals time */
	struct record_name name; /* NAME */
};

const char *record_kind_name(enum record_kind kind); /* "start" "stop" "visit" ... */

#endif
