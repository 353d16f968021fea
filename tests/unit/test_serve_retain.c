#include "serve/retain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "old/journal.h"
#include "old/judge.h"

#define S STAMP_SECOND
#define NOON (1700000000 * S)

enum { VISITS = 500, PATH_SIZE = 128 };

static char folder[] = "/tmp/fmx-test-retain-XXXXXX";

static void append(struct journal *j, struct record r)
{
	r.text = r.text ? r.text : "";
	r.note = "";
	if (r.time == 0)
		r.time = r.seen;
	assert_int_equal(journal_append(j, &r), 0);
}

static void append_definitions(struct journal *j)
{
	struct rules rules = rules_default();
	struct buf text = BUF_INIT(64 * 1024);
	struct host hosts[] = {
		{ .id = 1, .role = ROLE_REAL, .preference = 10, .address_count = 1 },
		{ .id = 2, .role = ROLE_DECOY, .preference = 20, .address_count = 1 },
	};
	struct site site = {
		.id = 1, .layout = LAYOUT_HIGH, .hosts = hosts, .host_count = 2
	};
	char domain[] = "shop.example", *domains[] = { domain };
	struct error e = { .text = "" };
	site.domains = domains;
	site.domain_count = 1;
	(void)snprintf(site.name, sizeof(site.name), "shop");
	(void)snprintf(hosts[0].name, sizeof(hosts[0].name), "mail.shop.example");
	(void)snprintf(hosts[0].watch, sizeof(hosts[0].watch), "/var/log/mail.log");
	(void)snprintf(hosts[1].name, sizeof(hosts[1].name), "fake1.shop.example");
	hosts[1].posture = POSTURE_DEFER;
	assert_true(addr_parse("30.0.0.25", &hosts[0].addresses[0].addr));
	assert_true(addr_parse("30.0.0.31", &hosts[1].addresses[0].addr));
	hosts[0].addresses[0].port = hosts[1].addresses[0].port = SMTP_PORT;
	if (site_check(&site, false, &e) != 0)
		fail_msg("%s", e.text);
	rules_text(&rules, &text);
	append(j, (struct record){
		      .kind = RECORD_RULES, .seen = NOON, .text = buf_text(&text) });
	buf_clear(&text);
	site_text(&site, &text);
	append(j, (struct record){ .kind = RECORD_SITE,
				   .site = 1,
				   .seen = NOON,
				   .text = buf_text(&text) });
	append(j, (struct record){ .kind = RECORD_START, .seen = NOON });
	buf_release(&text);
}

/* An hour apart each: a bot, a good sender, a probe, a watermark. */
static void append_hour(struct journal *j, int hour)
{
	struct visit v = { .site = 1,
			   .depth = DEPTH_RCPT,
			   .precision_us = 1,
			   .helo = "helo.example",
			   .mail_from = "x@sender.example",
			   .recipient_domain = "shop.example",
			   .name = "" };
	char client[ADDR_TEXT_MAX];
	v.time = NOON + (hour + 1) * 3600 * S;
	(void)snprintf(client, sizeof(client), "31.%d.0.%d", hour % 2, hour % 200 + 1);
	assert_true(addr_parse(client, &v.client));
	v.host = hour % 2 ? 1 : 2;
	v.source = hour % 2 ? VISIT_SOURCE_MAILLOG : VISIT_SOURCE_DECOY;
	v.outcome = hour % 2 ? OUTCOME_ACCEPTED : OUTCOME_NONE;
	append(j, (struct record){ .kind = RECORD_VISIT, .seen = v.time, .visit = v });
	append(j, (struct record){ .kind = RECORD_HEALTH,
				   .host = 1,
				   .is_ok = true,
				   .seen = v.time + 1800 * S });
	for (uint16_t host = 1; host <= 2; host++)
		append(j, (struct record){ .kind = RECORD_WATERMARK,
					   .host = host,
					   .seen = v.time + 1800 * S });
}

