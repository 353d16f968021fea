/*
 * serving - the real fakemx-serve, as a child
 *
 * Use:
 *	struct serving s;
 *	serving_start(loop, "/tmp/x/fakemx.conf", "/tmp/x/serve.log", &s, &e);
 *	...				// until s.is_ready
 *	serving_catch_up(&s);		// then until s.has_caught_up
 *	serving_stop(&s);		// then until s.is_gone
 *	serving_release(&s);
 *
 * The child ends when this process does, however it does.
 *
 * Ownership: serving_release() waits for the child, and kills it if it must;
 * the loop has to run once more for the pipe to be closed.
 */
#ifndef FMX_REHEARSE_SERVING_H
#define FMX_REHEARSE_SERVING_H

#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

struct serving {
	pid_t pid; /* 0: not started */
	uv_pipe_t ready;
	char line[64];
	size_t len;
	bool is_ready;
	bool has_caught_up;      /* since somebody set this to false */
	int64_t caught_up_ahead; /* with the clock so far ahead */
	bool is_gone;            /* it ended, or closed the pipe */
};

FMX_MUST_CHECK int serving_start(uv_loop_t *loop, const char *config, const char *log,
				 struct serving *ret_serving, struct error *e);
void serving_catch_up(const struct serving *s);
void serving_stop(const struct serving *s);
void serving_release(struct serving *s);

#endif
