/*
 * bench_ask - what questions of a journal take, and that they do not grow with it
 *
 * Journals of 100,000, 3 million and 10 million visits in 30 days are made once, through
 * take and due, and kept in the build folder. Each question is asked of the small one and
 * of the great one in turn; what it may take is said by the design: explain and list
 * 20 ms, a policy answer 1 ms (p99), and no more than twice what they take of the small
 * one. The walks of a report are set beside a bare scan of the same runs; they must leave
 * room in the report's 2 s of CPU and 64 MB.
 *
 * explain and list are asked as their verbs do, which open the journal first; a list also
 * by who keeps it open, as web and publish do; policy by a connection that is open. The
 * kernel has the file in its memory. What a question costs when it has nothing of it is
 * told beside, without a target: it is the disk's.
 *
 * The mix is that of the provider whose journal was measured first: of 100 visits 82 are
 * of mail servers, half of them of the 400 busiest, the rest of bots, each of which comes
 * about twice. One server in ten is put off by the low decoy first. Four bots in five go
 * to the high decoy alone; 1,000 of them are listed at the end, whatever the size. One
 * sender in ten has IPv6, two or three share a /24.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/ask/ask.h"
#include "journal/ask/due.h"
#include "journal/take/take.h"

enum { SMALL = 100000, MIDDLE = 3000000, GREAT = 10000000 };
enum {
	BUSIEST = 400,
	VISITS_A_SENDER = 5,
	MARK_EACH = 500,
	LISTED = 1000,
	QUESTIONS = 300,
	COLD_QUESTIONS = 40
};
enum { BENCH_VERSION = 11 };
enum { HOST_LOW = 1, HOST_MAIL, HOST_BACKUP, HOST_HIGH, HOSTS };

#define BEGIN (INT64_C(1800000000) * STAMP_SECOND)
#define DAYS (30 * STAMP_DAY)

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13; /* xorshift64, Marsaglia 2003 */
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static void ok(int rc, const struct error *e)
{
	if (rc == 0)
		return;
	(void)fprintf(stderr, "bench_ask: %s\n", e->text);
	exit(1);
}

/* ---- a journal ---- */

static uint64_t mix(uint64_t n)
{
	n = (n ^ (n >> 31)) * UINT64_C(0x7fb5d329728ea185);
	return n ^ (n >> 27);
}

/* Networks of bots are not those of servers. */
static struct addr client_of(uint32_t sender, uint32_t senders)
{
	uint32_t bots = senders / 100 * 55, nets = senders / 5;
	uint32_t net = (uint32_t)(mix(sender) % nets) + (sender >= bots ? nets : 0);
	struct addr a = { { 0x2a, 0x01 } };
	if (sender % 10 == 0) {
		memcpy(a.bytes + 4, &net, 4);
		memcpy(a.bytes + 12, &sender, 4);
		return a;
	}
	memset(a.bytes, 0, 16);
	a.bytes[10] = a.bytes[11] = 0xff;
	net += UINT32_C(0x140000); /* from 20.0.0.0 on */
	a.bytes[12] = (uint8_t)(net >> 16);
	a.bytes[13] = (uint8_t)(net >> 8);
	a.bytes[14] = (uint8_t)net;
	a.bytes[15] = (uint8_t)(1 + mix(sender ^ 77) % 254);
	return a;
}

static void make_site(struct site *s, struct host hosts[4])
{
	static char domain[] = "example.com";
	static char *domains[] = { domain };
	static const struct {
		enum role role;
		enum posture posture;
		const char *name, *address;
	} all[] = {
		{ ROLE_DECOY, POSTURE_RESET, "fake0.example.com", "5.9.1.4" },
		{ ROLE_REAL, POSTURE_CLOSED, "mail.example.com", "5.9.1.1" },
		{ ROLE_REAL, POSTURE_CLOSED, "backup.example.com", "5.9.1.2" },
		{ ROLE_DECOY, POSTURE_DEFER, "fake1.example.com", "5.9.1.3" },
	};
	for (size_t i = 0; i < 4; i++) {
		hosts[i] = (struct host){ .role = all[i].role,
					  .posture = all[i].posture,
					  .preference = (uint16_t)(10 * i),
					  .address_count = 1 };
		(void)str_copy(hosts[i].name, sizeof(hosts[i].name), all[i].name);
		(void)str_copy(hosts[i].watch, sizeof(hosts[i].watch),
			       all[i].role == ROLE_REAL ? "feed" : "");
		hosts[i].addresses[0].port = SMTP_PORT;
		if (!addr_parse(all[i].address, &hosts[i].addresses[0].addr))
			abort();
	}
	*s = (struct site){ .layout = LAYOUT_BOTH,
			    .name = "home",
			    .hosts = hosts,
			    .host_count = 4,
			    .domains = domains,
			    .domain_count = 1 };
	(void)site_set_places(s);
}

