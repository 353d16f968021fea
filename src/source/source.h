/*
 * source - what every source of visits has in common: where it gives them
 *
 * A source (decoy listeners, the reader of a mail log, later knocks, policy
 * and feed) runs on the caller's libuv loop and hands what it sees to a sink.
 * The engine journals it; a test writes it down. Sources know no journal.
 *
 * Use:
 *	struct source_sink sink = { .visit = on_visit, ..., .arg = engine };
 *	struct decoy_set *d = decoy_new(loop, clock, &limits, &sink);
 *
 * Ownership: a sink is copied; visits and sentences are lent for the call. A
 * callback may not stop or free the source that calls it.
 */
#ifndef FMX_SOURCE_SOURCE_H
#define FMX_SOURCE_SOURCE_H

#include <stdint.h>

#include "judge/visit.h"

/* A line of a stream: its number, and when it was stored there, by which it is known
 * from another of that number; 0 unknown. */
struct stream_place {
	int64_t sequence, stored;
};

struct source_sink {
	void (*visit)(void *arg, const struct visit *v);
	/* Complete: every visit at this host that began before upto was given.
	 * Given about once a second and host; never decreases. */
	void (*watermark)(void *arg, uint16_t host_id, int64_t upto);
	/* Something keeps the source from seeing or doing its work: one sentence
	 * when it begins, one (is_over) when it is past. */
	void (*trouble)(void *arg, uint16_t host_id, bool is_over, const char *sentence);
	/* The real host was down until `until`, as it says itself; since when is
	 * not known. A probe may have missed it. NULL: nobody wants to know. */
	void (*outage)(void *arg, uint16_t host_id, int64_t until);
	/* Visits of this time may be missing for ever: nobody saw the host from
	 * `from` (0: since always) to `to`. Told before a watermark passes `to`.
	 * NULL: nobody wants to know. */
	void (*gap)(void *arg, uint16_t host_id, int64_t from, int64_t to);
	/* This site delivered mail to another's domain. NULL: nobody wants to know. */
	void (*delivered)(void *arg, uint16_t host_id, const char *domain, int64_t time);
	/* All up to this line of the stream was given, with the lines before this call.
	 * NULL: nobody wants to know. */
	void (*position)(void *arg, struct stream_place place);
	/* For how long a source may read on before it lets others have their turn, in
	 * microseconds; 0: not now, ask again. NULL: as long as it thinks fit. */
	int64_t (*reading)(void *arg);
	void *arg;
};

#endif
