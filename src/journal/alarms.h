/*
 * alarms - which alarms were told, so that a restart does not tell them again
 *
 * The table is what serve holds in memory (serve/alarm/), written anew when that
 * changes: a row is one alarm that was told and is not over.
 *
 * Use:
 *	alarms_each(db, on_alarm, arg, &e);	// at a start
 *	alarms_put(db, all, count, &e);
 *
 * Ownership: what is handed to callbacks is lent for the call.
 */
#ifndef FMX_JOURNAL_ALARMS_H
#define FMX_JOURNAL_ALARMS_H

#include "journal/db.h"

struct alarms_kept {
	const char *kind;   /* serve's name of it */
	const char *host;   /* or site */
	struct addr client; /* all zero: none */
	int64_t since;
	bool is_quiet; /* acknowledged */
	const char *text;
};

typedef void (*alarms_fn)(void *arg, const struct alarms_kept *a);
FMX_MUST_CHECK int alarms_each(struct db *db, alarms_fn fn, void *arg, struct error *e);
/* Instead of all that were kept, in one transaction. */
FMX_MUST_CHECK int alarms_put(struct db *db, const struct alarms_kept *all, size_t count,
			      struct error *e);

#endif
