/* Makes the engine agree with a configuration: at the start, and at a reload. */
#include "serve/apply.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "journal/upkeep/upkeep.h"
#include "serve/lines.h"
#include "serve/system/commands.h"
#include "serve/system/notify.h"
#include "source/feed/feed.h"

struct specs {
	struct decoy_spec *all;
	size_t count;
};

/* The host whose error a client of the decoy should look at: the best real one. */
static const char *best_real_host(const struct site *s)
{
	const struct host *best = NULL;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		if (h->role == ROLE_REAL && (!best || h->preference < best->preference))
			best = h;
	}
	return best ? best->name : "";
}

static void add_host(struct specs *specs, const struct site *s, const struct host *h)
{
	if (h->role == ROLE_REAL || h->is_elsewhere)
		return;
	specs->all = xrealloc(specs->all, specs->count + h->address_count + 1,
			      sizeof(*specs->all));
	for (size_t i = 0; i < h->address_count; i++)
		specs->all[specs->count++] =
		    (struct decoy_spec){ .site = s->id,
					 .host = h->id,
					 .posture = h->posture,
					 .at = h->addresses[i],
					 .name = h->name,
					 .cause = best_real_host(s) };
}

static struct specs make_specs(const struct config *c)
{
	struct specs specs = { .count = 0 };
	for (size_t i = 0; i < c->site_count; i++) {
		for (size_t k = 0; k < c->sites[i].host_count; k++)
			add_host(&specs, &c->sites[i], &c->sites[i].hosts[k]);
	}
	return specs;
}

int apply_descriptors(const struct config *c, size_t inherited, struct descriptors *ret,
		      struct error *e)
{
	struct descriptors_want want = { .connections = c->limits.connections,
					 .sockets = (uint32_t)c->policy_count,
					 .inherited = (uint32_t)inherited };
	for (size_t i = 0; i < c->site_count; i++) {
		want.hosts += (uint32_t)c->sites[i].host_count;
		for (size_t k = 0; k < c->sites[i].host_count; k++)
			want.addresses += c->sites[i].hosts[k].address_count;
	}
	return descriptors_take(&want, ret, e);
}

static void say_descriptors(const struct config *c, const struct descriptors *d)
{
	if (d->connections == c->limits.connections)
		return;
	log_warning(
	    "descriptors limit=%llu connections=%u wanted=%u policy=%u note=\"who "
	    "comes to a decoy beyond that is reset; raise the hard limit of open "
	    "files (LimitNOFILE)\"",
	    (unsigned long long)d->limit, d->connections, c->limits.connections,
	    d->policy);
}

static int apply_decoys(struct engine *n, const struct config *c,
			const struct specs *specs, const struct descriptors *d,
			struct error *e)
{
	int r = decoy_apply(n->decoys, specs->all, specs->count, e);
	if (r < 0)
		return r;
	struct decoy_limits limits = decoy_limits_default();
	limits.connections = d->connections;
	limits.lingering = d->linger;
	limits.per_client = c->limits.connections_per_client;
	limits.commands = c->limits.commands;
	limits.idle_ms = (uint32_t)(c->limits.idle / STAMP_MILLISECOND);
	limits.total_ms = (uint32_t)(c->limits.session / STAMP_MILLISECOND);
	decoy_set_limits(n->decoys, &limits);
	return 0;
}

static int apply_policy(struct engine *n, const struct config *c, struct error *e)
{
	struct policy_socket sockets[CONFIG_MAX_SOCKETS];
	for (size_t i = 0; i < c->policy_count; i++)
		sockets[i] = (struct policy_socket){ c->policy[i].path, c->policy[i].at };
	return policy_server_apply(n->policy, sockets, c->policy_count, e);
}

