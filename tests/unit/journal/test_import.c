#include "journal_case.h"

#include <errno.h>
#include <unistd.h>

#include "journal/ask/ask.h"
#include "journal/upkeep/import.h"

static void make_site(struct site *s, struct host hosts[2])
{
	static char domain[] = "example.com";
	static char *domains[] = { domain };
	hosts[0] = (struct host){ .role = ROLE_REAL,
				  .preference = 10,
				  .name = "mail.example.com",
				  .watch = "feed",
				  .address_count = 1 };
	hosts[1] = (struct host){ .role = ROLE_DECOY,
				  .posture = POSTURE_DEFER,
				  .preference = 20,
				  .name = "fake.example.com",
				  .address_count = 1 };
	hosts[0].addresses[0] = (struct endpoint){ address("5.9.1.1"), 25 };
	hosts[1].addresses[0] = (struct endpoint){ address("5.9.1.2"), 25 };
	*s = (struct site){ .layout = LAYOUT_HIGH,
			    .name = "home",
			    .hosts = hosts,
			    .host_count = 2,
			    .domains = domains,
			    .domain_count = 1 };
	(void)site_set_places(s);
}

static struct import *begin(const struct journal_case *c, struct host hosts[2])
{
	struct error e = { 0, "" };
	struct site site;
	struct rules rules = rules_default();
	struct import *im = NULL;
	make_site(&site, hosts);
	ok(import_begin(c->path, &site, 1, &rules, &im, &e), &e);
	return im;
}

static void add(struct import *im, enum line_kind kind, uint16_t host, int64_t time)
{
	struct error e = { 0, "" };
	struct line l = {
		.kind = kind, .host = host, .time = time, .text = "", .position = ""
	};
	ok(import_line(im, &l, &e), &e);
}

static void add_visit(struct import *im, uint16_t host, const char *client, int64_t time)
{
	struct error e = { 0, "" };
	struct line l = {
		.kind = LINE_VISIT, .host = host, .time = time, .text = "", .position = ""
	};
	l.visit = (struct visit){ .client = address(client),
				  .host = host,
				  .depth = DEPTH_RCPT,
				  .precision_us = 1,
				  .time = time,
				  .helo = "",
				  .mail_from = "",
				  .recipient_domain = "example.com",
				  .name = "" };
	ok(import_line(im, &l, &e), &e);
}

static struct import_counts end(struct import *im)
{
	struct error e = { 0, "" };
	struct import_counts counts;
	ok(import_end(im, NULL, NULL, &counts, &e), &e);
	import_free(im);
	return counts;
}

static int keep(void *arg, const struct ask_walk *w)
{
	*(struct verdict *)arg = w->verdict;
	return 0;
}

static struct verdict asked_of(const struct journal_case *c, const char *client)
{
	struct error e = { 0, "" };
	struct verdict v = { .order = ORDER_UNKNOWN };
	struct db *db = case_open(c, DB_READ);
	struct ask *a;
	ok(ask_open(db, 0, &a, &e), &e);
	ok(ask_client(a, address(client), keep, NULL, &v, &e), &e);
	ask_close(a);
	db_close(db);
	return v;
}

