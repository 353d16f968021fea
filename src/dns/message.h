/*
 * message - one DNS question, and the answer to it
 *
 * Made and read by libknot; this is the thin layer that knows what we ask. A
 * question carries EDNS with DO, so that answers tell AD (RFC 6840 5.7). An
 * answer is read down its CNAME chain to the records of the type asked.
 *
 * Use:
 *	uint8_t wire[MESSAGE_QUERY_MAX];
 *	size_t len;
 *	if (!message_ask("example.com", RR_MX, MESSAGE_RECURSE, id, wire, &len))
 *		...
 *	struct answer a;
 *	answer_read(&a, data, size, "example.com", RR_MX);
 *	for (size_t i = 0; i < a.count; i++)
 *		if (rdata_mx(a.records[i], &preference, exchange)) ...
 *
 * Ownership: an answer points into the bytes that were read; it lasts as long
 * as they do, or until the next answer_read.
 *
 * Limits: at most ANSWER_RECORDS_MAX records of an RRset are kept (is_cut says
 * so), CNAME chains of more than 8 links are LOOKUP_GARBAGE. One thread.
 */
#ifndef FMX_DNS_MESSAGE_H
#define FMX_DNS_MESSAGE_H

#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/buf.h"
#include "dns/name.h"

enum {
	MESSAGE_QUERY_MAX = 300, /* header, the longest name, type, class, OPT */
	/* The largest UDP answer we invite: fits an IPv6 packet of 1280 bytes. */
	MESSAGE_UDP_MAX = 1232,
	ANSWER_RECORDS_MAX = 128,
	RDATA_TEXT_MAX = 4096,
};

/* RFC 1035, 3596, 4033, 6698: the types we ask for. */
enum rr_type {
	RR_A = 1,
	RR_NS = 2,
	RR_CNAME = 5,
	RR_SOA = 6,
	RR_PTR = 12,
	RR_MX = 15,
	RR_TXT = 16,
	RR_AAAA = 28,
	RR_TLSA = 52,
};

const char *rr_type_name(enum rr_type t); /* "MX" */

enum message_flags { MESSAGE_PLAIN = 0, MESSAGE_RECURSE = 1 };

enum lookup_status {
	LOOKUP_OK,          /* at least one record of the type */
	LOOKUP_NODATA,      /* the name exists, the type does not */
	LOOKUP_NXDOMAIN,    /* neither does */
	LOOKUP_SERVFAIL,    /* the server says that it cannot tell */
	LOOKUP_REFUSED,     /* ... or will not; also NOTAUTH and all other codes */
	LOOKUP_TIMEOUT,     /* no answer after all tries */
	LOOKUP_UNREACHABLE, /* nothing there to answer: ICMP, or no route */
	LOOKUP_GARBAGE,     /* an answer that breaks the format */
};

const char *lookup_status_name(enum lookup_status s); /* "NXDOMAIN", "timeout" */
/* A sure answer, also when it says that there is nothing. */
bool lookup_is_sure(enum lookup_status s);

struct rdata {
	const uint8_t *data;
	uint16_t len;
};

struct answer {
	enum lookup_status status;
	bool is_authentic;         /* AD: the resolver proved it by DNSSEC */
	bool is_authoritative;     /* AA */
	bool is_alias;             /* a CNAME stood before the records */
	bool is_cut;               /* more records than we keep */
	uint32_t ttl;              /* of the records; 0 without any */
	char owner[NAME_TEXT_MAX]; /* where the chain ended */
	size_t count;
	struct rdata records[ANSWER_RECORDS_MAX];
};

/* False if name is no name. id is the message id. */
FMX_MUST_CHECK bool message_ask(const char *name, enum rr_type type,
				enum message_flags flags, uint16_t id,
				uint8_t ret_wire[MESSAGE_QUERY_MAX], size_t *ret_len);

/* The same question once more needs an id of its own. */
void message_set_id(uint8_t wire[MESSAGE_QUERY_MAX], uint16_t id);

/* Takes EDNS off the question; false if it had none. */
FMX_MUST_CHECK bool message_drop_edns(uint8_t wire[MESSAGE_QUERY_MAX], size_t *len);
/* An answer that says FORMERR: the server may be older than EDNS. */
bool message_is_formerr(const uint8_t *wire, size_t len);

/* Any bytes at all; what cannot be read is LOOKUP_GARBAGE. wire is changed
 * (names become lower case). */
void answer_read(struct answer *ret_answer, uint8_t *wire, size_t len, const char *name,
		 enum rr_type type);
/* An answer that never came. */
void answer_failed(struct answer *ret_answer, enum lookup_status why);

/* Readers of one record each; false for what is not of that form. */
FMX_MUST_CHECK bool rdata_addr(struct rdata r, struct addr *ret_addr); /* A, AAAA */
FMX_MUST_CHECK bool rdata_mx(struct rdata r, uint16_t *ret_preference,
			     char ret_exchange[NAME_TEXT_MAX]);
FMX_MUST_CHECK bool rdata_name(struct rdata r,
			       char ret_name[NAME_TEXT_MAX]); /* NS, CNAME, PTR */
FMX_MUST_CHECK bool rdata_serial(struct rdata r, uint32_t *ret_serial); /* SOA */
/* As a master file has it: "3 1 1 ab01..."; appended. */
FMX_MUST_CHECK bool rdata_tlsa(struct rdata r, struct buf *to);
/* The strings of a TXT joined (RFC 7208 3.3), bytes that do not print as '?'. */
FMX_MUST_CHECK bool rdata_text(struct rdata r, char ret_text[RDATA_TEXT_MAX]);

#endif
