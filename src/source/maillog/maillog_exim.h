/*
 * maillog_exim - joins the lines of Exim's main log to sessions
 *
 * Exim's log is of messages. How much it tells of sessions depends on
 * log_selector:
 *
 *	+smtp_connection	when each began and ended; without it a client that
 *				sent no MAIL is not in the log, and no visit
 *	+incoming_port, +pid	which lines are of one session; without either,
 *				lines of one client are one visit until
 *				EXIM_IDLE passes without any
 *	+incoming_interface	where it came: address, and the submission port
 *
 * A session whose begin is not logged began at its first line or up to
 * EXIM_UNSEEN before; its precision says so, and the watermark keeps that
 * distance. Where its end tells how long it lasted (D=), that is taken.
 *
 * Really queued is a "<=" line. Sessions of authenticated users, and those at
 * ports 465 and 587, are no visits.
 *
 * Limits: of one client's open sessions the latest EXIM_LOOK_MAX are looked at.
 * A session whose end is not logged is over when EXIM_IDLE has passed without a
 * line of it; what it does later is a visit of its own.
 */
#ifndef FMX_SOURCE_MAILLOG_MAILLOG_EXIM_H
#define FMX_SOURCE_MAILLOG_MAILLOG_EXIM_H

#include "source/maillog/maillog_reader.h"

enum { EXIM_LOOK_MAX = 64 };
#define EXIM_UNSEEN (30 * STAMP_SECOND)
#define EXIM_IDLE (30 * STAMP_SECOND)
/* Deliveries, which tell the recipient, and reject lines that are logged twice. */
#define EXIM_AFTER (5 * STAMP_SECOND)

enum maillog_says maillog_exim_line(struct logsessions *t, const struct logline *l);

#endif
