#include "take_case.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/upkeep/upkeep.h"

#define M STAMP_MINUTE
#define H STAMP_HOUR
#define D STAMP_DAY

static struct db *db;
static struct take *t;
static struct error e;
struct verify_result v;

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

static void learn(const char *client, const char *name, const char *domain)
{
	struct line l = { .kind = LINE_NAME,
			  .time = T0,
			  .name = { .is_confirmed = true } };
	l.name.client = address(client);
	(void)str_copy(l.name.name, NAME_MAX_TEXT, name);
	(void)str_copy(l.name.domain, NAME_MAX_TEXT, domain);
	give(t, l, T0);
}

/* ---- the allow list ---- */

static int add_text(void *arg, const struct allow_entry *a)
{
	char *text = arg;
	size_t n = strlen(text);
	(void)snprintf(text + n, 512 - n, "%s%s%s", n ? " " : "", a->text,
		       a->is_config ? "*" : "");
	return 0;
}

static const char *allowed(void)
{
	static char text[512];
	text[0] = '\0';
	ok(allow_each(db, add_text, text, &e), &e);
	return text;
}

static void the_configuration_owns_what_it_names(void **state)
{
	static const char *const both[] = { "203.0.113.0/24", "Partner.Example." };
	static const char *const one[] = { "partner.example" };
	static const char *const wrong[] = { "192.0.2.1.5" };
	(void)state;
	ok(allow_set(db, "192.0.2.9", "a friend", true, false, T0, &e), &e);
	ok(allow_config(db, both, 2, T0 + 1, &e), &e);
	assert_string_equal(allowed(), "192.0.2.9 203.0.113.0/24* partner.example*");
	/* Not taken off by hand, but kept by hand. */
	assert_int_equal(allow_set(db, "203.0.113.0/24", "", false, false, T0, &e),
			 FMX_EUSAGE);
	assert_non_null(strstr(e.text, "because the configuration names it"));
	ok(allow_set(db, "203.0.113.0/24", "ours", true, false, T0 + 2, &e), &e);
	ok(allow_config(db, one, 1, T0 + 3, &e), &e);
	assert_string_equal(allowed(), "192.0.2.9 203.0.113.0/24 partner.example*");
	ok(allow_config(db, NULL, 0, T0 + 4, &e), &e);
	assert_string_equal(allowed(), "192.0.2.9 203.0.113.0/24");
	ok(allow_set(db, "192.0.2.9", "", false, false, T0, &e), &e);
	assert_string_equal(allowed(), "203.0.113.0/24");
	assert_int_equal(allow_config(db, wrong, 1, T0, &e), FMX_EUSAGE);
	assert_int_equal(allow_set(db, "a b", "", true, false, T0, &e), FMX_EUSAGE);
	assert_string_equal(allowed(), "203.0.113.0/24");
}

static void only_addresses_prefixes_and_names_are_allowed(void **state)
{
	static const struct {
		const char *word, *want; /* NULL: none of them */
	} rows[] = { { "Partner.Example.", "partner.example" },
		     { "_spf.mx-1.example", "_spf.mx-1.example" },
		     { "192.0.2.1", "192.0.2.1" },
		     { "192.0.2.9/24", "192.0.2.0/24" },
		     { "300.1.1.1", NULL },
		     { "192.0.2.1.5", NULL },
		     { "1.2.3", NULL },
		     { "Foo..bar", NULL },
		     { ".foo.bar", NULL },
		     { "foo.bar..", NULL },
		     { "foo", NULL },
		     { "", NULL } };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[NAME_MAX_TEXT] = "";
		bool is_any = allow_canonical(rows[i].word, text);
		const char *want = rows[i].want ? rows[i].want : "(none)";
		if (strcmp(is_any ? text : "(none)", want) != 0)
			fail_msg("%s: got %s, want %s", rows[i].word,
				 is_any ? text : "(none)", want);
	}
}

