/*
 * names - who is that client? Its name, and its SPF, as DNS tells them
 *
 * For each client that a visit brings: the PTR names of its address, of which
 * one counts if its own addresses contain the client's (forward confirmation:
 * anybody can write any name into his own reverse zone). Then its registrable
 * domain, and whether the name was made from the address (names_generic.h).
 * What was learnt goes to the sink, for the journal. A client
 * that surely has no name gives a fact too, with the name "". Where DNS
 * did not answer nothing is given: we do not know.
 *
 * Of several PTR names the first in order of the alphabet that is confirmed is
 * taken, one not made from the address first: DNS turns their order around.
 *
 * A client that named an envelope sender to a decoy is asked about once more: does
 * the SPF of that domain pass for it (names_spf.h)? If so, the sink is told; other
 * answers are no news.
 *
 * Knocks ask nothing: they can be forged, and would make us ask the world.
 * Clients with addresses that are not public are asked about only if a
 * resolver was named, so that no trial asks anybody outside.
 *
 * Use:
 *	struct names *n = names_new(loop, clock, &sink);
 *	names_apply(n, &options);		// again after a reload
 *	names_visit(n, &visit, is_at_decoy);	// each visit; returns at once
 *	names_stop(n);
 *	uv_run(loop, UV_RUN_DEFAULT);
 *	names_free(n);
 *
 * Ownership: what the sink gets is lent for the call. It is never called from
 * within names_visit(). It may not stop or free what calls it.
 *
 * Limits: those of names_cache.h, which a start finds empty (for SPF; of names the
 * sink knows); NAMES_QUEUE_MAX wait, more
 * are dropped (counted; their next visit asks again); NAMES_OPEN_MAX are looked up at
 * once. NAMES_PTR_MAX names of one client are confirmed. An SPF check ends after
 * NAMES_SPF_MS. A client is asked about again after NAMES_FRESH, after NAMES_RETRY where
 * DNS did not answer. TTLs are not looked at.
 */
#ifndef FMX_SOURCE_NAME_NAMES_H
#define FMX_SOURCE_NAME_NAMES_H

#include <uv.h>

#include "base/stamp.h"
#include "judge/name.h"
#include "judge/visit.h"

enum {
	NAMES_QUEUE_MAX = 10000,
	NAMES_OPEN_MAX = 64,
	NAMES_PTR_MAX = 4,
	NAMES_SPF_MS = 20000,
	NAMES_SILENT = 20, /* lookups in a row without an answer are trouble */
};
#define NAMES_FRESH (24 * STAMP_HOUR)
#define NAMES_RETRY STAMP_HOUR

struct names_options {
	bool is_on;
	bool has_resolver; /* else those of /etc/resolv.conf */
	struct addr resolver;
	uint16_t port;
};

struct names_sink {
	void (*learnt)(void *arg, const struct name_fact *n);
	/* When was the client's name learnt, in an earlier run? 0 never. NULL: nobody
	 * knows. */
	int64_t (*known)(void *arg, struct addr client);
	/* SPF of the domain passes for the client. */
	void (*passed)(void *arg, struct addr client, const char *domain);
	/* The resolver does not answer: one sentence when that begins, one
	 * (is_over) when it answers again. */
	void (*trouble)(void *arg, bool is_over, const char *sentence);
	void *arg;
};

struct names_counts {
	uint64_t asked;   /* clients that were looked up */
	uint64_t learnt;  /* facts given */
	uint64_t failed;  /* DNS did not answer */
	uint64_t dropped; /* the queue was full */
	uint64_t spf_asked, spf_passed;
	uint32_t waiting, open;
};

struct names;
struct names *names_new(uv_loop_t *loop, struct stamp_clock clock,
			const struct names_sink *sink);
/* Another resolver than before ends what is under way with the old one. */
void names_apply(struct names *n, const struct names_options *options);
/* What was answered may be gone from the journal: everything is asked again. */
void names_forget(struct names *n);
void names_visit(struct names *n, const struct visit *v, bool is_at_decoy);
struct names_counts names_counts(const struct names *n);
/* Gives nothing any more; then the loop must run until handles are closed. */
void names_stop(struct names *n);
void names_free(struct names *n);

#endif
