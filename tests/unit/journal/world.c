#include "world.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	char letter;
	const char *address;
} clients[] = {
	{ 'A', "20.1.1.1" },  { 'B', "20.1.1.2" },  { 'X', "30.1.1.1" },
	{ 'P', "10.0.0.1" },  { 'O', "5.9.1.3" },   { 'Y', "2a01:1::1" },
	{ 'Z', "2a01:1::2" }, { 'V', "2a02:1::1" },
};

static void ok(int rc, const struct error *e)
{
	if (rc != 0) {
		(void)fprintf(stderr, "%d: %s\n", rc, e->text);
		abort();
	}
}

struct addr world_client(char client)
{
	struct addr a = { { 0 } };
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		if (clients[i].letter == client && addr_parse(clients[i].address, &a))
			return a;
	char text[ADDR_TEXT_MAX];
	(void)snprintf(text, sizeof(text), "40.1.%d.1", client);
	bool is_address = addr_parse(text, &a);
	assert(is_address);
	return a;
}

/* ---- what is told ---- */

static void on_verdict(void *arg, const struct verdict *v, const struct told *before,
		       const struct sender *who)
{
	struct world *w = arg;
	char text[ADDR_TEXT_MAX];
	(void)who;
	w->verdicts++;
	w->stops += v->fate == FATE_STOPPED && before->fate != FATE_STOPPED;
	w->backdoors += v->order == ORDER_BACKDOOR && before->order != ORDER_BACKDOOR;
	buf_addf(&w->log, "%s %+lld %s %s\n", addr_text(v->client, text),
		 (long long)((v->began - WORLD_ZERO) / STAMP_SECOND),
		 order_name(v->order), fate_name(v->fate));
}

static void on_listing(void *arg, const struct listing *l)
{
	struct world *w = arg;
	char text[ADDR_TEXT_MAX];
	w->listings += l->is_listed || l->would_be;
	buf_addf(&w->log, "listing %s %d\n", addr_text(l->client, text), l->is_listed);
}

/* ---- the site ---- */

static void make_host(struct host *h, enum role role, enum posture posture,
		      uint16_t preference, const char *name, const char *address)
{
	*h = (struct host){ .role = role, .posture = posture, .preference = preference };
	(void)snprintf(h->name, sizeof(h->name), "%s.example.net", name);
	(void)snprintf(h->watch, sizeof(h->watch), "%s", role == ROLE_REAL ? "feed" : "");
	h->address_count = 1;
	h->addresses[0].port = SMTP_PORT;
	bool is_address = addr_parse(address, &h->addresses[0].addr);
	assert(is_address);
}

static void make_site(struct site *s)
{
	static char domain[] = "example.com";
	static char *domains[] = { domain };
	static struct host hosts[5];
	make_host(&hosts[0], ROLE_DECOY, POSTURE_RESET, 0, "fake0", "5.9.1.4");
	make_host(&hosts[1], ROLE_REAL, POSTURE_CLOSED, 10, "mail", "5.9.1.1");
	make_host(&hosts[2], ROLE_REAL, POSTURE_CLOSED, 20, "backup", "5.9.1.2");
	make_host(&hosts[3], ROLE_DECOY, POSTURE_DEFER, 30, "fake1", "5.9.1.3");
	make_host(&hosts[4], ROLE_CONTROL, POSTURE_BUSY, 0, "scan", "5.9.1.9");
	*s = (struct site){ .layout = LAYOUT_BOTH,
			    .name = "home",
			    .hosts = hosts,
			    .host_count = 5,
			    .domains = domains,
			    .domain_count = 1 };
	(void)site_set_places(s);
}

void world_rules(struct world *w)
{
	struct error e = { 0, "" };
	ok(sites_define(w->db, &w->site, 1, &w->rules, w->seen, false, &e), &e);
	ok(take_sites(w->take, &e), &e);
}

void world_open(struct world *w, const char *path)
{
	struct error e = { 0, "" };
	*w = (struct world){ .rules = rules_default(),
			     .seen = WORLD_ZERO - STAMP_DAY,
			     .batch = 1,
			     .log = BUF_INIT(16 << 20) };
	ok(db_open(path, DB_WRITE, &w->db, &e), &e);
	make_site(&w->site);
	ok(sites_define(w->db, &w->site, 1, &w->rules, w->seen - STAMP_HOUR, false, &e),
	   &e);
	ok(take_new(w->db, &w->take, &e), &e);
	struct due_sink sink = { on_verdict, on_listing, w };
	w->due = due_new(w->db, take_coverage(w->take), &sink);
}

