/*
 * feed - the visits of real hosts on other machines
 *
 * Read from the standard output of a command (`ssh mx2 fakemx feed --maillog
 * FILE --host mx2 --to - --since %s`), or from a unix socket that any number of machines
 * write to. What the lines do is feed_intake.h's.
 *
 * A command runs by /bin/sh in a session of its own, without standard input.
 * %s in it becomes the time from which visits are wanted, %% is %. When it ends
 * its whole process group is killed, and it is started again: after one
 * second, and twice as long each time up to FEED_WAIT_LONGEST_MS, until a line
 * of it was believed. What it said last on standard error is told.
 *
 * The socket is made anew, with mode 0660: who may write to it may say anything
 * of these hosts.
 *
 * Use:
 *	struct feed_spec spec = { .intake = ..., .command = "ssh ..." };
 *	struct feed *f = feed_new(loop, &spec);
 *	...
 *	feed_stop(f);		// a command gets SIGTERM, after two seconds SIGKILL
 *	uv_run(loop, ...);	// until feed_is_closed()
 *	feed_free(f);
 *
 * Ownership: copies the spec. The loop must outlive feed_free().
 *
 * Limits: FEED_MAX_CONNECTIONS on a socket, the rest is closed at once; each
 * holds one line of feed_line.h at most, and is closed after FEED_IDLE_MS
 * without a byte. FEED_SOCKET_MAX bytes of path.
 */
#ifndef FMX_SOURCE_FEED_FEED_H
#define FMX_SOURCE_FEED_FEED_H

#include <uv.h>

#include "source/feed/feed_intake.h"

enum {
	FEED_MAX_CONNECTIONS = 64,
	FEED_IDLE_MS = 10 * 60 * 1000,
	FEED_WAIT_LONGEST_MS = 60 * 1000,
	FEED_SOCKET_MAX = 107, /* what struct sockaddr_un holds, without NUL */
	FEED_COMMAND_MAX = 4096,
};

/* What the package of fakemx only recommends; the dynamic loader ends a program without
 * its library with this status. */
enum { FEED_NO_LIBRARY = 127 };
#define FEED_NEEDS_NATS                                                                  \
	"fakemx-stream needs the client library of NATS, which is not installed "        \
	"(Debian 12: apt install libnats3.4)"

struct feed_spec {
	struct intake_spec intake; /* now_ms is set by feed_new() */
	const char *command;       /* NULL: the socket */
	const char *socket;
};

struct feed_counts {
	struct intake_counts lines;
	uint64_t starts;   /* of the command */
	uint64_t accepted; /* connections */
	uint64_t too_many; /* of them closed at once */
	uint32_t open;     /* connections; 1 for a command that runs */
};

struct feed;
/* What cannot be had now is trouble, and tried again; nothing else can fail. */
struct feed *feed_new(uv_loop_t *loop, const struct feed_spec *spec);
struct feed_counts feed_counts(const struct feed *f);
void feed_stop(struct feed *f);
bool feed_is_closed(const struct feed *f);
void feed_free(struct feed *f);

/* The command with %s, %q (the line after which a stream goes on: its number, a
 * colon, and when it was stored, in microseconds) and %% replaced.
 * False: it does not fit. */
FMX_MUST_CHECK bool feed_fill_command(const char *command, int64_t since,
				      struct stream_place place, char *to, size_t size);

#endif
