#include "journal_folder.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files that are not ours, or not sound ---- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void by_hand(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Also leaves the file as it was. */
static void is_refused(const char *path, const char *because)
{
	struct journal *j;
	struct error e;
	struct stat before;
	struct stat after;
	assert_int_equal(stat(path, &before), 0);
	for (int mode = JOURNAL_READ; mode <= JOURNAL_WRITE; mode++) {
		int rc = journal_open(path, (enum journal_mode)mode, &j, &e);
		assert_int_equal(rc, FMX_EFOREIGN);
		if (!strstr(e.text, because))
			fail_msg("got \"%s\", want \"%s\"", e.text, because);
	}
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
}

static void a_foreign_file_is_refused_untouched(void **state)
{
	struct folder *p = *state;
	write_file(p->path, "Nov 23 14:05:09 mail postfix/smtpd[1]: connect from x[1]\n"
			    "This is a text that is longer than one hundred bytes, the "
			    "size of the header of an SQLite file, to be exact.\n");
	is_refused(p->path, "is not a fakemx journal");
	assert_int_equal(unlink(p->path), 0);
	by_hand(p->path, "CREATE TABLE record(seq INTEGER PRIMARY KEY, kind)");
	is_refused(p->path, "is a database, but not a fakemx journal");
}

static void a_newer_version_is_refused(void **state)
{
	struct folder *p = *state;
	journal_close(opened(p->path, JOURNAL_WRITE));
	by_hand(p->path, "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
	is_refused(p->path, "newer fakemx (schema 99");
}

static void an_older_version_is_brought_up_to_date(void **state)
{
	struct folder *p = *state;
	struct journal *j;
	struct error e;
	by_hand(p->path,
		"CREATE TABLE record(seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
		" seen INTEGER NOT NULL, time INTEGER NOT NULL, site INTEGER,"
		" host INTEGER, client BLOB, depth INTEGER, outcome INTEGER,"
		" source INTEGER, flags INTEGER, precision INTEGER, answered INTEGER,"
		" ended INTEGER, helo TEXT, mail_from TEXT, domain TEXT, name TEXT,"
		" text TEXT, note TEXT);"
		"CREATE TABLE head(one INTEGER PRIMARY KEY CHECK (one = 1),"
		" records INTEGER NOT NULL, last_seq INTEGER NOT NULL,"
		" last_seen INTEGER NOT NULL);"
		"INSERT INTO record(seq, kind, seen, time) VALUES (7, 1, 70, 70);"
		"INSERT INTO head VALUES (1, 1, 7, 70);"
		"PRAGMA application_id = 0x464d584a; PRAGMA user_version = 1;");
	assert_int_equal(journal_open(p->path, JOURNAL_READ, &j, &e), FMX_EFOREIGN);
	assert_non_null(strstr(e.text, "older schema 1"));

	j = opened(p->path, JOURNAL_WRITE);
	struct got g = replayed(j);
	assert_int_equal(g.count, 1);
	assert_int_equal(g.last_seq, 7);
	assert_int_equal(journal_retain(j, 7, "state", 5, &e), 1);
	journal_close(j);
	j = opened(p->path, JOURNAL_READ);
	assert_string_equal(replayed(j).checkpoint, "state");
	journal_close(j);
}

/* Writes garbage over a part of the file, the -wal being empty. */
static void damage(const char *path, long at, size_t len)
{
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(fputc(0xa5, f), 0xa5);
	assert_int_equal(fclose(f), 0);
}

static void fill(const char *path, int count)
{
	struct journal *j = opened(path, JOURNAL_WRITE);
	for (int i = 0; i < count; i++)
		append(j, a_visit("192.0.2.1", i));
	journal_close(j);
	by_hand(path, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static void damage_is_found_and_says_what_to_do(void **state)
{
	struct folder *p = *state;
	static const long places[] = { 100, 4096, 8192, 40960 };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint64_t n = 0;
		struct error e;
		fill(p->path, 2000);
		assert_int_equal(journal_verify(p->path, &n, &e), 0);
		assert_int_equal(n, 2000);
		damage(p->path, places[i], 600);
		assert_int_equal(journal_verify(p->path, &n, &e), FMX_EFOREIGN);
		if (!strstr(e.text, "fakemx journal restore"))
			fail_msg("at %ld: \"%s\"", places[i], e.text);
		assert_int_equal(unlink(p->path), 0);
	}
}

static void flip_some_bytes(const char *path, unsigned *seed)
{
	struct stat st;
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	for (int n = 1 + rand_r(seed) % 8; n > 0; n--) {
		assert_int_equal(fseek(f, rand_r(seed) % (long)st.st_size, SEEK_SET), 0);
		assert_true(fputc(rand_r(seed) & 0xff, f) >= 0);
	}
	assert_int_equal(fclose(f), 0);
}

static int touch(void *arg, const struct record *r, struct error *e)
{
	size_t *bytes = arg;
	(void)e;
	*bytes += strlen(r->text) + strlen(r->note) + strlen(r->visit.helo) +
		  strlen(r->visit.mail_from) + strlen(r->visit.recipient_domain) +
		  strlen(r->visit.name) + strlen(r->name.name) + strlen(r->name.domain);
	return 0;
}

/* What verify calls sound can be replayed, whatever else it is. */
static void random_damage_is_survived(void **state)
{
	struct folder *p = *state;
	unsigned seed = 7;
	unsigned found = 0;
	char command[300];
	fill(p->copy, 50);
	(void)snprintf(command, sizeof(command), "cp %s %s", p->copy, p->path);
	for (int i = 0; i < 300; i++) {
		struct journal *j;
		struct error e = { .text = "" };
		uint64_t n = 0;
		size_t bytes = 0;
		assert_int_equal(system(command), 0);
		flip_some_bytes(p->path, &seed);
		int sound = journal_verify(p->path, &n, &e);
		int rc = journal_open(p->path, JOURNAL_READ, &j, &e);
		if (rc == 0) {
			rc = journal_replay(j, NULL, touch, &bytes, &e);
			journal_close(j);
		}
		if (rc != 0)
			assert_true(strlen(e.text) > 10);
		if (sound == 0 && rc != 0)
			fail_msg("verify found nothing, and then: %s", e.text);
		found += sound != 0;
		assert_int_equal(unlink(p->path), 0);
	}
	assert_true(found > 50);
}

static void rows_that_are_not_ours_are_found(void **state)
{
	struct folder *p = *state;
	static const char *const changes[] = {
		"UPDATE record SET kind = 99 WHERE seq = 5",
		"UPDATE record SET client = x'0102' WHERE seq = 5",
		"UPDATE record SET depth = -1 WHERE seq = 5",
		"UPDATE record SET seen = 0 WHERE seq = 5",
		"DELETE FROM record WHERE seq = 5",
		"UPDATE head SET last_seq = 9",
		"DELETE FROM head",
		"DROP TABLE checkpoint",
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint64_t n = 0;
		struct error e;
		fill(p->path, 10);
		by_hand(p->path, changes[i]);
		if (journal_verify(p->path, &n, &e) != FMX_EFOREIGN)
			fail_msg("not found: %s", changes[i]);
		assert_int_equal(unlink(p->path), 0);
	}
}

/* ---- retention ---- */

static void what_is_deleted_is_kept_by_the_checkpoint(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	for (int i = 1; i <= 12000; i++)
		append(j, a_start(i));
	commit(j, NULL);
	uint64_t upto = journal_seq_before(j, 11991);
	assert_int_equal(upto, 11990);
	assert_int_equal(journal_retain(j, upto, "so far", 6, &e), 11990);

	struct got g = replayed(j);
	assert_string_equal(g.checkpoint, "so far");
	assert_int_equal(g.count, 10);
	assert_int_equal(journal_counts(j).records, 10);
	assert_int_equal(journal_counts(j).first_seen, 11991);

	/* backwards, or past the end */
	assert_int_equal(journal_retain(j, upto - 1, "x", 1, &e), -EINVAL);
	assert_int_equal(journal_retain(j, 12001, "x", 1, &e), -EINVAL);
	assert_string_equal(replayed(j).checkpoint, "so far");

	/* everything goes; the seq goes on */
	assert_int_equal(journal_retain(j, 12000, "all", 3, &e), 10);
	append(j, a_start(5));
	commit(j, NULL);
	g = replayed(j);
	assert_int_equal(g.count, 1);
	assert_int_equal(g.last_seq, 12001);
	assert_int_equal(g.last_seen, 12000);
	journal_close(j);
	uint64_t n = 0;
	assert_int_equal(journal_verify(p->path, &n, &e), 0);
}

static void a_checkpoint_without_its_deletions_still_counts(void **state)
{
	struct folder *p = *state;
	struct error e;
	fill(p->path, 100);
	by_hand(p->path, "INSERT INTO checkpoint VALUES (1, 60, 'half')");
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	struct got g = replayed(j);
	assert_int_equal(g.count, 40);
	struct got plain = { 0 };
	assert_int_equal(journal_replay(j, NULL, collect, &plain, &e), 0);
	assert_int_equal(plain.count, 40);
	assert_int_equal(journal_retain(j, 60, "half", 4, &e), 60);
	assert_int_equal(replayed(j).count, 40);
	journal_close(j);
}

static void the_allow_list_outlives_retention(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct got g = { 0 };
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	struct record r = a_start(1);
	r.kind = RECORD_ALLOW;
	r.text = "=one";
	append(j, r);
	for (int i = 2; i <= 12000; i++)
		append(j, a_start(i));
	r.text = "=two";
	append(j, r);
	commit(j, NULL);
	assert_int_equal(journal_retain(j, 11999, "", 0, &e), 11998);
	assert_int_equal(journal_allowed(j, collect, &g, &e), 0);
	assert_string_equal(g.text, "9=one 9=two ");
	assert_string_equal(replayed(j).text, "1 9=two ");
	assert_int_equal(journal_counts(j).records, 3);
	assert_int_equal(journal_counts(j).first_seen, 12000);
	journal_close(j);
	uint64_t n = 0;
	assert_int_equal(journal_verify(p->path, &n, &e), 0);
	assert_int_equal(n, 3);
}

/* ---- forgetting ---- */

static void forgetting_an_address_leaves_no_trace(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	for (int i = 0; i < 3000; i++) {
		struct record r =
		    a_visit(i % 3 == 0 ? "192.0.2.66" : "192.0.2.67", 1000 + i);
		r.visit.helo = i % 3 == 0 ? "secret.example" : "other.example";
		append(j, r);
	}
	struct record learnt = a_start(5000);
	learnt.kind = RECORD_NAME;
	learnt.name.client = a_visit("192.0.2.66", 0).visit.client;
	learnt.name.name = "secret.example";
	append(j, learnt);
	commit(j, NULL);
	assert_true(folder_holds(p, "secret.example"));

	assert_int_equal(journal_forget(j, "192.0.2.66", 6000, &e), 1001);
	struct got g = replayed(j);
	assert_int_equal(g.count, 2001);
	assert_int_equal(g.last_seen, 6000);
	assert_false(folder_holds(p, "secret.example"));
	assert_true(folder_holds(p, "other.example"));
	assert_int_equal(journal_counts(j).records, 2001);
	journal_close(j);
	uint64_t n = 0;
	assert_int_equal(journal_verify(p->path, &n, &e), 0);
}

static void forgetting_a_name_erases_what_bears_it(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	struct record r = a_visit("192.0.2.1", 1);
	r.visit.name = "mail.gone.example"; /* erased: below the name */
	append(j, r);
	r = a_visit("192.0.2.2", 2);
	r.visit.helo = "GONE.example"; /* only its text goes */
	r.visit.mail_from = "who@sub.gone.example";
	append(j, r);
	r = a_visit("192.0.2.3", 3);
	r.visit.name = "begone.example"; /* stays */
	append(j, r);
	commit(j, NULL);

	assert_int_equal(journal_forget(j, "Gone.Example.", 9, &e), 2);
	struct got g = replayed(j);
	assert_string_equal(g.text, "3:192.0.2.2 3:192.0.2.3 10gone.example ");
	assert_false(folder_holds(p, "mail.gone.example"));
	assert_false(folder_holds(p, "GONE.example"));
	assert_false(folder_holds(p, "who@"));
	journal_close(j);
}

static void what_is_no_address_or_name_cannot_be_forgotten(void **state)
{
	struct folder *p = *state;
	struct error e;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	static const char *const words[] = { "", ".", "192.0.2.0/24", "a b",
					     "x@y.example" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(journal_forget(j, words[i], 1, &e), FMX_EUSAGE);
	assert_int_equal(replayed(j).count, 0);
	journal_close(j);
}

/* ---- backup, restore ---- */

static void a_backup_made_while_writing_is_whole(void **state)
{
	struct folder *p = *state;
	struct error e;
	uint64_t n = 0;
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	append(j, a_start(1));
	commit(j, NULL);
	struct journal *reader = opened(p->path, JOURNAL_READ);
	assert_int_equal(journal_backup(reader, p->copy, &e), 0);
	assert_int_equal(journal_verify(p->copy, &n, &e), 0);
	assert_int_equal(n, 1);
	struct stat st;
	assert_int_equal(stat(p->copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(journal_backup(reader, p->copy, &e), -EEXIST);
	journal_close(reader);
	journal_close(j);
}

static void restore_puts_the_backup_in_place_and_keeps_the_other(void **state)
{
	struct folder *p = *state;
	struct error e;
	char kept[160];
	struct journal *j = opened(p->path, JOURNAL_WRITE);
	append(j, a_start(1));
	commit(j, NULL);
	assert_int_equal(journal_backup(j, p->copy, &e), 0);
	append(j, a_start(2));
	commit(j, NULL);
	assert_int_equal(journal_lock(j, &e), 0);
	assert_int_equal(journal_restore(p->copy, p->path, &e), -EBUSY);
	journal_close(j);

	assert_int_equal(journal_restore(p->copy, p->path, &e), 0);
	j = opened(p->path, JOURNAL_WRITE);
	assert_int_equal(replayed(j).count, 1);
	journal_close(j);
	(void)snprintf(kept, sizeof(kept), "%s.before-restore", p->path);
	j = opened(kept, JOURNAL_READ);
	assert_int_equal(replayed(j).count, 2);
	journal_close(j);
}

static void a_damaged_backup_replaces_nothing(void **state)
{
	struct folder *p = *state;
	struct error e;
	fill(p->path, 10);
	fill(p->copy, 2000);
	damage(p->copy, 8192, 600);
	assert_int_equal(journal_restore(p->copy, p->path, &e), FMX_EFOREIGN);
	struct journal *j = opened(p->path, JOURNAL_READ);
	assert_int_equal(replayed(j).count, 10);
	journal_close(j);
}

static void a_damaged_journal_is_cured_by_a_backup(void **state)
{
	struct folder *p = *state;
	struct error e;
	fill(p->path, 10);
	fill(p->copy, 20);
	damage(p->path, 0, 200);
	is_refused(p->path, "is not a fakemx journal");
	assert_int_equal(journal_restore(p->copy, p->path, &e), 0);
	struct journal *j = opened(p->path, JOURNAL_READ);
	assert_int_equal(replayed(j).count, 20);
	journal_close(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_foreign_file_is_refused_untouched),
		TEST(a_newer_version_is_refused),
		TEST(an_older_version_is_brought_up_to_date),
		TEST(damage_is_found_and_says_what_to_do),
		TEST(random_damage_is_survived),
		TEST(rows_that_are_not_ours_are_found),
		TEST(what_is_deleted_is_kept_by_the_checkpoint),
		TEST(a_checkpoint_without_its_deletions_still_counts),
		TEST(the_allow_list_outlives_retention),
		TEST(forgetting_an_address_leaves_no_trace),
		TEST(forgetting_a_name_erases_what_bears_it),
		TEST(what_is_no_address_or_name_cannot_be_forgotten),
		TEST(a_backup_made_while_writing_is_whole),
		TEST(restore_puts_the_backup_in_place_and_keeps_the_other),
		TEST(a_damaged_backup_replaces_nothing),
		TEST(a_damaged_journal_is_cured_by_a_backup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
