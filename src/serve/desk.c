#include "serve/desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "old/glance.h"

enum {
	WAYS = 8, /* places that a connection may be kept at */
	OF_ONE_MAX = 16,
};

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
struct line {
	uint64_t key, instance; /* instance: of the message that has its header */
	int64_t began, last;
};

struct fresh {
	struct addr client;
	uint16_t host;
	uint8_t depth;
	uint32_t width;
	int64_t time;
};

struct desk {
	struct desk_world world;
	struct source_sink sink;
	bool has_sink, defers;
	struct address *addresses;
	struct domain *domains;
	size_t address_count, domain_count;
	struct line lines[DESK_CONNECTIONS / WAYS][WAYS];
	struct fresh fresh[DESK_FRESH];
	size_t fresh_count;
	bool is_fresh_lost;
	struct desk_counts counts;
};

struct desk *desk_new(const struct desk_world *world, const struct source_sink *sink)
{
	struct desk *d = xcalloc(1, sizeof(*d));
	d->world = *world;
	d->has_sink = sink != NULL;
	if (sink)
		d->sink = *sink;
	return d;
}

static void forget_places(struct desk *d)
{
	for (size_t i = 0; i < d->domain_count; i++)
		free(d->domains[i].name);
	free(d->domains);
	free(d->addresses);
	d->domains = NULL;
	d->addresses = NULL;
	d->domain_count = d->address_count = 0;
}

void desk_free(struct desk *d)
{
	if (!d)
		return;
	forget_places(d);
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

static void add_addresses(struct desk *d, const struct host *h, struct where place)
{
	d->addresses = xrealloc(d->addresses, d->address_count + h->address_count,
				sizeof(*d->addresses));
	for (size_t i = 0; i < h->address_count; i++)
		d->addresses[d->address_count++] =
		    (struct address){ h->addresses[i].addr, place };
}

static void add_site(struct desk *d, const struct site *s)
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

void desk_set(struct desk *d, const struct site *sites, size_t count, bool defers)
{
	forget_places(d);
	d->defers = defers;
	for (size_t i = 0; i < count; i++)
		add_site(d, &sites[i]);
	if (d->address_count)
		qsort(d->addresses, d->address_count, sizeof(*d->addresses),
		      compare_addresses);
	if (d->domain_count)
		qsort(d->domains, d->domain_count, sizeof(*d->domains), compare_domains);
}

static const struct where *find_domain(const struct desk *d, const char *name)
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
static const struct where *find_place(const struct desk *d,
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
static uint64_t line_key(const struct policy_request *r, const struct where *place)
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

static struct line *take_line(struct desk *d, uint64_t key, int64_t now, bool *ret_is_new)
{
	struct line *ways = d->lines[key % (DESK_CONNECTIONS / WAYS)], *oldest = ways;
	for (size_t i = 0; i < WAYS; i++) {
		struct line *l = &ways[i];
		if (l->key == key && l->last <= now && now - l->last < DESK_SILENCE) {
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
	*oldest = (struct line){ .key = key, .began = now, .last = now };
	*ret_is_new = true;
	return oldest;
}

/* Visits that the judge has not been fed yet */

void desk_fresh(struct desk *d, const struct visit *v)
{
	if (d->fresh_count == DESK_FRESH) {
		d->is_fresh_lost = true;
		return;
	}
	d->fresh[d->fresh_count++] = (struct fresh){ .client = v->client,
						     .host = v->host,
						     .depth = (uint8_t)v->depth,
						     .width = v->precision_us,
						     .time = v->time };
}

void desk_fed(struct desk *d)
{
	d->fresh_count = 0;
	d->is_fresh_lost = false;
}

/* False: there are more than can be told. */
static bool fresh_of(const struct desk *d, struct addr client,
		     struct visit ret_visits[OF_ONE_MAX], size_t *ret_count)
{
	size_t count = 0;
	for (size_t i = 0; i < d->fresh_count; i++) {
		const struct fresh *f = &d->fresh[i];
		if (!addr_equal(f->client, client))
			continue;
		if (count == OF_ONE_MAX)
			return false;
		ret_visits[count++] = (struct visit){ .client = client,
						      .host = f->host,
						      .depth = f->depth,
						      .precision_us = f->width,
						      .time = f->time };
	}
	*ret_count = count;
	return !d->is_fresh_lost;
}

/* Answers */

static struct glance glance_at(const struct desk *d, const struct policy_request *r,
			       const struct where *place, const struct line *l,
			       int64_t now)
{
	struct visit fresh[OF_ONE_MAX];
	struct glance_ask ask = { .client = r->client,
				  .site = place->site,
				  .began = l->began,
				  .now = now,
				  .fresh = fresh };
	struct glance g;
	bool is_known = fresh_of(d, r->client, fresh, &ask.fresh_count) &&
			!d->world.is_at_decoy(d->world.arg, r->client);
	judge_glance(d->world.judge, &ask, &g);
	if (!is_known) {
		g.order = ORDER_UNKNOWN;
		g.delay_us = -1;
	}
	return g;
}

/* When it began is not known; it was there when it was asked about. */
static void give_visit(struct desk *d, const struct policy_request *r,
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

static enum policy_action decide(struct desk *d, const struct policy_request *r,
				 const struct where *place,
				 char ret_action[POLICY_ACTION_MAX])
{
	int64_t now = stamp_clock_now(d->world.clock);
	bool is_new;
	struct line *l = take_line(d, line_key(r, place), now, &is_new);
	uint64_t instance = hash_bytes(r->instance, strlen(r->instance));
	struct policy_options options = { .defers = d->defers,
					  .is_first = l->instance != instance };
	struct glance g = glance_at(d, r, place, l, now);
	enum policy_action a = policy_answer(r, &g, &options, ret_action);
	if (a == POLICY_PREPEND)
		l->instance = instance;
	if (is_new && !g.is_own && !place->is_watched && d->has_sink)
		give_visit(d, r, place, now);
	return a;
}

void desk_answer(void *desk, const struct policy_request *r,
		 char ret_action[POLICY_ACTION_MAX])
{
	struct desk *d = desk;
	const struct policy_options none = { .defers = false };
	bool is_sender = r->is_access && r->has_client && !r->is_authenticated;
	const struct where *place = is_sender ? find_place(d, r) : NULL;
	enum policy_action a = place ? decide(d, r, place, ret_action)
				     : policy_answer(r, NULL, &none, ret_action);
	d->counts.headers += a == POLICY_PREPEND;
	d->counts.deferred += a == POLICY_DEFER;
	d->counts.dunno += a == POLICY_DUNNO;
}

struct desk_counts desk_counts(const struct desk *d)
{
	return d->counts;
}
