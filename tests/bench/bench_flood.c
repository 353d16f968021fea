/*
 * bench_flood - what others notice of 5,000 connections a second to a decoy
 *
 * The real fakemx-serve, with its journal, against a bare loop that accepts, writes and
 * closes, under the same flood: the 99th percentile of the time until a client that is
 * not of the flood has its answer. And, flooded and in quiet, the policy service's 99th
 * percentile, and what all of it adds to good mail: a low decoy that resets, then the
 * question of the real host. Prints NAME, ours, theirs, ratio, target, ok or MISS, with
 * tabs; pairs are interleaved and the median pair counts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"

enum {
	RATE = 5000,    /* connections of the flood a second */
	FLOODERS = 400, /* their addresses */
	ASK_EVERY_MS = 5,
	SECONDS = 3,
	PAIRS = 3,
	OPEN_MAX_FLOOD = 4000,
	ASKED_MAX = 1000 * SECONDS / ASK_EVERY_MS,
};

#define CLIENTS (INADDR_LOOPBACK + 0x20000)

static const double target = 2.0;
static char folder[] = "/tmp/fmx-bench-flood-XXXXXX";

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What a bench that failed has started ends with it. */
static pid_t begin(void)
{
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* The server has a core, and who asks and the flood share the other: what else this
 * machine does is not to be measured. Without the right to it they are as all others. */
static void take_core(int core, int priority)
{
	const struct sched_param first = { .sched_priority = priority };
	cpu_set_t set;
	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* one core: then all share */
}

static int64_t now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct sockaddr_in at(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(host) };
}

static int listener(uint16_t *ret_port)
{
	struct sockaddr_in sa = at(INADDR_LOOPBACK, 0);
	socklen_t len = sizeof(sa);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0 &&
		 listen(fd, 4096) == 0 &&
		 getsockname(fd, (struct sockaddr *)&sa, &len) == 0,
	     "listen");
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

static int connect_from(uint32_t from, uint16_t port, int flags)
{
	struct sockaddr_in to = at(INADDR_LOOPBACK, port), source = at(from, 0);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | flags, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&source, sizeof(source)) == 0 &&
	    (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ||
	     errno == EINPROGRESS))
		return fd;
	(void)close(fd);
	return -1;
}

/* ---- the flood: as many as RATE says, whatever becomes of them ---- */

static void drain(int epoll, unsigned *open, int wait_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(epoll, events, 256, wait_ms);
	for (int i = 0; i < n; i++) {
		char text[512];
		ssize_t got = recv(events[i].data.fd, text, sizeof(text), MSG_DONTWAIT);
		if (got > 0 || (got < 0 && errno == EAGAIN))
			continue;
		(void)close(events[i].data.fd);
		--*open;
	}
}

FMX_NORETURN static void flood(uint16_t port)
{
	int epoll = epoll_create1(0);
	int64_t began = now_us();
	unsigned begun = 0, open = 0;
	must(epoll >= 0, "epoll");
	take_core(1, 9);
	for (;;) {
		int64_t due = (now_us() - began) * RATE / 1000000;
		for (; (int64_t)begun < due && open < OPEN_MAX_FLOOD; begun++) {
			int fd =
			    connect_from(INADDR_LOOPBACK + 0x10000 + begun % FLOODERS,
					 port, SOCK_NONBLOCK);
			struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
			if (fd < 0)
				continue;
			must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
			open++;
		}
		drain(epoll, &open, 1);
	}
}

static pid_t start_flood(uint16_t port)
{
	pid_t pid = begin();
	if (pid == 0)
		flood(port);
	return pid;
}

static void end(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, NULL, 0); /* of the SIGTERM */
}

