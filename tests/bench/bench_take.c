/*
 * bench_take - lines to rows against bare SQLite writing the same rows
 *
 * A million clients, batches of 5,000. The bare side has each visit and its run ready and
 * writes them with one statement each, in the same order, with the same settings; it
 * looks nothing up and joins nothing. Also: the most memory that a process needs that
 * only takes, and the bytes of WAL that a visit of 100,000 clients costs (walks are
 * decided after each commit, as serve does).
 *
 * Prints NAME, ours, theirs, ratio, target, ok or MISS, with tabs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/ask/due.h"
#include "journal/take/fold.h"
#include "journal/take/take.h"
#include "journal/visit_row.h"

enum { BATCHES = 200, WAL_CLIENTS = 100000, CLIENTS = 1000000 };
/* 8 visits a second, each a run of its own; and a backlog of 100 a second, read in
 * commits of 5,000, of clients that come again within half an hour. */
enum { SLOW = 100000, FAST = 8000 };
#define T0 (INT64_C(1795435200) * STAMP_SECOND)

static char folder[] = "/tmp/fmx-bench-take-XXXXXX";
static char path[2][64];
static struct error e;

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_take: %s %s\n", what, e.text);
	exit(1);
}

static double cpu_seconds(void)
{
	struct rusage r;
	(void)getrusage(RUSAGE_SELF, &r); /* fails for a wrong argument only */
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* ---- visits: nine of ten at two real hosts, the others at a decoy ---- */

static uint64_t seed = 88172645463325252;

static uint32_t chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static struct visit make_visit(uint32_t clients, int64_t now)
{
	uint32_t client = chance(clients) * 2654435761u; /* all over the addresses */
	bool is_decoy = chance(10) == 0;
	struct visit v = {
		.host = is_decoy ? 3 : (uint16_t)(1 + chance(2)),
		.depth = is_decoy ? DEPTH_RCPT : DEPTH_DATA,
		.outcome = is_decoy ? OUTCOME_NONE : (enum outcome)(1 + chance(3)),
		.source = is_decoy ? VISIT_SOURCE_DECOY : VISIT_SOURCE_MAILLOG,
		.precision_us = is_decoy ? 1 : 1000000,
		.time = now,
		.answered = is_decoy ? now + 150 : 0,
		.ended = now + 2000000 + chance(30) * STAMP_SECOND,
		.helo = "mail-wr1-f47.sender.example",
		.mail_from = "bounces+12345@news.sender.example",
		.recipient_domain = "example.com",
		.name = "",
		.envelope_count = 1,
		.envelopes = { chance(UINT32_MAX) },
	};
	must(addr_parse("0.0.0.0", &v.client), "address");
	memcpy(v.client.bytes + 12, &client, 4);
	return v;
}

static void define(struct db *db)
{
	static const char *const names[] = { "mail1", "mail2", "high" };
	struct host hosts[3] = { { 0 } };
	char *domain = xstrdup("example.com");
	struct site s = { .layout = LAYOUT_HIGH,
			  .name = "example",
			  .hosts = hosts,
			  .host_count = 3,
			  .domains = &domain,
			  .domain_count = 1 };
	struct rules r = rules_default();
	for (uint16_t i = 0; i < 3; i++) {
		char text[32];
		hosts[i].role = i < 2 ? ROLE_REAL : ROLE_DECOY;
		hosts[i].posture = POSTURE_DEFER;
		hosts[i].preference = (uint16_t)(10 * (i + 1));
		hosts[i].address_count = 1;
		(void)snprintf(text, sizeof(text), "198.51.100.%u", i + 1u);
		must(addr_parse(text, &hosts[i].addresses[0].addr), "address");
		(void)str_copy(hosts[i].name, NAME_MAX_TEXT, names[i]);
		(void)str_copy(hosts[i].watch, WATCH_MAX, i < 2 ? "feed" : "");
	}
	must(site_set_places(&s) == NULL, "places");
	must(sites_define(db, &s, 1, &r, T0 - STAMP_DAY, false, &e) == 0, "define");
	free(domain);
}

static struct db *open_file(const char *file)
{
	struct db *db = NULL;
	must(db_open(file, DB_WRITE, &db, &e) == 0, "open");
	define(db);
	return db;
}

/* ---- ours ---- */

static void take_batch(struct take *t, const struct visit *visits)
{
	for (size_t i = 0; i < TAKE_BATCH; i++) {
		struct line l = { .kind = LINE_VISIT,
				  .visit = visits[i],
				  .seen = visits[i].time };
		take_add(t, &l);
	}
	for (uint16_t host = 1; host <= 3; host++) {
		struct line l = { .kind = LINE_WATERMARK,
				  .host = host,
				  .time = visits[TAKE_BATCH - 1].time,
				  .seen = visits[TAKE_BATCH - 1].time };
		take_add(t, &l);
	}
	must(take_commit(t, &e) == 0, "take");
}

/* ---- bare ---- */

static int64_t bare_id;

static void bare_batch(struct db *db, const struct visit *visits)
{
	must(db_begin(db, &e) == 0, "begin");
	for (size_t i = 0; i < TAKE_BATCH; i++) {
		struct run_where w = { .group = 1,
				       .role =
					   visits[i].host == 3 ? ROLE_DECOY : ROLE_REAL,
				       .place =
					   visits[i].host == 3 ? PLACE_HIGH : PLACE_REAL,
				       .id = ++bare_id };
		struct run r = run_of(&visits[i], &w);
		r.told.need = r.kind == RUN_DECOY ? 0 : MOMENT_NONE;
		must(visit_write(db, &visits[i], &w, visits[i].time, &e) == 0, "visit");
		must(db_write_run(db, &r, &e) == 0, "run");
	}
	must(db_commit(db, &e) == 0, "commit");
}

/* ---- measures ---- */

static struct visit batch[TAKE_BATCH];

/* step: microseconds from one visit to the next, about. */
static void next_batch(uint32_t clients, uint32_t step, int64_t *now)
{
	for (size_t i = 0; i < TAKE_BATCH; i++) {
		*now += step + chance(step / 2);
		batch[i] = make_visit(clients, *now);
	}
}

static void tell(const char *name, double ours, double theirs, double ratio, double most,
		 const char *target)
{
	(void)printf("%s\t%.1f\t%.1f\t%.2f\t%s\t%s\n", name, ours, theirs, ratio, target,
		     ratio <= most ? "ok" : "MISS");
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void measure_cpu(void)
{
	struct db *ours = open_file(path[0]), *bare = open_file(path[1]);
	struct take *t = NULL;
	int64_t now = T0;
	double spent[2] = { 0 }, ratios[BATCHES];
	must(take_new(ours, &t, &e) == 0, "take");
	for (size_t i = 0; i < BATCHES; i++) {
		next_batch(CLIENTS, SLOW, &now);
		double a = cpu_seconds();
		take_batch(t, batch);
		double b = cpu_seconds();
		bare_batch(bare, batch);
		double c = cpu_seconds();
		spent[0] += b - a;
		spent[1] += c - b;
		ratios[i] = (b - a) / (c - b);
	}
	take_free(t);
	db_close(ours);
	db_close(bare);
	qsort(ratios, BATCHES, sizeof(ratios[0]), compare_doubles);
	double visits = (double)BATCHES * TAKE_BATCH / 1000;
	/* Rates are thousands a second of CPU; the ratio is of times. */
	tell("take, 1,000,000 clients (k visits/s)", visits / spent[0], visits / spent[1],
	     ratios[BATCHES / 2], 2, "<= 2");
}

/* Not ru_maxrss: that is also what the process was before its exec. */
static double peak_mb(void)
{
	char line[256];
	double kb = 0;
	FILE *f = fopen("/proc/self/status", "r");
	must(f != NULL, "status");
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtod(line + 6, NULL);
	(void)fclose(f);
	return kb / 1024;
}

/* In a process of its own, which says how much it took. */
static int take_for_memory(const char *file)
{
	struct db *db = open_file(file);
	struct take *t = NULL;
	int64_t now = T0 + 40 * STAMP_DAY;
	must(take_new(db, &t, &e) == 0, "take");
	for (size_t i = 0; i < 40; i++) {
		next_batch(CLIENTS, SLOW, &now);
		take_batch(t, batch);
	}
	double peak = peak_mb();
	tell("take, most memory (MB)", peak, 96, peak / 96, 1, "<= 96 MB");
	return 0;
}

static void measure_memory(void)
{
	int status = 0;
	(void)fflush(stdout);
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		(void)execl("/proc/self/exe", "bench_take", path[0], (char *)NULL);
		_exit(1);
	}
	must(waitpid(child, &status, 0) == child && status == 0, "child");
}

static int no_checkpoint(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)arg, (void)db, (void)name, (void)pages;
	return SQLITE_OK;
}

