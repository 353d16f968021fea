/*
 * question - the journal, open for one question
 *
 * Opened anew each time, so that one that was restored, deleted or broken is asked as
 * it is now, and nothing is pinned between two questions.
 */
#ifndef FMX_OUTLET_WEB_QUESTION_H
#define FMX_OUTLET_WEB_QUESTION_H

#include "base/stamp.h"
#include "journal/ask/ask.h"

struct question {
	struct db *db;
	struct ask *ask;
	int64_t now;
};

/* To be closed also after a failure. */
FMX_MUST_CHECK int question_open(const char *journal, struct stamp_clock clock,
				 struct question *ret_question, struct error *e);
void question_close(struct question *q);
/* -ESTALE: nobody writes to the journal any more, since when, and what to look at. */
FMX_MUST_CHECK int question_is_fresh(const struct question *q, struct error *e);

#endif
