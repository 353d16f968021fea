#include "journal_case.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void reads_a_run_as_it_was_written(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	struct run r = {
		.kind = RUN_DECOY,
		.group = 7,
		.client = address("192.0.2.9"),
		.began = T0 + 5,
		.width = 1000000,
		.earlier = 5000000,
		.answered = T0 + 9,
		.last = T0 + 90 * STAMP_MINUTE,
		.high = T0 + 5,
		.high_width = 1,
		.low = MOMENT_NONE,
		.accepted = T0 + 70,
		.clean = MOMENT_NONE,
		.unjudged = T0 + 70,
		.rcpt_hours = 1u << 12,
		.half_hours = UINT64_C(7) << 24,
		.hosts = UINT64_C(1) << 63,
		.visits = 3,
		.depth = DEPTH_DATA,
		.envelope_count = 2,
		.envelopes = { 3, UINT64_MAX },
		.id_count = { 3, 2 },
		.first_ids = { 1, 200, 70000 },
		.last_ids = { 200, 70000 },
		.told = { .order = 4,
			  .order_reason = 11,
			  .fate = 2,
			  .fate_reason = 17,
			  .tier = 4,
			  .is_told = true,
			  .is_final = true,
			  .is_sealed = true,
			  .returned_later = true,
			  .order_excused = true,
			  .fate_excused = true,
			  .delay_us = 12,
			  .delay_error_us = 3,
			  .missing = UINT64_MAX - 1,
			  .stopped_at = T0 + 1,
			  .corrected_at = T0 + 2,
			  .need = 0 },
	};
	ok(db_write_run(db, &r, &e), &e);
	sqlite3_stmt *s = db_statement(db, "SELECT " DB_RUN_COLUMNS " FROM run");
	assert_int_equal(db_step(db, s, &e), 1);
	struct run got;
	db_read_run(s, &got);
	db_done(s);
	assert_int_equal(got.kind, r.kind);
	assert_int_equal(got.group, r.group);
	assert_true(addr_equal(got.client, r.client));
	assert_int_equal(got.began, r.began);
	assert_int_equal(got.width, r.width);
	assert_int_equal(got.earlier, r.earlier);
	assert_int_equal(got.answered, r.answered);
	assert_int_equal(got.last, r.last);
	assert_int_equal(got.high, r.high);
	assert_int_equal(got.low, r.low);
	assert_int_equal(got.accepted, r.accepted);
	assert_int_equal(got.clean, r.clean);
	assert_int_equal(got.unjudged, r.unjudged);
	assert_int_equal(got.rcpt_hours, r.rcpt_hours);
	assert_true(got.half_hours == r.half_hours && got.hosts == r.hosts);
	assert_int_equal(got.visits, 3);
	assert_int_equal(got.depth, DEPTH_DATA);
	assert_int_equal(got.envelope_count, 2);
	assert_true(got.envelopes[0] == 3 && got.envelopes[1] == UINT64_MAX);
	assert_memory_equal(got.id_count, r.id_count, sizeof(r.id_count));
	assert_memory_equal(got.first_ids, r.first_ids, sizeof(r.first_ids));
	assert_memory_equal(got.last_ids, r.last_ids, sizeof(r.last_ids));
	const struct told *a = &got.told, *b = &r.told;
	assert_true(a->order == b->order && a->order_reason == b->order_reason);
	assert_true(a->fate == b->fate && a->fate_reason == b->fate_reason);
	assert_true(a->tier == b->tier && a->missing == b->missing && a->need == b->need);
	assert_true(a->is_told && a->is_final && a->is_sealed && a->returned_later);
	assert_true(a->order_excused && a->fate_excused);
	assert_true(a->delay_us == b->delay_us && a->delay_error_us == b->delay_error_us);
	assert_true(a->stopped_at == b->stopped_at && a->corrected_at == b->corrected_at);
	ok(db_delete_run(db, &r, &e), &e);
	assert_string_equal(asked(db, "SELECT count(*) FROM run"), "0");
	db_close(db);
}

