#include "serve/engine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "serve/alarm/alarm_raise.h"
#include "serve/apply.h"
#include "serve/catch_up.h"
#include "serve/hidden.h"
#include "serve/lines.h"
#include "serve/metrics/metrics.h"
#include "serve/parts.h"
#include "serve/start.h"
#include "serve/system/notify.h"

enum { TICK_MS = 1000, STATUS_TICKS = 10, METRICS_TICKS = 15, COST_TICKS = 600 };

static const int signal_numbers[ENGINE_SIGNALS] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

static void tell_status(struct engine *n)
{
	struct decoy_counts d = decoy_counts(n->decoys);
	char status[160];
	(void)snprintf(
	    status, sizeof(status), "%u decoy sockets, %u connections, %llu visits%s",
	    d.listeners, d.open, (unsigned long long)n->visits,
	    writer_is_failing(n->writer) ? "; the journal cannot be written" : "");
	notify_status(status);
}

/* Where the clock jumps nothing is judged until it can be believed again. */
static void look_at_clock(struct engine *n)
{
	if (!n->clock_watch ||
	    !clock_watch_look(n->clock_watch, stamp_now(), stamp_monotonic()))
		return;
	bool is_held = clock_watch_is_held(n->clock_watch);
	writer_hold(n->writer, is_held);
	if (is_held)
		log_warning(
		    "clock-jumped seconds=%.0f note=\"nobody is judged, and nothing "
		    "deleted, before the clock has agreed with itself for ten "
		    "minutes; is the time of this machine right?\"",
		    (double)clock_watch_jump(n->clock_watch) / (double)STAMP_SECOND);
	else
		log_info("clock-agrees note=\"senders are judged again\"");
}

/* While a known sender is at risk, and after `fakemx off`, nobody is put off. */
static void hold_policy(struct engine *n)
{
	char path[CONFIG_TEXT_MAX + 8];
	bool is_off =
	    config_off_path(&n->config, path, sizeof(path)) && access(path, F_OK) == 0;
	bool is_held =
	    n->config.on_risk != ON_RISK_OFF && alarms_count(n->alarms, ALARM_SENDER) > 0;
	policy_answers_hold(n->answers, is_off || is_held);
}

/* It is one process with us, but for what it may do. */
static void look_at_helper(struct engine *n)
{
	if (n->is_helper_lost || !program_is_lost())
		return;
	n->is_helper_lost = true;
	log_error(
	    "helper-lost note=\"the process that starts commands and journalctl for "
	    "serve has ended, and serve may start none; restart serve: hosts that "
	    "are watched by them are not watched until then, and nobody is judged "
	    "by them\"");
}

/* Of trials: the clock was moved, and everybody is to look again. Until they have, nobody
 * is judged: the days that passed would be days that nobody watched. */
static void look_at_lab_clock(struct engine *n)
{
	int64_t offset = labclock_offset(&n->lab_clock);
	if (offset == n->clock_offset)
		return;
	n->clock_offset = offset;
	writer_hold(n->writer, true);
	catch_up_begin(n);
}

static void on_tick(uv_timer_t *t)
{
	struct engine *n = t->data;
	notify_watchdog();
	look_at_lab_clock(n); /* before anybody is taken to be silent */
	look_at_clock(n);
	look_at_helper(n);
	watch_tick(n->watch);
	hidden_tick(n);
	probe_schedule_tick(n->probes);
	asks_tick(n->asks);
	/* While the journal cannot be written newer watermarks replace these; while
	 * everybody is about to look again, nobody is silent. */
	if (!writer_is_failing(n->writer) && !n->catch_up.is_active)
		lines_watermarks(n, false);
	writer_tick(n->writer, n->config.retention);
	alarm_raise_tick(n);
	hold_policy(n);
	if (*n->config.metrics || n->config.web.is_there)
		journal_counts_tick(n->journal_counts, writer_now(n->writer));
	if (n->ticks % METRICS_TICKS == 0)
		metrics_write(n);
	if (n->ticks % COST_TICKS == 0)
		lines_cost(n);
	catch_up_look(n);
	if (n->ticks++ % STATUS_TICKS == 0)
		tell_status(n);
}