void world_init(struct world *w)
{
	world_open(w, ":memory:");
}

void world_begin(struct world *w)
{
	world_play(w, "W@-1d");
}

void world_release(struct world *w)
{
	due_free(w->due);
	take_free(w->take);
	db_close(w->db);
	buf_release(&w->log);
}

/* ---- lines ---- */

void world_commit(struct world *w)
{
	struct error e = { 0, "" };
	ok(take_commit(w->take, &e), &e);
	w->pending = 0;
	if (!w->is_lazy)
		ok(due_all(w->due, w->seen, &e), &e);
}

void world_line(struct world *w, const struct line *l)
{
	struct line line = *l;
	line.text = line.text ? line.text : "";
	line.position = line.position ? line.position : "";
	w->seen = line.seen > w->seen ? line.seen : w->seen;
	line.seen = w->seen;
	take_add(w->take, &line);
	if (++w->pending == w->batch)
		world_commit(w);
}

void world_name(struct world *w, char client, const char *name, bool is_generic)
{
	struct line l = { .kind = LINE_NAME,
			  .name = { .client = world_client(client),
				    .is_confirmed = name[0] != 0,
				    .is_generic = is_generic } };
	l.time = w->seen;
	l.client = l.name.client;
	const char *dot = strchr(name, '.');
	(void)snprintf(l.name.name, sizeof(l.name.name), "%s", name);
	(void)snprintf(l.name.domain, sizeof(l.name.domain), "%s", dot ? dot + 1 : "");
	world_line(w, &l);
}

void world_spf(struct world *w, char client, const char *domain, const char *second)
{
	struct line l = { .kind = LINE_SPF,
			  .client = world_client(client),
			  .text = domain,
			  .time = world_time(second) };
	world_line(w, &l);
}

void world_wrote(struct world *w, const char *domain, const char *second)
{
	struct line l = { .kind = LINE_WROTE,
			  .text = domain,
			  .time = world_time(second) };
	world_line(w, &l);
}

/* ---- stories ---- */

static int64_t read_second(const char **at)
{
	char *end;
	double n = strtod(*at, &end);
	double unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;
	end += unit > 1;
	*at = end;
	double us = n * unit * 1e6;
	return WORLD_ZERO + (int64_t)(us < 0 ? us - 0.5 : us + 0.5);
}

int64_t world_time(const char *second)
{
	return read_second(&second);
}

static void tell(struct world *w, enum line_kind kind, uint16_t host, int64_t time,
		 int64_t seen)
{
	struct line l = { .kind = kind,
			  .host = host,
			  .time = time,
			  .since = kind == LINE_LOST ? time - STAMP_MINUTE : 0,
			  .is_ok = true,
			  .seen = seen };
	world_line(w, &l);
}

static void watermarks(struct world *w, int64_t time, int64_t seen)
{
	for (uint16_t host = HOST_LOW; host < WORLD_HOSTS; host++)
		tell(w, LINE_WATERMARK, host, time, seen);
}

static void probes(struct world *w, int64_t time, int64_t seen)
{
	tell(w, LINE_PROBE, HOST_MAIL, time, seen);
	tell(w, LINE_PROBE, HOST_BACKUP, time, seen);
}

static uint16_t host_of(char kind)
{
	switch (toupper(kind)) {
	case 'L': return HOST_LOW;
	case 'R': return HOST_MAIL;
	case 'S': return HOST_BACKUP;
	case 'H': return HOST_HIGH;
	case 'C': return HOST_CONTROL;
	default: return 0;
	}
}

static void mark_visit(struct visit *v, char mark)
{
	bool is_outcome = strchr("+~!-", mark) != NULL;
	if (is_outcome)
		v->outcome = mark == '+'   ? OUTCOME_ACCEPTED
			     : mark == '~' ? OUTCOME_DEFERRED
			     : mark == '!' ? OUTCOME_ABORTED
					   : OUTCOME_REJECTED;
	switch (mark) {
	case 's': v->spam = SPAM_YES; break;
	case 'k': v->spam = SPAM_NO; break;
	case 'd': v->recipient_domain = "other.example"; break;
	case 'u': v->recipient_domain = ""; break;
	case 'e': v->helo = "mail.good.example"; break;
	case 'n': v->depth = DEPTH_CONNECT; break;
	case '%': v->precision_us = 1000000; break;
	case 'x': v->precision_us = 5000000; break;
	case 'a': v->answered = v->time + 200000; break;
	case 'm': v->envelope_count = VISIT_ENVELOPES_MANY; break;
	default: assert(is_outcome);
	}
}

