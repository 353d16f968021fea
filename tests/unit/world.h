/*
 * world - stories for the judge, written in one line
 *
 * A site in layout both: fake0 (L) 0, mail (R) 10, backup (S) 20, fake1 (H) 30,
 * and a control (C). Watched, and known to be well, since a day before second 0. A story
 *is a list of events with spaces between:
 *
 *	[CLIENT:]KIND[MARKS]@SECOND[^SEEN]
 *
 * KIND L R S H C are visits of depth data; l h c knocks. MARKS: + accepted,
 * ~ deferred, ! aborted, - rejected, s accepted and marked spam; n connect
 * only; % the time is a whole second; x known within 5 s only; d for a domain of
 * somebody else's; u for an unknown one; f and g MAIL FROM one or another sender (none
 *otherwise); e HELO Mail.Good.Example; i the session lasts an hour. W: all watermarks and
 *good probes at that time. w: watermarks alone, M: of mail alone, B: of backup alone. P:
 *good probes alone, b: of backup alone, F: mail's probe fails. D: the low decoy's source
 *has lost something. [ and ]: START and STOP. T: nothing but time passes. SECOND may have
 *a fraction and the endings m h d. SEEN is the SECOND, or later if something later was
 *seen before.
 *
 * Clients: A 20.1.1.1, B 20.1.1.2 (of A's pool), X 30.1.1.1, Y 2a01:1::1,
 * Z 2a01:1::2 (of Y's pool), V 2a02:1::1, P 10.0.0.1, O the high decoy's address;
 * any other letter has a pool of its own.
 */
#ifndef FMX_TEST_WORLD_H
#define FMX_TEST_WORLD_H

#include "old/judge.h"

#define WORLD_ZERO (INT64_C(1800000000) * STAMP_SECOND) /* second 0 */

enum { HOST_LOW = 1, HOST_MAIL, HOST_BACKUP, HOST_HIGH, HOST_CONTROL, WORLD_HOSTS };

struct world {
	struct judge *judge;
	int64_t seen;
	struct verdict last[26]; /* by client */
	struct listing listing[26];
	unsigned verdicts[26], revisions[26], listings[26];
	struct buf log; /* every verdict and listing as a line */
	bool is_watched;
	unsigned low_count; /* low decoys whose source tells watermarks */
	/* Set after world_init(): gets each record, as the judge got it. */
	void (*also)(void *arg, const struct record *r);
	void *also_arg;
};

void world_init(struct world *w);
/* START a day before second 0, the site, watermarks and probes. */
void world_begin(struct world *w);
void world_release(struct world *w);

void world_rules(struct world *w, const struct rules *r);
void world_site(struct world *w, const char *text, int64_t seen);
void world_play(struct world *w, const char *story);
void world_feed(struct world *w, struct record *r);
void world_name(struct world *w, char client, const char *name, const char *domain,
		bool is_confirmed, bool is_generic, bool spf_passes);
struct addr world_client(char client);
const struct verdict *world_verdict(const struct world *w, char client);

/* The site of the stories; real hosts watched by "log", or not. */
const char *world_site_text(bool is_backup_watched);

#endif
