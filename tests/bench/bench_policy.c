/*
 * bench_policy - the policy service under a load of 20,000 questions a second:
 * CPU against a bare echo of the same protocol, and the latency at that rate
 *
 * Prints NAME, ours, theirs, ratio, target, ok or MISS, with tabs. The server is
 * a process of its own with a core of its own: the policy server over a journal
 * with SENDERS senders, half of them at a low decoy a moment ago.
 * The bare loop reads with epoll until an empty line and writes DUNNO.
 *
 * The load is another process on another core, over CONNECTIONS unix sockets
 * that stay, as Postfix keeps them. It is open: each question has a moment at
 * which it is due, and its latency counts from there, however late it was sent;
 * so a server that stalls is charged for all who wait. One connection has one
 * question at a time, as Postfix has; the next that is due goes to one that is
 * free. Pairs are interleaved; the median ratio and the median p99 are printed.
 * CPU is the scheduler's count of the server while it is asked
 * (/proc/PID/schedstat).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "serve/policy/policy_answer.h"
#include "serve/policy/policy_server.h"
#include "serving.h"

enum {
	SENDERS = 100000,
	CONNECTIONS = 100, /* Postfix: default_process_limit */
	RATE = 20000,      /* questions a second */
	QUESTIONS = 60000,
	PAIRS = 5,
	EVENTS = 128,
};

static const char site[] = "site\t1\t1\tboth\thome\n"
			   "host\t1\tdecoy\treset\t0\tfake0\t\n"
			   "address\t5.9.1.4\t25\n"
			   "host\t2\treal\t-\t10\tmail\tlog\n"
			   "address\t5.9.1.1\t25\n"
			   "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
			   "address\t5.9.1.3\t25\n"
			   "domain\texample.com\n";
static char folder[] = "/tmp/fmx-bench-policy-XXXXXX";
static char path[sizeof(folder) + 16];

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_policy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct addr client_of(uint32_t number)
{
	struct addr a = { { [10] = 0xff, [11] = 0xff } };
	a.bytes[12] = (uint8_t)(20 + (number >> 16));
	a.bytes[13] = (uint8_t)(number >> 8);
	a.bytes[14] = (uint8_t)number;
	a.bytes[15] = 7;
	return a;
}

/* Our server */

static void add(struct take *t, uint16_t host, enum line_kind kind, int64_t time)
{
	struct line l = {
		.kind = kind, .host = host, .time = time, .seen = time, .is_ok = true
	};
	take_add(t, &l);
}

static void add_visit(struct take *t, struct addr client, int64_t time)
{
	struct line l = { .kind = LINE_VISIT, .host = 1, .time = time, .seen = time };
	l.client = client;
	l.visit = (struct visit){ .client = client,
				  .site = 1,
				  .host = 1,
				  .depth = DEPTH_CONNECT,
				  .precision_us = 1,
				  .time = time,
				  .helo = "",
				  .mail_from = "",
				  .recipient_domain = "",
				  .name = "" };
	take_add(t, &l);
}

/* SENDERS senders, every other one at the low decoy a minute ago. */
static struct take *full_journal(int64_t now, struct db **ret_db, struct site *ret_site)
{
	struct take *t;
	struct error e = { .text = "" };
	struct rules rules = rules_default();
	int64_t begin = now - STAMP_DAY;
	char file[sizeof(folder) + 16];
	(void)snprintf(file, sizeof(file), "%s/journal.sqlite", folder);
	(void)unlink(file); /* of the pair before */
	must(site_parse(site, ret_site, &e) == 0 && site_set_places(ret_site) == NULL,
	     e.text);
	must(db_open(file, DB_WRITE, ret_db, &e) == 0, e.text);
	must(sites_define(*ret_db, ret_site, 1, &rules, begin, false, &e) == 0, e.text);
	must(take_new(*ret_db, &t, &e) == 0, e.text);
	for (uint16_t host = 1; host <= 3; host++)
		add(t, host, LINE_WATERMARK, begin);
	add(t, 2, LINE_PROBE, begin);
	for (uint32_t i = 0; i < SENDERS; i += 2)
		add_visit(t, client_of(i), begin + 10 * STAMP_MINUTE);
	for (uint32_t i = 1; i < SENDERS; i += 2)
		add_visit(t, client_of(i), now - STAMP_MINUTE);
	for (uint16_t host = 1; host <= 3; host++)
		add(t, host, LINE_WATERMARK, now - STAMP_SECOND);
	add(t, 2, LINE_PROBE, now - STAMP_SECOND);
	must(take_commit(t, &e) == 0, e.text);
	return t;
}

static bool at_decoy(void *arg, struct addr client)
{
	(void)arg, (void)client;
	return false;
}

