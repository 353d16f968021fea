/*
 * visit_row - a row of `visit`
 */
#ifndef FMX_JOURNAL_VISIT_ROW_H
#define FMX_JOURNAL_VISIT_ROW_H

#include "journal/ask/ask.h"

#define VISIT_COLUMNS                                                                    \
	"id, seen, time, width, client, grp, host, role, depth, outcome, late, ours, "   \
	"spam, earlier, answered, ended, helo, mail_from, domain, name, source, "        \
	"envelopes"
/* VISIT_COLUMNS from column 0 on; the texts are the statement's row's. visit.site is 0.
 */
void visit_read(sqlite3_stmt *s, struct ask_visit *ret_visit);
/* Numbered w->id; v's envelopes are keyed. More than eight are kept as nine of nothing.
 */
FMX_MUST_CHECK int visit_write(struct db *db, const struct visit *v,
			       const struct run_where *w, int64_t seen, struct error *e);

#endif
