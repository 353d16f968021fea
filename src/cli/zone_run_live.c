#include "cli/zone_run_live.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "zone/live.h"

struct site_run {
	struct zone_run *run;
	struct progress *progress;
	size_t *indices; /* in the work, of the jobs */
	struct job *jobs;
	size_t count, done;
	struct zone_forecast *forecast;
};

static void on_done(void *arg, size_t index, const struct job_result *r)
{
	struct site_run *s = arg;
	struct zone_outcome o = { .index = s->indices[index],
				  .text = BUF_INIT(64 << 20) };
	zone_outcome_take(&o, r);
	if (r->outcome != JOB_FAILED)
		zone_outcome_fill(&o, s->run, &s->jobs[index], r, s->forecast);
	zone_totals_count(&s->run->totals, &o);
	if (s->run->tell)
		s->run->tell(s->run, &o);
	buf_release(&o.text);
	progress_set(s->progress, ++s->done, s->count, NULL);
}

static enum live_does live_does(enum zone_does d)
{
	switch (d) {
	case ZONE_PLAN: return LIVE_PLAN;
	case ZONE_APPLY: return LIVE_APPLY;
	case ZONE_PLAN_REVERT: return LIVE_PLAN_REVERT;
	case ZONE_REVERT: return LIVE_REVERT;
	}
	return LIVE_PLAN;
}

/* What concerns all zones of a site alike: its key, its server. */
static void fail_all(struct site_run *s, const struct error *e)
{
	static const struct plan no_plan;
	static const struct zone_facts no_facts;
	static const struct zone_ranges no_ranges;
	struct job_result r = { .outcome = JOB_FAILED,
				.error = *e,
				.plan = &no_plan,
				.facts = &no_facts,
				.ranges = &no_ranges,
				.diff = "" };
	for (size_t i = 0; i < s->count; i++)
		on_done(s, i, &r);
}

static void run_site(struct site_run *s, const struct config_zone *z)
{
	struct tsig_key *key = NULL;
	struct error e;
	struct live_options o = { .does = live_does(s->run->does),
				  .server = z->update_server,
				  .resolver = s->run->work->resolver,
				  .servers = z->update_servers,
				  .server_count = z->update_server_count,
				  .done = on_done,
				  .arg = s };
	int rc = z->update_key[0] ? tsig_key_read(z->update_key, &key, &e) : 0;
	o.key = key;
	if (rc == 0)
		rc = live_run(&o, s->jobs, s->count, &e);
	if (rc != 0)
		fail_all(s, &e);
	tsig_key_free(key);
}

static void collect_site(struct site_run *s, const struct config_zone *z)
{
	const struct zone_run *run = s->run;
	size_t all = run->chosen ? run->chosen_count : run->work->count;
	s->count = s->done = 0;
	for (size_t i = 0; i < all; i++) {
		size_t index = run->chosen ? run->chosen[i] : i;
		if (run->work->items[index].update != z)
			continue;
		zone_work_job(run->work, index, &s->jobs[s->count]);
		s->indices[s->count++] = index;
	}
}

void zone_run_live(struct zone_run *run, struct progress *progress)
{
	size_t all = run->work->count;
	struct site_run s = { .run = run,
			      .progress = progress,
			      .indices = xcalloc(all, sizeof(*s.indices)),
			      .jobs = xcalloc(all, sizeof(*s.jobs)),
			      .forecast = zone_forecast_new() };
	for (size_t i = 0; run->work->has_config && i < run->work->config.site_count;
	     i++) {
		collect_site(&s, &run->work->config.zones[i]);
		if (s.count)
			run_site(&s, &run->work->config.zones[i]);
	}
	zone_forecast_free(s.forecast);
	free(s.indices);
	free(s.jobs);
}
