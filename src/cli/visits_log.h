/*
 * visits_log - the visits of mail logs, without journal or configuration
 *
 * Old logs are read to their end; one log may be followed, and is then a feed
 * for another machine: watermarks are lines among the visits.
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
	bool why;           /* not the visits, but what was made of each line */
};

FMX_MUST_CHECK int visits_log_read(const struct cli *c, const struct visits_log *v);
/* Ends with the process, or when nobody reads on. file_count is 1. */
FMX_MUST_CHECK int visits_log_follow(const struct cli *c, const struct visits_log *v);

#endif
