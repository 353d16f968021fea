/*
 * decoy - the listeners of all decoys, and what they say
 *
 * One set per process. Each posture of DESIGN section 1 is one row here:
 * `reset` lets the handshake pass and resets, `busy` says 421 and closes,
 * `defer` holds a dialogue (smtp.h), `closed` listens not at all: a connect
 * from here is tried instead, at first and every few minutes, and what answers
 * or stays silent is reported as trouble.
 *
 * A visit is given once: when the connection is over, or when the set stops or
 * the decoy goes; and when it has been open for DECOY_HELD_MS, as it stands: what
 * becomes of it is another one. The set's watermark of a host is the start of its oldest
 * open visit, or now.
 *
 * Use:
 *	struct decoy_limits limits = decoy_limits_default();
 *	struct decoy_set *d = decoy_new(loop, clock, &limits, &sink);
 *	if (decoy_apply(d, specs, count, &e) < 0)	// again after a reload
 *		...
 *	decoy_stop(d);		// gives what is open; listens no more
 *	uv_run(loop, ...);	// until the handles are closed
 *	decoy_free(d);
 *
 * Ownership: the set copies specs, limits and sink and owns its sockets. The
 * loop must outlive decoy_free().
 *
 * Limits: decoy_limits. Over one of them the client gets RST and is counted;
 * its visit is given all the same.
 */
#ifndef FMX_SOURCE_DECOY_DECOY_H
#define FMX_SOURCE_DECOY_DECOY_H

#include <uv.h>

#include "base/error.h"
#include "base/stamp.h"
#include "mx/layout.h"
#include "source/source.h"

enum { DECOY_HELD_MS = 10 * 60 * 1000 };

struct decoy_limits {
	uint32_t connections; /* in dialogue at once, in the whole set: 10,000 */
	uint32_t lingering;   /* closed by us, the client not heard yet: 1,024 */
	uint32_t per_client;  /* of one IPv4 address or IPv6 /64: 50 */
	uint32_t commands;    /* of one connection: 1,000 */
	uint32_t idle_ms;     /* without a byte: 60 s */
	uint32_t total_ms;    /* of one connection: 5 min */
	uint32_t check_ms;    /* between two looks at a closed decoy: 5 min */
};
struct decoy_limits decoy_limits_default(void);

/* One address of one decoy or control host. */
struct decoy_spec {
	uint16_t site, host; /* ids */
	enum posture posture;
	struct endpoint at;
	const char *name;  /* the decoy's own: the greeting's */
	const char *cause; /* the real host whose error the client should look at */
};

struct decoy_counts {
	uint64_t visits;
	uint64_t over_connections, over_client, over_time, over_commands, over_output;
	uint64_t accept_failed; /* descriptors or memory ran out */
	uint32_t open;          /* in dialogue now */
	uint32_t listeners;
};

struct decoy_set;
struct decoy_set *decoy_new(uv_loop_t *loop, struct stamp_clock clock,
			    const struct decoy_limits *limits,
			    const struct source_sink *sink);

/* A listening socket that somebody bound for us (systemd's socket activation).
 * The next decoy_apply() uses it for the spec of its address and port. Takes
 * fd in every case. FMX_EUSAGE: it is not a listening TCP socket. */
FMX_MUST_CHECK int decoy_inherit(struct decoy_set *d, int fd, struct error *e);

/*
 * Makes the listeners those of specs. What stays (host, address and port)
 * keeps its socket and connections, also with another posture, name or cause;
 * what goes gives its open visits and closes. All or nothing: on error the set
 * is as before. Where two specs have one endpoint (sites that share a decoy),
 * the first gets the visits and both get the watermarks; their postures must
 * agree (FMX_EUSAGE). Other errors: -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, ...
 * with a sentence that says what to do.
 */
FMX_MUST_CHECK int decoy_apply(struct decoy_set *d, const struct decoy_spec *specs,
			       size_t count, struct error *e);

void decoy_set_limits(struct decoy_set *d, const struct decoy_limits *limits);
/* Looks now whether the closed decoys are closed, not when it is due. */
void decoy_look_now(struct decoy_set *d);
struct decoy_counts decoy_counts(const struct decoy_set *d);
/* Has the client a dialogue with one of the decoys, whose visit is not given
 * yet? */
bool decoy_is_talking(const struct decoy_set *d, struct addr client);

/* Stops listening, gives every open visit, a last watermark, and asks the loop
 * to close all handles. May be called twice. */
void decoy_stop(struct decoy_set *d);
/* After decoy_stop() and a uv_run() that closed the handles. NULL is fine. */
void decoy_free(struct decoy_set *d);

#endif
