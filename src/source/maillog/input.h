/*
 * input - one log that is followed, wherever it lies
 *
 * A file through rotation (tail.h), or what systemd's journal, a command or standard
 * input tell (output.h), behind one door.
 *
 * Use:
 *	struct input *in = input_new(&spec, on_line, arg);
 *	rc = input_poll(in, now_ms, 1 << 16, &e);	// as output_poll()
 *	input_free(in);
 *
 * Ownership: lines are lent for the call.
 */
#ifndef FMX_SOURCE_MAILLOG_INPUT_H
#define FMX_SOURCE_MAILLOG_INPUT_H

#include "source/maillog/output.h"

struct input_spec {
	const char *where; /* a path, "-", or what output_is_journal() says */
	const char *what;  /* a literal for sentences; NULL: "the mail log" */
	bool is_command;   /* where is a command */
	bool is_end;       /* only what is written from now on ... */
	int64_t now;       /* ... which is this */
	int64_t since;     /* as far as it can be told that; INT64_MIN: all */
	bool has_earlier;  /* of a file: what was rotated away since then, too */
};

struct input;
struct input *input_new(const struct input_spec *spec, lines_fn fn, void *arg);
FMX_MUST_CHECK int input_poll(struct input *in, uint64_t now_ms, size_t budget,
			      struct error *e);
void input_wait(struct input *in, int ms); /* for what a program says */
bool input_is_over(const struct input *in);
/* Why a rotated file was not read; once, then NULL until the next. */
const char *input_missed_file(struct input *in);
/* A stretch of which a program's lines may be missing; likewise. */
bool input_missed(struct input *in, int64_t *ret_from, int64_t *ret_to);
struct tail_counts input_counts(const struct input *in);
void input_free(struct input *in);

#endif
