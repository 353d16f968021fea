/*
 * publish_lists - all `publish` sections of the configuration, once
 *
 * Use:
 *	struct publish_lists p;
 *	publish_lists_init(&p, &config);
 *	publish_lists(&p, &source, told, me);	// again and again
 *	publish_lists_release(&p);
 *
 * Ownership: borrows the configuration. What zones have is remembered from one time to
 * the next.
 */
#ifndef FMX_CLI_PUBLISH_LISTS_H
#define FMX_CLI_PUBLISH_LISTS_H

#include "cli/publish/publish_zone.h"

struct publish_lists {
	const struct config *config;
	struct publish_zone *zones; /* of the section with the same index */
};

/* What the lists are made of. ask NULL: all are empty, head.note says why. */
struct publish_source {
	struct ask *ask;
	struct list_head head;
	struct list_filter filter;
};

struct publish_result {
	const struct config_publish *section;
	uint64_t listed;
	uint64_t changes; /* of a zone; of a file 0 or 1 */
	bool has_failed;
	struct error error;
};
typedef void (*publish_told_fn)(void *arg, const struct publish_result *r);

void publish_lists_init(struct publish_lists *p, const struct config *c);
void publish_lists_release(struct publish_lists *p);
/* How many failed; the others are done all the same. */
size_t publish_lists(struct publish_lists *p, const struct publish_source *s,
		     publish_told_fn told, void *arg);
/* "rspamd: 12 senders in /var/lib/..., changed" */
void publish_result_text(const struct publish_result *r, struct buf *out);

#endif
