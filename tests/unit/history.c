#include "history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "world.h"

/* 0 to 2 and 3 to 4 share a /24, 5 and 6 a /64. */
static const char *const addresses[HISTORY_CLIENTS] = {
	"20.1.1.1",  "20.1.1.2",  "20.1.1.3", "30.1.1.1", "30.1.1.9",
	"2a01:1::1", "2a01:1::2", "40.1.1.1", "50.1.1.1", "2a02:1::1",
};
static const uint8_t pools[HISTORY_CLIENTS] = { 0, 0, 0, 1, 1, 2, 2, 3, 4, 5 };

struct addr history_client(unsigned number)
{
	struct addr a;
	bool ok = addr_parse(addresses[number], &a);
	assert(ok);
	return a;
}

bool history_same_pool(unsigned a, unsigned b)
{
	return pools[a] == pools[b];
}

uint64_t history_random(struct history *h, uint64_t below)
{
	h->random ^= h->random << 13; /* xorshift64, Marsaglia 2003 */
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return (h->random >> 11) % below;
}

static bool chance(struct history *h, unsigned in)
{
	return history_random(h, in) == 0;
}

static void add(struct history *h, struct record r)
{
	if (h->count == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 256;
		h->records = xrealloc(h->records, h->cap, sizeof(*h->records));
	}
	r.seen = h->now;
	r.text = r.text ? r.text : "";
	r.note = r.note ? r.note : "";
	h->records[h->count++] = r;
}

void history_insert(struct history *h, size_t at, struct record r)
{
	assert(at > 0 && at <= h->count);
	add(h, r);
	memmove(h->records + at + 1, h->records + at,
		(h->count - 1 - at) * sizeof(*h->records));
	r.seen = h->records[at - 1].seen;
	r.text = r.text ? r.text : "";
	r.note = r.note ? r.note : "";
	h->records[at] = r;
}

struct record history_visit(struct history *h, int64_t time)
{
	static const char *const helos[] = { "", "mail.good.example", "x" };
	static const char *const domains[] = { "example.com", "example.com", "",
					       "other" };
	static const char *const senders[] = { "", "", "a@x.example", "B@x.Example" };
	static const uint16_t hosts[] = { HOST_LOW,  HOST_MAIL, HOST_MAIL, HOST_BACKUP,
					  HOST_HIGH, HOST_HIGH, HOST_HIGH, HOST_CONTROL };
	uint16_t host = hosts[history_random(h, 8)];
	bool is_real = host == HOST_MAIL || host == HOST_BACKUP;
	bool is_coarse = is_real && chance(h, 3);
	if (is_coarse)
		time -= time % STAMP_SECOND;
	struct visit v = {
		.client = history_client((unsigned)history_random(h, HISTORY_CLIENTS)),
		.site = 1,
		.host = host,
		.depth = chance(h, 6)   ? DEPTH_KNOCK
			 : chance(h, 4) ? DEPTH_CONNECT
					: DEPTH_DATA,
		.precision_us = is_coarse ? 1000000 : 1,
		.time = time,
		.answered = chance(h, 2) ? time + 200000 : 0,
		.ended = chance(h, 2) ? time + (int64_t)history_random(h, 90000000) : 0,
		.helo = helos[history_random(h, 3)],
		.mail_from = senders[history_random(h, 4)],
		.recipient_domain = domains[history_random(h, 4)],
		.name = "",
		.spam = chance(h, 5) ? SPAM_YES : SPAM_UNKNOWN,
	};
	if (is_real)
		v.outcome = chance(h, 12)  ? OUTCOME_DEFERRED
			    : chance(h, 3) ? OUTCOME_REJECTED
					   : OUTCOME_ACCEPTED;
	return (struct record){ .kind = RECORD_VISIT, .time = time, .visit = v };
}

static void add_watermarks(struct history *h)
{
	int64_t lag = (int64_t)history_random(h, chance(h, 5) ? 3600 : 3) * STAMP_SECOND;
	unsigned skipped = (unsigned)history_random(h, 40); /* mostly none */
	for (uint16_t host = HOST_LOW; host < WORLD_HOSTS; host++) {
		if (host == skipped || h->now - lag <= h->marks[host])
			continue;
		h->marks[host] = h->now - lag;
		add(h, (struct record){ .kind = RECORD_WATERMARK,
					.host = host,
					.time = h->now - lag });
	}
}

static void add_probes(struct history *h, bool may_fail)
{
	for (uint16_t host = HOST_MAIL; host <= HOST_BACKUP; host++)
		add(h, (struct record){ .kind = RECORD_HEALTH,
					.host = host,
					.is_ok = !may_fail || !chance(h, 2),
					.time = h->now });
}

/* The low decoy's source has lost something, or was not there. */
static void add_loss(struct history *h)
{
	add(h, (struct record){ .kind = RECORD_HEALTH,
				.host = HOST_LOW,
				.time = h->now,
				.text = h->count % 2 ? "not watched" : "" });
}

