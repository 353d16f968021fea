/*
 * bench_zone - plan zones against libzscanner parsing the same zones once
 *
 * 100,000 zones of 10 records, and one of 1,000,000; ours and theirs in
 * interleaved pairs over the same files, CPU by getrusage, medians. Ours reads
 * the file, judges it, plans, edits and judges the result; theirs reads the
 * file and parses it. One thread each. Then apply and revert against plan, on a
 * file system in memory, where a sync costs nothing.
 */
#include <libzscanner/scanner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/job.h"

enum { ZONES = 100000, SLICE = 10000, BIG_RECORDS = 1000000, ROUNDS = 5 };

static char folder[64];

static double cpu_seconds(void)
{
	struct rusage r;
	(void)getrusage(RUSAGE_SELF, &r);
	return (double)r.ru_utime.tv_sec + (double)r.ru_stime.tv_sec +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "bench_zone: %s failed\n", what);
	exit(1);
}

static void zone_path(char *to, size_t size, unsigned i)
{
	(void)snprintf(to, size, "%s/%u", folder, i);
}

/* Ten records, four lines of them at the apex. */
static void write_small(unsigned i)
{
	char path[128];
	zone_path(path, sizeof(path), i);
	FILE *f = fopen(path, "w");
	must(f, "writing a zone");
	(void)fprintf(f,
		      "$TTL 3600\n@ IN SOA ns1.example.net. host.example.net. ( "
		      "2026010101 3600 600 604800 300 )\n"
		      "\tIN NS ns1.example.net.\n\tIN NS ns2.example.net.\n\tIN MX 10 "
		      "mail\n\tIN A 192.0.2.%u\n"
		      "www IN A 192.0.2.%u\nmail IN A 192.0.2.%u\nftp IN CNAME www\n"
		      "@ IN TXT \"v=spf1 mx -all\"\n_dmarc IN TXT \"v=DMARC1; p=none\"\n",
		      i % 250, i % 250, i % 250);
	(void)fclose(f);
}

static void write_big(void)
{
	char path[128];
	zone_path(path, sizeof(path), ZONES);
	FILE *f = fopen(path, "w");
	must(f, "writing the large zone");
	(void)fprintf(
	    f, "$TTL 3600\n@ IN SOA ns1 host ( 2026010101 3600 600 604800 300 )\n"
	       "\tIN NS ns1\n\tIN MX 10 mail\nns1 A 192.0.2.2\nmail A 192.0.2.3\n");
	for (unsigned i = 6; i < BIG_RECORDS; i++)
		(void)fprintf(f, "h%u IN A 10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255,
			      i & 255);
	(void)fclose(f);
}

static void on_record(zs_scanner_t *s)
{
	(*(uint64_t *)s->process.data)++;
}

static uint64_t theirs(zs_scanner_t *s, unsigned i)
{
	char path[128], *text;
	size_t len;
	uint64_t records = 0;
	zone_path(path, sizeof(path), i);
	must(zone_read_file(path, &text, &len, NULL) == 0, "reading a zone");
	must(zs_init(s, "example.com.", 1, 3600) == 0 &&
		 zs_set_processing(s, on_record, NULL, &records) == 0 &&
		 zs_set_input_string(s, text, len) == 0 && zs_parse_all(s) == 0,
	     "parsing a zone");
	zs_deinit(s);
	free(text);
	return records;
}

static void ours(struct job_worker *w, struct job *job, unsigned i)
{
	struct job_result r;
	zone_path(job->path, sizeof(job->path), i);
	job_plan(w, job, &r);
	must(r.outcome == JOB_CHANGED, r.error.text);
}

/* The CPU of one pass over [from, to), ours and theirs one after the other. */
static void measure(struct job_worker *w, struct job *job, zs_scanner_t *s, unsigned from,
		    unsigned to, double *ret_ours, double *ret_theirs)
{
	double begin = cpu_seconds();
	for (unsigned i = from; i < to; i++)
		(void)theirs(s, i);
	double middle = cpu_seconds();
	for (unsigned i = from; i < to; i++)
		ours(w, job, i);
	*ret_theirs = middle - begin;
	*ret_ours = cpu_seconds() - middle;
}