static bool watched(void *arg, uint16_t host)
{
	(void)arg, (void)host;
	return true;
}

static void serve_ours(int ready)
{
	struct policy_world world = { .is_at_decoy = at_decoy, .is_watched = watched };
	struct site home;
	world.take = full_journal(stamp_now(), &world.db, &home);
	struct policy_answers *d = policy_answers_new(&world, NULL);
	policy_answers_set(d, &home, 1, false);
	uv_loop_t loop;
	struct error e;
	struct policy_limits limits = policy_limits_default();
	struct policy_socket s = { .path = path };
	must(uv_loop_init(&loop) == 0, "uv_loop_init");
	struct policy_server *p =
	    policy_server_new(&loop, &limits, policy_answers_give, d);
	must(policy_server_apply(p, &s, 1, &e) == 0, e.text);
	must(write(ready, "", 1) == 1, "write");
	(void)uv_run(&loop, UV_RUN_DEFAULT);
}

/* Theirs: nothing but the end of a question is looked for. */

static void echo(int fd)
{
	static const char dunno[] = "action=DUNNO\n\n";
	char text[POLICY_READ_MAX];
	ssize_t n = recv(fd, text, sizeof(text), 0);
	if (n == 0)
		close(fd);
	if (n >= 2 && memcmp(text + n - 2, "\n\n", 2) == 0)
		(void)!send(fd, dunno, sizeof(dunno) - 1, MSG_NOSIGNAL);
}

static void serve_bare(int ready)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int epoll = epoll_create1(0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd }, events[EVENTS];
	(void)str_copy(sa.sun_path, sizeof(sa.sun_path), path);
	must(epoll >= 0 && fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
		 listen(fd, CONNECTIONS) == 0 &&
		 epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0,
	     "listen");
	must(write(ready, "", 1) == 1, "write");
	for (int n; (n = epoll_wait(epoll, events, EVENTS, -1)) >= 0;) {
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != fd) {
				echo(events[i].data.fd);
				continue;
			}
			e.data.fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
			must(e.data.fd < 0 ||
				 epoll_ctl(epoll, EPOLL_CTL_ADD, e.data.fd, &e) == 0,
			     "accept");
		}
	}
}

/* The load */

struct load {
	int epoll;
	int free[CONNECTIONS], free_count;
	int64_t due[CONNECTIONS + 64]; /* by descriptor: of the question it has */
	uint32_t begun, ended;
	int64_t *latency;
	uint64_t headers;
};

/* As long as a real one. */
static size_t question(char *to, size_t size, uint32_t number)
{
	struct addr a = client_of(number * 7919 % SENDERS);
	char client[ADDR_TEXT_MAX];
	int n = snprintf(
	    to, size,
	    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
	    "client_address=%s\nclient_name=out.good.example\nclient_port=%u\n"
	    "reverse_client_name=out.good.example\nserver_address=5.9.1.1\n"
	    "server_port=25\nhelo_name=out.good.example\nsender=author@good.example\n"
	    "recipient=info@example.com\nrecipient_count=0\nqueue_id=\n"
	    "instance=%x.6921f0a3.8d9f1.0\nsize=2048\netrn_domain=\nstress=\n"
	    "sasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\n"
	    "ccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n"
	    "encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n"
	    "encryption_keysize=256\npolicy_context=\ncompatibility_level=3.6\n"
	    "mail_version=3.7.11\n\n",
	    addr_text(a, client), 1024 + number % 60000, number);
	return (size_t)n;
}

static void ask(struct load *l, int64_t due)
{
	char text[2048];
	int fd = l->free[--l->free_count];
	size_t len = question(text, sizeof(text), l->begun++);
	must(send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
	l->due[fd] = due;
}

static void hear(struct load *l, int fd)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof(text), 0);
	must(n > 8 && memcmp(text, "action=", 7) == 0 &&
		 memcmp(text + n - 2, "\n\n", 2) == 0,
	     "an answer that is none");
	l->headers += text[7] == 'P';
	l->latency[l->ended++] = stamp_monotonic() - l->due[fd];
	l->free[l->free_count++] = fd;
}

static void connect_all(struct load *l)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	(void)str_copy(sa.sun_path, sizeof(sa.sun_path), path);
	l->epoll = epoll_create1(0);
	for (int i = 0; i < CONNECTIONS; i++) {
		struct epoll_event e = { .events = EPOLLIN };
		e.data.fd = socket(AF_UNIX, SOCK_STREAM, 0);
		must(e.data.fd >= 0 && e.data.fd < CONNECTIONS + 64 &&
			 connect(e.data.fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
			 epoll_ctl(l->epoll, EPOLL_CTL_ADD, e.data.fd, &e) == 0,
		     "connect");
		l->free[l->free_count++] = e.data.fd;
	}
}

