#include "rehearse/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "old/journal.h"

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
	{ "one of a stranger",            "0l0M1l1M9l",   "the journal has 1 visits that nobody made" },
	{ "an acceptance was not read",   "0l0M1l1m",     "2 messages were taken, the journal has 1 visits with outcome accepted" },
};
/* clang-format on */

/* The definition that serve would have journalled, with ids 7, 8 and 9. */
static void write_site(struct buf *out)
{
	struct host defined[HOSTS];
	char *domains[] = { (char[]){ "example.com" } };
	for (size_t i = 0; i < HOSTS; i++) {
		defined[i] = (struct host){ .id = (uint16_t)(7 + i),
					    .role = hosts[i].role,
					    .preference = hosts[i].preference,
					    .address_count = 1 };
		(void)str_copy(defined[i].name, sizeof(defined[i].name), hosts[i].name);
		assert_true(addr_parse("127.0.0.2", &defined[i].addresses[0].addr));
		defined[i].addresses[0].port = SMTP_PORT;
	}
	struct site s = { .id = 1,
			  .layout = LAYOUT_BOTH,
			  .name = "a",
			  .hosts = defined,
			  .host_count = HOSTS,
			  .domains = domains,
			  .domain_count = 1 };
	site_text(&s, out);
}

static struct record empty_record(enum record_kind kind)
{
	return (struct record){
		.kind = kind,
		.time = 1,
		.text = "",
		.note = "",
		.name = { .name = "", .domain = "" },
		.visit = { .precision_us = 1,
			   .time = 1,
			   .helo = "",
			   .mail_from = "",
			   .recipient_domain = "",
			   .name = "" },
	};
}

static struct addr client_of(const struct population *c, char digit)
{
	struct addr stranger;
	assert_true(addr_parse("127.99.0.1", &stranger));
	return digit == '9' ? stranger : c->senders[digit - '0'].addr;
}

static void write_journal(const char *path, const struct population *c,
			  const char *visits)
{
	struct journal *j;
	struct error e;
	assert_int_equal(journal_open(path, JOURNAL_WRITE, &j, &e), 0);
	struct record r = empty_record(RECORD_SITE);
	struct buf text = BUF_INIT(10000);
	write_site(&text);
	r.text = buf_text(&text);
	assert_int_equal(journal_append(j, &r), 0);
	for (const char *v = visits; *v; v += 2) {
		r = empty_record(RECORD_VISIT);
		r.visit.client = client_of(c, v[0]);
		r.visit.site = 1;
		r.visit.host = v[1] == 'l' ? 7 : v[1] == 'h' ? 9 : 8;
		r.visit.depth = DEPTH_CONNECT;
		r.visit.outcome = v[1] == 'M'   ? OUTCOME_ACCEPTED
				  : v[1] == 'm' ? OUTCOME_ABORTED
						: OUTCOME_NONE;
		assert_int_equal(journal_append(j, &r), 0);
	}
	assert_int_equal(journal_commit(j, NULL, NULL, &e), 0);
	journal_close(j);
	buf_release(&text);
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
