#include "serve/dns/asks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "dns/name.h"
#include "dns/resolver.h"
#include "mx/half.h"

enum { CACHE = 65536, HOSTS_MAX = 4096, TOLD = 1024 };

/* A domain whose MX is asked for. */
struct domain {
	uint16_t site;
	size_t of; /* index of its site's decoys */
	char name[NAME_MAX_TEXT];
};

struct question {
	struct question *next;
	struct asks *asks;
	struct domain domain;
	struct addr client;
	char zone[NAME_MAX_TEXT];
	char host[NAME_TEXT_MAX]; /* of the domain's MX: whose addresses? */
};

/* What is configured of a site. */
struct known {
	char name[NAME_MAX_TEXT];
	char (*decoys)[NAME_MAX_TEXT], (*hosts)[NAME_MAX_TEXT];
	struct addr *addresses;
	size_t decoy_count, host_count, address_count;
};

struct asks {
	uv_loop_t *loop;
	struct asks_sink sink;
	struct resolver *resolver; /* NULL: nothing is asked */
	bool is_named;
	struct question *open;
	unsigned open_count;
	struct domain *domains;
	size_t domain_count, next; /* of the round: whom to ask next */
	uint64_t due_ms;
	struct known *sites;
	size_t site_count;
	char zones[CONFIG_MAX_COMPARE][NAME_MAX_TEXT];
	size_t zone_count;
	uint64_t asked[CACHE]; /* hashes of clients, of this run */
	uint64_t told[TOLD];   /* likewise of MX hosts that are not named */
};

struct asks *asks_new(uv_loop_t *loop, const struct asks_sink *sink)
{
	struct asks *a = xcalloc(1, sizeof(*a));
	a->loop = loop;
	a->sink = *sink;
	return a;
}

/* ---- what to ask ---- */

static void forget(struct asks *a)
{
	for (size_t i = 0; i < a->site_count; i++) {
		free(a->sites[i].decoys);
		free(a->sites[i].hosts);
		free(a->sites[i].addresses);
	}
	free(a->sites);
	free(a->domains);
	a->sites = NULL;
	a->domains = NULL;
	a->site_count = a->domain_count = a->next = a->zone_count = 0;
}

static void drop_resolver(struct asks *a)
{
	if (a->resolver)
		resolver_free(a->resolver); /* no answer comes any more */
	a->resolver = NULL;
	while (a->open) {
		struct question *q = a->open;
		a->open = q->next;
		free(q);
	}
	a->open_count = 0;
	memset(a->asked, 0, sizeof(a->asked)); /* who waited is asked about again */
}

static void add_domain(struct asks *a, const struct site *s, size_t of, const char *name)
{
	a->domains = xrealloc(a->domains, a->domain_count + 1, sizeof(*a->domains));
	struct domain *d = &a->domains[a->domain_count++];
	*d = (struct domain){ .site = s->id, .of = of };
	(void)str_copy(d->name, sizeof(d->name), name);
}

/* The first ones; of halves as many of each. */
static void add_domains(struct asks *a, const struct site *s, size_t of, const char *seed)
{
	struct half half;
	size_t count[2] = { 0 }, most = *seed ? ASKS_DOMAINS / 2 : ASKS_DOMAINS;
	half_init(&half, seed);
	for (size_t i = 0; i < s->domain_count; i++) {
		bool is_in = *seed && half_has(&half, s->domains[i]);
		if (count[is_in] < most)
			add_domain(a, s, of, s->domains[i]);
		count[is_in]++;
	}
}

static void add_addresses(struct known *k, const struct host *h)
{
	k->addresses = xrealloc(k->addresses, k->address_count + HOST_MAX_ADDRESSES,
				sizeof(*k->addresses));
	for (size_t i = 0; i < h->address_count; i++)
		k->addresses[k->address_count++] = h->addresses[i].addr;
}

static void add_site(struct asks *a, const struct site *s, const char *seed)
{
	struct known *k = &a->sites[a->site_count];
	(void)str_copy(k->name, sizeof(k->name), s->name);
	k->decoys = xcalloc(s->host_count + 1, sizeof(*k->decoys));
	k->hosts = xcalloc(s->host_count + 1, sizeof(*k->hosts));
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		(void)str_copy(k->hosts[k->host_count++], NAME_MAX_TEXT, h->name);
		if (h->role == ROLE_DECOY)
			(void)str_copy(k->decoys[k->decoy_count++], NAME_MAX_TEXT,
				       h->name);
		add_addresses(k, h);
	}
	add_domains(a, s, a->site_count++, seed);
}

