/*
 * edit - write a plan into a zone's text, changing those bytes alone
 *
 * New MX lines imitate the last apex MX line: owner style, columns, class, line
 * end, relative or absolute exchange, and how it says its TTL if that is the
 * plan's. Other new records stand at the end of the file, each with its owner,
 * so that no record after them can inherit it. A record that is taken out, or
 * gets another TTL, leaves its owner and TTL to a follower that relied on them.
 *
 * Use:
 *	struct buf out = BUF_INIT(UINT32_MAX);
 *	zone_edit(&in, &ranges, edits, count, serial, &out, &e);
 *
 * Ownership: appends to the caller's buffer.
 *
 * Limits: works on the zone file itself. What stands in an $INCLUDE or comes
 * from a $GENERATE is refused (FMX_EREFUSED) with the file's name.
 */
#ifndef FMX_ZONE_EDIT_H
#define FMX_ZONE_EDIT_H

#include "base/buf.h"
#include "zone/ranges.h"

enum { PLAN_MAX_EDITS = 256, CHANGE_MX_TEXT_MAX = NAME_TEXT_MAX + 8 };

enum edit_action { EDIT_ADD, EDIT_REMOVE };
enum edit_type { EDIT_MX, EDIT_A, EDIT_AAAA, EDIT_TLSA };

/* One record put in or taken out. A changed preference or TTL is both. */
struct zone_change {
	enum edit_action action;
	enum edit_type type;
	uint32_t ttl;
	uint16_t preference;        /* MX */
	char owner[NAME_TEXT_MAX];  /* absolute, lower case, no final dot */
	char target[NAME_TEXT_MAX]; /* MX: the exchange, likewise */
	char *rdata;                /* the others: as in a master file; the plan's */
};

const char *edit_action_name(enum edit_action a); /* "add" "remove" */
const char *edit_type_name(enum edit_type t);     /* "MX" "A" "AAAA" "TLSA" */
enum range_type edit_range_of(enum edit_type t);  /* not of an MX */
FMX_MUST_CHECK bool edit_action_parse(const char *text, enum edit_action *ret);
FMX_MUST_CHECK bool edit_type_parse(const char *text, enum edit_type *ret);

/* "10 mail.example.com." for an MX, made in text; else rdata itself. */
const char *zone_change_rdata(const struct zone_change *c, char text[CHANGE_MX_TEXT_MAX]);

/* The record as one master file line, absolute names, newline included. */
void zone_change_line(const struct zone_change *c, struct buf *out);

FMX_MUST_CHECK int zone_edit(const struct zone_input *in, const struct zone_ranges *p,
			     const struct zone_change *changes, size_t count,
			     uint32_t serial, struct buf *out, struct error *e);

#endif
