/*
 * schema - the tables and views of a journal (docs/schema.md)
 */
#ifndef FMX_JOURNAL_SCHEMA_H
#define FMX_JOURNAL_SCHEMA_H

enum { SCHEMA_APPLICATION_ID = 0x464d584a }; /* "FMXJ" */

/* SQL that fills an empty file. */
extern const char schema_sql[];

#endif
