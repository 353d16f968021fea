/*
 * sendmail_line - what one line of Sendmail's log says
 *
 * Pure grammar, no memory between lines (maillog_sendmail.h joins them):
 *
 *	6ANHi6DZ000102: from=<a@b.example>, size=0, class=0, nrcpts=0, proto=ESMTP,
 *		daemon=MTA-v6, relay=mail.example [IPv6:2001:db8::1]
 *
 * What a client said stands before its address here, and behind it in lines of
 * refusals; what its identd said of a user, right before it. So an address is
 * taken only where Sendmail's own words leave one reading: where a line ends with
 * it or goes on with known words, and in a refusal only if nothing in it looks
 * like a second one.
 *
 * The queue id tells when the process began, which is when the client
 * connected: year, month, day, hour, minute and second in UTC, a count, and the
 * process id.
 *
 * Use:
 *	struct sendmail_line l;
 *	switch (sendmail_read_line(front, &l)) {
 *	case SENDMAIL_MESSAGE: ...	// l.queue_id, l.client, l.from
 *
 * Ownership: slices borrow the line.
 */
#ifndef FMX_SOURCE_MAILLOG_SENDMAIL_LINE_H
#define FMX_SOURCE_MAILLOG_SENDMAIL_LINE_H

#include "judge/visit.h"
#include "source/maillog/logline.h"

enum sendmail_says {
	SENDMAIL_FOREIGN, /* another program, or a service that is not the MX's */
	SENDMAIL_GARBLED,
	SENDMAIL_NOTHING,
	SENDMAIL_CONNECT, /* a high LogLevel only */
	SENDMAIL_SEEN,    /* tells who the client is, nothing else */
	SENDMAIL_TLS,
	SENDMAIL_USER,     /* one that logged in: a submission */
	SENDMAIL_IDLE,     /* it is over; there was no MAIL */
	SENDMAIL_ENVELOPE, /* it is over, or reset: MAIL, perhaps RCPT, no message */
	SENDMAIL_MESSAGE,  /* received; queued unless it is refused yet */
	SENDMAIL_REFUSED,
	SENDMAIL_DISCARDED,
	SENDMAIL_LOST,
	SENDMAIL_SPAM,     /* a milter said so of the message */
	SENDMAIL_DELIVERY, /* tells a recipient */
	SENDMAIL_STARTED,
};

struct sendmail_line {
	struct slice queue_id; /* empty: none */
	int64_t began;         /* by the queue id; 0 if it has none */
	bool has_client;
	struct addr client;
	struct slice name; /* confirmed; empty when unknown or perhaps forged */
	enum depth stage;  /* REFUSED, LOST, ENVELOPE: the command it was at */
	int code;          /* REFUSED: 4 or 5 */
	struct slice from, to;
};

bool sendmail_is_program(const struct logline *l);
enum sendmail_says sendmail_read_line(const struct logline *line,
				      struct sendmail_line *ret_line);

#endif
