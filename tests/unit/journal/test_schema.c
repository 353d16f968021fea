/*
 * docs/schema.md: its queries run with the sqlite3 program, and it names every table and
 * column there is, and no other.
 */
#include "take_case.h"

#include <unistd.h>

#include "journal/ask/due.h"

static char *page;

static char *read_page(void)
{
	static char text[64 * 1024];
	FILE *f = fopen(FMX_SCHEMA_PAGE, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	assert_true(n > 1000 && n < sizeof(text) - 1);
	assert_int_equal(fclose(f), 0);
	text[n] = '\0';
	return text;
}

/* A bot that was stopped, a good sender that was delayed, one that is listed. */
static void fill(struct db *db)
{
	struct error e = { 0, "" };
	struct take *t = a_take(db);
	for (uint16_t host = REAL; host <= LOW; host++)
		give(t, a_word(LINE_WATERMARK, host, 0, T0), T0);
	give(t, a_visit(HIGH, "192.0.2.9", T0 + STAMP_MINUTE), T0 + STAMP_HOUR);
	give(t, a_visit(LOW, "2001:db8::25", T0 + STAMP_MINUTE), T0 + STAMP_HOUR);
	struct line good =
	    a_visit(REAL, "2001:db8::25", T0 + STAMP_MINUTE + 300 * STAMP_MILLISECOND);
	good.visit.outcome = OUTCOME_ACCEPTED;
	give(t, good, T0 + STAMP_HOUR);
	for (int64_t day = 1; day < 7; day++)
		for (uint16_t host = REAL; host <= LOW; host++)
			give(t, a_word(LINE_WATERMARK, host, 0, T0 + day * STAMP_DAY),
			     T0 + day * STAMP_DAY);
	const struct due_sink sink = { NULL, NULL, NULL };
	struct due *d = due_new(db, take_coverage(t), &sink);
	ok(due_all(d, T0 + 6 * STAMP_DAY, &e), &e);
	due_free(d);
	take_free(t);
}

/* What the program prints; it must not complain. */
static char *shell(const struct journal_case *c, const char *sql, size_t len)
{
	static char out[64 * 1024];
	char query[CASE_PATH_MAX + 8], command[3 * CASE_PATH_MAX + 64];
	(void)snprintf(query, sizeof(query), "%s/query", c->folder);
	FILE *f = fopen(query, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(sql, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(command, sizeof(command),
		       "sqlite3 -readonly -header '%s' <'%s' 2>&1", c->path, query);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	size_t n = fread(out, 1, sizeof(out) - 1, p);
	out[n] = '\0';
	if (pclose(p) != 0 || strstr(out, "rror"))
		fail_msg("%.*s\nsays %s", (int)len, sql, out);
	return out;
}

static char script[64 * 1024];

/* The page's last chapter as one script; its end. */
static const char *one_after_another(const char *chapter)
{
	for (const char *at = chapter; (at = strstr(at, "```sql\n")) != NULL;) {
		at += strlen("```sql\n");
		size_t n = (size_t)(strstr(at, "```") - at), len = strlen(script);
		(void)snprintf(script + len, sizeof(script) - len, "%.*s", (int)n, at);
		at += n + strlen("```");
	}
	return chapter + strlen(chapter);
}

static void each_query_of_the_page_runs_in_the_shell(void **state)
{
	const char *figures = strstr(page, "## The figures of a report");
	assert_non_null(figures);
	struct db *db = case_open(*state, DB_WRITE);
	size_t queries = 0;
	char all[64 * 1024] = "";
	define_example(db);
	fill(db);
	db_close(db);
	for (const char *at = page; at < figures && (at = strstr(at, "```sql\n"));
	     queries++) {
		at += strlen("```sql\n");
		const char *end = strstr(at, "```");
		assert_non_null(end);
		/* Those of a report's figures go on from one another. */
		bool is_last = end > figures;
		if (is_last)
			end = one_after_another(figures);
		const char *out = shell(*state, is_last ? script : at,
					is_last ? strlen(script) : (size_t)(end - at));
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s", out);
		at = end;
	}
	assert_int_equal(queries, 10);
	/* Something of each: a walk that was stopped, one delayed, an hour, a gap. */
	assert_non_null(strstr(all, "high.example.com|rcpt|1|1"));
	assert_non_null(strstr(all, "192.0.2.9||2026-11-23T12:01:00Z"));
	assert_non_null(strstr(all, "\n0.3|1\n"));
	assert_non_null(strstr(all, "mail.example.com|2026-11-23T12:00Z|1|1|0"));
	assert_non_null(strstr(all, "|backdoor|stopped|1|"));
}

/* The row of a table in the page, between its name and the end of the line. */
static const char *row_of(const char *table, char *row, size_t size)
{
	char begin[64];
	(void)snprintf(begin, sizeof(begin), "| `%s` |", table);
	const char *at = strstr(page, begin);
	(void)snprintf(begin, sizeof(begin), "**`%s`**", table);
	at = at ? at : strstr(page, begin);
	if (!at)
		fail_msg("docs/schema.md does not name %s", table);
	size_t n = strcspn(at, "\n");
	/* A paragraph goes on to the empty line. */
	while (at[0] == '*' && at[n] == '\n' && at[n + 1] != '\n')
		n += 1 + strcspn(at + n + 1, "\n");
	(void)snprintf(row, size, "%.*s", (int)n, at);
	return row;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
		bool is_begin = at == text || strchr(" `", at[-1]);
		if (is_begin && at[n] && strchr(" `", at[n]))
			return true;
	}
	return false;
}

static void the_page_names_every_table_and_column(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	char row[8192];
	int columns = 0, rc;
	sqlite3_stmt *s = db_statement(
	    db, "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c "
		"WHERE t.type IN ('table', 'view')");
	for (; (rc = db_step(db, s, &e)) > 0; columns++) {
		const char *table = (const char *)sqlite3_column_text(s, 0);
		const char *column = (const char *)sqlite3_column_text(s, 1);
		if (!has_word(row_of(table, row, sizeof(row)), column))
			fail_msg("docs/schema.md does not name %s.%s", table, column);
	}
	assert_int_equal(rc, 0);
	assert_true(columns > 150);
	db_close(db);
}

static void the_page_names_no_other_table(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	int rows = 0;
	for (const char *at = page; (at = strstr(at, "\n| `")) != NULL; rows++) {
		char name[64];
		at += strlen("\n| `");
		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, "`"), at);
		sqlite3_stmt *s =
		    db_statement(db, "SELECT 1 FROM sqlite_schema WHERE name = ?1");
		(void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
		if (db_step(db, s, &e) != 1)
			fail_msg("docs/schema.md names %s, which is none", name);
		db_done(s);
	}
	assert_int_equal(rows, 23);
	db_close(db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)
	const struct CMUnitTest tests[] = {
		CASE(each_query_of_the_page_runs_in_the_shell),
		CASE(the_page_names_every_table_and_column),
		CASE(the_page_names_no_other_table),
	};
	page = read_page();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
