#include "cli/zone_run.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/zone_run_live.h"

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
	(void)number;
	stop_asked = 1;
}

struct batch {
	struct zone_run *run;
	size_t *files;
	size_t first, count;
	atomic_size_t next;
	struct zone_outcome outcomes[ZONE_BATCH];
};

/* Live zones are updated by zone_run_live.c, on a loop instead of threads. */
static size_t *choose_files(const struct zone_run *run, size_t *ret_count)
{
	size_t all = run->chosen ? run->chosen_count : run->work->count, n = 0;
	size_t *files = xcalloc(all, sizeof(*files));
	for (size_t i = 0; i < all; i++) {
		size_t index = run->chosen ? run->chosen[i] : i;
		if (!run->work->items[index].update)
			files[n++] = index;
	}
	*ret_count = n;
	return files;
}

static void do_job(const struct zone_run *run, struct job_worker *w,
		   const struct job *job, struct job_result *r)
{
	switch (run->does) {
	case ZONE_PLAN: job_plan(w, job, r); break;
	case ZONE_APPLY: job_apply(w, job, r); break;
	case ZONE_PLAN_REVERT: job_plan_revert(w, job, r); break;
	case ZONE_REVERT: job_revert(w, job, r); break;
	}
}

static void work_on(struct batch *b, size_t at, struct job_worker *w,
		    struct zone_forecast *forecast)
{
	struct zone_run *run = b->run;
	struct zone_outcome *o = &b->outcomes[at];
	struct job job;
	struct job_result r = { .outcome = JOB_FAILED };
	o->index = b->files[b->first + at];
	o->text.limit = 64 << 20;
	zone_work_job(run->work, o->index, &job);
	const struct zone_work_item *item = &run->work->items[o->index];
	if (item->problem[0]) {
		o->outcome = JOB_REFUSED;
		(void)error_set(&o->error, FMX_EREFUSED, "%s", item->problem);
		return;
	}
	/* what is only done, and was shown before, needs neither diff nor forecast */
	bool is_shown =
	    run->render || run->does == ZONE_PLAN || run->does == ZONE_PLAN_REVERT;
	job.needs_no_diff = !is_shown;
	do_job(run, w, &job, &r);
	zone_outcome_take(o, &r);
	if (r.outcome == JOB_FAILED || !is_shown)
		return;
	zone_outcome_fill(o, run, &job, &r, forecast);
}

static void *worker(void *arg)
{
	struct batch *b = arg;
	struct job_worker *w = job_worker_new();
	struct zone_forecast *forecast = zone_forecast_new();
	size_t at;
	while (!stop_asked && (at = atomic_fetch_add(&b->next, 1)) < b->count)
		work_on(b, at, w, forecast);
	zone_forecast_free(forecast);
	job_worker_free(w);
	return NULL;
}

static unsigned threads_for(size_t zones)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cores < 1                  ? 1
		     : cores > ZONE_THREADS_MAX ? ZONE_THREADS_MAX
						: (unsigned)cores;
	return zones < n ? (unsigned)zones : n;
}

static void run_batch(struct batch *b)
{
	pthread_t threads[ZONE_THREADS_MAX];
	unsigned started = 0;
	atomic_store(&b->next, 0);
	for (unsigned n = threads_for(b->count); started + 1 < n; started++)
		if (pthread_create(&threads[started], NULL, worker, b) != 0)
			break; /* fewer workers do it too */
	(void)worker(b);
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
}

static void tell_batch(struct batch *b)
{
	size_t done = atomic_load(&b->next);
	for (size_t i = 0; i < b->count; i++) {
		struct zone_outcome *o = &b->outcomes[i];
		if (i < done) {
			zone_totals_count(&b->run->totals, o);
			if (b->run->tell)
				b->run->tell(b->run, o);
		}
		buf_release(&o->text);
		*o = (struct zone_outcome){ 0 };
	}
}

void zone_run_all(struct zone_run *run)
{
	struct sigaction now = { .sa_handler = on_signal }, old_int, old_term;
	struct progress progress;
	struct batch *b = xcalloc(1, sizeof(*b));
	b->run = run;
	(void)sigaction(SIGINT, &now, &old_int);
	(void)sigaction(SIGTERM, &now, &old_term);
	progress_begin(&progress, run->cli, run->what);
	size_t n;
	b->files = choose_files(run, &n);
	for (; b->first < n && !stop_asked; b->first += b->count) {
		b->count = n - b->first < ZONE_BATCH ? n - b->first : ZONE_BATCH;
		run_batch(b);
		tell_batch(b);
		progress_set(&progress, b->first + b->count, n, NULL);
	}
	if (!stop_asked)
		zone_run_live(run, &progress);
	progress_end(&progress);
	run->interrupted = stop_asked;
	(void)sigaction(SIGINT, &old_int, NULL);
	(void)sigaction(SIGTERM, &old_term, NULL);
	free(b->files);
	free(b);
}
