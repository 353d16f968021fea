/*
 * maillog_postfix - joins the lines of Postfix's log to sessions
 *
 * A session is known by host and process ("mail postfix/smtpd[123]") from its
 * connect to its disconnect line; queue ids tie what cleanup and qmgr say to
 * it. Its client is the connect line's; a line of another client ends it.
 *
 * A session at postscreen is a visit too. When postscreen lets it pass, smtpd's
 * session of the same client goes on with it: one visit, from postscreen's
 * connect line on. If smtpd does not come within POSTFIX_PASSED_WAIT, it is
 * given as it stands.
 *
 * Really queued: the queue manager took it, or, when its line does not come
 * within POSTFIX_QUEUE_WAIT after the disconnect line, smtpd counted the DATA
 * as successful and nobody discarded it. Of several messages one is enough.
 *
 * Limits: a session whose connect line was not read (the log's beginning)
 * begins with its first line. Only postscreen logs the local address.
 */
#ifndef FMX_SOURCE_MAILLOG_MAILLOG_POSTFIX_H
#define FMX_SOURCE_MAILLOG_MAILLOG_POSTFIX_H

#include "source/maillog/maillog_reader.h"

#define POSTFIX_QUEUE_WAIT (5 * STAMP_SECOND)
#define POSTFIX_PASSED_WAIT STAMP_MINUTE

enum maillog_says maillog_postfix_line(struct logsessions *t, const struct logline *l);

#endif
