/*
 * state - what a prober or a prediction sees at one address of an MX host
 *
 * DESIGN "state". The words are the ones people write (`predict 0=closed`) and
 * read (`check --json`); the list is the whole vocabulary.
 *
 * Use:
 *	enum state s;
 *	if (!state_parse("closed", &s))
 *		...
 *	state_name(s);			// "closed"
 */
#ifndef FMX_MX_STATE_H
#define FMX_MX_STATE_H

#include "base/attr.h"
#include "mx/layout.h"

enum state {
	STATE_OPEN,         /* 220, and 250 to EHLO: the only one that takes mail */
	STATE_CLOSED,       /* RST to the SYN */
	STATE_DEAD,         /* SYN dropped, no answer at all */
	STATE_UNREACHABLE,  /* ICMP says no */
	STATE_RESET,        /* handshake, then RST */
	STATE_BUSY,         /* greeting 4xx */
	STATE_REJECT,       /* greeting 5xx */
	STATE_BANNER_CLOSE, /* connection ended without a usable greeting */
	STATE_SILENT,       /* connected, and not one line of SMTP in time */
	STATE_DEFER_HELO,   /* 4xx to EHLO */
	STATE_DEFER_MAIL,   /* 4xx to MAIL */
	STATE_DEFER_RCPT,   /* 4xx to RCPT */
};

enum { STATE_COUNT = STATE_DEFER_RCPT + 1 };

const char *state_name(enum state s); /* "banner-close"; never NULL */
FMX_MUST_CHECK bool state_parse(const char *text, enum state *ret_state);
FMX_MUST_CHECK bool state_parse_n(const char *text, size_t len, enum state *ret_state);
/* What senders see of a decoy of that posture. */
enum state posture_state(enum posture p);

#endif
