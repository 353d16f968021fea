/* serve's hand on the journal: batches, steps, what cannot be written. */
#include "serve/write/writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include "journal/upkeep/upkeep.h"
#include "serve/write/checkpoint.h"
#include "serve_case.h"

struct rig {
	struct journal_case *folder;
	uv_loop_t loop;
	uv_timer_t end;
	struct writer *writer;
	struct serve_case site; /* its site and hosts alone */
	unsigned troubles, ends, changes;
	char sentence[512];
};

static void on_trouble(void *arg, bool is_over, const char *sentence)
{
	struct rig *r = arg;
	*(is_over ? &r->ends : &r->troubles) += 1;
	(void)snprintf(r->sentence, sizeof(r->sentence), "%s", sentence);
}

static void on_changed(void *arg)
{
	((struct rig *)arg)->changes++;
}

static void on_committed(void *arg)
{
	(void)arg;
}

static void on_gone(void *arg)
{
	struct rig *r = arg;
	struct rules rules = rules_default();
	struct error e = { 0, "" };
	ok(writer_move(r->writer, &r->site.site, 1, &rules, &e), &e);
}

static void start(struct rig *r)
{
	struct error e = { 0, "" };
	struct writer_sink sink = {
		.told = { case_ignore_verdict, case_ignore_listing, NULL },
		.trouble = on_trouble,
		.changed = on_changed,
		.gone = on_gone,
		.committed = on_committed,
		.arg = r,
	};
	struct rules rules = rules_default();
	void *folder;
	*r = (struct rig){ .troubles = 0 };
	serve_case_site(&r->site);
	(void)case_setup(&folder);
	r->folder = folder;
	assert_int_equal(uv_loop_init(&r->loop), 0);
	assert_int_equal(uv_timer_init(&r->loop, &r->end), 0);
	ok(writer_open(&r->loop, r->folder->path, (struct stamp_clock){ NULL }, &sink,
		       &r->writer, &e),
	   &e);
	ok(writer_define(r->writer, &r->site.site, 1, &rules, true, &e), &e);
}

static void on_end(uv_timer_t *t)
{
	uv_stop(t->loop);
}

static void run_for(struct rig *r, unsigned ms)
{
	uv_update_time(&r->loop);
	(void)uv_timer_start(&r->end, on_end, ms, 0);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
}

static void stop(struct rig *r)
{
	void *folder = r->folder;
	writer_stop(r->writer);
	uv_close((uv_handle_t *)&r->end, NULL);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	writer_free(r->writer);
	assert_int_equal(uv_loop_close(&r->loop), 0);
	(void)case_teardown(&folder);
}

static void add_visit(struct rig *r, unsigned client)
{
	struct visit v = { .client = case_client(client),
			   .site = r->site.site.id,
			   .host = CASE_HIGH,
			   .depth = DEPTH_CONNECT,
			   .source = VISIT_SOURCE_DECOY,
			   .precision_us = 1,
			   .time = stamp_now(),
			   .helo = "",
			   .mail_from = "",
			   .recipient_domain = "",
			   .name = "" };
	struct line l = {
		.kind = LINE_VISIT, .host = CASE_HIGH, .time = v.time, .visit = v
	};
	writer_add(r->writer, &l);
}

static int visits(struct rig *r)
{
	return (int)strtol(asked(writer_db(r->writer), "SELECT count(*) FROM visit"),
			   NULL, 10);
}

static void a_batch_is_written_half_a_second_after_its_first_line(void **state)
{
	(void)state;
	struct rig r;
	start(&r);
	add_visit(&r, 1);
	run_for(&r, WRITER_DELAY_MS / 2);
	assert_int_equal(visits(&r), 0);
	add_visit(&r, 2);
	run_for(&r, WRITER_DELAY_MS);
	assert_int_equal(visits(&r), 2);
	stop(&r);
}

