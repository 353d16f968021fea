/*
 * bench_report - a report of 30 days over 3 million visits of 600,000 senders
 *
 * For a site of 100,000 domains. Prints NAME, ours, theirs, ratio, target, ok or MISS,
 * with tabs: the CPU of the report, made and printed as JSON, against a bare scan of the
 * same runs and slots by SQLite; and its memory. Children, so that each is measured
 * from its start; the median of three. The journal is made once (some minutes) and kept
 * in FMX_BENCH_FOLDER; `bench_report make` makes it alone.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/number.h"
#include "base/stamp.h"
#include "journal/ask/ask.h"
#include "journal/ask/due.h"
#include "journal/take/take.h"
#include "outlet/json.h"
#include "outlet/report/report.h"

enum { SENDERS = 600000, VISITS = 3000000, DOMAINS = 100000, DAYS = 30, PAIRS = 3 };
enum { LOW = 1, MAIL, BACKUP, HIGH, CONTROL, HOSTS };
#define BEGIN (INT64_C(1795392000) * STAMP_SECOND)
#define REPORT_CPU 2.0
#define REPORT_MB 64.0

static const char path[] = FMX_BENCH_FOLDER "/report.sqlite";

static void must(int rc, const struct error *e, const char *what)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "bench_report: %s: %s\n", what, e ? e->text : "failed");
	exit(1);
}

/* ---- the journal ---- */

static uint64_t seed = 1;

