#include "world.h"

#include <assert.h>
#include <ctype.h>
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

struct addr world_client(char client)
{
	struct addr a = { { 0 } };
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		if (clients[i].letter == client && addr_parse(clients[i].address, &a))
			return a;
	char text[ADDR_TEXT_MAX];
	(void)snprintf(text, sizeof(text), "40.1.%d.1", client);
	bool ok = addr_parse(text, &a);
	assert(ok);
	return a;
}

static int letter_of(struct addr a)
{
	for (char c = 'A'; c <= 'Z'; c++)
		if (addr_equal(world_client(c), a))
			return c - 'A';
	return 25;
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct world *w = arg;
	int at = letter_of(v->client);
	char text[ADDR_TEXT_MAX];
	w->last[at] = *v;
	w->verdicts[at]++;
	w->revisions[at] += v->revised;
	buf_addf(&w->log, "%s %u %lld %lld %s %d %s %d %d %d %d %d %d %s %lld %lld\n",
		 addr_text(v->client, text), v->walk, (long long)v->began,
		 (long long)v->at, order_name(v->order), v->order_reason,
		 fate_name(v->fate), v->fate_reason, v->is_final, v->revised,
		 v->returned_later, v->only_knocked, v->only_control, tier_name(v->tier),
		 (long long)v->delay_us, (long long)v->delay_error_us);
}

static void on_listing(void *arg, const struct listing *l)
{
	struct world *w = arg;
	int at = letter_of(l->client);
	char text[ADDR_TEXT_MAX];
	w->listing[at] = *l;
	w->listings[at]++;
	buf_addf(&w->log, "listing %s %d %d %u %lld %lld\n", addr_text(l->client, text),
		 l->is_listed, l->reason, l->counted_visits, (long long)l->at,
		 (long long)l->until);
}

void world_init(struct world *w)
{
	*w = (struct world){ .log = BUF_INIT(64 << 20) };
	w->judge = judge_new(on_verdict, on_listing, w);
}

void world_release(struct world *w)
{
	judge_free(w->judge);
	buf_release(&w->log);
}

void world_feed(struct world *w, struct record *r)
{
	struct error e = { .text = "" };
	r->text = r->text ? r->text : "";
	r->note = r->note ? r->note : "";
	w->seen = r->seen > w->seen ? r->seen : w->seen;
	r->seen = w->seen;
	if (w->also)
		w->also(w->also_arg, r);
	int rc = judge_feed(w->judge, r, &e);
	if (rc != 0)
		(void)fprintf(stderr, "judge_feed: %s\n", e.text);
	assert(rc == 0);
}

void world_rules(struct world *w, const struct rules *rules)
{
	struct buf text = BUF_INIT(4096);
	rules_text(rules, &text);
	struct record r = { .kind = RECORD_RULES, .text = buf_text(&text) };
	world_feed(w, &r);
	buf_release(&text);
}

void world_site(struct world *w, const char *text, int64_t seen)
{
	struct record r = {
		.kind = RECORD_SITE, .text = text, .time = seen, .seen = seen
	};
	world_feed(w, &r);
}

const char *world_site_text(bool is_backup_watched)
{
	return is_backup_watched ? "site\t1\t1\tboth\thome\n"
				   "host\t1\tdecoy\treset\t0\tfake0\t\n"
				   "address\t5.9.1.4\t25\n"
				   "host\t2\treal\t-\t10\tmail\tlog\n"
				   "address\t5.9.1.1\t25\n"
				   "host\t3\treal\t-\t20\tbackup\tfeed\n"
				   "address\t5.9.1.2\t25\n"
				   "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
				   "address\t5.9.1.3\t25\n"
				   "host\t5\tcontrol\tbusy\t0\tscan\t\n"
				   "address\t5.9.1.9\t25\n"
				   "domain\texample.com\n"
				 : "site\t1\t1\tboth\thome\n"
				   "host\t1\tdecoy\treset\t0\tfake0\t\n"
				   "address\t5.9.1.4\t25\n"
				   "host\t2\treal\t-\t10\tmail\tlog\n"
				   "address\t5.9.1.1\t25\n"
				   "host\t3\treal\t-\t20\tbackup\t\n"
				   "address\t5.9.1.2\t25\n"
				   "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
				   "address\t5.9.1.3\t25\n"
				   "host\t5\tcontrol\tbusy\t0\tscan\t\n"
				   "address\t5.9.1.9\t25\n"
				   "domain\texample.com\n";
}

static void watermark(struct world *w, uint16_t host, int64_t time, int64_t seen)
{
	struct record r = {
		.kind = RECORD_WATERMARK, .host = host, .time = time, .seen = seen
	};
	world_feed(w, &r);
}

static void probe(struct world *w, uint16_t host, bool is_ok, int64_t time, int64_t seen)
{
	struct record r = { .kind = RECORD_HEALTH,
			    .host = host,
			    .is_ok = is_ok,
			    .time = time,
			    .seen = seen };
	world_feed(w, &r);
}

