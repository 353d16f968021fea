/*
 * postfix_line - what one line of Postfix's log says
 *
 * Pure grammar, no memory between lines (maillog_postfix.h joins them). A line
 * is read strictly from the left: its front (logline.h), queue id, and the
 * words Postfix itself writes before anything a client said. The client's address is
 * taken only from there, so no HELO, sender or recipient can forge one. Texts
 * (helo, sender, recipient) are the client's own and believed as such.
 *
 * Use:
 *	struct postfix_line l;
 *	switch (postfix_read_line(front, &l)) {
 *	case POSTFIX_CONNECT: ...	// l.process, l.client
 *
 * Ownership: slices borrow the line.
 */
#ifndef FMX_SOURCE_MAILLOG_POSTFIX_LINE_H
#define FMX_SOURCE_MAILLOG_POSTFIX_LINE_H

#include "judge/visit.h"
#include "source/maillog/logline.h"

enum postfix_says {
	POSTFIX_FOREIGN, /* not Postfix's, or of a service that is not the MX's */
	POSTFIX_GARBLED, /* a line we know that is not as we know it */
	POSTFIX_NOTHING, /* nothing we need */
	POSTFIX_CONNECT,
	POSTFIX_DISCONNECT,
	POSTFIX_PASSED,  /* postscreen is done with it; smtpd takes over, as a rule */
	POSTFIX_CLIENT,  /* a recipient was accepted: a queue file was opened */
	POSTFIX_REFUSED, /* 4xx or 5xx with a text */
	POSTFIX_LOST,    /* connection lost or timed out */
	POSTFIX_RELAYED, /* accepted through a before-queue filter */
	POSTFIX_QUEUED,  /* by the queue manager */
	POSTFIX_DISCARDED,
	POSTFIX_DELIVERY, /* tells a recipient */
	POSTFIX_MESSAGE_ID,
	POSTFIX_STARTED, /* the whole of it: until then it was down */
};

/* Counts of a disconnect line; tried includes those that were refused. */
struct postfix_counts {
	bool has_any; /* Postfix 3.0 and later */
	uint32_t helo, mail, rcpt, data, data_ok, bdat_ok, quit;
};

struct postfix_line {
	/* Who has the session: "postfix/smtpd[123]", or of postscreen's
	 * "[192.0.2.1]:4711". */
	struct slice process;
	struct slice queue_id; /* empty: none */
	struct addr client;    /* CONNECT DISCONNECT CLIENT REFUSED LOST RELAYED */
	struct addr local;     /* CONNECT of postscreen's: where it came */
	struct slice name;     /* the client's; empty when unknown */
	enum depth stage;      /* REFUSED, LOST: the command it was at */
	int code;              /* REFUSED: 4 or 5 */
	struct postfix_counts counts;
	bool has_from;
	bool is_user;                /* CLIENT: authenticated */
	struct slice message_id;     /* "<...>"; MESSAGE_ID */
	struct slice from, to, helo; /* REFUSED RELAYED QUEUED DELIVERY; may be empty */
};

/* Whether a program's tag looks like Postfix's: "postfix/smtpd", or with another
 * instance's name in front. */
bool postfix_is_program(const struct logline *l);
enum postfix_says postfix_read_line(const struct logline *l,
				    struct postfix_line *ret_line);

#endif
