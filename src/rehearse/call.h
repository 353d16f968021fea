/*
 * call - one connection of a sender to a host: send a message, or see
 * how far it gets
 *
 * Ownership: copies nothing; the texts of the spec live until on_over.
 *
 * Limits: CALL_SECONDS for a whole connection.
 */
#ifndef FMX_REHEARSE_CALL_H
#define FMX_REHEARSE_CALL_H

#include <uv.h>

#include "mx/layout.h"
#include "mx/state.h"

enum { CALL_SECONDS = 20 };

#define CALL_RECIPIENT "postmaster@example.com"

struct call_result {
	enum state state;   /* STATE_OPEN: the message was taken */
	bool was_connected; /* the handshake was completed */
	bool was_greeted;   /* and the host said something */
};

struct call_spec {
	struct addr from;
	struct endpoint to;
	const char *helo, *mail_from, *subject;
	size_t host;                   /* handed back */
	void (*on_greeted)(void *arg); /* at most once */
	/* Exactly once, after the connection is closed. */
	void (*on_over)(void *arg, size_t host, const struct call_result *result);
	void *arg;
};

struct call;
/* Lives until on_over is called, which is never before this returns. */
struct call *call_begin(uv_loop_t *loop, const struct call_spec *spec);
/* Over with it; on_over is still called. */
void call_abort(struct call *c);

#endif
