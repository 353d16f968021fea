/*
 * bench_maillog - reading a Postfix log, against `grep -c smtpd` on the same
 * file and against pflogsumm
 *
 * The log is made up of lines as Postfix 3.7 writes them (tests/data/maillog)
 * under the stamps that Debian's rsyslog gives: LOG_SESSIONS sessions, 32 of
 * them at a time, of which 35 % bring a message, 40 % are refused, 15 % come to
 * nothing and 10 % are submissions; every twelfth line is another program's.
 *
 * Ours is the file through logfiles_read() and its lines to visits. CPU time by
 * getrusage, of our peers as children; pairs are interleaved, the pair of median ratio is
 * printed. pflogsumm gets the first tenth of the log, and so do we for it.
 *
 * `report --maillog` judges what it reads: it is held against `visits --maillog` on the
 * same log, by CPU.
 *
 * Memory is the most that the process had after a gigabyte of such logs, read in pieces
 * one after the other, against that after the first megabyte.
 *
 * Prints NAME, ours, theirs, ratio, target, ok or MISS, with tabs.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "source/maillog/logfiles.h"
#include "source/maillog/maillog_lines.h"

enum { LOG_SESSIONS = 250000, AT_A_TIME = 32, SENDERS = 60000 };
enum { GREP_PAIRS = 7, PFLOGSUMM_PAIRS = 3, REPORT_PAIRS = 3, TENTH = 10 };
/* About a megabyte; and how much is read for what memory takes, in pieces. */
enum { LOG_FEW_SESSIONS = 1500, MEMORY_MB = 1000, MEMORY_GROWS_KB = 512 };

#define BEGIN (INT64_C(1795442400) * STAMP_SECOND) /* 2026-11-23T14:00:00Z */

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_maillog: %s\n", what);
	exit(1);
}

/* ---- the log ---- */

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13; /* xorshift64, Marsaglia 2003 */
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

/* What a session is made of; %c client, %q queue id, %a sender, %p process. */
static const char *const scripts[][12] = {
	{ "smtpd[%p]: connect from %c", "smtpd[%p]: %q: client=%c",
	  "cleanup[%p]: %q: message-id=<20261123140509.%q@mx.%a>",
	  "smtpd[%p]: disconnect from %c ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 "
	  "commands=7",
	  "qmgr[1703]: %q: from=<news@%a>, size=48123, nrcpt=1 (queue active)",
	  "lmtp[%p]: %q: to=<bob@example.com>, "
	  "relay=mail.example.com[private/dovecot-lmtp], delay=0.31, "
	  "delays=0.22/0.01/0.02/0.06, dsn=2.0.0, status=sent (250 2.0.0 "
	  "<bob@example.com> kDUvGTX4ImcBAAAAe Saved)",
	  "qmgr[1703]: %q: removed", NULL },
	{ "smtpd[%p]: connect from %c",
	  "smtpd[%p]: NOQUEUE: reject: RCPT from %c: 554 5.7.1 Service unavailable; "
	  "Client host [203.0.113.9] blocked using zen.spamhaus.example; "
	  "https://check.example/query/ip/203.0.113.9; from=<info@%a> "
	  "to=<bob@example.com> proto=ESMTP helo=<%a>",
	  "smtpd[%p]: disconnect from %c ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4",
	  NULL },
	{ "smtpd[%p]: connect from %c",
	  "smtpd[%p]: NOQUEUE: reject: RCPT from %c: 450 4.2.0 <bob@example.com>: "
	  "Recipient address rejected: Greylisted; from=<info@%a> to=<bob@example.com> "
	  "proto=ESMTP helo=<%a>",
	  "smtpd[%p]: lost connection after RCPT from %c",
	  "smtpd[%p]: disconnect from %c ehlo=1 mail=1 rcpt=0/1 commands=2/3", NULL },
	{ "smtpd[%p]: connect from %c",
	  "smtpd[%p]: lost connection after CONNECT from %c",
	  "smtpd[%p]: disconnect from %c commands=0/0", NULL },
	{ "submission/smtpd[%p]: connect from %c",
	  "submission/smtpd[%p]: Anonymous TLS connection established from %c: TLSv1.3 "
	  "with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 "
	  "server-signature RSA-PSS (2048 bits) server-digest SHA256",
	  "submission/smtpd[%p]: %q: client=%c, sasl_method=PLAIN, sasl_username=alice",
	  "cleanup[%p]: %q: message-id=<20261123140509.%q@mail.example.com>",
	  "qmgr[1703]: %q: from=<alice@example.com>, size=2048, nrcpt=1 (queue active)",
	  "submission/smtpd[%p]: disconnect from %c ehlo=2 starttls=1 auth=1 mail=1 "
	  "rcpt=1 data=1 quit=1 commands=8",
	  "smtp[%p]: %q: to=<someone@%a>, relay=mx.%a[198.51.100.20]:25, delay=1.2, "
	  "delays=0.1/0.02/0.4/0.7, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as "
	  "4XtYQ)",
	  "qmgr[1703]: %q: removed", NULL },
};

