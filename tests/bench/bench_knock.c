/*
 * bench_knock - CPU of the knock watcher per SYN against a bare ring reader, at
 * the rate of a busy site and of a flood, and whether any is lost in the flood
 *
 * Prints NAME, nanoseconds of CPU of ours, of theirs, ratio, target, ok or
 * MISS, with tabs. In a network namespace of its own (user namespaces, or
 * root): SYNs of as many clients are put on loopback, some each millisecond, to
 * one closed decoy. The reader is a process of its own: ours, or one that polls
 * a TPACKET_V3 ring of the same size and timeout, with the same filter, and
 * takes address, port and time of each packet. Pairs are interleaved and the
 * median of the ratios counts.
 *
 * CPU is the scheduler's count of the reader (/proc/PID/schedstat). What the
 * kernel does to fill the ring is the sender's, in both cases.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/knock/knock.h"
#include "source/knock/knock_packet.h"
#include "source/knock/knock_ring.h"

enum {
	BUSY = 1000, /* SYNs a second */
	FLOOD = 100000,
	BATCH_MAX = FLOOD / 1000,
	PAIRS = 7,
	WARM = 70000, /* fills the table of the last knocks */
	SETTLE_US = 400000,
};

struct shared {
	_Atomic uint64_t seen;
	_Atomic uint64_t lost;
	_Atomic bool is_ready;
};

static struct shared *shared;

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "bench_knock: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct endpoint target(void)
{
	struct endpoint at = { .port = 25 };
	must(addr_parse("127.0.0.30", &at.addr), "address");
	return at;
}

static void enter_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int flags = geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;
	must(unshare(flags) == 0, "unshare (a network namespace is needed)");
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &lo) == 0, "lo");
	lo.ifr_flags |= IFF_UP;
	must(ioctl(fd, SIOCSIFFLAGS, &lo) == 0, "lo up");
	close(fd);
}

/* The load */

struct frame {
	uint8_t ethernet[14], ip[20], tcp[20];
};

static int open_sender(void)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex("lo") };
	int fd = socket(AF_PACKET, SOCK_RAW, 0); /* receives nothing */
	must(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "sender");
	return fd;
}

static void make_frame(struct frame *f, uint32_t client)
{
	static const struct frame
	    model = {
		    .ethernet = { [12] = 0x08 },
		    .ip = { 0x45, 0, 0, 40, 0, 1, 0,   0, 64, 6,
			    0,    0, 0, 0,  0, 0, 127, 0, 0,  30 },
		    .tcp = { 0x12, 0x34, 0, 25, [12] = 0x50, [13] = 0x02 },
	    };
	*f = model;
	for (unsigned i = 0; i < 4; i++)
		f->ip[12 + i] = (uint8_t)(client >> (24 - 8 * i));
}

