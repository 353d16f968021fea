#include "serve/policy/policy_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "journal/ask/ask.h"

enum { WAYS = 8 }; /* places that a connection may be kept at */

/* A real host, or what stands for it. */
struct where {
	uint16_t site, host;
	bool is_watched;
};

struct address {
	struct addr addr;
	struct where place;
};

struct domain {
	char *name;
	struct where place;
};

/* A client's connection, by a hash of what tells it from others. */
struct connection {
	uint64_t key, instance; /* instance: of the message that has its header */
	int64_t began, last;
};

struct policy_answers {
	struct policy_world world;
	struct source_sink sink;
	bool has_sink, defers, is_held;
	struct address *addresses;
	struct domain *domains;
	size_t address_count, domain_count;
	struct connection connections[POLICY_CONNECTIONS / WAYS][WAYS];
	struct ask *ask; /* NULL: not open yet */
	bool has_snapshot;
	struct policy_answer_counts counts;
};

struct policy_answers *policy_answers_new(const struct policy_world *world,
					  const struct source_sink *sink)
{
	struct policy_answers *d = xcalloc(1, sizeof(*d));
	d->world = *world;
	d->has_sink = sink != NULL;
	if (sink)
		d->sink = *sink;
	return d;
}

static void forget_places(struct policy_answers *d)
{
	for (size_t i = 0; i < d->domain_count; i++)
		free(d->domains[i].name);
	free(d->domains);
	free(d->addresses);
	d->domains = NULL;
	d->addresses = NULL;
	d->domain_count = d->address_count = 0;
}

void policy_answers_free(struct policy_answers *d)
{
	if (!d)
		return;
	forget_places(d);
	policy_answers_committed(d);
	if (d->ask)
		ask_close(d->ask);
	free(d);
}

/* Where a question is asked */

static int compare_addresses(const void *a, const void *b)
{
	const struct address *x = a, *y = b;
	return addr_compare(x->addr, y->addr);
}

static int compare_domains(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static void add_addresses(struct policy_answers *d, const struct host *h,
			  struct where place)
{
	d->addresses = xrealloc(d->addresses, d->address_count + h->address_count,
				sizeof(*d->addresses));
	for (size_t i = 0; i < h->address_count; i++)
		d->addresses[d->address_count++] =
		    (struct address){ h->addresses[i].addr, place };
}

static void add_site(struct policy_answers *d, const struct site *s)
{
	const struct host *first = NULL;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		if (h->role != ROLE_REAL)
			continue;
		add_addresses(d, h,
			      (struct where){ s->id, h->id,
					      d->world.is_watched(d->world.arg, h->id) });
		if (!first || h->preference < first->preference)
			first = h;
	}
	if (!first)
		return;
	struct where place = { s->id, first->id,
			       d->world.is_watched(d->world.arg, first->id) };
	d->domains = xrealloc(d->domains, d->domain_count + s->domain_count + 1,
			      sizeof(*d->domains));
	for (size_t i = 0; i < s->domain_count; i++)
		d->domains[d->domain_count++] =
		    (struct domain){ xstrdup(s->domains[i]), place };
}

void policy_answers_set(struct policy_answers *d, const struct site *sites, size_t count,
			bool defers)
{
	forget_places(d);
	policy_answers_committed(d);
	d->defers = defers;
	for (size_t i = 0; i < count; i++)
		add_site(d, &sites[i]);
	if (d->address_count)
		qsort(d->addresses, d->address_count, sizeof(*d->addresses),
		      compare_addresses);
	if (d->domain_count)
		qsort(d->domains, d->domain_count, sizeof(*d->domains), compare_domains);
}

void policy_answers_hold(struct policy_answers *d, bool is_held)
{
	d->is_held = is_held;
}

