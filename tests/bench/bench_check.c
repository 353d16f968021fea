/*
 * bench_check - the DNS part of a bulk check against a bare c-ares loop
 *
 * The same questions to the same name server (Knot, in a namespace, started by
 * check_server.py): ours is a look at each domain without probes; theirs sends
 * them with ares_query in a fixed window and counts the answers. Rates are
 * questions per second of CPU; pairs are interleaved and the median pair counts.
 * Then a list five times as long: memory must not follow it.
 */
#include <ares.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "look/look.h"

/* DOMAINS as in check_server.py; eight questions each: MX, SPF, NS, MTA-STS,
 * and A and AAAA of two hosts. */
enum { DOMAINS = 5000, QUESTIONS = 8, PAIRS = 9, AT_ONCE = 64, WINDOW = 256 };

static struct addr server;

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_check: %s\n", what);
	exit(1);
}

static double cpu_seconds(void)
{
	struct rusage r;
	(void)getrusage(RUSAGE_SELF, &r); /* fails for a wrong argument only */
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* ---- ours ------------------------------------------------------------- */

struct ours {
	struct looker *looker;
	unsigned next, end, hosts;
};

static void on_seen(struct look_result *r, void *arg);

static void start_next(struct ours *o)
{
	char name[64];
	if (o->next == o->end)
		return;
	(void)snprintf(name, sizeof(name), "d%u.bench", o->next++ % DOMAINS);
	look_start(o->looker, name, on_seen, o);
}

static void on_seen(struct look_result *r, void *arg)
{
	struct ours *o = arg;
	must(r->status == LOOKUP_OK && r->seen.host_count == 2, "a look failed");
	o->hosts += (unsigned)r->seen.host_count;
	start_next(o);
}

static double run_ours(unsigned domains)
{
	uv_loop_t loop;
	struct ours o = { .end = domains };
	struct look_options options = { .no_probe = true };
	options.resolver = (struct resolver_options){ .has_server = true,
						      .server = server,
						      .port = DNS_PORT };
	must(uv_loop_init(&loop) == 0, "no loop");
	must(looker_new(&loop, &options, &o.looker, NULL) == 0, "no looker");
	double began = cpu_seconds();
	for (unsigned i = 0; i < AT_ONCE; i++)
		start_next(&o);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	double took = cpu_seconds() - began;
	must(o.hosts == 2 * domains, "answers are missing");
	must(looker_counts(o.looker).asked == (uint64_t)domains * QUESTIONS,
	     "other questions");
	looker_free(o.looker);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	must(uv_loop_close(&loop) == 0, "handles are left");
	return (double)domains * QUESTIONS / took;
}

/* ---- theirs ----------------------------------------------------------- */

static struct {
	ares_channel channel;
	int epoll;
	unsigned next, open, answered;
} bare;

static void bare_ask(void);

static void on_bare_answer(void *arg, int status, int timeouts, unsigned char *data,
			   int len)
{
	(void)arg, (void)timeouts, (void)data;
	must((status == ARES_SUCCESS || status == ARES_ENODATA ||
	      status == ARES_ENOTFOUND) &&
		 len > 0,
	     "the bare loop lost an answer");
	bare.open--;
	bare.answered++;
}

static void bare_ask(void)
{
	static const struct {
		const char *prefix;
		int type;
	} questions[QUESTIONS] = { { "", 15 },          { "", 16 },     { "", 2 },
				   { "_mta-sts.", 16 }, { "mail.", 1 }, { "mail.", 28 },
				   { "back.", 1 },      { "back.", 28 } };
	while (bare.open < WINDOW && bare.next < DOMAINS * QUESTIONS) {
		char name[64];
		unsigned i = bare.next++;
		(void)snprintf(name, sizeof(name), "%sd%u.bench",
			       questions[i % QUESTIONS].prefix, i / QUESTIONS);
		bare.open++;
		ares_query(bare.channel, name, 1, questions[i % QUESTIONS].type,
			   on_bare_answer, NULL);
	}
}

static void on_bare_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	(void)data;
	struct epoll_event ev = { .data.fd = fd };
	ev.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	if (!ev.events)
		(void)epoll_ctl(bare.epoll, EPOLL_CTL_DEL, fd, &ev);
	else if (epoll_ctl(bare.epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
		(void)epoll_ctl(bare.epoll, EPOLL_CTL_MOD, fd, &ev);
}

static void bare_open(void)
{
	char path[] = "/dev/null";
	struct ares_options o = { .flags = ARES_FLAG_EDNS | ARES_FLAG_STAYOPEN |
					   ARES_FLAG_NOSEARCH,
				  .timeout = 1500,
				  .tries = 3,
				  .ednspsz = MESSAGE_UDP_MAX,
				  .sock_state_cb = on_bare_socket,
				  .resolvconf_path = path };
	must(ares_init_options(&bare.channel, &o,
			       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				   ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB |
				   ARES_OPT_RESOLVCONF) == ARES_SUCCESS,
	     "no channel");
	struct ares_addr_port_node node = { .family = AF_INET,
					    .udp_port = DNS_PORT,
					    .tcp_port = DNS_PORT };
	memcpy(&node.addr.addr4, server.bytes + 12, 4);
	must(ares_set_servers_ports(bare.channel, &node) == ARES_SUCCESS, "no server");
}

static double run_bare(void)
{
	memset(&bare, 0, sizeof(bare));
	bare.epoll = epoll_create1(0);
	bare_open();
	double began = cpu_seconds();
	bare_ask();
	while (bare.open > 0) {
		struct epoll_event events[8];
		int n = epoll_wait(bare.epoll, events, 8, 50);
		for (int i = 0; i < n; i++)
			ares_process_fd(bare.channel,
					events[i].events & EPOLLIN ? events[i].data.fd
								   : ARES_SOCKET_BAD,
					ARES_SOCKET_BAD);
		if (n == 0)
			ares_process_fd(bare.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		bare_ask();
	}
	double took = cpu_seconds() - began;
	must(bare.answered == DOMAINS * QUESTIONS, "the bare loop lost answers");
	ares_destroy(bare.channel);
	close(bare.epoll);
	return DOMAINS * QUESTIONS / took;
}

/* ---- results ---------------------------------------------------------- */

static int by_ratio(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (x[0] / x[1] > y[0] / y[1]) - (x[0] / x[1] < y[0] / y[1]);
}

static void compare_rates(void)
{
	double pairs[PAIRS][2];
	(void)run_ours(DOMAINS);
	(void)run_bare();
	for (int i = 0; i < PAIRS; i++) {
		pairs[i][i % 2] = i % 2 ? run_bare() : run_ours(DOMAINS);
		pairs[i][1 - i % 2] = i % 2 ? run_ours(DOMAINS) : run_bare();
	}
	qsort(pairs, PAIRS, sizeof(pairs[0]), by_ratio);
	double *m = pairs[PAIRS / 2], ratio = m[0] / m[1];
	(void)printf(
	    "bulk check, DNS part, questions/s CPU\t%.0f\t%.0f\t%.2f\t>= 0.8\t%s\n", m[0],
	    m[1], ratio, ratio >= 0.8 ? "ok" : "MISS");
}

static void compare_memory(void)
{
	struct rusage before, after;
	(void)getrusage(RUSAGE_SELF, &before);
	(void)run_ours(5 * DOMAINS);
	(void)getrusage(RUSAGE_SELF, &after);
	double ratio = (double)after.ru_maxrss / (double)before.ru_maxrss;
	(void)printf(
	    "bulk check, kB for a list five times as long\t%ld\t%ld\t%.2f\t<= 1.05\t%s\n",
	    after.ru_maxrss, before.ru_maxrss, ratio, ratio <= 1.05 ? "ok" : "MISS");
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		/* The name server first; it runs this program again beside it. */
		(void)execl("/usr/bin/python3", "python3", CHECK_SERVER, argv[0],
			    (char *)NULL);
		must(false, "cannot start " CHECK_SERVER);
	}
	must(argc == 2 && addr_parse(argv[1], &server), "usage: bench_check [ADDRESS]");
	compare_rates();
	compare_memory();
	return 0;
}
