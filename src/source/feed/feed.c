#include "source/feed/feed.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/feed/feed_own.h"

enum { TICK_MS = 500, STOPPING_MS = 20 };

struct feed {
	uv_timer_t tick;
	struct intake *in;
	struct runner *runner; /* one of the two */
	struct listener *listener;
	bool is_stopped, is_closed;
};

static void on_closed(uv_handle_t *h)
{
	struct feed *f = h->data;
	f->is_closed = true;
}

static bool has_ended(const struct feed *f)
{
	return f->runner ? runner_is_closed(f->runner) : listener_is_closed(f->listener);
}

static void on_tick(uv_timer_t *t)
{
	struct feed *f = t->data;
	uint64_t now_ms = uv_now(t->loop);
	if (f->runner)
		runner_tick(f->runner, now_ms);
	else
		listener_tick(f->listener, now_ms);
	if (!f->is_stopped)
		intake_tick(f->in, now_ms);
	else if (has_ended(f))
		uv_close((uv_handle_t *)t, on_closed);
}

struct feed *feed_new(uv_loop_t *loop, const struct feed_spec *spec)
{
	struct feed *f = xcalloc(1, sizeof(*f));
	struct intake_spec intake = spec->intake;
	intake.now_ms = uv_now(loop);
	f->in = intake_new(&intake);
	if (spec->command)
		f->runner = runner_new(loop, f->in, spec->command, intake.is_numbered);
	else
		f->listener = listener_new(loop, f->in, spec->socket);
	f->tick.data = f;
	int rc = uv_timer_init(loop, &f->tick);
	if (rc == 0)
		rc = uv_timer_start(&f->tick, on_tick, 0, TICK_MS);
	assert(rc == 0); /* timers need nothing that could lack */
	(void)rc;
	return f;
}

struct feed_counts feed_counts(const struct feed *f)
{
	struct feed_counts c = { .lines = intake_counts(f->in) };
	if (f->runner)
		runner_count(f->runner, &c);
	else
		listener_count(f->listener, &c);
	return c;
}

void feed_stop(struct feed *f)
{
	if (f->is_stopped)
		return;
	f->is_stopped = true;
	if (f->runner)
		runner_stop(f->runner);
	else
		listener_stop(f->listener);
	(void)uv_timer_start(&f->tick, on_tick, 0, STOPPING_MS); /* not closing */
}

bool feed_is_closed(const struct feed *f)
{
	return f->is_closed;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	assert(f->is_closed);
	runner_free(f->runner);
	listener_free(f->listener);
	intake_free(f->in);
	free(f);
}
