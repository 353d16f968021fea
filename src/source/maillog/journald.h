/*
 * journald - what mail programs told systemd's journal, as lines of a log
 *
 * Entries with the syslog facility "mail" become lines such as
 * "2026-11-23T14:05:09.123456Z mail postfix/smtpd[123]: text", for the readers
 * of mail logs (maillog_lines.h). The time is the one at which the program
 * wrote it, where the journal knows that.
 *
 * "journal" is the journal of this machine, "journal:/folder" all journal files
 * in a folder: those that systemd-journal-remote collects, or old ones.
 *
 * Use:
 *	if (journald_is(path))
 *		j = journald_new(path, since, on_line, arg);
 *	switch (journald_poll(j, 1 << 20, &e)) {	// asked from time to time
 *	case TAIL_AT_END: ...
 *	case TAIL_MORE: ...
 *	default: ...	// negative, and the sentence: ask again later
 *	}
 *	journald_free(j);
 *
 * Ownership: lines are lent for the call.
 *
 * Limits: lines as in lines.h. libsystemd is loaded when the first journal is
 * opened: whoever reads none does not wait for it.
 */
#ifndef FMX_SOURCE_MAILLOG_JOURNALD_H
#define FMX_SOURCE_MAILLOG_JOURNALD_H

#include "base/error.h"
#include "source/maillog/tail.h"

#define JOURNALD_WORD "journal"

bool journald_is(const char *path);

struct journald;
/* Entries from since (microseconds) on; INT64_MIN: all. */
struct journald *journald_new(const char *path, int64_t since, lines_fn fn, void *arg);
FMX_MUST_CHECK int journald_poll(struct journald *j, size_t budget, struct error *e);
struct tail_counts journald_counts(const struct journald *j);
void journald_free(struct journald *j);

#endif
