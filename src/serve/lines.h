/*
 * lines - what sources and probes give, as lines for the journal
 *
 * Here it is decided what is no visit of a sender: what an earlier reader of a log
 * gave already, our own probes, and this machine itself. And how far a log
 * is believed: once it is known to show our probes, up to the last one that it shows.
 *
 * Use:
 *	struct source_sink sink = lines_sink(n);
 *	lines_watermarks(n, false);	// each second
 *
 * Ownership: the sinks' arg is the engine.
 */
#ifndef FMX_SERVE_LINES_H
#define FMX_SERVE_LINES_H

#include "serve/parts.h"

struct source_sink lines_sink(struct engine *n);
struct knock_sink lines_knock_sink(struct engine *n);
struct probe_schedule_sink lines_probe_sink(struct engine *n);
struct names_sink lines_names_sink(struct engine *n);
struct asks_sink lines_asks_sink(struct engine *n);
void lines_cost(struct engine *n);
/* Writes those that are due, or is_all of them; speaks for who is silent. */
void lines_watermarks(struct engine *n, bool is_all);
/* Nobody was at this decoy's address until now: we were not there. */
void lines_absent(struct engine *n, uint16_t host);
/* Up to where the host's source was read before; false: never. A watch_since_fn. */
bool lines_since(void *arg, uint16_t host, int64_t *ret_since);
/* Of logs that were never read before: from `at` on they are, though serve be killed
 * before a first watermark says so. */
void lines_begin(struct engine *n, const struct config *c, int64_t at);
/* Up to where the stream was read; 0 never. */
#define LINES_STREAM "stream"
struct stream_place lines_place(struct engine *n);
/* The probes of the last run, whose visits a log that is read again shows again. */
void lines_past_probes(struct engine *n);

#endif
