#include "history.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define BEGIN HISTORY_BEGIN

uint64_t history_random(struct history *h, uint64_t below)
{
	uint64_t z = (h->random += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

/* 0 and 1 are neighbours, 2 and 3 one host by name, 4 and 5 of one domain, 6 a stranger,
 * 7 a neighbour of 3. */
struct addr history_client(unsigned number)
{
	static const char *const texts[HISTORY_CLIENTS] = {
		"20.1.1.1", "20.1.1.2", "30.1.1.1", "2a01:1::1",
		"40.1.1.1", "50.1.1.1", "60.1.1.1", "2a01:1::2",
	};
	struct addr a;
	bool ok = addr_parse(texts[number], &a);
	assert(ok);
	return a;
}

static void add_host(struct history *h, const char *name, enum role role,
		     uint16_t preference, const char *address, enum posture posture)
{
	struct host *x = &h->hosts[h->host_count++];
	*x = (struct host){ .role = role, .preference = preference, .posture = posture };
	(void)snprintf(x->name, sizeof(x->name), "%s", name);
	(void)snprintf(x->watch, sizeof(x->watch), "%s", role == ROLE_REAL ? "feed" : "");
	x->address_count = 1;
	x->addresses[0].port = SMTP_PORT;
	bool ok = addr_parse(address, &x->addresses[0].addr);
	assert(ok);
}

void history_site(struct history *h, uint64_t seed)
{
	static char domain[] = ORACLE_DOMAIN, *domains[] = { domain };
	memset(h, 0, sizeof(*h));
	h->random = seed;
	uint64_t which = history_random(h, 4);
	if (which != 1)
		add_host(h, "fake0", ROLE_DECOY, 0, "9.9.9.1", POSTURE_RESET);
	add_host(h, "mail", ROLE_REAL, 10, "9.9.9.10", POSTURE_CLOSED);
	add_host(h, "backup", ROLE_REAL, 20, "9.9.9.20", POSTURE_CLOSED);
	if (which != 2)
		add_host(h, "fake1", ROLE_DECOY, 30, "9.9.9.30", POSTURE_DEFER);
	if (which == 3)
		add_host(h, "control", ROLE_CONTROL, 0, "9.9.9.40", POSTURE_RESET);
	h->site = (struct site){ .layout = which == 1   ? LAYOUT_HIGH
					   : which == 2 ? LAYOUT_LOW
							: LAYOUT_BOTH,
				 .name = "site",
				 .hosts = h->hosts,
				 .host_count = h->host_count,
				 .domains = domains,
				 .domain_count = 1 };
	struct error e;
	int rc = site_check(&h->site, false, &e);
	assert(rc == 0);
	h->started = h->now = BEGIN - 2 * STAMP_DAY;
}

static struct line *add(struct history *h, enum line_kind kind, uint16_t host,
			int64_t time)
{
	struct line *l = &h->lines[h->count++];
	*l = (struct line){ .kind = kind, .host = host, .time = time, .seen = h->now };
	return l;
}

static const struct host *any_host(struct history *h, enum role role)
{
	const struct host *x;
	do
		x = &h->hosts[history_random(h, h->host_count)];
	while (x->role != role);
	return x;
}

void history_tell_all(struct history *h)
{
	for (size_t i = 0; i < h->host_count; i++) {
		if (h->hosts[i].role == ROLE_REAL)
			add(h, LINE_PROBE, h->hosts[i].id, h->now)->is_ok = true;
		add(h, LINE_WATERMARK, h->hosts[i].id, h->now);
	}
}

/* One of the few that come. */
static struct addr any_client(struct history *h)
{
	uint64_t number = h->first_client + history_random(h, h->client_count);
	return history_client((unsigned)(number % HISTORY_CLIENTS));
}

static const struct host *any_visited(struct history *h)
{
	const struct host *x = &h->hosts[history_random(h, h->host_count)];
	while (x->role == ROLE_REAL && h->is_shy && history_random(h, 8))
		x = &h->hosts[history_random(h, h->host_count)];
	return x;
}

static int64_t any_time(struct history *h)
{
	static const int64_t late[] = {
		0, 0, 0, 0, STAMP_SECOND, 90 * STAMP_SECOND, STAMP_HOUR
	};
	int64_t time = h->now - late[history_random(h, 7)];
	if (history_random(h, 6) == 0) /* just beside what else is at this moment */
		time += (int64_t)history_random(h, 3) - 1;
	return time;
}

static enum depth any_depth(struct history *h, bool is_real)
{
	enum depth d = (enum depth)history_random(h, 6);
	if (h->is_shy && history_random(h, 2))
		d = DEPTH_RCPT;
	return is_real && d == DEPTH_KNOCK ? DEPTH_CONNECT : d;
}

static void set_real(struct history *h, struct visit *v)
{
	static const int64_t answers[] = { 0, 0, 300000, 4000000 };
	v->outcome = (enum outcome)(OUTCOME_ACCEPTED + history_random(h, 4));
	v->spam = (enum spam)history_random(h, 3);
	v->answered = answers[history_random(h, 4)];
	v->answered += v->answered ? v->time : 0;
}

static void set_envelopes(struct history *h, struct visit *v)
{
	v->recipient_domain = history_random(h, 5) ? ORACLE_DOMAIN : "other.example";
	for (uint64_t n = history_random(h, 3); n > 0; n--)
		visit_add_envelope(v,
				   ORACLE_ENVELOPE + history_random(h, ORACLE_ENVELOPES));
	if (history_random(h, 16) == 0)
		v->envelope_count = VISIT_ENVELOPES_MANY;
}

static void add_visit(struct history *h)
{
	static const int64_t lasts[] = {
		0, 0, 0, STAMP_SECOND, 120 * STAMP_SECOND, 40 * STAMP_MINUTE
	};
	static const uint32_t widths[] = { 1,       1,       1000000, 1000000,
					   1000000, 1000000, 1000000, 5000000 };
	const struct host *x = any_visited(h);
	bool is_real = x->role == ROLE_REAL;
	int64_t time = any_time(h);
	struct visit *v = &add(h, LINE_VISIT, x->id, time)->visit;
	*v = (struct visit){ .client = any_client(h),
			     .site = h->site.id,
			     .host = x->id,
			     .source = is_real ? VISIT_SOURCE_FEED : VISIT_SOURCE_DECOY,
			     .precision_us = widths[is_real ? history_random(h, 8) : 0],
			     .time = time,
			     .helo = "",
			     .mail_from = "",
			     .recipient_domain = "",
			     .name = "" };
	v->depth = any_depth(h, is_real);
	if (is_real && history_random(h, 8) == 0)
		v->earlier_us = 3000000;
	int64_t last = lasts[history_random(h, 6)];
	v->ended = last ? time + last : 0;
	if (is_real)
		set_real(h, v);
	if (v->depth >= DEPTH_RCPT)
		set_envelopes(h, v);
}

/* Each name is learnt once, at some time. */
static void add_next_name(struct history *h)
{
	static const struct {
		const char *name, *domain;
		bool is_generic;
	} names[HISTORY_CLIENTS] = {
		[2] = { "mx.twin.example", "twin.example", false },
		[3] = { "mx.twin.example", "twin.example", false },
		[4] = { "a.pool.example", "pool.example", false },
		[5] = { "b.pool.example", "pool.example", false },
		[6] = { "60-1-1-1.pool.example", "pool.example", true },
	};
	unsigned i = h->next_name++;
	if (i >= HISTORY_CLIENTS || !names[i].name)
		return;
	struct line *l = add(h, LINE_NAME, 0, h->now);
	l->name = (struct name_fact){ .client = history_client(i),
				      .is_confirmed = true,
				      .is_generic = names[i].is_generic };
	(void)snprintf(l->name.name, sizeof(l->name.name), "%s", names[i].name);
	(void)snprintf(l->name.domain, sizeof(l->name.domain), "%s", names[i].domain);
}

/* What speaks for a sender. */
static void add_standing(struct history *h)
{
	static const char *const domains[] = { "one.example", "two.example" };
	bool is_spf = history_random(h, 2);
	struct line *l = add(h, is_spf ? LINE_SPF : LINE_WROTE, 0, h->now);
	l->text = domains[history_random(h, 2)];
	if (is_spf)
		l->client = any_client(h);
}

static void add_other(struct history *h)
{
	static const int64_t back[] = { 0, 0, 20 * STAMP_MINUTE, 4 * STAMP_HOUR };
	const struct host *x;
	int64_t told;
	switch (history_random(h, 14)) {
	case 0:
	case 1:
		/* No two probes of one moment. */
		x = any_host(h, ROLE_REAL);
		h->now += STAMP_SECOND;
		add(h, history_random(h, 2) ? LINE_PROBE : LINE_OUTAGE, x->id, h->now);
		h->now += STAMP_SECOND;
		break;
	case 2:
		x = &h->hosts[history_random(h, h->host_count)];
		told = oracle_told_until(h->lines, h->count, x->id);
		add(h, LINE_GAP, x->id, h->now)->since =
		    told - back[history_random(h, 4)];
		break;
	case 3:
		x = &h->hosts[history_random(h, h->host_count)];
		if (x->role == ROLE_DECOY)
			add(h, LINE_LOST, x->id, h->now)->since = h->now - STAMP_MINUTE;
		break;
	case 4:
	case 5:
		x = &h->hosts[history_random(h, h->host_count)];
		add(h, LINE_WATERMARK, x->id, h->now - 30 * STAMP_SECOND);
		break;
	case 6: add_standing(h); break;
	case 7: add_next_name(h); break;
	default: history_tell_all(h); break;
	}
}

void history_fill(struct history *h)
{
	static const int64_t steps[] = { 0,
					 0,
					 STAMP_SECOND / 2,
					 STAMP_SECOND,
					 7 * STAMP_SECOND,
					 59 * STAMP_SECOND,
					 61 * STAMP_SECOND,
					 9 * STAMP_MINUTE,
					 29 * STAMP_MINUTE,
					 31 * STAMP_MINUTE,
					 3 * STAMP_HOUR,
					 26 * STAMP_HOUR };
	for (size_t i = 0; i < h->host_count; i++)
		h->known[i] = (struct oracle_host){ h->hosts[i].id, h->hosts[i].role,
						    h->hosts[i].place };
	h->now += STAMP_MINUTE;
	history_tell_all(h);
	h->client_count = 2 + (unsigned)history_random(h, HISTORY_CLIENTS - 1);
	h->first_client = (unsigned)history_random(h, HISTORY_CLIENTS);
	h->is_shy = history_random(h, 4) == 0;
	while (h->next_name < HISTORY_CLIENTS && history_random(h, 6))
		add_next_name(h);
	h->now = BEGIN;
	uint64_t most = 12 + history_random(h, 30);
	bool is_fast = history_random(h, 2);
	for (uint64_t i = 0; i < most && h->count < ORACLE_LINES - 16; i++) {
		bool is_long =
		    h->now > BEGIN + 2 * STAMP_DAY; /* walks are sealed at five */
		h->now += h->is_shy && history_random(h, 3) == 0
			      ? 70 * STAMP_MINUTE
			      : steps[history_random(h, is_fast || is_long ? 10 : 12)];
		if (history_random(h, 3))
			add_visit(h);
		else
			add_other(h);
	}
	static const int64_t waits[] = { 0, 5 * STAMP_MINUTE, 5 * STAMP_HOUR,
					 6 * STAMP_DAY };
	h->now += waits[history_random(h, 4)];
	if (history_random(h, 4))
		history_tell_all(h);
}

bool history_has(const struct history *h, struct addr client)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->lines[i].kind == LINE_VISIT &&
		    addr_equal(h->lines[i].visit.client, client))
			return true;
	return false;
}