struct maker {
	struct db *db;
	struct take *take;
	struct due *due;
	uint32_t senders, bots, visits, made;
	size_t lines;
	bool is_listing; /* visits name a domain of ours */
};

static void commit(struct maker *m, int64_t now)
{
	struct error e;
	bool has_more = true;
	ok(take_commit(m->take, &e), &e);
	m->lines = 0;
	while (has_more)
		ok(due_step(m->due, now, DUE_TIME, &has_more, &e), &e);
}

static void add(struct maker *m, struct line *l)
{
	l->text = l->text ? l->text : "";
	l->position = l->position ? l->position : "";
	take_add(m->take, l);
	if (++m->lines >= TAKE_BATCH)
		commit(m, l->seen);
}

static void mark(struct maker *m, int64_t time)
{
	for (uint16_t host = HOST_LOW; host < HOSTS; host++) {
		struct line l = {
			.kind = LINE_WATERMARK, .host = host, .time = time, .seen = time
		};
		add(m, &l);
		l.kind = LINE_PROBE;
		l.is_ok = true;
		if (host == HOST_MAIL || host == HOST_BACKUP)
			add(m, &l);
	}
}

static void visit(struct maker *m, uint16_t host, uint32_t sender, int64_t time,
		  enum outcome outcome)
{
	struct line l = { .kind = LINE_VISIT, .host = host, .time = time, .seen = time };
	l.visit = (struct visit){
		.client = client_of(sender, m->senders),
		.host = host,
		.depth = host == HOST_LOW ? DEPTH_CONNECT : DEPTH_DATA,
		.outcome = outcome,
		.spam = sender % 3 ? SPAM_UNKNOWN : SPAM_NO,
		.precision_us = outcome == OUTCOME_NONE ? 1 : 1000000,
		.time = time,
		.ended = time + 400 * STAMP_MILLISECOND,
		.helo = "mail.sender.example",
		.mail_from = "someone@sender.example",
		.recipient_domain = m->is_listing ? "example.com" : "other.example",
		.name = "",
	};
	visit_add_envelope(&l.visit, mix(sender ^ (uint64_t)time));
	if (host == HOST_LOW)
		l.visit.envelope_count = 0;
	add(m, &l);
	m->made++;
}

/* Senders by number: the busiest, other servers, and from `bots` on bots. */
static uint32_t draw_sender(const struct maker *m)
{
	uint64_t of_100 = draw(100);
	if (of_100 < 41)
		return (uint32_t)draw(BUSIEST);
	if (of_100 < 82)
		return BUSIEST + (uint32_t)draw(m->bots - BUSIEST);
	return m->bots + (uint32_t)draw(m->senders - m->bots);
}

static void come(struct maker *m, uint32_t sender, int64_t time)
{
	uint16_t real = draw(8) ? HOST_MAIL : HOST_BACKUP;
	bool is_bot = sender >= m->bots, is_everywhere = is_bot && sender % 10 == 1;
	if (is_everywhere || (!is_bot && sender >= BUSIEST && sender % 10 == 1))
		visit(m, HOST_LOW, sender, time, OUTCOME_NONE);
	if (!is_bot)
		visit(m, real, sender, time + STAMP_SECOND,
		      draw(20) ? OUTCOME_ACCEPTED : OUTCOME_DEFERRED);
	else if (is_everywhere || sender % 10 == 2)
		visit(m, real, sender, time + STAMP_SECOND, OUTCOME_REJECTED);
	if (is_bot && sender % 10 != 2)
		visit(m, HOST_HIGH, sender, time + 2 * STAMP_SECOND, OUTCOME_NONE);
}

/* As many in every journal, in its last day: each comes in two hours. */
static void come_to_be_listed(struct maker *m, int64_t time)
{
	uint32_t step = (m->senders - m->bots) / LISTED;
	for (uint32_t i = 0; i < LISTED; i++)
		visit(m, HOST_HIGH, m->bots + i * step, time + (int64_t)i * STAMP_SECOND,
		      OUTCOME_NONE);
	mark(m, time + STAMP_HOUR);
}

