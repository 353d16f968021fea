/*
 * listed - the listings of a sender: hours that count, rows, what keeps it off
 *
 * A listing is written when the frontier has passed the second hour that counts, in
 * either mode: what is in force, or would be, is asked again at every output.
 *
 * Use:
 *	listed_fold(&q, &who, view, &rules, rows, &count, &open, &e);
 *	listed_write(&q, &rows[0], &e);				// due
 *	listed_find(&q, &who, view->group, now, &row, &e);
 *	listed_say(&q, &who, view, &rules, &row, &open, now, &listing, &e);
 */
#ifndef FMX_JOURNAL_ASK_LISTED_H
#define FMX_JOURNAL_ASK_LISTED_H

#include "journal/ask/pool.h"
#include "judge/listing.h"

/* A row of `listing`. */
struct listed {
	struct addr client;
	uint16_t group;
	int64_t since, until;
	int64_t first; /* the hour that counted first; the second ended at since */
	int64_t at;    /* when it was written */
	int64_t off;   /* when it was withdrawn; MOMENT_NONE */
	enum reason why;
};

/* The last listing of the sender that began by `now`. 1, or 0: there is none. */
FMX_MUST_CHECK int listed_find(struct lookup *q, const struct sender *who, uint16_t group,
			       int64_t now, struct listed *ret_row, struct error *e);
/* What the hours since the last listing make: at most LISTED_MOST rows, not written yet
 * (go on while as many are told), and what is counted after them. Hours that are more
 * than may be read make none. */
enum { LISTED_MOST = 128 };
FMX_MUST_CHECK int listed_fold(struct lookup *q, const struct sender *who,
			       const struct view *v, const struct rules *r,
			       struct listed ret_rows[LISTED_MOST], size_t *ret_count,
			       struct listing_count *ret_open, struct error *e);
FMX_MUST_CHECK int listed_write(struct lookup *q, const struct listed *row,
				struct error *e);
/* What holds of the row (NULL: it is not listed) now, obstacles asked again. */
FMX_MUST_CHECK int listed_say(struct lookup *q, const struct sender *who,
			      const struct view *v, const struct rules *r,
			      const struct listed *row, const struct listing_count *open,
			      int64_t now, struct listing *ret_listing, struct error *e);

/* The columns of a row, and a row read from column 0 on. */
#define LISTED_COLUMNS "client, grp, since, until, first, at, off, why"
struct listed listed_read(sqlite3_stmt *s);

#endif
