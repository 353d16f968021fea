#include "serve/engine.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/internal.h"
#include "serve/notify.h"

static const int signal_numbers[SIGNALS] = {
	[SIGNAL_STOP] = SIGTERM,
	[SIGNAL_QUIT] = SIGINT,
	[SIGNAL_RELOAD] = SIGHUP,
	[SIGNAL_CATCH_UP] = SIGUSR1,
};

void engine_tell(struct engine *n, const char *line)
{
	/* Whoever does not read gets nothing: serving never waits for it. */
	if (n->options.ready_fd >= 0)
		(void)!write(n->options.ready_fd, line, strlen(line));
}

/* A slow disk gets larger batches: the loop waits for it while it writes. */
static uint64_t next_delay(int64_t took_us)
{
	uint64_t ms = (uint64_t)took_us * COMMIT_SHARE / 1000;
	if (ms < COMMIT_DELAY_MS)
		return COMMIT_DELAY_MS;
	return ms > COMMIT_LONGEST_MS ? COMMIT_LONGEST_MS : ms;
}

void engine_commit(struct engine *n)
{
	bool was_failing = ledger_is_failing(n->ledger);
	int64_t began = stamp_monotonic();
	(void)uv_timer_stop(&n->commit);
	n->waiting = 0;
	bool is_written = ledger_commit(n->ledger);
	if (is_written && n->desk)
		desk_fed(n->desk);
	if (is_written && was_failing)
		apply_marks(n, &n->config);
	n->commit_delay_ms = next_delay(stamp_monotonic() - began);
}

/* The judge is moved by records alone; when something is due and none comes,
 * a watermark is the record. */
static enum marks_need marks_need(const struct engine *n)
{
	int64_t now = ledger_now(n->ledger);
	bool is_due = judge_next(ledger_judge(n->ledger)) <= now;
	return is_due && now - ledger_last_seen(n->ledger) >= MARKS_TICK ? MARKS_ONE
									 : MARKS_DUE;
}

static void tell_status(struct engine *n)
{
	struct decoy_counts d = decoy_counts(n->decoys);
	char status[160];
	(void)snprintf(
	    status, sizeof(status), "%u decoy sockets, %u connections, %llu visits%s",
	    d.listeners, d.open, (unsigned long long)n->visits,
	    ledger_is_failing(n->ledger) ? "; the journal cannot be written" : "");
	notify_status(status);
}

/* Commits also with nothing of our own: what other processes wrote comes back.
 * While the disk is full, watermarks are left out (newer ones replace them) and
 * the batch is not tried each second. */
static void tick_journal(struct engine *n)
{
	if (!ledger_is_failing(n->ledger))
		input_write_marks(n, marks_need(n));
	else if (n->ticks % RETRY_TICKS != 0)
		return;
	engine_commit(n);
}

static void on_tick(uv_timer_t *t)
{
	struct engine *n = t->data;
	notify_watchdog();
	watch_tick(n->watch);
	health_tick(n->health);
	retain_tick(n->retain, ledger_now(n->ledger), n->config.retention);
	tick_journal(n);
	warn_tick(n);
	if (n->ticks % METRICS_TICKS == 0)
		metrics_write(n);
	if (n->settle.is_active)
		settle_look(n);
	if (n->ticks++ % STATUS_TICKS == 0)
		tell_status(n);
}

/* Of trials alone: looks whether the clock was moved. */
static void on_poll(uv_timer_t *t)
{
	struct engine *n = t->data;
	int64_t offset = labclock_offset(&n->clock);
	if (offset != n->clock_offset) {
		n->clock_offset = offset;
		settle_begin(n);
	}
	if (n->settle.is_active)
		settle_look(n);
}

static void close_handle(uv_handle_t *h)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void close_handles(struct engine *n)
{
	if (!n->has_handles)
		return;
	close_handle((uv_handle_t *)&n->tick);
	close_handle((uv_handle_t *)&n->commit);
	close_handle((uv_handle_t *)&n->poll);
	for (size_t i = 0; i < SIGNALS; i++)
		close_handle((uv_handle_t *)&n->signals[i]);
}

