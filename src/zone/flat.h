/*
 * flat - a zone's text written out, equal, so that libzscanner can judge it
 *
 * One line a record: absolute owner, TTL, class, type, data. $INCLUDE and
 * $GENERATE are written out, and what BIND loads and libzscanner does not know
 * is put into words that it knows: names with unusual bytes get escapes, base64
 * in pieces is put together, and of a type that it lacks the data is the text
 * itself in RFC 3597 form (with the origin in force, which names in it may
 * depend on): equal texts make equal records.
 *
 * Use:
 *	struct buf out = BUF_INIT(UINT32_MAX);
 *	struct flat_ttl ttl = { FLAT_AS_BIND };
 *	flat_write(&in, &ttl, &out, &e);
 */
#ifndef FMX_ZONE_FLAT_H
#define FMX_ZONE_FLAT_H

#include "base/buf.h"
#include "zone/records.h"

enum flat_reading {
	FLAT_AS_BIND,
	FLAT_AS_WRITTEN, /* a record without TTL, and without $TTL, has an hour: Knot, NSD
			  */
};

struct flat_ttl {
	enum flat_reading as;
	bool differs; /* set: the two readings are not the same */
};

FMX_MUST_CHECK int flat_write(const struct zone_input *in, struct flat_ttl *ttl,
			      struct buf *out, struct error *e);

/* Puts "FILE line N: words" into e, for what stands in the n-th line (from 1) of
 * the text that flat_write() makes. */
void flat_blame(const struct zone_input *in, uint64_t n, const char *words,
		struct error *e);

#endif
