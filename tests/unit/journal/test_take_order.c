/*
 * In whatever order the hosts' lines come, however they are cut into batches, wherever
 * the process is killed or the disk is full: the same rows.
 */
#include "take_case.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broken_vfs.h"

enum { HOSTS = 5, LINES = 60, ALL = HOSTS * LINES };

/* ---- chance ---- */

static uint64_t seed;

static uint32_t chance(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % below;
}

/* ---- what each host tells ---- */

static const struct host_row hosts[HOSTS] = {
	{ ROLE_REAL, 10, "mail", "198.51.100.25", false },
	{ ROLE_REAL, 11, "mail2", "198.51.100.26", false },
	{ ROLE_DECOY, 20, "high", "198.51.100.30", false },
	{ ROLE_DECOY, 0, "low", "198.51.100.20", false },
	{ ROLE_CONTROL, 0, "control", "198.51.100.40", false },
};

static const char *const clients[] = { "192.0.2.1",   "192.0.2.2",   "192.0.2.3",
				       "203.0.113.1", "2001:db8::1", "2001:db8::2",
				       "198.18.0.77", "192.0.2.200" };
enum { CLIENTS = sizeof(clients) / sizeof(clients[0]) };

struct host_lines {
	struct line lines[LINES];
};

static struct line random_visit(uint16_t host, int64_t now, int64_t told)
{
	/* Mostly as they end, some of long ago; whole seconds tie. */
	int64_t time = now - (int64_t)chance(4) * STAMP_SECOND * (int64_t)chance(600);
	if (chance(10) > 0 && time < told)
		time = told;
	struct line l = a_visit(host, clients[chance(CLIENTS)], time);
	struct visit *v = &l.visit;
	bool is_real = hosts[host - 1].role == ROLE_REAL;
	v->depth = (enum depth)chance(is_real ? 5 : 6) + (is_real ? 1 : 0);
	v->outcome = is_real ? (enum outcome)(1 + chance(4)) : OUTCOME_NONE;
	v->spam = (enum spam)chance(3);
	v->precision_us = chance(2) ? STAMP_SECOND : 1;
	v->earlier_us = chance(4) ? 0 : chance(5000000);
	v->answered = chance(2) ? time + chance(100) * STAMP_SECOND : 0;
	v->ended = chance(2) ? time + (int64_t)chance(4000) * STAMP_SECOND : 0;
	for (uint32_t n = chance(4) ? chance(3) : 10; n > 0; n--)
		visit_add_envelope(v, 1 + chance(n > 4 ? 1000 : 12));
	return l;
}

static void make_lines(struct host_lines *to, uint16_t host)
{
	int64_t now = T0 + chance(600) * STAMP_SECOND, told = now;
	bool is_real = hosts[host - 1].role == ROLE_REAL;
	for (int i = 0; i < LINES; i++) {
		uint32_t what = chance(100);
		now += (int64_t)chance(20 * 60) * STAMP_SECOND;
		if (what < 70 && i > 0) {
			to->lines[i] = random_visit(host, now, told);
		} else if (what < 78 && is_real) {
			to->lines[i] = a_word(LINE_PROBE, host, 0, now);
			to->lines[i].is_ok = chance(6) > 0;
		} else if (what < 80 && is_real) {
			to->lines[i] = a_word(LINE_OUTAGE, host, 0, now);
		} else if (what < 82) {
			to->lines[i] = a_word(LINE_LOST, host, now - STAMP_MINUTE, now);
		} else if (what < 84) {
			to->lines[i] = a_word(LINE_GAP, host, 0, now);
		} else {
			to->lines[i] = a_word(LINE_WATERMARK, host, 0, told = now);
		}
	}
	to->lines[LINES - 1] = a_word(LINE_WATERMARK, host, 0, T0 + 3 * STAMP_DAY);
}

/* ---- giving them ---- */

static struct host_lines all[HOSTS];

static void make_all(uint64_t from)
{
	seed = from;
	for (uint16_t host = 1; host <= HOSTS; host++)
		make_lines(&all[host - 1], host);
}

/* Which host is the next to tell, ALL times. */
static void shuffle(uint8_t turns[ALL], uint64_t from)
{
	seed = from;
	for (int i = 0; i < ALL; i++)
		turns[i] = (uint8_t)(i % HOSTS);
	for (uint32_t i = ALL - 1; i > 0; i--) {
		uint32_t k = chance(i + 1);
		uint8_t was = turns[i];
		turns[i] = turns[k];
		turns[k] = was;
	}
}

static struct db *open_all(const struct journal_case *c)
{
	struct site s = a_site("example", hosts, HOSTS);
	struct db *db = case_open(c, DB_WRITE);
	/* One key for all, so that envelopes compare. */
	(void)asked(db, "UPDATE meta SET value = zeroblob(16) WHERE name = 'key'");
	db_close(db);
	db = case_open(c, DB_WRITE);
	define(db, &s, 1, T0 - STAMP_DAY);
	site_release(&s);
	return db;
}

