#include "take_case.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define M STAMP_MINUTE
#define H STAMP_HOUR

static struct db *db;
static struct take *t;

static int begin(void **state)
{
	assert_int_equal(case_setup(state), 0);
	db = case_open(*state, DB_WRITE);
	define_example(db);
	t = a_take(db);
	return 0;
}

static int end(void **state)
{
	take_free(t);
	db_close(db);
	return case_teardown(state);
}

static void restart(const struct journal_case *c)
{
	take_free(t);
	db_close(db);
	db = case_open(c, DB_WRITE);
	t = a_take(db);
}

static void all_watched(int64_t time)
{
	for (uint16_t host = REAL; host <= LOW; host++)
		give(t, a_word(LINE_WATERMARK, host, 0, time), time);
}

static void a_visit_joins_what_it_lies_between(void **state)
{
	(void)state;
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	give(t, a_visit(REAL, "192.0.2.1", T0 + 50 * M), T0);
	assert_string_equal(asked(db, "SELECT count(*) FROM run"), "2");
	give(t, a_visit(REAL, "192.0.2.1", T0 + 25 * M), T0);
	assert_string_equal(asked(db, "SELECT count(*) || ' ' || visits FROM run"),
			    "1 3");
	/* One before moves its beginning. */
	give(t, a_visit(REAL, "192.0.2.1", T0 - 10 * M), T0);
	assert_string_equal(
	    asked(
		db,
		"SELECT count(*) || ' ' || visits || ' ' || (last / 60000000) FROM run"),
	    "1 4 60");
	/* A session of three hours touches more than two. */
	give(t, a_visit(REAL, "192.0.2.1", T0 + 2 * H), T0);
	give(t, a_visit(REAL, "192.0.2.1", T0 + 3 * H), T0);
	give(t, a_visit(REAL, "192.0.2.1", T0 + 4 * H), T0);
	struct line l = a_visit(REAL, "192.0.2.1", T0 + 90 * M);
	l.visit.ended = T0 + 90 * M + 3 * H;
	give(t, l, T0);
	assert_string_equal(asked(db, "SELECT count(*) FROM run"), "2");
	assert_string_equal(asked(db, "SELECT max(visits) FROM run"), "4");
}

static void a_run_is_cut_at_midnight(void **state)
{
	(void)state;
	give(t, a_visit(REAL, "192.0.2.1", T0 + 12 * H - 1), T0);
	give(t, a_visit(REAL, "192.0.2.1", T0 + 12 * H), T0);
	assert_string_equal(asked(db, "SELECT count(*) FROM run"), "2");
}

static void kinds_do_not_mix(void **state)
{
	(void)state;
	all_watched(T0);
	struct line knock = a_visit(LOW, "192.0.2.1", T0 + M);
	knock.visit.depth = DEPTH_KNOCK;
	give(t, knock, T0 + M);
	give(t, a_visit(HIGH, "192.0.2.1", T0 + M), T0 + M);
	give(t, a_visit(REAL, "192.0.2.1", T0 + M), T0 + M);
	give(t, a_visit(REAL, "192.0.2.1", T0 - 1), T0 + M);
	give(t, a_visit(HIGH, "192.0.2.1", T0 - 1), T0 + M);
	assert_string_equal(
	    asked(db, "SELECT group_concat(kind || ':' || visits, ' ') FROM "
		      "(SELECT kind, sum(visits) AS visits FROM run GROUP BY kind)"),
	    "1:1 2:1 3:1 4:2");
	assert_string_equal(asked(db, "SELECT sum(late) FROM visit"), "2");
	assert_int_equal(take_counts(t).late, 2);
}

static void what_began_at_the_watermark_is_in_time(void **state)
{
	(void)state;
	all_watched(T0);
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	assert_string_equal(asked(db, "SELECT kind FROM run"), "1");
	/* serve spoke for it: what it brings is late. */
	struct line spoken = a_word(LINE_WATERMARK, REAL, 0, T0 + 20 * M);
	spoken.is_spoken = true;
	give(t, spoken, T0 + 20 * M);
	give(t, a_visit(REAL, "192.0.2.2", T0 + 10 * M), T0 + 20 * M);
	assert_string_equal(
	    asked(db, "SELECT kind FROM run WHERE began > 1795435200000000"), "2");
	assert_string_equal(asked(db, "SELECT count(*) FROM span WHERE kind = 1"), "0");
	give(t, a_word(LINE_WATERMARK, REAL, 0, T0 + 30 * M), T0 + 30 * M);
	assert_string_equal(asked(db, "SELECT (until - since) / 60000000 FROM span "
				      "WHERE kind = 1"),
			    "10");
}

