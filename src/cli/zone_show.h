/*
 * zone_show - a planned, applied or reverted zone, for people and programs
 *
 * render functions for zone_run.h. JSON is DESIGN section 4's `plan`; text is a
 * unified diff with findings and the senders whose lot changes; nsupdate and
 * knotc are commands for people whose DNS lives elsewhere.
 */
#ifndef FMX_CLI_ZONE_SHOW_H
#define FMX_CLI_ZONE_SHOW_H

#include "cli/zone_run.h"

void zone_render_json(const struct zone_run *run, const struct job *job,
		      const struct job_result *r, const struct zone_forecast *o,
		      struct buf *out);
void zone_render_text(const struct zone_run *run, const struct job *job,
		      const struct job_result *r, const struct zone_forecast *o,
		      struct buf *out);
void zone_render_nsupdate(const struct zone_run *run, const struct job *job,
			  const struct job_result *r, const struct zone_forecast *o,
			  struct buf *out);
void zone_render_knotc(const struct zone_run *run, const struct job *job,
		       const struct job_result *r, const struct zone_forecast *o,
		       struct buf *out);

/* A zone that could not be read or must not be changed, in the same shapes. */
void zone_json_problem(const struct zone_work *w, const struct zone_outcome *o,
		       struct buf *out);

/* "3 zones: 2 to change, 1 as wanted." */
void zone_show_summary(FILE *to, const struct zone_totals *t, bool written);

#endif
