/*
 * bench_journal - append and replay against bare SQLite, the same rows
 *
 * Prints NAME, ours, theirs, ratio, target, ok or MISS, with tabs. Rates are
 * records per second of CPU; pairs are interleaved and the median pair counts.
 * `bench_journal sync` measures instead what FULL costs against NORMAL.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/stamp.h"
#include "old/journal.h"

enum { RECORDS = 200000, BATCH = 10000, PAIRS = 9 };

static char folder[] = "/tmp/fmx-bench-journal-XXXXXX";
static char ours_path[64];
static char bare_path[64];
static struct record *records;
static uint64_t sum; /* so that no read can be left out */

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_journal: %s\n", what);
	exit(1);
}

static double cpu_seconds(void)
{
	struct rusage r;
	(void)getrusage(RUSAGE_SELF, &r); /* fails for a wrong argument only */
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* Visits as a decoy and a mail log give them, half of each. */
static void make_records(void)
{
	records = calloc(RECORDS, sizeof(*records));
	must(records != NULL, "no memory");
	for (uint32_t i = 0; i < RECORDS; i++) {
		struct record *r = &records[i];
		char text[32];
		(void)snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16 & 255,
			       i * 7 & 255, i * 31 >> 3 & 255);
		r->kind = RECORD_VISIT;
		r->time = r->seen = INT64_C(1795000000000000) + i * 1000;
		r->text = r->note = r->name.name = r->name.domain = "";
		must(addr_parse(text, &r->visit.client), "address");
		r->visit.time = r->time;
		r->visit.site = 1;
		r->visit.host = (uint16_t)(1 + i % 4);
		r->visit.depth = DEPTH_RCPT;
		r->visit.outcome = i % 2 ? OUTCOME_ACCEPTED : OUTCOME_NONE;
		r->visit.source = i % 2 ? VISIT_SOURCE_MAILLOG : VISIT_SOURCE_DECOY;
		r->visit.precision_us = i % 2 ? 1000000 : 1;
		r->visit.answered = r->time + 150;
		r->visit.ended = r->time + 350000;
		r->visit.helo = "mail-wr1-f47.sender.example";
		r->visit.mail_from = "bounces+12345@news.sender.example";
		r->visit.recipient_domain = "example.com";
		r->visit.name = i % 2 ? "mail-wr1-f47.sender.example" : "";
	}
}

/* ---- ours ---- */

static int count(void *arg, const struct record *r, struct error *e)
{
	(void)arg;
	(void)e;
	sum += (uint64_t)r->time + r->visit.host + (unsigned char)r->visit.helo[0] +
	       (unsigned char)r->visit.mail_from[0] + (uint64_t)r->visit.ended;
	return 0;
}

static double ours_append(void)
{
	struct journal *j;
	struct error e;
	double began = cpu_seconds();
	(void)unlink(ours_path); /* not there at first */
	if (journal_open(ours_path, JOURNAL_WRITE, &j, &e) != 0)
		must(false, e.text);
	for (size_t i = 0; i < RECORDS; i++) {
		must(journal_append(j, &records[i]) == 0, "append");
		if (i % BATCH == BATCH - 1 && journal_commit(j, count, NULL, &e) != 0)
			must(false, e.text);
	}
	journal_close(j);
	return cpu_seconds() - began;
}

static double ours_replay(void)
{
	struct journal *j;
	struct error e;
	double began = cpu_seconds();
	if (journal_open(ours_path, JOURNAL_READ, &j, &e) != 0 ||
	    journal_replay(j, NULL, count, NULL, &e) != 0)
		must(false, e.text);
	journal_close(j);
	return cpu_seconds() - began;
}

/* ---- bare SQLite ---- */

#define COLUMNS                                                                          \
	"seq, kind, seen, time, site, host, client, depth, outcome, source, flags, "     \
	"precision, answered, ended, helo, mail_from, domain, name, text, note"

static void sql(sqlite3 *db, const char *text)
{
	must(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, text);
}

