/*
 * journal_case - a folder with a journal for one test
 *
 * Helpers shared by the journal's unit tests; they fail the test themselves.
 */
#ifndef FMX_TESTS_UNIT_JOURNAL_CASE_H
#define FMX_TESTS_UNIT_JOURNAL_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "journal/take/coverage.h"

/* A Monday noon. */
#define T0 (INT64_C(1795435200) * STAMP_SECOND)

enum { CASE_PATH_MAX = 256 };

struct journal_case {
	char folder[64], path[CASE_PATH_MAX];
};

static inline int case_setup(void **state)
{
	struct journal_case *c = calloc(1, sizeof(*c));
	assert_non_null(c);
	(void)snprintf(c->folder, sizeof(c->folder), "/tmp/fakemx-journal-XXXXXX");
	assert_non_null(mkdtemp(c->folder));
	(void)snprintf(c->path, sizeof(c->path), "%s/journal.sqlite", c->folder);
	*state = c;
	return 0;
}

static inline int case_teardown(void **state)
{
	struct journal_case *c = *state;
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", c->folder);
	assert_int_equal(system(command), 0);
	free(c);
	return 0;
}

static inline void ok(int rc, const struct error *e)
{
	if (rc != 0)
		fail_msg("%d: %s", rc, e->text);
}

static inline struct db *case_open(const struct journal_case *c, enum db_mode mode)
{
	struct error e = { 0, "" };
	struct db *db = NULL;
	ok(db_open(c->path, mode, &db, &e), &e);
	return db;
}

static inline struct addr address(const char *text)
{
	struct addr a;
	assert_true(addr_parse(text, &a));
	return a;
}

/* ---- a site ---- */

struct host_row {
	enum role role;
	uint16_t preference;
	const char *name, *address;
	bool is_unwatched;
};

/* The domain is NAME.example. */
static inline struct site a_site(const char *name, const struct host_row *rows,
				 size_t count)
{
	struct site s = { .layout = LAYOUT_BOTH,
			  .hosts = xcalloc(count, sizeof(*s.hosts)),
			  .host_count = count,
			  .domains = xcalloc(1, sizeof(char *)),
			  .domain_count = 1 };
	char domain[NAME_MAX_TEXT];
	(void)snprintf(domain, sizeof(domain), "%s.example", name);
	s.domains[0] = xstrdup(domain);
	(void)str_copy(s.name, sizeof(s.name), name);
	for (size_t i = 0; i < count; i++) {
		struct host *h = &s.hosts[i];
		h->role = rows[i].role;
		h->preference = rows[i].preference;
		h->address_count = 1;
		h->addresses[0] =
		    (struct endpoint){ address(rows[i].address), SMTP_PORT };
		(void)str_copy(h->name, sizeof(h->name), rows[i].name);
		(void)str_copy(h->watch, sizeof(h->watch),
			       h->role != ROLE_REAL || rows[i].is_unwatched ? ""
									    : "feed");
	}
	assert_null(site_set_places(&s));
	return s;
}

enum { REAL = 1, HIGH = 2, LOW = 3 }; /* the hosts' numbers of an_example() */

static inline struct site an_example(void)
{
	static const struct host_row rows[] = {
		{ ROLE_REAL, 10, "mail.example.com", "198.51.100.25", false },
		{ ROLE_DECOY, 20, "high.example.com", "198.51.100.30", false },
		{ ROLE_DECOY, 0, "low.example.com", "198.51.100.20", false },
	};
	return a_site("example", rows, 3);
}

/* One site, defined at `now`. */
static inline void define(struct db *db, struct site *all, size_t count, int64_t now)
{
	struct error e = { 0, "" };
	struct rules r = rules_default();
	ok(sites_define(db, all, count, &r, now, false, &e), &e);
}

static inline void define_example(struct db *db)
{
	struct site s = an_example();
	define(db, &s, 1, T0 - STAMP_DAY);
	site_release(&s);
}

/* The first column of the first row; a static text. */
static inline const char *asked(struct db *db, const char *sql)
{
	static char text[4096];
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db_sqlite(db), sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db_sqlite(db)));
	int rc = sqlite3_step(s);
	const unsigned char *got = rc == SQLITE_ROW ? sqlite3_column_text(s, 0) : NULL;
	(void)snprintf(text, sizeof(text), "%s",
		       rc != SQLITE_ROW ? "(no row)"
		       : got            ? (const char *)got
					: "NULL");
	(void)sqlite3_finalize(s);
	return text;
}

#endif
