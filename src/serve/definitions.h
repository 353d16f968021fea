/*
 * definitions - tells the journal what the configuration has changed
 *
 * Compares the configuration with what the judge has learnt from the journal,
 * and writes SITE, UNSITE, RULES and ALLOW records for the differences. A
 * start with an unchanged configuration writes none.
 *
 * Use: ids_give() first; ledger_commit() before and after.
 */
#ifndef FMX_SERVE_DEFINITIONS_H
#define FMX_SERVE_DEFINITIONS_H

#include "config/config.h"
#include "serve/ledger.h"
#include "serve/past.h"

/* Returns how many records were written. past learns of the ALLOW records. */
size_t definitions_write(struct ledger *l, struct past *past, const struct config *c);

#endif
