#include "serve/engine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "serve/internal.h"
#include "serve/notify.h"
#include "serve/privilege.h"

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
	if (ledger_commit(n->ledger) && was_failing)
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
	if (n->health)
		health_stop(n->health);
	if (n->retain)
		retain_stop(n->retain);
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

static void init_loop(struct engine *n)
{
	int r = uv_loop_init(&n->loop);
	assert(r == 0);
	n->has_loop = true;
}

static int start_handles(struct engine *n, struct error *e)
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

/* Every number that a definition of the past has given stays given. */
static void learn_ids(struct engine *n)
{
	const struct judge *j = ledger_judge(n->ledger);
	for (size_t i = 0; i < judge_site_count(j); i++)
		ids_learn(n->ids, judge_site(j, i));
	for (unsigned id = 1; id <= UINT16_MAX; id++) {
		const struct site *s = NULL;
		const struct host *h = judge_host(j, (uint16_t)id, &s);
		if (h && s)
			ids_learn_host(n->ids, s->id, h->name, h->id);
	}
}

/* Before anything else is opened: a number that is not open now would become a
 * descriptor of ours. */
static void find_inherited(struct engine *n)
{
	int count = sd_listen_fds(1);
	for (int i = 0; i < count && n->inherited_count < INHERITED_MAX; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0)
			n->inherited[n->inherited_count++] = fd;
		else
			log_warning("socket-refused fd=%d reason=\"not a listening TCP "
				    "socket (systemd: ListenStream=)\"",
				    fd);
	}
}

static void inherit_sockets(struct engine *n)
{
	for (size_t i = 0; i < n->inherited_count; i++) {
		struct error e;
		if (decoy_inherit(n->decoys, n->inherited[i], &e) < 0)
			log_warning("socket-refused reason=\"%s\"", e.text);
	}
}

static int open_journal(struct engine *n, struct error *e)
{
	char path[CONFIG_TEXT_MAX + 32];
	if (!config_journal_path(&n->config, path, sizeof(path)))
		return error_set(e, FMX_EUSAGE, "state: the path is too long");
	int r = ledger_open(path, n->clock.clock, past_record, n->past, &n->ledger, e);
	if (r == 0)
		n->retain = retain_new(&n->loop, path);
	return r;
}

static void add_record(struct engine *n, enum record_kind kind)
{
	struct record r = { .kind = kind };
	input_add(n, &r);
}

/* What the last run wrote last, so that nothing is written twice at once. */
static void learn_marks(struct engine *n)
{
	for (size_t i = 0; i < n->config.site_count; i++) {
		const struct site *s = &n->config.sites[i];
		for (size_t k = 0; k < s->host_count; k++) {
			int64_t upto, seen;
			if (past_watermark(n->past, s->hosts[k].id, &upto, &seen))
				marks_past(n->marks, s->hosts[k].id, upto, seen);
		}
	}
}

static const struct host *find_host(const struct config *c, uint16_t id)
{
	for (size_t i = 0; i < c->site_count; i++) {
		for (size_t k = 0; k < c->sites[i].host_count; k++) {
			if (c->sites[i].hosts[k].id == id)
				return &c->sites[i].hosts[k];
		}
	}
	return NULL;
}

/* The last run's probes, whose visits a log that is read again shows again. */
static void learn_probes(struct engine *n)
{
	struct past_probe p;
	for (size_t i = 0; past_probe(n->past, i, &p); i++) {
		const struct host *h = find_host(&n->config, p.host);
		uint16_t log = h ? watch_log(n->watch, p.host) : 0;
		for (size_t k = 0; log && k < h->address_count; k++) {
			uint64_t probe = own_began(
			    n->own, log, own_route(h->addresses[k].addr), p.time);
			own_ended(n->own, probe, p.time, false);
		}
	}
}

static void make_parts(struct engine *n)
{
	struct decoy_limits limits = decoy_limits_default();
	struct source_sink sink = input_sink(n);
	struct health_sink health = input_health_sink(n);
	n->ids = ids_new();
	n->past = past_new();
	n->marks = marks_new();
	n->own = own_new();
	n->decoys = decoy_new(&n->loop, n->clock.clock, &limits, &sink);
	n->watch = watch_new(&n->loop, n->clock.clock, &sink);
	n->health = health_new(&n->loop, n->clock.clock, &health);
}

/*
 * First who we are, then the journal (its files belong to that user), then the
 * sockets, for which one capability was kept; START is what the judge counts
 * its grace from, so it comes when the decoys listen.
 */
static int start(struct engine *n, struct error *e)
{
	int r = labclock_open(n->config.clock, &n->clock, e);
	if (r == 0)
		r = privilege_become(n->config.user, e);
	if (r < 0)
		return r;
	n->clock_offset = labclock_offset(&n->clock);
	make_parts(n);
	r = start_handles(n, e);
	if (r == 0)
		r = open_journal(n, e);
	if (r < 0)
		return r;
	learn_ids(n);
	inherit_sockets(n);
	r = apply_config(n, &n->config, e);
	if (r == 0)
		r = privilege_finish(e);
	if (r < 0)
		return r;
	if (geteuid() == 0 && !n->config.lab)
		log_warning("running-as-root note=\"set `user` in the configuration, or "
			    "use the systemd unit\"");
	learn_marks(n);
	learn_probes(n);
	add_record(n, RECORD_START);
	engine_commit(n);
	return 0;
}

int engine_start(const struct engine_options *options, struct config *config,
		 struct engine **ret_engine, struct error *e)
{
	struct engine *n = xcalloc(1, sizeof(*n));
	n->options = *options;
	n->commit_delay_ms = COMMIT_DELAY_MS;
	n->config = *config;
	*config = (struct config){ .sites = NULL };
	if (n->options.ready_fd >= 0)
		(void)fcntl(n->options.ready_fd, F_SETFL, O_NONBLOCK);
	find_inherited(n);
	init_loop(n);
	int r = start(n, e);
	if (r < 0) {
		engine_free(n);
		return r;
	}
	*ret_engine = n;
	return 0;
}

static void say_ready(struct engine *n)
{
	char status[64];
	(void)snprintf(status, sizeof(status), "%zu sites, %u decoy sockets",
		       n->config.site_count, decoy_counts(n->decoys).listeners);
	log_info("ready sites=%zu listeners=%u records=%llu", n->config.site_count,
		 decoy_counts(n->decoys).listeners,
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
	add_record(n, RECORD_STOP);
	bool is_written = ledger_commit(n->ledger);
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
	watch_free(n->watch);
	health_free(n->health);
	retain_free(n->retain);
	int r = uv_loop_close(&n->loop);
	assert(r == 0);
}

void engine_free(struct engine *n)
{
	if (!n)
		return;
	close_loop(n);
	ledger_close(n->ledger);
	marks_free(n->marks);
	own_free(n->own);
	past_free(n->past);
	ids_free(n->ids);
	labclock_close(&n->clock);
	config_release(&n->config);
	free(n);
}
