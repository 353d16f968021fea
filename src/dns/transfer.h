/*
 * transfer - a whole zone of a name server (AXFR, RFC 5936), and its serial
 *
 * Blocking, for a program that has nothing else to do meanwhile. With a key the
 * question is signed, and every byte of the answer must be (RFC 8945 5.3.1).
 *
 * Use:
 *	transfer_serial(server, "bl.example.com", &serial, &e);
 *	transfer_zone(server, "bl.example.com", key, on_record, me, &e);
 *
 * Ownership: a record is lent for the call.
 *
 * Limits: TRANSFER_SECONDS without a byte, TRANSFER_UNSIGNED_MAX bytes between two
 * signatures. One thread.
 */
#ifndef FMX_DNS_TRANSFER_H
#define FMX_DNS_TRANSFER_H

#include "base/addr.h"
#include "dns/message.h"
#include "dns/tsig.h"

enum { TRANSFER_SECONDS = 20, TRANSFER_UNSIGNED_MAX = 8 * 1024 * 1024 };

struct transfer_server {
	struct addr addr;
	uint16_t port;
};

struct transfer_record {
	const char *owner; /* as in name.h */
	uint16_t type;
	uint32_t ttl;
	const uint8_t *rdata;
	uint16_t len;
};
typedef void (*transfer_fn)(void *arg, const struct transfer_record *r);

/* Sentences name the server. */
FMX_MUST_CHECK int transfer_serial(struct transfer_server s, const char *zone,
				   uint32_t *ret_serial, struct error *e);
/* Every record but the SOA at the end; of a failure some may have been told. */
FMX_MUST_CHECK int transfer_zone(struct transfer_server s, const char *zone,
				 const struct tsig_key *key, transfer_fn fn, void *arg,
				 struct error *e);

#endif