static uint32_t draw(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

static struct site site_of_many(void)
{
	static const char hosts[] = "site\t1\t1\tboth\thosting\n"
				    "host\t1\tdecoy\treset\t0\tfake0\t\n"
				    "address\t5.9.1.4\t25\n"
				    "host\t2\treal\t-\t10\tmail\tlog\n"
				    "address\t5.9.1.1\t25\n"
				    "host\t3\treal\t-\t20\tbackup\tfeed\n"
				    "address\t5.9.1.2\t25\n"
				    "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
				    "address\t5.9.1.3\t25\n"
				    "host\t5\tcontrol\tbusy\t0\tscan\t\n"
				    "address\t5.9.1.9\t25\n";
	struct buf text = BUF_INIT(16 << 20);
	struct site s;
	struct error e;
	buf_adds(&text, hosts);
	for (int i = 0; i < DOMAINS; i++)
		buf_addf(&text, "domain\td%06d.example\n", i);
	must(site_parse(buf_text(&text), &s, &e), &e, "site");
	buf_release(&text);
	return s;
}

struct making {
	struct db *db;
	struct take *take;
	struct due *due;
	int64_t marked; /* all is well and given up to here */
};

static void commit(struct making *m, int64_t now, bool is_due)
{
	struct error e;
	must(take_commit(m->take, &e), &e, "commit");
	if (is_due)
		must(due_all(m->due, now, &e), &e, "due");
}

static void mark(struct making *m, int64_t now)
{
	for (uint16_t host = LOW; host < HOSTS; host++) {
		struct line l = {
			.kind = LINE_WATERMARK, .host = host, .time = now, .seen = now
		};
		take_add(m->take, &l);
		l.kind = LINE_PROBE;
		l.is_ok = true;
		if (host == MAIL || host == BACKUP)
			take_add(m->take, &l);
	}
}

static void add(struct making *m, uint32_t sender, uint16_t host, int64_t time)
{
	char text[ADDR_TEXT_MAX], domain[32];
	bool is_real = host == MAIL || host == BACKUP;
	struct line l = { .kind = LINE_VISIT, .host = host, .time = time, .seen = time };
	struct visit *v = &l.visit;
	(void)snprintf(text, sizeof(text), "%u.%u.%u.7", 20 + sender / 65536,
		       sender / 256 % 256, sender % 256);
	(void)snprintf(domain, sizeof(domain), "d%06u.example", draw(DOMAINS));
	*v =
	    (struct visit){ .time = time,
			    .site = 1,
			    .host = host,
			    .depth = host == LOW ? DEPTH_CONNECT : DEPTH_RCPT,
			    .outcome = is_real ? OUTCOME_ACCEPTED : OUTCOME_NONE,
			    .source = is_real ? VISIT_SOURCE_MAILLOG : VISIT_SOURCE_DECOY,
			    .precision_us = is_real ? 1000000 : 1,
			    .answered = is_real ? time + 300 : 0,
			    .ended = time + 350000,
			    .helo = "mail.sender.example",
			    .mail_from = "bounces@sender.example",
			    .recipient_domain = domain,
			    .name = "" };
	if (is_real && draw(3) == 0)
		v->outcome = OUTCOME_REJECTED;
	if (is_real && v->outcome == OUTCOME_ACCEPTED)
		v->spam = draw(5) == 0 ? SPAM_YES : SPAM_NO;
	if (!addr_parse(text, &v->client))
		must(-1, NULL, "address");
	l.client = v->client;
	take_add(m->take, &l);
}

/* Of ten senders two are bots at the high decoy (a few of them scan), one comes by the
 * low one, the others come to the real hosts; with one message or up to three at a time.
 * Returns how many visits that were. */
static int add_sender(struct making *m, int64_t time)
{
	uint32_t sender = draw(SENDERS);
	int messages = 1 + (int)draw(3);
	for (int i = 0; i < messages; i++) {
		int64_t at = time + i * 1000;
		switch (sender % 10) {
		case 0: add(m, sender, HIGH, at); break;
		case 1:
			add(m, sender, LOW, at);
			add(m, sender, MAIL, at + 20000);
			break;
		case 2: add(m, sender, sender % 100 == 2 ? CONTROL : HIGH, at); break;
		default: add(m, sender, sender % 4 ? MAIL : BACKUP, at);
		}
	}
	return sender % 10 == 1 ? 2 * messages : messages;
}

static void make(void)
{
	struct making m = { .marked = BEGIN };
	struct rules rules = rules_default();
	struct site site = site_of_many();
	struct error e;
	char building[sizeof(path) + 8];
	(void)snprintf(building, sizeof(building), "%s.new", path);
	(void)unlink(building);
	must(db_open(building, DB_WRITE, &m.db, &e), &e, building);
	must(sites_define(m.db, &site, 1, &rules, BEGIN, false, &e), &e, "define");
	must(take_new(m.db, &m.take, &e), &e, "take");
	m.due = due_new(m.db, take_coverage(m.take), &(struct due_sink){ .arg = NULL });
	int64_t step = (int64_t)DAYS * STAMP_DAY / VISITS;
	int64_t now = BEGIN, next = BEGIN;
	mark(&m, now);
	for (; now < BEGIN + (int64_t)DAYS * STAMP_DAY; now = next) {
		next = now + step * add_sender(&m, now);
		if (now - m.marked >= 10 * STAMP_MINUTE) {
			mark(&m, now);
			m.marked = now;
		}
		if (take_counts(m.take).pending >= TAKE_BATCH)
			commit(&m, now, false);
		if (now / STAMP_DAY != next / STAMP_DAY)
			commit(&m, now, true);
	}
	mark(&m, now);
	commit(&m, now, true);
	due_free(m.due);
	take_free(m.take);
	db_close(m.db);
	site_release(&site);
	must(rename(building, path), NULL, "rename");
}

/* ---- the report, and the bare scan ---- */

static void report(void)
{
	struct db *db;
	struct ask *a;
	struct report r;
	struct error e;
	struct buf text = BUF_INIT(64 << 20);
	struct report_span span = { REPORT_BEGIN, STAMP_NEVER, NULL };
	must(db_open(path, DB_READ, &db, &e), &e, path);
	must(ask_open(db, BEGIN + (int64_t)DAYS * STAMP_DAY, &a, &e), &e, "ask");
	must(report_make(a, &span, &r, &e), &e, "report");
	json_t *o = report_json(&r);
	json_print(o, &text);
	json_decref(o);
	if (getenv("FMX_BENCH_SHOW"))
		(void)fprintf(stderr, "%s", buf_text(&text));
	buf_release(&text);
	report_release(&r);
	ask_close(a);
	db_close(db);
}

static void scan(void)
{
	struct db *db;
	struct error e;
	struct run r;
	int64_t sum = 0;
	int rc;
	must(db_open(path, DB_READ, &db, &e), &e, path);
	sqlite3_stmt *s = db_statement(db, "SELECT " DB_RUN_COLUMNS " FROM run");
	while ((rc = db_step(db, s, &e)) > 0) {
		db_read_run(s, &r);
		sum += r.visits;
	}
	must(rc, &e, "scan");
	s = db_statement(db, "SELECT sum(visits) FROM slot");
	while ((rc = db_step(db, s, &e)) > 0)
		sum += sqlite3_column_int64(s, 0);
	must(rc, &e, "scan");
	db_close(db);
	if (sum == 0)
		must(-1, NULL, "the journal is empty");
}

struct cost {
	int64_t cpu_us, kilobytes;
};

static struct cost cost_of(void (*work)(void))
{
	struct rusage r;
	int status;
	pid_t child = fork();
	if (child == 0) {
		work();
		_exit(0);
	}
	must(wait4(child, &status, 0, &r), NULL, "wait");
	if (status != 0)
		must(-1, NULL, "the child failed");
	return (struct cost){
		(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000LL + r.ru_utime.tv_usec +
		    r.ru_stime.tv_usec,
		r.ru_maxrss,
	};
}

int main(int argc, char **argv)
{
	int64_t ours[PAIRS], bare[PAIRS], most = 0;
	if (access(path, F_OK) != 0)
		make();
	if (argc > 1 && strcmp(argv[1], "make") == 0)
		return 0;
	for (int i = 0; i < PAIRS; i++) {
		struct cost c = cost_of(report);
		ours[i] = c.cpu_us;
		most = c.kilobytes > most ? c.kilobytes : most;
		bare[i] = cost_of(scan).cpu_us;
	}
	number_sort(ours, PAIRS);
	number_sort(bare, PAIRS);
	double cpu = (double)ours[PAIRS / 2] / 1e6,
	       scanned = (double)bare[PAIRS / 2] / 1e6;
	double mb = (double)most / 1024;
	(void)printf("report of 3 million visits, CPU seconds / bare "
		     "scan\t%.2f\t%.2f\t%.2f\t<= %.1f s\t%s\n",
		     cpu, scanned, cpu / scanned, REPORT_CPU,
		     cpu <= REPORT_CPU ? "ok" : "MISS");
	(void)printf("report of 3 million visits, MB\t%.1f\t-\t-\t<= %.0f MB\t%s\n", mb,
		     REPORT_MB, mb <= REPORT_MB ? "ok" : "MISS");
	return 0;
}