static void a_changed_allow_list_asks_again(void **state)
{
	static const char *const same[] = { "192.0.2.1" };
	(void)state;
	ok(allow_config(db, same, 1, T0, &e), &e);
	ok(allow_config(db, same, 1, T0 + 1, &e), &e);
	assert_string_equal(asked(db, "SELECT resweep FROM grp"), "1");
	ok(allow_set(db, "192.0.2.7", "", false, false, T0, &e), &e); /* was not on it */
	assert_string_equal(asked(db, "SELECT resweep FROM grp"), "1");
}

/* ---- retention ---- */

static void retain_all(int64_t now, int64_t retention, size_t most)
{
	bool is_more = true;
	for (int steps = 0; is_more; steps++) {
		assert_true(steps < 10000);
		ok(retain_step(db, now, retention, most, &is_more, &e), &e);
	}
}

static void old_visits_go_and_their_runs_stay(void **state)
{
	(void)state;
	for (int day = 0; day < 120; day++)
		give(t, a_visit(REAL, "192.0.2.1", T0 + day * D), T0 + day * D);
	int64_t now = T0 + 119 * D + H;
	retain_all(now, 30 * D, 7);
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "30");
	assert_string_equal(asked(db, "SELECT count(*) FROM run"), "96");
	assert_string_equal(asked(db, "SELECT count(*) FROM slot"), "96");
	/* Less than six days is six days; more than 96 keeps runs, too. */
	retain_all(now + D, 0, 1000);
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "5");
	retain_all(now + 2 * D, 200 * D, 1000);
	assert_string_equal(asked(db, "SELECT count(*) FROM run"), "95");
}

static void retention_goes_through_once_a_day(void **state)
{
	bool is_more;
	(void)state;
	for (int i = 0; i < 40; i++)
		give(t, a_visit(REAL, "192.0.2.1", T0 - i * 100 * D / 40), T0);
	ok(retain_step(db, T0 + 97 * D, 0, 10, &is_more, &e), &e);
	assert_true(is_more);
	retain_all(T0 + 97 * D, 0, 10);
	ok(retain_step(db, T0 + 97 * D + H, 0, 10, &is_more, &e), &e);
	assert_false(is_more);
}

static void numbers_of_deleted_visits_are_not_given_again(void **state)
{
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	give(t, a_visit(REAL, "192.0.2.2", T0), T0);
	retain_all(T0 + 100 * D, 0, 1000);
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "0");
	take_free(t);
	db_close(db);
	db = case_open(*state, DB_WRITE);
	t = a_take(db);
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	assert_string_equal(asked(db, "SELECT id FROM visit"), "3");
}

static void envelopes_and_probes_go_after_six_days(void **state)
{
	struct line told = a_visit(HIGH, "192.0.2.1", T0);
	(void)state;
	visit_add_envelope(&told.visit, 7);
	give(t, told, T0);
	give(t, a_word(LINE_PROBE, REAL, 0, T0), T0);
	retain_all(T0 + 6 * D, 0, 3);
	assert_string_equal(asked(db, "SELECT count(*) FROM envelope, probe"), "1");
	retain_all(T0 + 7 * D, 0, 3);
	assert_string_equal(asked(db, "SELECT (SELECT count(*) FROM envelope) + "
				      "(SELECT count(*) FROM probe)"),
			    "0");
}

/* ---- forget ---- */

static bool file_has(const char *path, const void *bytes, size_t len)
{
	static char all[8 * 1024 * 1024];
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t n = fread(all, 1, sizeof(all), f);
	assert_int_equal(fclose(f), 0);
	return memmem(all, n, bytes, len) != NULL;
}

