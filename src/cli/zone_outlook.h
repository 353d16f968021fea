/*
 * zone_outlook - what a planned zone would mean: findings, and what senders do
 *
 * Made from the zone alone, without a packet: real hosts are taken to accept
 * mail, decoys to do what their posture says. A host whose addresses are in
 * another zone is taken to have one IPv4 address.
 *
 * Use:
 *	struct zone_outlook *o = zone_outlook_new();
 *	zone_outlook_fill(o, &job, &result, postures);
 *	senders_json(&b, &o->before);
 *
 * Ownership: the outlook owns its arrays; it points into the result.
 */
#ifndef FMX_CLI_ZONE_OUTLOOK_H
#define FMX_CLI_ZONE_OUTLOOK_H

#include "cli/senders.h"
#include "cli/zone_work.h"
#include "mx/finding.h"

struct zone_outlook_side;
struct zone_outlook {
	struct senders before, after;
	struct findings findings;        /* of the zone as it would be */
	struct zone_outlook_side *sides; /* 2: what before and after point into */
};

struct zone_outlook *zone_outlook_new(void);
void zone_outlook_free(struct zone_outlook *o);
void zone_outlook_fill(struct zone_outlook *o, const struct job *job,
		       const struct job_result *r, struct zone_postures postures);

#endif
