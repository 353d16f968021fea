/*
 * output - a log that a program writes: systemd's journal, a command's, standard input
 *
 *	journal			this machine's journal: what has the facility "mail"
 *	journal:/folder		all journal files in a folder
 *	journal:MATCH ...	what journalctl(1) shows for these matches
 *	-			standard input
 *	a command		run by the shell; %s is since when it is wanted
 *
 * The journal is read to its end by one journalctl, and from there by one that
 * follows; its lines are objects (frame.h). A command is started again when it ends,
 * after a second, then later and later. What it repeats then is known by its stamps
 * and left out; what it does not repeat may be missing, which is said.
 *
 * Use:
 *	struct output *o = output_new("journal", OUTPUT_JOURNAL, since, on_line, arg);
 *	switch (output_poll(o, now_ms, 1 << 16, &e)) {	// asked from time to time
 *	case TAIL_AT_END: ...
 *	case TAIL_MORE: ...
 *	case TAIL_WAIT: ...	// nothing now, but it is not known to be the end
 *	default: ...		// negative, and the sentence: ask again later
 *	}
 *	output_free(o);
 *
 * Ownership: lines are lent for the call.
 *
 * Limits: lines as in lines.h. A command's repeated lines are known for
 * OUTPUT_KNOWN of its lines.
 */
#ifndef FMX_SOURCE_MAILLOG_OUTPUT_H
#define FMX_SOURCE_MAILLOG_OUTPUT_H

#include "base/error.h"
#include "source/maillog/tail.h"

#define OUTPUT_JOURNAL_WORD "journal"
enum { OUTPUT_KNOWN = 1024, OUTPUT_COMMAND_MAX = 4096 };

enum output_kind {
	OUTPUT_JOURNAL,      /* followed */
	OUTPUT_JOURNAL_ONCE, /* to its end */
	OUTPUT_COMMAND,
	OUTPUT_STDIN,
};

bool output_is_journal(const char *path);

struct output;
/* From since (microseconds) on, as far as it can be told that; INT64_MIN: all. */
struct output *output_new(const char *where, enum output_kind kind, int64_t since,
			  lines_fn fn, void *arg);
FMX_MUST_CHECK int output_poll(struct output *o, uint64_t now_ms, size_t budget,
			       struct error *e);
void output_wait(struct output *o, int ms);  /* until there is more */
bool output_is_over(const struct output *o); /* standard input, or ..._ONCE */
/* A stretch of which lines may be missing; once, then false until the next. */
bool output_missed(struct output *o, int64_t *ret_from, int64_t *ret_to);
struct tail_counts output_counts(const struct output *o);
void output_free(struct output *o);

#endif