static const struct where *find_domain(const struct policy_answers *d, const char *name)
{
	size_t from = 0, to = d->domain_count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int by = strcmp(name, d->domains[middle].name);
		if (by == 0)
			return &d->domains[middle].place;
		if (by < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

/* The server's own address first: two real hosts may ask about one domain. */
static const struct where *find_place(const struct policy_answers *d,
				      const struct policy_request *r)
{
	struct address key = { .addr = r->server };
	const struct address *a = NULL;
	if (r->has_server && d->address_count)
		a = bsearch(&key, d->addresses, d->address_count, sizeof(key),
			    compare_addresses);
	return a ? &a->place : find_domain(d, r->recipient_domain);
}

/* Connections */

/* Postfix before 3.0 tells no port; the number of the process that serves the
 * client, with which an instance begins, tells its connections apart. */
static uint64_t connection_key(const struct policy_request *r, const struct where *place)
{
	uint8_t key[32] = { 0 };
	uint64_t process =
	    r->client_port ? 0 : hash_bytes(r->instance, strcspn(r->instance, "."));
	memcpy(key, r->client.bytes, 16);
	memcpy(key + 16, &process, 8);
	memcpy(key + 24, &place->host, 2);
	memcpy(key + 26, &r->client_port, 2);
	uint64_t hash = hash_bytes(key, sizeof(key));
	return hash ? hash : 1;
}

static struct connection *take_connection(struct policy_answers *d, uint64_t key,
					  int64_t now, bool *ret_is_new)
{
	struct connection *ways = d->connections[key % (POLICY_CONNECTIONS / WAYS)],
			  *oldest = ways;
	for (size_t i = 0; i < WAYS; i++) {
		struct connection *l = &ways[i];
		if (l->key == key && l->last <= now && now - l->last < POLICY_SILENCE) {
			l->last = now;
			*ret_is_new = false;
			return l;
		}
		if (l->key == key) { /* the port is used again */
			oldest = l;
			break;
		}
		if (l->last < oldest->last)
			oldest = l;
	}
	*oldest = (struct connection){ .key = key, .began = now, .last = now };
	*ret_is_new = true;
	return oldest;
}

/* Answers */

struct fresh {
	struct visit all[POLICY_FRESH];
	size_t count;
	bool is_lost;
};

static void on_pending(void *arg, const struct visit *v)
{
	struct fresh *f = arg;
	if (f->count == POLICY_FRESH)
		f->is_lost = true;
	else
		f->all[f->count++] = *v;
}

void policy_answers_committed(struct policy_answers *d)
{
	if (d->has_snapshot)
		ask_end(d->ask);
	d->has_snapshot = false;
}

void policy_answers_move(struct policy_answers *d, struct db *db, const struct take *take)
{
	policy_answers_committed(d);
	if (d->ask)
		ask_close(d->ask);
	d->ask = NULL;
	d->world.db = db;
	d->world.take = take;
}

static int take_snapshot(struct policy_answers *d, int64_t now, struct error *e)
{
	int rc = d->ask ? 0 : ask_open(d->world.db, now, &d->ask, e);
	if (rc == 0 && !d->has_snapshot)
		rc = ask_begin(d->ask, e);
	d->has_snapshot = rc == 0;
	return rc;
}

/* False: nothing can be said. */
static bool ask_journal(struct policy_answers *d, const struct policy_request *r,
			const struct where *place, int64_t began, int64_t now,
			struct ask_quick *ret_quick)
{
	struct fresh fresh = { .count = 0 };
	struct error e;
	take_each_pending(d->world.take, r->client, on_pending, &fresh);
	if (fresh.is_lost || d->world.is_at_decoy(d->world.arg, r->client))
		return false;
	int rc = take_snapshot(d, now, &e);
	if (rc == 0)
		rc = ask_quick(d->ask, r->client, place->site, began, now, fresh.all,
			       fresh.count, ret_quick, &e);
	d->counts.failed += rc < 0;
	return rc == 0;
}

/* When it began is not known; it was there when it was asked about. */
static void give_visit(struct policy_answers *d, const struct policy_request *r,
		       const struct where *place, int64_t now)
{
	struct visit v = { .client = r->client,
			   .site = place->site,
			   .host = place->host,
			   .depth = r->depth,
			   .source = VISIT_SOURCE_POLICY,
			   .precision_us = 1,
			   .time = now,
			   .helo = r->helo,
			   .mail_from = r->sender,
			   .recipient_domain = r->recipient_domain,
			   .name = "" };
	d->counts.visits++;
	d->sink.visit(d->sink.arg, &v);
}

/* What would not be said is not looked up. */
static bool is_of_use(const struct policy_answers *d, const struct policy_request *r,
		      const struct policy_options *o)
{
	return (d->defers && !d->is_held) ||
	       (o->is_first && r->takes_header && *r->instance);
}

static enum policy_action answer(struct policy_answers *d, const struct policy_request *r,
				 const struct where *place,
				 char ret_action[POLICY_ACTION_MAX])
{
	int64_t now = stamp_clock_now(d->world.clock);
	bool is_new;
	struct connection *l = take_connection(d, connection_key(r, place), now, &is_new);
	uint64_t instance = hash_bytes(r->instance, strlen(r->instance));
	struct policy_options options = { .defers = d->defers && !d->is_held,
					  .is_first = l->instance != instance };
	struct ask_quick quick;
	bool is_known =
	    is_of_use(d, r, &options) && ask_journal(d, r, place, l->began, now, &quick);
	enum policy_action a =
	    policy_answer(r, is_known ? &quick : NULL, &options, ret_action);
	if (a == POLICY_PREPEND)
		l->instance = instance;
	bool is_own = sites_is_own(take_get_sites(d->world.take), r->client);
	if (is_new && !is_own && !place->is_watched && d->has_sink)
		give_visit(d, r, place, now);
	return a;
}

void policy_answers_give(void *arg, const struct policy_request *r,
			 char ret_action[POLICY_ACTION_MAX])
{
	struct policy_answers *d = arg;
	const struct policy_options none = { .defers = false };
	int64_t began = stamp_monotonic();
	if (d->world.asked)
		d->world.asked(d->world.arg);
	bool is_sender = r->is_access && r->has_client && !r->is_authenticated;
	const struct where *place = is_sender ? find_place(d, r) : NULL;
	enum policy_action a = place ? answer(d, r, place, ret_action)
				     : policy_answer(r, NULL, &none, ret_action);
	d->counts.headers += a == POLICY_PREPEND;
	d->counts.deferred += a == POLICY_DEFER;
	d->counts.dunno += a == POLICY_DUNNO;
	d->counts.took_us += stamp_monotonic() - began;
}

struct policy_answer_counts policy_answers_counts(const struct policy_answers *d)
{
	return d->counts;
}