static void a_domain_of_ours_is_noted_at_arrival(void **state)
{
	(void)state;
	struct line l = a_visit(HIGH, "192.0.2.1", T0);
	l.visit.recipient_domain = "elsewhere.example";
	give(t, l, T0);
	give(t, a_visit(HIGH, "192.0.2.2", T0 + H), T0);
	assert_string_equal(asked(db, "SELECT group_concat(ours, '') FROM visit"), "01");
	assert_string_equal(asked(db, "SELECT group_concat(rcpt_hours, ' ') FROM run"),
			    "0 8192");
}

static const char *open_needs(void)
{
	return asked(
	    db, "SELECT coalesce(group_concat(need, ' '), '') FROM (SELECT "
		"CASE WHEN (grp, client, began) IN (SELECT * FROM woken) THEN "
		"0 ELSE coalesce(need, 'sealed') END AS need FROM run WHERE kind = 3 "
		"ORDER BY client)");
}

static void settle(const char *need)
{
	char sql[128];
	(void)snprintf(sql, sizeof(sql),
		       "UPDATE run SET need = %s WHERE kind = 3; DELETE FROM woken",
		       need);
	assert_int_equal(sqlite3_exec(db_sqlite(db), sql, NULL, NULL, NULL), SQLITE_OK);
}

static void a_contact_wakes_the_walks_of_its_prefix(void **state)
{
	(void)state;
	all_watched(T0);
	give(t, a_visit(HIGH, "192.0.2.1", T0), T0);
	give(t, a_visit(HIGH, "192.0.2.200", T0), T0);
	give(t, a_visit(HIGH, "192.0.3.1", T0), T0);
	give(t, a_visit(HIGH, "2001:db8::1", T0), T0);
	assert_string_equal(open_needs(), "0 0 0 0"); /* new: to be decided */
	settle("77");
	give(t, a_visit(REAL, "192.0.2.9", T0 + H), T0 + H);
	assert_string_equal(open_needs(), "0 0 77 77");
	settle("77");
	give(t, a_visit(REAL, "2001:db8::ffff:1", T0 + H), T0 + H);
	assert_string_equal(open_needs(), "77 77 77 0");
	/* A knock wakes its own address's. */
	settle("77");
	struct line knock = a_visit(LOW, "192.0.2.200", T0 - M);
	knock.visit.depth = DEPTH_KNOCK;
	give(t, knock, T0 + H);
	assert_string_equal(open_needs(), "77 0 77 77");
	/* Sealed, and then a contact that was told in time: no. Late: yes. */
	settle("NULL");
	give(t, a_visit(REAL, "192.0.2.9", T0 + 2 * H), T0 + 2 * H);
	assert_string_equal(open_needs(), "sealed sealed sealed sealed");
	give(t, a_visit(REAL, "192.0.2.9", T0 - H), T0 + 2 * H);
	assert_string_equal(open_needs(), "0 0 sealed sealed");
}

static void over_4096_walks_are_asked_again_in_slices(void **state)
{
	struct error e = { 0, "" };
	char client[64];
	(void)state;
	all_watched(T0);
	for (int i = 0; i <= 4096; i++) {
		(void)snprintf(client, sizeof(client), "2001:db8::%x", i);
		struct line l = a_visit(HIGH, client, T0);
		take_add(t, &l);
	}
	ok(take_commit(t, &e), &e);
	settle("77");
	give(t, a_visit(REAL, "2001:db8::ffff:1", T0 + H), T0 + H);
	assert_string_equal(asked(db, "SELECT min(need) FROM run WHERE kind = 3"), "77");
	assert_string_equal(asked(db, "SELECT resweep FROM grp"), "1");
}

/* ---- envelopes ---- */

static struct line with_envelope(struct line l, uint64_t hash)
{
	visit_add_envelope(&l.visit, hash);
	return l;
}