/* Bytes of the log that the next commit writes behind. */
static int64_t log_bytes(struct rig *r)
{
	char path[CASE_PATH_MAX + 8];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s-wal", r->folder->path);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void write_mb(struct db *db, int mb)
{
	while (mb-- > 0)
		assert_int_equal(
		    sqlite3_exec(db_sqlite(db),
				 "REPLACE INTO meta VALUES ('x', zeroblob(1000000))",
				 NULL, NULL, NULL),
		    SQLITE_OK);
}

static void the_log_is_started_over_when_it_is_quiet(void **state)
{
	(void)state;
	struct rig r;
	start(&r);
	write_mb(writer_db(r.writer), 20);
	add_visit(&r, 1);
	run_for(&r, 2 * WRITER_DELAY_MS);
	assert_true(log_bytes(&r) > CHECKPOINT_BYTES);
	add_visit(&r, 2);
	run_for(&r, 2 * WRITER_DELAY_MS);
	assert_in_range(log_bytes(&r), 1, CHECKPOINT_BYTES);
	stop(&r);
}

static void on_back(void *arg)
{
	((struct rig *)arg)->changes++;
}

static void who_always_writes_is_asked_for_quiet(void **state)
{
	(void)state;
	struct rig r;
	struct db *db = NULL;
	struct error e = { 0, "" };
	start(&r);
	writer_stop(r.writer);
	ok(db_open(r.folder->path, DB_WRITE, &db, &e), &e);
	struct checkpoint *c = checkpoint_new(&r.loop, db, on_back, &r);
	write_mb(db, 40);
	checkpoint_tick(c);
	assert_true(checkpoint_is_busy(c) && !checkpoint_is_quiet(c));
	write_mb(db, 40); /* meanwhile */
	run_for(&r, 500);
	assert_int_equal(r.changes, 1);
	checkpoint_tick(c);
	assert_true(checkpoint_is_quiet(c));
	run_for(&r, 500);
	assert_int_equal(r.changes, 2);
	assert_false(checkpoint_is_quiet(c));
	write_mb(db, 1);
	assert_in_range(log_bytes(&r), 1, CHECKPOINT_BYTES);
	checkpoint_stop(c);
	checkpoint_free(c);
	db_close(db);
	stop(&r);
}

static void a_full_batch_does_not_wait(void **state)
{
	(void)state;
	struct rig r;
	start(&r);
	for (unsigned i = 0; i < TAKE_BATCH; i++)
		add_visit(&r, i % 250);
	assert_int_equal(visits(&r), 0); /* not within a source's callback */
	run_for(&r, WRITER_DELAY_MS / 5);
	assert_true(visits(&r) > 0);
	stop(&r);
}

/* The disk is full, or as good as that: another process holds the journal. */
/* How much is written between two moments at which others are heard. */
struct heard {
	struct rig *rig;
	uv_check_t check;
	unsigned turns;
	uint64_t before, most;
};

static void on_heard(uv_check_t *check)
{
	struct heard *h = check->data;
	uint64_t lines = take_counts(writer_take(h->rig->writer)).lines;
	h->most = lines - h->before > h->most ? lines - h->before : h->most;
	h->turns += lines > h->before;
	h->before = lines;
}

static void assert_others_are_heard_between_parts_of_a_batch(bool is_asked)
{
	struct rig r;
	start(&r);
	struct heard h = { .rig = &r };
	h.check.data = &h;
	assert_int_equal(uv_check_init(&r.loop, &h.check), 0);
	assert_int_equal(uv_check_start(&h.check, on_heard), 0);
	for (unsigned i = 0; i < TAKE_BATCH - 1; i++)
		add_visit(&r, i % 250);
	if (is_asked)
		writer_asked(r.writer);
	assert_int_equal(writer_reading(r.writer), 0); /* is written first */
	for (unsigned i = 0; i < 100 && visits(&r) < TAKE_BATCH - 1; i++)
		run_for(&r, WRITER_DELAY_MS / 5);
	assert_int_equal(visits(&r), TAKE_BATCH - 1);
	assert_true(h.turns > 3);
	assert_true(h.most < TAKE_BATCH / 2);
	assert_true(writer_reading(r.writer) > 0);
	uv_close((uv_handle_t *)&h.check, NULL);
	stop(&r);
}

static void while_somebody_asks_others_are_heard_between_parts_of_a_batch(void **state)
{
	(void)state;
	assert_others_are_heard_between_parts_of_a_batch(true);
}

static void so_they_are_in_a_flood_at_the_decoys(void **state)
{
	(void)state;
	assert_others_are_heard_between_parts_of_a_batch(false);
}

static void what_cannot_be_written_waits_and_is_said_once(void **state)
{
	(void)state;
	struct rig r;
	sqlite3 *other = NULL;
	start(&r);
	assert_int_equal(sqlite3_open(r.folder->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
	add_visit(&r, 1);
	assert_false(writer_commit(r.writer));
	assert_false(writer_commit(r.writer));
	assert_true(writer_is_failing(r.writer));
	assert_int_equal(r.troubles, 1);
	assert_non_null(strstr(r.sentence, r.folder->path));
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	add_visit(&r, 2);
	for (int i = 0; i < 6; i++)
		writer_tick(r.writer, 0);
	assert_false(writer_is_failing(r.writer));
	assert_int_equal(r.ends, 1);
	assert_int_equal(visits(&r), 2);
	stop(&r);
}

static void a_journal_that_was_deleted_is_said(void **state)
{
	(void)state;
	struct rig r;
	char away[CASE_PATH_MAX + 8];
	start(&r);
	(void)snprintf(away, sizeof(away), "%s.away", r.folder->path);
	assert_int_equal(rename(r.folder->path, away), 0);
	writer_tick(r.writer, 0);
	assert_true(writer_is_failing(r.writer));
	assert_int_equal(r.troubles, 1);
	add_visit(&r, 1);
	assert_false(writer_commit(r.writer));
	assert_int_equal(rename(away, r.folder->path), 0);
	assert_true(writer_commit(r.writer));
	assert_int_equal(r.ends, 1);
	assert_int_equal(visits(&r), 1);
	stop(&r);
}

static void what_waits_goes_to_the_file_that_took_its_place(void **state)
{
	(void)state;
	struct rig r;
	start(&r);
	uint16_t host = r.site.hosts[0].id;
	add_visit(&r, 1);
	assert_true(writer_commit(r.writer));
	assert_int_equal(unlink(r.folder->path), 0);
	writer_tick(r.writer, 0);
	assert_int_equal(r.troubles, 1);
	assert_non_null(strstr(r.sentence, "was deleted or replaced"));
	add_visit(&r, 2);
	for (int i = 0; i < 5; i++)
		writer_tick(r.writer, 0);
	assert_false(writer_is_failing(r.writer));
	assert_int_equal(r.ends, 1);
	assert_int_equal(visits(&r), 1);
	assert_int_equal(r.site.hosts[0].id, host);
	assert_non_null(sites_host(writer_sites(r.writer), host));
	stop(&r);
}

static void what_others_write_is_noticed_and_our_own_is_not(void **state)
{
	(void)state;
	struct rig r;
	struct error e = { 0, "" };
	start(&r);
	add_visit(&r, 1);
	assert_true(writer_commit(r.writer));
	writer_tick(r.writer, 0);
	assert_int_equal(r.changes, 0);
	struct db *other = case_open(r.folder, DB_WRITE);
	ok(allow_set(other, "20.1.1.1", "a friend", true, false, stamp_now(), &e), &e);
	db_close(other);
	writer_tick(r.writer, 0);
	writer_tick(r.writer, 0);
	assert_int_equal(r.changes, 1);
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_written_half_a_second_after_its_first_line),
		cmocka_unit_test(the_log_is_started_over_when_it_is_quiet),
		cmocka_unit_test(who_always_writes_is_asked_for_quiet),
		cmocka_unit_test(a_full_batch_does_not_wait),
		cmocka_unit_test(
		    while_somebody_asks_others_are_heard_between_parts_of_a_batch),
		cmocka_unit_test(so_they_are_in_a_flood_at_the_decoys),
		cmocka_unit_test(what_cannot_be_written_waits_and_is_said_once),
		cmocka_unit_test(a_journal_that_was_deleted_is_said),
		cmocka_unit_test(what_waits_goes_to_the_file_that_took_its_place),
		cmocka_unit_test(what_others_write_is_noticed_and_our_own_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
