/*
 * view_read - a group's view from the rows (coverage.h keeps it)
 */
#ifndef FMX_JOURNAL_TAKE_VIEW_READ_H
#define FMX_JOURNAL_TAKE_VIEW_READ_H

#include "journal/site.h"
#include "judge/view.h"

/* now is left 0. */
FMX_MUST_CHECK int view_read(struct db *db, const struct sites *all, uint16_t group,
			     struct view *ret_view, struct error *e);

#endif