static void make_journal(const char *path)
{
	struct journal *j;
	struct error e = { .text = "" };
	if (journal_open(path, JOURNAL_WRITE, &j, &e) < 0)
		fail_msg("%s", e.text);
	append_definitions(j);
	for (int hour = 0; hour < VISITS; hour++)
		append_hour(j, hour);
	assert_int_equal(journal_commit(j, NULL, NULL, &e), 0);
	journal_close(j);
}

static void on_verdict(void *arg, const struct verdict *v)
{
	(void)v;
	++*(unsigned *)arg;
}

static void on_listing(void *arg, const struct listing *l)
{
	(void)arg;
	(void)l;
}

static int load(void *arg, const void *data, size_t len, struct error *e)
{
	return judge_load(arg, data, len, e);
}

static int feed(void *arg, const struct record *r, struct error *e)
{
	return judge_feed(arg, r, e);
}

/* The state of a judge after the whole journal; the verdicts on the way. */
static void replay(const char *path, struct buf *ret_state, unsigned *ret_verdicts)
{
	struct journal *j;
	struct error e = { .text = "" };
	*ret_verdicts = 0;
	struct judge *judge = judge_new(on_verdict, on_listing, ret_verdicts);
	assert_int_equal(journal_open(path, JOURNAL_READ, &j, &e), 0);
	if (journal_replay(j, load, feed, judge, &e) != 0)
		fail_msg("%s", e.text);
	judge_save(judge, ret_state);
	assert_false(buf_failed(ret_state));
	judge_free(judge);
	journal_close(j);
}

static void what_is_let_go_of_is_kept_in_the_checkpoint(void **state)
{
	(void)state;
	char path[PATH_SIZE];
	struct buf before = BUF_INIT(RETAIN_MAX_STATE),
		   after = BUF_INIT(RETAIN_MAX_STATE);
	unsigned all, left;
	struct error e = { .text = "" };
	(void)snprintf(path, sizeof(path), "%s/kept.sqlite", folder);
	make_journal(path);
	replay(path, &before, &all);
	int64_t deleted = retain_run(path, NOON + VISITS / 2 * 3600 * S, NULL, &e);
	if (deleted < 0)
		fail_msg("%s", e.text);
	assert_in_range(deleted, VISITS, 3 * VISITS);
	replay(path, &after, &left);
	assert_true(left > 0 && left < all);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	buf_release(&before);
	buf_release(&after);
}

static void a_second_run_goes_on_from_the_checkpoint(void **state)
{
	(void)state;
	char path[PATH_SIZE];
	struct buf before = BUF_INIT(RETAIN_MAX_STATE),
		   after = BUF_INIT(RETAIN_MAX_STATE);
	unsigned ignored;
	struct error e = { .text = "" };
	(void)snprintf(path, sizeof(path), "%s/twice.sqlite", folder);
	make_journal(path);
	replay(path, &before, &ignored);
	assert_true(retain_run(path, NOON + 100 * 3600 * S, NULL, &e) > 0);
	assert_int_equal(retain_run(path, NOON + 100 * 3600 * S, NULL, &e), 0);
	assert_true(retain_run(path, NOON + 300 * 3600 * S, NULL, &e) > 0);
	replay(path, &after, &ignored);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	buf_release(&before);
	buf_release(&after);
}

static void one_that_is_told_to_stop_deletes_nothing(void **state)
{
	(void)state;
	char path[PATH_SIZE];
	atomic_bool is_cancelled = true;
	struct buf before = BUF_INIT(RETAIN_MAX_STATE),
		   after = BUF_INIT(RETAIN_MAX_STATE);
	unsigned all, left;
	struct error e = { .text = "" };
	(void)snprintf(path, sizeof(path), "%s/stopped.sqlite", folder);
	make_journal(path);
	replay(path, &before, &all);
	assert_true(retain_run(path, NOON + 300 * 3600 * S, &is_cancelled, &e) < 0);
	replay(path, &after, &left);
	assert_int_equal(all, left);
	buf_release(&before);
	buf_release(&after);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[PATH_SIZE];
	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_let_go_of_is_kept_in_the_checkpoint),
		cmocka_unit_test(a_second_run_goes_on_from_the_checkpoint),
		cmocka_unit_test(one_that_is_told_to_stop_deletes_nothing),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
