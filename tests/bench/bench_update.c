/*
 * bench_update - dynamic updates of 1,000 zones side by side, against one
 * after another
 *
 * A real Knot DNS on loopback takes both. The first half of the zones is
 * changed with LIVE_AT_ONCE under way, the second half one at a time, in
 * interleaved slices; wall clock, medians. Each zone is asked for its records,
 * planned, updated with TSIG and all prerequisites, and asked again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/live.h"

enum { ZONES = 1000, SLICE = 100, PAIRS = ZONES / SLICE / 2 };

static char state[] = "/dev/shm/fakemx-bench-state-XXXXXX";

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "bench_update: %s\n", what);
	exit(1);
}

static void on_done(void *arg, size_t index, const struct job_result *r)
{
	(void)index;
	if (r->outcome != JOB_CHANGED)
		must(false, r->error.text);
	(*(size_t *)arg)++;
}

static double run(struct live_options *o, struct job *jobs, unsigned slice,
		  unsigned at_once)
{
	struct error e;
	size_t done = 0;
	o->at_once = at_once;
	o->arg = &done;
	int64_t begin = stamp_monotonic();
	must(live_run(o, jobs + (size_t)slice * SLICE, SLICE, &e) == 0, "running");
	must(done == SLICE, "a zone is missing");
	return (double)(stamp_monotonic() - begin) / (double)STAMP_SECOND;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *v)
{
	qsort(v, PAIRS, sizeof(*v), by_value);
	return v[PAIRS / 2];
}

static void compare(struct live_options *o, struct job *jobs)
{
	double ours[PAIRS], theirs[PAIRS], ratio[PAIRS];
	for (unsigned i = 0; i < PAIRS; i++) {
		ours[i] = run(o, jobs, 2 * i, 0);
		theirs[i] = run(o, jobs, 2 * i + 1, 1);
		ratio[i] = theirs[i] / ours[i];
	}
	double r = median(ratio);
	(void)printf("update, 1,000 zones side by side / one by "
		     "one\t%.0f/s\t%.0f/s\t%.2f\t>= 1\t%s\n",
		     SLICE / median(ours), SLICE / median(theirs), r,
		     r >= 1 ? "ok" : "MISS");
}

static struct job *make_jobs(const struct plan_want *want)
{
	struct job *jobs = xcalloc(ZONES, sizeof(*jobs));
	for (unsigned i = 0; i < ZONES; i++) {
		jobs[i] =
		    (struct job){ .want = want, .state = state, .now = stamp_now() };
		(void)snprintf(jobs[i].origin, sizeof(jobs[i].origin), "zone%u.example",
			       i);
	}
	return jobs;
}

int main(void)
{
	int in[2], out[2];
	unsigned port = 0;
	char key_path[256] = "";
	struct error e;
	must(pipe(in) == 0 && pipe(out) == 0 && mkdtemp(state), "pipes and folder");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)close(in[1]);
		(void)execl(FMX_BENCH_UPDATE_SERVER, "update_server", FMX_BENCH_FOLDER,
			    "1000", (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	FILE *f = fdopen(out[0], "r");
	must(f && fscanf(f, "%u %255s", &port, key_path) == 2,
	     "the name server does not start");
	struct tsig_key *key;
	must(tsig_key_read(key_path, &key, &e) == 0, "reading the key");
	struct plan_want want = { .layout = LAYOUT_HIGH, .ttl = -1, .lab = true };
	(void)str_copy(want.high.name, NAME_TEXT_MAX, "fake1.mx.example.net");
	must(addr_parse("192.0.2.30", &want.high.addresses[0]), "the decoy's address");
	want.high.address_count = 1;
	struct endpoint server = { .port = (uint16_t)port };
	must(addr_parse("127.0.0.1", &server.addr), "loopback");
	struct live_options o = { .does = LIVE_APPLY,
				  .server = server,
				  .key = key,
				  .servers = &server,
				  .server_count = 1,
				  .done = on_done };
	struct job *jobs = make_jobs(&want);
	compare(&o, jobs);
	free(jobs);
	tsig_key_free(key);
	(void)close(in[1]);
	(void)waitpid(child, NULL, 0);
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -r %s", state);
	return system(command) == 0 ? 0 : 1; /* NOLINT(cert-env33-c): our own folder */
}