struct session {
	unsigned script, line, sender, process;
	uint64_t queue_id;
};

static unsigned draw_script(void)
{
	uint64_t n = draw(100);
	return n < 35 ? 0 : n < 60 ? 1 : n < 75 ? 2 : n < 90 ? 3 : 4;
}

static void print_client(FILE *f, unsigned sender)
{
	bool has_name = sender % 3 != 0;
	unsigned a = sender * 2654435761u;
	if (has_name)
		(void)fprintf(f, "mail%u.sender%u.example", sender % 9, sender);
	else
		(void)fputs("unknown", f);
	(void)fprintf(f, "[%u.%u.%u.%u]", 20 + (a >> 24) % 100, (a >> 16) & 255,
		      (a >> 8) & 255, a & 255);
}

static void print_line(FILE *f, const struct session *s, int64_t now)
{
	char stamp[STAMP_TEXT_MAX];
	(void)stamp_text(now - now % STAMP_SECOND, stamp); /* ends with Z */
	(void)fprintf(f, "%.19s.%06u+00:00 mail postfix/", stamp,
		      (unsigned)(now % STAMP_SECOND));
	for (const char *p = scripts[s->script][s->line]; *p; p++) {
		if (*p != '%')
			(void)fputc(*p, f);
		else if (*++p == 'c')
			print_client(f, s->sender);
		else if (*p == 'q')
			(void)fprintf(f, "4%" PRIX64, s->queue_id);
		else if (*p == 'a')
			(void)fprintf(f, "sender%u.example", s->sender);
		else
			(void)fprintf(f, "%u", s->process);
	}
	(void)fputc('\n', f);
}

static void print_other(FILE *f, int64_t now)
{
	char stamp[STAMP_TEXT_MAX];
	(void)stamp_text(now - now % STAMP_SECOND, stamp);
	(void)fprintf(f,
		      "%.19s.%06u+00:00 mail dovecot: imap-login: Login: user=<bob>, "
		      "method=PLAIN, rip=198.51.100.30, lip=192.0.2.25, mpid=%u, TLS, "
		      "session=<kDUvGTX4ImcBAAAA>\n",
		      stamp, (unsigned)(now % STAMP_SECOND), (unsigned)draw(30000));
}

/* Half of the sessions are of the busiest thousand. */
static struct session new_session(unsigned process)
{
	return (struct session){ .script = draw_script(),
				 .sender =
				     (unsigned)(draw(2) ? draw(1000) : draw(SENDERS)),
				 .process = 20000 + process,
				 .queue_id = 0x100000000 + draw(0xf00000000) };
}

/* Returns when its last line was. */
static int64_t make_log(FILE *f, unsigned sessions, int64_t now)
{
	struct session open[AT_A_TIME];
	unsigned begun = 0;
	for (; begun < AT_A_TIME; begun++)
		open[begun] = new_session(begun);
	for (uint64_t lines = 0; begun < sessions; lines++) {
		now += (int64_t)draw(40000);
		if (lines % 12 == 0) {
			print_other(f, now);
			continue;
		}
		unsigned at = (unsigned)draw(AT_A_TIME);
		print_line(f, &open[at], now);
		if (!scripts[open[at].script][++open[at].line]) {
			open[at] = new_session(at);
			begun++;
		}
	}
	must(fclose(f) == 0, "cannot write the log");
	return now;
}

/* ---- ours ---- */

struct fold {
	struct maillog_lines *reader;
	uint64_t visits, lines;
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct fold *f = arg;
	(void)v;
	(void)local;
	f->visits++;
}

static void on_begin(void *arg, const char *file, int64_t latest)
{
	(void)arg;
	(void)file;
	(void)latest;
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct fold *f = arg;
	f->lines++;
	maillog_lines_line(f->reader, line, len, BEGIN + 30 * STAMP_DAY);
}

static bool on_pause(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return true;
}

static int on_end(void *arg, const char *file, struct error *e)
{
	(void)arg;
	(void)file;
	(void)e;
	return 0;
}

