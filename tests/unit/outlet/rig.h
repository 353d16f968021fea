/*
 * rig - a journal that a story was told to, for the documents made from it
 *
 * A site in layout both: fake0 (L) 0, mail (R) 10, backup (S) 20, fake1 (H) 30, and a
 * control (C), watched and well since a day before second 0. A story is a list of events
 * with spaces between:
 *
 *	[CLIENT:]KIND[MARKS]@SECOND
 *
 * KIND L R S H C are visits of depth data; l h c knocks. MARKS: + accepted, ~ deferred,
 * - rejected, s accepted and called spam, k accepted and called clean; n connect only; %
 * the time is a whole second; f, g an envelope of one or another sender. W: all
 * watermarks and good probes at that time, after which what is due is done. SECOND may
 * have a fraction and the endings m h d.
 *
 * Clients: A 20.1.1.1, B 20.1.1.2 (of A's pool), X 30.1.1.1, Y 2a01:1::1, Z 2a01:1::2 (of
 * Y's pool), V 2a02:1::1; any other letter has a pool of its own.
 */
#ifndef FMX_TESTS_UNIT_OUTLET_RIG_H
#define FMX_TESTS_UNIT_OUTLET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "journal/ask/ask.h"
#include "journal/ask/due.h"
#include "journal/take/take.h"

#define RIG_ZERO (INT64_C(1800000000) * STAMP_SECOND) /* second 0 */
#define AT(seconds) (RIG_ZERO + (int64_t)((seconds) * (double)STAMP_SECOND))

enum { RIG_LOW = 1, RIG_MAIL, RIG_BACKUP, RIG_HIGH, RIG_CONTROL, RIG_HOSTS };

struct rig {
	char folder[64], path[128];
	struct db *db;
	struct take *take;
	struct due *due;
	struct rules rules;
	struct site site;
	int64_t seen;
	uint16_t blind; /* W: serve says that nobody sees this host; 0 none */
};

int rig_setup(void **state); /* *state is a struct rig without a site */
int rig_teardown(void **state);

/* The definition: `what` has the lines of site_text(), NULL the site above. */
void rig_site(struct rig *r, const char *what, int64_t time);
/* That site, from a day before second 0 on. */
void rig_begin(struct rig *r);
void rig_play(struct rig *r, const char *story);
void rig_name(struct rig *r, char client, const char *name, const char *domain,
	      bool spf_passes);
struct addr rig_client(char client);
/* A reader, at the last moment told or at `now` if that is later. */
struct ask *rig_ask(struct rig *r, int64_t now);

#endif
