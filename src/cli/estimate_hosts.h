/*
 * estimate_hosts - whose log each file is, from the command line and the
 * configuration
 *
 * "mx1.example.com=/var/log/mx1.log" says it. A bare FILE is the log of the
 * configured real host whose `watch` it is (or was, before it was rotated), or
 * of the only real host. Without a configuration hosts are ranked as they are
 * first named, the best first, and bare files are one host.
 *
 * Use:
 *	struct estimate_hosts h;
 *	int code = estimate_hosts_find(&h, c, config, given, count);
 *	if (code == CLI_DONE)
 *		...
 *	estimate_hosts_release(&h);
 *
 * Ownership: names are the configuration's or the command line's.
 */
#ifndef FMX_CLI_ESTIMATE_HOSTS_H
#define FMX_CLI_ESTIMATE_HOSTS_H

#include "cli/cli.h"
#include "config/config.h"
#include "outlet/estimate/estimate_show.h"

struct estimate_hosts {
	char site[SITE_NAME_MAX];
	bool has_decoys; /* the configured site: an estimate comes too late */
	struct estimate_page_host hosts[ESTIMATE_MAX_HOSTS]; /* the best first */
	char names[ESTIMATE_MAX_HOSTS][NAME_MAX_TEXT];
	uint16_t ranks[ESTIMATE_MAX_HOSTS];
	const struct host *configured[ESTIMATE_MAX_HOSTS]; /* NULL: not in a file */
	char **files[ESTIMATE_MAX_HOSTS];
	size_t file_count[ESTIMATE_MAX_HOSTS];
	size_t host_count;
};

/* config may be NULL. given: the values of --maillog and the arguments. On
 * CLI_DONE every file has a host; otherwise what is wrong was said. */
FMX_MUST_CHECK int estimate_hosts_find(struct estimate_hosts *h, const struct cli *c,
				       const struct config *config, char *const *given,
				       size_t count);
/* Several hosts may write one log: the one that has the address where a visit
 * came, as far as the log says it; otherwise the one whose log it is. */
size_t estimate_hosts_at(const struct estimate_hosts *h, size_t log,
			 const struct addr *local);
void estimate_hosts_release(struct estimate_hosts *h);

#endif
