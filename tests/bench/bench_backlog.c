/*
 * bench_backlog - a policy answer while a mail log waits to be read
 *
 * 300 MB are appended to a real host's log that a serve follows, which is asked a
 * question each two milliseconds meanwhile; the log of a second one stays empty. p99 of
 * either, in milliseconds, the median of pairs. How many visits of the log were read when
 * the last question was answered, and what the first one waited for, after a time without
 * any, is printed on stderr: it must be the log that is measured.
 *
 * No longer than half a second: the kernel takes the core away from those who hold it
 * for 0.95 of a second at the priority that keeps the machine's other work away.
 *
 * Prints NAME, ours, theirs, ratio, target, ok or MISS, with tabs.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/number.h"
#include "base/stamp.h"
#include "serving.h"

enum { LOG_BYTES = 300 << 20, QUESTIONS = 200, EACH_US = 2000, PAIRS = 5 };

static char folder[] = "/tmp/fmx-bench-backlog-XXXXXX";

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_backlog: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void path_of(const char *name, char path[96])
{
	(void)snprintf(path, 96, "%s/%s", folder, name);
}

static void make_log(const char *name, size_t size)
{
	char path[96], stamp[STAMP_TEXT_MAX];
	int64_t now = stamp_now() - STAMP_HOUR;
	path_of(name, path);
	FILE *f = fopen(path, "w");
	must(f != NULL, path);
	for (uint32_t n = 0; (size_t)ftell(f) < size; n++) {
		uint32_t a = n * 2654435761u;
		(void)fprintf(
		    f,
		    "%.19s+00:00 mail postfix/smtpd[%u]: connect from "
		    "unknown[20.%u.%u.%u]\n"
		    "%.19s+00:00 mail postfix/smtpd[%u]: disconnect from "
		    "unknown[20.%u.%u.%u] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4\n",
		    stamp_text(now + n * 1000, stamp), n % 1000, a >> 24, a >> 16 & 255,
		    a >> 8 & 255, stamp, n % 1000, a >> 24, a >> 16 & 255, a >> 8 & 255);
	}
	must(fclose(f) == 0, path);
}

static _Noreturn void serve(int ready)
{
	char text[2048];
	(void)snprintf(text, sizeof(text),
		       "lab = true\nnames = off\nstate = \"%s/state\"\npolicy = "
		       "\"%s/policy\"\n"
		       "site \"bench\" { layout = high domains = { \"example.com\" }\n"
		       "host \"mail.example.com\" { preference = 10 address = { "
		       "\"127.0.0.9@2525\" } watch = \"%s/mail.log\" }\n"
		       "decoy \"fake1.example.com\" { preference = 30 address = { "
		       "\"127.0.0.10@2525\" } posture = busy } }\n",
		       folder, folder, folder);
	serving_take_core(0);
	serving_run(text, ready);
}

static int connect_policy(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/policy", folder);
	must(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, sa.sun_path);
	return fd;
}

static void ask(int fd, unsigned n)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
			   "request=smtpd_access_policy\nprotocol_state=RCPT\n"
			   "client_address=20.%u.%u.7\nclient_port=%u\ninstance=%u\n"
			   "recipient=info@example.com\nserver_address=127.0.0.9\n\n",
			   n >> 8 & 255, n & 255, 1024 + n, n);
	must(write(fd, text, (size_t)len) == len, "write");
	must(read(fd, text, sizeof(text)) > 0, "no answer");
}

/* In milliseconds. */
static double p99(double *ret_first)
{
	static int64_t took[QUESTIONS];
	int fd = connect_policy();
	int64_t began = stamp_monotonic();
	ask(fd, QUESTIONS);
	*ret_first = (double)(stamp_monotonic() - began) / 1000;
	for (unsigned n = 0; n < QUESTIONS; n++) {
		(void)usleep(EACH_US);
		int64_t asked = stamp_monotonic();
		ask(fd, n);
		took[n] = stamp_monotonic() - asked;
	}
	close(fd);
	number_sort(took, QUESTIONS);
	return (double)took[QUESTIONS * 99 / 100] / 1000;
}

/* Visits that were committed. */
static long visits(void)
{
	char command[160], line[32] = "";
	(void)snprintf(
	    command, sizeof(command),
	    "sqlite3 -readonly %s/state/journal.sqlite 'select max(id) from visit'",
	    folder);
	FILE *f = popen(command, "r");
	must(f != NULL && fgets(line, sizeof(line), f), command);
	(void)pclose(f);
	return strtol(line, NULL, 10);
}

static double measure(const char *waiting)
{
	int ready[2];
	char word[8], command[256];
	(void)snprintf(command, sizeof(command),
		       "cd %s && rm -rf state policy mail.log && touch mail.log", folder);
	must(system(command) == 0 && pipe(ready) == 0, "pipe");
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		serve(ready[1]);
	close(ready[1]);
	must(read(ready[0], word, sizeof(word)) > 0, "serve did not start");
	(void)snprintf(command, sizeof(command), "cd %s && cat %s >> mail.log", folder,
		       waiting);
	must(system(command) == 0, command);
	double first, ms = p99(&first);
	(void)fprintf(
	    stderr,
	    "bench_backlog: %s, p99 %.3f ms, the first %.3f ms, %ld visits read\n",
	    waiting, ms, first, visits());
	(void)kill(pid, SIGKILL);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	close(ready[0]);
	return ms;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(void)
{
	serving_take_core(1);
	double full[PAIRS], empty[PAIRS];
	char command[96];
	must(mkdtemp(folder) != NULL, folder);
	make_log("full.log", LOG_BYTES);
	make_log("empty.log", 0);
	for (int i = 0; i < PAIRS; i++) {
		empty[i] = measure("empty.log");
		full[i] = measure("full.log");
	}
	qsort(full, PAIRS, sizeof(double), compare);
	qsort(empty, PAIRS, sizeof(double), compare);
	double ours = full[PAIRS / 2], theirs = empty[PAIRS / 2];
	(void)printf(
	    "policy, p99 with 300 MB of log waiting\t%.3f ms\t%.3f ms\t%.2f\t<= 1 "
	    "ms\t%s\n",
	    ours, theirs, ours / theirs, ours <= 1 ? "ok" : "MISS");
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 ? 0 : 1;
}
