/*
 * exim_line - what one line of Exim's main log says
 *
 * Pure grammar, no memory between lines (maillog_exim.h joins them). A line is
 * read strictly from the left, up to Exim's own words behind the client's
 * address; lines in which a client's words come first ("SMTP syntax error in
 * ...") are not read. The envelope sender stands in front of "H=" where a
 * message arrives; it is read as RFC 5321 quotes it. A HELO stands in brackets
 * in front of the address. Exim takes one with blanks and brackets only where
 * helo_accept_junk_hosts lets it; a line that could then be read in two ways is
 * garbled, and no address.
 *
 *	H=name [addr]		the name is verified (both ways); HELO said the same,
 *				or the address, or nothing: it counts as unknown
 *	H=(helo) [addr]		no name, or not verified
 *	H=name (helo) [addr]	verified, and HELO said another
 *	... [addr]:port I=[addr]:port	with +incoming_port, +incoming_interface
 *
 * By syslog there may be another stamp in front (syslog_timestamp), a mark of
 * a split line ("[1/2] "), and the process in the tag or as "[123] " (+pid).
 *
 * Use:
 *	struct exim_line l;
 *	switch (exim_read_line(front, &l)) {
 *	case EXIM_ARRIVED: ...	// l.client, l.helo, l.from
 *
 * Ownership: slices borrow the line.
 */
#ifndef FMX_SOURCE_MAILLOG_EXIM_LINE_H
#define FMX_SOURCE_MAILLOG_EXIM_LINE_H

#include "judge/visit.h"
#include "source/maillog/logline.h"

enum exim_says {
	EXIM_NOTHING,  /* nothing we need */
	EXIM_GARBLED,  /* a line we know that is not as we know it */
	EXIM_STARTED,  /* the daemon: until then it was down */
	EXIM_CONNECT,  /* +smtp_connection */
	EXIM_HINT,     /* somebody connected, perhaps to another port */
	EXIM_SEEN,     /* stage tells how far it came, no more */
	EXIM_ARRIVED,  /* a message was queued */
	EXIM_DELIVERY, /* tells a recipient */
	EXIM_REFUSED,  /* 4xx or 5xx */
	EXIM_LOST,     /* the connection ended without QUIT */
	EXIM_QUIT,
	EXIM_NO_MAIL, /* +smtp_no_mail: it ended; comes behind LOST and QUIT */
};

struct exim_line {
	struct slice text;     /* behind stamp, process and message id */
	uint32_t pid, port;    /* 0: the line does not say */
	struct slice id;       /* of the message; empty: none */
	struct addr client;    /* but for STARTED and DELIVERY */
	struct addr local;     /* all zero: unknown */
	uint32_t local_port;   /* 0: unknown */
	struct slice name;     /* verified; empty: none */
	struct slice helo;     /* empty: none */
	struct slice from, to; /* may be empty */
	bool is_user;          /* authenticated */
	enum depth stage;      /* at least reached */
	int code;              /* REFUSED: 4 or 5 */
	int64_t lasted;        /* the connection, at its end; -1: unknown */
	int64_t lasted_precision;
};

bool exim_is_program(const struct logline *l);
enum exim_says exim_read_line(const struct logline *l, struct exim_line *ret_line);

#endif