static void what_is_forgotten_is_in_no_file(void **state)
{
	struct journal_case *c = *state;
	struct addr a = address("198.18.0.99");
	char wal[CASE_PATH_MAX + 8];
	struct line l = a_visit(HIGH, "198.18.0.99", T0);
	l.visit.helo = "helo-of-somebody";
	visit_add_envelope(&l.visit, 7);
	give(t, l, T0);
	l.visit.client = address("203.0.113.1");
	l.visit.helo = "";
	give(t, l, T0);
	give(t, a_visit(REAL, "198.18.0.99", T0 + 2 * H), T0);
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	learn("198.18.0.99", "secret.sender.example", "sender.example");
	(void)snprintf(wal, sizeof(wal), "%s-wal", c->path);
	uint8_t key[5] = { 4 }; /* as its rows have it */
	memcpy(key + 1, a.bytes + 12, 4);
	assert_true(file_has(wal, a.bytes, 16) && file_has(wal, key, sizeof(key)));
	/* name, two runs, two visits */
	assert_int_equal(journal_forget_count(db, "198.18.0.99", &e), 5);
	assert_int_equal(journal_forget(db, "198.18.0.99", T0, &e), 5);
	for (int i = 0; i < 2; i++) {
		const char *path = i ? wal : c->path;
		assert_false(file_has(path, a.bytes, 16));
		assert_false(file_has(path, key, sizeof(key)));
		assert_false(file_has(path, "helo-of-somebody", 16));
		assert_false(file_has(path, "secret.sender", 13));
	}
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "2");
	assert_string_equal(asked(db, "SELECT hex(told_by) FROM envelope"),
			    "00000000000000000000FFFFCB007101");
	/* Its contact stays for its prefix. */
	assert_string_equal(asked(db, "SELECT group_concat(address, ' ') FROM (SELECT "
				      "address FROM senders ORDER BY address)"),
			    "192.0.2.1 198.18.0.0 203.0.113.1");
	assert_string_equal(asked(db, "SELECT group_concat(kind) FROM run"), "1,1,3");
}

static void its_domain_stays_as_excused_as_it_was(void **state)
{
	(void)state;
	for (uint16_t host = REAL; host <= LOW; host++)
		give(t, a_word(LINE_WATERMARK, host, 0, T0 - D), T0);
	learn("192.0.2.1", "a.sender.example", "sender.example");
	learn("203.0.113.5", "b.sender.example", "sender.example");
	learn("203.0.114.5", "c.other.example", "other.example");
	give(t, a_visit(REAL, "192.0.2.1", T0 - H), T0);
	give(t, a_visit(HIGH, "203.0.113.5", T0), T0);         /* order and fate */
	give(t, a_visit(HIGH, "203.0.113.5", T0 - 3 * H), T0); /* fate alone */
	give(t, a_visit(HIGH, "203.0.114.5", T0), T0);         /* another's */
	assert_true(journal_forget(db, "192.0.2.1", T0, &e) > 0);
	assert_string_equal(
	    asked(db,
		  "SELECT group_concat(coalesce(told, 0), ' ') FROM (SELECT told FROM "
		  "run WHERE kind = 3 ORDER BY client, began)"),
	    "131072 196608 0");
}

