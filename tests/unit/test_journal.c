#include "journal_folder.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stamp.h"

/* ---- what is written is what is read ---- */

static int compare_visit(void *arg, const struct record *got, struct error *e)
{
	const struct record *want = arg;
	const struct visit *g = &got->visit;
	const struct visit *w = &want->visit;
	(void)e;
	assert_int_equal(got->kind, want->kind);
	assert_int_equal(got->time, want->time);
	assert_int_equal(got->seen, want->seen);
	assert_true(addr_equal(g->client, w->client));
	assert_int_equal(g->site, w->site);
	assert_int_equal(g->host, w->host);
	assert_int_equal(g->depth, w->depth);
	assert_int_equal(g->outcome, w->outcome);
	assert_int_equal(g->source, w->source);
	assert_int_equal(g->spam, w->spam);
	assert_int_equal(g->precision_us, w->precision_us);
	assert_int_equal(g->time, w->time);
	assert_int_equal(g->answered, w->answered);
	assert_int_equal(g->ended, w->ended);
	assert_string_equal(g->helo, w->helo);
	assert_string_equal(g->mail_from, w->mail_from);
	assert_string_equal(g->recipient_domain, w->recipient_domain);
	assert_string_equal(g->name, w->name);
	return 0;
}

static int compare_other(void *arg, const struct record *got, struct error *e)
{
	const struct record *want = arg;
	(void)e;
	assert_int_equal(got->kind, want->kind);
	assert_int_equal(got->site, want->site);
	assert_int_equal(got->host, want->host);
	assert_int_equal(got->is_ok, want->is_ok);
	assert_string_equal(got->text, want->text);
	assert_string_equal(got->note, want->note);
	assert_int_equal(got->name.is_confirmed, want->name.is_confirmed);
	assert_int_equal(got->name.is_generic, want->name.is_generic);
	assert_int_equal(got->name.spf_passes, want->name.spf_passes);
	assert_string_equal(got->name.name, want->name.name);
	assert_string_equal(got->name.domain, want->name.domain);
	if (want->kind == RECORD_NAME)
		assert_true(addr_equal(got->name.client, want->name.client));
	return 0;
}

/* Both ways back: from memory at the commit, and from the file. */
static void goes_there_and_back(const char *path, const struct record *r,
				journal_record_fn compare)
{
	struct record want = *r;
	struct error e;
	struct journal *j = opened(path, JOURNAL_WRITE);
	append(j, *r);
	assert_int_equal(journal_commit(j, compare, &want, &e), 0);
	journal_close(j);

	j = opened(path, JOURNAL_READ);
	assert_int_equal(journal_replay(j, NULL, compare, &want, &e), 0);
	journal_close(j);
	assert_int_equal(unlink(path), 0);
}

static void a_visit_comes_back_whole(void **state)
{
	struct folder *p = *state;
	struct record r = a_visit("2001:db8::25", INT64_C(1700000000000001));
	r.seen += 5 * STAMP_SECOND;
	r.visit.site = 65535;
	r.visit.host = 65534;
	r.visit.depth = DEPTH_DATA;
	r.visit.outcome = OUTCOME_ABORTED;
	r.visit.source = VISIT_SOURCE_FEED;
	r.visit.spam = SPAM_YES;
	r.visit.precision_us = UINT32_MAX;
	r.visit.answered = r.time + 250;
	r.visit.ended = r.time; /* at once is not unknown */
	r.visit.helo = "\xff\xfe bytes \x01 of any kind ' \"";
	r.visit.mail_from = "a@example.org";
	r.visit.recipient_domain = "example.com";
	r.visit.name = "mail.example.org";
	goes_there_and_back(p->path, &r, compare_visit);
}

static void a_visit_with_nothing_known_comes_back_so(void **state)
{
	struct folder *p = *state;
	struct record r = a_visit("192.0.2.1", 1);
	r.visit.depth = DEPTH_KNOCK;
	r.visit.helo = "";
	goes_there_and_back(p->path, &r, compare_visit);
}

