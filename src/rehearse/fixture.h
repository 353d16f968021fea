/*
 * rehearse_stage - the folder, the site and the clock of a rehearsal
 *
 * A temporary folder with a configuration for `serve`, part two of the article
 * on loopback addresses and free ports: fake0 0, mail 10, backup-mail 20, fake1
 * 30, of which the layout may leave out decoys; and the clock, a file of eight
 * bytes that this process and fakemx-serve share.
 *
 * Use:
 *	struct stage s;
 *	stage_open(LAYOUT_BOTH, &s, &e);
 *	... listen at the real hosts' s.hosts[i].at ...
 *	stage_write_config(&s, &e);
 *	stage_jump_to(&s, offset);
 *	stage_close(&s);		// removes the folder
 *
 * Ownership: stage_close() releases everything.
 */
#ifndef FMX_REHEARSE_FIXTURE_H
#define FMX_REHEARSE_FIXTURE_H

#include "base/stamp.h"
#include "mx/layout.h"
#include "rehearse/driver.h"

enum { STAGE_PATH_MAX = 512, STAGE_HOSTS = 4 };

struct stage {
	char *folder; /* NULL when closed */
	char config[STAGE_PATH_MAX], serve_log[STAGE_PATH_MAX], journal[STAGE_PATH_MAX];
	enum layout layout;
	struct drive_host hosts[STAGE_HOSTS]; /* in order of preference */
	char mail_logs[STAGE_HOSTS][STAGE_PATH_MAX];
	size_t host_count;
	int64_t *ahead; /* the shared clock: microseconds */
	struct stamp_clock clock;
};

/* Decoys' ports are chosen; real hosts' are 0 until somebody listens. */
FMX_MUST_CHECK int stage_open(enum layout layout, struct stage *ret_stage,
			      struct error *e);
FMX_MUST_CHECK int stage_write_config(const struct stage *s, struct error *e);
void stage_jump_to(struct stage *s, int64_t ahead);
/* The last lines that serve logged, for a person to read; freed by the caller. */
char *stage_serve_log_end(const struct stage *s);
void stage_close(struct stage *s);

#endif
