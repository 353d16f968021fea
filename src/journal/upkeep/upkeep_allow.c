#include <string.h>

#include "base/mem.h"
#include "journal/upkeep/upkeep.h"
#include "mx/host_name.h"

bool allow_canonical(const char *word, char text[NAME_MAX_TEXT])
{
	struct prefix p;
	struct addr a;
	char buf[PREFIX_TEXT_MAX];
	if (addr_parse(word, &a))
		return str_copy(text, NAME_MAX_TEXT, addr_text(a, buf));
	if (prefix_parse(word, &p))
		return str_copy(text, NAME_MAX_TEXT, prefix_text(p, buf));
	return host_name_read(word, text, NAME_MAX_TEXT) >= 2;
}

/* ---- one entry, in a transaction ---- */

static int put_on(struct db *db, const char *text, const char *note, bool is_config,
		  int64_t now, struct error *e)
{
	/* What a person put on stays his, whatever the configuration names. */
	return db_change(
	    db, e,
	    "INSERT INTO allow(text, note, is_config, since) VALUES (?1, ?2, ?3, ?4) "
	    "ON CONFLICT DO UPDATE SET note = ?2, is_config = 0 WHERE NOT ?3",
	    DB(text), DB(note), DB(is_config), DB(now));
}

static int check_owner(struct db *db, const char *text, bool is_config, struct error *e)
{
	sqlite3_stmt *s =
	    db_query(db, "SELECT is_config FROM allow WHERE text = ?1", DB(text));
	int64_t is_owned = 0;
	int rc = db_number(db, s, &is_owned, e);
	if (rc != 0 || !is_owned || is_config)
		return rc;
	return error_set(e, FMX_EUSAGE,
			 "%s is on the allow list because the configuration names it: "
			 "take it out of `allow` there, and reload `fakemx serve`",
			 text);
}

static int take_off(struct db *db, const char *text, bool is_config, struct error *e)
{
	int rc = check_owner(db, text, is_config, e);
	sqlite3_stmt *s = db_query(db, "DELETE FROM allow WHERE text = ?1", DB(text));
	return rc == 0 ? db_run(db, s, e) : rc;
}

/* Ends the transaction; whom it may list or excuse is asked again, if it changed. */
static int end(struct db *db, sqlite3_int64 changes, int rc, struct error *e)
{
	if (rc == 0 && sqlite3_total_changes64(db_sqlite(db)) != changes)
		rc = db_ask_again(db, 0, e);
	if (rc == 0)
		return db_commit(db, e);
	db_rollback(db);
	return rc;
}

int allow_set(struct db *db, const char *text, const char *note, bool is_on,
	      bool is_config, int64_t now, struct error *e)
{
	char canonical[NAME_MAX_TEXT];
	if (!allow_canonical(text, canonical))
		return error_set(e, FMX_EUSAGE,
				 "\"%.100s\" is neither an address, a prefix nor a name",
				 text);
	int rc = db_begin(db, e);
	if (rc != 0)
		return rc;
	sqlite3_int64 changes = sqlite3_total_changes64(db_sqlite(db));
	rc = is_on ? put_on(db, canonical, note ? note : "", is_config, now, e)
		   : take_off(db, canonical, is_config, e);
	return end(db, changes, rc, e);
}

/* ---- the configuration's ---- */

static bool is_named(const char *entry, const char *const *texts, size_t count)
{
	char canonical[NAME_MAX_TEXT];
	for (size_t i = 0; i < count; i++)
		if (allow_canonical(texts[i], canonical) && strcmp(canonical, entry) == 0)
			return true;
	return false;
}

static int drop_unnamed(struct db *db, const char *const *texts, size_t count,
			struct error *e)
{
	sqlite3_stmt *s = db_statement(db, "SELECT text FROM allow WHERE is_config");
	int rc;
	while ((rc = db_step(db, s, e)) > 0) {
		const char *entry = db_text(s, 0);
		if (!is_named(entry, texts, count))
			rc = take_off(db, entry, true, e);
		if (rc < 0)
			break;
	}
	db_done(s);
	return rc;
}

int allow_config(struct db *db, const char *const *texts, size_t count, int64_t now,
		 struct error *e)
{
	char canonical[NAME_MAX_TEXT];
	int rc = db_begin(db, e);
	if (rc != 0)
		return rc;
	sqlite3_int64 changes = sqlite3_total_changes64(db_sqlite(db));
	rc = drop_unnamed(db, texts, count, e);
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (allow_canonical(texts[i], canonical))
			rc = put_on(db, canonical, "", true, now, e);
		else
			rc = error_set(e, FMX_EUSAGE,
				       "\"%.100s\" is neither an address, a prefix nor a "
				       "name",
				       texts[i]);
	}
	return end(db, changes, rc, e);
}

int allow_each(struct db *db, allow_fn fn, void *arg, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    db, "SELECT text, note, is_config, since FROM allow ORDER BY since, text");
	int rc;
	while ((rc = db_step(db, s, e)) > 0) {
		struct allow_entry a = {
			.text = db_text(s, 0),
			.note = db_text(s, 1),
			.is_config = sqlite3_column_int(s, 2),
			.since = sqlite3_column_int64(s, 3),
		};
		rc = fn(arg, &a);
		if (rc != 0)
			break;
	}
	db_done(s);
	return rc;
}