static bool is_there(const struct journal_case *c, const char *suffix)
{
	char path[CASE_PATH_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s%s", c->path, suffix);
	return access(path, F_OK) == 0;
}

static void makes_a_journal_that_is_judged(void **state)
{
	struct journal_case *c = *state;
	struct host hosts[2];
	struct import *im = begin(c, hosts);
	add(im, LINE_GAP, hosts[0].id, T0);
	add(im, LINE_GAP, hosts[1].id, T0);
	add_visit(im, hosts[0].id, "20.1.1.1", T0 + 30 * STAMP_HOUR);
	add_visit(im, hosts[1].id, "30.1.1.1", T0 + 31 * STAMP_HOUR);
	assert_false(is_there(c, ""));
	add(im, LINE_WATERMARK, hosts[0].id, T0 + 40 * STAMP_HOUR);
	add(im, LINE_WATERMARK, hosts[1].id, T0 + 40 * STAMP_HOUR);
	struct import_counts counts = end(im);
	assert_int_equal(counts.visits, 2);
	assert_int_equal(counts.lines, 6);
	assert_int_equal(counts.runs, 2);
	assert_true(is_there(c, ""));
	assert_false(is_there(c, ".import"));
	assert_int_equal(asked_of(c, "30.1.1.1").order, ORDER_BACKDOOR);
	assert_int_equal(asked_of(c, "30.1.1.1").fate, FATE_STOPPED);
	struct db *db = case_open(c, DB_READ);
	assert_string_equal(asked(db, "SELECT told & 15 FROM run WHERE kind = 3"), "4");
	db_close(db);
}

/* Without a `since` a host is watched from its first line on. */
static void knows_nothing_of_before_a_hosts_first_line(void **state)
{
	struct journal_case *c = *state;
	struct host hosts[2];
	struct import *im = begin(c, hosts);
	add_visit(im, hosts[1].id, "30.1.1.1", T0);
	add_visit(im, hosts[0].id, "20.1.1.1", T0 + STAMP_HOUR);
	add_visit(im, hosts[1].id, "30.1.2.1", T0 + 2 * STAMP_HOUR);
	add(im, LINE_WATERMARK, hosts[0].id, T0 + 40 * STAMP_HOUR);
	add(im, LINE_WATERMARK, hosts[1].id, T0 + 40 * STAMP_HOUR);
	(void)end(im);
	assert_int_equal(asked_of(c, "30.1.1.1").order_reason, REASON_NOT_WATCHED);
	assert_int_equal(asked_of(c, "30.1.2.1").order, ORDER_BACKDOOR);
}

/* From its line before: when it went down it does not say. */
static void a_decoy_that_was_down_was_not_watched(void **state)
{
	static const struct {
		int visit, outage; /* hours after T0 */
		const char *want;  /* when it was watched */
	} rows[] = {
		{ 1, 3, "0-1 3-9" },
		{ 3, 1, "1-9" }, /* in another order: since when is not known */
		{ 1, 1, "0-9" },
		{ 0, 3, "3-9" },
	};
	struct journal_case *c = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host hosts[2];
		char sql[256];
		struct import *im = begin(c, hosts);
		add(im, LINE_GAP, hosts[1].id, T0);
		if (rows[i].visit)
			add_visit(im, hosts[1].id, "30.1.1.1",
				  T0 + rows[i].visit * STAMP_HOUR);
		add(im, LINE_OUTAGE, hosts[1].id, T0 + rows[i].outage * STAMP_HOUR);
		add(im, LINE_WATERMARK, hosts[1].id, T0 + 9 * STAMP_HOUR);
		(void)end(im);
		struct db *db = case_open(c, DB_READ);
		(void)snprintf(sql, sizeof(sql),
			       "SELECT group_concat(printf('%%d-%%d', (since - %lld) / "
			       "3600000000, (until - %lld) / 3600000000), ' ') FROM span "
			       "WHERE kind = %d AND host = %d",
			       (long long)T0, (long long)T0, SPAN_WATCHED, hosts[1].id);
		assert_string_equal(asked(db, sql), rows[i].want);
		db_close(db);
		assert_int_equal(unlink(c->path), 0);
	}
}

static void a_listing_of_the_past_is_kept_as_it_was(void **state)
{
	struct journal_case *c = *state;
	struct host hosts[2];
	struct import *im = begin(c, hosts);
	add(im, LINE_GAP, hosts[0].id, T0);
	add(im, LINE_GAP, hosts[1].id, T0);
	add_visit(im, hosts[1].id, "30.1.1.1", T0 + 31 * STAMP_HOUR);
	add_visit(im, hosts[1].id, "30.1.1.1", T0 + 34 * STAMP_HOUR);
	add(im, LINE_WATERMARK, hosts[0].id, T0 + 20 * STAMP_DAY);
	add(im, LINE_WATERMARK, hosts[1].id, T0 + 20 * STAMP_DAY);
	(void)end(im);
	struct db *db = case_open(c, DB_READ);
	char want[128];
	(void)snprintf(want, sizeof(want), "%lld %lld %d 1",
		       (long long)(T0 + 35 * STAMP_HOUR),
		       (long long)(T0 + 35 * STAMP_HOUR), (int)REASON_OBSERVE);
	assert_string_equal(asked(db, "SELECT since || ' ' || at || ' ' || why || ' ' || "
				      "(off IS NULL) FROM listing"),
			    want);
	db_close(db);
}

static void leaves_nothing_when_it_is_broken_off(void **state)
{
	struct journal_case *c = *state;
	struct host hosts[2];
	struct import *im = begin(c, hosts);
	add_visit(im, hosts[1].id, "30.1.1.1", T0);
	assert_true(is_there(c, ".import"));
	import_free(im);
	assert_false(is_there(c, ""));
	assert_false(is_there(c, ".import"));
	assert_false(is_there(c, ".import-wal"));
}

