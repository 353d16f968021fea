#include "rehearse/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "journal/take/take.h"

enum { LOW, MAIL, HIGH, HOSTS };

static const struct driver_host hosts[HOSTS] = {
	[LOW] = { .name = "fake0.example.com",
		  .role = ROLE_DECOY,
		  .posture = POSTURE_RESET,
		  .preference = 0 },
	[MAIL] = { .name = "mail.example.com", .role = ROLE_REAL, .preference = 10 },
	[HIGH] = { .name = "fake1.example.com",
		   .role = ROLE_DECOY,
		   .posture = POSTURE_DEFER,
		   .preference = 30 },
};

/* What is journalled of two senders who each made the walk low, mail: digits
 * are senders, letters hosts, a capital M a visit with outcome accepted. */
/* clang-format off */
static const struct {
	const char *story, *visits;
	const char *want; /* part of the sentence; NULL: all is well */
} rows[] = {
	{ "all of it",                    "0l0M1l1M",     NULL },
	{ "in another order",             "1M0M1l0l",     NULL },
	{ "nothing",                      "",             "2 visits were made to decoy fake0.example.com, the journal has 0" },
	{ "the decoys are not seen",      "0M1M",         "fake0.example.com, the journal has 0 (2 senders differ): its listener" },
	{ "the mail log is not read",     "0l1l",         "real mail.example.com, the journal has 0 (2 senders differ): its mail log" },
	{ "one visit is missing",         "0l0M1l",       "2 visits were made to real mail.example.com, the journal has 1 (1 senders" },
	{ "one visit is there twice",     "0l0M1l1M1M",   "2 visits were made to real mail.example.com, the journal has 3" },
	{ "one sender's taken for another's", "0l0M0l0M", "the journal has 2 (2 senders differ)" },
	{ "one nobody made, at a decoy",  "0l0M1l1M1h",   "0 visits were made to decoy fake1.example.com, the journal has 1" },
	{ "one of a stranger",            "0l0M1l1M9l",   "the journal has 1 visit that no sender of the rehearsal made" },
	{ "an acceptance was not read",   "0l0M1l1m",     "2 messages were taken, the journal has 1 visits with outcome accepted" },
};
/* clang-format on */

/* As serve would define it; the journal gives the ids. */
static struct site defined_site(struct host defined[HOSTS], char **domains)
{
	for (size_t i = 0; i < HOSTS; i++) {
		defined[i] = (struct host){ .role = hosts[i].role,
					    .posture = hosts[i].posture,
					    .preference = hosts[i].preference,
					    .address_count = 1 };
		(void)str_copy(defined[i].name, sizeof(defined[i].name), hosts[i].name);
		assert_true(addr_parse("127.0.0.2", &defined[i].addresses[0].addr));
		defined[i].addresses[0].addr.bytes[15] = (uint8_t)(2 + i);
		defined[i].addresses[0].port = SMTP_PORT;
	}
	struct site s = { .layout = LAYOUT_BOTH,
			  .name = "a",
			  .hosts = defined,
			  .host_count = HOSTS,
			  .domains = domains,
			  .domain_count = 1 };
	assert_null(site_set_places(&s));
	return s;
}

static struct addr client_of(const struct population *c, char digit)
{
	struct addr stranger;
	assert_true(addr_parse("127.99.0.1", &stranger));
	return digit == '9' ? stranger : c->senders[digit - '0'].addr;
}

static struct line line_of(const struct population *c, const struct site *s,
			   const char *v)
{
	const struct host *h = &s->hosts[v[1] == 'l' ? LOW : v[1] == 'h' ? HIGH : MAIL];
	struct line l = { .kind = LINE_VISIT, .host = h->id, .time = 1000, .seen = 1000 };
	l.visit = (struct visit){ .client = client_of(c, v[0]),
				  .site = s->id,
				  .host = h->id,
				  .depth = DEPTH_CONNECT,
				  .outcome = v[1] == 'M'   ? OUTCOME_ACCEPTED
					     : v[1] == 'm' ? OUTCOME_ABORTED
							   : OUTCOME_NONE,
				  .precision_us = 1,
				  .time = 1000,
				  .helo = "",
				  .mail_from = "",
				  .recipient_domain = "",
				  .name = "" };
	l.client = l.visit.client;
	return l;
}

static void ok(int rc, const struct error *e)
{
	if (rc != 0)
		fail_msg("%s", e->text);
}

static void write_journal(const char *path, const struct population *c,
			  const char *visits)
{
	struct db *db;
	struct take *take;
	struct error e;
	struct host defined[HOSTS];
	char *domains[] = { (char[]){ "example.com" } };
	struct site s = defined_site(defined, domains);
	struct rules rules = rules_default();
	ok(db_open(path, DB_WRITE, &db, &e), &e);
	ok(sites_define(db, &s, 1, &rules, 500, false, &e), &e);
	ok(take_new(db, &take, &e), &e);
	for (const char *v = visits; *v; v += 2) {
		struct line l = line_of(c, &s, v);
		take_add(take, &l);
	}
	ok(take_commit(take, &e), &e);
	take_free(take);
	db_close(db);
}

static void what_differs_is_found_and_said(void **state)
{
	(void)state;
	struct population population;
	population_make(&population, 2, 1);
	const struct driver_count made[2] = {
		{ .visits = { [LOW] = 1, [MAIL] = 1 }, .accepted = 1 },
		{ .visits = { [LOW] = 1, [MAIL] = 1 }, .accepted = 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char folder[] = "/tmp/fakemx-test-check-XXXXXX", path[64], more[80];
		assert_non_null(mkdtemp(folder));
		(void)snprintf(path, sizeof(path), "%s/journal.sqlite", folder);
		write_journal(path, &population, rows[i].visits);

		struct error e = { .code = 0 };
		int rc =
		    rehearse_check_journal(path, &population, hosts, HOSTS, made, &e);
		if (rc != (rows[i].want ? FMX_ECONFLICT : 0) ||
		    (rows[i].want && !strstr(e.text, rows[i].want)))
			fail_msg("%s: got %d '%s', want '%s'", rows[i].story, rc, e.text,
				 rows[i].want ? rows[i].want : "");
		(void)unlink(path);
		(void)snprintf(more, sizeof(more), "%s-wal", path);
		(void)unlink(more);
		(void)snprintf(more, sizeof(more), "%s-shm", path);
		(void)unlink(more);
		(void)rmdir(folder);
	}
	population_release(&population);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_found_and_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
