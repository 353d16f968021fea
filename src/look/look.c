#include "look/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "look/fetch.h"
#include "look/prober.h"
#include "look/spf.h"
#include "look/sts.h"

enum { NAME_SERVERS_MAX = 8, OWN_ADDRESSES_MAX = 64 };

struct looker {
	struct resolver *resolver;
	struct prober *prober;
	struct fetcher *fetcher;
	struct look_options options;
	struct addr own[OWN_ADDRESSES_MAX]; /* of this machine */
	size_t own_count;
	struct look *looks;
};

struct ask;

struct look {
	struct looker *looker;
	struct look *next, **link;
	struct ask *asks;
	struct look_result result;
	unsigned open; /* questions, probes and fetches without answer yet */
	uint8_t lookups[SEEN_HOSTS_MAX];     /* of a host's addresses that came: 0 to 2 */
	enum lookup_status domain_status[2]; /* A, AAAA of a domain without MX */
	struct addr policy_hosts[FETCH_ADDRESSES_MAX];
	size_t policy_host_count;
	unsigned policy_open; /* address lookups of the policy host */
	look_callback *callback;
	void *arg;
};

/* What a question was for: arrays of struct seen move, so by index. */
struct ask {
	struct look *look;
	struct ask *next, **link;
	size_t at, inner;
	char name[NAME_TEXT_MAX]; /* of a name server */
};

static struct ask *ask_new(struct look *l, size_t at, size_t inner)
{
	struct ask *a = xcalloc(1, sizeof(*a));
	a->look = l;
	a->at = at;
	a->inner = inner;
	a->next = l->asks;
	a->link = &l->asks;
	if (a->next)
		a->next->link = &a->next;
	l->asks = a;
	l->open++;
	return a;
}

static void ask_free(struct ask *a)
{
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	free(a);
}

static void look_release(struct look *l)
{
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	while (l->asks)
		ask_free(l->asks);
	seen_release(&l->result.seen);
	free(l);
}

static bool is_own(const struct looker *lk, struct addr a)
{
	for (size_t i = 0; i < lk->own_count; i++)
		if (addr_equal(lk->own[i], a))
			return true;
	return false;
}

static bool is_declared(const struct looker *lk, const char *name)
{
	for (size_t i = 0; i < lk->options.decoy_count; i++)
		if (strcmp(lk->options.decoys[i], name) == 0)
			return true;
	return false;
}

/* Everything is in: what follows from it all. */
static void look_finish(struct look *l)
{
	struct seen *s = &l->result.seen;
	name_registrable(s->domain, s->owner);
	for (size_t i = 0; i < s->host_count; i++) {
		struct seen_host *h = &s->hosts[i];
		if (!name_is_literal(h->name))
			name_registrable(h->name, h->owner);
		h->is_declared = is_declared(l->looker, h->name);
		for (size_t j = 0; j < h->address_count; j++)
			h->addresses[j].is_own = is_own(l->looker, h->addresses[j].addr);
	}
	s->vantage = l->looker->options.vantage;
	seen_settle(s);
	l->callback(&l->result, l->arg);
	look_release(l);
}

static void ask_end(struct ask *a)
{
	struct look *l = a->look;
	ask_free(a);
	if (--l->open == 0)
		look_finish(l);
}

static bool may_touch(const struct looker *lk, struct addr a)
{
	return lk->options.lab || addr_kind(a) == ADDR_PUBLIC;
}

/* Without a route from here nothing can be said of them over there. Connecting
 * a datagram socket sends nothing. */
static bool has_route(struct addr a)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a, DNS_PORT, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&sa, len) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- hosts ------------------------------------------------------------ */

