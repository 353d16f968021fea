/*
 * bench_fold - the fold of visits against a bare hash table upsert
 *
 * Thirty days of a mixed population go through a judge; the bare loop finds or
 * adds the same addresses in an open-addressing table with the same hash and
 * counts them. Both are run in turn, PAIRS times, each from nothing; CPU time;
 * the pair of median ratio is printed.
 *
 * The mix: of 2,000,000 visits 213,000 are the first of their sender, so nine
 * in ten are of senders seen before. 82 % are by mail servers, half of that by
 * the 400 busiest; the rest by bots, each of which comes about twice. The bare
 * loop is given all it can get: it knows the next address while it still waits
 * for this one's memory.
 *
 * Memory is all that the judge holds after the thirty days, divided by the
 * senders that it tracks: tables, pools, heaps and the slack of growing
 * included, names apart (there are none here). The second figure is the worst
 * case: everybody new, everybody's walk open, two to a /24.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "old/judge.h"

enum {
	SENDERS = 250000,
	VISITS = 2000000,
	PAIRS = 7,
	MARK_EACH = 200, /* visits between watermarks and probes */
	DAYS = 30,
};

enum { HOST_LOW = 1, HOST_MAIL, HOST_BACKUP, HOST_HIGH, HOSTS };

#define BEGIN (INT64_C(1800000000) * STAMP_SECOND)

static const char site[] = "site\t1\t1\tboth\thome\n"
			   "host\t1\tdecoy\treset\t0\tfake0\t\n"
			   "address\t5.9.1.4\t25\n"
			   "host\t2\treal\t-\t10\tmail\tlog\n"
			   "address\t5.9.1.1\t25\n"
			   "host\t3\treal\t-\t20\tbackup\tlog\n"
			   "address\t5.9.1.2\t25\n"
			   "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
			   "address\t5.9.1.3\t25\n"
			   "domain\texample.com\n";

/* What both loops read. */
struct step {
	uint32_t sender;
	uint8_t host;
	int64_t time;
};

static struct addr *clients;
static struct step *steps;
static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13; /* xorshift64, Marsaglia 2003 */
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

/* Two or three senders to a /24; one in ten has IPv6. */
static void make_clients(void)
{
	clients = xcalloc(SENDERS, sizeof(*clients));
	for (uint32_t i = 0; i < SENDERS; i++) {
		uint32_t net = (uint32_t)draw(SENDERS / 5 * 2);
		struct addr a = { { 0x2a, 0x01 } };
		if (i % 10 == 0) {
			memcpy(a.bytes + 4, &net, 4);
			a.bytes[15] = (uint8_t)draw(256);
		} else {
			static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
			memcpy(a.bytes, mapped, sizeof(mapped));
			a.bytes[12] = (uint8_t)(20 + (net >> 16));
			a.bytes[13] = (uint8_t)(net >> 8);
			a.bytes[14] = (uint8_t)net;
			a.bytes[15] = (uint8_t)draw(256);
		}
		clients[i] = a;
	}
}

/* Half of the good mail comes from a few hundred busy servers. */
static uint32_t draw_good(void)
{
	return (uint32_t)(draw(2) ? draw(400) : draw(SENDERS / 6));
}

/*
 * A sixth of the senders are mail servers: they come again and again, to the
 * low decoy first, half a second later to the real host, where they bring one
 * to three messages. The others are bots that come a few times in the month.
 */
static void make_steps(void)
{
	steps = xcalloc(VISITS, sizeof(*steps));
	for (size_t i = 0; i < VISITS;) {
		int64_t time = BEGIN + (int64_t)i * (DAYS * STAMP_DAY / VISITS);
		if (draw(10) < 4) {
			uint32_t sender = (uint32_t)(SENDERS / 6 + draw(SENDERS * 5 / 6));
			uint8_t host = draw(4)   ? HOST_HIGH
				       : draw(2) ? HOST_LOW
						 : HOST_BACKUP;
			steps[i++] = (struct step){ sender, host, time };
			continue;
		}
		uint32_t sender = draw_good();
		steps[i++] = (struct step){ sender, HOST_LOW, time };
		for (size_t n = 1 + draw(3); n > 0 && i < VISITS; n--) {
			time += STAMP_SECOND / 2;
			steps[i++] = (struct step){ sender, HOST_MAIL, time };
		}
	}
}