static const char *envelope(const char *column)
{
	char sql[256];
	(void)snprintf(sql, sizeof(sql),
		       "SELECT (%s - %lld) / 60000000 FROM envelope WHERE "
		       "told4 OR told6",
		       column, (long long)T0);
	return asked(db, sql);
}

static void an_envelope_is_met_whichever_line_comes_first(void **state)
{
	for (int decoy_first = 0; decoy_first < 2; decoy_first++) {
		struct line told =
		    with_envelope(a_visit(HIGH, "192.0.2.1", T0 + 10 * M), 7);
		struct line real =
		    with_envelope(a_visit(REAL, "2001:db8::1", T0 - 15 * M), 7);
		real.visit.outcome = OUTCOME_ACCEPTED;
		give(t, decoy_first ? told : real, T0);
		give(t, decoy_first ? real : told, T0);
		assert_string_equal(envelope("told4"), "10");
		assert_string_equal(envelope("real6"), "-15");
		assert_string_equal(envelope("accepted"), "-15");
		assert_string_equal(envelope("told6"), "NULL");
		assert_string_equal(asked(db, "SELECT hash = 7 FROM envelope"),
				    "0"); /* keyed */
		assert_string_equal(asked(db, "SELECT tells FROM host WHERE id = 1"),
				    "1");
		assert_int_equal(end(state), 0);
		assert_int_equal(begin(state), 0);
	}
}

static void what_waits_is_read_again_after_a_restart(void **state)
{
	struct line real = with_envelope(a_visit(REAL, "2001:db8::1", T0), 7);
	real.visit.ended = T0 + 40 * M;
	give(t, real, T0 + 40 * M);
	real.visit.ended = 0;
	real.visit.precision_us = 50 * M;
	give(t, real, T0 + 40 * M);
	restart(*state);
	give(t, with_envelope(a_visit(HIGH, "192.0.2.1", T0 + 70 * M), 7), T0 + 70 * M);
	assert_string_equal(envelope("real6"), "0");
	assert_string_equal(envelope("real6_last + 1"), "50");
}

static void what_was_told_before_or_late_is_none(void **state)
{
	(void)state;
	/* 31 minutes before it was told: another message. */
	give(t, with_envelope(a_visit(REAL, "192.0.2.1", T0 - 31 * M), 7), T0);
	give(t, with_envelope(a_visit(HIGH, "192.0.2.1", T0), 7), T0);
	assert_string_equal(envelope("real4"), "NULL");
	all_watched(T0 + H);
	give(t, with_envelope(a_visit(HIGH, "192.0.2.1", T0), 8), T0 + H);
	assert_string_equal(asked(db, "SELECT count(*) FROM envelope"), "1");
	/* A late acceptance clears all the same. */
	struct line late = with_envelope(a_visit(REAL, "192.0.2.1", T0 + M), 7);
	late.visit.outcome = OUTCOME_ACCEPTED;
	give(t, late, T0 + H);
	assert_string_equal(envelope("accepted"), "1");
}

static void more_than_a_line_names_are_a_row_of_their_client(void **state)
{
	struct line real = a_visit(REAL, "192.0.2.99", T0 + M);
	(void)state;
	for (uint64_t i = 1; i < 12; i++)
		visit_add_envelope(&real.visit, 100 + i);
	real.visit.outcome = OUTCOME_DEFERRED;
	give(t, real, T0);
	assert_string_equal(asked(db, "SELECT count(*) FROM envelope"), "0");
	real.visit.outcome = OUTCOME_ACCEPTED;
	give(t, real, T0);
	real.visit.time = T0;
	give(t, real, T0);
	assert_string_equal(
	    asked(db, "SELECT count(*) || ' ' || max(told4 IS NULL) || ' ' || "
		      "max(accepted - 1795435200000000) FROM envelope"),
	    "1 1 60000000");
	assert_string_equal(
	    asked(db, "SELECT max(length(envelopes)) FROM visit WHERE role = 0"), "72");
}

/* ---- budgets, limits, trouble ---- */

