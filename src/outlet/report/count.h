/*
 * count - the walks of one group, as they stream by, into a report's counts
 *
 *   - order and fate count each sender once, by its latest walk that is not pending
 *     and overlaps the period (pending if all are). Who was seen at control addresses or
 *     knocked only has no walk.
 *   - `stopped` is final; `stopped_provisional` may still come back. A sender at risk
 *     is in neither, but in `at_risk`; so is each walk with a missing message.
 *   - An attempt is a sender, group and half hour. Stopped ones are those of stopped
 *     walks that are not at risk; knocked ones those of runs aside that touch no walk at
 *     a decoy, of senders that had no contact with a real host five days before or after.
 *   - Delays, returns and parts take the walks that began in the period: one sender may
 *     have several delays.
 *   - A correction belongs to the period in which it was given (the sender came, or what
 *     was learnt later explains the stop), however old the walk is.
 *
 * Use:
 *	struct count *c = count_new(&spec);
 *	struct ask_stream stream = count_stream(c);
 *	ask_walks(ask, group, &stream, &e);
 *	count_finish(c, &counts, parts, senders);
 *	count_each_missing(c, fn, arg);
 *	count_free(c);
 *
 * Ownership: keeps the sender that streams by and the few at risk; counts.at_risk is
 * the caller's.
 */
#ifndef FMX_OUTLET_REPORT_COUNT_H
#define FMX_OUTLET_REPORT_COUNT_H

#include "outlet/report/report.h"

enum { COUNT_HOSTS = 64 };

struct count_spec {
	int64_t since, until;
	const struct series *series; /* of the period */
	const struct view *view;
	/* Each finally stopped sender, not at risk. NULL: not wanted. */
	void (*stopped)(void *arg, const struct addr *clients, size_t count);
	void *arg;
};

struct count;
struct count *count_new(const struct count_spec *spec);
struct ask_stream count_stream(struct count *c);
/* parts: one for each of the series; senders: by a host's bit. */
void count_finish(struct count *c, struct report_counts *ret_counts,
		  struct report_part *parts, uint64_t senders[COUNT_HOSTS]);
/* The walks behind counts.at_risk[row] that miss a message. 0 to go on. */
typedef int (*count_missing_fn)(void *arg, size_t row, const struct run *decoy,
				uint64_t hash, struct error *e);
FMX_MUST_CHECK int count_each_missing(const struct count *c, count_missing_fn fn,
				      void *arg, struct error *e);
void count_free(struct count *c);

#endif
