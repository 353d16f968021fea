/*
 * visits_log - the visits of mail logs, without journal or configuration
 *
 * Old logs are read to their end; one log may be followed, to show its visits or as
 * a feed for another machine: then watermarks are lines among the visits.
 */
#ifndef FMX_CLI_VISITS_LOG_H
#define FMX_CLI_VISITS_LOG_H

#include "cli/cli.h"
#include "outlet/report/report.h"

struct visits_log {
	const char *host; /* whose log it is */
	struct report_span span;
	char **files; /* "-" is standard input */
	size_t file_count;
	const char *stamps; /* zone of stamps that have none; NULL: ours */
	const char *filter; /* where verdicts of spam are; NULL: in the same log */
	bool why;           /* not the visits, but what was made of each line */
	bool is_feed;       /* followed: with watermarks and outages */
	FILE *out;          /* NULL: standard output */
	/* Feed: from when on all is there, of which what began before span.since was sent
	 * by an earlier run; 0: span.since. */
	int64_t complete;
	/* Set by following: the last watermark; is standard input at its end? */
	int64_t told;
	bool has_ended;
};

/* CLI_DONE, or it was said that there is no such zone. */
FMX_MUST_CHECK int visits_log_check_stamps(const struct cli *c,
					   const struct visits_log *v);

FMX_MUST_CHECK int visits_log_read(const struct cli *c, const struct visits_log *v);
/* Ends with the process, or when nobody reads on. file_count is 1. */
FMX_MUST_CHECK int visits_log_follow(const struct cli *c, struct visits_log *v);

#endif