/* Sleeps until the next question is due: who spins in front of all others is
 * stopped now and then by the kernel, and then measures that. */
static int wait_for(struct load *l, struct epoll_event *events, int64_t due)
{
	int64_t us = due - stamp_monotonic();
	bool has_wait = l->begun < QUESTIONS && l->free_count;
	struct timespec t = { .tv_nsec = us > 0 ? us % 1000000 * 1000 : 0 };
	int n = epoll_pwait2(l->epoll, events, EVENTS, has_wait ? &t : NULL, NULL);
	return n < 0 ? 0 : n;
}

static void run_load(struct load *l)
{
	struct epoll_event events[EVENTS];
	connect_all(l);
	int64_t began = stamp_monotonic();
	int64_t due = began;
	while (l->ended < QUESTIONS) {
		due = began + (int64_t)l->begun * 1000000 / RATE;
		while (l->begun < QUESTIONS && l->free_count &&
		       due <= stamp_monotonic()) {
			ask(l, due);
			due = began + (int64_t)l->begun * 1000000 / RATE;
		}
		int n = wait_for(l, events, due);
		for (int i = 0; i < n; i++)
			hear(l, events[i].data.fd);
		must(stamp_monotonic() - began < 100 * 1000000, "it takes too long");
	}
	while (l->free_count)
		close(l->free[--l->free_count]);
	close(l->epoll);
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

struct measured {
	double cpu; /* microseconds a question */
	double p99; /* milliseconds */
};

static double cpu_of(pid_t pid)
{
	char stat[64];
	unsigned long long ns = 0;
	(void)snprintf(stat, sizeof(stat), "/proc/%d/schedstat", pid);
	FILE *f = fopen(stat, "r");
	must(f && fscanf(f, "%llu", &ns) == 1, stat);
	(void)fclose(f);
	return (double)ns / 1e3;
}

static struct measured run(bool is_ours)
{
	int pipes[2], status;
	char byte;
	struct load l = { .latency = xcalloc(QUESTIONS, sizeof(int64_t)) };
	must(pipe(pipes) == 0, "pipe");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		serving_take_core(0);
		is_ours ? serve_ours(pipes[1]) : serve_bare(pipes[1]);
		_exit(1);
	}
	must(read(pipes[0], &byte, 1) == 1, "the server does not start");
	double before = cpu_of(child);
	run_load(&l);
	double cpu = (cpu_of(child) - before) / QUESTIONS;
	must(kill(child, SIGKILL) == 0, "kill");
	must(waitpid(child, &status, 0) == child, "wait");
	must(WIFSIGNALED(status), "the server ended by itself");
	must(!is_ours || l.headers > QUESTIONS / 4, "nobody is known");
	(void)unlink(path);
	close(pipes[0]);
	close(pipes[1]);
	qsort(l.latency, QUESTIONS, sizeof(int64_t), compare_times);
	struct measured result = { .cpu = cpu,
				   .p99 = (double)l.latency[QUESTIONS / 100 * 99] / 1e3 };
	free(l.latency);
	return result;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, PAIRS, sizeof(double), compare);
	return values[PAIRS / 2];
}

int main(void)
{
	double ours[PAIRS], theirs[PAIRS], ratios[PAIRS], p99[PAIRS], bare[PAIRS];
	must(mkdtemp(folder) != NULL, folder);
	(void)snprintf(path, sizeof(path), "%s/policy.sock", folder);
	serving_take_core(1);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	for (int i = 0; i < PAIRS; i++) {
		struct measured a = run(true), b = run(false);
		ours[i] = a.cpu;
		theirs[i] = b.cpu;
		ratios[i] = a.cpu / b.cpu;
		p99[i] = a.p99;
		bare[i] = b.p99;
	}
	char command[sizeof(folder) + 16];
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	must(system(command) == 0, "rm");
	double ratio = median(ratios), cpu = median(ours), late = median(p99);
	double late_bare = median(bare);
	printf("policy answer, CPU us / bare echo\t%.2f\t%.2f\t%.2f\t<= 1.50\t%s\n", cpu,
	       median(theirs), ratio, ratio <= 1.5 ? "ok" : "MISS");
	printf("policy, questions/s of one core\t%.0f\t-\t-\t>= %d\t%s\n", 1e6 / cpu,
	       RATE, 1e6 / cpu >= RATE ? "ok" : "MISS");
	printf("policy at %d/s, p99 ms / bare echo\t%.3f\t%.3f\t%.2f\t< 1 ms\t%s\n", RATE,
	       late, late_bare, late / late_bare, late < 1 ? "ok" : "MISS");
	return 0;
}
