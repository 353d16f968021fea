/*
 * fresh - one journal in memory, as new for each history
 *
 * Opening one for each costs more than its judge. Exits with a sentence if it cannot be.
 *
 * Ownership: fresh_close() ends it.
 */
#ifndef FMX_ORACLE_FRESH_H
#define FMX_ORACLE_FRESH_H

#include "history.h"

/* rc of a call that must not fail. */
void fresh_must(int rc, const struct error *e);
/* Empty, with the history's site defined (its hosts have ids then). */
struct db *fresh_journal(struct history *h);
void fresh_close(void);

#endif