void asks_apply(struct asks *a, const struct config *c)
{
	struct resolver_options options = { .has_server = c->resolver.port != 0,
					    .server = c->resolver.addr,
					    .port = c->resolver.port };
	struct error e;
	drop_resolver(a);
	forget(a);
	a->is_named = options.has_server;
	if (c->lab && !a->is_named)
		return;
	if (resolver_new(a->loop, &options, &a->resolver, &e) != 0)
		return; /* names.h says so */
	a->sites = xcalloc(c->site_count + 1, sizeof(*a->sites));
	for (size_t i = 0; i < c->site_count; i++)
		add_site(a, &c->sites[i], c->half);
	for (size_t i = 0; i < c->compare_count; i++)
		(void)str_copy(a->zones[a->zone_count++], NAME_MAX_TEXT, c->compare[i]);
	a->next = a->domain_count; /* a round is over, and the next is due */
	a->due_ms = 0;
}

/* ---- questions ---- */

static struct question *open_question(struct asks *a)
{
	struct question *q = xcalloc(1, sizeof(*q));
	q->asks = a;
	q->next = a->open;
	a->open = q;
	a->open_count++;
	return q;
}

static void close_question(struct question *q)
{
	struct question **at = &q->asks->open;
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	q->asks->open_count--;
	free(q);
}

/* ---- MX ---- */

struct host_line {
	uint16_t preference;
	char name[NAME_TEXT_MAX];
};

static int compare_lines(const void *x, const void *y)
{
	const struct host_line *a = x, *b = y;
	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return strcmp(a->name, b->name);
}

static bool is_in(char (*names)[NAME_MAX_TEXT], size_t count, const char *host)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(names[i], host) == 0)
			return true;
	return false;
}

/* ---- MX hosts that the site does not name ---- */

static bool was_told(struct asks *a, const struct question *q)
{
	struct buf key = BUF_INIT(2 * NAME_TEXT_MAX + 8);
	buf_addf(&key, "%zu %s", q->domain.of, q->host);
	uint64_t hash = hash_bytes(buf_text(&key), key.len), *at = &a->told[hash % TOLD];
	bool was = *at == hash;
	*at = hash;
	buf_release(&key);
	return was;
}

/* Another name of one of the site's own machines is none of a stranger. */
static void on_host(const struct answer *answer, void *arg)
{
	struct question *q = arg;
	struct asks *a = q->asks;
	const struct known *k = &a->sites[q->domain.of];
	for (size_t i = 0; i < answer->count; i++) {
		struct addr addr;
		bool is_known = !rdata_addr(answer->records[i], &addr);
		for (size_t n = 0; n < k->address_count && !is_known; n++)
			is_known = addr_equal(k->addresses[n], addr);
		if (is_known || was_told(a, q))
			continue;
		a->sink.unnamed(a->sink.arg, k->name, q->domain.name, q->host);
	}
	close_question(q);
}

static void ask_host(struct asks *a, const struct domain *d, const char *host,
		     enum rr_type type)
{
	if (a->open_count >= ASKS_OPEN_MAX)
		return; /* the next round asks */
	struct question *q = open_question(a);
	q->domain = *d;
	(void)str_copy(q->host, sizeof(q->host), host);
	resolver_ask(a->resolver, host, type, on_host, q);
}

static void tell_mx(struct question *q, const struct answer *answer)
{
	struct asks *a = q->asks;
	const struct known *k = &a->sites[q->domain.of];
	struct host_line lines[ANSWER_RECORDS_MAX];
	struct buf text = BUF_INIT(HOSTS_MAX);
	size_t count = 0;
	bool has_decoy = false;
	for (size_t i = 0; i < answer->count; i++)
		if (rdata_mx(answer->records[i], &lines[count].preference,
			     lines[count].name))
			count++;
	qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < count; i++) {
		has_decoy |= is_in(k->decoys, k->decoy_count, lines[i].name);
		buf_addf(&text, "%s%u %s", i > 0 ? ", " : "", lines[i].preference,
			 lines[i].name);
	}
	a->sink.mx(a->sink.arg, q->domain.site, q->domain.name, has_decoy,
		   buf_text(&text));
	buf_release(&text);
	for (size_t i = 0; i < count && k->decoy_count; i++) {
		if (!lines[i].name[0] || is_in(k->hosts, k->host_count, lines[i].name))
			continue;
		ask_host(a, &q->domain, lines[i].name, RR_A);
		ask_host(a, &q->domain, lines[i].name, RR_AAAA);
	}
}

