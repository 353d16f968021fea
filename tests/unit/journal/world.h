/*
 * world - stories for the journal, written in one line
 *
 * A site in layout both: fake0 (L) 0, mail (R) 10, backup (S) 20, fake1 (H) 30, and a
 * control (C). Watched, and known to be well, since a day before second 0. A story is a
 * list of events with spaces between:
 *
 *	[CLIENT:]KIND[MARKS]@SECOND[>ENDED][^SEEN]
 *
 * KIND L R S H C are visits of depth data; l h c knocks. MARKS: + accepted (what a real
 * visit is without a mark), ~ deferred, ! aborted, - rejected; s a filter called it spam,
 * k clean; n connect only; % the time is a whole second; x known within 5 s only; d for a
 * domain of somebody else's; u for none; e HELO mail.good.example; =X tells the envelope
 * X; a answered at once (0.2 s); m told more envelopes than a line holds. W: all
 * watermarks and good probes at that time. w: watermarks alone; M B L0 H0: of one host
 * alone (L0 and H0: of the decoys). P: good probes alone, F: mail's probe fails, O: mail
 * was down until then, D: the low decoy lost knocks in the minute before, G: nobody saw
 * mail until then (told at SEEN). T: nothing but time passes. SECOND may have a fraction
 * and the endings m h d. SEEN is ENDED, or the SECOND, or later if something later was
 * seen before.
 *
 * Clients: A 20.1.1.1, B 20.1.1.2 (of A's pool), X 30.1.1.1, Y 2a01:1::1, Z 2a01:1::2 (of
 * Y's pool), V 2a02:1::1, P 10.0.0.1, O the high decoy's address; any other letter has a
 * pool of its own.
 */
#ifndef FMX_TEST_JOURNAL_WORLD_H
#define FMX_TEST_JOURNAL_WORLD_H

#include "base/buf.h"
#include "journal/ask/ask.h"
#include "journal/ask/due.h"
#include "journal/take/take.h"

#define WORLD_ZERO (INT64_C(1800000000) * STAMP_SECOND) /* 2027-01-15, 08:00 UTC */

enum { HOST_LOW = 1, HOST_MAIL, HOST_BACKUP, HOST_HIGH, HOST_CONTROL, WORLD_HOSTS };

struct world {
	struct db *db;
	struct take *take;
	struct due *due;
	struct site site;
	struct rules rules;
	int64_t seen;
	size_t batch; /* lines a commit; 0: all at the end of a story */
	size_t pending;
	bool is_lazy; /* due only at the end of a story */
	unsigned verdicts, stops, backdoors, listings; /* told */
	struct buf log; /* every verdict and listing told, a line each */
};

void world_init(struct world *w);                   /* the site, a day before second 0 */
void world_open(struct world *w, const char *path); /* the same, in a file */
void world_begin(struct world *w);                  /* watermarks and probes of then */
void world_release(struct world *w);
void world_rules(struct world *w); /* w->rules and w->site, defined anew at w->seen */
void world_play(struct world *w, const char *story);
/* The event at each `step` minutes in [from, to). */
void world_play_each(struct world *w, const char *event, int from, int to, int step);
void world_line(struct world *w, const struct line *l);
void world_commit(struct world *w);
/* "mail.good.example", its domain "good.example". "": the name is gone. */
void world_name(struct world *w, char client, const char *name, bool is_generic);
void world_spf(struct world *w, char client, const char *domain, const char *second);
void world_wrote(struct world *w, const char *domain, const char *second);
struct addr world_client(char client);
int64_t world_time(const char *second);

/* The client's walks as ask_client() tells them; the number of them. */
struct world_walk {
	struct verdict verdict;
	struct told told;
	bool is_decoy;
};
size_t world_walks(struct world *w, char client, struct world_walk *ret, size_t most);
/* Its last walk with a decoy, or without one its last. */
struct world_walk world_last(struct world *w, char client);
struct listing world_listing(struct world *w, char client);
/* All runs, as text: facts, and what was told. */
void world_runs(struct world *w, bool with_told, struct buf *out);
/* All verdicts and listings as every question tells them now. */
void world_answers(struct world *w, struct buf *out);

#endif
