/*
 * coverage - watermarks, probes, outages, gaps, slots: what becomes spans, and views
 *
 * The writing half is called by take within its transaction; the reading half loads
 * the view of a group and keeps it until a span, a site or the frontier has changed.
 * It never decides a walk; it counts up `resweep` when spans of the past change.
 *
 * A host is watched from the end of the last gap that was told of it; without one, from
 * its first watermark; up to its newest watermark. A real host with probes is well from a
 * good probe to the next probe, if that is good; one whose journal holds no probe of it,
 * as long as it is watched. An outage until t counts as a failed probe at t. Ten minutes
 * in which its own clients were sent away before MAIL are unwell, too; they are judged
 * when the frontier has passed them, so that the order of arrival is of no account. What
 * is unwell lasts from the last good probe to six hours (rules.unwell_tail) after the
 * next; without probes, from the last visit before an outage, or with the ten minutes.
 *
 * What is said of a host is said of the others of its role at its addresses.
 */
#ifndef FMX_JOURNAL_TAKE_COVERAGE_H
#define FMX_JOURNAL_TAKE_COVERAGE_H

#include "journal/take/slot.h"
#include "judge/view.h"

struct coverage;
/* s is lent for as long as c lives; coverage_sites() replaces it. */
struct coverage *coverage_new(struct db *db, const struct sites *s);
void coverage_free(struct coverage *c);
void coverage_sites(struct coverage *c, const struct sites *s);
const struct sites *coverage_get_sites(const struct coverage *c);

/* Every visit of host before upto was given. */
FMX_MUST_CHECK int coverage_watermark(struct coverage *c, uint16_t host, int64_t upto,
				      struct error *e);
FMX_MUST_CHECK int coverage_probe(struct coverage *c, uint16_t host, int64_t time,
				  bool ok, struct error *e);
/* The real host says that it was down until then. */
FMX_MUST_CHECK int coverage_outage(struct coverage *c, uint16_t host, int64_t until,
				   struct error *e);
/* Nobody saw the host from (0: since always) to: what comes of it later is late. */
FMX_MUST_CHECK int coverage_gap(struct coverage *c, uint16_t host, int64_t from,
				int64_t to, struct error *e);
FMX_MUST_CHECK int coverage_lost(struct coverage *c, uint16_t host, int64_t from,
				 int64_t to, struct error *e);
/* A visit of a real host told an envelope. */
FMX_MUST_CHECK int coverage_tells(struct coverage *c, uint16_t host, struct error *e);
/* Told up to where; what began before is late. VIEW_NEVER none. */
int64_t coverage_told_until(struct coverage *c, uint16_t host);

/* now: view.now is the later of this and the greatest `seen`. Lent until the next call.
 */
FMX_MUST_CHECK int coverage_view(struct coverage *c, uint16_t group, int64_t now,
				 const struct view **ret_view, struct error *e);
/* What is held in memory of hosts is written, with the moved frontier of each group: last
 * in the transaction. After a rollback coverage_reset() drops it instead. */
FMX_MUST_CHECK int coverage_move(struct coverage *c, int64_t seen, struct error *e);
void coverage_reset(struct coverage *c);
/* VIEW_NEVER: nothing has passed it. Of the last commit. */
int64_t coverage_frontier(const struct coverage *c, uint16_t group);
/* The least of the groups that have one. */
int64_t coverage_least_frontier(struct coverage *c);

#endif
