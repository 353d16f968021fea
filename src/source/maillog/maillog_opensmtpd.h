/*
 * maillog_opensmtpd - joins the lines of OpenSMTPD's log to sessions
 *
 * A session is known by its 16 digits from its connect to its disconnect line.
 * Really queued: it has a line of a message.
 *
 * A session in which somebody logs in, or is told to, is a submission and no
 * visit; nor are the machine's own messages (address=local).
 *
 * Limits: OpenSMTPD does not log commands that it accepts. So a session that
 * ends before a message, and without a refusal, has depth `connect` (`helo` if
 * TLS began) and outcome `aborted`, whether or not it said MAIL or RCPT; HELO
 * and envelope sender are seldom known; and a session at the submission port
 * that neither logs in nor sends MAIL looks like one at the MX. The client's name
 * is not known, because OpenSMTPD does not say whether it confirmed it. A session whose
 * connect line was not read is lost: no other line has its address.
 */
#ifndef FMX_SOURCE_MAILLOG_MAILLOG_OPENSMTPD_H
#define FMX_SOURCE_MAILLOG_MAILLOG_OPENSMTPD_H

#include "source/maillog/maillog_reader.h"

enum maillog_says maillog_opensmtpd_line(struct logsessions *t, const struct logline *l);

#endif