/* Sources give what they hold; then every handle closes and uv_run() returns. */
static void stop(struct engine *n)
{
	if (n->is_stopping)
		return;
	n->is_stopping = true;
	notify_stopping();
	if (n->watch)
		watch_stop(n->watch);
	if (n->decoys)
		decoy_stop(n->decoys);
	if (n->knock)
		knock_stop(n->knock);
	if (n->policy)
		policy_server_stop(n->policy);
	if (n->health)
		health_stop(n->health);
	if (n->retain)
		retain_stop(n->retain);
	if (n->caller)
		caller_stop(n->caller);
	if (n->names)
		names_stop(n->names);
	close_handles(n);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct engine *n = s->data;
	log_info("signal name=SIG%s", sigabbrev_np(number));
	switch (number) {
	case SIGHUP: apply_reload(n); break;
	case SIGUSR1: settle_begin(n); break;
	default: stop(n);
	}
}

int engine_start_handles(struct engine *n, struct error *e)
{
	n->has_handles = true;
	(void)uv_timer_init(&n->loop, &n->tick);
	(void)uv_timer_init(&n->loop, &n->commit);
	(void)uv_timer_init(&n->loop, &n->poll);
	n->tick.data = n->commit.data = n->poll.data = n;
	int r = uv_timer_start(&n->tick, on_tick, TICK_MS, TICK_MS);
	if (r == 0 && n->clock.map)
		r = uv_timer_start(&n->poll, on_poll, LABCLOCK_POLL_MS, LABCLOCK_POLL_MS);
	for (size_t i = 0; i < SIGNALS; i++) {
		n->signals[i].data = n;
		(void)uv_signal_init(&n->loop, &n->signals[i]);
		if (r == 0)
			r = uv_signal_start(&n->signals[i], on_signal, signal_numbers[i]);
	}
	return r == 0 ? 0 : error_set(e, r, "signals: %s", uv_strerror(r));
}

static void say_ready(struct engine *n)
{
	char status[64];
	(void)snprintf(status, sizeof(status), "%zu sites, %u decoy sockets",
		       n->config.site_count, decoy_counts(n->decoys).listeners);
	log_info("ready sites=%zu listeners=%u closed=%u records=%llu",
		 n->config.site_count, decoy_counts(n->decoys).listeners,
		 knock_counts(n->knock).hosts,
		 (unsigned long long)ledger_counts(n->ledger).records);
	notify_ready(status);
	engine_tell(n, "ready\n");
}

int engine_run(struct engine *n)
{
	health_tick(n->health);
	say_ready(n);
	(void)uv_run(&n->loop, UV_RUN_DEFAULT);
	/* Handles are closed, and everything that sources held was given. */
	input_write_marks(n, MARKS_EACH);
	input_add(n, &(struct record){ .kind = RECORD_STOP });
	bool is_written = ledger_commit(n->ledger);
	warn_save(n);
	metrics_write(n);
	log_info("stopped visits=%llu own=%llu lost=%llu", (unsigned long long)n->visits,
		 (unsigned long long)n->own_visits,
		 (unsigned long long)(is_written ? 0 : ledger_pending(n->ledger)));
	return is_written ? 0 : -EIO;
}

static void close_loop(struct engine *n)
{
	if (!n->has_loop)
		return;
	stop(n);
	(void)uv_run(&n->loop, UV_RUN_DEFAULT);
	decoy_free(n->decoys);
	knock_free(n->knock);
	policy_server_free(n->policy);
	watch_free(n->watch);
	health_free(n->health);
	retain_free(n->retain);
	caller_free(n->caller);
	names_free(n->names);
	int r = uv_loop_close(&n->loop);
	assert(r == 0);
}

void engine_free(struct engine *n)
{
	if (!n)
		return;
	close_loop(n);
	desk_free(n->desk);
	ledger_close(n->ledger);
	marks_free(n->marks);
	own_free(n->own);
	alarms_free(n->alarms);
	past_free(n->past);
	ids_free(n->ids);
	labclock_close(&n->clock);
	config_release(&n->config);
	free(n);
}