static void play_visit(struct world *w, char client, const char *event, int64_t time,
		       int64_t ended, int64_t seen)
{
	bool is_real = *event == 'R' || *event == 'S';
	struct line l = { .kind = LINE_VISIT, .seen = seen };
	l.visit = (struct visit){
		.client = world_client(client),
		.site = 1,
		.host = host_of(*event),
		.depth = islower(*event) ? DEPTH_KNOCK : DEPTH_DATA,
		.outcome = is_real ? OUTCOME_ACCEPTED : OUTCOME_NONE,
		.precision_us = 1,
		.time = time,
		.ended = ended,
		.helo = "",
		.mail_from = "",
		.recipient_domain = "example.com",
		.name = "",
	};
	for (const char *m = event + 1; *m != '@'; m++) {
		char envelope[2] = { m[1], 0 };
		if (*m == '=' && m++)
			visit_add_envelope(&l.visit,
					   envelope_hash(envelope, "a@example.com"));
		else
			mark_visit(&l.visit, *m);
	}
	if (l.visit.depth < DEPTH_MAIL)
		l.visit.recipient_domain = "";
	if (l.visit.precision_us > 1)
		l.visit.time -= l.visit.time % STAMP_SECOND;
	l.host = l.visit.host;
	l.time = l.visit.time;
	l.client = l.visit.client;
	world_line(w, &l);
}

static void play_probe_fails(struct world *w, int64_t time, int64_t seen)
{
	struct line l = {
		.kind = LINE_PROBE, .host = HOST_MAIL, .time = time, .seen = seen
	};
	world_line(w, &l);
}

static bool play_word(struct world *w, const char *kind, int64_t time, int64_t seen)
{
	switch (*kind) {
	case 'W':
		watermarks(w, time, seen);
		probes(w, time, seen);
		return true;
	case 'w': watermarks(w, time, seen); return true;
	case 'M': tell(w, LINE_WATERMARK, HOST_MAIL, time, seen); return true;
	case 'B': tell(w, LINE_WATERMARK, HOST_BACKUP, time, seen); return true;
	case 'P': probes(w, time, seen); return true;
	case 'F': play_probe_fails(w, time, seen); return true;
	case 'O': tell(w, LINE_OUTAGE, HOST_MAIL, time, seen); return true;
	case 'D': tell(w, LINE_LOST, HOST_LOW, time, seen); return true;
	case 'G': tell(w, LINE_GAP, HOST_MAIL, time, seen); return true;
	case 'T':
		w->seen = seen > w->seen ? seen : w->seen;
		world_commit(w);
		return true;
	default: return false;
	}
}

static void play_event(struct world *w, const char *event)
{
	char client = event[1] == ':' ? event[0] : 'A';
	const char *kind = event[1] == ':' ? event + 2 : event;
	const char *at = strchr(kind, '@');
	assert(at);
	at++;
	int64_t time = read_second(&at), ended = 0, seen = time;
	if (*at == '>') {
		at++;
		seen = ended = read_second(&at);
	}
	if (*at == '^') {
		at++;
		seen = read_second(&at);
	}
	if (kind[1] == '0')
		tell(w, LINE_WATERMARK, host_of(*kind), time, seen);
	else if (!play_word(w, kind, time, seen))
		play_visit(w, client, kind, time, ended, seen);
}

void world_play(struct world *w, const char *story)
{
	char copy[4096], *save = NULL;
	size_t n = strlen(story);
	assert(n < sizeof(copy));
	memcpy(copy, story, n + 1);
	for (char *e = strtok_r(copy, " ", &save); e; e = strtok_r(NULL, " ", &save))
		play_event(w, e);
	if (w->pending)
		world_commit(w);
	struct error e = { 0, "" };
	if (w->is_lazy)
		ok(due_all(w->due, w->seen, &e), &e);
}

void world_play_each(struct world *w, const char *event, int from, int to, int step)
{
	char line[64];
	for (int minute = from; minute < to; minute += step) {
		(void)snprintf(line, sizeof(line), "%s@%dm", event, minute);
		world_play(w, line);
	}
}

/* ---- questions ---- */

struct collected {
	struct world_walk *to;
	size_t count, most;
};

