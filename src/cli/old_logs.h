/*
 * old_logs - the visits in the mail logs of one host, read to their end
 *
 * With progress on a terminal, a sentence for a file that is no mail log, and at
 * the end one about the lines that nobody could read. Constant memory but for
 * the sessions that are open.
 *
 * Use:
 *	struct old_logs_sink sink = { .visit = on_visit, .arg = arg };
 *	int code = old_logs_read(c, files, count, &sink);
 */
#ifndef FMX_CLI_OLD_LOGS_H
#define FMX_CLI_OLD_LOGS_H

#include "cli/cli.h"
#include "source/maillog/maillog_lines.h"

struct old_logs_sink {
	/* local: where it came; NULL: the log does not say. */
	void (*visit)(void *arg, const struct visit *v, const struct addr *local);
	/* The mail server was started; until then it was down. May be NULL. */
	void (*started)(void *arg, int64_t at);
	int64_t since;      /* nothing older is wanted; INT64_MIN: all */
	bool prints;        /* the visits go to standard output: they are the progress */
	bool is_needed;     /* a log of which nothing can be read is a failure */
	const char *stamps; /* zone of stamps that have none; NULL: ours */
	const char *filter; /* where verdicts of spam are; NULL: in the same log */
	/* What was made of each line. May be NULL. */
	void (*made)(void *arg, const struct maillog_made *made, const char *line,
		     size_t len);
	void *arg;
};

/* CLI_DONE, or what was said of why not. What was given stays given. */
FMX_MUST_CHECK int old_logs_read(const struct cli *c, char *const *files, size_t count,
				 const struct old_logs_sink *sink);

#endif
