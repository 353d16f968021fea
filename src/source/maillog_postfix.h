/*
 * maillog_postfix - joins the lines of Postfix's log to visits
 *
 * Pure: lines and the time go in, visits come out. A session is known by host
 * and process ("mail postfix/smtpd[123]") from its connect to its disconnect
 * line; queue ids tie what cleanup and qmgr say to it. Its client is the
 * connect line's; a line of another client ends it.
 *
 * A session at postscreen is a visit too. When postscreen lets it pass, smtpd's
 * session of the same client goes on with it: one visit, from postscreen's
 * connect line on. If smtpd does not come within POSTFIX_PASSED_WAIT, it is
 * given as it stands.
 *
 * `accepted` means really queued: the queue manager took it, or, when its line
 * does not come within POSTFIX_QUEUE_WAIT after the disconnect line, smtpd
 * counted the DATA as successful and nobody discarded it. Of several messages
 * one is enough. Otherwise any 4xx makes `deferred`, a 5xx `rejected`, and
 * what ended without QUIT or before an answer to RCPT is `aborted`.
 *
 * Use:
 *	struct maillog_postfix *p = maillog_postfix_new(on_visit, arg);
 *	maillog_postfix_line(p, line, len, now);
 *	maillog_postfix_advance(p, now);	// gives what has waited enough
 *	int64_t t = maillog_postfix_held(p);	// not given yet from here on
 *	maillog_postfix_finish(p);		// gives what is open, as it stands
 *	maillog_postfix_free(p);
 *
 * `now` is the clock while a log is followed at its end, and the stamp of the
 * newest line while older lines are read (maillog_postfix_newest()).
 *
 * Ownership: visits are lent; site, host and source are the caller's to set.
 *
 * Limits: POSTFIX_SESSIONS_MAX sessions; over it the oldest is given as it
 * stands. A session open for more than POSTFIX_OPEN_MAX is given as it stands.
 * A session whose connect line was not read (the log's beginning) begins with
 * its first line.
 */
#ifndef FMX_SOURCE_MAILLOG_POSTFIX_H
#define FMX_SOURCE_MAILLOG_POSTFIX_H

#include "base/stamp.h"
#include "model/visit.h"

enum { POSTFIX_SESSIONS_MAX = 20000, POSTFIX_QUEUE_IDS_MAX = 8 };
#define POSTFIX_QUEUE_WAIT (5 * STAMP_SECOND)
#define POSTFIX_PASSED_WAIT STAMP_MINUTE
#define POSTFIX_OPEN_MAX (10 * STAMP_MINUTE)

struct maillog_postfix_counts {
	uint64_t lines, used, foreign, garbled, visits;
	uint32_t open; /* sessions whose visit was not given yet */
};

typedef void (*maillog_visit_fn)(void *arg, const struct visit *v);
typedef void (*maillog_started_fn)(void *arg, int64_t at);

struct maillog_postfix;
struct maillog_postfix *maillog_postfix_new(maillog_visit_fn fn, void *arg);
/* Called, with the same arg, when Postfix was started: until then it was down. */
void maillog_postfix_on_started(struct maillog_postfix *p, maillog_started_fn fn);
void maillog_postfix_free(struct maillog_postfix *p);

/* A line without its LF; any bytes. */
void maillog_postfix_line(struct maillog_postfix *p, const char *line, size_t len,
			  int64_t now);
void maillog_postfix_advance(struct maillog_postfix *p, int64_t now);
void maillog_postfix_finish(struct maillog_postfix *p);

/* Start of the oldest session that was not given; STAMP_NEVER. */
int64_t maillog_postfix_held(const struct maillog_postfix *p);
int64_t maillog_postfix_newest(const struct maillog_postfix *p); /* 0: no line */
struct maillog_postfix_counts maillog_postfix_counts(const struct maillog_postfix *p);

#endif
