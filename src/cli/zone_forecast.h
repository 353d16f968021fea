/*
 * zone_forecast - what a planned zone would mean: findings, and what senders do
 *
 * Made from the zone alone, without a packet: real hosts are taken to accept
 * mail, decoys to do what their posture says. A host whose addresses are in
 * another zone is taken to have one IPv4 address.
 *
 * Use:
 *	struct zone_forecast *o = zone_forecast_new();
 *	zone_forecast_fill(o, &job, &result, postures);
 *	senders_json(&b, &o->before);
 *
 * Ownership: the forecast owns its arrays; it points into the result.
 */
#ifndef FMX_CLI_ZONE_FORECAST_H
#define FMX_CLI_ZONE_FORECAST_H

#include "cli/senders.h"
#include "cli/zone_work.h"
#include "mx/finding.h"

struct zone_forecast_side;
struct zone_forecast {
	struct senders before, after;
	struct findings findings;         /* of the zone as it would be */
	struct zone_forecast_side *sides; /* 2: what before and after point into */
};

struct zone_forecast *zone_forecast_new(void);
void zone_forecast_free(struct zone_forecast *o);
void zone_forecast_fill(struct zone_forecast *o, const struct job *job,
			const struct job_result *r, struct zone_postures postures);

#endif