static void a_domain_takes_its_confirmed_names_and_the_texts_of_others(void **state)
{
	struct line l = a_visit(HIGH, "203.0.113.77", T0);
	(void)state;
	learn("192.0.2.1", "mx.sender.example", "sender.example");
	learn("192.0.2.2", "mx.notsender.example", "notsender.example");
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	give(t, a_visit(REAL, "192.0.2.2", T0), T0);
	struct line told =
	    a_visit(REAL, "198.51.100.9", T0); /* by the mail server's log */
	told.visit.name = "out.sender.example";
	give(t, told, T0);
	l.visit.helo = "MX.sender.example"; /* who claims it */
	l.visit.mail_from = "somebody@sender.example";
	give(t, l, T0);
	struct line spf = { .kind = LINE_SPF, .time = T0, .text = "sender.example" };
	spf.client = address("203.0.113.77");
	give(t, spf, T0);
	struct line wrote = { .kind = LINE_WROTE, .time = T0, .text = "sender.example" };
	give(t, wrote, T0);
	/* What is counted before is what is erased then: 3 clients' rows, and others'. */
	int64_t counted = journal_forget_count(db, "example", &e);
	assert_true(counted > journal_forget_count(db, "Sender.Example.", &e));
	counted = journal_forget_count(db, "Sender.Example.", &e);
	assert_int_equal(journal_forget(db, "Sender.Example.", T0, &e), counted);
	assert_true(counted > 0);
	assert_string_equal(asked(db, "SELECT group_concat(address, ' ') FROM visits"),
			    "192.0.2.2 203.0.113.77");
	assert_string_equal(asked(db, "SELECT coalesce(helo, sender, recipient_domain, "
				      "'nothing') FROM visits ORDER BY id DESC"),
			    "nothing");
	assert_string_equal(asked(db, "SELECT name FROM name"), "mx.notsender.example");
	assert_string_equal(asked(db, "SELECT count(*) FROM senders WHERE address = "
				      "'198.51.100.9'"),
			    "0");
	assert_string_equal(asked(db, "SELECT (SELECT count(*) FROM spf) + "
				      "(SELECT count(*) FROM wrote_to)"),
			    "0");
	static const char *const none[] = { "a b", "300.1.1.1", "1.2.3", "foo..bar", "" };
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (journal_forget(db, none[i], T0, &e) != FMX_EUSAGE)
			fail_msg("'%s' was taken for a name", none[i]);
	assert_int_equal(journal_forget(db, "nobody.example", T0, &e), 0);
}

/* ---- backup and restore ---- */

static void a_backup_is_one_file_of_one_moment(void **state)
{
	struct journal_case *c = *state;
	char to[CASE_PATH_MAX + 8], wal[CASE_PATH_MAX + 16];
	struct stat st;
	(void)snprintf(to, sizeof(to), "%s.backup", c->path);
	(void)snprintf(wal, sizeof(wal), "%s-wal", to);
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	ok(journal_backup(db, to, false, &e), &e);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_not_equal(stat(wal, &st), 0);
	assert_int_equal(journal_backup(db, to, false, &e), -EEXIST);
	assert_non_null(strstr(e.text, "--force"));
	give(t, a_visit(REAL, "192.0.2.2", T0), T0);
	ok(journal_backup(db, to, true, &e), &e);

	struct db *copy = NULL;
	ok(db_open(to, DB_READ, &copy, &e), &e);
	assert_string_equal(asked(copy, "SELECT count(*) FROM visit"), "2");
	db_close(copy);
	assert_int_equal(journal_backup(db, "/nowhere/at/all", false, &e), -ENOENT);
}

static void not_replaced(const char *to, int code, const char *says)
{
	struct stat was, is;
	assert_int_equal(stat(to, &was), 0);
	e = (struct error){ 0, "" };
	assert_int_equal(journal_backup(db, to, true, &e), code);
	if (!strstr(e.text, says))
		fail_msg("%s: got: %s, want: %s", to, e.text, says);
	assert_int_equal(stat(to, &is), 0);
	assert_true(was.st_ino == is.st_ino && was.st_size == is.st_size);
}

