/*
 * maillog_sendmail - joins the lines of Sendmail's log to sessions
 *
 * Sendmail serves each client with a process of its own, so a session is known
 * by host and process id, and by the second that the queue ids of one process
 * begin with. Nothing says that it is over, but for a client that was lost or
 * sent no mail: it is given SENDMAIL_WAIT after its last line, once, and its
 * later lines are only kept from making another.
 *
 * A visit's time is when the process began, in whole seconds, by its queue id; that
 * of a client refused at once (no queue id) is the line's.
 *
 * Really queued: a message was received and nobody (a milter, a ruleset, the
 * size) refused or discarded it afterwards.
 *
 * Daemons named as submission is (MSA, MSP-v4, TLSMTA, ...), sessions in which
 * somebody logs in, and what comes over loopback, as Sendmail's own sendmail
 * command does, are no visits.
 *
 * Limits: below LogLevel 11 a session has its first line at its first refusal,
 * message, or end; so watermarks stay SENDMAIL_BLIND behind. HELO is not logged: a
 * session without MAIL has depth `connect` (`helo` if TLS began). A MAIL that is
 * refused for its SIZE or syntax has no line of its own, so the visit looks `aborted`.
 * `ended` is the last line's time. Queue ids are by the clock of the mail server's
 * machine; where another one stamps the lines, the two should agree.
 */
#ifndef FMX_SOURCE_MAILLOG_MAILLOG_SENDMAIL_H
#define FMX_SOURCE_MAILLOG_MAILLOG_SENDMAIL_H

#include "source/maillog/maillog_reader.h"

#define SENDMAIL_WAIT STAMP_MINUTE
#define SENDMAIL_BLIND (10 * STAMP_MINUTE)

enum maillog_says maillog_sendmail_line(struct logsessions *t, const struct logline *l);

#endif
