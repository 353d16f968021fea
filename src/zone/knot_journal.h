/*
 * knot_journal - what Knot's journal holds of a zone and its file does not
 *
 * Knot keeps changes by update and by `knotc zone-set` in a database. Where it does
 * not write them into the zone file (zonefile-sync), a change of the file would lose
 * them without a word. Knot's own kjournalprint reads the database: what the journal
 * adds in the end must be in the file, what it removes must not.
 *
 * Use:
 *	struct knot_journal *j = knot_journal_new("/var/lib/knot/journal", true, false);
 *	if (knot_journal_check(j, &in, serial, &e) != 0)	// says what to do
 *	knot_journal_free(j);
 *
 * Limits: KNOT_JOURNAL_MAX bytes of journal as text. TTLs are not compared. A zone
 * with `journal-content: none` is in Knot's memory alone: it is not looked at.
 */
#ifndef FMX_ZONE_KNOT_JOURNAL_H
#define FMX_ZONE_KNOT_JOURNAL_H

#include "zone/records.h"

enum { KNOT_JOURNAL_MAX = 512 << 20 };

/* How Knot keeps a zone. */
struct knot_journal {
	char *folder;        /* of the database */
	bool continues_file; /* zonefile-load: whole: changes since the file's serial */
	bool is_signing;     /* what it would write is not what may be edited */
};

struct knot_journal *knot_journal_new(const char *folder, bool continues_file,
				      bool is_signing);
void knot_journal_free(struct knot_journal *j); /* NULL: nothing */

/* serial: of the file's SOA. FMX_EREFUSED: the file is not all of the zone, or that
 * cannot be seen; says what to do. */
FMX_MUST_CHECK int knot_journal_check(const struct knot_journal *j,
				      const struct zone_input *in, uint32_t serial,
				      struct error *e);

/* For tests: likewise, of what kjournalprint printed. */
FMX_MUST_CHECK int knot_journal_judge(const struct knot_journal *j,
				      const struct zone_input *in, uint32_t serial,
				      char *printed, struct error *e);

#endif