/* ---- others ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double p99(double *values, size_t count)
{
	must(count > 50, "too few were answered");
	qsort(values, count, sizeof(*values), compare);
	return values[count * 99 / 100];
}

/* Milliseconds until the first byte, or the end. */
static double ask_decoy(uint16_t port, unsigned nth)
{
	char text[512];
	int64_t began = now_us();
	struct timeval most = { .tv_sec = 5 };
	int fd = connect_from(CLIENTS + nth % 5000, port, 0);
	if (fd < 0 && errno == ECONNRESET) /* answered before we were awake */
		return (double)(now_us() - began) / 1000;
	must(fd >= 0, "connect");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	(void)!recv(fd, text, sizeof(text), 0);
	(void)close(fd);
	return (double)(now_us() - began) / 1000;
}

static double ask_policy(int fd, unsigned nth)
{
	char text[400], client[INET_ADDRSTRLEN];
	struct in_addr from = { .s_addr = htonl(CLIENTS + nth % 5000) };
	int n = snprintf(text, sizeof(text),
			 "request=smtpd_access_policy\nprotocol_state=RCPT\n"
			 "client_address=%s\nclient_port=%u\n"
			 "server_address=127.0.0.1\nrecipient=x@shop.example\n"
			 "instance=%x.1\n\n",
			 inet_ntop(AF_INET, &from, client, sizeof(client)),
			 1024 + nth % 60000, nth);
	int64_t began = now_us();
	must(send(fd, text, (size_t)n, 0) == n && recv(fd, text, sizeof(text), 0) > 0,
	     "the policy service does not answer");
	return (double)(now_us() - began) / 1000;
}

/* What is asked: the flooded decoy, or (policy >= 0) Postfix's question, before which a
 * good sender was at the low decoy (low > 0). */
struct asked {
	uint16_t decoy, low;
	int policy;
};

static double ask(const struct asked *a, unsigned nth)
{
	if (a->policy < 0)
		return ask_decoy(a->decoy, nth);
	return (a->low ? ask_decoy(a->low, nth) : 0) + ask_policy(a->policy, nth);
}

static double measure(const struct asked *a)
{
	static unsigned nth;
	double values[ASKED_MAX];
	size_t count = 0;
	int64_t began = now_us();
	for (size_t i = 0; i < ASKED_MAX; i++) {
		int64_t wait = began + (int64_t)i * ASK_EVERY_MS * 1000 - now_us();
		if (wait < -SECONDS * INT64_C(3000000))
			break; /* so slow that the rest does not matter */
		if (wait > 0)
			(void)usleep((useconds_t)wait);
		values[count++] = ask(a, nth++);
	}
	return p99(values, count);
}

/* ---- the servers ---- */

