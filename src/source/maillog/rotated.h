/*
 * rotated - the files that rotation made of a log
 *
 * logrotate, newsyslog and savelog put a number or a date behind the name, and
 * the packer's ending behind that: mail.log.1, mail.log-20261122, mail.log.2.gz.
 * While a file is being packed there are two of it; then only the one that is
 * not packed is listed.
 *
 * Use:
 *	struct rotated *list = rotated_list("/var/log/mail.log", since, &count);
 *	for (size_t i = 0; i < count; i++)	// from the oldest
 *		fd = rotated_open(&list[i]);
 *	free(list);
 */
#ifndef FMX_SOURCE_MAILLOG_ROTATED_H
#define FMX_SOURCE_MAILLOG_ROTATED_H

#include <limits.h>
#include <stdint.h>

#include "base/attr.h"

struct rotated {
	int64_t changed;
	char path[PATH_MAX];
};

/* Those that changed last at or after since (microseconds). NULL: none. */
FMX_MUST_CHECK struct rotated *rotated_list(const char *path, int64_t since,
					    size_t *ret_count);
/* Of one that was packed meanwhile, the packed one (r->path is changed). A file
 * descriptor or -errno. */
FMX_MUST_CHECK int rotated_open(struct rotated *r);

#endif