static void a_real_run_is_small(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	struct run r = { .kind = RUN_REAL,
			 .group = 1,
			 .began = T0 + 5,
			 .last = T0 + 700005,
			 .width = 1000000,
			 .high = MOMENT_NONE,
			 .low = MOMENT_NONE,
			 .accepted = T0 + 5,
			 .clean = MOMENT_NONE,
			 .unjudged = T0 + 5,
			 .half_hours = UINT64_C(1) << 24,
			 .hosts = 1,
			 .visits = 1,
			 .depth = DEPTH_DATA,
			 .id_count = { 1, 1 },
			 .first_ids = { 123456 },
			 .last_ids = { 123456 } };
	enum { ROWS = 10000 };
	assert_true(addr_parse("192.0.2.1", &r.client));
	ok(db_begin(db, &e), &e);
	for (uint32_t i = 0; i < ROWS; i++) {
		memcpy(r.client.bytes + 12, &i, 4);
		ok(db_write_run(db, &r, &e), &e);
	}
	ok(db_commit(db, &e), &e);
	int payload = (int)strtol(
	    asked(db, "SELECT sum(payload) / count(*) FROM (SELECT payload / 10000.0 AS "
		      "payload FROM dbstat WHERE name = 'run' AND aggregate = 1)"),
	    NULL, 10);
	if (payload > 58)
		fail_msg("a real run takes %d bytes, not 58 or less", payload);
	db_close(db);
}

static void addresses_are_told_as_everybody_writes_them(void **state)
{
	static const char *const texts[] = {
		"192.0.2.1",
		"255.255.255.255",
		"0.0.0.0",
		"2001:db8::",
		"2001:db8::1",
		"::1",
		"::",
		"2001:db8:0:1::2",
		"2001:0:0:1:0:0:0:1",
		"1::1:0:0:1",
		"1:2:3:4:5:6:7:8",
		"fe80:0:a0b:c00::",
		"1:0:2:0:3:0:4:0",
	};
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct run r = { .kind = RUN_REAL,
				 .group = 1,
				 .client = address(texts[i]),
				 .began = T0,
				 .last = T0,
				 .visits = 1 };
		char want[ADDR_TEXT_MAX];
		ok(db_write_run(db, &r, &e), &e);
		assert_string_equal(asked(db, "SELECT address FROM senders"),
				    addr_text(r.client, want));
		assert_string_equal(asked(db, "SELECT first FROM senders"),
				    "2026-11-23T12:00:00Z");
		ok(db_delete_run(db, &r, &e), &e);
	}
	db_close(db);
}

static void addresses_stand_in_their_order(void **state)
{
	static const char *const texts[] = { "::",          "::1",
					     "0.0.0.0",     "192.0.2.1",
					     "192.0.2.255", "255.255.255.255",
					     "64:ff9b::",   "2001:db8::1",
					     "ff02::1" };
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	for (size_t i = 0; i < COUNT * COUNT; i++) {
		struct addr a, b;
		assert_true(addr_parse(texts[i / COUNT], &a));
		assert_true(addr_parse(texts[i % COUNT], &b));
		sqlite3_stmt *s = db_statement(db, "SELECT ?1, ?1 < ?2");
		db_bind_addr(s, 1, a);
		db_bind_addr(s, 2, b);
		assert_int_equal(db_step(db, s, &e), 1);
		struct addr got = db_addr(s, 0);
		if (!addr_equal(got, a) ||
		    sqlite3_column_int(s, 1) != (addr_compare(a, b) < 0))
			fail_msg("%s and %s", texts[i / COUNT], texts[i % COUNT]);
		db_done(s);
	}
	db_close(db);
}