static void every_other_kind_comes_back_whole(void **state)
{
	struct folder *p = *state;
	for (int kind = RECORD_START; kind <= RECORD_UNSITE; kind++) {
		if (kind == RECORD_VISIT)
			continue;
		struct record r = journal_folder_blank;
		r.kind = (enum record_kind)kind;
		r.time = r.seen = 1000 + kind;
		if (kind == RECORD_NAME) {
			r.name.is_generic = true;
			r.name.spf_passes = true;
			r.name.name = "mx1.example.org";
			r.name.domain = "example.org";
			assert_true(addr_parse("198.51.100.7", &r.name.client));
		} else {
			r.site = 3;
			r.host = 9;
			r.is_ok = true;
			r.text = "192.0.2.0/24";
			r.note = "our own scanner";
		}
		goes_there_and_back(p->path, &r, compare_other);
	}
}

/* ---- order ---- */

static void seen_never_decreases_and_seq_ascends(void **state)
{
	struct folder *p = *state;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	append(j, a_visit("192.0.2.1", 500));
	append(j, a_visit("192.0.2.2", 100));
	commit(j, NULL);
	append(j, a_visit("192.0.2.3", 50));
	struct got live = { 0 };
	commit(j, &live); /* collect() asserts the order */
	assert_int_equal(live.last_seen, 500);
	struct got g = replayed(j);
	assert_int_equal(g.count, 3);
	assert_int_equal(g.last_seq, 3);
	journal_close(j);
}

static void another_writers_records_come_in_their_place(void **state)
{
	struct folder *p = *state;
	struct journal *serve = opened(p->path, JOURNAL_WRITE);
	struct journal *allow = opened(p->path, JOURNAL_WRITE);
	struct got live = { 0 };

	append(serve, a_visit("192.0.2.1", 100));
	commit(serve, &live);
	append(serve, a_visit("192.0.2.2", 200)); /* waits while allow writes */
	struct record r = a_start(900);
	r.kind = RECORD_ALLOW;
	r.text = "=allowed";
	append(allow, r);
	commit(allow, NULL);
	commit(serve, &live);
	assert_string_equal(live.text, "3:192.0.2.1 9=allowed 3:192.0.2.2 ");
	assert_int_equal(live.last_seen, 900); /* raised: it came after */

	append(allow, r);
	commit(allow, NULL);
	commit(serve, &live); /* nothing of its own to write */
	assert_int_equal(live.count, 4);

	struct got again = replayed(serve);
	assert_string_equal(again.text, live.text);
	journal_close(allow);
	journal_close(serve);
}

static int append_once(void *arg, const struct record *r, struct error *e)
{
	struct journal *j = arg;
	(void)e;
	if (r->kind == RECORD_VISIT)
		append(j, a_start(r->time));
	return 0;
}

static void what_a_callback_appends_waits_for_the_next_commit(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	for (int i = 0; i < 2000; i++)
		append(j, a_visit("192.0.2.1", i));
	assert_int_equal(journal_commit(j, append_once, j, &e), 0);
	assert_int_equal(journal_counts(j).pending, 2000);
	assert_int_equal(journal_counts(j).records, 2000);
	struct got g = { 0 };
	commit(j, &g);
	assert_int_equal(g.count, 2000);
	journal_close(j);
}

static void a_callback_that_stops_misses_nothing_afterwards(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	for (int i = 0; i < 5; i++)
		append(j, a_visit("192.0.2.1", i));
	struct got g = { .stop_after = 2 };
	assert_int_equal(journal_commit(j, collect, &g, &e), STOPPED);
	append(j, a_start(10));
	commit(j, &g);
	assert_int_equal(g.count, 6);
	assert_int_equal(g.last_seq, 6);
	journal_close(j);
}

/* ---- readers ---- */

static void a_follower_gets_each_record_once(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct journal *writer = opened(p->path, JOURNAL_WRITE);
	append(writer, a_start(1));
	commit(writer, NULL);

	struct journal *reader = opened(p->path, JOURNAL_READ);
	struct got g = replayed(reader);
	for (int64_t i = 2; i <= 5; i++) {
		append(writer, a_start(i));
		if (i % 2 == 0) {
			assert_int_equal(journal_follow(reader, collect, &g, &e), 0);
			continue; /* not committed, not seen */
		}
		commit(writer, NULL);
		assert_int_equal(journal_follow(reader, collect, &g, &e), 0);
		assert_int_equal(g.count, i);
	}
	assert_int_equal(journal_follow(reader, collect, &g, &e), 0);
	assert_int_equal(g.count, 5);
	journal_close(reader);
	journal_close(writer);
}

