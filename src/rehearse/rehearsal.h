/*
 * rehearse - the whole system on loopback, with made-up senders
 *
 * The real fakemx-serve, two real hosts and a population of senders and bots,
 * over real TCP. The clock jumps while everybody waits, so that days pass in
 * less than a minute; it never runs faster. What was sent is held against the
 * journal at the end: a rehearsal in which a source of visits was blind fails.
 *
 * Use:
 *	struct rehearsal *r;
 *	if (rehearse_play(cli, &options, &r, &e) < 0)
 *		return cli_fail(cli, &e);
 *	... print; rehearse_journal(r), rehearse_population(r, i) ...
 *	rehearse_stay(r);
 *	rehearse_free(r);
 *
 * Ownership: rehearse_free() ends the child and removes the folder; so does
 * rehearse_play() when it fails, also after Ctrl-C.
 */
#ifndef FMX_REHEARSE_REHEARSAL_H
#define FMX_REHEARSE_REHEARSAL_H

#include "cli/cli.h"
#include "mx/layout.h"
#include "rehearse/population.h"
#include "rehearse/receiver.h"

struct rehearse_options {
	size_t senders;
	uint64_t seed;
	enum layout layout;
	enum posture low; /* of the low decoy: closed or reset */
	bool enforces;    /* lists, and says whose mail would have been scored */
	bool has_outage;  /* the real hosts are down for a round */
	struct receiver_options hosts;
};

/* How the senders of one profile fared. Delays are from a message's first
 * connection to the moment a host took it, nearest rank. */
struct rehearse_population {
	const struct profile *profile;
	uint64_t messages, delivered, lost;
	/* enforces: senders that were listed, messages taken meanwhile. */
	uint64_t listed, scored;
	int64_t p50_us, p95_us, max_us; /* -1: nothing delivered */
	char note[200]; /* why a mail program lost mail; "" when it did not */
};

struct rehearsal;
FMX_MUST_CHECK int rehearse_play(const struct cli *c, const struct rehearse_options *o,
				 struct rehearsal **ret_rehearsal, struct error *e);
const char *rehearse_journal(const struct rehearsal *r);
const char *rehearse_config(const struct rehearsal *r);
int64_t rehearse_now(const struct rehearsal *r); /* by the rehearsal's clock */
struct rehearse_population rehearse_population(const struct rehearsal *r, size_t index);
/* Keeps everything running until Ctrl-C. */
void rehearse_stay(struct rehearsal *r);
void rehearse_free(struct rehearsal *r); /* NULL is fine */

#endif