static void over_its_budget_a_visit_is_counted_only(void **state)
{
	struct error e = { 0, "" };
	(void)state;
	for (int i = 0; i < TAKE_CLIENT_BUDGET + 10; i++) {
		struct line l = a_visit(LOW, "192.0.2.1", T0 + i);
		take_add(t, &l);
	}
	for (int i = 0; i < TAKE_CLIENT_BUDGET + 10; i++) {
		struct line l = a_visit(REAL, "192.0.2.1", T0 + i);
		take_add(t, &l);
	}
	ok(take_commit(t, &e), &e);
	assert_string_equal(
	    asked(db, "SELECT visits || ' ' || unkept FROM slot WHERE host = 3"),
	    "1000 10");
	assert_string_equal(
	    asked(db, "SELECT visits || ' ' || unkept FROM slot WHERE host = 1"),
	    "1010 0");
	assert_string_equal(
	    asked(db, "SELECT count(*) FROM span WHERE kind = 3 AND host = 3"), "1");
	assert_int_equal(take_counts(t).over_budget, 10);
	/* The next day has a budget of its own. */
	give(t, a_visit(LOW, "192.0.2.1", T0 + STAMP_DAY), T0 + STAMP_DAY);
	assert_string_equal(asked(db, "SELECT count(*) FROM visit WHERE host = 3"),
			    "1001");
}

static void a_64_of_ipv6_has_one_budget(void **state)
{
	struct error e = { 0, "" };
	(void)state;
	for (uint16_t i = 0; i < TAKE_PREFIX_BUDGET + 10; i++) {
		struct line l = a_visit(LOW, "2001:db8:1:2::1", T0 + i);
		memcpy(l.visit.client.bytes + 10, &i, 2);
		take_add(t, &l);
	}
	struct line other = a_visit(LOW, "2001:db8:1:3::1", T0);
	take_add(t, &other);
	ok(take_commit(t, &e), &e);
	/* Its addresses may fall on its own counters. */
	assert_string_equal(asked(db, "SELECT (visits + unkept) || ' ' || (visits "
				      "BETWEEN 7996 AND 8001) FROM slot"),
			    "8011 1");
}

static void knocks_beyond_50000_a_day_are_no_rows(void **state)
{
	struct error e = { 0, "" };
	for (uint32_t i = 0; i < TAKE_KNOCK_BUDGET + 100; i++) {
		struct line l = a_visit(LOW, "10.0.0.0", T0);
		l.visit.depth = DEPTH_KNOCK;
		memcpy(l.visit.client.bytes + 12, &i, 4);
		take_add(t, &l);
		if (i % 20000 == 0)
			ok(take_commit(t, &e), &e);
		if (i == 30000) {
			ok(take_commit(t, &e), &e);
			restart(*state); /* the day's count is kept */
		}
	}
	ok(take_commit(t, &e), &e);
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "50000");
	assert_string_equal(asked(db, "SELECT sum(unkept) FROM slot"), "100");
}

static void a_real_visit_that_was_lost_leaves_its_host_unwatched(void **state)
{
	struct error e = { 0, "" };
	(void)state;
	all_watched(T0);
	for (int i = 0; i < TAKE_MAX + 3; i++) {
		struct line l = a_visit(REAL, "192.0.2.1", T0 + i * STAMP_MILLISECOND);
		take_add(t, &l);
	}
	assert_int_equal(take_counts(t).dropped, 3);
	assert_int_equal(take_counts(t).pending, TAKE_MAX);
	ok(take_commit(t, &e), &e);
	give(t, a_word(LINE_WATERMARK, REAL, 0, T0 + H), T0 + H);
	/* Up to the first that was lost it is watched, from then to the watermark not. */
	assert_string_equal(asked(db, "SELECT (until - since) / 1000 FROM span "
				      "WHERE kind = 1 AND host = 1"),
			    "100000");
	give(t, a_word(LINE_WATERMARK, REAL, 0, T0 + 2 * H), T0 + 2 * H);
	assert_string_equal(
	    asked(db, "SELECT count(*) FROM span WHERE kind = 1 AND host = 1"), "2");
}

static void a_deleted_file_is_said(void **state)
{
	struct journal_case *c = *state;
	struct error e = { 0, "" };
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	assert_int_equal(unlink(c->path), 0);
	struct line l = a_visit(REAL, "192.0.2.1", T0);
	take_add(t, &l);
	assert_int_equal(take_commit(t, &e), -ESTALE);
	assert_non_null(strstr(e.text, "was deleted or replaced"));
	assert_int_equal(take_counts(t).pending, 1);
}