static void more_records_than_one_slice_are_all_replayed(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct got g = { 0 };
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	for (int i = 0; i < 25001; i++)
		append(j, a_start(i));
	commit(j, NULL);
	assert_int_equal(journal_replay(j, NULL, collect, &g, &e), 0);
	assert_int_equal(g.count, 25001);
	journal_close(j);
}

static void note_progress(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *calls = arg;
	assert_int_equal(total, 25000);
	assert_true(done <= total);
	assert_true(done == total || done > calls[1]);
	calls[0]++;
	calls[1] = done;
}

static void a_replay_tells_how_far_it_is(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct got g = { 0 };
	uint64_t calls[2] = { 0 }; /* how many, the last */
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	for (int i = 0; i < 25000; i++)
		append(j, a_start(i));
	commit(j, NULL);
	journal_on_progress(j, note_progress, calls);
	assert_int_equal(journal_replay(j, NULL, collect, &g, &e), 0);
	assert_int_equal(calls[0], 4);
	assert_int_equal(calls[1], 25000);
	calls[0] = calls[1] = 0;
	g = (struct got){ 0 };
	assert_int_equal(journal_replay(j, keep_checkpoint, collect, &g, &e), 0);
	assert_int_equal(calls[0], 4);
	assert_int_equal(g.count, 25000);
	journal_close(j);
}

static void a_missing_journal_is_not_made_by_a_reader(void **state)
{
	struct folder *p = *state;
	struct journal *j;
	struct error e;
	assert_int_equal(journal_open(p->path, JOURNAL_READ, &j, &e), -ENOENT);
	assert_non_null(strstr(e.text, p->path));
	assert_int_equal(access(p->path, F_OK), -1);
}

static void the_file_is_for_its_owner_and_group(void **state)
{
	struct folder *p = *state;
	char deep[160];
	struct stat st;
	(void)snprintf(deep, sizeof(deep), "%s/state/journal.db", p->name);
	journal_close(opened(deep, JOURNAL_WRITE));
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* ---- processes that die, processes that meet ---- */

/* Commits batches of ten for ever and says each time how many are certain. */
static void write_until_killed(const char *path, int to)
{
	struct journal *j;
	struct error e;
	if (journal_open(path, JOURNAL_WRITE, &j, &e) != 0)
		_exit(1);
	for (uint32_t certain = 0;;) {
		for (int i = 0; i < 10; i++, certain++) {
			struct record r = a_visit("192.0.2.1", certain);
			if (journal_append(j, &r) != 0)
				_exit(2);
		}
		if (journal_commit(j, NULL, NULL, &e) != 0 ||
		    write(to, &certain, sizeof(certain)) != sizeof(certain))
			_exit(3);
	}
}

static uint32_t acknowledged_before_kill(const char *path, useconds_t after)
{
	int ends[2];
	uint32_t n = 0;
	uint32_t last = 0;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(ends[0]);
		write_until_killed(path, ends[1]);
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &last, sizeof(last)), sizeof(last));
	(void)usleep(after);
	assert_int_equal(kill(child, SIGKILL), 0);
	while (read(ends[0], &n, sizeof(n)) == sizeof(n))
		last = n;
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return last;
}

static void kill_9_loses_nothing_acknowledged(void **state)
{
	struct folder *p = *state;
	uint64_t certain = 0;
	for (useconds_t round = 0; round < 8; round++) {
		certain += acknowledged_before_kill(p->path, 7000 * round + 311);
		struct journal *j = opened(p->path, JOURNAL_WRITE);
		struct got g = replayed(j);
		assert_true(g.count >= certain);
		assert_int_equal(journal_counts(j).records, g.count);
		certain = g.count; /* a whole unacknowledged batch may be there */
		journal_close(j);
	}
	uint64_t n = 0;
	struct error e;
	assert_int_equal(journal_verify(p->path, &n, &e), 0);
	assert_int_equal(n, certain);
}

static void write_rounds(const char *path, int rounds)
{
	struct journal *j;
	struct error e;
	if (journal_open(path, JOURNAL_WRITE, &j, &e) != 0)
		_exit(1);
	for (int i = 0; i < rounds; i++) {
		struct record r = a_visit("198.51.100.1", i);
		if (journal_append(j, &r) != 0 || journal_commit(j, NULL, NULL, &e) != 0)
			_exit(2);
	}
	journal_close(j);
	_exit(0);
}

