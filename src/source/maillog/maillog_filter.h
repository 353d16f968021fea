/*
 * maillog_filter - what spam filters say of messages that were accepted
 *
 * Read are the verdicts of amavis ("Passed SPAM", "Blocked SPAM", "Passed
 * CLEAN"), rspamd ("(default: T (add header): ...") and SpamAssassin's spamd
 * ("result: Y ..."), where they go to the same log. A verdict belongs to the
 * session that has its queue id; spamd knows only the message id, which
 * cleanup's line ties to one. A session is spam if one of its messages was and
 * none was found clean.
 *
 * Verdicts may come after the session is over. As soon as the log had one,
 * accepted sessions wait up to LOGSESSION_VERDICT_WAIT for theirs.
 *
 * Texts in these lines that a client chose (message id, sender) could look like
 * another queue id: a line with two is not believed.
 *
 * Limits: rspamd logs to a file of its own unless told otherwise (log to
 * syslog). What Exim's ACLs found is not in its log in any fixed form. The first
 * message of a log is not waited for.
 */
#ifndef FMX_SOURCE_MAILLOG_MAILLOG_FILTER_H
#define FMX_SOURCE_MAILLOG_MAILLOG_FILTER_H

#include "source/maillog/maillog_reader.h"

bool maillog_filter_is_program(const struct logline *l);
enum maillog_says maillog_filter_line(struct logsessions *t, const struct logline *l);

#endif
