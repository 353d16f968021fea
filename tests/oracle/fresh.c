#include "fresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct db *db;
static char delete_all[4096];

void fresh_must(int rc, const struct error *e)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "%s\n", e->text);
	exit(2);
}

/* The key of its hashes stays. */
static void open_once(void)
{
	struct error e;
	sqlite3_stmt *s;
	int n = snprintf(delete_all, sizeof(delete_all),
			 "DELETE FROM meta WHERE name <> 'key';");
	fresh_must(db_open(":memory:", DB_WRITE, &db, &e), &e);
	(void)sqlite3_prepare_v2(db_sqlite(db),
				 "SELECT name FROM sqlite_schema WHERE type = 'table' "
				 "AND name <> 'meta' AND name NOT LIKE 'sqlite%'",
				 -1, &s, NULL);
	while (sqlite3_step(s) == SQLITE_ROW)
		n += snprintf(delete_all + n, sizeof(delete_all) - (size_t)n,
			      "DELETE FROM %s;", (const char *)sqlite3_column_text(s, 0));
	(void)sqlite3_finalize(s);
}

struct db *fresh_journal(struct history *h)
{
	struct error e;
	struct rules rules = rules_default();
	if (!db)
		open_once();
	int rc = sqlite3_exec(db_sqlite(db), delete_all, NULL, NULL, NULL);
	fresh_must(rc == SQLITE_OK ? 0 : db_error(db, rc, &e), &e);
	fresh_must(sites_define(db, &h->site, 1, &rules, h->started, true, &e), &e);
	return db;
}

void fresh_close(void)
{
	db_close(db);
	db = NULL;
}
