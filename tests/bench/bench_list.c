/*
 * bench_list - a million listed senders in each format, asked of a journal
 *
 * The journal has two visits of each to the high decoy, with a message told at each; nine
 * of ten have IPv4; six of ten have a name, half of these confirmed and generic. One
 * network in 200 has a neighbour that came to a real host, and there are 200,000 other
 * senders: what listed senders share with these is asked one by one. It is made once and
 * kept in the build folder. Each format is a process of its own: CPU and memory by
 * getrusage, set beside a bare loop that reads the same rows of `listing` and prints
 * the addresses. `bench_list FORMAT` asks once and measures nothing: for a profiler.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/take/take.h"
#include "outlet/list.h"

enum { SENDERS = 1000000, OTHERS = 200000, MOST_KB = 64 * 1024, HIGH = 2 };
#define MOST_SECONDS 2.0
#define NOW (INT64_C(1800000000) * STAMP_SECOND)

static const char path[] = FMX_BENCH_FOLDER "/list.sqlite";

static void must(int rc, const struct error *e)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "bench_list: %s\n", e->text);
	exit(1);
}

/* ---- the journal ---- */

static struct addr four(uint32_t n)
{
	struct addr a = { { [10] = 0xff, [11] = 0xff } };
	for (int k = 0; k < 4; k++)
		a.bytes[15 - k] = (uint8_t)(n >> (8 * k));
	return a;
}

static struct addr client(uint32_t i)
{
	struct addr a = { { 0x2a, 0x01 } };
	if (i < SENDERS / 10 * 9)
		return four(UINT32_C(0x1e000001) + i * 7);
	a.bytes[15] = 1;
	for (int k = 0; k < 4; k++)
		a.bytes[4 + k] = (uint8_t)(i >> (24 - 8 * k));
	return a;
}

static void define(struct db *db)
{
	static const char text[] = "site\t1\t1\thigh\thome\n"
				   "host\t1\treal\t-\t10\tmail\tlog\n"
				   "address\t5.9.1.1\t25\n"
				   "host\t2\tdecoy\tdefer\t30\tfake1\t\n"
				   "address\t5.9.1.3\t25\n"
				   "domain\texample.com\n";
	struct rules rules = rules_default();
	struct site site;
	struct take *take;
	struct error e;
	rules.enforce = rules.lab = true;
	must(site_parse(text, &site, &e), &e);
	must(sites_define(db, &site, 1, &rules, NOW - 20 * STAMP_DAY, false, &e), &e);
	site_release(&site);
	must(take_new(db, &take, &e), &e);
	for (int64_t t = NOW - 20 * STAMP_DAY; t <= NOW; t += 10 * STAMP_MINUTE)
		for (uint16_t host = 1; host <= HIGH; host++) {
			struct line l = {
				.kind = LINE_WATERMARK, .host = host, .time = t, .seen = t
			};
			take_add(take, &l);
			l.kind = LINE_PROBE;
			l.is_ok = true;
			if (host != HIGH)
				take_add(take, &l);
		}
	must(take_commit(take, &e), &e);
	take_free(take);
}

/* A visit to the high decoy, with one message; what follows from it was told. */
static void add_decoy_run(struct db *db, struct addr a, int64_t began, uint64_t hash)
{
	struct error e;
	struct run r = { .kind = RUN_DECOY,
			 .group = 1,
			 .client = a,
			 .began = began,
			 .last = began,
			 .high = began,
			 .low = MOMENT_NONE,
			 .accepted = MOMENT_NONE,
			 .clean = MOMENT_NONE,
			 .unjudged = MOMENT_NONE,
			 .answered = MOMENT_NONE,
			 .rcpt_hours = 1U << (began / STAMP_HOUR % 24),
			 .envelopes = { hash },
			 .envelope_count = 1,
			 .visits = 1,
			 .depth = DEPTH_RCPT };
	r.told = (struct told){ .order = ORDER_BACKDOOR,
				.fate = FATE_STOPPED,
				.is_told = true,
				.delay_us = MOMENT_NONE,
				.need = began + 5 * STAMP_DAY };
	must(db_write_run(db, &r, &e), &e);
	sqlite3_stmt *s = db_statement(
	    db, "INSERT INTO envelope(grp, hash, told4, told6, told_by) VALUES "
		"(1, ?1, ?2, ?3, ?4)");
	(void)sqlite3_bind_int64(s, 1, (int64_t)hash);
	(void)sqlite3_bind_int64(s, addr_is_v4(a) ? 2 : 3, began);
	(void)sqlite3_bind_null(s, addr_is_v4(a) ? 3 : 2);
	(void)sqlite3_bind_blob(s, 4, a.bytes, sizeof(a.bytes), SQLITE_STATIC);
	must(db_run(db, s, &e), &e);
}

static void add_real_run(struct db *db, struct addr a, int64_t began)
{
	struct error e;
	struct run r = { .kind = RUN_REAL,
			 .group = 1,
			 .client = a,
			 .began = began,
			 .last = began,
			 .high = MOMENT_NONE,
			 .low = MOMENT_NONE,
			 .accepted = MOMENT_NONE,
			 .clean = MOMENT_NONE,
			 .unjudged = MOMENT_NONE,
			 .answered = MOMENT_NONE,
			 .visits = 1,
			 .depth = DEPTH_RCPT };
	must(db_write_run(db, &r, &e), &e);
}

