/*
 * update - a dynamic update (RFC 2136), signed with TSIG (RFC 8945)
 *
 * Prerequisites and changes in, one message out; the server's answer in, a
 * sentence out. And the sending: one TCP connection a message, on the caller's
 * libuv loop, so that many zones are updated side by side.
 *
 * Use:
 *	struct update *u = update_new("example.com", key);
 *	update_require(u, ...);		// what must still be there
 *	update_add(u, ...);
 *	update_send(u, loop, server, port, done, me, &e);
 *
 *	static void done(const struct update_result *r, void *me)
 *
 * Ownership: update_send takes the update; before it, update_free.
 *
 * Limits: UPDATE_MESSAGE_MAX bytes; UPDATE_TIMEOUT_US for the whole exchange.
 */
#ifndef FMX_DNS_UPDATE_H
#define FMX_DNS_UPDATE_H

#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "dns/message.h"
#include "dns/tsig.h"

enum { UPDATE_MESSAGE_MAX = 16 * 1024, UPDATE_RDATA_MAX = 1024 };
#define UPDATE_TIMEOUT_US INT64_C(20000000)

enum update_outcome {
	UPDATE_DONE,
	UPDATE_RACE,    /* a prerequisite failed: the zone is not what we saw */
	UPDATE_REFUSED, /* the server, or its answer, says no */
	UPDATE_FAILED,  /* no answer, or none that can be trusted */
};

struct update_result {
	enum update_outcome outcome;
	struct error error; /* unless done: the sentence */
};

struct update;
typedef void update_callback(const struct update_result *r, void *arg);

/* key NULL: not signed. */
struct update *update_new(const char *zone, const struct tsig_key *key);
void update_free(struct update *u);

/* Prerequisites (RFC 2136 2.4): the RRset exists with exactly these records
 * (one call each), or does not exist. */
void update_require(struct update *u, const char *owner, uint16_t type,
		    const uint8_t *rdata, uint16_t len);
void update_require_none(struct update *u, const char *owner, uint16_t type);
/* Changes (RFC 2136 2.5). */
void update_add(struct update *u, const char *owner, uint16_t type, uint32_t ttl,
		const uint8_t *rdata, uint16_t len);
void update_delete(struct update *u, const char *owner, uint16_t type,
		   const uint8_t *rdata, uint16_t len);

/* All that the name has. */
void update_delete_name(struct update *u, const char *owner);

/* The rdata of an MX; returns its length, 0 if exchange is no name. */
uint16_t update_mx_rdata(uint16_t preference, const char *exchange,
			 uint8_t ret[UPDATE_RDATA_MAX]);

/* Makes the message and sends it. FMX_ETOOBIG, FMX_EMALFORMED (a name that is
 * none): then there is no call. Frees u in any case. */
FMX_MUST_CHECK int update_send(struct update *u, uv_loop_t *loop, struct addr server,
			       uint16_t port, update_callback *done, void *arg,
			       struct error *e);

/* What an RCODE means to an administrator; tsig_error 0 if there is none. */
void update_explain(uint16_t rcode, uint16_t tsig_error, const char *server,
		    const char *key, struct update_result *ret);

#endif