static void two_processes_write_and_both_are_heard(void **state)
{
	enum { ROUNDS = 200 };
	struct folder *p = *state;
	struct got live = { 0 };
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		write_rounds(p->path, ROUNDS);
	for (int i = 0; i < ROUNDS; i++) {
		append(j, a_visit("192.0.2.1", i));
		commit(j, &live);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	commit(j, &live);
	assert_int_equal(live.count, 2 * ROUNDS);
	struct got again = replayed(j);
	assert_int_equal(again.count, live.count);
	assert_string_equal(again.text, live.text);
	journal_close(j);
}

static void one_serve_at_a_time(void **state)
{
	struct folder *p = *state;
	struct error e;
	char pid[32];
	struct journal *first = opened(p->path, JOURNAL_WRITE);
	struct journal *second = opened(p->path, JOURNAL_WRITE);
	assert_int_equal(journal_lock(first, &e), 0);
	assert_int_equal(journal_lock(second, &e), -EBUSY);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	assert_non_null(strstr(e.text, pid));
	journal_close(first);
	assert_int_equal(journal_lock(second, &e), 0);
	journal_close(second);
}

static void serve_does_not_wait_for_who_holds_the_journal(void **state)
{
	struct folder *p = *state;
	struct error e;
	sqlite3 *other;
	struct got live = { 0 };
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	assert_int_equal(journal_lock(j, &e), 0);
	assert_int_equal(sqlite3_open(p->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	append(j, a_start(1));
	int64_t began = stamp_monotonic();
	assert_int_equal(journal_commit(j, collect, &live, &e), -EBUSY);
	assert_true(stamp_monotonic() - began < 3 * STAMP_SECOND);
	assert_int_equal(live.count, 0);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	commit(j, &live);
	assert_int_equal(live.count, 1);
	journal_close(j);
}

/* ---- full disks ---- */

static void limit_file_size(rlim_t bytes)
{
	struct rlimit l;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_full_disk_keeps_the_batch_until_there_is_room(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct got live = { 0 };
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	append(j, a_start(1));
	commit(j, &live);

	for (int i = 0; i < 3000; i++)
		append(j, a_visit("192.0.2.1", i));
	(void)signal(SIGXFSZ, SIG_IGN);
	limit_file_size(64 * 1024);
	for (int i = 0; i < 3; i++) {
		assert_true(journal_commit(j, collect, &live, &e) < 0);
		assert_non_null(strstr(e.text, p->path));
		assert_int_equal(live.count, 1);
		append(j, a_start(5000)); /* serving goes on */
	}
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(journal_counts(j).pending, 3003);
	commit(j, &live);
	assert_int_equal(live.count, 3004);
	assert_int_equal(replayed(j).count, 3004);
	journal_close(j);
}

static void over_the_limit_the_newest_are_dropped_and_counted(void **state)
{
	struct folder *p = *state;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	struct record r = a_start(1);
	for (int i = 0; i < JOURNAL_MAX_PENDING; i++)
		assert_int_equal(journal_append(j, &r), 0);
	assert_int_equal(journal_append(j, &r), -ENOBUFS);
	assert_int_equal(journal_append(j, &r), -ENOBUFS);
	struct journal_counts c = journal_counts(j);
	assert_int_equal(c.dropped, 2);
	assert_int_equal(c.appended, JOURNAL_MAX_PENDING);
	commit(j, NULL);
	assert_int_equal(journal_append(j, &r), 0);
	journal_close(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_visit_comes_back_whole),
		TEST(a_visit_with_nothing_known_comes_back_so),
		TEST(every_other_kind_comes_back_whole),
		TEST(seen_never_decreases_and_seq_ascends),
		TEST(another_writers_records_come_in_their_place),
		TEST(what_a_callback_appends_waits_for_the_next_commit),
		TEST(a_callback_that_stops_misses_nothing_afterwards),
		TEST(a_follower_gets_each_record_once),
		TEST(more_records_than_one_slice_are_all_replayed),
		TEST(a_replay_tells_how_far_it_is),
		TEST(a_missing_journal_is_not_made_by_a_reader),
		TEST(the_file_is_for_its_owner_and_group),
		TEST(kill_9_loses_nothing_acknowledged),
		TEST(two_processes_write_and_both_are_heard),
		TEST(one_serve_at_a_time),
		TEST(serve_does_not_wait_for_who_holds_the_journal),
		TEST(a_full_disk_keeps_the_batch_until_there_is_room),
		TEST(over_the_limit_the_newest_are_dropped_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
