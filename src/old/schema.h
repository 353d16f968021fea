/*
 * schema - the tables of a journal file, whose file it is, and how old
 *
 * A file is ours by SQLite's application_id; user_version is the version of
 * the schema. A new file is made by the same steps that bring an old one up to
 * date, one transaction a step.
 *
 * To change the tables: append a step, raise JOURNAL_SCHEMA_VERSION by one,
 * add a test that starts from a file of the version before.
 */
#ifndef FMX_OLD_SCHEMA_H
#define FMX_OLD_SCHEMA_H

#include <sqlite3.h>

#include "base/error.h"

/*
 * Refuses what is not ours, is damaged or newer, by FMX_EFOREIGN, before a
 * byte of it is changed. may_write: makes or migrates the tables; without it
 * an older file is refused.
 */
FMX_MUST_CHECK int schema_open(sqlite3 *db, const char *path, bool may_write,
			       struct error *e);

#endif
