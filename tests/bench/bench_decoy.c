/*
 * bench_decoy - CPU of a decoy's connection, busy and reset, against a bare
 * loop that accepts, writes and closes, and against postscreen and smtp-sink
 *
 * Prints NAME, microseconds of CPU of ours, of theirs, ratio, target, ok or
 * MISS, with tabs. Each server is a process of its own, driven from here over
 * loopback with the same load; pairs are interleaved and the median of the
 * ratios counts. Postfix's programs are fetched by tests/bench/peers and log as
 * they always do.
 *
 * CPU is what getrusage says of a server that is gone; of the peers, which live
 * on, the scheduler's count of the same (/proc/PID/schedstat).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/decoy/decoy.h"
#include "source/decoy/smtp.h"

enum { CONNECTIONS = 10000, IN_FLIGHT = 64, PAIRS = 11, PEER_PAIRS = 5 };

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_decoy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

/* Bound by us, so that the port is known before the server runs. */
static int listener(uint16_t *ret_port)
{
	struct sockaddr_in sa = loopback(0);
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0 &&
		 listen(fd, 4096) == 0 &&
		 getsockname(fd, (struct sockaddr *)&sa, &len) == 0,
	     "listen");
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

/* The load: a client reads until the end or the reset, and the next comes. */

static int connect_one(int epoll, uint16_t port, unsigned nth)
{
	struct sockaddr_in to = loopback(port), from = loopback(0);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + nth % 200);
	must(fd >= 0, "socket");
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	must(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0, "bind");
	must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS,
	     "connect");
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
	return fd;
}

static void load(uint16_t port)
{
	int epoll = epoll_create1(0);
	unsigned begun = 0, ended = 0;
	must(epoll >= 0, "epoll_create1");
	while (begun < IN_FLIGHT)
		(void)connect_one(epoll, port, begun++);
	while (ended < CONNECTIONS) {
		struct epoll_event events[IN_FLIGHT];
		int n = epoll_wait(epoll, events, IN_FLIGHT, 10000);
		must(n > 0, "a server does not answer");
		for (int i = 0; i < n; i++) {
			char text[512];
			ssize_t got = recv(events[i].data.fd, text, sizeof(text), 0);
			if (got > 0 || (got < 0 && errno == EAGAIN))
				continue;
			close(events[i].data.fd);
			ended++;
			if (begun < CONNECTIONS)
				(void)connect_one(epoll, port, begun++);
		}
	}
	close(epoll);
}

/* The servers */

static void serve_bare(int fd)
{
	char text[SMTP_REPLY_MAX];
	const struct smtp_who who = { "fake1.mx.example.com", "mail.example.com", 0 };
	struct buf greeting = BUF_INIT(sizeof(text));
	smtp_refuse(&who, &greeting);
	int epoll = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN };
	must(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll");
	while (epoll_wait(epoll, &e, 1, -1) > 0)
		for (int c;
		     (c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
			(void)!write(c, greeting.data, greeting.len);
			close(c);
		}
}

static void on_visit(void *arg, const struct visit *v)
{
	*(uint64_t *)arg += v->depth;
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	(void)arg, (void)host, (void)upto;
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	(void)arg, (void)host, (void)is_over;
	(void)fprintf(stderr, "bench_decoy: %s\n", sentence);
}

static void serve_ours(int fd, uint16_t port, enum posture posture)
{
	uint64_t sum = 0;
	struct source_sink sink = { .visit = on_visit,
				    .watermark = on_watermark,
				    .trouble = on_trouble,
				    .arg = &sum };
	struct decoy_limits limits = decoy_limits_default();
	struct error e = { 0 };
	uv_loop_t loop;
	must(uv_loop_init(&loop) == 0, "uv_loop_init");
	struct decoy_set *d =
	    decoy_new(&loop, (struct stamp_clock){ NULL }, &limits, &sink);
	struct decoy_spec s = { .site = 1,
				.host = 1,
				.posture = posture,
				.at = { .port = port },
				.name = "fake1.mx.example.com",
				.cause = "mail.example.com" };
	must(addr_parse("127.0.0.1", &s.at.addr), "address");
	if (decoy_inherit(d, fd, &e) != 0 || decoy_apply(d, &s, 1, &e) != 0) {
		(void)fprintf(stderr, "bench_decoy: %s\n", e.text);
		exit(1);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
}

/* Microseconds of CPU a connection, of a server that runs for this alone. */
static double run(bool is_ours, enum posture posture)
{
	uint16_t port;
	struct rusage r;
	int status = 0, fd = listener(&port);
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		if (is_ours)
			serve_ours(fd, port, posture);
		else
			serve_bare(fd);
		_exit(1);
	}
	close(fd);
	load(port);
	must(kill(child, SIGKILL) == 0 && wait4(child, &status, 0, &r) == child, "wait4");
	must(WIFSIGNALED(status), "the server ended by itself");
	return ((double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
		(double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec)) /
	       CONNECTIONS;
}

static double cpu_of(pid_t pid)
{
	char path[64];
	unsigned long long ns = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	FILE *f = fopen(path, "r");
	must(f && fscanf(f, "%llu", &ns) == 1, path);
	fclose(f);
	return (double)ns / 1e3;
}

static double run_peer(uint16_t port, pid_t pid)
{
	double before = cpu_of(pid);
	load(port);
	return (cpu_of(pid) - before) / CONNECTIONS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(double), compare);
	return values[count / 2];
}

/* port 0: the bare loop. True: the target is met. */
static bool compare_with(const char *what, enum posture posture, uint16_t port, pid_t pid,
			 double target)
{
	double ours[PAIRS], theirs[PAIRS], ratios[PAIRS];
	int pairs = port ? PEER_PAIRS : PAIRS;
	(void)run(true, posture); /* warms both up */
	for (int i = 0; i < pairs; i++) {
		ours[i] = run(true, posture);
		theirs[i] = port ? run_peer(port, pid) : run(false, posture);
		ratios[i] = ours[i] / theirs[i];
	}
	double ratio = median(ratios, pairs);
	printf("decoy %s, CPU us / %s\t%.2f\t%.2f\t%.3f\t<= %.2f\t%s\n",
	       posture_name(posture), what, median(ours, pairs), median(theirs, pairs),
	       ratio, target, ratio <= target ? "ok" : "MISS");
	fflush(stdout);
	return ratio <= target;
}

static void compare_with_peers(void)
{
	int to[2], from[2];
	char name[32];
	unsigned port, pid;
	must(pipe(to) == 0 && pipe(from) == 0, "pipe");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[0]), close(to[1]), close(from[0]), close(from[1]);
		execl(FMX_BENCH_PEERS, FMX_BENCH_PEERS, FMX_BENCH_FOLDER, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	FILE *f = fdopen(from[0], "r");
	int peers = 0;
	for (; peers < 2 && f && fscanf(f, "%31s %u %u", name, &port, &pid) == 3;
	     peers++) {
		(void)compare_with(name, POSTURE_BUSY, (uint16_t)port, (pid_t)pid, 0.33);
		(void)compare_with(name, POSTURE_RESET, (uint16_t)port, (pid_t)pid, 0.33);
	}
	close(to[1]); /* the end of its input: it stops them */
	must(waitpid(child, NULL, 0) == child && peers == 2, "peers (see above)");
}

int main(void)
{
	(void)compare_with("bare loop", POSTURE_BUSY, 0, 0, 1.15);
	(void)compare_with("bare loop", POSTURE_RESET, 0, 0, 1.15);
	compare_with_peers();
	return 0;
}
