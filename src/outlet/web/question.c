#include "outlet/web/question.h"

#include <errno.h>

/* A host that is silent for so long is not watched, here as elsewhere. */
#define STALE (15 * STAMP_MINUTE)

int question_open(const char *journal, struct stamp_clock clock,
		  struct question *ret_question, struct error *e)
{
	struct question *q = ret_question;
	*q = (struct question){ .now = stamp_clock_now(clock) };
	int rc = db_open(journal, DB_READ, &q->db, e);
	if (rc == 0)
		rc = ask_open(q->db, q->now, &q->ask, e);
	return rc;
}

void question_close(struct question *q)
{
	ask_close(q->ask);
	db_close(q->db);
	*q = (struct question){ .db = NULL };
}

/* serve's sources tell of each host once a minute, also when nobody came. */
int question_is_fresh(const struct question *q, struct error *e)
{
	char since[STAMP_TEXT_MAX];
	int64_t told;
	int rc = ask_told_until(q->ask, &told, e);
	if (rc != 0 || q->now - told < STALE)
		return rc;
	if (told == 0)
		return error_set(e, -ESTALE,
				 "No host has told of its visits yet: is "
				 "`fakemx serve` running?");
	return error_set(e, -ESTALE,
			 "Nothing was written to the journal since %s: is `fakemx serve` "
			 "running?",
			 stamp_text(told - told % STAMP_SECOND, since));
}
