/*
 * filter - what spam filters say of messages
 *
 * Read are the verdicts of amavis ("Passed SPAM", "Blocked SPAM", "Passed
 * CLEAN"), rspamd ("(default: T (add header): ..."), and SpamAssassin's spamd
 * ("result: Y ...") and spamass-milter, where they go to the same log. A verdict
 * belongs to the session that has its queue id; who knows none is asked by the
 * message id, which cleanup's line ties to one, or by the id that the message got when
 * the filter gave it back. A session is spam if one of its
 * messages was and none was found clean.
 *
 * Verdicts may come after the session is over. As soon as the log had one,
 * accepted sessions wait up to LOGSESSION_VERDICT_WAIT for theirs.
 *
 * Texts in these lines that a client chose (message id, sender) could look like
 * another queue id: a line with two is not believed.
 *
 * Limits: the first message of a log is not waited for.
 */
#ifndef FMX_SOURCE_MAILLOG_FILTER_H
#define FMX_SOURCE_MAILLOG_FILTER_H

#include "base/slice.h"
#include "judge/visit.h"

/* A header line that filters add, "X-Spam-Flag: YES", as mail servers log it. */
enum spam filter_header(struct slice in);

#endif
