/*
 * stream - feeds over NATS JetStream: the program fakemx-stream
 *
 * `fakemx feed --to nats://...` writes its lines into `fakemx-stream send`; serve reads
 * hosts with watch = stream from `fakemx-stream take`. Nothing else of fakemx knows NATS:
 * the library is linked into this program alone.
 *
 * A message is one line of a feed (docs/json.md), on one subject a host. Its id is the
 * run of `send` and a number, so that what is sent again while the connection fails is
 * one message. A watermark is sent when all visits before it are acknowledged. Each
 * message tells in a header the last watermark before it: whoever sends on after a crash
 * begins some minutes before it, and says so (a "since" line), so that serve drops what
 * it has.
 *
 * The stream's sequence is the position: `take` gives each line with the keys sequence,
 * missing and stored before its own, in order and without a hole, or says how many are
 * missing. `stored` is when the stream took the line, by the clock of its servers: each
 * judge, whenever it reads, holds the line against the same moment.
 */
#ifndef FMX_SOURCE_STREAM_STREAM_H
#define FMX_SOURCE_STREAM_STREAM_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

#define STREAM_NAME "fakemx"
#define STREAM_SUBJECTS "fakemx.>"
#define STREAM_TOLD "Fakemx-Told" /* header: the last watermark, as the lines have it */
enum { STREAM_LINE_MAX = 64 * 1024, STREAM_WAIT_MS = 5000, STREAM_USER_MAX = 64 };

struct stream_options {
	const char *servers;     /* nats://A,nats://B or tls://...; at least one */
	const char *subject;     /* of a host, or fakemx.> to take all */
	const char *credentials; /* a user file (.creds) or an nkey's seed; NULL none */
	const char *ca;          /* PEM file of the servers' CA; NULL the system's */
	const char *durable;     /* take: the consumer's name */
	uint64_t after;          /* take: the last sequence that is known, */
	int64_t after_stored;    /* and when it was stored, in microseconds; 0 unknown */
	int64_t replicas;        /* setup */
	bool is_once;            /* setup: who waits for it wants to know why not */
};

struct stream {
	natsConnection *connection;
	jsCtx *js;
};

/* Waits for a server, and says once that it does. js NULL: as it is. False: it was said
 * what is wrong with the options, or why there is no connection at once. */
bool stream_open(struct stream *s, const struct stream_options *o, const jsOptions *js);
void stream_close(struct stream *s);
/* Another connection, to whichever server answers: one that has lost the others may
 * answer nothing for long, and says nothing of it. */
void stream_reopen(struct stream *s, const struct stream_options *o, const jsOptions *js);
/* The public key of an nkey's seed. False: it is none. */
bool stream_user_of(const char *seed, char ret_user[STREAM_USER_MAX]);
/* What that means, and what to do. */
const char *stream_why(natsStatus rc);
/* One sentence on standard error. */
__attribute__((format(printf, 1, 2))) void stream_say(const char *format, ...);

/* Exit codes. */
int stream_setup(const struct stream_options *o);
int stream_last(
    const struct stream_options *o); /* prints the last watermark, or nothing */
int stream_send(const struct stream_options *o); /* standard input, to its end */
int stream_take(const struct stream_options *o); /* until nobody reads on */
/* Makes the file `credentials`, an nkey's seed; prints its public key, by which
 * nats-server knows the user. */
int stream_key(const struct stream_options *o);

#endif
