#include "cli/zone_outcome.h"

void zone_totals_count(struct zone_totals *t, const struct zone_outcome *o)
{
	t->zones++;
	t->no_mail += o->outcome == JOB_NO_MAIL;
	t->same += o->outcome == JOB_SAME;
	t->changed += o->outcome == JOB_CHANGED;
	t->refused += o->outcome == JOB_REFUSED;
	t->failed += o->outcome == JOB_FAILED;
	t->warned += o->worst >= SEVERITY_WARNING;
	if (o->gone_by > t->gone_by)
		t->gone_by = o->gone_by;
}