static void on_probed(const struct probe_result *r, void *arg)
{
	struct ask *a = arg;
	struct seen_address *to = &a->look->result.seen.hosts[a->at].addresses[a->inner];
	to->is_known = r->known;
	to->state = r->state;
	to->us = r->total_us;
	if (r->ehlo_us >= 0)
		to->has_starttls = r->has_starttls ? TRI_YES : TRI_NO;
	(void)str_copy(to->reply, sizeof(to->reply), r->reply);
	ask_end(a);
}

static void probe_address(struct look *l, size_t host, size_t address)
{
	struct looker *lk = l->looker;
	struct seen_address *a = &l->result.seen.hosts[host].addresses[address];
	if (lk->options.no_probe)
		return;
	if (!may_touch(lk, a->addr)) {
		(void)snprintf(a->reply, sizeof(a->reply), "not probed: %s address",
			       addr_kind_name(addr_kind(a->addr)));
		return;
	}
	prober_ask(lk->prober, a->addr, on_probed, ask_new(l, host, address));
}

/* One of the two address lookups of a host; the second one decides. */
static void settle_lookup(struct seen_host *h, enum lookup_status status, bool is_second)
{
	if (!lookup_is_sure(status))
		(void)str_copy(h->failure, sizeof(h->failure),
			       lookup_status_name(status));
	if (!is_second || h->lookup == HOST_FOUND)
		return;
	h->lookup = *h->failure ? HOST_FAILED : HOST_MISSING;
}

static void on_host_address(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	struct look *l = a->look;
	struct seen_host *h = &l->result.seen.hosts[a->at];
	h->is_alias = h->is_alias || ans->is_alias;
	for (size_t i = 0; i < ans->count; i++) {
		struct addr addr;
		if (rdata_addr(ans->records[i], &addr) && seen_add_address(h, addr))
			probe_address(l, a->at, h->address_count - 1);
	}
	if (ans->count > 0 && h->is_secure != TRI_NO)
		h->is_secure = ans->is_authentic ? TRI_YES : TRI_NO;
	settle_lookup(h, ans->status, ++l->lookups[a->at] == 2);
	ask_end(a);
}

static void on_tlsa(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	struct seen_host *h = &a->look->result.seen.hosts[a->at];
	if (ans->status == LOOKUP_OK)
		h->has_tlsa = ans->is_authentic ? TRI_YES : TRI_NO;
	else if (lookup_is_sure(ans->status))
		h->has_tlsa = TRI_NO;
	ask_end(a);
}

static void look_at_host(struct look *l, uint16_t preference, const char *name,
			 bool is_signed)
{
	struct seen *s = &l->result.seen;
	struct seen_host *h = seen_add_host(s, preference, name);
	if (!h)
		return;
	size_t at = s->host_count - 1;
	struct resolver *r = l->looker->resolver;
	if (name_is_literal(name)) {
		h->lookup = HOST_MISSING;
		return;
	}
	resolver_ask(r, name, RR_A, on_host_address, ask_new(l, at, 0));
	resolver_ask(r, name, RR_AAAA, on_host_address, ask_new(l, at, 0));
	if (!is_signed || l->looker->options.mx_only)
		return;
	char tlsa[NAME_TEXT_MAX + 16];
	(void)snprintf(tlsa, sizeof(tlsa), "_25._tcp.%s", name);
	if (strlen(tlsa) < NAME_TEXT_MAX)
		resolver_ask(r, tlsa, RR_TLSA, on_tlsa, ask_new(l, at, 0));
}

/* ---- MX --------------------------------------------------------------- */

static void fail(struct look *l, enum lookup_status status)
{
	struct look_result *r = &l->result;
	r->status = status;
	if (status == LOOKUP_NXDOMAIN)
		(void)snprintf(r->failure, sizeof(r->failure),
			       "%s does not exist (NXDOMAIN)", r->seen.domain);
	else
		(void)snprintf(r->failure, sizeof(r->failure),
			       "the MX records of %s could not be looked up: %s%s",
			       r->seen.domain, lookup_status_name(status),
			       status == LOOKUP_UNREACHABLE || status == LOOKUP_TIMEOUT
				   ? "; does the resolver answer?"
				   : "");
}