static void watermarks(struct world *w, int64_t time, int64_t seen)
{
	for (uint16_t host = HOST_LOW; host < WORLD_HOSTS; host++)
		if (host != HOST_LOW || w->is_watched)
			watermark(w, host, time, seen);
}

static void probes(struct world *w, int64_t time, int64_t seen)
{
	probe(w, HOST_MAIL, true, time, seen);
	probe(w, HOST_BACKUP, true, time, seen);
}

static void restart(struct world *w, bool is_start, int64_t time)
{
	struct record r = { .kind = is_start ? RECORD_START : RECORD_STOP,
			    .time = time,
			    .seen = time };
	world_feed(w, &r);
}

void world_begin(struct world *w)
{
	int64_t day_before = WORLD_ZERO - STAMP_DAY;
	w->is_watched = true;
	restart(w, true, day_before);
	world_site(w, world_site_text(true), day_before);
	watermarks(w, day_before, day_before);
	probes(w, day_before, day_before);
}

void world_name(struct world *w, char client, const char *name, const char *domain,
		bool is_confirmed, bool is_generic, bool spf_passes)
{
	struct record r = { .kind = RECORD_NAME };
	r.name = (struct record_name){ .client = world_client(client),
				       .is_confirmed = is_confirmed,
				       .is_generic = is_generic,
				       .spf_passes = spf_passes,
				       .name = name,
				       .domain = domain };
	world_feed(w, &r);
}

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

static void play_visit(struct world *w, char client, char kind, const char *marks,
		       int64_t time, int64_t seen)
{
	bool is_real = kind == 'R' || kind == 'S';
	struct record r = { .kind = RECORD_VISIT, .time = time, .seen = seen };
	struct visit *v = &r.visit;
	*v = (struct visit){ .client = world_client(client),
			     .site = 1,
			     .host = host_of(kind),
			     .depth = islower(kind) ? DEPTH_KNOCK : DEPTH_DATA,
			     .outcome = is_real ? OUTCOME_ACCEPTED : OUTCOME_NONE,
			     .precision_us = 1,
			     .time = time,
			     .helo = "",
			     .mail_from = "",
			     .recipient_domain = "example.com",
			     .name = "" };
	for (const char *m = marks; *m && *m != '@'; m++) {
		v->outcome = *m == '~'   ? OUTCOME_DEFERRED
			     : *m == '!' ? OUTCOME_ABORTED
			     : *m == '-' ? OUTCOME_REJECTED
					 : v->outcome;
		if (*m == 's')
			v->spam = SPAM_YES;
		if (*m == 'd')
			v->recipient_domain = "other.example";
		if (*m == 'e')
			v->helo = "Mail.Good.Example";
		if (*m == 'u')
			v->recipient_domain = "";
		if (*m == 'f' || *m == 'g')
			v->mail_from =
			    *m == 'f' ? "a@sender.example" : "b@sender.example";
		if (*m == 'i')
			v->ended = v->time + STAMP_HOUR;
		v->depth = *m == 'n' ? DEPTH_CONNECT : v->depth;
		v->precision_us = *m == '%'   ? 1000000
				  : *m == 'x' ? 5000000
					      : v->precision_us;
	}
	if (v->precision_us > 1)
		v->time -= v->time % STAMP_SECOND;
	v->answered = is_real ? v->time + 200000 : 0;
	v->ended = v->ended ? v->ended : v->time + 300000;
	r.time = v->time;
	world_feed(w, &r);
}

static void play_event(struct world *w, const char *event)
{
	char client = event[1] == ':' ? event[0] : 'A';
	const char *kind = event[1] == ':' ? event + 2 : event;
	const char *at = strchr(kind, '@');
	assert(at);
	at++;
	int64_t time = read_second(&at), seen = time;
	if (*at == '^') {
		at++;
		seen = read_second(&at);
	}
	switch (*kind) {
	case 'W':
		watermarks(w, time, seen);
		probes(w, time, seen);
		break;
	case 'w': watermarks(w, time, seen); break;
	case 'M': watermark(w, HOST_MAIL, time, seen); break;
	case 'B': watermark(w, HOST_BACKUP, time, seen); break;
	case 'P': probes(w, time, seen); break;
	case 'b': probe(w, HOST_BACKUP, true, time, seen); break;
	case 'F': probe(w, HOST_MAIL, false, time, seen); break;
	case 'D': probe(w, HOST_LOW, false, time, seen); break;
	case '[': restart(w, true, seen); break;
	case ']': restart(w, false, seen); break;
	case 'T':
		judge_advance(w->judge, seen);
		w->seen = seen > w->seen ? seen : w->seen;
		break;
	default: play_visit(w, client, *kind, kind + 1, time, seen);
	}
}

void world_play(struct world *w, const char *story)
{
	char copy[4096], *save = NULL;
	size_t n = strlen(story);
	assert(n < sizeof(copy));
	memcpy(copy, story, n + 1);
	for (char *e = strtok_r(copy, " ", &save); e; e = strtok_r(NULL, " ", &save))
		play_event(w, e);
}

const struct verdict *world_verdict(const struct world *w, char client)
{
	return &w->last[client - 'A'];
}
