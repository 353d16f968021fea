/*
 * domain_show - a domain's plan or revert, for people and programs
 *
 * What zone_show prints, and besides what each name server says.
 */
#ifndef FMX_CLI_DOMAIN_SHOW_H
#define FMX_CLI_DOMAIN_SHOW_H

#include "cli/zone_show.h"
#include "zone/domain.h"

/* One line: the same document as of a zone file. */
void domain_json(const struct domain_result *r, const struct zone_forecast *o,
		 bool reverts, struct buf *out);
void domain_json_problem(const char *domain, enum layout layout, enum job_outcome outcome,
			 const char *text, struct buf *out);

/* For people; not 0 when the format cannot say it. */
FMX_MUST_CHECK int domain_text(const struct domain_result *r,
			       const struct zone_forecast *o, bool reverts,
			       enum export_format format, struct buf *out,
			       struct error *e);

#endif
