/* Values in statements and columns. */
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

const char *db_text(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return text ? text : "";
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

struct db_value db_value_of_number(int64_t number)
{
	return (struct db_value){ .form = DB_INTEGER, .number = number };
}

struct db_value db_value_of_moment(int64_t t)
{
	return (struct db_value){ .form = t == MOMENT_NONE ? DB_NULL : DB_INTEGER,
				  .number = t };
}

struct db_value db_value_of_text(const char *text)
{
	return (struct db_value){ .form = DB_TEXT, .text = text };
}

struct db_value db_value_of_addr(struct addr a)
{
	return (struct db_value){ .form = DB_ADDRESS, .addr = a };
}

sqlite3_stmt *db_bind(sqlite3_stmt *s, size_t count, const struct db_value *values)
{
	for (size_t i = 0; i < count; i++) {
		const struct db_value *v = &values[i];
		int at = (int)i + 1;
		switch (v->form) {
		case DB_NULL: break; /* it is, as long as nothing is bound */
		case DB_INTEGER: (void)sqlite3_bind_int64(s, at, v->number); break;
		case DB_TEXT:
			(void)sqlite3_bind_text(s, at, v->text, -1, SQLITE_STATIC);
			break;
		case DB_ADDRESS: db_bind_addr(s, at, v->addr); break;
		}
	}
	return s;
}

int db_write_name(struct db *db, const struct name_row *n, struct error *e)
{
	return db_change(
	    db, e,
	    "REPLACE INTO name(client, name, domain, generic, confirmed_at, learnt) "
	    "VALUES (?1, nullif(?2, ''), nullif(?3, ''), ?4, ?5, ?6)",
	    DB(n->client), DB(n->name), DB(n->domain), DB(n->is_generic),
	    DB_MOMENT(n->is_confirmed ? n->time : MOMENT_NONE), DB(n->time));
}
