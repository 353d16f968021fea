/*
 * watch_kind - what watch.c asks of each kind of `watch`
 *
 * A kind says how the visits of one or more real hosts are read: from a log
 * file, from a feed. There are 3 things to do to add one: a file
 * watch_KIND.c with a struct watch_kind, its name below, and its row in
 * watch.c's kind_of().
 *
 * Ownership: what start() returns belongs to watch.c until free(); a spec is
 * lent for the call. since and since_arg live as long as the watch.
 */
#ifndef FMX_SERVE_WATCH_WATCH_KIND_H
#define FMX_SERVE_WATCH_WATCH_KIND_H

#include "serve/watch/watch.h"

/* Which of its lines are read, and how; only texts, each filled up with zeros. */
struct watch_reading {
	char log_host[NAME_MAX_TEXT];
	char stamps[ZONE_MAX];
	char filter[WATCH_MAX], filter_command[FEED_MAX];
};

/* One host of one site: a real one, or a decoy or control on another machine. */
struct watch_host {
	uint16_t id, site;
	enum role role;
	uint8_t address_count;
	struct addr addresses[HOST_MAX_ADDRESSES];
	char name[NAME_MAX_TEXT];
	struct watch_reading reading; /* of its log; the same for all hosts of a reader */
};

struct watch_spec {
	uv_loop_t *loop;
	struct stamp_clock clock;
	const struct source_sink *sink;
	const char *where;         /* a path, a command: what kind_of() found */
	struct stream_place place; /* of a stream: up to where it was read */
	const struct watch_host *hosts;
	size_t host_count; /* at least 1 */
	watch_since_fn since;
	void *since_arg;
};

struct watch_kind {
	/* The source says of which host a visit is, by its name; otherwise it goes
	 * by addresses, or all visits are the first host's. */
	bool names_hosts;
	void *(*start)(const struct watch_spec *spec); /* never NULL */
	void (*stop)(void *source); /* gives what it holds, closes its handles */
	/* All handles are closed. NULL: within one turn of the loop. */
	bool (*is_closed)(const void *source);
	/* NULL: it has no lines. */
	struct watch_counts (*counts)(const void *source);
	void (*free)(void *source);
};

extern const struct watch_kind watch_kind_log, watch_kind_command;
extern const struct watch_kind watch_kind_feed_command, watch_kind_feed_socket,
    watch_kind_stream;

#endif