/* Which queue a line stands in: its host's, or of names and the like one of their own. */
static size_t queue_of(const struct history *h, const struct line *l)
{
	size_t i = 0;
	while (i < h->host_count && h->hosts[i].id != l->host)
		i++;
	return i;
}

void history_shuffle(struct history *h)
{
	static struct line from[ORACLE_LINES];
	size_t left = h->count, next[HISTORY_HOSTS + 1] = { 0 };
	memcpy(from, h->lines, h->count * sizeof(from[0]));
	for (h->count = 0; left > 0;) {
		size_t q = history_random(h, h->host_count + 1), *at = &next[q];
		size_t end = h->count + left;
		/* A few of one queue at a time, as sources give them. */
		for (uint64_t n = 1 + history_random(h, 4); n > 0; n--) {
			while (*at < end && queue_of(h, &from[*at]) != q)
				++*at;
			if (*at == end)
				break;
			h->lines[h->count] = from[(*at)++];
			h->lines[h->count++].seen = h->now;
			left--;
		}
	}
}

static const char *kind_name(enum line_kind k)
{
	static const char *const names[] = { "visit",  "watermark", "probe",
					     "outage", "gap",       "lost",
					     "name",   "spf",       "wrote" };
	return k <= LINE_WROTE ? names[k] : "?";
}

