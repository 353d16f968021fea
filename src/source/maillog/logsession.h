/*
 * logsession - the sessions that the readers of mail logs have open
 *
 * A reader finds the session a line belongs to, writes down what the line says
 * in its fields, and finishes it when it is over: then it is given as a visit.
 * A session is found by a key of the reader's choice (as a rule host and
 * process), until it is over; and by its ties, further keys such as queue ids,
 * until it is freed. A tie knows its message's sender and recipients.
 *
 * `accepted` means really queued: is_queued, or is_data_ok while a tie is still
 * awaited. Otherwise any 4xx makes `deferred`, a 5xx `rejected`, and what ended
 * without QUIT, before an answer to RCPT, or after recipients were taken and
 * before DATA (a call-out) is `aborted`.
 *
 * Use:
 *	struct logsessions *t = logsessions_new(on_visit, arg);
 *	uint64_t key = logsession_key(l->host, l->process);
 *	struct logsession *s = logsession_find(t, key);
 *	if (!s)
 *		s = logsession_begin(t, key, l, client);
 *	logsession_reach(s, DEPTH_RCPT);
 *	logsession_text(&s->helo, helo);
 *	logsession_finish(t, s);		// gives and frees it
 *	...
 *	logsessions_advance(t, now);		// gives what has waited enough
 *	logsessions_show(t, now);		// live: and what is open for long
 *	logsessions_finish(t);			// gives what is open, as it stands
 *	logsessions_free(t);
 *
 * Ownership: sessions belong to the table; a pointer to one is good until any
 * session is begun or finished. Visits are lent.
 *
 * Limits: LOGSESSION_MAX sessions; over it the oldest is given as it stands.
 * Kept for LOGSESSION_KEPT_MAX at most. What logsessions_show() gave as it stood
 * is given once more at its end, if that says something else. Of its ties the
 * last LOGSESSION_TIES_MAX count. LOGSESSION_EARLY_MAX verdicts wait for their message.
 */
#ifndef FMX_SOURCE_MAILLOG_LOGSESSION_H
#define FMX_SOURCE_MAILLOG_LOGSESSION_H

#include "base/stamp.h"
#include "judge/visit.h"
#include "source/maillog/logline.h"

enum { LOGSESSION_MAX = 20000, LOGSESSION_TIES_MAX = 8, LOGSESSION_TOLD_MAX = 4096 };
enum { LOGSESSION_EARLY_MAX = 4096, LOGSESSION_FIRST = 64 };
#define LOGSESSION_VERDICT_WAIT (10 * STAMP_SECOND)
/* For the recipients of what was accepted: delivery tells them. */
#define LOGSESSION_RECIPIENTS_WAIT (30 * STAMP_SECOND)
#define LOGSESSION_OPEN_MAX (10 * STAMP_MINUTE)
#define LOGSESSION_KEPT_MAX STAMP_DAY

struct logtie {
	uint64_t own, host; /* own 0: unused */
	bool is_awaited;    /* received, and nobody said yet that it is queued */
	bool is_telling;    /* its recipients are still to come ... */
	uint32_t missing;   /* ... so many; 0: nobody knows how many */
	char *from;         /* NULL: not known yet */
	char *told;         /* recipients that wait for it, each with its NUL */
	size_t told_len;
	struct logsession *session;
	struct logtie *next;
};

struct logsession {
	struct visit v;    /* client, time, width, ended, depth, envelopes */
	struct addr local; /* where it came; all zero: the log does not say */
	int64_t due;       /* when it is given and freed at the latest; STAMP_NEVER */
	int64_t ripe; /* live, when it is given as it stands at the latest; STAMP_NEVER */
	uint64_t sign;    /* the reader's own, to tell sessions of one key apart; 0 */
	bool is_over;     /* no line finds it any more but by its ties */
	bool is_unjudged; /* it waits for a filter's verdict */
	bool is_queued, is_refused_4, is_refused_5, is_lost, has_quit;
	bool is_rcpt_answered, is_rcpt_taken, is_data_ok;
	bool has_spam, has_clean;    /* a filter said so of a message */
	bool is_user;                /* a user's, who hands in mail: no visit */
	bool is_hint;                /* too little is known yet to make a visit of it */
	uint32_t refused_5, unknown; /* how often; of them for want of a recipient */
	uint32_t pid, port;          /* where one key is not enough; 0: unknown */
	char *helo, *mail_from, *recipient_domain, *name; /* NULL: none yet */
	struct logtie ties[LOGSESSION_TIES_MAX];
	/* the table's own */
	bool is_given;
	enum outcome given_outcome;
	uint8_t tie_count; /* all of them */
	uint64_t key;
	struct logsession **at, *next, *older, *newer; /* at: what points to it */
};

