/*
 * bench_zone - plan zones against libzscanner parsing the same zones once
 *
 * 100,000 zones of 10 records, and one of 1,000,000; ours and theirs in
 * interleaved pairs over the same files, CPU by getrusage, medians. Ours reads
 * the file, judges it, plans, edits and judges the result; theirs reads the
 * file and parses it. One thread each. Then the verbs apply and revert against the
 * verb plan, on a file system in memory, where a sync costs nothing.
 */
#include <libzscanner/scanner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* ---- the verbs over many zones ---- */

enum { MANY = 5000 };

/* CPU seconds of a verb as it is run, over all zones of the folder. */
static double verb_seconds(const char *fakemx, const char *verb, int want)
{
	char conf[128];
	struct rusage r;
	pid_t pid;
	int status;
	(void)snprintf(conf, sizeof(conf), "%s/conf", folder);
	/* A resolver that is not there: nobody is waited for. */
	const char *words[] = { fakemx,         "-q",  "-c",
				conf,           verb,  "--yes",
				"--max-change", "100", "--resolver",
				"127.0.0.1@9",  NULL };
	if (strcmp(verb, "plan") == 0)
		words[5] = NULL;
	(void)fflush(stdout);
	must((pid = fork()) >= 0, "fork");
	if (pid == 0) {
		must(freopen("/dev/null", "w", stdout) &&
			 freopen("/dev/null", "w", stderr),
		     "silence");
		(void)execv(fakemx, (char *const *)(uintptr_t)words);
		_exit(127);
	}
	must(wait4(pid, &status, 0, &r) == pid && WIFEXITED(status), verb);
	must(WEXITSTATUS(status) == want, verb);
	return (double)r.ru_utime.tv_sec + (double)r.ru_stime.tv_sec +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void write_many(void)
{
	char path[160];
	(void)snprintf(path, sizeof(path), "%s/conf", folder);
	FILE *conf = fopen(path, "w");
	must(conf != NULL, path);
	(void)fprintf(conf,
		      "state = \"%s/state\"\nlab = true\nsite \"s\" {\n layout = high\n "
		      "domains = {",
		      folder);
	(void)snprintf(path, sizeof(path), "%s/zones", folder);
	must(mkdir(path, 0700) == 0, path);
	for (unsigned i = 0; i < MANY; i++) {
		(void)fprintf(conf, "%s\"z%u.example\"", i ? ", " : " ", i);
		(void)snprintf(path, sizeof(path), "%s/zones/z%u.example.zone", folder,
			       i);
		FILE *f = fopen(path, "w");
		must(f &&
			 fprintf(
			     f,
			     "$TTL 300\n@ SOA ns1.example.net. h.example.net. 1 3600 600 "
			     "86400 300\n"
			     "@ NS ns1.example.net.\n@ MX 10 mail\nmail A 198.51.100.25\n"
			     "www A 198.51.100.26\n") > 0 &&
			 fclose(f) == 0,
		     path);
	}
	(void)fprintf(conf,
		      " }\n host \"mail.decoys.example\" { preference = 10 address = { "
		      "\"198.51.100.25\" } }\n"
		      " decoy \"fake1.decoys.example\" { preference = 20 address = { "
		      "\"198.51.100.30\" } "
		      "posture = defer }\n zone { file = \"%s/zones\" }\n}\n",
		      folder);
	must(fclose(conf) == 0, "the configuration");
}

static void bench_verbs(const char *fakemx)
{
	double plans[ROUNDS], applies[ROUNDS], reverts[ROUNDS];
	write_many();
	for (unsigned i = 0; i < ROUNDS; i++) {
		plans[i] = verb_seconds(fakemx, "plan", 2);
		applies[i] = verb_seconds(fakemx, "apply", 0);
		reverts[i] = verb_seconds(fakemx, "revert", 0);
	}
	report("apply, against plan, 5,000 zones", applies, plans, ROUNDS, "s", 1, 3);
	report("revert, against plan, 5,000 zones", reverts, plans, ROUNDS, "s", 1, 3);
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
			   .is_unrecorded = true, /* as fakemx knows of each */
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
	char fakemx[4096];
	ssize_t n = readlink("/proc/self/exe", fakemx, sizeof(fakemx) - 32);
	must(n > 0, "/proc/self/exe");
	fakemx[n] = '\0';
	(void)snprintf(strrchr(fakemx, '/'), 32, "/../../fakemx");
	bench_verbs(fakemx);
	job_worker_free(w);
	free(s);
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) == 0 ? 0 : 1; /* NOLINT(cert-env33-c): our own folder */
}
