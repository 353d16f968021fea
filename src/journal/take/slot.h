/*
 * slot - counts of five minutes of one host, and the ten minutes that are trouble
 *
 * DESIGN, "Well": of 20 visits or more in ten minutes a fifth was sent away before MAIL,
 * of clients that had mail accepted within 90 days. Visits that a host ended before MAIL
 * wait as rows of `refusal` until the frontier has passed the ten minutes: by then all
 * visits told in time are known, whatever the order they came in.
 */
#ifndef FMX_JOURNAL_TAKE_SLOT_H
#define FMX_JOURNAL_TAKE_SLOT_H

#include "journal/site.h"

#define SLOT_FIVE (5 * STAMP_MINUTE)

/* `late` of the visits were told late. bad is counted where there may be trouble. */
struct slot {
	uint16_t host;
	int64_t five; /* its first moment, a multiple of five minutes */
	uint32_t visits, accepted, refused, unknown_rcpt, deferred, aborted, spam, bad,
	    late, unkept;
};

int64_t slot_of(int64_t t);
FMX_MUST_CHECK int slot_add(struct db *db, const struct slot *more, struct error *e);
/* A real host ended a visit of client, told in time, before MAIL. */
FMX_MUST_CHECK int slot_refused(struct db *db, uint16_t host, int64_t time,
				struct addr client, struct error *e);
/* The last five minutes before `before` with a visit; before itself if there are none. */
FMX_MUST_CHECK int slot_last_visit(struct db *db, uint16_t host, int64_t before,
				   int64_t *ret_five, struct error *e);
/* Tells of each ten minutes of trouble that begin in [from, limit), multiples of five
 * minutes, and drops what nobody needs again. Negative from fn ends it. */
typedef int (*slot_trouble_fn)(void *arg, const struct host_place *h, int64_t since,
			       struct error *e);
FMX_MUST_CHECK int slot_judge(struct db *db, const struct sites *s,
			      const struct host_place *h, int64_t from, int64_t limit,
			      slot_trouble_fn fn, void *arg, struct error *e);

#endif