/* Where we listen: all of it, or as before. */
static int apply_listeners(struct engine *n, const struct config *c,
			   const struct specs *specs, struct error *e)
{
	struct error back;
	struct descriptors d;
	int r = apply_descriptors(c, n->inherited_count, &d, e);
	if (r == 0)
		r = apply_policy(n, c, e);
	if (r < 0)
		return r;
	r = apply_decoys(n, c, specs, &d, e);
	/* What goes back was open a moment ago; if it cannot be, Postfix goes on
	 * without (default_action=DUNNO). */
	if (r < 0 && apply_policy(n, &n->config, &back) < 0)
		log_warning("policy-lost reason=\"%s\"", back.text);
	if (r == 0) {
		policy_server_set_connections(n->policy, d.policy);
		say_descriptors(c, &d);
	}
	return r;
}

static bool has_source(const struct engine *n, const struct host *h)
{
	if (h->role == ROLE_REAL || h->is_elsewhere)
		return watch_log(n->watch, h->id) != 0;
	return h->posture != POSTURE_CLOSED || knock_watches(n->knock, h->id);
}

static void apply_watermarks(struct engine *n, const struct config *c)
{
	const struct sites *all = writer_sites(n->writer);
	struct coverage *coverage = take_coverage(writer_take(n->writer));
	struct watermarks_host *hosts = NULL;
	size_t count = 0;
	for (size_t i = 0; i < c->site_count; i++) {
		const struct site *s = &c->sites[i];
		hosts = xrealloc(hosts, count + s->host_count + 1, sizeof(*hosts));
		for (size_t k = 0; k < s->host_count; k++) {
			const struct host *h = &s->hosts[k];
			int64_t told = coverage_told_until(coverage, h->id);
			hosts[count++] =
			    (struct watermarks_host){ .host = h->id,
						      .group = sites_group(all, s->id),
						      .is_sent_on =
							  *c->here && !h->is_elsewhere,
						      .has_source = has_source(n, h),
						      .told = told > 0 ? told : 0 };
		}
	}
	watermarks_set(n->watermarks, hosts, count, c->rules.confirm,
		       writer_now(n->writer));
	free(hosts);
}

static int apply_allow(struct engine *n, const struct config *c, struct error *e)
{
	return allow_config(writer_db(n->writer), (const char *const *)c->allow,
			    c->allow_count, writer_now(n->writer), e);
}

/* Numbers for the sites and hosts, in the journal too. */
static int define(struct engine *n, struct config *c, bool is_started, struct error *e)
{
	int r =
	    writer_define(n->writer, c->sites, c->site_count, &c->rules, is_started, e);
	return r < 0 ? r : apply_allow(n, c, e);
}

static void apply_names(struct engine *n, const struct config *c)
{
	struct names_options names = { .is_on = c->names,
				       .has_resolver = c->resolver.port != 0,
				       .resolver = c->resolver.addr,
				       .port = c->resolver.port };
	names_apply(n->names, &names);
}

/* A host alarm begins within two probe intervals of the trouble. */
static void apply_probes(struct engine *n, const struct config *c)
{
	int64_t half = c->rules.probe_interval / 2;
	alarms_set_wait(n->alarms, ALARM_HOST,
			half < 30 * STAMP_SECOND ? half : 30 * STAMP_SECOND);
	probe_schedule_set(n->probes, c->sites, c->site_count, c->rules.probe_interval);
}

/* While serve was down nobody was at our decoys. */
static void say_absent(struct engine *n, const struct specs *specs)
{
	for (size_t i = 0; i < specs->count; i++) {
		uint16_t host = specs->all[i].host;
		if (i == 0 || specs->all[i - 1].host != host)
			lines_absent(n, host);
	}
}