static void print_visit(const struct visit *v)
{
	char client[ADDR_TEXT_MAX];
	(void)printf(" %s %s %s width %.1f earlier %.1f ended +%.1f answered %d env %u "
		     "%s%s",
		     addr_text(v->client, client), depth_name(v->depth),
		     v->outcome ? outcome_name(v->outcome) : "-", v->precision_us / 1e6,
		     v->earlier_us / 1e6,
		     v->ended ? (double)(v->ended - v->time) / 1e6 : 0, v->answered != 0,
		     v->envelope_count, v->recipient_domain,
		     v->spam == SPAM_NO    ? " clean"
		     : v->spam == SPAM_YES ? " spam"
					   : "");
}

void history_print(const struct history *h)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct line *l = &h->lines[i];
		char client[ADDR_TEXT_MAX] = "";
		(void)printf("  seen %.1f %s@%.1f", (double)(l->seen - BEGIN) / 1e6,
			     kind_name(l->kind), (double)(l->time - BEGIN) / 1e6);
		for (size_t k = 0; k < h->host_count; k++)
			if (h->hosts[k].id == l->host && l->kind != LINE_NAME)
				(void)printf(" %s", h->hosts[k].name);
		if (l->kind == LINE_VISIT)
			print_visit(&l->visit);
		if (l->kind == LINE_PROBE)
			(void)printf(" %s", l->is_ok ? "ok" : "failed");
		if (l->kind == LINE_GAP || l->kind == LINE_LOST)
			(void)printf(" since %.1f", (double)(l->since - BEGIN) / 1e6);
		if (l->kind == LINE_SPF || l->kind == LINE_WROTE)
			(void)printf(" %s %s", addr_text(l->client, client), l->text);
		if (l->kind == LINE_NAME)
			(void)printf(" %s %s", addr_text(l->name.client, client),
				     l->name.name);
		(void)printf("\n");
	}
	(void)printf("  now %.1f\n", (double)(h->now - BEGIN) / 1e6);
}
