/*
 * ranges - where in a zone's text the things stand that a plan may change
 *
 * Found by the lexer, checked against what libzscanner read (digest.h):
 * if the two do not see the same apex MX set and SOA serial, nothing is
 * planned. Besides, the addresses, aliases and TLSA of names one asks for.
 *
 * Use:
 *	struct zone_ranges p;
 *	ranges_read(&in, names, count, &p, &e);
 *
 * Ownership: ranges_release frees the list of records.
 */
#ifndef FMX_ZONE_RANGES_H
#define FMX_ZONE_RANGES_H

#include "base/addr.h"
#include "zone/digest.h"
#include "zone/records.h"

enum { RANGES_MAX_RECORDS = 4096, RANGES_MAX_SOA = 4 };

/* Where a record stands, and its TTL there. */
struct record_place {
	struct lex_entry en;
	unsigned depth; /* 0: in the zone file itself */
	bool is_generated;
	uint32_t ttl;        /* as BIND reads it */
	uint32_t ttl_before; /* of the record before it, likewise */
	bool is_inherited;   /* a record after it that says no TTL takes this one's */
};

/* An apex MX record and where it stands. */
struct mx_range {
	struct record_place at;
	uint16_t preference;
	char exchange[NAME_TEXT_MAX];
	struct lex_span preference_span, exchange_span;
	char origin[NAME_TEXT_MAX]; /* in force there */
};

/* A print-out of a zone transfer has it twice, at the beginning and the end. */
struct soa_range {
	struct lex_entry en;
	unsigned depth;
	bool is_generated;
	struct lex_span serial_span;
	uint32_t serial;
};

enum range_type { RANGE_A, RANGE_AAAA, RANGE_CNAME, RANGE_TLSA, RANGE_NS, RANGE_DNAME };

/* A record of one of the names asked for; rdata as written. */
struct record_range {
	struct record_place at; /* of a zone file */
	enum range_type type;
	char owner[NAME_TEXT_MAX];
	char *rdata;      /* words, one space between; a CNAME's made absolute; a
			     TLSA's digits in one piece */
	struct addr addr; /* A and AAAA */
};

struct zone_ranges {
	struct soa_range soa[RANGES_MAX_SOA];
	uint32_t soa_count;
	uint32_t mx_count;
	char last_origin[NAME_TEXT_MAX]; /* in force at the end of the zone file */
	/* In force there, for every name server: said by $TTL, in this file. */
	uint32_t default_ttl;
	bool has_default_ttl;
	struct record_range *records;
	size_t record_count;
	/* The include that the first of them stands in, for the sentence. */
	char include_path[512];
	struct mx_range mx[ZONE_MAX_MX]; /* last: it is large, and not cleared */
};

/* names: absolute, lower case. A TLSA is asked for by its full owner name
 * (_25._tcp.mail.example.com). */
FMX_MUST_CHECK int ranges_read(const struct zone_input *in, const char *const *names,
			       size_t name_count, struct zone_ranges *ret,
			       struct error *e);
void ranges_release(struct zone_ranges *p);

/* Makes room and copies, rdata too: for who reads records elsewhere. NULL when
 * there are RANGES_MAX_RECORDS. */
struct record_range *ranges_add(struct zone_ranges *p, enum range_type type,
				const char *owner, const char *rdata);

#endif