static void report(const char *name, double *a, double *b, size_t count, const char *unit,
		   double per, double most)
{
	double ratios[ROUNDS * 2];
	for (size_t i = 0; i < count; i++)
		ratios[i] = a[i] / b[i];
	double ratio = median(ratios, count);
	(void)printf("%s\t%.2f %s\t%.2f %s\t%.2f\t<= %.0f\t%s\n", name,
		     median(a, count) / per, unit, median(b, count) / per, unit, ratio,
		     most, ratio <= most ? "ok" : "MISS");
}

/* CPU of plan, apply and revert over a slice. */
static void measure_changes(struct job_worker *w, struct job *job, unsigned from,
			    unsigned to, double ret_cpu[3])
{
	static void (*const verbs[])(struct job_worker *, const struct job *,
				     struct job_result *) = { job_plan, job_apply,
							      job_revert };
	struct job_result r;
	for (int verb = 0; verb < 3; verb++) {
		double begin = cpu_seconds();
		for (unsigned i = from; i < to; i++) {
			zone_path(job->path, sizeof(job->path), i);
			verbs[verb](w, job, &r);
			must(r.outcome == JOB_CHANGED, r.error.text);
		}
		ret_cpu[verb] = cpu_seconds() - begin;
	}
}

static void bench_changes(struct job_worker *w, struct job *job)
{
	double plans[ROUNDS], applies[ROUNDS], reverts[ROUNDS], cpu[3];
	for (unsigned i = 0; i < ROUNDS; i++) {
		measure_changes(w, job, i * SLICE, i * SLICE + SLICE / 4, cpu);
		plans[i] = cpu[0];
		applies[i] = cpu[1];
		reverts[i] = cpu[2];
	}
	report("apply, against plan, small zones", applies, plans, ROUNDS, "us/zone",
	       SLICE / 4e6, 3);
	report("revert, against plan, small zones", reverts, plans, ROUNDS, "us/zone",
	       SLICE / 4e6, 3);
}

int main(void)
{
	double a[ROUNDS * 2], b[ROUNDS * 2];
	(void)snprintf(folder, sizeof(folder), "/dev/shm/fakemx-bench-XXXXXX");
	must(mkdtemp(folder), "making a folder");
	for (unsigned i = 0; i < ZONES; i++)
		write_small(i);
	write_big();
	struct plan_want want = { .layout = LAYOUT_HIGH, .ttl = -1, .lab = true };
	(void)str_copy(want.high.name, NAME_TEXT_MAX, "fake1.mx.example.com");
	must(addr_parse("198.51.100.30", &want.high.addresses[0]), "the decoy's address");
	want.high.address_count = 1;
	struct job job = { .want = &want,
			   .check = "",
			   .reload = "",
			   .state = folder,
			   .now = stamp_now() };
	(void)str_copy(job.origin, NAME_TEXT_MAX, "example.com");
	struct job_worker *w = job_worker_new();
	zs_scanner_t *s = xcalloc(1, sizeof(*s));
	for (unsigned i = 0; i < ZONES / SLICE; i++)
		measure(w, &job, s, i * SLICE, (i + 1) * SLICE, &a[i], &b[i]);
	report("plan, 100,000 zones of 10 records", a, b, ZONES / SLICE, "us/zone",
	       SLICE / 1e6, 4);
	for (unsigned i = 0; i < ROUNDS; i++)
		measure(w, &job, s, ZONES, ZONES + 1, &a[i], &b[i]);
	report("plan, one zone of 1,000,000 records", a, b, ROUNDS, "s", 1, 4);
	bench_changes(w, &job);
	job_worker_free(w);
	free(s);
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) == 0 ? 0 : 1; /* NOLINT(cert-env33-c): our own folder */
}