static off_t size_of(const char *file)
{
	struct stat st;
	must(stat(file, &st) == 0, "stat");
	return st.st_size;
}

/* As serve does after each commit; what it writes is not counted. */
static void decide_all(struct due *d, int64_t now)
{
	bool has_more = true;
	while (has_more)
		must(due_step(d, now, DUE_TIME, &has_more, &e) == 0, "due");
}

static void measure_wal(void)
{
	struct take *t = NULL;
	char wal[80];
	off_t written = 0;
	int64_t now = T0;
	enum { MEASURED = 20 };
	(void)unlink(path[1]);
	(void)snprintf(wal, sizeof(wal), "%s-wal", path[1]);
	(void)unlink(wal);
	struct db *db = open_file(path[1]);
	must(take_new(db, &t, &e) == 0, "take");
	struct due *d = due_new(db, take_coverage(t), NULL);
	for (size_t i = 0; i < 60; i++) {
		next_batch(WAL_CLIENTS, FAST, &now);
		take_batch(t, batch);
		decide_all(d, now);
	}
	must(sqlite3_wal_checkpoint_v2(db_sqlite(db), NULL, SQLITE_CHECKPOINT_TRUNCATE,
				       NULL, NULL) == SQLITE_OK,
	     "checkpoint");
	(void)sqlite3_wal_hook(db_sqlite(db), no_checkpoint, NULL);
	for (size_t i = 0; i < MEASURED; i++) {
		next_batch(WAL_CLIENTS, FAST, &now);
		off_t before = size_of(wal);
		take_batch(t, batch);
		written += size_of(wal) - before;
		decide_all(d, now);
	}
	double each = (double)written / ((double)MEASURED * TAKE_BATCH);
	tell("take, 100,000 clients, WAL (bytes/visit)", each, 1500, each / 1500, 1,
	     "<= 1.5 kB");
	due_free(d);
	take_free(t);
	db_close(db);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return take_for_memory(argv[1]);
	must(mkdtemp(folder) != NULL, "folder");
	(void)snprintf(path[0], sizeof(path[0]), "%s/ours.sqlite", folder);
	(void)snprintf(path[1], sizeof(path[1]), "%s/bare.sqlite", folder);
	measure_cpu();
	measure_memory();
	measure_wal();
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) == 0 ? 0 : 1;
}
