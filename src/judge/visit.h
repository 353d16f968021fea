/*
 * visit - one connection, or one knock attempt, of one client at one host
 *
 * The one thing that every source makes and the whole model is folded from.
 *
 * Times: `time` is when the visit began. `precision_us` is the width that the
 * source left open: the visit began in [time, time + precision_us). Log files
 * with whole seconds give 1,000,000, our own sockets 1.
 *
 * Ownership: plain data, but for the texts: they are borrowed and live as
 * long as the call that hands the visit over. Absent text is "", never NULL.
 * Texts come from the network: any byte but NUL may be in them.
 */
#ifndef FMX_JUDGE_VISIT_H
#define FMX_JUDGE_VISIT_H

#include <stdint.h>

#include "base/addr.h"

enum {
	VISIT_TEXT_MAX = 320, /* longer texts are cut by the source, with NUL */
	VISIT_ENVELOPES = 8,
	VISIT_ENVELOPES_MANY = 9, /* envelope_count of a visit that had more */
};

/* The last well-formed command received; ordered. */
enum depth { DEPTH_KNOCK, DEPTH_CONNECT, DEPTH_HELO, DEPTH_MAIL, DEPTH_RCPT, DEPTH_DATA };

/* At a real host. A decoy's visits have OUTCOME_NONE. */
enum outcome {
	OUTCOME_NONE,
	OUTCOME_ACCEPTED, /* a message was really queued */
	OUTCOME_DEFERRED,
	OUTCOME_REJECTED,
	OUTCOME_ABORTED, /* ended without QUIT or before any answer to RCPT */
};

enum spam { SPAM_UNKNOWN, SPAM_NO, SPAM_YES };

enum visit_source {
	VISIT_SOURCE_DECOY,
	VISIT_SOURCE_KNOCK,
	VISIT_SOURCE_MAILLOG,
	VISIT_SOURCE_POLICY,
	VISIT_SOURCE_FEED,
};

struct visit {
	struct addr client;
	uint16_t site; /* site.id and host.id, see layout.h */
	uint16_t host;
	enum depth depth;
	enum outcome outcome;
	enum visit_source source;
	enum spam spam;         /* what a filter said of what was accepted */
	bool unknown_recipient; /* rejected, since there is no such recipient */
	uint32_t precision_us;  /* at least 1 */
	uint32_t earlier_us; /* it may have begun so much before time: Postfix writes its
			      * connect line after it looked up the client's name */
	uint8_t envelope_count;
	uint64_t envelopes[VISIT_ENVELOPES]; /* envelope_hash() of each told */
	int64_t time;
	int64_t answered; /* when the host first answered; 0 unknown */
	int64_t ended;    /* when the connection was over; 0 unknown */
	const char *helo;
	const char *mail_from;        /* envelope sender without <>; "" also for <> */
	const char *recipient_domain; /* lower case; of the first recipient */
	const char *name;             /* the client's verified name, "" if none */
};

/* One message as its client told it: envelope sender (without <>) and recipient,
 * letter case apart. Equal on all machines; the journal hashes it again with a
 * key of its own. */
uint64_t envelope_hash(const char *sender, const char *recipient);
/* Adds it once; over VISIT_ENVELOPES the count says VISIT_ENVELOPES_MANY. */
void visit_add_envelope(struct visit *v, uint64_t hash);
/* Of a visit at a real host: ended by the server before MAIL (DESIGN, "Well"). */
bool visit_is_sent_away(const struct visit *v);

const char *depth_name(enum depth d);               /* "knock" "connect" "helo" ... */
const char *outcome_name(enum outcome o);           /* NULL for OUTCOME_NONE: unknown */
const char *visit_source_name(enum visit_source s); /* "decoy" "knock" ... */
FMX_MUST_CHECK bool depth_parse(const char *text, enum depth *ret_depth);
FMX_MUST_CHECK bool outcome_parse(const char *text, enum outcome *ret_outcome);
FMX_MUST_CHECK bool visit_source_parse(const char *text, enum visit_source *ret_source);

#endif
