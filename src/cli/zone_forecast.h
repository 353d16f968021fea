/*
 * zone_forecast - what a planned zone would mean: findings, and what senders do
 *
 * Real hosts are taken to accept mail, decoys to do what their posture says. A
 * host whose addresses are in another zone, and were not looked up, is taken to
 * have one IPv4 address. The findings are those of `check` (findings_of), on
 * the zone as it would be; what was looked up of it (SPF, MTA-STS, name servers)
 * counts too. Of a zone file no packet is sent.
 *
 * Use:
 *	struct zone_forecast *o = zone_forecast_new();
 *	zone_forecast_fill(o, &(struct zone_forecast_of){ ... }, &result);
 *	senders_json(&b, &o->before);
 *
 * Ownership: the forecast owns its arrays; it points into the result.
 */
#ifndef FMX_CLI_ZONE_FORECAST_H
#define FMX_CLI_ZONE_FORECAST_H

#include "cli/senders.h"
#include "cli/zone_work.h"
#include "mx/finding.h"

/* Of what. */
struct zone_forecast_of {
	const char *origin; /* whose MX set */
	const char *zone;   /* that it is in */
	const struct plan_want *want;
	struct zone_postures postures;
	const struct seen *world; /* what was looked up; NULL: nothing */
	const struct site *site;  /* the configuration's; NULL: none */
};

struct zone_forecast_side;
struct zone_forecast {
	struct senders before, after;
	struct findings findings;         /* of the zone as it would be */
	struct zone_forecast_side *sides; /* 2: what before and after point into */
};

struct zone_forecast *zone_forecast_new(void);
void zone_forecast_free(struct zone_forecast *o);
void zone_forecast_fill(struct zone_forecast *o, const struct zone_forecast_of *of,
			const struct job_result *r);

#endif