static void name(struct maker *m, uint32_t sender, int64_t time)
{
	struct line l = { .kind = LINE_NAME, .time = time, .seen = time };
	l.name = (struct name_fact){ .client = client_of(sender, m->senders),
				     .is_confirmed = true,
				     .is_generic = sender >= m->bots };
	(void)snprintf(l.name.name, sizeof(l.name.name), "mx%u.sender%u.example",
		       sender / 2, sender / 6);
	(void)snprintf(l.name.domain, sizeof(l.name.domain), "sender%u.example",
		       sender / 6);
	add(m, &l);
}

static void fill(struct maker *m)
{
	uint32_t named = 0, marked = 0;
	mark(m, BEGIN - STAMP_HOUR);
	while (m->made < m->visits) {
		int64_t time = BEGIN + DAYS / m->visits * m->made;
		uint32_t sender = draw_sender(m);
		come(m, sender, time);
		if (m->made - named >= 10) {
			name(m, sender, time);
			named = m->made;
		}
		if (m->made - marked >= MARK_EACH) {
			mark(m, time - STAMP_SECOND);
			marked = m->made;
		}
	}
	mark(m, BEGIN + DAYS);
	m->is_listing = true;
	come_to_be_listed(m, BEGIN + DAYS + STAMP_HOUR);
	come_to_be_listed(m, BEGIN + DAYS + 5 * STAMP_HOUR);
	mark(m, BEGIN + DAYS + 7 * STAMP_HOUR);
	commit(m, BEGIN + DAYS + 7 * STAMP_HOUR);
}

static void path_of(uint32_t visits, char path[4096])
{
	(void)mkdir(FMX_BENCH_JOURNALS, 0777); /* most often it is there */
	(void)snprintf(path, 4096, "%s/%u-%d.sqlite", FMX_BENCH_JOURNALS, visits,
		       (int)BENCH_VERSION);
}