static int on_walk(void *arg, const struct ask_walk *walk)
{
	struct collected *c = arg;
	if (c->count < c->most)
		c->to[c->count] =
		    (struct world_walk){ walk->verdict, walk->told,
					 walk->walk->main.kind == RUN_DECOY };
	c->count++;
	return 0;
}

static struct ask *open_ask(struct world *w)
{
	struct error e = { 0, "" };
	struct ask *a = NULL;
	ok(ask_open(w->db, w->seen, &a, &e), &e);
	return a;
}

size_t world_walks(struct world *w, char client, struct world_walk *ret, size_t most)
{
	struct error e = { 0, "" };
	struct collected c = { ret, 0, most };
	struct ask *a = open_ask(w);
	ok(ask_client(a, world_client(client), on_walk, NULL, &c, &e), &e);
	ask_close(a);
	return c.count;
}

struct world_walk world_last(struct world *w, char client)
{
	struct world_walk all[64] = { 0 };
	size_t count = world_walks(w, client, all, 64), last = count ? count - 1 : 0;
	assert(count <= 64);
	for (size_t i = 0; i < count; i++)
		if (all[i].is_decoy)
			last = i;
	return all[last];
}

struct listing world_listing(struct world *w, char client)
{
	struct error e = { 0, "" };
	struct listing l = { .reason = REASON_NONE };
	struct ask *a = open_ask(w);
	ok(ask_listing(a, world_client(client), 1, &l, &e), &e);
	ask_close(a);
	return l;
}

static void add_run(const struct run *r, bool with_told, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	buf_addf(out,
		 "%s %u %s %lld %u %u %lld %lld h%lld/%u l%lld/%u %lld %lld %lld %x "
		 "%llx %llx %u %d e%u",
		 run_kind_name(r->kind), r->group, addr_text(r->client, text),
		 (long long)(r->began - WORLD_ZERO), r->width, r->earlier,
		 (long long)r->answered, (long long)(r->last - WORLD_ZERO),
		 (long long)r->high, r->high_width, (long long)r->low, r->low_width,
		 (long long)r->accepted, (long long)r->clean, (long long)r->unjudged,
		 r->rcpt_hours, (unsigned long long)r->half_hours,
		 (unsigned long long)r->hosts, r->visits, (int)r->depth,
		 r->envelope_count);
	const struct told *t = &r->told;
	if (with_told)
		buf_addf(out, " told %d %d %d %d %d %d %d %lld %llx", t->is_told,
			 t->order, t->fate, t->tier, t->is_final, t->is_sealed,
			 t->returned_later, (long long)t->delay_us,
			 (unsigned long long)t->missing);
	buf_addf(out, "\n");
}

void world_runs(struct world *w, bool with_told, struct buf *out)
{
	struct error e = { 0, "" };
	sqlite3_stmt *s = db_statement(w->db, "SELECT " DB_RUN_COLUMNS " FROM run "
					      "ORDER BY kind, grp, client, began");
	struct run r;
	int rc;
	while ((rc = db_step(w->db, s, &e)) == 1) {
		db_read_run(s, &r);
		add_run(&r, with_told, out);
	}
	ok(rc, &e);
}

static int add_answer(void *arg, const struct ask_walk *walk)
{
	struct buf *out = arg;
	const struct verdict *v = &walk->verdict;
	char text[ADDR_TEXT_MAX];
	buf_addf(out, "%s %lld %s %d %s %d tier %d missing %d delay %lld %d %d\n",
		 addr_text(v->client, text), (long long)(v->began - WORLD_ZERO),
		 order_name(v->order), v->order_reason, fate_name(v->fate),
		 v->fate_reason, v->tier, v->missing != 0, (long long)v->delay_us,
		 v->is_final, v->returned_later);
	return 0;
}

static int add_listing(void *arg, const struct listing *l)
{
	char text[ADDR_TEXT_MAX];
	buf_addf(arg, "listed %s %lld %lld\n", addr_text(l->client, text),
		 (long long)(l->since - WORLD_ZERO), (long long)(l->until - WORLD_ZERO));
	return 0;
}

void world_answers(struct world *w, struct buf *out)
{
	struct error e = { 0, "" };
	struct ask *a = open_ask(w);
	struct ask_stream s = {
		.since = INT64_MIN, .until = INT64_MAX, .walk = add_answer, .arg = out
	};
	ok(ask_walks(a, 1, &s, &e), &e);
	ok(ask_listed(a, true, add_listing, out, &e), &e);
	ask_close(a);
}