static void input_that_makes_no_sense_is_passed_over(void **state)
{
	struct error e = { 0, "" };
	(void)state;
	give(t, a_visit(REAL, "192.0.2.1", -1), T0);
	give(t, a_visit(REAL, "192.0.2.1", INT64_MAX), T0);
	give(t, a_visit(99, "192.0.2.1", T0), T0);
	give(t, a_word(LINE_WATERMARK, 99, 0, T0), T0);
	give(t, a_word(LINE_PROBE, 0, 0, T0), T0);
	struct line l = a_visit(REAL, "192.0.2.1", T0);
	l.visit.precision_us = 0;
	l.visit.ended = INT64_MAX;
	give(t, l, T0);
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "1");
	assert_string_equal(asked(db, "SELECT last / 3600000000 FROM run"), "24");
	(void)e;
}

static void visits_are_counted_by_five_minutes(void **state)
{
	static const struct {
		enum outcome outcome;
		enum spam spam;
		bool unknown;
	} rows[] = { { OUTCOME_ACCEPTED, SPAM_YES, false },
		     { OUTCOME_ACCEPTED, SPAM_NO, false },
		     { OUTCOME_REJECTED, SPAM_UNKNOWN, true },
		     { OUTCOME_REJECTED, SPAM_UNKNOWN, false },
		     { OUTCOME_DEFERRED, SPAM_UNKNOWN, false },
		     { OUTCOME_ABORTED, SPAM_UNKNOWN, false } };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct line l = a_visit(REAL, "192.0.2.1", T0 + 5 * M - 6 + (int64_t)i);
		l.visit.outcome = rows[i].outcome;
		l.visit.spam = rows[i].spam;
		l.visit.unknown_recipient = rows[i].unknown;
		give(t, l, T0);
	}
	give(t, a_visit(REAL, "192.0.2.1", T0 + 5 * M), T0);
	assert_string_equal(asked(db,
				  "SELECT visits || ' ' || accepted || ' ' || refused || "
				  "' ' || unknown_rcpt || ' ' || deferred || ' ' || "
				  "aborted || ' ' || spam FROM slot ORDER BY five"),
			    "6 2 2 1 1 1 1");
	assert_string_equal(asked(db, "SELECT count(*) FROM slot"), "2");
}

/* ---- what is read again ---- */

static void a_feed_that_tells_again_is_compared(void **state)
{
	all_watched(T0);
	give(t, a_visit(REAL, "192.0.2.1", T0 + M), T0 + M);
	give(t, a_visit(REAL, "192.0.2.1", T0 + M), T0 + M);
	give(t, a_visit(REAL, "192.0.2.2", T0 - M), T0 + M);
	restart(*state);
	take_reread(t, REAL, T0);
	struct visit v = a_visit(REAL, "192.0.2.1", T0 + M).visit;
	assert_true(take_has(t, &v));
	assert_true(take_has(t, &v));
	assert_false(take_has(t, &v)); /* a third was not given */
	v.time = T0 + 2 * M;
	assert_false(take_has(t, &v));
	v = a_visit(REAL, "192.0.2.2", T0 - M).visit;
	assert_false(take_has(t, &v)); /* before what is given again: not looked up */
}

/* serve spoke for a feed that was gone; it comes back, and its connection breaks. */
static void what_was_told_late_is_not_told_twice(void **state)
{
	struct error e = { 0, "" };
	(void)state;
	all_watched(T0);
	struct line spoken = a_word(LINE_GAP, REAL, T0, T0 + 60 * M);
	spoken.is_spoken = true;
	give(t, spoken, T0 + 61 * M);
	take_reread(t, REAL, T0);
	struct line l = a_visit(REAL, "192.0.2.1", T0 + M);
	assert_false(take_has(t, &l.visit));
	l.seen = T0 + 62 * M;
	take_add(t, &l);
	take_reread(t, REAL, T0); /* it was not even committed */
	assert_true(take_has(t, &l.visit));
	assert_false(take_has(t, &l.visit));
	ok(take_commit(t, &e), &e);
	take_reread(t, REAL, T0);
	assert_true(take_has(t, &l.visit));
	take_reread(t, REAL, T0 + 2 * M);
	assert_false(take_has(t, &l.visit));
}