/* Of trials alone. */
static void on_poll(uv_timer_t *t)
{
	struct engine *n = t->data;
	look_at_lab_clock(n);
	catch_up_look(n);
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
	close_handle((uv_handle_t *)&n->poll);
	for (size_t i = 0; i < ENGINE_SIGNALS; i++)
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
	if (n->probes)
		probe_schedule_stop(n->probes);
	if (n->writer)
		writer_stop(n->writer);
	if (n->journal_counts)
		journal_counts_stop(n->journal_counts);
	if (n->alarm_command)
		alarm_command_stop(n->alarm_command);
	if (n->names)
		names_stop(n->names);
	if (n->asks)
		asks_stop(n->asks);
	close_handles(n);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct engine *n = s->data;
	log_info("signal name=SIG%s", sigabbrev_np(number));
	switch (number) {
	case SIGHUP: apply_reload(n); break;
	case SIGUSR1: catch_up_ask(n); break;
	default: stop(n);
	}
}

static int start_handles(struct engine *n, struct error *e)
{
	n->has_handles = true;
	(void)uv_timer_init(&n->loop, &n->tick);
	(void)uv_timer_init(&n->loop, &n->poll);
	n->tick.data = n->poll.data = n;
	int r = uv_timer_start(&n->tick, on_tick, TICK_MS, TICK_MS);
	if (r == 0 && n->lab_clock.map)
		r = uv_timer_start(&n->poll, on_poll, LABCLOCK_POLL_MS, LABCLOCK_POLL_MS);
	for (size_t i = 0; i < ENGINE_SIGNALS; i++) {
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
	log_info("ready sites=%zu listeners=%u closed=%u", n->config.site_count,
		 decoy_counts(n->decoys).listeners, knock_counts(n->knock).hosts);
	notify_ready(status);
	catch_up_tell(n, "ready\n");
}

int engine_run(struct engine *n)
{
	probe_schedule_tick(n->probes);
	say_ready(n);
	(void)uv_run(&n->loop, UV_RUN_DEFAULT);
	/* Handles are closed, and everything that sources held was given. */
	lines_watermarks(n, true);
	lines_cost(n);
	bool is_written = writer_commit(n->writer);
	alarm_raise_save(n);
	metrics_write(n);
	size_t lost = is_written ? 0 : take_counts(writer_take(n->writer)).pending;
	log_info("stopped visits=%llu own=%llu lost=%zu", (unsigned long long)n->visits,
		 (unsigned long long)n->own_visits, lost);
	return is_written ? 0 : -EIO;
}

static void close_loop(struct engine *n)
{
	stop(n);
	(void)uv_run(&n->loop, UV_RUN_DEFAULT);
	decoy_free(n->decoys);
	knock_free(n->knock);
	policy_server_free(n->policy);
	watch_free(n->watch);
	probe_schedule_free(n->probes);
	alarm_command_free(n->alarm_command);
	names_free(n->names);
	asks_free(n->asks);
	journal_counts_free(n->journal_counts);
	policy_answers_free(n->answers);
	n->answers = NULL;
	db_close(n->policy_db);
	writer_free(n->writer);
	int r = uv_loop_close(&n->loop);
	assert(r == 0);
}

void engine_free(struct engine *n)
{
	if (!n)
		return;
	close_loop(n);
	watermarks_free(n->watermarks);
	self_probe_free(n->self_probes);
	alarms_free(n->alarms);
	labclock_close(&n->lab_clock);
	clock_watch_free(n->clock_watch);
	program_join();
	config_release(&n->config);
	free(n);
}

int engine_start(const struct engine_options *options, struct config *config,
		 struct engine **ret_engine, struct error *e)
{
	struct engine *n = xcalloc(1, sizeof(*n));
	n->options = *options;
	n->config = *config;
	*config = (struct config){ .sites = NULL };
	if (n->options.ready_fd >= 0)
		(void)fcntl(n->options.ready_fd, F_SETFL, O_NONBLOCK);
	start_inherit(n);
	int r = uv_loop_init(&n->loop);
	if (r < 0) { /* no loop that engine_free() could close */
		config_release(&n->config);
		free(n);
		return error_set(e, r, "cannot make an event loop: %s", uv_strerror(r));
	}
	r = start_parts(n, e);
	if (r == 0)
		r = start_handles(n, e);
	if (r < 0) {
		engine_free(n);
		return r;
	}
	*ret_engine = n;
	return 0;
}
