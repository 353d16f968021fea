/*
 * policy_server - listens for Postfix on TCP and unix sockets, and answers
 *
 * Bytes go through policy.h; what to answer is the caller's. Postfix keeps its
 * connections and sends one request after the other; several at once are
 * answered in order.
 *
 * Use:
 *	struct policy_limits limits = policy_limits_default();
 *	struct policy_server *p = policy_server_new(loop, &limits, answer, arg);
 *	if (policy_server_apply(p, sockets, count, &e) < 0)	// again after a reload
 *		...
 *	policy_server_stop(p);	// closes everything at once
 *	uv_run(loop, ...);
 *	policy_server_free(p);
 *
 * Ownership: the server copies the sockets' addresses and owns descriptors
 * and socket files. The loop must outlive policy_server_free().
 *
 * Limits: policy_limits, and POLICY_READ_MAX bytes read at once before others get
 * their turn. Where connections run out, the one that has been idle for longest makes
 * room (of the same peer, if that has its share: the user behind a unix socket, else
 * the address), so that nobody locks Postfix out by holding them; it connects again by
 * itself. Who is over another is closed: Postfix then goes on without an answer
 * (default_action=DUNNO). Both are counted, and logged once a minute. Silent connections
 * are kept longer than Postfix keeps them (300 s), so that the server is as a rule not
 * first to close.
 */
#ifndef FMX_SERVE_POLICY_POLICY_SERVER_H
#define FMX_SERVE_POLICY_POLICY_SERVER_H

#include <uv.h>

#include "base/error.h"
#include "mx/layout.h"
#include "serve/policy/policy.h"

enum { POLICY_READ_MAX = 16 * 1024 };

struct policy_limits {
	uint32_t connections; /* at once: 1,024 */
	uint32_t per_peer;    /* of these, of one user or address: three quarters */
	uint32_t idle_ms;     /* between two requests: 6 min */
	/* From a request's first byte to its last, and for an answer that is not
	 * read: 10 s. */
	uint32_t request_ms;
};
struct policy_limits policy_limits_default(void);

/* Where to listen: a unix socket's path, or "" and an address. */
struct policy_socket {
	const char *path;
	struct endpoint at;
};

/* Writes the action for one request. May not stop or free the server. */
typedef void (*policy_answer_fn)(void *arg, const struct policy_request *r,
				 char ret_action[POLICY_ACTION_MAX]);

struct policy_counts {
	uint64_t requests, connections;
	uint64_t over_connections, over_time, broken;
	uint64_t made_room; /* idle ones that were closed for others */
	uint32_t open, listeners;
};

struct policy_server;
struct policy_server *policy_server_new(uv_loop_t *loop,
					const struct policy_limits *limits,
					policy_answer_fn answer, void *arg);
/* Makes the listeners those of sockets; what stays keeps its connections. All
 * or nothing: on error everything is as before. */
FMX_MUST_CHECK int policy_server_apply(struct policy_server *p,
				       const struct policy_socket *sockets, size_t count,
				       struct error *e);
/* How many at once from now on: what the limit of open files leaves. */
void policy_server_set_connections(struct policy_server *p, uint32_t connections);
struct policy_counts policy_server_counts(const struct policy_server *p);
/* May be called twice. */
void policy_server_stop(struct policy_server *p);
/* After policy_server_stop() and a uv_run() that closed the handles. NULL is
 * fine. */
void policy_server_free(struct policy_server *p);

#endif
