/*
 * estimate_show - an estimate (estimate.h) as text and as JSON; outlet/page has it as a
 *page
 *
 * The JSON has the keys of a report, so that what reads reports reads it too:
 * nothing of a decoy was seen, hence no order, fate or delay; and a key
 * `estimate` with the ranges. An anonymous one has no address, name or domain.
 *
 * Use:
 *	struct estimate_page page = { .site = "example", .hosts = h,
 *				      .host_count = n, .result = &r };
 *	estimate_text(&page, &style, &buf);
 *
 * Ownership: borrows everything.
 */
#ifndef FMX_OUTLET_ESTIMATE_ESTIMATE_SHOW_H
#define FMX_OUTLET_ESTIMATE_ESTIMATE_SHOW_H

#include <jansson.h>

#include "base/buf.h"
#include "outlet/estimate/estimate.h"
#include "outlet/text.h"

enum { ESTIMATE_LAYOUTS = 3 };

struct estimate_page_host {
	const char *name;
	uint16_t preference;
	bool has_preference; /* false: only its rank is known */
};

struct estimate_page {
	const char *site;
	const struct estimate_page_host *hosts; /* as in the result */
	size_t host_count;
	bool is_anonymous;
	const struct estimate_result *result;
};

void estimate_text(const struct estimate_page *page, const struct text_style *style,
		   struct buf *out);
/* A new reference. */
json_t *estimate_json(const struct estimate_page *page);

/* What the ways to show it share. Range i of ESTIMATE_LAYOUTS, and its layout. */
const struct estimate_range *estimate_range_at(const struct estimate_result *r, size_t i,
					       const char **ret_layout);
/* n of all senders, 0 to 1. */
double estimate_share(const struct estimate_result *r, uint64_t n);
/* As an anonymous report calls them, where it is one. */
const char *estimate_site_name(const struct estimate_page *page);
const char *estimate_host_name(const struct estimate_page *page, size_t i,
			       char to[NAME_MAX_TEXT]);
/* Why a sender is at risk: a clause. */
const char *estimate_risk_reason(enum tier t);

#endif
