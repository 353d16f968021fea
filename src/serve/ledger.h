/*
 * ledger - the journal and the judge of one serve, kept in step
 *
 * What a source gives goes into the journal's batch; what the journal has
 * committed, whoever wrote it, goes to the judge, in the journal's order; what
 * the judge says is logged. The judge is moved by records alone, never by the
 * clock: where time itself has to pass, a record is written (marks.h). So the
 * verdicts given live are those of a replay by construction.
 *
 * Use:
 *	if (ledger_open(path, clock, &l, &e) < 0)	// replays the past
 *		...
 *	ledger_add(l, &record);		// stamped with the clock's now
 *	ledger_commit(l);		// at least each second
 *	ledger_close(l);
 *
 * Ownership: the ledger owns journal and judge; ledger_judge() is lent.
 *
 * Limits: those of the journal. A full disk is logged once when it begins and
 * once when it is over, with the number of records that were lost.
 */
#ifndef FMX_SERVE_LEDGER_H
#define FMX_SERVE_LEDGER_H

#include "base/error.h"
#include "base/stamp.h"
#include "old/journal.h"
#include "old/judge.h"

struct ledger;

/* Called for every record of the past before ledger_open() returns, after the
 * judge was fed with it; for ALLOW records at last, and for all that were ever
 * written. FORGET records come also later, when another process wrote one. */
typedef void (*ledger_past_fn)(void *arg, const struct record *r);

FMX_MUST_CHECK int ledger_open(const char *path, struct stamp_clock clock,
			       ledger_past_fn past, void *arg, struct ledger **ret_ledger,
			       struct error *e);
/* From now on: verdict for each that is given, record for each that was fed,
 * after its verdicts. */
struct ledger_listener {
	void (*verdict)(void *arg, const struct verdict *v, const char *site);
	void (*record)(void *arg, const struct record *r);
	void *arg;
};
void ledger_listen(struct ledger *l, const struct ledger_listener *listener);
/* Commits first. NULL is fine. */
void ledger_close(struct ledger *l);

/* r->seen is set to now; r->time too if it is 0. */
void ledger_add(struct ledger *l, struct record *r);
/* Writes, feeds and logs. False while the journal cannot be written. */
bool ledger_commit(struct ledger *l);

const struct judge *ledger_judge(const struct ledger *l);
uint64_t ledger_pending(const struct ledger *l);
struct journal_counts ledger_counts(const struct ledger *l);
int64_t ledger_now(const struct ledger *l);
/* The clock's time of the last record fed to the judge. */
int64_t ledger_last_seen(const struct ledger *l);
bool ledger_is_failing(const struct ledger *l);

#endif
