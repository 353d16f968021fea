/*
 * import - lines of a file into a new journal
 *
 * For who has visits already: lines as `visits` prints them. The journal is built aside
 * (PATH.import) and renamed at the end, with all of its walks judged; whatever happens
 * before, nothing is there.
 *
 * Use:
 *	struct import *im;
 *	import_begin(path, sites, count, &rules, &im, &e);	// sites' ids are given
 *	import_allow(im, texts, count, now, &e);	// the configuration's `allow`
 *	while (...)
 *		import_line(im, &line, &e);	// VISIT WATERMARK OUTAGE, GAP for `since`
 *	import_end(im, on_progress, arg, &counts, &e);
 *	import_free(im);			// not ended: removes what was built
 *
 * Limits: `seen` of a line is the greatest time so far, whatever the line says. A host is
 * watched from its `since` (time; INT64_MIN: from its first line), or else from its first
 * line, to its last watermark, less outages: a decoy or control was down from its line
 * before.
 */
#ifndef FMX_JOURNAL_UPKEEP_IMPORT_H
#define FMX_JOURNAL_UPKEEP_IMPORT_H

#include "journal/take/take.h"
#include "journal/upkeep/upkeep.h"

struct import_counts {
	uint64_t visits, lines, runs;
};

struct import;
/* -EEXIST with a sentence: the journal has visits. -EBUSY: serve runs. */
FMX_MUST_CHECK int import_begin(const char *path, struct site *sites, size_t count,
				const struct rules *rules, struct import **ret_import,
				struct error *e);
FMX_MUST_CHECK int import_allow(struct import *im, const char *const *texts, size_t count,
				int64_t now, struct error *e);
FMX_MUST_CHECK int import_line(struct import *im, const struct line *l, struct error *e);
/* Progress is of the walks judged. */
FMX_MUST_CHECK int import_end(struct import *im, upkeep_progress_fn fn, void *arg,
			      struct import_counts *ret_counts, struct error *e);
void import_free(struct import *im);

#endif
