#include "cli/zone_outcome.h"

#include "base/mem.h"

void zone_outcome_take(struct zone_outcome *o, const struct job_result *r)
{
	o->outcome = r->outcome;
	o->error = r->error;
	o->gone_by = r->gone_by;
	o->serial = r->serial;
	o->was_restored = r->was_restored;
	o->lags = r->lags;
	o->is_left = r->is_left;
	o->again_at = r->again_at;
	(void)str_copy(o->note, sizeof(o->note), r->note);
}

void zone_outcome_fill(struct zone_outcome *o, const struct zone_run *run,
		       const struct job *job, const struct job_result *r,
		       struct zone_forecast *forecast)
{
	const struct zone_work *w = run->work;
	const struct zone_want *want = w->items[o->index].want;
	const struct site *site =
	    w->has_config ? zone_want_site(&w->config, job->origin) : NULL;
	zone_forecast_fill(
	    forecast,
	    &(struct zone_forecast_of){ .origin = job->origin,
					.zone = job->origin,
					.want = r->want ? r->want : job->want,
					.postures = want->postures,
					.site = site },
	    r);
	const struct findings *f = &forecast->findings;
	o->has_findings = f->count > 0;
	o->worst = findings_worst(f);
	if (f->count) /* the worst come first */
		(void)str_copy(o->worst_text, sizeof(o->worst_text), f->items[0].text);
	if (run->render && run->render(run, job, r, forecast, &o->text, &o->error) != 0)
		o->outcome = JOB_REFUSED;
}

void zone_totals_count(struct zone_totals *t, const struct zone_outcome *o)
{
	unsigned worst = o->has_findings ? o->worst + 1U : 0;
	if (o->outcome >= JOB_REFUSED)
		worst = SEVERITY_ERROR + 1U;
	t->zones++;
	t->no_mail += o->outcome == JOB_NO_MAIL;
	t->same += o->outcome == JOB_SAME;
	t->changed += o->outcome == JOB_CHANGED;
	t->refused += o->outcome == JOB_REFUSED;
	t->failed += o->outcome == JOB_FAILED;
	t->left += o->is_left;
	t->warned += o->worst >= SEVERITY_WARNING;
	if (worst > t->worst)
		t->worst = worst;
	if (o->again_at > t->again_at)
		t->again_at = o->again_at;
	if (o->gone_by > t->gone_by)
		t->gone_by = o->gone_by;
}