static double cpu_seconds(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void feed(struct judge *j, struct record *r)
{
	r->text = r->text ? r->text : "";
	if (judge_feed(j, r, NULL) != 0)
		abort();
}

static void feed_marks(struct judge *j, int64_t now)
{
	for (uint16_t host = HOST_LOW; host < HOSTS; host++) {
		struct record r = {
			.kind = RECORD_WATERMARK, .host = host, .time = now, .seen = now
		};
		feed(j, &r);
		r.kind = RECORD_HEALTH;
		r.is_ok = true;
		if (host == HOST_MAIL || host == HOST_BACKUP)
			feed(j, &r);
	}
}

static struct judge *begin(void)
{
	struct judge *j = judge_new(NULL, NULL, NULL);
	struct record start = { .kind = RECORD_START, .time = BEGIN, .seen = BEGIN };
	struct record def = {
		.kind = RECORD_SITE, .time = BEGIN, .seen = BEGIN, .text = site
	};
	feed(j, &start);
	feed(j, &def);
	feed_marks(j, BEGIN);
	return j;
}

/* Only what differs is written: the record is the journal's work, not ours. */
static void feed_visit(struct judge *j, const struct step *s)
{
	static struct record r = { .kind = RECORD_VISIT,
				   .text = "",
				   .note = "",
				   .visit = { .site = 1,
					      .depth = DEPTH_DATA,
					      .precision_us = 1,
					      .helo = "",
					      .mail_from = "",
					      .recipient_domain = "example.com",
					      .name = "" } };
	bool is_real = s->host == HOST_MAIL || s->host == HOST_BACKUP;
	r.time = r.seen = r.visit.time = s->time;
	r.visit.ended = s->time + STAMP_SECOND;
	r.visit.client = clients[s->sender];
	r.visit.host = s->host;
	r.visit.outcome = is_real ? OUTCOME_ACCEPTED : OUTCOME_NONE;
	if (judge_feed(j, &r, NULL) != 0)
		abort();
}

static double ours(double *ret_bytes)
{
	double began = cpu_seconds();
	struct judge *j = begin();
	for (size_t i = 0; i < VISITS; i++) {
		feed_visit(j, &steps[i]);
		if (i % MARK_EACH == MARK_EACH - 1)
			feed_marks(j, steps[i].time);
	}
	double took = cpu_seconds() - began;
	struct judge_counts c = judge_counts(j);
	*ret_bytes = (double)c.bytes / (double)c.senders;
	judge_free(j);
	return took;
}

/* A slot: key, count, time of the last visit. */
struct slot {
	struct addr key;
	uint64_t count;
	int64_t last;
};

struct table {
	struct slot *slots;
	size_t cap, used;
};

static struct slot *upsert(struct table *t, const struct addr *key);

static void grow(struct table *t)
{
	struct table old = *t;
	t->cap = old.cap ? 2 * old.cap : 1024;
	t->slots = xcalloc(t->cap, sizeof(*t->slots));
	t->used = 0;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].count)
			*upsert(t, &old.slots[i].key) = old.slots[i];
	free(old.slots);
}

static struct slot *upsert(struct table *t, const struct addr *key)
{
	if (t->used >= t->cap / 4 * 3)
		grow(t);
	size_t at = hash_bytes(key, sizeof(*key)) & (t->cap - 1);
	while (t->slots[at].count && memcmp(&t->slots[at].key, key, sizeof(*key)) != 0)
		at = (at + 1) & (t->cap - 1);
	t->used += t->slots[at].count == 0;
	t->slots[at].key = *key;
	return &t->slots[at];
}

static double theirs(uint64_t *sum)
{
	double began = cpu_seconds();
	struct table t = { NULL, 0, 0 };
	for (size_t i = 0; i < VISITS; i++) {
		struct slot *s = upsert(&t, &clients[steps[i].sender]);
		s->count++;
		s->last = steps[i].time;
	}
	*sum += t.used;
	free(t.slots);
	return cpu_seconds() - began;
}

static double worst_bytes(void)
{
	struct judge *j = begin();
	for (uint32_t i = 0; i < SENDERS; i++) {
		struct step s = { i, HOST_HIGH, BEGIN + i * STAMP_MILLISECOND };
		feed_visit(j, &s);
	}
	struct judge_counts c = judge_counts(j);
	judge_free(j);
	return (double)c.bytes / (double)c.senders;
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

static void print_bytes(const char *name, double bytes, double target)
{
	(void)printf("%s\t%.0f B\t-\t%.2f\t<= %.0f B\t%s\n", name, bytes, bytes / target,
		     target, bytes <= target ? "ok" : "MISS");
}

int main(void)
{
	struct pair pairs[PAIRS];
	double bytes = 0;
	uint64_t sum = 0;
	make_clients();
	make_steps();
	for (size_t i = 0; i < PAIRS; i++) {
		pairs[i].ours = ours(&bytes);
		pairs[i].theirs = theirs(&sum);
	}
	qsort(pairs, PAIRS, sizeof(pairs[0]), by_ratio);
	struct pair m = pairs[PAIRS / 2];
	double ratio = m.ours / m.theirs;
	(void)printf("fold of visits\t%.0f/s\t%.0f/s\t%.2f\t<= 3.00\t%s\n",
		     VISITS / m.ours, VISITS / m.theirs, ratio,
		     ratio <= 3.0 ? "ok" : "MISS");
	print_bytes("memory per tracked sender", bytes, 128);
	print_bytes("memory per sender, all walks open", worst_bytes(), 128);
	free(clients);
	free(steps);
	return sum == 0; /* read by nobody else */
}