/* By the clock: a late batch is made up for. */
static void send_syns(int fd, uint32_t first, unsigned count, unsigned rate)
{
	static struct frame frames[BATCH_MAX];
	static struct iovec parts[BATCH_MAX];
	static struct mmsghdr messages[BATCH_MAX];
	unsigned batch = rate / 1000;
	int64_t began = stamp_monotonic();
	for (unsigned sent = 0; sent < count;) {
		unsigned n = count - sent < batch ? count - sent : batch;
		for (unsigned i = 0; i < n; i++) {
			make_frame(&frames[i], first + sent + i);
			parts[i] = (struct iovec){ &frames[i], sizeof(frames[i]) };
			messages[i].msg_hdr =
			    (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
		}
		int64_t due = began + (int64_t)sent * STAMP_SECOND / rate;
		while (stamp_monotonic() < due)
			;
		int done = sendmmsg(fd, messages, n, 0);
		must(done > 0, "sendmmsg");
		sent += (unsigned)done;
	}
}

/* The readers */

static void on_visit(void *arg, const struct visit *v)
{
	(void)arg, (void)v;
	shared->seen++;
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	(void)arg, (void)host, (void)upto;
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	(void)arg, (void)host, (void)is_over;
	(void)fprintf(stderr, "bench_knock: %s\n", sentence);
}

static void on_blind(void *arg, uint16_t host, int64_t until, const char *why)
{
	(void)arg, (void)host, (void)until, (void)why;
}

static void on_report(uv_timer_t *t)
{
	struct knock_counts c = knock_counts(t->data);
	shared->lost = c.lost + c.flooded;
}

static void read_ours(void)
{
	struct knock_sink sink = { .source = { .visit = on_visit,
					       .watermark = on_watermark,
					       .trouble = on_trouble },
				   .blind = on_blind };
	struct decoy_spec s = { .site = 1,
				.host = 1,
				.posture = POSTURE_CLOSED,
				.at = target(),
				.name = "fake0.mx.example.com",
				.cause = "" };
	uv_loop_t loop;
	uv_timer_t report;
	must(uv_loop_init(&loop) == 0, "uv_loop_init");
	struct knock *k = knock_new(&loop, (struct stamp_clock){ NULL }, &sink);
	knock_apply(k, &s, 1);
	must(knock_counts(k).hosts == 1, "watching");
	must(uv_timer_init(&loop, &report) == 0, "timer");
	report.data = k;
	(void)uv_timer_start(&report, on_report, 1000, 1000);
	shared->is_ready = true;
	(void)uv_run(&loop, UV_RUN_DEFAULT);
}

static void read_bare_block(struct tpacket_hdr_v1 *head, const uint8_t *block)
{
	static volatile uint64_t sum;
	const uint8_t *at = block + head->offset_to_first_pkt;
	for (uint32_t i = 0; i < head->num_pkts; i++) {
		const struct tpacket3_hdr *p = (const void *)at;
		uint32_t client, ports;
		memcpy(&client, at + p->tp_net + 12, sizeof(client));
		memcpy(&ports, at + p->tp_net + 20, sizeof(ports));
		sum = sum + client + ports + p->tp_sec + p->tp_nsec;
		at += p->tp_next_offset;
	}
	shared->seen += head->num_pkts;
	__atomic_store_n(&head->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

static void read_bare(void)
{
	enum { BLOCKS = KNOCK_RING_BYTES / KNOCK_RING_BLOCK };
	static struct knock_filter f;
	struct endpoint at = target();
	struct knock_ring r;
	struct error e;
	knock_filter_make(&at, 1, false, &f);
	must(knock_ring_open(false, &r, &e) == 0 && knock_ring_set(&r, &f, &e) == 0,
	     "ring");
	shared->is_ready = true;
	for (size_t next = 0;; next = (next + 1) % BLOCKS) {
		uint8_t *block = r.map + next * KNOCK_RING_BLOCK;
		struct tpacket_hdr_v1 *head =
		    &((struct tpacket_block_desc *)(void *)block)->hdr.bh1;
		struct pollfd p = { r.fd, POLLIN, 0 };
		while (!(__atomic_load_n(&head->block_status, __ATOMIC_ACQUIRE) &
			 TP_STATUS_USER))
			(void)poll(&p, 1, -1);
		read_bare_block(head, block);
	}
}

/* Measuring */

static int64_t cpu_of(pid_t pid)
{
	char path[64], text[128] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	int fd = open(path, O_RDONLY);
	must(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, path);
	close(fd);
	return strtoll(text, NULL, 10);
}

struct result {
	double ns; /* of CPU a SYN */
	uint64_t lost;
};

/* A second of SYNs. */
static struct result measure(int sender, void (*reader)(void), unsigned rate)
{
	static uint32_t client = UINT32_C(20) << 24;
	*shared = (struct shared){ .is_ready = false };
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		reader();
		_exit(1);
	}
	while (!shared->is_ready)
		must(waitpid(pid, NULL, WNOHANG) == 0 && usleep(1000) == 0, "reader");
	send_syns(sender, client, WARM, FLOOD);
	usleep(SETTLE_US);
	uint64_t before = shared->seen;
	int64_t cpu = cpu_of(pid);
	send_syns(sender, client + WARM, rate, rate);
	usleep(SETTLE_US);
	struct result r = { .ns = (double)(cpu_of(pid) - cpu) / rate,
			    .lost = rate - (shared->seen - before) };
	client += WARM + rate;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return r;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Returns how many were lost by ours. */
static uint64_t compare_at(int sender, unsigned rate, const char *name)
{
	double ours[PAIRS], theirs[PAIRS], ratios[PAIRS];
	uint64_t lost = 0;
	for (int i = 0; i < PAIRS; i++) {
		struct result a = measure(sender, read_ours, rate);
		struct result b = measure(sender, read_bare, rate);
		ours[i] = a.ns;
		theirs[i] = b.ns;
		ratios[i] = a.ns / b.ns;
		lost += a.lost;
	}
	qsort(ours, PAIRS, sizeof(double), compare);
	qsort(theirs, PAIRS, sizeof(double), compare);
	qsort(ratios, PAIRS, sizeof(double), compare);
	double ratio = ratios[PAIRS / 2];
	(void)printf("%s\t%.0f ns\t%.0f ns\t%.2f\t<= 2\t%s\n", name, ours[PAIRS / 2],
		     theirs[PAIRS / 2], ratio, ratio <= 2 ? "ok" : "MISS");
	return lost;
}

int main(void)
{
	enter_namespace();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	int sender = open_sender();
	(void)compare_at(sender, BUSY, "knock at 1,000/s, CPU");
	uint64_t lost = compare_at(sender, FLOOD, "knock at 100,000/s, CPU");
	(void)printf("knocks lost of %u at 100,000/s\t%llu\t-\t-\t0\t%s\n", PAIRS * FLOOD,
		     (unsigned long long)lost, lost == 0 ? "ok" : "MISS");
	return 0;
}
