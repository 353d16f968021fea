/*
 * take - lines to rows: a batch is resolved, sorted, folded, written
 *
 * What sources give waits in memory until take_commit() writes it in one transaction:
 * `visit` appended in the order of arrival, one `run` row read and written for each run
 * that the batch touches, envelopes, slots, spans, positions.
 *
 * Use:
 *	struct take *t = take_new(db, &e);
 *	take_add(t, &line);		// copied
 *	take_commit(t, &e);		// half a second after the first, or at TAKE_BATCH
 *	take_free(t);
 *
 * Limits: TAKE_MAX lines wait while the disk is full; a host whose line is over that
 * is unwatched from then on, which is written before its next watermark. Decoy
 * visits and knocks have budgets (TAKE_*_BUDGET): over them only `slot` grows, and a
 * low decoy gets a `lost` span.
 */
#ifndef FMX_JOURNAL_TAKE_TAKE_H
#define FMX_JOURNAL_TAKE_TAKE_H

#include "journal/take/coverage.h"
#include "judge/name.h"

enum { TAKE_BATCH = 5000, TAKE_MAX = 100000 };
/* A day (UTC), of one decoy: knocks, other visits, and those of one client. */
enum {
	TAKE_KNOCK_BUDGET = 50000,
	TAKE_DECOY_BUDGET = 200000,
	TAKE_CLIENT_BUDGET = 1000,
	TAKE_PREFIX_BUDGET = 8000, /* of a /64 */
};

/* The source (LINE_POSITION) whose position is why serve cannot see a host; "" it can. */
#define TAKE_BLIND "blind:%u"

enum line_kind {
	LINE_VISIT,
	LINE_WATERMARK, /* host, time: all before it was given */
	LINE_PROBE,     /* host, time, is_ok */
	LINE_OUTAGE,    /* host: down until time */
	LINE_GAP,       /* host: unseen from since to time */
	LINE_LOST,      /* host: knocks or lines dropped from since to time */
	LINE_NAME,      /* name */
	LINE_SPF,       /* client, text: envelope domain passed at time */
	LINE_WROTE,     /* text: a domain this site delivered mail to, at time */
	LINE_MX,       /* host: the site; text: domain, position: hosts; is_ok: a decoy */
	LINE_COMPARED, /* client, text: zone; answer */
	LINE_POSITION, /* text: source, position: where it goes on reading */
};

enum compared { COMPARED_NO, COMPARED_YES, COMPARED_UNKNOWN };

struct line {
	enum line_kind kind;
	uint16_t host;
	int64_t time, since;
	int64_t seen; /* when it arrived; raised to the last one's if smaller */
	bool is_ok;
	enum compared answer; /* COMPARED */
	bool is_spoken;       /* WATERMARK, GAP: serve speaks for a silent host */
	struct addr client;
	const char *text, *position; /* lent; NULL is "" */
	struct visit visit;          /* VISIT: host and time are the visit's */
	struct name_fact name;
};

struct take_counts {
	uint64_t visits, late, over_budget, dropped, lines, commits;
	size_t pending;
};

struct take;
FMX_MUST_CHECK int take_new(struct db *db, struct take **ret_take, struct error *e);
void take_free(struct take *t); /* what is pending is not written */
void take_add(struct take *t, const struct line *l);
/* One transaction; on error all stays pending for the next call. */
FMX_MUST_CHECK int take_commit(struct take *t, struct error *e);
/* The same of the first `most` lines. */
FMX_MUST_CHECK int take_commit_some(struct take *t, size_t most, struct error *e);
/* Definitions changed (sites_define()): load them again. */
FMX_MUST_CHECK int take_sites(struct take *t, struct error *e);
const struct sites *take_get_sites(const struct take *t);
struct coverage *take_coverage(struct take *t);
struct take_counts take_counts(const struct take *t);
/* What waits in `from`, of a journal whose place this one took, waits here; what became
 * too much there is unwatched here. Hosts have the same numbers. */
void take_inherit(struct take *t, struct take *from);
/* Pending visits of a client: for the policy service's question. Lent. */
typedef void (*take_visit_fn)(void *arg, const struct visit *v);
void take_each_pending(const struct take *t, struct addr client, take_visit_fn fn,
		       void *arg);
/* The source of the host is read again, from what began at `since` on. */
void take_reread(struct take *t, uint16_t host, int64_t since);
/* Was this visit of a log or feed given before its source began anew (host, client,
 * time; each as often as it was given)? */
bool take_has(struct take *t, const struct visit *v);
/* Text position of a source; "" none. */
const char *take_position(struct take *t, const char *source, char *text, size_t size);

#endif
