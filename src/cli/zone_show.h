/*
 * zone_show - a planned, applied or reverted zone, for people and programs
 *
 * JSON is DESIGN section 5's `plan`; text is a unified diff with findings and
 * the senders whose lot changes; export.h has what is typed or run elsewhere.
 * The zone_render_ functions are what zone_run wants; the zone_show_ ones are
 * for others who have a plan to show (domain_show).
 */
#ifndef FMX_CLI_ZONE_SHOW_H
#define FMX_CLI_ZONE_SHOW_H

#include "cli/plan_json.h"
#include "cli/zone_outcome.h"

/* What begins the document before the zones, and ends it; done: of apply and revert. */
void zone_show_json_begin(void);
void zone_show_json_end(const struct zone_totals *planned,
			const struct zone_totals *done);

void zone_show_no_mail(const char *origin, const struct job_result *r, struct buf *out);
void zone_show_findings(const struct findings *f, struct buf *out);
void zone_show_senders(const struct zone_forecast *o, struct buf *out);
FMX_MUST_CHECK int zone_show_export(enum export_format format, const struct zone_shown *z,
				    struct buf *out, struct error *e);
/* --format: CLI_DONE, or said. */
FMX_MUST_CHECK int zone_show_format(const struct cli *c, bool *ret_given,
				    enum export_format *ret);

zone_render_fn zone_render_json, zone_render_text, zone_render_export;

/* A zone that could not be read or must not be changed, in the same shape. */
void zone_json_problem(const struct zone_work *w, const struct zone_outcome *o,
		       struct buf *out);

/* "3 zones: 2 to change, 1 as wanted", with these words for both. */
void zone_show_summary(FILE *to, const struct zone_totals *t, const char *changed,
		       const char *same);

#endif