static void on_domain_address(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	struct look *l = a->look;
	struct seen *s = &l->result.seen;
	l->domain_status[a->at] = ans->status;
	for (size_t i = 0; i < ans->count; i++) {
		struct addr addr;
		if (s->host_count == 0)
			(void)seen_add_host(s, 0, s->domain);
		s->mx = MX_IMPLICIT;
		if (rdata_addr(ans->records[i], &addr) &&
		    seen_add_address(&s->hosts[0], addr))
			probe_address(l, 0, s->hosts[0].address_count - 1);
	}
	if (s->mx == MX_UNKNOWN && lookup_is_sure(l->domain_status[0]) &&
	    lookup_is_sure(l->domain_status[1]))
		s->mx = MX_NOTHING;
	ask_end(a);
}

static void look_at_domain_itself(struct look *l)
{
	struct resolver *r = l->looker->resolver;
	l->domain_status[0] = l->domain_status[1] =
	    LOOKUP_TIMEOUT; /* until they answer */
	resolver_ask(r, l->result.seen.domain, RR_A, on_domain_address, ask_new(l, 0, 0));
	resolver_ask(r, l->result.seen.domain, RR_AAAA, on_domain_address,
		     ask_new(l, 1, 0));
}

static void read_mx(struct look *l, const struct answer *ans)
{
	struct seen *s = &l->result.seen;
	bool has_null = false;
	size_t others = 0;
	s->mx = MX_PRESENT;
	s->ttl = ans->ttl;
	s->is_signed = ans->is_authentic ? TRI_YES : TRI_NO;
	for (size_t i = 0; i < ans->count; i++) {
		uint16_t preference;
		char name[NAME_TEXT_MAX];
		if (!rdata_mx(ans->records[i], &preference, name))
			continue;
		if (*name == '\0') {
			has_null = true;
			continue;
		}
		others++;
		look_at_host(l, preference, name, ans->is_authentic);
	}
	s->has_null_beside = has_null && others > 0;
	if (has_null && others == 0)
		s->mx = MX_NULL;
}

static void on_mx(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	if (ans->status == LOOKUP_OK)
		read_mx(a->look, ans);
	else if (ans->status == LOOKUP_NODATA)
		look_at_domain_itself(a->look);
	else
		fail(a->look, ans->status);
	ask_end(a);
}

/* ---- SPF and MTA-STS -------------------------------------------------- */

static void on_spf(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	struct seen *s = &a->look->result.seen;
	for (size_t i = 0; i < ans->count; i++) {
		char text[RDATA_TEXT_MAX];
		if (!rdata_text(ans->records[i], text) || !spf_is_record(text))
			continue;
		s->has_spf = true;
		s->spf_has_mx = spf_has_mx(text, s->domain);
		(void)str_copy(s->spf, sizeof(s->spf), text);
	}
	ask_end(a);
}

static void sts_broken(struct seen *s, const char *why)
{
	s->sts = STS_BROKEN;
	(void)str_copy(s->sts_error, sizeof(s->sts_error), why);
}

static void on_policy(const char *body, size_t len, const char *failure, void *arg)
{
	struct ask *a = arg;
	struct seen *s = &a->look->result.seen;
	struct error e;
	if (failure)
		sts_broken(s, failure);
	else if (sts_read(body, len, s, &e) != 0)
		sts_broken(s, e.text);
	ask_end(a);
}

static void fetch_policy(struct look *l)
{
	struct seen *s = &l->result.seen;
	char host[NAME_TEXT_MAX + 16];
	(void)snprintf(host, sizeof(host), "mta-sts.%s", s->domain);
	if (l->policy_host_count == 0) {
		sts_broken(s, "the policy host mta-sts has no public address");
		return;
	}
	fetch_start(l->looker->fetcher, host, "/.well-known/mta-sts.txt", l->policy_hosts,
		    l->policy_host_count, l->looker->options.timeout_us, on_policy,
		    ask_new(l, 0, 0));
}

