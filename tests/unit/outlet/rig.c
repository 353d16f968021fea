#include "rig.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"

static const struct {
	char letter;
	const char *address;
} clients[] = {
	{ 'A', "20.1.1.1" },  { 'B', "20.1.1.2" },  { 'X', "30.1.1.1" },
	{ 'Y', "2a01:1::1" }, { 'Z', "2a01:1::2" }, { 'V', "2a02:1::1" },
};

static const char home[] = "site\t1\t1\tboth\thome\n"
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
			   "domain\texample.com\n";

struct addr rig_client(char client)
{
	struct addr a;
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		if (clients[i].letter == client && addr_parse(clients[i].address, &a))
			return a;
	char text[ADDR_TEXT_MAX];
	(void)snprintf(text, sizeof(text), "40.1.%d.1", client);
	assert_true(addr_parse(text, &a));
	return a;
}

static void ok(int rc, const struct error *e)
{
	if (rc != 0)
		fail_msg("%d: %s", rc, e->text);
}

int rig_setup(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct error e = { 0, "" };
	r->rules = rules_default();
	(void)snprintf(r->folder, sizeof(r->folder), "/tmp/fakemx-outlet-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	(void)snprintf(r->path, sizeof(r->path), "%s/journal.sqlite", r->folder);
	ok(db_open(r->path, DB_WRITE, &r->db, &e), &e);
	ok(take_new(r->db, &r->take, &e), &e);
	r->due =
	    due_new(r->db, take_coverage(r->take), &(struct due_sink){ .arg = NULL });
	*state = r;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *r = *state;
	char command[128];
	due_free(r->due);
	take_free(r->take);
	db_close(r->db);
	site_release(&r->site);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", r->folder);
	assert_int_equal(system(command), 0);
	free(r);
	return 0;
}

void rig_site(struct rig *r, const char *what, int64_t time)
{
	struct error e = { 0, "" };
	site_release(&r->site);
	ok(site_parse(what ? what : home, &r->site, &e), &e);
	ok(take_commit(r->take, &e), &e);
	ok(sites_define(r->db, &r->site, 1, &r->rules, time, false, &e), &e);
	ok(take_sites(r->take, &e), &e);
}

static void tell(struct rig *r, struct line *l, int64_t time)
{
	r->seen = time > r->seen ? time : r->seen;
	l->time = time;
	l->seen = r->seen;
	take_add(r->take, l);
}

static void settle(struct rig *r)
{
	struct error e = { 0, "" };
	ok(take_commit(r->take, &e), &e);
	ok(due_all(r->due, r->seen, &e), &e);
}

static void all_well(struct rig *r, int64_t time)
{
	for (uint16_t host = RIG_LOW; host < RIG_HOSTS; host++) {
		struct line mark = { .kind = LINE_WATERMARK, .host = host };
		struct line probe = { .kind = LINE_PROBE, .host = host, .is_ok = true };
		if (host == r->blind) {
			mark.kind = LINE_GAP;
			mark.since = r->seen;
			mark.is_spoken = true;
		}
		tell(r, &mark, time);
		if (host == RIG_MAIL || host == RIG_BACKUP)
			tell(r, &probe, time);
	}
	settle(r);
}

static int64_t read_second(const char *at)
{
	char *end;
	double n = strtod(at, &end);
	double unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;
	double us = n * unit * 1e6;
	return RIG_ZERO + (int64_t)(us < 0 ? us - 0.5 : us + 0.5);
}

static uint16_t host_of(char kind)
{
	static const char kinds[] = " LRSHC";
	const char *at = strchr(kinds, toupper((unsigned char)kind));
	assert_non_null(at);
	return (uint16_t)(at - kinds);
}

static void mark(struct visit *v, char m)
{
	switch (m) {
	case '~': v->outcome = OUTCOME_DEFERRED; break;
	case '-': v->outcome = OUTCOME_REJECTED; break;
	case 's': v->spam = SPAM_YES; break;
	case 'k': v->spam = SPAM_NO; break;
	case 'n': v->depth = DEPTH_CONNECT; break;
	case '%': v->precision_us = STAMP_SECOND; break;
	case 'f':
	case 'g':
		v->mail_from = m == 'f' ? "a@sender.example" : "b@sender.example";
		visit_add_envelope(v, envelope_hash(v->mail_from, "info@example.com"));
		break;
	default: break;
	}
}

static void visit(struct rig *r, char client, const char *kind, int64_t time)
{
	bool is_real = *kind == 'R' || *kind == 'S';
	struct line l = { .kind = LINE_VISIT, .host = host_of(*kind) };
	struct visit *v = &l.visit;
	*v = (struct visit){ .client = rig_client(client),
			     .site = r->site.id,
			     .host = l.host,
			     .depth =
				 islower((unsigned char)*kind) ? DEPTH_KNOCK : DEPTH_DATA,
			     .outcome = is_real ? OUTCOME_ACCEPTED : OUTCOME_NONE,
			     .precision_us = 1,
			     .time = time,
			     .helo = "",
			     .mail_from = "",
			     .recipient_domain = "example.com",
			     .name = "" };
	for (const char *m = kind + 1; *m != '@'; m++)
		mark(v, *m);
	if (v->precision_us > 1)
		v->time -= v->time % STAMP_SECOND;
	v->answered = is_real ? v->time + 200000 : 0;
	v->ended = v->time + 300000;
	l.client = v->client;
	tell(r, &l, v->time);
}

void rig_play(struct rig *r, const char *story)
{
	char copy[4096], *save = NULL;
	assert_true(str_copy(copy, sizeof(copy), story));
	for (char *e = strtok_r(copy, " ", &save); e; e = strtok_r(NULL, " ", &save)) {
		char client = e[1] == ':' ? e[0] : 'A';
		const char *kind = e[1] == ':' ? e + 2 : e;
		const char *at = strchr(kind, '@');
		assert_non_null(at);
		if (*kind == 'W')
			all_well(r, read_second(at + 1));
		else
			visit(r, client, kind, read_second(at + 1));
	}
}

void rig_begin(struct rig *r)
{
	rig_site(r, NULL, RIG_ZERO - STAMP_DAY);
	rig_play(r, "W@-1d");
}

void rig_name(struct rig *r, char client, const char *name, const char *domain,
	      bool spf_passes)
{
	struct line l = { .kind = LINE_NAME, .client = rig_client(client) };
	l.name = (struct name_fact){ .client = l.client, .is_confirmed = true };
	(void)str_copy(l.name.name, sizeof(l.name.name), name);
	(void)str_copy(l.name.domain, sizeof(l.name.domain), domain);
	tell(r, &l, r->seen);
	if (!spf_passes)
		return;
	l.kind = LINE_SPF;
	l.text = domain;
	tell(r, &l, r->seen);
}

struct ask *rig_ask(struct rig *r, int64_t now)
{
	struct error e = { 0, "" };
	struct ask *a;
	settle(r);
	ok(ask_open(r->db, now, &a, &e), &e);
	return a;
}
