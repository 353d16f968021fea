/*
 * watch - the sources of all real hosts, each read once
 *
 * A host may be watched by several readers, as behind a load balancer: its watermark
 * is the least of theirs. Real hosts with the same `watch`, of whichever sites, share
 * one reader: of a log the first host gets the visits, but for those that it shows to
 * be at another's address, and all get the watermarks. A reader has a kind
 * (watch_kind.h). A reload keeps the readers whose hosts stay as they were.
 *
 * Use:
 *	struct watch *w = watch_new(loop, clock, &sink, since, arg);
 *	watch_apply(w, sites, count, &ways);	// again after a reload
 *	watch_stop(w);		// reads what is there and gives it
 *	uv_run(loop, ...);
 *	watch_free(w);
 *
 * Ownership: copies what it needs of sites; the loop must outlive
 * watch_free().
 */
#ifndef FMX_SERVE_WATCH_WATCH_H
#define FMX_SERVE_WATCH_WATCH_H

#include <uv.h>

#include "base/stamp.h"
#include "mx/layout.h"
#include "source/source.h"

/* A reader of the host is about to begin: up to where was it read before? False:
 * never, begin at the end. */
typedef bool (*watch_since_fn)(void *arg, uint16_t host, int64_t *ret_since);

struct watch;
struct watch *watch_new(uv_loop_t *loop, struct stamp_clock clock,
			const struct source_sink *sink, watch_since_fn since,
			void *since_arg);
struct watch_ways {
	const char *feed_socket; /* for the hosts whose feed comes without a command */
	const char *stream; /* the command that reads the stream; NULL there is none */
	struct stream_place place; /* up to where it was read before */
};
void watch_apply(struct watch *w, const struct site *sites, size_t count,
		 const struct watch_ways *ways);
/* Frees readers that a reload has stopped, once they have closed. Each second. */
void watch_tick(struct watch *w);
/* The host that the reader of this host's log is known by (its first); 0 if no log
 * of it is read. */
uint16_t watch_log(const struct watch *w, uint16_t host);
struct watch_counts {
	uint64_t lines;
	uint64_t unread; /* of them: not understood, or refused */
};
/* Of each reader that counts lines, also after watch_stop(); host is its first one's
 * name. */
void watch_each(const struct watch *w,
		void (*fn)(void *arg, const char *host, const struct watch_counts *c),
		void *arg);
void watch_stop(struct watch *w);
void watch_free(struct watch *w);

#endif
