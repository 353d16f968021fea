/*
 * bench_serve - CPU of a whole serve per decoy connection, journal and judge
 * included, against a bare loop that accepts, writes and closes
 *
 * Prints NAME, ours, theirs, ratio, target, ok or MISS, with tabs. Figures are
 * microseconds of CPU of the serving process per connection; pairs are
 * interleaved and the median pair counts. Clients are other processes, each
 * connection from one of CLIENTS addresses, and wait for the end of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "serving.h"

enum { CONNECTIONS = 24000, WORKERS = 8, CLIENTS = 2000, PAIRS = 7 };

static const double target = 1.35;
static char folder[] = "/tmp/fmx-bench-serve-XXXXXX";

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_serve: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double cpu_of(pid_t pid)
{
	clockid_t clock;
	struct timespec t;
	must(clock_getcpuclockid(pid, &clock) == 0, "no CPU clock");
	must(clock_gettime(clock, &t) == 0, "CPU clock");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in at(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(host) };
}

static uint16_t free_port(void)
{
	struct sockaddr_in sa = at(INADDR_LOOPBACK, 0);
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, "bind");
	must(getsockname(fd, (struct sockaddr *)&sa, &len) == 0, "getsockname");
	close(fd);
	return ntohs(sa.sin_port);
}

/* ---- clients ---- */

static void connect_once(uint16_t port, uint32_t client)
{
	struct sockaddr_in from = at(UINT32_C(0x7f200000) + client, 0);
	struct sockaddr_in to = at(INADDR_LOOPBACK, port);
	char answer[512];
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	must(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0, "client's bind");
	must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
	while (read(fd, answer, sizeof(answer)) > 0)
		;
	close(fd);
}

static void run_clients(uint16_t port)
{
	for (uint32_t w = 0; w < WORKERS; w++) {
		if (fork() != 0)
			continue;
		for (uint32_t i = 0; i < CONNECTIONS / WORKERS; i++)
			connect_once(port, (i * WORKERS + w) % CLIENTS + 1);
		_exit(0);
	}
	for (uint32_t w = 0; w < WORKERS; w++) {
		int status = 0;
		must(wait(&status) > 0 && status == 0, "a client failed");
	}
}

/* ---- theirs: what cannot be left out ---- */

static void serve_bare(uint16_t port, int ready)
{
	static const char line[] =
	    "421 4.3.2 fake1.example takes no mail; please see the "
	    "error of mail.example\r\n";
	struct sockaddr_in sa = at(INADDR_LOOPBACK, port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, "bare bind");
	must(listen(fd, SOMAXCONN) == 0, "listen");
	int loop = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN };
	must(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) == 0, "epoll");
	must(write(ready, "ready\n", 6) == 6, "ready");
	for (;;) {
		(void)epoll_wait(loop, &e, 1, -1);
		int c;
		while ((c = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
			must(write(c, line, sizeof(line) - 1) > 0, "write");
			close(c);
		}
	}
}

/* ---- ours ---- */

static void serve_ours(uint16_t port, int ready)
{
	char text[2048];
	(void)snprintf(text, sizeof(text),
		       "lab = true\nstate = \"%s\"\n"
		       "site \"bench\" { layout = high domains = { \"example.com\" }\n"
		       "host \"mail.example.com\" { preference = 10 address = { "
		       "\"127.0.0.9@%u\" } }\n"
		       "decoy \"fake1.example.com\" { preference = 30 address = { "
		       "\"127.0.0.1@%u\" } posture = busy } }\n",
		       folder, port, port);
	serving_run(text, ready);
}

/* ---- both ---- */

static double measure(void (*serve)(uint16_t port, int ready))
{
	int ready[2];
	char word[8];
	uint16_t port = free_port();
	must(pipe(ready) == 0, "pipe");
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		serve(port, ready[1]);
		_exit(1);
	}
	close(ready[1]);
	must(read(ready[0], word, sizeof(word)) > 0, "the server did not start");
	double began = cpu_of(pid);
	run_clients(port);
	/* What waits to be committed is part of it. */
	(void)nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 500000000 }, NULL);
	double used = cpu_of(pid) - began;
	(void)kill(pid, SIGTERM);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	close(ready[0]);
	return used / CONNECTIONS * 1e6;
}

struct pair {
	double ours, theirs;
};

static int compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	double p = x->ours / x->theirs, q = y->ours / y->theirs;
	return (p > q) - (p < q);
}

int main(void)
{
	struct pair pairs[PAIRS];
	char command[128];
	must(mkdtemp(folder) != NULL, folder);
	for (size_t i = 0; i < PAIRS; i++) {
		pairs[i].theirs = measure(serve_bare);
		pairs[i].ours = measure(serve_ours);
	}
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	(void)!system(command);
	qsort(pairs, PAIRS, sizeof(pairs[0]), compare);
	struct pair p = pairs[PAIRS / 2];
	double ratio = p.ours / p.theirs;
	(void)printf(
	    "decoy connection with journal, CPU\t%.2f us\t%.2f us\t%.2f\t<= %.2f\t%s\n",
	    p.ours, p.theirs, ratio, target, ratio <= target ? "ok" : "MISS");
	return 0;
}