FMX_NORETURN static void serve_bare(int fd)
{
	static const char greeting[] =
	    "421 4.3.2 fake1.mx.example.com takes no mail; please "
	    "see the error of mail.example.com\r\n";
	int epoll = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN };
	take_core(0, 10);
	must(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll");
	for (;;) {
		int c;
		(void)epoll_wait(epoll, &e, 1, -1);
		while ((c = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
			(void)!write(c, greeting, sizeof(greeting) - 1);
			(void)close(c);
		}
	}
}

struct ports {
	uint16_t decoy, low, policy;
};

static void write_config(const char *path, const struct ports *p)
{
	FILE *f = fopen(path, "w");
	must(f != NULL, path);
	(void)fprintf(f,
		      "lab = true\nstate = \"%s/state\"\nnames = false\n"
		      "policy = \"127.0.0.1@%u\"\nsite \"bench\" {\n layout = both\n"
		      " domains = { \"shop.example\" }\n"
		      " host \"mail.shop.example\" { preference = 10 address = { "
		      "\"127.0.0.9@2525\" } watch = \"%s/mail.log\" }\n"
		      " decoy \"fake0.shop.example\" { preference = 0 address = { "
		      "\"127.0.0.1@%u\" } posture = reset }\n"
		      " decoy \"fake1.shop.example\" { preference = 20 address = { "
		      "\"127.0.0.1@%u\" } posture = busy }\n}\n",
		      folder, p->policy, folder, p->low, p->decoy);
	must(fclose(f) == 0, path);
}

static pid_t start_ours(struct ports *ret_ports)
{
	char conf[80], log[80], ready[16];
	int pipes[2];
	(void)close(listener(&ret_ports->decoy));
	(void)close(listener(&ret_ports->low));
	(void)close(listener(&ret_ports->policy));
	(void)snprintf(conf, sizeof(conf), "%s/conf", folder);
	(void)snprintf(log, sizeof(log), "%s/mail.log", folder);
	(void)close(open(log, O_CREAT | O_WRONLY, 0600));
	write_config(conf, ret_ports);
	must(pipe(pipes) == 0, "pipe");
	pid_t pid = begin();
	if (pid == 0) {
		take_core(0, 10);
		(void)snprintf(ready, sizeof(ready), "%d", pipes[1]);
		(void)execl(FMX_BENCH_SERVE, "fakemx-serve", "-q", "-c", conf,
			    "--ready-fd", ready, (char *)NULL);
		_exit(127);
	}
	(void)close(pipes[1]);
	must(read(pipes[0], ready, sizeof(ready)) > 0, "fakemx-serve does not start");
	return pid;
}

/* ---- what is told ---- */

struct pair {
	double ours, theirs;
};

static int by_ratio(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	double l = x->ours / x->theirs, r = y->ours / y->theirs;
	return (l > r) - (l < r);
}

static void tell(const char *name, struct pair *pairs)
{
	qsort(pairs, PAIRS, sizeof(*pairs), by_ratio);
	struct pair m = pairs[PAIRS / 2];
	double ratio = m.ours / m.theirs;
	(void)printf("%s\t%.2f ms\t%.2f ms\t%.2f\t<= %.2f\t%s\n", name, m.ours, m.theirs,
		     ratio, target, ratio <= target ? "ok" : "MISS");
}

static double under_flood(uint16_t flooded, const struct asked *a)
{
	pid_t flooders = start_flood(flooded);
	(void)usleep(700000);
	double p = measure(a);
	end(flooders);
	(void)usleep(300000); /* what it left */
	return p;
}

static struct pair with_and_without(const struct ports *p, const struct asked *a)
{
	double quiet = measure(a);
	return (struct pair){ under_flood(p->decoy, a), quiet };
}

static int connect_policy(uint16_t port)
{
	int fd = connect_from(INADDR_LOOPBACK, port, 0);
	must(fd >= 0, "the policy service");
	return fd;
}

int main(void)
{
	struct pair answers[PAIRS], policy[PAIRS], good[PAIRS];
	struct ports ours;
	uint16_t bare;
	char remove[80];
	int fd = listener(&bare);
	must(mkdtemp(folder) != NULL, folder);
	pid_t serve = start_ours(&ours);
	pid_t other = begin();
	if (other == 0)
		serve_bare(fd);
	(void)close(fd);
	take_core(1, 11);
	for (int i = 0; i < PAIRS; i++) {
		const struct asked decoy = { ours.decoy, 0, -1 }, peer = { bare, 0, -1 };
		answers[i] = (struct pair){ under_flood(ours.decoy, &decoy),
					    under_flood(bare, &peer) };
	}
	/* Afterwards: whoever asks makes serve hurry for some seconds. */
	int question = connect_policy(ours.policy);
	for (int i = 0; i < PAIRS; i++) {
		const struct asked of_postfix = { 0, 0, question },
				   of_mail = { 0, ours.low, question };
		policy[i] = with_and_without(&ours, &of_postfix);
		good[i] = with_and_without(&ours, &of_mail);
	}
	end(serve);
	end(other);
	tell("decoy's answer in a flood of 5000/s, p99 / bare", answers);
	tell("policy answer in that flood, p99 / in quiet", policy);
	tell("good mail: low decoy and policy, p99 / in quiet", good);
	(void)snprintf(remove, sizeof(remove), "rm -rf '%s'", folder);
	return system(remove) == 0 ? 0 : 1;
}
