#include "source/maillog/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"

#define JOURNAL_BEFORE STAMP_HOUR

struct input {
	char *where;
	const char *what;
	struct tail *tail;     /* NULL: it is a program's output */
	struct output *output; /* NULL: it is a file */
};

/* A journal is entered somewhat earlier: a session that we join in its middle
 * would look as if it began there. */
static int64_t since_of(const struct input_spec *spec)
{
	if (spec->is_end)
		return spec->now;
	return spec->since < JOURNAL_BEFORE ? INT64_MIN : spec->since - JOURNAL_BEFORE;
}

struct input *input_new(const struct input_spec *spec, lines_fn fn, void *arg)
{
	struct input *in = xcalloc(1, sizeof(*in));
	bool is_journal = output_is_journal(spec->where);
	in->where = xstrdup(spec->where);
	in->what = spec->what ? spec->what : "the mail log";
	if (spec->is_command || is_journal || strcmp(spec->where, "-") == 0) {
		enum output_kind kind = spec->is_command ? OUTPUT_COMMAND
					: is_journal     ? OUTPUT_JOURNAL
							 : OUTPUT_STDIN;
		in->output = output_new(spec->where, kind, since_of(spec), fn, arg);
		return in;
	}
	in->tail = tail_new(spec->where, spec->is_end, fn, arg);
	if (spec->has_earlier)
		tail_earlier(in->tail, spec->since);
	return in;
}

int input_poll(struct input *in, uint64_t now_ms, size_t budget, struct error *e)
{
	if (in->output)
		return output_poll(in->output, now_ms, budget, e);
	int rc = tail_poll(in->tail, now_ms, budget);
	if (rc < 0)
		return error_set(e, rc, "%s %s cannot be read: %s%s", in->what, in->where,
				 strerror(-rc),
				 rc == -EACCES
				     ? " (let fakemx into the log's group, as a rule adm)"
				     : "");
	return rc;
}

void input_wait(struct input *in, int ms)
{
	if (in->output)
		output_wait(in->output, ms);
}

bool input_is_over(const struct input *in)
{
	return in->output && output_is_over(in->output);
}

const char *input_missed_file(struct input *in)
{
	return in->tail ? tail_missed(in->tail) : NULL;
}

bool input_missed(struct input *in, int64_t *ret_from, int64_t *ret_to)
{
	return in->output && output_missed(in->output, ret_from, ret_to);
}

struct tail_counts input_counts(const struct input *in)
{
	return in->tail ? tail_counts(in->tail) : output_counts(in->output);
}

void input_free(struct input *in)
{
	if (!in)
		return;
	tail_free(in->tail);
	output_free(in->output);
	free(in->where);
	free(in);
}