static sqlite3 *bare_open(const char *path)
{
	sqlite3 *db;
	must(sqlite3_open_v2(path, &db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				 SQLITE_OPEN_NOMUTEX,
			     NULL) == SQLITE_OK,
	     "open");
	return db;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	if (text[0])
		(void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(s, at);
}

static void bare_insert(sqlite3_stmt *s, const struct record *r, int64_t seq)
{
	const struct visit *v = &r->visit;
	(void)sqlite3_bind_int64(s, 1, seq);
	(void)sqlite3_bind_int64(s, 2, r->kind);
	(void)sqlite3_bind_int64(s, 3, r->seen);
	(void)sqlite3_bind_int64(s, 4, r->time);
	(void)sqlite3_bind_int64(s, 5, v->site);
	(void)sqlite3_bind_int64(s, 6, v->host);
	(void)sqlite3_bind_blob(s, 7, v->client.bytes + 12, 4, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 8, v->depth);
	if (v->outcome == OUTCOME_NONE)
		(void)sqlite3_bind_null(s, 9);
	else
		(void)sqlite3_bind_int64(s, 9, v->outcome);
	(void)sqlite3_bind_int64(s, 10, v->source);
	(void)sqlite3_bind_int64(s, 12, v->precision_us);
	(void)sqlite3_bind_int64(s, 13, v->answered - r->time);
	(void)sqlite3_bind_int64(s, 14, v->ended - r->time);
	bind_text(s, 15, v->helo);
	bind_text(s, 16, v->mail_from);
	bind_text(s, 17, v->recipient_domain);
	bind_text(s, 18, v->name);
	must(sqlite3_step(s) == SQLITE_DONE, "step");
	(void)sqlite3_reset(s);
}

static double bare_append(const char *path, const char *settings, size_t batch)
{
	sqlite3_stmt *s;
	double began = cpu_seconds();
	(void)unlink(path); /* not there at first */
	sqlite3 *db = bare_open(path);
	sql(db, "PRAGMA journal_mode = WAL");
	sql(db, settings);
	sql(db, "CREATE TABLE record(seq INTEGER PRIMARY KEY, kind, seen, time, site, "
		"host, client, depth, outcome, source, flags, precision, answered, "
		"ended, helo, mail_from, domain, name, text, note)");
	must(sqlite3_prepare_v2(db,
				"INSERT INTO record(" COLUMNS ") VALUES "
				"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
				-1, &s, NULL) == SQLITE_OK,
	     "prepare");
	for (size_t i = 0; i < RECORDS; i++) {
		if (i % batch == 0)
			sql(db, "BEGIN IMMEDIATE");
		bare_insert(s, &records[i], (int64_t)i + 1);
		if (i % batch == batch - 1)
			sql(db, "COMMIT");
	}
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return cpu_seconds() - began;
}

/* Each column of a row is taken once, as the program that asked would. */
static double bare_scan(void)
{
	sqlite3_stmt *s;
	double began = cpu_seconds();
	sqlite3 *db = bare_open(bare_path);
	must(sqlite3_prepare_v2(db, "SELECT " COLUMNS " FROM record ORDER BY seq", -1, &s,
				NULL) == SQLITE_OK,
	     "prepare");
	while (sqlite3_step(s) == SQLITE_ROW) {
		for (int i = 0; i < 14; i++)
			if (i != 6)
				sum += (uint64_t)sqlite3_column_int64(s, i);
		sum += *(const unsigned char *)sqlite3_column_blob(s, 6);
		for (int i = 14; i < 18; i++) {
			const unsigned char *text = sqlite3_column_text(s, i);
			sum += text ? text[0] : 0;
		}
	}
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return cpu_seconds() - began;
}

/* ---- measuring ---- */

struct pair {
	double ours, theirs;
};

static int by_ratio(const void *a, const void *b)
{
	const struct pair *x = a;
	const struct pair *y = b;
	double dx = x->theirs / x->ours;
	double dy = y->theirs / y->ours;
	return (dx > dy) - (dx < dy);
}

/* The ratio is of speeds: target is its least value. */
static void print_line(const char *name, struct pair pairs[PAIRS], double target)
{
	qsort(pairs, PAIRS, sizeof(pairs[0]), by_ratio);
	struct pair m = pairs[PAIRS / 2];
	double ratio = m.theirs / m.ours;
	(void)printf("%s\t%.0f/s\t%.0f/s\t%.2f\t>= %.2f\t%s\n", name, RECORDS / m.ours,
		     RECORDS / m.theirs, ratio, target, ratio >= target ? "ok" : "MISS");
}

static void measure_sync(void)
{
	static const struct {
		const char *name;
		const char *settings;
	} rows[] = { { "FULL", "PRAGMA synchronous = FULL" },
		     { "NORMAL", "PRAGMA synchronous = NORMAL" } };
	for (size_t batch = 100; batch <= BATCH; batch *= 10)
		for (size_t i = 0; i < 2; i++) {
			int64_t began = stamp_monotonic();
			double cpu = bare_append(bare_path, rows[i].settings, batch);
			double wall = (double)(stamp_monotonic() - began) / 1e6;
			(void)printf("%s, %zu a commit: %.2f s CPU, %.2f s in all, "
				     "%.2f ms in all a commit\n",
				     rows[i].name, batch, cpu, wall,
				     wall * 1e3 * (double)batch / RECORDS);
		}
}

static void clean_up(void)
{
	char command[96];
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	must(system(command) == 0, "cannot remove the folder");
}

int main(int argc, char **argv)
{
	struct pair append[PAIRS];
	struct pair replay[PAIRS];

	must(mkdtemp(folder) != NULL, "no temporary folder");
	(void)snprintf(ours_path, sizeof(ours_path), "%s/ours.db", folder);
	(void)snprintf(bare_path, sizeof(bare_path), "%s/bare.db", folder);
	make_records();
	if (argc > 1 && strcmp(argv[1], "sync") == 0) {
		measure_sync();
		clean_up();
		return 0;
	}
	for (size_t i = 0; i < PAIRS; i++) {
		append[i].ours = ours_append();
		append[i].theirs =
		    bare_append(bare_path, "PRAGMA synchronous = FULL", BATCH);
		replay[i].ours = ours_replay();
		replay[i].theirs = bare_scan();
	}
	print_line("journal append, 10,000 a commit", append, 0.7);
	print_line("journal replay", replay, 0.5);
	clean_up();
	free(records);
	return sum == 0; /* read by nobody else */
}