/* Each host goes on behind its position, which is a line of its own. */
static void tell(struct take *t, const uint8_t turns[ALL], size_t batch)
{
	struct error e = { 0, "" };
	int next[HOSTS], skip[HOSTS];
	char name[8], position[16];
	for (int h = 0; h < HOSTS; h++) {
		(void)snprintf(name, sizeof(name), "host%d", h);
		(void)take_position(t, name, position, sizeof(position));
		skip[h] = (int)strtol(position, NULL, 10);
		next[h] = 0;
	}
	for (int i = 0; i < ALL; i++) {
		int h = turns[i];
		if (next[h]++ >= skip[h]) {
			struct line at = { .kind = LINE_POSITION,
					   .text = name,
					   .position = position };
			all[h].lines[next[h] - 1].seen = T0 + 4 * STAMP_DAY;
			take_add(t, &all[h].lines[next[h] - 1]);
			(void)snprintf(name, sizeof(name), "host%d", h);
			(void)snprintf(position, sizeof(position), "%d", next[h]);
			take_add(t, &at);
		}
		if ((i + 1) % (int)batch == 0 || i + 1 == ALL)
			while (take_commit(t, &e) != 0) {
				/* the disk was full: somebody makes room */
				assert_int_equal(e.code, -ENOSPC);
				broken_after(BROKEN_NOT, 0);
			}
	}
}

static char *told(const uint8_t turns[ALL], size_t batch)
{
	struct journal_case *c = NULL;
	assert_int_equal(case_setup((void **)&c), 0);
	struct db *db = open_all(c);
	struct take *t = a_take(db);
	tell(t, turns, batch);
	char *facts = facts_of(db);
	take_free(t);
	db_close(db);
	assert_int_equal(case_teardown((void **)&c), 0);
	return facts;
}

/* ---- tests ---- */

static void any_order_and_any_batch_gives_equal_rows(void **state)
{
	static const size_t batches[] = { 1, 7, ALL };
	(void)state;
	for (uint64_t history = 1; history <= 12; history++) {
		uint8_t turns[ALL];
		char what[64];
		make_all(history * 7919);
		for (int i = 0; i < ALL; i++) /* one host after the other */
			turns[i] = (uint8_t)(i / LINES);
		char *want = told(turns, ALL);
		for (size_t i = 0; i < 9; i++) {
			shuffle(turns, history * 31 + i);
			char *got = told(turns, batches[i % 3]);
			(void)snprintf(what, sizeof(what), "history %d, order %zu",
				       (int)history, i);
			assert_same_facts(got, want, what);
			free(got);
		}
		free(want);
	}
}

/* Tells all in a child that is killed at its n-th write; true if it came to its end. */
static bool tell_and_die(const struct journal_case *c, const uint8_t turns[ALL],
			 int64_t writes)
{
	int status = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		broken_after(BROKEN_KILLS, writes);
		struct db *db = open_all(c);
		struct take *t = a_take(db);
		tell(t, turns, 13);
		take_free(t);
		db_close(db);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return false;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

/* Killed again and again, a little further each time; or once, at any write. */
static void killed_at_any_write_it_goes_on_to_equal_rows(void **state)
{
	uint8_t turns[ALL];
	bool is_done = false;
	(void)state;
	make_all(4711);
	shuffle(turns, 1);
	char *want = told(turns, 13);
	for (int64_t writes = 0; !is_done; writes += 1 + writes / 4) {
		struct journal_case *c = NULL;
		char what[64];
		assert_int_equal(case_setup((void **)&c), 0);
		is_done = tell_and_die(c, turns, writes);
		if (!is_done)
			(void)tell_and_die(c, turns, 30 + writes / 3);
		struct db *db = open_all(c);
		struct take *t = a_take(db);
		tell(t, turns, 13);
		char *got = facts_of(db);
		(void)snprintf(what, sizeof(what), "killed after %d writes", (int)writes);
		assert_same_facts(got, want, what);
		assert_string_equal(asked(db, "PRAGMA integrity_check"), "ok");
		free(got);
		take_free(t);
		db_close(db);
		assert_int_equal(case_teardown((void **)&c), 0);
	}
	free(want);
}

static void a_full_disk_loses_nothing(void **state)
{
	uint8_t turns[ALL];
	(void)state;
	make_all(815);
	shuffle(turns, 2);
	char *want = told(turns, 7);
	for (int64_t writes = 0; writes < 400; writes += 23) {
		struct journal_case *c = NULL;
		assert_int_equal(case_setup((void **)&c), 0);
		struct db *db = open_all(c);
		struct take *t = a_take(db);
		broken_after(BROKEN_IS_FULL, writes);
		tell(t, turns, 7);
		broken_after(BROKEN_NOT, 0);
		char *got = facts_of(db);
		assert_same_facts(got, want, "after a full disk");
		free(got);
		take_free(t);
		db_close(db);
		assert_int_equal(case_teardown((void **)&c), 0);
	}
	free(want);
}

static void a_full_disk_is_said_in_one_sentence(void **state)
{
	struct error e = { 0, "" };
	char want[CASE_PATH_MAX + 64];
	struct db *db = open_all(*state);
	struct take *t = a_take(db);
	struct line l = a_visit(1, "192.0.2.1", T0);
	broken_after(BROKEN_IS_FULL, 0);
	take_add(t, &l);
	assert_int_equal(take_commit(t, &e), -ENOSPC);
	(void)snprintf(want, sizeof(want), "cannot write %s: No space left on device",
		       db_path(db));
	assert_string_equal(e.text, want);
	assert_int_equal(take_counts(t).pending, 1);
	assert_int_equal(take_counts(t).visits, 0);
	broken_after(BROKEN_NOT, 0);
	ok(take_commit(t, &e), &e);
	assert_int_equal(take_counts(t).visits, 1);
	take_free(t);
	db_close(db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_and_any_batch_gives_equal_rows),
		cmocka_unit_test(killed_at_any_write_it_goes_on_to_equal_rows),
		cmocka_unit_test(a_full_disk_loses_nothing),
		CASE(a_full_disk_is_said_in_one_sentence),
	};
	broken_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
