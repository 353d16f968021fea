/*
 * records - the records of a zone in order, through $INCLUDE and $GENERATE
 *
 * Keeps origin, owner and TTL as RFC 1035 5.1 and RFC 2308 4 say, and tells for
 * each record in which file and at which bytes it stands. Names are text as in
 * dns/name.h: lower case, absolute, no final dot.
 *
 * A record that says no TTL has that of the $TTL before it, wherever that
 * stands. Where there is none, name servers differ, and both answers are told:
 * BIND takes the SOA's minimum if the SOA says no TTL, else the TTL of the
 * record before; Knot and NSD take an hour.
 *
 * Use:
 *	struct zone_input in = { .path = p, .text = t, .len = n, .origin = "example.com"
 *}; rc = records_each(&in, on_record, me, &e);
 *
 * Ownership: the input is borrowed; what the callback gets is lent.
 *
 * Limits: RECORDS_MAX_DEPTH files deep, RECORDS_MAX_FILES files. An $INCLUDE that
 * includes itself is refused with the chain's end.
 */
#ifndef FMX_ZONE_RECORDS_H
#define FMX_ZONE_RECORDS_H

#include "base/error.h"
#include "dns/name.h"
#include "zone/lex.h"

enum { RECORDS_MAX_DEPTH = 8, RECORDS_MAX_FILES = 256, RECORDS_PLAIN_TTL = 3600 };

struct zone_input {
	const char *path; /* for sentences, and the base of relative $INCLUDEs */
	const char *text;
	size_t len;
	const char *origin;
	/* The server's own base folder for relative $INCLUDEs (BIND: its
	 * `directory`); NULL: the folder of path (Knot, NSD). */
	const char *include_base;
};

/* One record, or one of $ORIGIN and $TTL. */
struct zone_at {
	const char *path;  /* of the file it stands in */
	unsigned depth;    /* 0: in the zone file itself, else included */
	bool is_generated; /* written out of a $GENERATE: en has no place */
	const char *text;  /* what en's spans are of */
	const struct lex_entry *en;
	uint32_t line;      /* in that file; of a generated one the $GENERATE's */
	const char *origin; /* in force */
	/* The owner as written, and the origin that was in force there. Not
	 * there (len 0): no record has been named yet. */
	const char *owner_text, *owner_origin;
	struct lex_span owner;
	uint32_t default_ttl; /* the last $TTL, if has_default_ttl */
	bool has_default_ttl;
	/* A record's TTL as BIND reads it, and as a server does that knows only
	 * what is written and $TTL. */
	uint32_t ttl, plain_ttl;
	uint32_t ttl_before; /* of the record before it, as BIND reads it */
	/* A record here that says no TTL has that of the record before (BIND). */
	bool inherits_ttl;
};

/* 0 to go on, anything else ends the reading, and records_each() returns it. */
typedef int (*records_fn)(void *arg, const struct zone_at *at, struct error *e);

FMX_MUST_CHECK int records_each(const struct zone_input *in, records_fn fn, void *arg,
				struct error *e);

/* The absolute owner of a record. FMX_EMALFORMED when it is no name. */
FMX_MUST_CHECK int zone_owner(const struct zone_at *at, char ret_name[NAME_TEXT_MAX],
			      struct error *e);
/* A name token (an exchange, say) made absolute by an origin. */
FMX_MUST_CHECK bool zone_name(const char *text, struct lex_span token, const char *origin,
			      char ret_name[NAME_TEXT_MAX]);

/* True if the type is this one, by its name or as TYPEn (RFC 3597 5). */
bool zone_type_is(const struct zone_at *at, const char *name, unsigned number);
/* RFC 3597 5: data as bytes, which fakemx does not write in. */
bool zone_is_generic(const struct zone_at *at);

/* What to do where the file of a zone is not there. */
#define ZONE_FILE_MISSING                                                                \
	"Name the file that your name server loads: `--zone` with the server's own "     \
	"configuration, such as /etc/bind/named.conf, finds it. Without a zone file, "   \
	"`fakemx plan DOMAIN` says what to type at your DNS provider"

/* The whole file; the caller frees. At most 4 GiB. */
FMX_MUST_CHECK int zone_read_file(const char *path, char **ret_text, size_t *ret_len,
				  struct error *e);

#endif