static void made(const char *path, const char *sql)
{
	sqlite3 *raw = NULL;
	assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
	assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

static void refuses_what_is_no_journal_of_its_own(void **state)
{
	static const struct {
		const char *sql, *says;
	} rows[] = {
		{ "CREATE TABLE t(a)", "is a database, but not a fakemx journal" },
		{ "CREATE TABLE record(a); PRAGMA application_id = 0x464d584a; "
		  "PRAGMA user_version = 1",
		  "has a format that was never released: move it away" },
		{ "CREATE TABLE record(a); PRAGMA application_id = 0x464d584a; "
		  "PRAGMA user_version = 2",
		  "has a format that was never released: move it away" },
		{ "CREATE TABLE record(a); PRAGMA application_id = 0x464d584a; "
		  "PRAGMA user_version = 13",
		  "was written by a newer fakemx (schema 13" },
	};
	struct journal_case *c = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int mode = DB_READ; mode <= DB_WRITE; mode++) {
			struct error e = { 0, "" };
			struct db *db = NULL;
			(void)unlink(c->path);
			made(c->path, rows[i].sql);
			assert_int_equal(db_open(c->path, (enum db_mode)mode, &db, &e),
					 FMX_EFOREIGN);
			if (!strstr(e.text, rows[i].says))
				fail_msg("got: %s, want: %s", e.text, rows[i].says);
		}
	FILE *f = fopen(c->path, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		(void)fprintf(f, "no database\n");
	assert_int_equal(fclose(f), 0);
	struct error e = { 0, "" };
	struct db *db = NULL;
	assert_int_equal(db_open(c->path, DB_WRITE, &db, &e), FMX_EFOREIGN);
	assert_non_null(strstr(e.text, "is not a fakemx journal"));
}

static void a_pipe_is_no_journal_and_not_waited_for(void **state)
{
	struct journal_case *c = *state;
	assert_int_equal(mkfifo(c->path, 0600), 0);
	for (int mode = DB_READ; mode <= DB_WRITE; mode++) {
		struct error e = { 0, "" };
		struct db *db = NULL;
		assert_int_equal(db_open(c->path, (enum db_mode)mode, &db, &e),
				 FMX_EFOREIGN);
		assert_non_null(strstr(e.text, "is a pipe or a device"));
	}
}

static void a_reader_makes_no_file(void **state)
{
	struct journal_case *c = *state;
	struct error e = { 0, "" };
	struct db *db = NULL;
	struct stat st;
	assert_int_equal(db_open(c->path, DB_READ, &db, &e), -ENOENT);
	assert_non_null(strstr(e.text, "`fakemx serve` makes it"));
	assert_int_not_equal(stat(c->path, &st), 0);
	db_close(case_open(c, DB_WRITE));
	assert_int_equal(stat(c->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

/* As without memory, which SQLite then says. */
static void a_statement_that_cannot_be_prepared_is_told_by_its_step(void **state)
{
	struct error e;
	struct db *db = case_open(*state, DB_WRITE);
	sqlite3_stmt *s = db_statement(db, "SELECT nothing FROM nowhere");
	assert_null(s);
	assert_true(db_step(db, s, &e) < 0);
	db_done(s);
	assert_int_equal(db_meta(db, "nobody wrote it", 7), 7);
	db_close(db);
}

static void one_serve_at_a_time(void **state)
{
	struct error e = { 0, "" };
	struct db *a = case_open(*state, DB_WRITE);
	struct db *b = case_open(*state, DB_WRITE);
	char want[64];
	ok(db_lock(a, &e), &e);
	assert_int_equal(db_lock(b, &e), -EBUSY);
	(void)snprintf(want, sizeof(want), "(process %ld)", (long)getpid());
	assert_non_null(strstr(e.text, want));
	db_close(a);
	ok(db_lock(b, &e), &e);
	db_close(b);
}

static void says_that_its_file_is_gone(void **state)
{
	struct journal_case *c = *state;
	struct error e = { 0, "" };
	struct db *db = case_open(c, DB_WRITE);
	ok(db_check_file(db, &e), &e);
	assert_int_equal(unlink(c->path), 0);
	assert_int_equal(db_check_file(db, &e), -ESTALE);
	struct db *other = case_open(c, DB_WRITE);
	assert_int_equal(db_check_file(db, &e), -ESTALE);
	ok(db_check_file(other, &e), &e);
	db_close(other);
	db_close(db);
}

/* Somebody who may read it only: in a child, since root may write everything. */
static void who_may_not_write_is_told(void **state)
{
	struct journal_case *c = *state;
	int status = 0;
	if (geteuid() != 0)
		return;
	db_close(case_open(c, DB_WRITE));
	assert_int_equal(chmod(c->folder, 0755), 0);
	assert_int_equal(chmod(c->path, 0644), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char want[CASE_PATH_MAX + 64];
		struct error e = { 0, "" };
		struct db *db = NULL;
		int rc = setuid(65534);
		(void)snprintf(want, sizeof(want), "cannot write %s: Permission denied",
			       c->path);
		if (rc == 0)
			rc = db_open(c->path, DB_WRITE, &db, &e);
		_exit(rc != -EACCES || strcmp(e.text, want) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_statement_that_does_not_fit_says_so(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	ok(sqlite3_exec(db_sqlite(db), "DROP TABLE grp", NULL, NULL, NULL), &e);
	assert_int_equal(db_ask_again(db, 1, &e), FMX_EFOREIGN);
	assert_non_null(strstr(e.text, "no such table: grp"));
	db_close(db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)
	const struct CMUnitTest tests[] = {
		CASE(reads_a_run_as_it_was_written),
		CASE(a_real_run_is_small),
		CASE(addresses_are_told_as_everybody_writes_them),
		CASE(addresses_stand_in_their_order),
		CASE(refuses_what_is_no_journal_of_its_own),
		CASE(a_pipe_is_no_journal_and_not_waited_for),
		CASE(a_reader_makes_no_file),
		CASE(a_statement_that_cannot_be_prepared_is_told_by_its_step),
		CASE(one_serve_at_a_time),
		CASE(says_that_its_file_is_gone),
		CASE(who_may_not_write_is_told),
		CASE(a_statement_that_does_not_fit_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
