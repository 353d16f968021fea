#include "serve/start.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/alarm/alarm_raise.h"
#include "serve/apply.h"
#include "serve/hidden.h"
#include "serve/lines.h"
#include "serve/system/privilege.h"
#include "serve/write/say.h"

void start_inherit(struct engine *n)
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

/* ---- what the journal says after its commits ---- */

static void on_verdict(void *arg, const struct verdict *v, const struct told *before,
		       const struct sender *who)
{
	struct engine *n = arg;
	struct buf line = BUF_INIT(SAY_MAX);
	(void)who;
	say_verdict(v, before, alarm_raise_site_name(n, v->site), &line);
	if (say_is_news(v, before))
		log_info("%s", buf_text(&line));
	else
		log_debug("%s", buf_text(&line));
	buf_release(&line);
	alarm_raise_verdict(n, v);
}

static void on_listing(void *arg, const struct listing *l)
{
	struct engine *n = arg;
	struct buf line = BUF_INIT(SAY_MAX);
	say_listing(l, alarm_raise_site_name(n, l->site), &line);
	log_info("%s", buf_text(&line));
	buf_release(&line);
}

static void on_journal_trouble(void *arg, bool is_over, const char *sentence)
{
	struct engine *n = arg;
	if (n->alarms)
		alarm_raise_journal(n, is_over, sentence);
}

static void on_changed(void *arg)
{
	struct engine *n = arg;
	names_forget(n->names);
	alarm_raise_changed(n);
}

static void on_gone(void *arg)
{
	apply_journal(arg);
}

static void on_committed(void *arg)
{
	struct engine *n = arg;
	if (n->answers)
		policy_answers_committed(n->answers);
}

static int open_journal(struct engine *n, struct error *e)
{
	char path[CONFIG_TEXT_MAX + 32];
	struct writer_sink sink = {
		.told = { .verdict = on_verdict, .listing = on_listing, .arg = n },
		.trouble = on_journal_trouble,
		.changed = on_changed,
		.gone = on_gone,
		.committed = on_committed,
		.arg = n,
	};
	if (!config_journal_path(&n->config, path, sizeof(path)))
		return error_set(e, FMX_EUSAGE, "state: the path is too long");
	n->journal_counts = journal_counts_new(&n->loop, path);
	int r = writer_open(&n->loop, path, n->clock, &sink, &n->writer, e);
	return r == 0 ? db_open(path, DB_READ, &n->policy_db, e) : r;
}

/* ---- parts ---- */

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

static void on_asked(void *arg)
{
	const struct engine *n = arg;
	writer_asked(n->writer);
}

static void make_policy(struct engine *n)
{
	struct policy_world world = { .db = n->policy_db,
				      .take = writer_take(n->writer),
				      .clock = n->clock,
				      .is_at_decoy = is_at_decoy,
				      .is_watched = is_watched,
				      .asked = on_asked,
				      .arg = n };
	struct policy_limits limits = policy_limits_default();
	struct source_sink sink = lines_sink(n);
	n->answers = policy_answers_new(&world, &sink);
	n->policy = policy_server_new(&n->loop, &limits, policy_answers_give, n->answers);
}

static void make_parts(struct engine *n)
{
	struct decoy_limits limits = decoy_limits_default();
	struct source_sink sink = lines_sink(n);
	struct knock_sink knocks = lines_knock_sink(n);
	struct probe_schedule_sink probes = lines_probe_sink(n);
	struct names_sink names = lines_names_sink(n);
	struct asks_sink asks = lines_asks_sink(n);
	n->watermarks = watermarks_new();
	n->self_probes = self_probe_new();
	n->alarm_command = alarm_command_new(&n->loop);
	n->decoys = decoy_new(&n->loop, n->clock, &limits, &sink);
	n->knock = knock_new(&n->loop, n->clock, &knocks);
	n->watch = watch_new(&n->loop, n->clock, &sink, lines_since, n);
	n->probes = probe_schedule_new(&n->loop, n->clock, &probes);
	n->names = names_new(&n->loop, n->clock, &names);
	n->asks = asks_new(&n->loop, &asks);
}

static int open_clock(struct engine *n, struct error *e)
{
	int r = labclock_open(n->config.clock, &n->lab_clock, e);
	if (r < 0)
		return r;
	n->clock = n->lab_clock.clock;
	n->clock_offset = labclock_offset(&n->lab_clock);
	if (*n->config.clock)
		return 0; /* a trial's may jump */
	n->clock_watch = clock_watch_new(stamp_now(), stamp_monotonic());
	n->clock = clock_watch_clock(n->clock_watch);
	return 0;
}

/* Where we shall write must be there. */
static int confine(struct engine *n, struct error *e)
{
	char path[CONFIG_TEXT_MAX + 32];
	if (!config_journal_path(&n->config, path, sizeof(path)))
		return error_set(e, FMX_EUSAGE, "state: the path is too long");
	int r = db_make_folder(path, e);
	return r == 0 ? confine_serve(&n->config, n->options.config_path, n->options.lab,
				      &n->confined, e)
		      : r;
}

/*
 * First who we are, then what we may do (while there is one thread), then the journal
 * (its files belong to that user), then the sockets, for which two capabilities were
 * kept.
 */
int start_parts(struct engine *n, struct error *e)
{
	int r = open_clock(n, e);
	if (r == 0)
		r = privilege_become(n->config.user, e);
	if (r == 0)
		r = confine(n, e);
	if (r < 0)
		return r;
	make_parts(n);
	r = open_journal(n, e);
	if (r < 0)
		return r;
	n->started = writer_now(n->writer);
	alarm_raise_start(n);
	make_policy(n);
	inherit_sockets(n);
	r = apply_config(n, &n->config, true, e);
	if (r == 0)
		r = privilege_finish(e);
	if (r < 0)
		return r;
	if (geteuid() == 0 && !n->config.lab)
		log_warning("running-as-root note=\"set `user` in the configuration, or "
			    "use the systemd unit\"");
	hidden_begin(n);
	lines_past_probes(n);
	alarm_raise_changed(n); /* who was allowed while we were down */
	return 0;
}
