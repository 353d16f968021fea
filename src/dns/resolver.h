/*
 * resolver - many lookups at once, on the caller's libuv loop
 *
 * c-ares moves the packets (TCP after truncation, EDNS withdrawn when a server
 * does not know it); message.h makes and reads them. What c-ares lacks
 * is manners: each server has a window of questions under way, that grows while
 * answers come and shrinks when they do not, so that a small server is not
 * flooded and a large one is kept busy.
 *
 * Use:
 *	struct resolver *r;
 *	if (resolver_new(loop, &(struct resolver_options){ 0 }, &r, &e) != 0)
 *		...
 *	resolver_ask(r, "example.com", RR_MX, seen, me);	// the recursive one
 *	resolver_ask_server(r, ns, "example.com", RR_SOA, seen, me);
 *	uv_run(loop, UV_RUN_DEFAULT);
 *	resolver_free(r);
 *	uv_run(loop, UV_RUN_DEFAULT);		// its handles close
 *
 * Ownership: an answer lasts for the call of the callback. Each question gets
 * exactly one call, never from within resolver_ask; none after resolver_free. A
 * callback may ask more; it may not free the resolver. The handles keep the loop
 * alive only while questions are open.
 *
 * Limits: about RESOLVER_SERVERS_MAX name servers asked directly are remembered;
 * beyond that idle ones are forgotten. Questions wait in memory: the caller
 * bounds how many it asks at once. One thread.
 */
#ifndef FMX_DNS_RESOLVER_H
#define FMX_DNS_RESOLVER_H

#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/error.h"
#include "dns/message.h"

enum {
	DNS_PORT = 53,
	RESOLVER_SERVERS_MAX = 256,
	/* A window starts small. At most, it is what a server's UDP socket holds
	 * with Linux's default buffer: 212,992 bytes, of which a small packet takes
	 * 768 to 1280. More would be lost while the server is busy. */
	RESOLVER_WINDOW_START = 16,
	RESOLVER_WINDOW_MAX = 128,
};

struct resolver_options {
	/* The recursive server; without one, those of /etc/resolv.conf. */
	bool has_server;
	struct addr server;
	uint16_t port;
	/* Of one try. 0: 2000 ms, four tries (two when a name server is asked
	 * directly: there are others). */
	unsigned timeout_ms;
	unsigned tries;
};

struct resolver_counts {
	uint64_t asked, answered, lost; /* lost: tries, not questions */
	unsigned window;                /* of the recursive server, now */
};

struct resolver;

typedef void resolver_callback(const struct answer *a, void *arg);

FMX_MUST_CHECK int resolver_new(uv_loop_t *loop, const struct resolver_options *options,
				struct resolver **ret_resolver, struct error *e);
void resolver_free(struct resolver *r);

/* name as in name.h. A name that cannot be asked gets LOOKUP_GARBAGE. */
void resolver_ask(struct resolver *r, const char *name, enum rr_type type,
		  resolver_callback *callback, void *arg);
/* One question to one name server, recursion not desired. */
void resolver_ask_server(struct resolver *r, struct addr server, uint16_t port,
			 const char *name, enum rr_type type, resolver_callback *callback,
			 void *arg);

struct resolver_counts resolver_counts(const struct resolver *r);

#endif
