/*
 * maillog - the eyes on a real host: its mail log, followed live
 *
 * Reads a growing log file (tail.h), or what systemd's journal or a command tell
 * (output.h), joins its lines to visits (maillog_lines.h), and gives them with
 * watermarks. A turn of the loop takes a few milliseconds at most.
 *
 * A visit is given at the end of its session, at the latest ten minutes after
 * its start (then as it stands). The watermark is held at the start of the
 * oldest session that was not given; otherwise it is the moment of the last
 * read that reached the end of the file, less MAILLOG_LAG for what the syslog
 * daemon still holds, and less what a mail server's log leaves open of when
 * its sessions began (maillog_lines_held()). While the file cannot be read
 * there is no watermark but trouble.
 *
 * Where the log's clock is off (logclock.h), that is trouble too; visits and
 * watermarks are then by our clock, the visits with a precision that no delay
 * can be told by.
 *
 * The verdicts of a spam filter may stand in a log of their own: then an accepted
 * visit waits until that was read as far.
 *
 * Use:
 *	struct maillog_spec spec = { .hosts = &id, .host_count = 1, .site = 1,
 *		.path = "/var/log/mail.log", .start = MAILLOG_SINCE, .since = t };
 *	struct maillog *m = maillog_new(loop, clock, &spec, &sink);
 *	...
 *	maillog_stop(m);
 *	uv_run(loop, ...);
 *	maillog_free(m);
 *
 * Ownership: copies spec and sink. The loop must outlive maillog_free().
 *
 * Where several real hosts are watched by one log, all get the watermarks, and a
 * visit is the host's at whose address it came, or the first one's where the log
 * does not say (Postfix's smtpd) or says an address that is none of theirs.
 *
 * Limits: Classic syslog times carry neither year nor zone:
 * read in this process's zone and in the year that puts them nearest before
 * now; in the hour that the end of daylight saving time repeats, the reading
 * nearest to the line before is taken. A clock that is off by up to
 * MAILLOG_CLOCK_FAR makes visits wide and watermarks late, one farther off gives
 * no watermarks at all; which of the two is wrong, or whether lines are late, does
 * not matter then. It is learnt anew after a restart: visits as near to the last
 * watermark as the clocks differ may then be missing or come twice, so the time
 * from there until it shows is told as a gap. What is written after the start is
 * never taken for old.
 */
#ifndef FMX_SOURCE_MAILLOG_MAILLOG_H
#define FMX_SOURCE_MAILLOG_MAILLOG_H

#include <uv.h>

#include "base/addr.h"
#include "base/stamp.h"
#include "source/source.h"

#define MAILLOG_LAG (2 * STAMP_SECOND)
/* A clock farther from ours than this: no watermarks, and when they agree again a
 * gap. The judge's intervals are no wider than 100 s. */
#define MAILLOG_CLOCK_FAR STAMP_MINUTE

enum maillog_start {
	MAILLOG_END,   /* only what is written from now on */
	MAILLOG_BEGIN, /* the whole file, then what is written */
	MAILLOG_SINCE, /* as BEGIN, rotated files first (tail.h), but only visits
			* that began at or after `since`: after a restart, the
			* host's last watermark */
};

/* An address of one of the hosts. */
struct maillog_address {
	struct addr address;
	uint16_t host, site;
};

struct maillog_spec {
	const uint16_t *hosts;                   /* ids; the first gets the visits */
	size_t host_count;                       /* at least 1 */
	uint16_t site;                           /* of the first host */
	const struct maillog_address *addresses; /* may be NULL */
	size_t address_count;
	const char *path;     /* of a file; "-", or what output_is_journal() says */
	bool is_command;      /* path is a command that writes the log */
	const char *log_host; /* only this machine's lines; NULL or "": all */
	const char *stamps;   /* the zone of stamps that have none; NULL or "": ours */
	/* Where a spam filter writes its verdicts, as path and is_command; NULL or "":
	 * in the same log. Read only as far as the log is. */
	const char *filter;
	bool is_filter_command;
	/* Standard input is at its end; with sink.arg. May be NULL. */
	void (*ended)(void *arg);
	enum maillog_start start;
	int64_t since;
};

struct maillog_counts {
	uint64_t bytes, lines;
	uint64_t used;     /* lines of a mail server's that told something */
	uint64_t useless;  /* lines of a mail server's that we do not need */
	uint64_t foreign;  /* lines of other programs and services */
	uint64_t garbled;  /* no stamp, or a known line that does not parse */
	uint64_t too_long; /* cut at the reader's limit */
	uint64_t visits;
	uint64_t rotations; /* renamed or truncated under us */
	uint32_t open;      /* sessions not over yet */
	int64_t last_line;  /* the newest stamp read; 0 none */
};

struct maillog;
/* A file that does not exist yet, or may not be read, is trouble and tried
 * again; nothing else can fail. */
struct maillog *maillog_new(uv_loop_t *loop, struct stamp_clock clock,
			    const struct maillog_spec *spec,
			    const struct source_sink *sink);
struct maillog_counts maillog_counts(const struct maillog *m);

/* Reads what is there now and gives it, the sessions still open as they stand,
 * and a last watermark, from which the next start may go on (SINCE) without
 * giving a visit twice. After SIGKILL it may: those that began between the last
 * watermark and the end are then read again. */
void maillog_stop(struct maillog *m);
void maillog_free(struct maillog *m);

#endif