static void on_policy_host(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	struct look *l = a->look;
	for (size_t i = 0; i < ans->count; i++) {
		struct addr addr;
		if (rdata_addr(ans->records[i], &addr) && may_touch(l->looker, addr) &&
		    l->policy_host_count < FETCH_ADDRESSES_MAX)
			l->policy_hosts[l->policy_host_count++] = addr;
	}
	if (--l->policy_open == 0)
		fetch_policy(l);
	ask_end(a);
}

static void on_sts(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	struct look *l = a->look;
	bool found = false;
	for (size_t i = 0; i < ans->count; i++) {
		char text[RDATA_TEXT_MAX];
		found =
		    found || (rdata_text(ans->records[i], text) && sts_is_record(text));
	}
	if (lookup_is_sure(ans->status))
		l->result.seen.sts = STS_ABSENT;
	char host[NAME_TEXT_MAX + 16];
	(void)snprintf(host, sizeof(host), "mta-sts.%s", l->result.seen.domain);
	if (found && strlen(host) < NAME_TEXT_MAX) {
		l->policy_open = 2;
		resolver_ask(l->looker->resolver, host, RR_A, on_policy_host,
			     ask_new(l, 0, 0));
		resolver_ask(l->looker->resolver, host, RR_AAAA, on_policy_host,
			     ask_new(l, 0, 0));
	}
	ask_end(a);
}

/* ---- name servers ----------------------------------------------------- */

static struct seen_server *judge_server(struct ask *a, const struct answer *ans)
{
	struct seen_server *v = &a->look->result.seen.servers[a->at];
	if (ans->status == LOOKUP_TIMEOUT || ans->status == LOOKUP_UNREACHABLE) {
		v->state = SERVER_SILENT;
		(void)snprintf(v->why, sizeof(v->why), "no answer (%s)",
			       lookup_status_name(ans->status));
	} else if (!lookup_is_sure(ans->status) || !ans->is_authoritative) {
		v->state = SERVER_LAME;
		(void)snprintf(v->why, sizeof(v->why), "%s",
			       lookup_is_sure(ans->status)
				   ? "it has no authority"
				   : lookup_status_name(ans->status));
	} else if (v->state == SERVER_UNKNOWN) {
		v->state = SERVER_ANSWERS;
	}
	return v;
}

static void on_server_soa(const struct answer *ans, void *arg)
{
	struct seen_server *v = judge_server(arg, ans);
	if (ans->count > 0)
		v->has_serial = rdata_serial(ans->records[0], &v->serial);
	ask_end(arg);
}

static void on_server_mx(const struct answer *ans, void *arg)
{
	struct seen_server *v = judge_server(arg, ans);
	/* A sum is the same in any order, as a set is. */
	v->has_mx = lookup_is_sure(ans->status);
	for (size_t i = 0; i < ans->count; i++)
		v->mx_digest += hash_bytes(ans->records[i].data, ans->records[i].len);
	ask_end(arg);
}

static void on_server_address(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	struct look *l = a->look;
	struct looker *lk = l->looker;
	struct seen *s = &l->result.seen;
	for (size_t i = 0; i < ans->count; i++) {
		struct addr addr;
		if (!rdata_addr(ans->records[i], &addr) || !may_touch(lk, addr) ||
		    !seen_add_server(s, a->name, addr))
			continue;
		if (!has_route(addr))
			continue;
		size_t at = s->server_count - 1;
		resolver_ask_server(lk->resolver, addr, lk->options.dns_port, s->domain,
				    RR_SOA, on_server_soa, ask_new(l, at, 0));
		resolver_ask_server(lk->resolver, addr, lk->options.dns_port, s->domain,
				    RR_MX, on_server_mx, ask_new(l, at, 0));
	}
	ask_end(a);
}

