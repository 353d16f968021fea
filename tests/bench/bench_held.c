/*
 * bench_held - user memory of 10,000 connections that one decoy holds
 *
 * Prints NAME, bytes a connection, "-", "-", target, ok or MISS, with tabs.
 * Bytes are what malloc gave out (mallinfo2), its own headers and the event
 * loop's and the decoy set's tables included. The clients are in this process, the decoy
 * in a child, so that each has its own descriptors.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/decoy/decoy.h"

enum { HELD = 10000, PER_CLIENT = 40 };

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_held: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_visit(void *arg, const struct visit *v)
{
	(void)arg, (void)v;
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	(void)arg, (void)host, (void)upto;
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	(void)arg, (void)host, (void)is_over;
	(void)fprintf(stderr, "bench_held: %s\n", sentence);
}

struct report {
	size_t bytes;
	uint32_t open;
};

struct server {
	uv_poll_t poll;
	struct decoy_set *set;
	int control;
	size_t at_start; /* before there was a decoy */
};

static size_t allocated(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

/* Asked: how much, and for how many? */
static void on_asked(uv_poll_t *poll, int status, int events)
{
	struct server *s = (struct server *)poll;
	char byte;
	(void)status, (void)events;
	if (read(s->control, &byte, 1) != 1)
		_exit(0);
	struct report r = { allocated() - s->at_start, decoy_counts(s->set).open };
	must(write(s->control, &r, sizeof(r)) == sizeof(r), "report");
}

static void serve(int fd, uint16_t port, int control)
{
	struct source_sink sink = { .visit = on_visit,
				    .watermark = on_watermark,
				    .trouble = on_trouble };
	struct decoy_limits limits = decoy_limits_default();
	struct error e = { 0 };
	struct server s = { .control = control, .at_start = allocated() };
	uv_loop_t loop;
	must(uv_loop_init(&loop) == 0 && uv_poll_init(&loop, &s.poll, control) == 0 &&
		 uv_poll_start(&s.poll, UV_READABLE, on_asked) == 0,
	     "uv");
	s.set = decoy_new(&loop, (struct stamp_clock){ NULL }, &limits, &sink);
	struct decoy_spec spec = { .site = 1,
				   .host = 1,
				   .posture = POSTURE_DEFER,
				   .at = { .port = port },
				   .name = "fake1.mx.example.com",
				   .cause = "mail.example.com" };
	must(addr_parse("127.0.0.1", &spec.at.addr), "address");
	must(decoy_inherit(s.set, fd, &e) == 0 && decoy_apply(s.set, &spec, 1, &e) == 0,
	     e.text);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static struct report ask(int control)
{
	struct report r = { 0 };
	must(write(control, "?", 1) == 1 && read(control, &r, sizeof(r)) == sizeof(r),
	     "ask");
	return r;
}

static void expect(int fd, const char *last)
{
	char text[2048];
	size_t len = 0, n = strlen(last);
	while (len < n || memcmp(text + len - n, last, n) != 0) {
		ssize_t got = recv(fd, text + len, sizeof(text) - len, 0);
		must(got > 0, "a reply is missing");
		len += (size_t)got;
	}
}

static int connect_one(uint16_t port, unsigned nth)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } },
			   from = to;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	from.sin_port = 0;
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + nth / PER_CLIENT);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
		 connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0,
	     "connect");
	expect(fd, "ESMTP\r\n");
	return fd;
}

static void print(const char *name, struct report r, double target)
{
	must(r.open == HELD, "not all are held");
	double bytes = (double)r.bytes / HELD;
	printf("%s\t%.0f\t-\t-\t<= %.0f\t%s\n", name, bytes, target,
	       bytes <= target ? "ok" : "MISS");
	fflush(stdout);
}

static int listener(uint16_t *ret_port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0 &&
		 listen(fd, 4096) == 0 &&
		 getsockname(fd, (struct sockaddr *)&sa, &len) == 0,
	     "listen");
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

int main(void)
{
	static const char talk[] =
	    "EHLO client.example\r\nMAIL FROM:<alice@client.example>\r\n"
	    "RCPT TO:<bob@example.com>\r\n";
	static int clients[HELD];
	int control[2];
	uint16_t port;
	struct rlimit files;
	must(getrlimit(RLIMIT_NOFILE, &files) == 0, "getrlimit");
	files.rlim_cur = files.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > HELD + 50,
	     "10,050 descriptors are needed (ulimit -n)");
	int fd = listener(&port);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, control) == 0, "socketpair");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		close(control[0]);
		serve(fd, port, control[1]);
		_exit(1);
	}
	close(fd);
	close(control[1]);
	for (unsigned i = 0; i < HELD; i++)
		clients[i] = connect_one(port, i);
	print("held connection, bytes before its first byte", ask(control[0]), 300);
	for (int i = 0; i < HELD; i++)
		must(send(clients[i], talk, sizeof(talk) - 1, 0) == sizeof(talk) - 1,
		     "send");
	for (int i = 0; i < HELD; i++)
		expect(clients[i], "mail.example.com\r\n");
	print("held connection, bytes in dialogue", ask(control[0]), 1024);
	close(control[0]);
	must(waitpid(child, NULL, 0) == child, "waitpid");
	return 0;
}