static void positions_are_kept_with_the_rows(void **state)
{
	char text[64];
	struct line l = { .kind = LINE_POSITION,
			  .text = "maillog",
			  .position = "12:3456" };
	assert_string_equal(take_position(t, "maillog", text, sizeof(text)), "");
	give(t, l, T0);
	restart(*state);
	assert_string_equal(take_position(t, "maillog", text, sizeof(text)), "12:3456");
}

static void count_pending(void *arg, const struct visit *v)
{
	assert_string_equal(v->helo, "me");
	++*(int *)arg;
}

static void what_is_not_committed_can_be_asked(void **state)
{
	int count = 0;
	char helo[] = "me";
	(void)state;
	struct line l = a_visit(HIGH, "192.0.2.1", T0);
	l.visit.helo = helo;
	take_add(t, &l);
	helo[0] = 'x';
	take_each_pending(t, address("192.0.2.1"), count_pending, &count);
	take_each_pending(t, address("192.0.2.2"), count_pending, &count);
	assert_int_equal(count, 1);
}

static void names_wake_walks_and_are_replaced(void **state)
{
	struct line l = { .kind = LINE_NAME,
			  .time = T0,
			  .name = { .is_confirmed = true,
				    .name = "mx.sender.example",
				    .domain = "sender.example" } };
	(void)state;
	l.name.client = address("192.0.2.1");
	all_watched(T0);
	give(t, a_visit(HIGH, "192.0.2.1", T0), T0);
	settle("77");
	give(t, l, T0);
	assert_string_equal(open_needs(), "0");
	assert_string_equal(asked(db, "SELECT name || ' ' || domain FROM name"),
			    "mx.sender.example sender.example");
	l.name.is_confirmed = false;
	l.name.name[0] = l.name.domain[0] = '\0';
	give(t, l, T0 + 1);
	assert_string_equal(asked(db,
				  "SELECT coalesce(name, domain, confirmed_at, 'gone') "
				  "FROM name"),
			    "gone");
	struct line spf = { .kind = LINE_SPF, .time = T0, .text = "sender.example" };
	spf.client = address("192.0.2.1");
	give(t, spf, T0);
	struct line wrote = { .kind = LINE_WROTE, .time = T0, .text = "sender.example" };
	give(t, wrote, T0);
	assert_string_equal(asked(db, "SELECT s.domain FROM spf s JOIN wrote_to w ON "
				      "w.domain = s.domain"),
			    "sender.example");
}

static void seen_never_decreases(void **state)
{
	(void)state;
	give(t, a_visit(REAL, "192.0.2.1", T0), T0 + H);
	give(t, a_visit(REAL, "192.0.2.2", T0), T0);
	assert_string_equal(asked(db, "SELECT max(seen) - min(seen) FROM visit"), "0");
	assert_string_equal(asked(db, "SELECT max(id) FROM visit"), "2");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_visit_joins_what_it_lies_between),
		CASE(a_run_is_cut_at_midnight),
		CASE(kinds_do_not_mix),
		CASE(what_began_at_the_watermark_is_in_time),
		CASE(a_domain_of_ours_is_noted_at_arrival),
		CASE(a_contact_wakes_the_walks_of_its_prefix),
		CASE(over_4096_walks_are_asked_again_in_slices),
		CASE(an_envelope_is_met_whichever_line_comes_first),
		CASE(what_waits_is_read_again_after_a_restart),
		CASE(what_was_told_before_or_late_is_none),
		CASE(more_than_a_line_names_are_a_row_of_their_client),
		CASE(over_its_budget_a_visit_is_counted_only),
		CASE(a_64_of_ipv6_has_one_budget),
		CASE(knocks_beyond_50000_a_day_are_no_rows),
		CASE(a_real_visit_that_was_lost_leaves_its_host_unwatched),
		CASE(a_deleted_file_is_said),
		CASE(input_that_makes_no_sense_is_passed_over),
		CASE(visits_are_counted_by_five_minutes),
		CASE(a_feed_that_tells_again_is_compared),
		CASE(what_was_told_late_is_not_told_twice),
		CASE(positions_are_kept_with_the_rows),
		CASE(what_is_not_committed_can_be_asked),
		CASE(names_wake_walks_and_are_replaced),
		CASE(seen_never_decreases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
