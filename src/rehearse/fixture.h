/*
 * fixture - the folder, the site and the clock of a rehearsal
 *
 * A temporary folder with a configuration for `serve`, part two of the article
 * on loopback addresses and free ports: fake0 0, mail 10, backup-mail 20, fake1
 * 30, of which the layout may leave out decoys; and the clock, a file of eight
 * bytes that this process and fakemx-serve share.
 *
 * Use:
 *	struct fixture s;
 *	fixture_open(LAYOUT_BOTH, POSTURE_CLOSED, &s, &e);
 *	... listen at the real hosts' s.hosts[i].at ...
 *	fixture_write_config(&s, &e);
 *	fixture_jump_to(&s, offset);
 *	fixture_close(&s);		// removes the folder
 *
 * Ownership: fixture_close() releases everything.
 */
#ifndef FMX_REHEARSE_FIXTURE_H
#define FMX_REHEARSE_FIXTURE_H

#include "base/stamp.h"
#include "mx/layout.h"
#include "rehearse/driver.h"

enum { FIXTURE_PATH_MAX = 512, FIXTURE_HOSTS = 4 };

struct fixture {
	char *folder; /* NULL when closed */
	char config[FIXTURE_PATH_MAX], serve_log[FIXTURE_PATH_MAX],
	    journal[FIXTURE_PATH_MAX];
	enum layout layout;
	enum posture low;                        /* of fake0 */
	bool enforces;                           /* mode */
	struct driver_host hosts[FIXTURE_HOSTS]; /* in order of preference */
	char mail_logs[FIXTURE_HOSTS][FIXTURE_PATH_MAX];
	size_t host_count;
	int64_t *ahead; /* the shared clock: microseconds */
	struct stamp_clock clock;
};

/* Decoys' ports are chosen; real hosts' are 0 until somebody listens. */
FMX_MUST_CHECK int fixture_open(enum layout layout, enum posture low,
				struct fixture *ret_fixture, struct error *e);
FMX_MUST_CHECK int fixture_write_config(const struct fixture *s, struct error *e);
void fixture_jump_to(struct fixture *s, int64_t ahead);
/* The last lines that serve logged, for a person to read; freed by the caller. */
char *fixture_serve_log_end(const struct fixture *s);
void fixture_close(struct fixture *s);

#endif