static double cpu_seconds(int who)
{
	struct rusage u;
	(void)getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Its bytes. */
static uint64_t read_log(struct fold *f, const char *log)
{
	struct logfiles_counts counts;
	struct logfiles_hooks hooks = {
		on_begin, on_line, on_pause, on_end, INT64_MIN, f
	};
	char *files[] = { (char *)(uintptr_t)log };
	must(logfiles_read(files, 1, &hooks, &counts, NULL) == 0, "cannot read the log");
	return counts.bytes;
}

static double ours(const char *log, uint64_t *ret_lines)
{
	double began = cpu_seconds(RUSAGE_SELF);
	struct fold f = { .visits = 0 };
	f.reader = maillog_lines_new(on_visit, &f);
	(void)read_log(&f, log);
	maillog_lines_finish(f.reader);
	must(f.visits > f.lines / 8, "the log was not understood");
	*ret_lines = f.lines;
	maillog_lines_free(f.reader);
	return cpu_seconds(RUSAGE_SELF) - began;
}

/* ---- theirs ---- */

static char path[] = "/tmp/fakemx-bench-maillog-XXXXXX";
static char answer[sizeof(path) + 8];

static double theirs(const char *const *words)
{
	posix_spawn_file_actions_t silence;
	pid_t pid;
	int status;
	double began = cpu_seconds(RUSAGE_CHILDREN);
	(void)posix_spawn_file_actions_init(&silence);
	/* Not into /dev/null: grep would stop at the first match. */
	(void)posix_spawn_file_actions_addopen(&silence, STDOUT_FILENO, answer,
					       O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(posix_spawnp(&pid, words[0], &silence, NULL, (char *const *)(uintptr_t)words,
			  environ) == 0,
	     words[0]);
	must(waitpid(pid, &status, 0) == pid && status == 0, words[0]);
	(void)posix_spawn_file_actions_destroy(&silence);
	return cpu_seconds(RUSAGE_CHILDREN) - began;
}

struct pair {
	double ours, theirs;
};

static int by_ratio(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	double dx = x->ours / x->theirs, dy = y->ours / y->theirs;
	return (dx > dy) - (dx < dy);
}

static struct pair measure(const char *const *words, size_t pairs, uint64_t *ret_lines)
{
	struct pair all[GREP_PAIRS];
	for (size_t i = 0; i < pairs; i++) {
		all[i].ours = ours(path, ret_lines);
		all[i].theirs = theirs(words);
	}
	qsort(all, pairs, sizeof(all[0]), by_ratio);
	return all[pairs / 2];
}

static long memory_kb(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* What a gigabyte takes more than a megabyte; before anything else took any. */
static void measure_memory(void)
{
	struct fold f = { .visits = 0 };
	f.reader = maillog_lines_new(on_visit, &f);
	int64_t now = make_log(fopen(path, "w"), LOG_FEW_SESSIONS, BEGIN);
	uint64_t bytes = read_log(&f, path);
	long few = memory_kb();
	while (bytes >> 20 < MEMORY_MB) {
		now = make_log(fopen(path, "w"), LOG_SESSIONS / TENTH, now);
		bytes += read_log(&f, path);
	}
	long grown = memory_kb() - few;
	maillog_lines_free(f.reader);
	(void)printf("mail log, memory, 1 GB against 1 MB\t%ld kB\t%ld kB\t-\tsame + "
		     "%d kB\t%s\n",
		     few + grown, few, MEMORY_GROWS_KB,
		     grown <= MEMORY_GROWS_KB ? "ok" : "MISS");
}

/* Does it cost less than twice what printing the same visits does? */
static void measure_report(void)
{
	const char *const report[] = { FMX_BENCH_FAKEMX, "report", "--maillog", path,
				       NULL };
	const char *const visits[] = { FMX_BENCH_FAKEMX, "visits", "--host", "mx.example",
				       "--maillog",      path,     NULL };
	struct pair all[REPORT_PAIRS];
	for (size_t i = 0; i < REPORT_PAIRS; i++) {
		all[i].ours = theirs(report);
		all[i].theirs = theirs(visits);
	}
	qsort(all, REPORT_PAIRS, sizeof(all[0]), by_ratio);
	struct pair m = all[REPORT_PAIRS / 2];
	(void)printf("report --maillog, CPU s / visits --maillog\t%.2f\t%.2f\t%.2f\t<= "
		     "2\t%s\n",
		     m.ours, m.theirs, m.ours / m.theirs,
		     m.ours <= 2 * m.theirs ? "ok" : "MISS");
}

static void measure_all(void)
{
	const char *const grep[] = { "grep", "-c", "smtpd", path, NULL };
	const char *const pflogsumm[] = { "pflogsumm", path, NULL };
	uint64_t lines = 0;
	measure_memory();
	(void)make_log(fopen(path, "w"), LOG_SESSIONS, BEGIN);
	struct pair m = measure(grep, GREP_PAIRS, &lines);
	double ratio = m.ours / m.theirs;
	(void)printf("mail log, read, against grep -c\t%.0f lines/s\t%.0f "
		     "lines/s\t%.2f\t<= 4.00\t%s\n",
		     (double)lines / m.ours, (double)lines / m.theirs, ratio,
		     ratio <= 4 ? "ok" : "MISS");
	measure_report();
	(void)make_log(fopen(path, "w"), LOG_SESSIONS / TENTH, BEGIN);
	m = measure(pflogsumm, PFLOGSUMM_PAIRS, &lines);
	ratio = m.theirs / m.ours;
	(void)printf("mail log, read, faster than pflogsumm\t%.0f "
		     "lines/s\t%.0f lines/s\t%.1f\t>= 15\t%s\n",
		     (double)lines / m.ours, (double)lines / m.theirs, ratio,
		     ratio >= 15 ? "ok" : "MISS");
}

int main(void)
{
	int fd = mkstemp(path);
	must(fd >= 0 && close(fd) == 0, "cannot make a file in /tmp");
	(void)snprintf(answer, sizeof(answer), "%s.out", path);
	measure_all();
	(void)unlink(answer);
	(void)unlink(path);
	return 0;
}
