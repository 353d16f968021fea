/* Makes the engine agree with a configuration: at the start, and at a reload. */
#include "serve/internal.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "serve/definitions.h"
#include "serve/notify.h"

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
	if (h->role == ROLE_REAL)
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

static int apply_decoys(struct engine *n, const struct config *c,
			const struct specs *specs, struct error *e)
{
	int r = decoy_apply(n->decoys, specs->all, specs->count, e);
	if (r < 0)
		return r;
	struct decoy_limits limits = decoy_limits_default();
	limits.connections = c->limits.connections;
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
	int r = apply_policy(n, c, e);
	if (r < 0)
		return r;
	r = apply_decoys(n, c, specs, e);
	/* What goes back was open a moment ago; if it cannot be, Postfix goes on
	 * without (default_action=DUNNO). */
	if (r < 0 && apply_policy(n, &n->config, &back) < 0)
		log_warning("policy-lost reason=\"%s\"", back.text);
	return r;
}

static bool has_source(const struct engine *n, const struct host *h)
{
	if (h->role == ROLE_REAL)
		return watch_log(n->watch, h->id) != 0;
	return h->posture != POSTURE_CLOSED || knock_watches(n->knock, h->id);
}

void apply_marks(struct engine *n, const struct config *c)
{
	const struct judge *j = ledger_judge(n->ledger);
	struct marks_host *hosts = NULL;
	size_t count = 0;
	for (size_t i = 0; i < c->site_count; i++) {
		const struct site *s = &c->sites[i];
		hosts = xrealloc(hosts, count + s->host_count + 1, sizeof(*hosts));
		/* While a full disk keeps the definition from the judge, the site
		 * is its own group; the commit that brings it comes here again. */
		bool is_known = judge_site_is_configured(j, s->id);
		uint16_t group = is_known ? judge_group(j, s->id) : s->id;
		for (size_t k = 0; k < s->host_count; k++) {
			const struct host *h = &s->hosts[k];
			hosts[count++] =
			    (struct marks_host){ .host = h->id,
						 .group = group,
						 .has_source = has_source(n, h) };
		}
	}
	marks_set(n->marks, hosts, count, c->rules.confirm);
	free(hosts);
}

int apply_config(struct engine *n, struct config *c, struct error *e)
{
	int r = ids_give(n->ids, c->sites, c->site_count, e);
	struct specs specs = make_specs(c);
	if (r == 0)
		r = apply_listeners(n, c, &specs, e);
	if (r < 0) {
		free(specs.all);
		return r;
	}
	/* What the old readers and decoys still gave belongs before the new
	 * definitions. */
	char feed_socket[CONFIG_TEXT_MAX + 32];
	if (!config_feed_socket(c, feed_socket, sizeof(feed_socket)))
		feed_socket[0] = '\0'; /* then no host needs it: config_load() asked */
	watch_apply(n->watch, c->sites, c->site_count, feed_socket);
	desk_set(n->desk, c->sites, c->site_count, c->policy_defer);
	input_write_marks(n, MARKS_EACH);
	(void)definitions_write(n->ledger, n->past, c);
	engine_commit(n);
	struct names_options names = { .is_on = c->names,
				       .has_resolver = c->resolver.port != 0,
				       .resolver = c->resolver.addr,
				       .port = c->resolver.port };
	names_apply(n->names, &names);
	/* What it says of a host needs the host's definition before it. */
	knock_apply(n->knock, specs.all, specs.count);
	free(specs.all);
	caller_set(n->caller, c->alarm);
	health_set(n->health, c->sites, c->site_count, c->rules.probe_interval);
	apply_marks(n, c);
	return 0;
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
	if (ledger_is_failing(n->ledger))
		return error_set(e, -EAGAIN,
				 "the journal cannot be written now; see journal-failed");
	return 0;
}

static int reload(struct engine *n, struct error *e)
{
	struct config c;
	int r = config_load(n->options.config_path, n->options.lab, &c, e);
	if (r < 0)
		return r;
	engine_commit(n); /* the judge knows all that was said before */
	r = check_lasting(n, &c, e);
	if (r == 0)
		r = apply_config(n, &c, e);
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