static void on_mx(const struct answer *answer, void *arg)
{
	struct question *q = arg;
	if (lookup_is_sure(answer->status))
		tell_mx(q, answer);
	close_question(q);
}

void asks_tick(struct asks *a)
{
	uint64_t now = uv_now(a->loop);
	if (!a->resolver)
		return;
	if (a->next == a->domain_count && now >= a->due_ms) {
		a->next = 0;
		a->due_ms = now + ASKS_MX_MS;
	}
	for (; a->next < a->domain_count && a->open_count < ASKS_OPEN_MAX; a->next++) {
		struct question *q = open_question(a);
		q->domain = a->domains[a->next];
		resolver_ask(a->resolver, q->domain.name, RR_MX, on_mx, q);
	}
}

/* ---- blocklists ---- */

/* The name under which a blocklist tells of a client (RFC 5782 2.1, 2.4). */
enum { NAME_MAX_LISTED = 64 + 256 };
static void blocklist_name(struct addr client, const char *zone,
			   char name[NAME_MAX_LISTED])
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = client.bytes;
	size_t n = 0;
	if (addr_is_v4(client)) {
		(void)snprintf(name, NAME_MAX_LISTED, "%u.%u.%u.%u.%s", b[15], b[14],
			       b[13], b[12], zone);
		return;
	}
	for (size_t i = 16; i-- > 0;) {
		name[n++] = digits[b[i] & 15];
		name[n++] = '.';
		name[n++] = digits[b[i] >> 4];
		name[n++] = '.';
	}
	(void)snprintf(name + n, NAME_MAX_LISTED - n, "%s", zone);
}

/* 127.255.255.x: asked too often, or by a resolver of everybody. What is no 127.x is
 * no blocklist's answer. */
static enum compared read_answer(const struct answer *answer)
{
	enum compared said = COMPARED_UNKNOWN;
	if (answer->status == LOOKUP_NXDOMAIN || answer->status == LOOKUP_NODATA)
		return COMPARED_NO;
	for (size_t i = 0; answer->status == LOOKUP_OK && i < answer->count; i++) {
		struct addr at;
		if (!rdata_addr(answer->records[i], &at) || !addr_is_v4(at) ||
		    at.bytes[12] != 127 || (at.bytes[13] == 255 && at.bytes[14] == 255))
			return COMPARED_UNKNOWN;
		said = COMPARED_YES;
	}
	return said;
}

static void on_compared(const struct answer *answer, void *arg)
{
	struct question *q = arg;
	struct asks *a = q->asks;
	a->sink.compared(a->sink.arg, q->client, q->zone, read_answer(answer));
	close_question(q);
}

static void compare(struct asks *a, struct addr client, const char *zone)
{
	char name[NAME_MAX_LISTED];
	if (a->sink.is_known(a->sink.arg, client, zone))
		return;
	struct question *q = open_question(a);
	q->client = client;
	(void)str_copy(q->zone, sizeof(q->zone), zone);
	blocklist_name(client, zone, name);
	resolver_ask(a->resolver, name, RR_A, on_compared, q);
}

void asks_visit(struct asks *a, const struct visit *v, bool is_at_decoy)
{
	if (!a->resolver || a->zone_count == 0 || !is_at_decoy ||
	    v->depth == DEPTH_KNOCK ||
	    (!a->is_named && addr_kind(v->client) != ADDR_PUBLIC))
		return;
	uint64_t hash = addr_hash(v->client);
	if (a->asked[hash % CACHE] == hash ||
	    a->open_count + a->zone_count > ASKS_OPEN_MAX)
		return;
	a->asked[hash % CACHE] = hash;
	for (size_t i = 0; i < a->zone_count; i++)
		compare(a, v->client, a->zones[i]);
}

/* ---- the end ---- */

void asks_stop(struct asks *a)
{
	drop_resolver(a);
}

void asks_free(struct asks *a)
{
	if (!a)
		return;
	assert(!a->resolver);
	forget(a);
	free(a);
}