static void refuses_a_journal_with_visits_or_with_serve(void **state)
{
	struct journal_case *c = *state;
	struct error e = { 0, "" };
	struct host hosts[2];
	struct site site;
	struct rules rules = rules_default();
	struct import *im = begin(c, hosts);
	add_visit(im, hosts[1].id, "30.1.1.1", T0);
	(void)end(im);
	make_site(&site, hosts);
	assert_int_equal(import_begin(c->path, &site, 1, &rules, &im, &e), -EEXIST);
	assert_non_null(strstr(e.text, "has visits already"));
	assert_int_equal(unlink(c->path), 0);
	struct db *serve = case_open(c, DB_WRITE);
	ok(db_lock(serve, &e), &e);
	assert_int_equal(import_begin(c->path, &site, 1, &rules, &im, &e), -EBUSY);
	db_close(serve);
}

static void keeps_the_allow_list_of_a_journal_without_visits(void **state)
{
	struct journal_case *c = *state;
	struct host hosts[2];
	struct db *db = case_open(c, DB_WRITE);
	assert_int_equal(sqlite3_exec(db_sqlite(db),
				      "INSERT INTO allow VALUES ('192.0.2.1', 'a', 0, 1)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	db_close(db);
	struct import *im = begin(c, hosts);
	add_visit(im, hosts[1].id, "30.1.1.1", T0);
	(void)end(im);
	db = case_open(c, DB_READ);
	assert_string_equal(asked(db, "SELECT text FROM allow"), "192.0.2.1");
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "1");
	db_close(db);
}

/* Who is on the configuration's list is known from the first verdict on: once it is
 * sealed it would stay as it is. */
static void excuses_whom_the_configuration_allows(void **state)
{
	struct journal_case *c = *state;
	const char *const allowed[] = { "30.1.1.1" };
	struct error e = { 0, "" };
	struct host hosts[2];
	struct import *im = begin(c, hosts);
	ok(import_allow(im, allowed, 1, T0, &e), &e);
	add(im, LINE_GAP, hosts[0].id, T0);
	add(im, LINE_GAP, hosts[1].id, T0);
	add_visit(im, hosts[1].id, "30.1.1.1", T0 + 31 * STAMP_HOUR);
	add_visit(im, hosts[1].id, "31.1.1.1", T0 + 31 * STAMP_HOUR);
	add(im, LINE_WATERMARK, hosts[0].id, T0 + 9 * STAMP_DAY);
	add(im, LINE_WATERMARK, hosts[1].id, T0 + 9 * STAMP_DAY);
	(void)end(im);
	struct verdict known = asked_of(c, "30.1.1.1"), other = asked_of(c, "31.1.1.1");
	assert_int_equal(known.fate, FATE_STOPPED);
	assert_int_equal(known.tier, TIER_KNOWN);
	assert_int_equal(other.fate, FATE_STOPPED);
	assert_int_equal(other.tier, TIER_NONE);
}

/* The lines of one host stand behind those of another: all are seen when those end. */
static void begins_when_the_first_host_was_watched(void **state)
{
	struct journal_case *c = *state;
	struct error e = { 0, "" };
	struct host hosts[2];
	struct import *im = begin(c, hosts);
	add(im, LINE_GAP, hosts[0].id, T0 + 30 * STAMP_HOUR);
	add_visit(im, hosts[0].id, "20.1.1.1", T0 + 40 * STAMP_HOUR);
	add(im, LINE_GAP, hosts[1].id, T0);
	add_visit(im, hosts[1].id, "30.1.1.1", T0 + 10 * STAMP_HOUR);
	add(im, LINE_WATERMARK, hosts[0].id, T0 + 50 * STAMP_HOUR);
	add(im, LINE_WATERMARK, hosts[1].id, T0 + 50 * STAMP_HOUR);
	(void)end(im);
	struct db *db = case_open(c, DB_READ);
	struct ask *a;
	ok(ask_open(db, 0, &a, &e), &e);
	assert_int_equal(ask_begun(a), T0);
	assert_int_equal(ask_first_seen(a), T0 + 40 * STAMP_HOUR);
	ask_close(a);
	db_close(db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)
	const struct CMUnitTest tests[] = {
		CASE(makes_a_journal_that_is_judged),
		CASE(knows_nothing_of_before_a_hosts_first_line),
		CASE(a_decoy_that_was_down_was_not_watched),
		CASE(a_listing_of_the_past_is_kept_as_it_was),
		CASE(leaves_nothing_when_it_is_broken_off),
		CASE(refuses_a_journal_with_visits_or_with_serve),
		CASE(keeps_the_allow_list_of_a_journal_without_visits),
		CASE(excuses_whom_the_configuration_allows),
		CASE(begins_when_the_first_host_was_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
