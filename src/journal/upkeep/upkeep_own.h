/*
 * upkeep_own - what retention and forget share
 */
#ifndef FMX_JOURNAL_UPKEEP_UPKEEP_OWN_H
#define FMX_JOURNAL_UPKEEP_UPKEEP_OWN_H

#include "journal/db.h"

/* Before visits are deleted: their numbers are not given again. */
FMX_MUST_CHECK int upkeep_keep_last_id(struct db *db, struct error *e);

#endif
