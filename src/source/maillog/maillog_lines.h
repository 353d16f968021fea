/*
 * maillog_lines - lines of a mail log in, visits out, whoever wrote them
 *
 * Reads each line's front once (frame.h) and gives it to the reader of the
 * mail server whose program wrote it (reader.h). A log may hold several
 * servers and hosts.
 *
 * Pure: lines and the time go in, visits come out.
 *
 * Use:
 *	struct maillog_lines *m = maillog_lines_new(on_visit, arg);
 *	maillog_lines_line(m, line, len, now);
 *	maillog_lines_show(m, now);		// live, at the log's end
 *	int64_t t = maillog_lines_held(m);	// not given yet from here on
 *	maillog_lines_finish(m);		// gives what is open, as it stands
 *	maillog_lines_free(m);
 *
 * While lines are read, time is what they say; at the end of a log that is
 * followed it is the clock.
 *
 * Ownership: visits are lent; site, host and source are the caller's to set.
 *
 * Limits: logsession.h's.
 */
#ifndef FMX_SOURCE_MAILLOG_MAILLOG_LINES_H
#define FMX_SOURCE_MAILLOG_MAILLOG_LINES_H

#include "source/maillog/reader.h"

enum { MAILLOG_READERS_MAX = 8 };
/* Lines of several machines in one log are out of order, but not that much. */
#define MAILLOG_JUMP STAMP_DAY

/* Each line is exactly one of used, useless, foreign, garbled. */
struct maillog_lines_counts {
	uint64_t lines;
	uint64_t used;    /* told something of a session, or that the server started */
	uint64_t useless; /* of a program we know, but nothing we need */
	uint64_t foreign; /* of other programs, and of services that are not the MX's */
	uint64_t garbled; /* no stamp, or a known line that does not parse */
	uint64_t used_by[MAILLOG_READERS_MAX]; /* as maillog_lines_reader() numbers */
	uint64_t jumps; /* stamps more than MAILLOG_JUMP before the newest */
	uint64_t visits;
	uint32_t open; /* sessions whose visit was not given yet */
};

/* What was made of one line. */
struct maillog_made {
	enum maillog_says says;
	bool has_stamp;       /* or else it is no line of a log, or part of one */
	bool is_part;         /* of a line that goes on */
	bool is_loss;         /* whoever keeps the log left lines out */
	const char *reader;   /* "postfix"; NULL: of a program that nobody reads */
	struct slice program; /* "smtpd"; may be empty */
};
typedef void (*maillog_made_fn)(void *arg, const struct maillog_made *made,
				const char *line, size_t len);

typedef void (*maillog_started_fn)(void *arg, int64_t at);

struct maillog_lines;
struct maillog_lines *maillog_lines_new(logsession_visit_fn fn, void *arg);
/* Called, with the same arg, when a mail server was started: until then it was
 * down. */
void maillog_lines_on_started(struct maillog_lines *m, maillog_started_fn fn);
/* Called, with the same arg, when whoever keeps the log says that it left lines out (a
 * rate limit): of the stretch since the last line of a mail program. */
typedef void (*maillog_lost_fn)(void *arg, int64_t from, int64_t to, bool is_journald);
void maillog_lines_on_lost(struct maillog_lines *m, maillog_lost_fn fn);
/* What to raise, so that none are left out. */
const char *maillog_lines_limit(bool is_journald);
/* Called for each line, with the same arg. */
void maillog_lines_on_made(struct maillog_lines *m, maillog_made_fn fn);
/* There is a log of a filter besides, its lines come by maillog_lines_verdict(); is it
 * at its end (for now)? Accepted sessions wait until it is read as far as they are. */
void maillog_lines_verdicts(struct maillog_lines *m, bool is_at_end);
void maillog_lines_verdict(struct maillog_lines *m, const char *line, size_t len,
			   int64_t now);
/* It was read as far as the log itself, or to its end. */
bool maillog_lines_verdicts_ahead(const struct maillog_lines *m);
/* The zone of stamps that have none; NULL: this process's. Borrowed. */
void maillog_lines_stamps(struct maillog_lines *m, const char *zone);
/* Only the lines of that machine of a central log; NULL: all. */
void maillog_lines_host(struct maillog_lines *m, const char *host);
/* Called when mail of this site's was delivered to another's domain. */
void maillog_lines_on_delivered(struct maillog_lines *m, logsession_delivered_fn fn);
void maillog_lines_free(struct maillog_lines *m);

/* A line without its LF; any bytes. */
void maillog_lines_line(struct maillog_lines *m, const char *line, size_t len,
			int64_t now);
void maillog_lines_advance(struct maillog_lines *m, int64_t now);
/* The same, and gives as it stands what is open for long (logsession.h): for whoever
 * follows a log live. */
void maillog_lines_show(struct maillog_lines *m, int64_t now);
void maillog_lines_finish(struct maillog_lines *m);

/* Every visit that began before was given: the start of the oldest session that
 * was not, or earlier where a mail server logs late (reader.h);
 * STAMP_NEVER. */
int64_t maillog_lines_held(const struct maillog_lines *m);
/* 0: no line. It goes back where the log's clock does (counts.jumps). */
int64_t maillog_lines_newest(const struct maillog_lines *m);
/* The stamp of the last line; false if it has none. */
bool maillog_lines_last(const struct maillog_lines *m, int64_t *ret_time,
			uint32_t *ret_precision_us);
struct maillog_lines_counts maillog_lines_counts(const struct maillog_lines *m);
const char *maillog_lines_reader(size_t i); /* "postfix"; NULL: there are no more */

#endif