static void make(uint32_t visits)
{
	char path[4096], aside[4200];
	struct error e;
	struct host hosts[4];
	struct site site;
	struct rules rules = rules_default();
	struct maker m = { .visits = visits,
			   .senders = visits / VISITS_A_SENDER,
			   .bots = visits / VISITS_A_SENDER / 100 * 55 };
	path_of(visits, path);
	if (access(path, F_OK) == 0)
		return;
	(void)snprintf(aside, sizeof(aside), "%s.aside", path);
	(void)unlink(aside); /* of a bench that was broken off */
	(void)fprintf(stderr, "bench_ask: making a journal of %u visits\n", visits);
	make_site(&site, hosts);
	rules.enforce = rules.lab = true;
	ok(db_open(aside, DB_WRITE, &m.db, &e), &e);
	/* A file that is made again after a crash. */
	(void)sqlite3_exec(db_sqlite(m.db), "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	ok(sites_define(m.db, &site, 1, &rules, BEGIN - STAMP_DAY, false, &e), &e);
	ok(take_new(m.db, &m.take, &e), &e);
	m.due = due_new(m.db, take_coverage(m.take), NULL);
	fill(&m);
	due_free(m.due);
	take_free(m.take);
	(void)sqlite3_exec(db_sqlite(m.db), "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL,
			   NULL);
	db_close(m.db);
	if (rename(aside, path) != 0)
		abort();
}

/* ---- questions ---- */

struct bench {
	struct db *db;
	uint32_t visits, senders;
	uint64_t told; /* so that nothing is optimised away */
};

static struct bench open_bench(uint32_t visits)
{
	char path[4096];
	struct error e;
	struct bench b = { .visits = visits, .senders = visits / VISITS_A_SENDER };
	path_of(visits, path);
	ok(db_open(path, DB_READ, &b.db, &e), &e);
	return b;
}

static int on_walk(void *arg, const struct ask_walk *w)
{
	struct bench *b = arg;
	b->told += w->run_count;
	return 0;
}

static int on_run(void *arg, const struct run *r)
{
	struct bench *b = arg;
	b->told += r->visits;
	return 0;
}

static int on_listing(void *arg, const struct listing *l)
{
	struct bench *b = arg;
	b->told += l->is_listed;
	return 0;
}

static struct ask *open_ask(struct bench *b)
{
	struct error e;
	struct ask *a;
	ok(ask_open(b->db, 0, &a, &e), &e);
	return a;
}

/* As a verb does: it opens, asks, and ends. */
static void explain_one(struct bench *shown, uint32_t sender)
{
	struct error e;
	struct listing l;
	struct bench own = open_bench(shown->visits), *b = &own;
	struct addr client = client_of(sender, b->senders);
	struct ask *a = open_ask(b);
	ok(ask_client(a, client, on_walk, on_run, b, &e), &e);
	ok(ask_listing(a, client, 1, &l, &e), &e);
	ask_close(a);
	shown->told += own.told;
	db_close(own.db);
}

static void explain(struct bench *b, struct ask *unused)
{
	(void)unused;
	explain_one(b, (uint32_t)draw(b->senders));
}

static void explain_busy(struct bench *b, struct ask *unused)
{
	(void)unused;
	explain_one(b, (uint32_t)draw(BUSIEST));
}

static void list(struct bench *b, struct ask *unused)
{
	struct error e;
	struct ask *a = open_ask(b);
	(void)unused;
	ok(ask_listed(a, false, on_listing, b, &e), &e);
	ask_close(a);
}

static void list_of_verb(struct bench *b, struct ask *unused)
{
	struct bench own = open_bench(b->visits);
	list(&own, unused);
	b->told += own.told;
	db_close(own.db);
}

static void policy_one(struct bench *b, struct ask *a, uint32_t sender)
{
	struct error e;
	struct ask_quick q;
	struct addr client = client_of(sender, b->senders);
	int64_t now = ask_now(a);
	ok(ask_quick(a, client, 1, now, now, NULL, 0, &q, &e), &e);
	b->told += (uint64_t)q.quick.order;
}

static void policy(struct bench *b, struct ask *a)
{
	policy_one(b, a, (uint32_t)draw(b->senders));
}

static void policy_busy(struct bench *b, struct ask *a)
{
	policy_one(b, a, (uint32_t)draw(BUSIEST));
}

/* As serve does, but for its listeners: it opens, and knows what it needs. */
static void start(struct bench *b, struct ask *unused)
{
	char path[4096];
	struct error e;
	struct db *db;
	struct take *t;
	const struct view *v;
	(void)unused;
	path_of(b->visits, path);
	ok(db_open(path, DB_WRITE, &db, &e), &e);
	ok(take_new(db, &t, &e), &e);
	ok(coverage_view(take_coverage(t), 1, 0, &v, &e), &e);
	b->told += v->host_count;
	take_free(t);
	db_close(db);
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* What the slowest but one in a hundred took, in ms. */
static double time_of(void (*question)(struct bench *, struct ask *), struct bench *b,
		      size_t times)
{
	static int64_t took[QUESTIONS];
	struct ask *a = open_ask(b);
	for (size_t i = 0; i < times; i++) {
		int64_t since = stamp_monotonic();
		question(b, a);
		took[i] = stamp_monotonic() - since;
	}
	ask_close(a);
	qsort(took, times, sizeof(took[0]), compare_times);
	return (double)took[times - 1 - times / 100] / 1000.0;
}

/* Once through the file, as a bench that was just made has it. */
static void read_whole(uint32_t visits)
{
	static char block[1 << 20];
	char path[4096];
	path_of(visits, path);
	FILE *f = fopen(path, "r");
	if (!f)
		abort();
	while (fread(block, 1, sizeof(block), f) == sizeof(block))
		;
	(void)fclose(f);
}

static void compare(const char *what, void (*question)(struct bench *, struct ask *),
		    size_t times, double most)
{
	read_whole(GREAT);
	struct bench small = open_bench(SMALL), great = open_bench(GREAT);
	(void)time_of(question, &small, times);
	(void)time_of(question, &great, times);
	double of_small = time_of(question, &small, times);
	double of_great = time_of(question, &great, times);
	double ratio = of_great / of_small;
	/* Below a twentieth of what it may take, a ratio is of the clock's steps. */
	bool is_ok = of_great <= most && (ratio <= 2 || of_great <= most / 20);
	(void)printf("%s\t%.3f ms\t%.3f ms\t%.2f\t<= %.0f ms, 2.00\t%s\n", what, of_great,
		     of_small, ratio, most, is_ok ? "ok" : "missed");
	db_close(small.db);
	db_close(great.db);
}

/* The kernel forgets the file; it is a second descriptor, never closed: that would drop
 * SQLite's locks. */
static void forget_pages(uint32_t visits)
{
	static int fd = -1;
	char path[4096];
	path_of(visits, path);
	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		abort();
}

static void tell_cold(const char *what, void (*question)(struct bench *, struct ask *))
{
	static int64_t took[COLD_QUESTIONS];
	for (size_t i = 0; i < COLD_QUESTIONS; i++) {
		forget_pages(GREAT);
		struct bench b = open_bench(GREAT);
		struct ask *a = open_ask(&b);
		int64_t since = stamp_monotonic();
		question(&b, a);
		took[i] = stamp_monotonic() - since;
		ask_close(a);
		db_close(b.db);
	}
	qsort(took, COLD_QUESTIONS, sizeof(took[0]), compare_times);
	(void)printf(
	    "%s, nothing of it in memory\t%.1f ms\t%.1f ms\t-\tmedian, most\tok\n", what,
	    (double)took[COLD_QUESTIONS / 2] / 1000.0,
	    (double)took[COLD_QUESTIONS - 1] / 1000.0);
}

static double cpu_now(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void walks(struct bench *b)
{
	struct error e;
	struct ask *a = open_ask(b);
	struct ask_stream s = { .since = BEGIN,
				.until = BEGIN + DAYS + STAMP_DAY,
				.walk = on_walk,
				.earlier = on_walk,
				.aside = on_run,
				.arg = b };
	ok(ask_walks(a, 1, &s, &e), &e);
	ask_close(a);
}

static void bare_scan(struct bench *b)
{
	sqlite3_stmt *s = db_statement(b->db, "SELECT client, began, width, earlier, "
					      "last, visits FROM run");
	while (sqlite3_step(s) == SQLITE_ROW)
		for (int i = 0; i < 6; i++)
			b->told += (uint64_t)sqlite3_column_int64(s, i);
	db_done(s);
}

/* In a program of its own: its memory is its own. */
static int alone(const char *what)
{
	struct bench b = open_bench(MIDDLE);
	struct rusage u;
	double before = cpu_now();
	if (strcmp(what, "walks") == 0)
		walks(&b);
	else
		bare_scan(&b);
	double cpu = cpu_now() - before;
	(void)getrusage(RUSAGE_SELF, &u);
	(void)printf("%f %f %llu\n", cpu, (double)u.ru_maxrss / 1024,
		     (unsigned long long)b.told);
	db_close(b.db);
	return 0;
}

static void measure(const char *what, double *ret_cpu, double *ret_mb)
{
	char self[4096], command[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		abort();
	self[n] = 0;
	(void)snprintf(command, sizeof(command), "'%s' %s", self, what);
	FILE *f = popen(command, "r");
	if (!f || fscanf(f, "%lf %lf", ret_cpu, ret_mb) != 2 || pclose(f) != 0)
		abort();
}

static void compare_walks(void)
{
	double cpu = 0, mb = 0, bare_cpu = 0, bare_mb = 0;
	measure("bare", &bare_cpu, &bare_mb); /* reads the file into memory */
	measure("walks", &cpu, &mb);
	measure("bare", &bare_cpu, &bare_mb);
	(void)printf("walks of a report, 3 million visits\t%.2f s\t%.2f s\t%.2f\t<= 1.50 "
		     "s\t%s\n",
		     cpu, bare_cpu, cpu / bare_cpu, cpu <= 1.5 ? "ok" : "missed");
	(void)printf("walks of a report, memory\t%.0f MB\t%.0f MB\t%.2f\t<= 64 MB\t%s\n",
		     mb, bare_mb, mb / bare_mb, mb <= 64 ? "ok" : "missed");
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { SMALL, GREAT, MIDDLE };
	if (argc == 2)
		return alone(argv[1]);
	for (size_t i = 0; i < 3; i++)
		make(sizes[i]);
	compare("start of serve, 10 million visits", start, 20, 100);
	compare("explain, 10 million visits", explain, QUESTIONS, 20);
	compare("explain of the 400 busiest", explain_busy, QUESTIONS, 20);
	compare("list of 1,000, 10 million visits", list, 5, 20);
	compare("list of 1,000, and the journal opened", list_of_verb, 5, 20);
	compare("policy's question, 10 million visits", policy, QUESTIONS, 1);
	compare("policy's question, the 400 busiest", policy_busy, QUESTIONS, 1);
	tell_cold("explain", explain);
	tell_cold("list of 1,000", list_of_verb);
	tell_cold("policy's question", policy);
	compare_walks();
	return 0;
}
