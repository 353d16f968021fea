/*
 * postfix_parts - which of Postfix's programs wrote a line
 *
 * Ownership: of what is lent nothing is kept.
 */
#ifndef FMX_SOURCE_MAILLOG_POSTFIX_PARTS_H
#define FMX_SOURCE_MAILLOG_POSTFIX_PARTS_H

#include "source/maillog/logline.h"

/* "postfix" alone is what rsyslog makes of "postfix/smtpd" where it writes RFC 5424
 * (RSYSLOG_SyslogProtocol23Format): then by what stands behind the queue id. */
struct slice postfix_program(const struct logline *l, struct slice words);
/* Is it a service that takes users' mail, by the names that everybody's master.cf has? */
bool postfix_is_submission(struct slice tag);

#endif