static void a_backup_replaces_backups_alone(void **state)
{
	struct journal_case *c = *state;
	char path[2 * CASE_PATH_MAX];
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);

	not_replaced(c->path, -EEXIST, "is the journal itself");
	(void)snprintf(path, sizeof(path), "%s-wal", c->path);
	not_replaced(path, -EEXIST, "is a part of the journal");
	(void)snprintf(path, sizeof(path), "%s-shm", c->path);
	not_replaced(path, -EEXIST, "is a part of the journal");
	(void)snprintf(path, sizeof(path), "%s/soft", c->folder);
	assert_int_equal(symlink(c->path, path), 0);
	not_replaced(path, -EEXIST, "is the journal itself");
	(void)snprintf(path, sizeof(path), "%s/hard", c->folder);
	assert_int_equal(link(c->path, path), 0);
	not_replaced(path, -EEXIST, "is the journal itself");

	(void)snprintf(path, sizeof(path), "%s/fakemx.conf", c->folder);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "site \"example\" {}\n");
	assert_int_equal(fclose(f), 0);
	not_replaced(path, FMX_EFOREIGN, "is no fakemx journal");
	(void)snprintf(path, sizeof(path), "%s/other.sqlite", c->folder);
	sqlite3 *other = NULL;
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "CREATE TABLE t(a)", NULL, NULL, NULL), 0);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	not_replaced(path, FMX_EFOREIGN, "is no fakemx journal");
	(void)snprintf(path, sizeof(path), "%s/pipe", c->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	not_replaced(path, FMX_EFOREIGN, "is no fakemx journal");

	/* The copy is made as TO.part first. */
	(void)snprintf(path, sizeof(path), "%s/x.part", c->folder);
	assert_int_equal(link(c->path, path), 0);
	(void)snprintf(path, sizeof(path), "%s/x", c->folder);
	assert_int_equal(journal_backup(db, path, true, &e), -EEXIST);
	assert_non_null(strstr(e.text, "x.part is the journal itself"));

	give(t, a_visit(REAL, "192.0.2.2", T0), T0); /* the journal goes on */
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "2");
}

static void a_restore_keeps_what_it_replaces(void **state)
{
	struct journal_case *c = *state;
	char from[CASE_PATH_MAX + 8], kept[CASE_PATH_MAX + 16];
	(void)snprintf(from, sizeof(from), "%s.backup", c->path);
	(void)snprintf(kept, sizeof(kept), "%s.before-restore", c->path);
	give(t, a_visit(REAL, "192.0.2.1", T0), T0);
	ok(journal_backup(db, from, false, &e), &e);
	give(t, a_visit(REAL, "192.0.2.2", T0), T0);
	ok(db_lock(db, &e), &e);
	assert_int_equal(journal_restore(from, c->path, NULL, NULL, &v, &e),
			 -EBUSY); /* serve runs */
	take_free(t);
	db_close(db);

	/* A damaged backup changes nothing. */
	FILE *f = fopen(kept, "w");
	assert_non_null(f);
	for (int i = 0; i < 5000; i++)
		(void)fprintf(f, "not a journal\n");
	assert_int_equal(fclose(f), 0);
	char damaged[CASE_PATH_MAX + 8];
	(void)snprintf(damaged, sizeof(damaged), "%s.damaged", c->path);
	assert_int_equal(rename(kept, damaged), 0);
	assert_int_equal(journal_restore(damaged, c->path, NULL, NULL, &v, &e),
			 FMX_EFOREIGN);
	db = case_open(c, DB_WRITE);
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "2");
	db_close(db);

	ok(journal_restore(from, c->path, NULL, NULL, &v, &e), &e);
	db = case_open(c, DB_WRITE);
	t = a_take(db);
	assert_string_equal(asked(db, "SELECT count(*) FROM visit"), "1");
	assert_int_equal(access(kept, F_OK), 0);
	assert_int_equal(journal_restore(from, c->path, NULL, NULL, &v, &e), -EEXIST);
	assert_non_null(strstr(e.text, "is still kept as"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(the_configuration_owns_what_it_names),
		CASE(only_addresses_prefixes_and_names_are_allowed),
		CASE(a_changed_allow_list_asks_again),
		CASE(old_visits_go_and_their_runs_stay),
		CASE(retention_goes_through_once_a_day),
		CASE(numbers_of_deleted_visits_are_not_given_again),
		CASE(envelopes_and_probes_go_after_six_days),
		CASE(what_is_forgotten_is_in_no_file),
		CASE(its_domain_stays_as_excused_as_it_was),
		CASE(a_domain_takes_its_confirmed_names_and_the_texts_of_others),
		CASE(a_backup_is_one_file_of_one_moment),
		CASE(a_backup_replaces_backups_alone),
		CASE(a_restore_keeps_what_it_replaces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
