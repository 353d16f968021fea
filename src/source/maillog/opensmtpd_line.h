/*
 * opensmtpd_line - what one line of OpenSMTPD's log says
 *
 * Pure grammar, no memory between lines (maillog_opensmtpd.h joins them):
 * "31925b3c5d7750e1 smtp connected address=192.0.2.1 host=mail.example". The
 * address stands before all that the client may have a say in, its reverse name
 * included, so nobody can forge one. Versions 5.9 to 6.3 write "smtp
 * event=connected", "event=closed" and repeat address and host in each line.
 *
 * Use:
 *	struct opensmtpd_line l;
 *	switch (opensmtpd_read_line(front, &l)) {
 *	case OPENSMTPD_CONNECT: ...	// l.session, l.client
 *
 * Ownership: slices borrow the line.
 *
 * Limits: in a line of a failed command the client's words stand before the
 * answer, and a filter's answer may repeat them. Who plays with that tells lies
 * about its own command alone. The name (host=) is what the address claims, not
 * confirmed, so it is not read.
 */
#ifndef FMX_SOURCE_MAILLOG_OPENSMTPD_LINE_H
#define FMX_SOURCE_MAILLOG_OPENSMTPD_LINE_H

#include "judge/visit.h"
#include "source/maillog/logline.h"

enum opensmtpd_says {
	OPENSMTPD_FOREIGN, /* not of its SMTP server */
	OPENSMTPD_GARBLED,
	OPENSMTPD_NOTHING,
	OPENSMTPD_CONNECT,
	OPENSMTPD_LOCAL, /* a connect of this machine's own sendmail command */
	OPENSMTPD_DISCONNECT,
	OPENSMTPD_TLS,
	OPENSMTPD_USER,    /* one that logged in, or is asked to: a submission */
	OPENSMTPD_REFUSED, /* a command of mail, with 4xx or 5xx */
	OPENSMTPD_BROKEN,  /* it was cut off for what it sent */
	OPENSMTPD_QUEUED,
	OPENSMTPD_ENVELOPE, /* one of a queued message */
	OPENSMTPD_STARTED,
};

struct opensmtpd_line {
	struct slice session; /* 16 hexadecimal digits */
	struct addr client;   /* CONNECT */
	bool has_quit;        /* DISCONNECT */
	enum depth stage;     /* REFUSED: the command */
	int code;             /* REFUSED: 4 or 5 */
	struct slice from, to, helo;
};

bool opensmtpd_is_program(const struct logline *l);
enum opensmtpd_says opensmtpd_read_line(const struct logline *line,
					struct opensmtpd_line *ret_line);

#endif
