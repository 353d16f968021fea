/*
 * row - one record as one row of the table `record`, and back
 *
 * Columns that a kind does not use, and empty texts, are NULL, which takes no
 * space. Times of a visit's answer and end are kept as microseconds after its
 * beginning. Addresses are 4 or 16 bytes.
 *
 * Use:
 *	sqlite3_prepare_v2(db, ROW_INSERT, ...)
 *	row_bind(insert, &record, seq, seen);
 *
 *	sqlite3_prepare_v2(db, "SELECT " ROW_COLUMNS " FROM record", ...)
 *	while (sqlite3_step(select) == SQLITE_ROW)
 *		if (!row_read(select, &record))
 *			...	// not written by us
 *
 * Ownership: bound texts stay the caller's until the statement is stepped;
 * texts read live until the next step.
 */
#ifndef FMX_OLD_ROW_H
#define FMX_OLD_ROW_H

#include <sqlite3.h>

#include "old/record.h"

#define ROW_COLUMNS                                                                      \
	"seq, kind, seen, time, site, host, client, depth, outcome, source, flags, "     \
	"precision, answered, ended, helo, mail_from, domain, name, text, note"
#define ROW_INSERT                                                                       \
	"INSERT INTO record(" ROW_COLUMNS ") VALUES "                                    \
	"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"

void row_bind(sqlite3_stmt *insert, const struct record *r, uint64_t seq, int64_t seen);
/* False when a value is out of its range: the row was not written by us. */
FMX_MUST_CHECK bool row_read(sqlite3_stmt *select, struct record *ret_record);

#endif