/* local: NULL where the log does not say. */
typedef void (*logsession_visit_fn)(void *arg, const struct visit *v,
				    const struct addr *local);
/* This site's own mail was delivered to another's domain. */
typedef void (*logsession_delivered_fn)(void *arg, const char *domain, int64_t time);

struct logsessions;
struct logsessions *logsessions_new(logsession_visit_fn fn, void *arg);
void logsessions_on_delivered(struct logsessions *t, logsession_delivered_fn fn);
void logsessions_free(struct logsessions *t);
void logsessions_advance(struct logsessions *t, int64_t now);
/* Gives as it stands what is ripe or open for LOGSESSION_OPEN_MAX: for whoever
 * waits for the watermark. */
void logsessions_show(struct logsessions *t, int64_t now);
void logsessions_finish(struct logsessions *t);
/* Start of the oldest session that was not given; STAMP_NEVER. */
int64_t logsessions_held(const struct logsessions *t);
/* How much before the newest line an unread session may have begun; 0 where
 * the log tells of connections when they begin. */
int64_t logsessions_lag(const struct logsessions *t);
uint64_t logsessions_given(const struct logsessions *t); /* visits so far */
uint32_t logsessions_open(const struct logsessions *t);  /* not given yet */

uint64_t logsession_key(struct slice host, struct slice own);
struct logsession *logsession_find(const struct logsessions *t, uint64_t key);
/* Time and host are the line's; the rest is for the reader to fill. */
struct logsession *logsession_begin(struct logsessions *t, uint64_t key,
				    const struct logline *l, struct addr client);
void logsession_finish(struct logsessions *t, struct logsession *s); /* gives, frees */
void logsession_drop(struct logsessions *t, struct logsession *s);   /* not a visit */
void logsession_reach(struct logsession *s, enum depth d);
/* Refused at that stage with 4xx or 5xx. */
void logsession_refuse(struct logsession *s, enum depth stage, int code);
/* How that refusal was worded: is there no such recipient? A visit is of an unknown
 * recipient if all its refusals say so. */
void logsession_worded(struct logsession *s, struct slice answer);
/* It began up to `us` before its line. From then on the table may have to give
 * visits that began that much before their first line (logsessions_lag()). */
void logsession_began_before(struct logsessions *t, struct logsession *s, int64_t us);
/* The next of the same key, newest first; NULL for s: the first. Also those that
 * are over. */
struct logsession *logsession_next(const struct logsessions *t, uint64_t key,
				   const struct logsession *s);

/*
 * A filter's verdict, at that time, on the message of that id; empty: whose it is
 * cannot be told. A filter of another machine may know it, if only one of them has
 * it. It may also come before the id does. From the first one on
 * logsession_settle() waits for them.
 */
void logsessions_verdict(struct logsessions *t, struct slice host, struct slice own,
			 bool is_spam, int64_t time);
/* One has spoken, or the log has just begun. */
bool logsessions_may_have_filter(const struct logsessions *t);
/* A filter speaks elsewhere, and was heard so far (STAMP_NEVER: to its end): who waits
 * for a verdict waits by that time. */
void logsessions_verdicts(struct logsessions *t, int64_t upto);
/* It is over: as logsession_finish(), but an accepted one may wait for a filter's
 * verdict or its recipients, with is_over. Again when some of that has come. */
void logsession_settle(struct logsessions *t, struct logsession *s);

/* The first one stays. Cut at VISIT_TEXT_MAX; a domain becomes lower case. */
void logsession_text(char **to, struct slice text);
void logsession_domain(char **to, struct slice address);
/* Sender and recipient of a message that was told, or tried to. */
void logsession_envelope(struct logsession *s, struct slice from, struct slice to);

/* The oldest tie of that id on that host. Ids that must be unique: untie first. */
struct logtie *logsession_tied(const struct logsessions *t, struct slice host,
			       struct slice own);
struct logtie *logsession_tie(struct logsessions *t, struct logsession *s,
			      struct slice host, struct slice own);
void logsession_untie(struct logsessions *t, struct logtie *tie);
bool logsession_is_awaited(const struct logsession *s); /* any of its ties */
/* The same where its lines come one by one, in any order. */
void logsession_sender(struct logtie *tie, struct slice from);
void logsession_recipient(struct logtie *tie, struct slice to);

/* Mail of this site's was delivered to this address of another. */
void logsessions_delivered(struct logsessions *t, struct slice to, int64_t time);

#endif