static void apply_parts(struct engine *n, const struct config *c,
			const struct specs *specs, bool is_started)
{
	char feed_socket[CONFIG_TEXT_MAX + 32];
	if (!config_feed_socket(c, feed_socket, sizeof(feed_socket)))
		feed_socket[0] = '\0'; /* then no host needs it: config_load() asked */
	char stream[FEED_COMMAND_MAX];
	struct error e;
	bool has_stream = commands_stream(c, stream, sizeof(stream), &e);
	if (!has_stream && *c->stream.servers)
		log_error("stream-lost reason=\"%s\"",
			  *e.text ? e.text : "its command is too long");
	program_reread(); /* what may be started */
	struct watch_ways ways = { feed_socket, has_stream ? stream : NULL,
				   lines_place(n) };
	int64_t began = writer_now(n->writer);
	watch_apply(n->watch, c->sites, c->site_count, &ways);
	lines_begin(n, c, began);
	policy_answers_set(n->answers, c->sites, c->site_count, c->policy_defer);
	apply_names(n, c);
	asks_apply(n->asks, c);
	apply_watermarks(n, c);
	if (is_started)
		say_absent(n, specs);
	knock_apply(n->knock, specs->all, specs->count);
	apply_watermarks(n, c); /* with whom the knock watcher sees */
	alarm_command_set(n->alarm_command, c->is_active ? c->alarm : "");
	apply_probes(n, c);
}

int apply_config(struct engine *n, struct config *c, bool is_started, struct error *e)
{
	struct error back;
	lines_watermarks(n, true); /* of the old hosts' sources */
	int r = define(n, c, is_started, e);
	if (r < 0)
		return r;
	struct specs specs = make_specs(c);
	r = apply_listeners(n, c, &specs, e);
	if (r == 0)
		apply_parts(n, c, &specs, is_started);
	else if (!is_started && define(n, &n->config, false, &back) < 0)
		log_error("reload-half-done reason=\"%s\" note=\"restart serve\"",
			  back.text);
	free(specs.all);
	return r;
}

/* Questions of Postfix are asked of the new file. */
static int move_policy(struct engine *n, struct error *e)
{
	struct db *reader = NULL;
	policy_answers_move(n->answers, n->policy_db, writer_take(n->writer));
	int r = db_open(db_path(writer_db(n->writer)), DB_READ, &reader, e);
	if (r < 0)
		return r;
	policy_answers_move(n->answers, reader, writer_take(n->writer));
	db_close(n->policy_db);
	n->policy_db = reader;
	return 0;
}

void apply_journal(struct engine *n)
{
	struct config *c = &n->config;
	struct error e;
	int r = writer_move(n->writer, c->sites, c->site_count, &c->rules, &e);
	if (r == -EAGAIN)
		return;
	if (r == 0)
		r = move_policy(n, &e);
	if (r == 0)
		r = apply_allow(n, c, &e);
	if (r < 0) {
		log_error("journal-move-failed reason=\"%s\"", e.text);
		return;
	}
	names_forget(n->names);
	log_warning("journal-moved note=\"what was known of senders is in the old file; "
		    "what waited is in %s\"",
		    db_path(writer_db(n->writer)));
}

/* What only a restart can change. */
static int check_lasting(const struct engine *n, const struct config *c, struct error *e)
{
	if (strcmp(n->config.state, c->state) != 0)
		return error_set(e, FMX_EUSAGE,
				 "state has changed from %s to %s; that needs a restart",
				 n->config.state, c->state);
	if (strcmp(n->config.clock, c->clock) != 0)
		return error_set(e, FMX_EUSAGE,
				 "clock has changed; that needs a restart");
	return 0;
}

static int reload(struct engine *n, struct error *e)
{
	struct config c;
	int r = config_load(n->options.config_path, n->options.lab, &c, e);
	if (r < 0)
		return r;
	r = check_lasting(n, &c, e);
	if (r == 0)
		r = confine_check(&n->confined, &c, e);
	if (r == 0)
		r = apply_config(n, &c, false, e);
	if (r < 0) {
		config_release(&c);
		return r;
	}
	config_release(&n->config);
	n->config = c;
	return 0;
}

void apply_reload(struct engine *n)
{
	struct error e;
	notify_reloading();
	if (reload(n, &e) < 0)
		log_error(
		    "reload-refused reason=\"%s\" note=\"the old configuration stays\"",
		    e.text);
	else
		log_info("reloaded sites=%zu listeners=%u closed=%u",
			 n->config.site_count, decoy_counts(n->decoys).listeners,
			 knock_counts(n->knock).hosts);
	notify_ready("reloaded");
}
