/*
 * digest - what a name server would make of a zone text, by libzscanner
 *
 * The judge of every edit: the record set after must be the record set before
 * plus exactly the plan, else nothing is written. A set is kept as the number
 * of its records and the sum of their keyed hashes, so a million records cost
 * no memory, order does not matter, and sets can be added and taken away:
 *
 *	after == before - removed + added
 *
 * Owner names, and names within MX, SOA, NS and CNAME, are hashed in lower
 * case (RFC 4343); TTL and class belong to the record. The SOA's serial is left
 * out of the hash: see zone_facts.serial. The hash's key is drawn
 * once per process, so the comparison cannot be aimed at.
 *
 * Use:
 *	struct zone_digest before, after;
 *	digest_read(r, &in, &before, &facts, &e);
 *
 * Ownership: a reader holds libzscanner's 206 kB; make one per thread and
 * reuse it.
 */
#ifndef FMX_ZONE_DIGEST_H
#define FMX_ZONE_DIGEST_H

#include <stdint.h>

#include "zone/records.h"

enum { ZONE_MAX_MX = 64 };

struct zone_digest {
	uint64_t count;
	uint64_t sum;
};

struct zone_mx {
	uint16_t preference;
	uint32_t ttl;
	char exchange[NAME_TEXT_MAX];
};

/* What the plan has to know of a zone. */
struct zone_facts {
	uint32_t soa_count; /* 1 in a zone: equal ones are one */
	uint32_t serial, soa_ttl, soa_minimum;
	bool has_rrsig;       /* signed */
	bool has_wildcard_mx; /* *.origin MX */
	bool ttl_differs;     /* not all servers read the same TTLs: see flat.h */
	bool has_other_mx;    /* at names other than the apex: never touched */
	char spf[512];        /* at the apex; "" for none, perhaps cut short */
	uint32_t mx_count;    /* at the apex; those beyond ZONE_MAX_MX are not in mx */
	struct zone_mx mx[ZONE_MAX_MX]; /* last: only mx_count of it are copied */
};

void zone_facts_clear(struct zone_facts *f);
void zone_facts_copy(struct zone_facts *to, const struct zone_facts *from);

struct digest_reader;
struct digest_reader *digest_reader_new(void);
void digest_reader_free(struct digest_reader *r);

/*
 * Reads all records through $INCLUDE and $GENERATE. FMX_EMALFORMED with file,
 * line and libzscanner's words; FMX_ETOOBIG. ret_facts may be NULL.
 */
FMX_MUST_CHECK int digest_read(struct digest_reader *r, const struct zone_input *in,
			       struct zone_digest *ret_set, struct zone_facts *ret_facts,
			       struct error *e);

/* Names whose records a plan may change. */
enum { DIGEST_MAX_NAMES = 8 };
struct digest_names {
	uint8_t wire[DIGEST_MAX_NAMES][NAME_WIRE_MAX];
	size_t len[DIGEST_MAX_NAMES];
	size_t count;
};
/* False: no room, or no name. */
FMX_MUST_CHECK bool digest_name(struct digest_names *n, const char *name);

/* The records that no plan speaks of (all but the SOA, the apex MX, and those of
 * the names), as a server reads them for which a record has only the TTL that is
 * written: what digest_read() cannot show where zone_facts.ttl_differs. */
FMX_MUST_CHECK int digest_read_rest(struct digest_reader *r, const struct zone_input *in,
				    const struct digest_names *names,
				    struct zone_digest *ret_set, struct error *e);

/* Every record but the SOA and what a signer makes: hashes of owner, class, type and
 * data, without TTLs, in ascending order. */
struct digest_records {
	uint64_t *hashes;
	size_t count, cap;
};
/* After an error nothing is to be released. */
FMX_MUST_CHECK int digest_read_records(struct digest_reader *r,
				       const struct zone_input *in,
				       struct digest_records *ret, struct error *e);
void digest_records_release(struct digest_records *s);
/* How many of `some` are among `all`. */
size_t digest_records_common(const struct digest_records *some,
			     const struct digest_records *all);

struct zone_digest digest_add(struct zone_digest a, struct zone_digest b);
struct zone_digest digest_take(struct zone_digest a, struct zone_digest b);
bool digest_equal(struct zone_digest a, struct zone_digest b);

#endif
