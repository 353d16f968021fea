/*
 * export - a plan as records to type, or as another program's input
 *
 * For zones that fakemx does not write itself: a provider's page, an API, the
 * tools of a name server. Providers replace whole RRsets, so the whole MX set
 * before and after is always there, and the undo beside it.
 *
 * Use:
 *	struct export r = { .zone = "example.com", .domain = "example.com",
 *		.before = mx, .before_count = n, .plan = &plan };
 *	if (export_write(EXPORT_NSUPDATE, &r, &out, &e) != 0)
 *		...			// FMX_EREFUSED: it cannot say that; the reason
 *	export_after(&r, &count);	//
 *"mx_before":[...],"mx_after":[...],"records":[...]
 *
 * Ownership: values are borrowed; text is appended to the caller's buffer.
 *
 * Limits: those of plan.h. A plan that was refused has no set after: its
 * mx_after is null, so that nobody replaces a set by it.
 */
#ifndef FMX_ZONE_EXPORT_H
#define FMX_ZONE_EXPORT_H

#include "zone/plan.h"

struct export
{
	const char *zone;             /* names in a form are relative to it */
	const char *domain;           /* whose MX set it is: the zone, or a name in it */
	const struct zone_mx *before; /* NULL: nobody looked, for nothing is to be done */
	uint32_t before_count;
	const struct plan *plan;
	bool reverts; /* the plan takes decoys out */
	/* What is there at the names that the plan changes: of an RRset that is replaced
	 * the others stay. */
	const struct record_range *records;
	size_t record_count;
};

enum export_format {
	EXPORT_TABLE, /* "records": a table for a provider's form */
	EXPORT_ZONE,
	EXPORT_NSUPDATE,
	EXPORT_KNOTC,
	EXPORT_POWERDNS,   /* one PATCH body on one line */
	EXPORT_DNSCONTROL, /* can only add */
	EXPORT_OCTODNS,
	EXPORT_FORMATS,
};

#define EXPORT_FORMAT_NAMES "records|zone|nsupdate|knotc|powerdns|dnscontrol|octodns"

const char *export_format_name(enum export_format f);
FMX_MUST_CHECK bool export_format_parse(const char *text, enum export_format *ret);

FMX_MUST_CHECK int export_write(enum export_format f, const struct export *r,
				struct buf *out, struct error *e);

/* The MX set that is there when all is done; NULL: it cannot be told. */
const struct zone_mx *export_after(const struct export *r, uint32_t *ret_count);

/* What a form wants in its name field: "@", "fake1.mx". The name itself when
 * it is not in the zone. */
const char *export_name(const struct export *r, const char *owner,
			char text[NAME_TEXT_MAX]);

#endif
