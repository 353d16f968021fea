/*
 * serve_case - a journal with the stories' site, and lines into it
 *
 * The site: fake0 (low, reset) 5.9.1.4, mail 10 5.9.1.1, backup 20 5.9.1.2, fake1
 * (high, defer) 5.9.1.3; watched and well since a month before T0, enforced as in a
 * trial. Clients are 20.1.CLIENT.1.
 */
#ifndef FMX_TESTS_UNIT_SERVE_CASE_H
#define FMX_TESTS_UNIT_SERVE_CASE_H

#include "../journal/journal_case.h"
#include "journal/ask/due.h"
#include "journal/take/take.h"

enum { CASE_LOW = 1, CASE_MAIL, CASE_BACKUP, CASE_HIGH, CASE_HOSTS };

struct serve_case {
	struct journal_case *folder;
	struct db *db;
	struct take *take;
	struct due *due;
	struct host hosts[CASE_HOSTS - 1];
	struct site site;
	char *domain;
};

static inline struct host case_host(const char *name, const char *at, enum role role,
				    uint16_t preference, enum posture posture)
{
	struct host h = { .role = role,
			  .preference = preference,
			  .posture = posture,
			  .address_count = 1 };
	(void)snprintf(h.name, sizeof(h.name), "%s", name);
	h.addresses[0] = (struct endpoint){ .addr = address(at), .port = 25 };
	if (role == ROLE_REAL)
		(void)snprintf(h.watch, sizeof(h.watch), "/var/log/mail.log");
	return h;
}

static inline void case_line(struct serve_case *c, struct line l, int64_t seen)
{
	l.seen = seen;
	take_add(c->take, &l);
}

static inline void case_commit(struct serve_case *c)
{
	struct error e = { 0, "" };
	ok(take_commit(c->take, &e), &e);
}

/* Everybody is known, and the real hosts are well, up to t. */
static inline void case_pass(struct serve_case *c, int64_t t)
{
	for (uint16_t host = CASE_LOW; host < CASE_HOSTS; host++)
		case_line(
		    c, (struct line){ .kind = LINE_WATERMARK, .host = host, .time = t },
		    t);
	for (uint16_t host = CASE_MAIL; host <= CASE_BACKUP; host++)
		case_line(
		    c,
		    (struct line){
			.kind = LINE_PROBE, .host = host, .time = t, .is_ok = true },
		    t);
	case_commit(c);
}

static inline void case_judge(struct serve_case *c, int64_t now)
{
	struct error e = { 0, "" };
	ok(due_all(c->due, now, &e), &e);
}

static inline struct addr case_client(unsigned n)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "20.%u.%u.1", 1 + n / 250, n % 250);
	return address(text);
}

static inline void case_visit(struct serve_case *c, uint16_t host, unsigned client,
			      int64_t time)
{
	struct visit v = { .client = case_client(client),
			   .site = c->site.id,
			   .host = host,
			   .depth = DEPTH_DATA,
			   .source = host == CASE_LOW || host == CASE_HIGH
					 ? VISIT_SOURCE_DECOY
					 : VISIT_SOURCE_MAILLOG,
			   .precision_us = 1,
			   .time = time,
			   .helo = "out.example",
			   .mail_from = "me@out.example",
			   .recipient_domain = "example.com",
			   .name = "" };
	case_line(
	    c,
	    (struct line){ .kind = LINE_VISIT, .host = host, .time = time, .visit = v },
	    time);
}

static inline void case_ignore_verdict(void *arg, const struct verdict *now,
				       const struct told *before,
				       const struct sender *who)
{
	(void)arg, (void)now, (void)before, (void)who;
}

static inline void case_ignore_listing(void *arg, const struct listing *l)
{
	(void)arg, (void)l;
}

static inline void serve_case_site(struct serve_case *c)
{
	struct error e = { 0, "" };
	static char domain[] = "example.com";
	*c = (struct serve_case){ .domain = domain };
	c->hosts[0] = case_host("fake0", "5.9.1.4", ROLE_DECOY, 0, POSTURE_RESET);
	c->hosts[1] = case_host("mail", "5.9.1.1", ROLE_REAL, 10, POSTURE_CLOSED);
	c->hosts[2] = case_host("backup", "5.9.1.2", ROLE_REAL, 20, POSTURE_CLOSED);
	c->hosts[3] = case_host("fake1", "5.9.1.3", ROLE_DECOY, 30, POSTURE_DEFER);
	c->site = (struct site){ .layout = LAYOUT_BOTH,
				 .name = "shop",
				 .hosts = c->hosts,
				 .host_count = CASE_HOSTS - 1,
				 .domains = &c->domain,
				 .domain_count = 1 };
	ok(site_check(&c->site, true, &e), &e);
}

static inline void serve_case_start(struct serve_case *c, int64_t since)
{
	struct error e = { 0, "" };
	struct rules rules = rules_default();
	struct due_sink sink = { case_ignore_verdict, case_ignore_listing, NULL };
	void *folder;
	serve_case_site(c);
	(void)case_setup(&folder);
	c->folder = folder;
	rules.lab = rules.enforce = true;
	c->db = case_open(folder, DB_WRITE);
	ok(sites_define(c->db, &c->site, 1, &rules, since, false, &e), &e);
	assert_int_equal(c->hosts[3].id, CASE_HIGH);
	ok(take_new(c->db, &c->take, &e), &e);
	c->due = due_new(c->db, take_coverage(c->take), &sink);
	case_pass(c, since);
}

static inline void serve_case_stop(struct serve_case *c)
{
	void *folder = c->folder;
	due_free(c->due);
	take_free(c->take);
	db_close(c->db);
	(void)case_teardown(&folder);
}

#endif
