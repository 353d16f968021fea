/* Addresses and moments in columns. */
#include "journal/db.h"

#include <string.h>

/*
 * One byte and the address, in the order of addr_compare(). Most addresses are IPv4, and
 * each stands in several keys: as 16 bytes they were a fifth of what a visit writes.
 */
enum { BELOW_FOUR = 3, FOUR = 4, SIX = 6, FOUR_BYTES = 4, MAPPED_BYTES = 12 };
static const struct addr mapped = { .bytes = { [10] = 0xff, [11] = 0xff } };

void db_bind_addr(sqlite3_stmt *s, int at, struct addr a)
{
	uint8_t key[1 + sizeof(a.bytes)];
	bool is_four = addr_is_v4(a);
	size_t skipped = is_four ? MAPPED_BYTES : 0, size = sizeof(a.bytes) - skipped;
	key[0] = is_four ? FOUR : addr_compare(a, mapped) < 0 ? BELOW_FOUR : SIX;
	memcpy(key + 1, a.bytes + skipped, size);
	(void)sqlite3_bind_blob(s, at, key, (int)(1 + size), SQLITE_TRANSIENT);
}

/* What is no address of ours reads as "::". */
struct addr db_addr(sqlite3_stmt *s, int column)
{
	struct addr a = { { 0 } };
	const uint8_t *key = sqlite3_column_blob(s, column);
	int size = key ? sqlite3_column_bytes(s, column) : 0;
	if (size == 1 + FOUR_BYTES) {
		a = mapped;
		memcpy(a.bytes + MAPPED_BYTES, key + 1, FOUR_BYTES);
	} else if (size == 1 + (int)sizeof(a.bytes)) {
		memcpy(a.bytes, key + 1, sizeof(a.bytes));
	}
	return a;
}

void db_bind_moment(sqlite3_stmt *s, int at, int64_t t)
{
	if (t == MOMENT_NONE)
		(void)sqlite3_bind_null(s, at);
	else
		(void)sqlite3_bind_int64(s, at, t);
}

int64_t db_moment(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL
		   ? MOMENT_NONE
		   : sqlite3_column_int64(s, column);
}

int db_write_name(struct db *db, const struct name_row *n, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    db, "REPLACE INTO name(client, name, domain, generic, confirmed_at, learnt) "
		"VALUES (?1, nullif(?2, ''), nullif(?3, ''), ?4, ?5, ?6)");
	db_bind_addr(s, 1, n->client);
	(void)sqlite3_bind_text(s, 2, n->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 3, n->domain, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(s, 4, n->is_generic);
	if (n->is_confirmed)
		(void)sqlite3_bind_int64(s, 5, n->time);
	(void)sqlite3_bind_int64(s, 6, n->time);
	return db_run(db, s, e);
}