static void add_name(struct db *db, struct addr a, uint32_t i)
{
	char name[40];
	struct error e;
	bool is_confirmed = i % 2 == 0;
	(void)snprintf(name, sizeof(name), "pool-%u.isp%u.example", i, i % 997);
	sqlite3_stmt *s =
	    db_statement(db, "INSERT INTO name VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
	db_bind_addr(s, 1, a);
	if (is_confirmed) {
		(void)sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(s, 3, strchr(name, '.') + 1, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int64(s, 5, NOW - STAMP_DAY);
	} else {
		(void)sqlite3_bind_null(s, 2);
		(void)sqlite3_bind_null(s, 3);
		(void)sqlite3_bind_null(s, 5);
	}
	(void)sqlite3_bind_int(s, 4, is_confirmed);
	(void)sqlite3_bind_int64(s, 6, NOW - STAMP_DAY);
	must(db_run(db, s, &e), &e);
}

static void add_listed(struct db *db, uint32_t i)
{
	struct addr a = client(i), neighbour = a;
	struct error e;
	int64_t since = NOW - (1 + i % 20) * STAMP_HOUR, first = since - 5 * STAMP_HOUR;
	add_decoy_run(db, a, first + 60 * STAMP_SECOND, i * UINT64_C(0x9e3779b97f4a7c15));
	add_decoy_run(db, a, since - 30 * STAMP_MINUTE,
		      i * UINT64_C(0x9e3779b97f4a7c15) + 1);
	if (i % 10 < 6)
		add_name(db, a, i);
	if (i % (200 * 36) == 0) {
		neighbour.bytes[15] ^= 1;
		add_real_run(db, neighbour, NOW - 2 * STAMP_DAY);
	}
	sqlite3_stmt *s =
	    db_statement(db, "INSERT INTO listing(client, grp, since, until, first, at, "
			     "why) VALUES (?1, 1, ?2, ?3, ?4, ?2, 0)");
	db_bind_addr(s, 1, a);
	(void)sqlite3_bind_int64(s, 2, since);
	(void)sqlite3_bind_int64(s, 3, since + STAMP_DAY);
	(void)sqlite3_bind_int64(s, 4, first);
	must(db_run(db, s, &e), &e);
}

static void make(void)
{
	char building[sizeof(path) + 8];
	struct db *db;
	struct error e;
	(void)snprintf(building, sizeof(building), "%s.new", path);
	(void)unlink(building);
	must(db_open(building, DB_WRITE, &db, &e), &e);
	define(db);
	must(db_begin(db, &e), &e);
	for (uint32_t i = 0; i < SENDERS; i++)
		add_listed(db, i);
	for (uint32_t i = 0; i < OTHERS; i++)
		add_real_run(db, four(UINT32_C(0x50000001) + i * 300),
			     NOW - (int64_t)(i % 400) * STAMP_HOUR);
	must(db_commit(db, &e), &e);
	db_close(db);
	if (rename(building, path) != 0)
		exit(1);
}

/* ---- asked ---- */

static FILE *nowhere;

static void put(void *arg, const char *text, size_t len)
{
	(void)arg;
	(void)fwrite(text, 1, len, nowhere);
}

static void bare(enum list_format f)
{
	char text[ADDR_TEXT_MAX];
	struct db *db;
	struct error e;
	int rc;
	(void)f;
	must(db_open(path, DB_READ, &db, &e), &e);
	sqlite3_stmt *s = db_statement(db, "SELECT client, grp, since, until, first, at, "
					   "off, why FROM listing ORDER BY client");
	while ((rc = db_step(db, s, &e)) == 1)
		(void)fprintf(nowhere, "%s\n", addr_text(db_addr(s, 0), text));
	must(rc, &e);
	db_close(db);
}

static void list(enum list_format f)
{
	struct db *db;
	struct ask *a;
	struct error e;
	struct list_counts n;
	struct list_out out = { put, NULL };
	must(db_open(path, DB_READ, &db, &e), &e);
	must(ask_open(db, NOW, &a, &e), &e);
	struct list_head head = list_head_of(a);
	must(list_ask(a, f, &head, NULL, &out, &n, &e), &e);
	ask_close(a);
	db_close(db);
	if (n.listed < SENDERS - SENDERS / 100)
		must(error_set(&e, FMX_EFOREIGN, "only %llu are listed",
			       (unsigned long long)n.listed),
		     &e);
}

struct cost {
	double seconds;
	long kilobytes;
};

static struct cost cost_of(void (*work)(enum list_format), enum list_format f)
{
	struct rusage u;
	int status;
	pid_t child = fork();
	if (child == 0) {
		work(f);
		_exit(0);
	}
	if (child < 0 || wait4(child, &status, 0, &u) != child || status != 0)
		exit(1);
	return (struct cost){ (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
				  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
			      u.ru_maxrss };
}

int main(int argc, char **argv)
{
	enum list_format alone;
	long most = 0;
	nowhere = fopen("/dev/null", "we");
	if (!nowhere)
		return 1;
	if (access(path, F_OK) != 0)
		make();
	if (argc > 1 && list_format_parse(argv[1], &alone)) {
		list(alone);
		return 0;
	}
	for (int f = 0; f < LIST_FORMATS; f++) {
		double theirs = cost_of(bare, (enum list_format)f).seconds;
		struct cost c = cost_of(list, (enum list_format)f);
		most = c.kilobytes > most ? c.kilobytes : most;
		(void)printf("list, 1 million as %s / bare print\t%.2f s\t%.2f "
			     "s\t%.2f\t< 2 s\t%s\n",
			     list_format_name((enum list_format)f), c.seconds, theirs,
			     c.seconds / theirs,
			     c.seconds < MOST_SECONDS ? "ok" : "MISS");
	}
	(void)printf("list, memory of all formats\t%ld kB\t-\t-\t< 64 MB\t%s\n", most,
		     most < MOST_KB ? "ok" : "MISS");
	return fclose(nowhere) == 0 ? 0 : 1;
}
