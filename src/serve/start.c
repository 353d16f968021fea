/* From nothing to a serve that listens, in the one order that works. */
#include <assert.h>
#include <fcntl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "serve/internal.h"
#include "serve/privilege.h"

static void init_loop(struct engine *n)
{
	int r = uv_loop_init(&n->loop);
	assert(r == 0);
	n->has_loop = true;
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

static void on_past(void *arg, const struct record *r)
{
	struct engine *n = arg;
	past_record(n->past, r);
	warn_past(n, r);
	if (r->kind == RECORD_NAME)
		names_known(n->names, &r->name, r->seen);
	else if (r->kind == RECORD_FORGET)
		names_forget(n->names, r->text);
}

static int open_journal(struct engine *n, struct error *e)
{
	char path[CONFIG_TEXT_MAX + 32];
	if (!config_journal_path(&n->config, path, sizeof(path)))
		return error_set(e, FMX_EUSAGE, "state: the path is too long");
	int r = ledger_open(path, n->clock.clock, on_past, n, &n->ledger, e);
	if (r == 0)
		n->retain = retain_new(&n->loop, path);
	return r;
}

static bool is_at_decoy(void *arg, struct addr client)
{
	const struct engine *n = arg;
	return decoy_is_talking(n->decoys, client);
}

static bool is_watched(void *arg, uint16_t host)
{
	const struct engine *n = arg;
	return watch_log(n->watch, host) != 0;
}

static void make_desk(struct engine *n)
{
	struct desk_world world = { .judge = ledger_judge(n->ledger),
				    .clock = n->clock.clock,
				    .is_at_decoy = is_at_decoy,
				    .is_watched = is_watched,
				    .arg = n };
	struct policy_limits limits = policy_limits_default();
	struct source_sink sink = input_sink(n);
	n->desk = desk_new(&world, &sink);
	n->policy = policy_server_new(&n->loop, &limits, desk_answer, n->desk);
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

/* Where the reader of a host's log begins: at the newest watermark, of this
 * run or of the last. What came after it, it gives again. */
static bool log_since(void *arg, uint16_t host, int64_t *ret_since)
{
	const struct engine *n = arg;
	int64_t seen;
	past_reread(n->past, host);
	return past_watermark(n->past, host, ret_since, &seen);
}

static void make_parts(struct engine *n)
{
	struct decoy_limits limits = decoy_limits_default();
	struct source_sink sink = input_sink(n);
	struct knock_sink knocks = input_knock_sink(n);
	struct health_sink health = input_health_sink(n);
	struct names_sink names = input_names_sink(n);
	n->ids = ids_new();
	n->past = past_new();
	n->marks = marks_new();
	n->own = own_new();
	n->caller = caller_new(&n->loop);
	n->decoys = decoy_new(&n->loop, n->clock.clock, &limits, &sink);
	n->knock = knock_new(&n->loop, n->clock.clock, &knocks);
	n->watch = watch_new(&n->loop, n->clock.clock, &sink, log_since, n);
	n->health = health_new(&n->loop, n->clock.clock, &health);
	n->names = names_new(&n->loop, n->clock.clock, &names);
}

/*
 * First who we are, then the journal (its files belong to that user), then the
 * sockets, for which two capabilities were kept; START is what the judge counts
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
	r = engine_start_handles(n, e);
	warn_start(n);
	if (r == 0)
		r = open_journal(n, e);
	if (r < 0)
		return r;
	make_desk(n);
	warn_listen(n);
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
	input_add(n, &(struct record){ .kind = RECORD_START });
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
