/*
 * feed_own - the two ways of a feed; only feed*.c include this
 *
 * Each gives the bytes that come to streams of one intake. _tick() comes
 * several times a second; after _stop() until _is_closed().
 */
#ifndef FMX_SOURCE_FEED_FEED_OWN_H
#define FMX_SOURCE_FEED_FEED_OWN_H

#include "source/feed/feed.h"

enum { FEED_WAIT_MS = 1000, FEED_KILL_MS = 2000, FEED_READ = 64 * 1024 };

struct runner; /* feed_command.c */
/* is_ours: it is fakemx-stream, whose every sentence is one of trouble. */
struct runner *runner_new(uv_loop_t *loop, struct intake *in, const char *command,
			  bool is_ours);
void runner_tick(struct runner *r, uint64_t now_ms);
void runner_stop(struct runner *r);
bool runner_is_closed(const struct runner *r);
void runner_count(const struct runner *r, struct feed_counts *to);
void runner_free(struct runner *r);

struct listener; /* feed_socket.c */
struct listener *listener_new(uv_loop_t *loop, struct intake *in, const char *path);
void listener_tick(struct listener *l, uint64_t now_ms);
void listener_stop(struct listener *l);
bool listener_is_closed(const struct listener *l);
void listener_count(const struct listener *l, struct feed_counts *to);
void listener_free(struct listener *l);

#endif