static void on_ns(const struct answer *ans, void *arg)
{
	struct ask *a = arg;
	struct look *l = a->look;
	static const enum rr_type types[] = { RR_A, RR_AAAA };
	for (size_t i = 0; i < ans->count && i < NAME_SERVERS_MAX; i++) {
		char name[NAME_TEXT_MAX];
		if (!rdata_name(ans->records[i], name))
			continue;
		for (size_t t = 0; t < 2; t++) {
			struct ask *q = ask_new(l, 0, 0);
			(void)str_copy(q->name, sizeof(q->name), name);
			resolver_ask(l->looker->resolver, name, types[t],
				     on_server_address, q);
		}
	}
	ask_end(a);
}

/* ---- life ------------------------------------------------------------- */

void look_start(struct looker *lk, const char *domain, look_callback *callback, void *arg)
{
	struct look *l = xcalloc(1, sizeof(*l));
	l->looker = lk;
	l->callback = callback;
	l->arg = arg;
	l->result.status = LOOKUP_OK;
	seen_init(&l->result.seen, domain);
	l->result.seen.lab = lk->options.lab;
	l->next = lk->looks;
	l->link = &lk->looks;
	if (l->next)
		l->next->link = &l->next;
	lk->looks = l;

	struct resolver *r = lk->resolver;
	resolver_ask(r, domain, RR_MX, on_mx, ask_new(l, 0, 0));
	if (lk->options.mx_only)
		return;
	char sts[NAME_TEXT_MAX + 16];
	(void)snprintf(sts, sizeof(sts), "_mta-sts.%s", domain);
	resolver_ask(r, domain, RR_TXT, on_spf, ask_new(l, 0, 0));
	resolver_ask(r, domain, RR_NS, on_ns, ask_new(l, 0, 0));
	if (strlen(sts) < NAME_TEXT_MAX)
		resolver_ask(r, sts, RR_TXT, on_sts, ask_new(l, 0, 0));
}

static void find_own_addresses(struct looker *lk)
{
	uv_interface_address_t *list;
	int count;
	if (uv_interface_addresses(&list, &count) != 0)
		return; /* then nothing is said about own addresses */
	for (int i = 0; i < count && lk->own_count < OWN_ADDRESSES_MAX; i++)
		lk->own[lk->own_count++] = addr_from_sockaddr(
		    (const struct sockaddr *)(const void *)&list[i].address, NULL);
	uv_free_interface_addresses(list, count);
}

int looker_new(uv_loop_t *loop, const struct look_options *options,
	       struct looker **ret_looker, struct error *e)
{
	struct looker *lk = xcalloc(1, sizeof(*lk));
	lk->options = *options;
	if (lk->options.port == 0)
		lk->options.port = PROBE_PORT;
	if (lk->options.timeout_us == 0)
		lk->options.timeout_us = PROBE_TIMEOUT_US;
	if (lk->options.dns_port == 0)
		lk->options.dns_port = DNS_PORT;
	int r = resolver_new(loop, &options->resolver, &lk->resolver, e);
	if (r != 0) {
		free(lk);
		return r;
	}
	lk->prober = prober_new(loop, lk->options.port, lk->options.timeout_us);
	lk->fetcher = fetcher_new(loop);
	find_own_addresses(lk);
	*ret_looker = lk;
	return 0;
}

void looker_set_vantage(struct looker *lk, enum tri vantage)
{
	lk->options.vantage = vantage;
}

struct resolver_counts looker_counts(const struct looker *lk)
{
	return resolver_counts(lk->resolver);
}

void looker_free(struct looker *lk)
{
	resolver_free(lk->resolver);
	prober_free(lk->prober);
	fetcher_free(lk->fetcher);
	while (lk->looks)
		look_release(lk->looks);
	free(lk);
}
