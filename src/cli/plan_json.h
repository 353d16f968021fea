/*
 * plan_json - one zone's plan, as what was planned, applied or reverted, in JSON
 *
 * DESIGN section 5's `plan` is made of these, an object a zone.
 */
#ifndef FMX_CLI_PLAN_JSON_H
#define FMX_CLI_PLAN_JSON_H

#include <jansson.h>

#include "cli/zone_outcome.h"
#include "zone/export.h"

struct zone_shown {
	const char *origin; /* whose MX set */
	const char *zone;   /* that it is in */
	enum layout layout;
	bool reverts;
	const struct job_result *result;
	const struct zone_forecast *forecast;
};

/* In one line. servers: taken; NULL: no name server was asked. */
void plan_json(const struct zone_shown *z, json_t *servers, struct buf *out);
/* Of a zone without a plan, in the same shape. */
void plan_json_problem(const char *zone, enum layout layout, enum job_outcome outcome,
		       const char *text, json_t *servers, struct buf *out);

struct export plan_json_export(const struct zone_shown *z);

#endif