static void add_name(struct history *h)
{
	static const char *const names[] = { "mail.good.example", "a.pool.example",
					     "b.pool.example", "dyn.isp.example", "" };
	unsigned which = (unsigned)history_random(h, 5);
	struct record r = { .kind = RECORD_NAME, .time = h->now };
	r.name = (struct record_name){
		.client = history_client((unsigned)history_random(h, HISTORY_CLIENTS)),
		.name = names[which],
		.domain = which == 0   ? "good.example"
			  : which == 3 ? "isp.example"
			  : which == 4 ? ""
				       : "pool.example",
		.is_confirmed = !chance(h, 4),
		.is_generic = which == 3,
		.spf_passes = chance(h, 8),
	};
	add(h, r);
}

static void add_operator(struct history *h)
{
	static const char *const what[] = { "20.1.1.1", "30.1.1.0/24", "pool.example",
					    "2a01:1::1" };
	const char *text = what[history_random(h, 4)];
	if (chance(h, 3))
		add(h, (struct record){ .kind = RECORD_FORGET,
					.time = h->now,
					.text = strchr(text, '/') ? "40.1.1.1" : text });
	else
		add(h, (struct record){ .kind = RECORD_ALLOW,
					.time = h->now,
					.is_ok = chance(h, 2),
					.text = text });
}

static void add_rules(struct history *h)
{
	static const char *const texts[] = {
		"enforce=1\nlab=1\n",
		"enforce=1\nlab=1\nlisting_visits=1\n",
		"enforce=0\n",
		"enforce=1\nlab=1\npatience=3600000000\n",
	};
	add(h, (struct record){ .kind = RECORD_RULES,
				.time = h->now,
				.text = texts[history_random(h, 4)] });
}

/* Another site that shares the high decoy, and a changed first one. */
static void add_site(struct history *h)
{
	static const char second[] = "site\t1\t2\thigh\tother\n"
				     "host\t6\treal\t-\t10\tmx.other\tlog\n"
				     "address\t5.9.2.1\t25\n"
				     "host\t7\tdecoy\tdefer\t30\tfake.other\t\n"
				     "address\t5.9.1.3\t25\n";
	bool is_first = chance(h, 2);
	if (!is_first && chance(h, 2))
		add(h,
		    (struct record){ .kind = RECORD_UNSITE, .time = h->now, .site = 2 });
	else
		add(h, (struct record){ .kind = RECORD_SITE,
					.time = h->now,
					.text = is_first ? world_site_text(!chance(h, 3))
							 : second });
}

static void add_restart(struct history *h)
{
	if (chance(h, 2))
		add(h, (struct record){ .kind = RECORD_STOP, .time = h->now });
	h->now += (int64_t)history_random(h, 1200) * STAMP_SECOND;
	add(h, (struct record){ .kind = RECORD_START, .time = h->now });
}

static void pass_time(struct history *h)
{
	uint64_t most = chance(h, 40) ? 100000 : chance(h, 8) ? 4000 : 40;
	h->now += (int64_t)history_random(h, most * 1000000);
}

static void add_some(struct history *h)
{
	uint64_t what = history_random(h, 100);
	int64_t time = h->now;
	if (what < 50) {
		if (chance(h, 6)) /* reported late, or from a clock gone back */
			time -= (int64_t)history_random(h, 7200) * STAMP_SECOND;
		add(h, history_visit(h, time));
	} else if (what < 90) {
		if (h->count % 61 == 0) /* seldom */
			add_loss(h);
		add_watermarks(h);
		add_probes(h, what < 52);
	} else if (what < 95) {
		add_name(h);
	} else if (what < 97) {
		add_operator(h);
	} else if (what < 98) {
		add_rules(h);
	} else if (chance(h, 4)) {
		add_site(h);
	} else {
		add_restart(h);
	}
}

void history_make(struct history *h, uint64_t seed, size_t count)
{
	*h = (struct history){ .random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1 };
	h->now = WORLD_ZERO;
	for (int i = 0; i < 8; i++)
		(void)history_random(h, 2);
	add(h, (struct record){ .kind = RECORD_START, .time = h->now });
	add(h, (struct record){
		   .kind = RECORD_RULES, .time = h->now, .text = "enforce=1\nlab=1\n" });
	add(h, (struct record){
		   .kind = RECORD_SITE, .time = h->now, .text = world_site_text(true) });
	add_watermarks(h);
	add_probes(h, false);
	while (h->count < count) {
		pass_time(h);
		add_some(h);
	}
	/* In the end everything is told, so that nothing stays undecided for
	 * want of it. */
	h->now += STAMP_HOUR;
	for (uint16_t host = HOST_LOW; host < WORLD_HOSTS; host++)
		add(h, (struct record){
			   .kind = RECORD_WATERMARK, .host = host, .time = h->now });
	add_probes(h, false);
}

void history_release(struct history *h)
{
	free(h->records);
	*h = (struct history){ 0 };
}
