#include "look/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "look/look_open.h"

static bool is_own(const struct looker *lk, struct addr a)
{
	for (size_t i = 0; i < lk->own_count; i++)
		if (addr_equal(lk->own[i], a))
			return true;
	return false;
}

static bool is_decoy_address(const struct look_options *o, struct addr a)
{
	for (size_t i = 0; i < o->decoy_address_count; i++)
		if (addr_equal(o->decoy_addresses[i], a))
			return true;
	return false;
}

static bool is_declared(const struct look_options *o, const struct seen_host *h)
{
	for (size_t i = 0; i < o->decoy_count; i++)
		if (strcmp(o->decoys[i], h->name) == 0)
			return true;
	for (size_t i = 0; i < h->address_count; i++)
		if (!is_decoy_address(o, h->addresses[i].addr))
			return false;
	return h->address_count > 0;
}

static bool look_again(struct look *l);

/* Everything is in: what follows from it all. */
static bool look_finish(struct look *l)
{
	struct seen *s = &l->result.seen;
	name_registrable(s->domain, s->owner);
	for (size_t i = 0; i < s->host_count; i++) {
		struct seen_host *h = &s->hosts[i];
		if (!name_is_literal(h->name))
			name_registrable(h->name, h->owner);
		h->is_declared = is_declared(&l->looker->options, h);
		for (size_t j = 0; j < h->address_count; j++)
			h->addresses[j].is_own = is_own(l->looker, h->addresses[j].addr);
	}
	s->vantage = l->looker->options.vantage;
	seen_settle(s);
	if (look_again(l))
		return false;
	l->callback(&l->result, l->arg);
	return true;
}

/* ---- hosts ------------------------------------------------------------ */

static void on_probed(const struct probe_result *r, void *arg)
{
	struct query *a = arg;
	struct seen_address *to = &a->look->result.seen.hosts[a->at].addresses[a->inner];
	to->is_known = r->known;
	to->state = r->state;
	to->us = r->total_us;
	if (r->ehlo_us >= 0)
		to->has_starttls = r->has_starttls ? TRI_YES : TRI_NO;
	(void)str_copy(to->reply, sizeof(to->reply), r->reply);
	query_end(a);
}

static void probe_address(struct look *l, size_t host, size_t address)
{
	struct looker *lk = l->looker;
	struct seen_address *a = &l->result.seen.hosts[host].addresses[address];
	if (lk->options.no_probe)
		return;
	if (!look_may_touch(lk, a->addr)) {
		(void)snprintf(a->reply, sizeof(a->reply), "not probed: %s address",
			       addr_kind_name(addr_kind(a->addr)));
		return;
	}
	struct query *ask = query_new(l, host);
	ask->inner = address;
	prober_ask(lk->prober, a->addr, on_probed, ask);
}

/* ---- a second look --------------------------------------------------- */

static void on_again(uv_timer_t *timer)
{
	struct query *wait = timer->data;
	struct look *l = wait->look;
	struct seen *s = &l->result.seen;
	for (size_t i = 0; i < s->host_count; i++) {
		struct seen_host *h = &s->hosts[i];
		if (!seen_wants_second_look(s, i))
			continue;
		h->is_down_again = true; /* until it is seen open */
		for (size_t j = 0; j < h->address_count; j++)
			if (h->addresses[j].is_known) {
				prober_forget(l->looker->prober, h->addresses[j].addr);
				probe_address(l, i, j);
			}
	}
	query_end(wait);
}

/* True when there is somebody to look at again. */
static bool look_again(struct look *l)
{
	struct seen *s = &l->result.seen;
	bool wanted = false;
	for (size_t i = 0; i < s->host_count; i++) {
		wanted |= seen_wants_second_look(s, i);
		if (l->is_second && seen_host_is_open(&s->hosts[i]))
			s->hosts[i].is_down_again = false;
	}
	if (!wanted || l->is_second || !l->looker->options.looks_again)
		return false;
	l->is_second = true;
	l->again = xcalloc(1, sizeof(*l->again));
	(void)uv_timer_init(l->looker->loop, l->again);
	l->again->data = query_new(l, 0);
	(void)uv_timer_start(l->again, on_again, SEEN_AGAIN_SECONDS * 1000, 0);
	return true;
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
	struct query *a = arg;
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
	query_end(a);
}

static void on_tlsa(const struct answer *ans, void *arg)
{
	struct query *a = arg;
	struct seen_host *h = &a->look->result.seen.hosts[a->at];
	if (ans->status == LOOKUP_OK)
		h->has_tlsa = ans->is_authentic ? TRI_YES : TRI_NO;
	else if (lookup_is_sure(ans->status))
		h->has_tlsa = TRI_NO;
	query_end(a);
}

static void look_at_host(struct look *l, uint16_t preference, const char *name,
			 bool is_signed)
{
	struct seen *s = &l->result.seen;
	struct seen_host *h = seen_add_host(s, preference, name);
	if (!h)
		return;
	size_t at = s->host_count - 1;
	if (name_is_literal(name)) {
		h->lookup = HOST_MISSING;
		return;
	}
	look_ask(l, name, RR_A, on_host_address, query_new(l, at));
	look_ask(l, name, RR_AAAA, on_host_address, query_new(l, at));
	if (!is_signed || l->looker->options.mx_only)
		return;
	char tlsa[NAME_TEXT_MAX + 16];
	(void)snprintf(tlsa, sizeof(tlsa), "_25._tcp.%s", name);
	if (strlen(tlsa) < NAME_TEXT_MAX)
		look_ask(l, tlsa, RR_TLSA, on_tlsa, query_new(l, at));
}

/* ---- MX --------------------------------------------------------------- */

/* Whom to suspect when nothing answered at all. */
static void suspect(const struct look_options *o, char *text, size_t size)
{
	const struct resolver_options *r = &o->resolver;
	char server[ADDR_TEXT_MAX];
	if (o->has_primary)
		(void)snprintf(text, size, "; does the name server answer? (%s@%u)",
			       addr_text(o->primary.addr, server), o->primary.port);
	else if (r->has_server)
		(void)snprintf(text, size, "; does the resolver answer? (%s@%u)",
			       addr_text(r->server, server),
			       r->port ? r->port : DNS_PORT);
	else
		(void)snprintf(text, size,
			       "; does the resolver answer? (see /etc/resolv.conf, or "
			       "name another with --resolver)");
}

static void fail(struct look *l, enum lookup_status status)
{
	struct look_result *r = &l->result;
	char whom[160] = "";
	r->status = status;
	if (status == LOOKUP_UNREACHABLE || status == LOOKUP_TIMEOUT)
		suspect(&l->looker->options, whom, sizeof(whom));
	if (status == LOOKUP_NXDOMAIN)
		(void)snprintf(r->failure, sizeof(r->failure),
			       "%s does not exist (NXDOMAIN)", r->seen.domain);
	else
		(void)snprintf(r->failure, sizeof(r->failure),
			       "the MX records of %s could not be looked up: %s%s",
			       r->seen.domain, lookup_status_name(status), whom);
}

static void on_domain_address(const struct answer *ans, void *arg)
{
	struct query *a = arg;
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
	query_end(a);
}

static void look_at_domain_itself(struct look *l)
{
	const char *domain = l->result.seen.domain;
	l->domain_status[0] = l->domain_status[1] =
	    LOOKUP_TIMEOUT; /* until they answer */
	look_ask(l, domain, RR_A, on_domain_address, query_new(l, 0));
	look_ask(l, domain, RR_AAAA, on_domain_address, query_new(l, 1));
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
	struct query *a = arg;
	if (ans->status == LOOKUP_OK)
		read_mx(a->look, ans);
	else if (ans->status == LOOKUP_NODATA)
		look_at_domain_itself(a->look);
	else
		fail(a->look, ans->status);
	query_end(a);
}

/* ---- life ------------------------------------------------------------- */

void look_start(struct looker *lk, const char *domain, look_callback *callback, void *arg)
{
	struct look *l = xcalloc(1, sizeof(*l));
	l->looker = lk;
	l->callback = callback;
	l->arg = arg;
	l->finish = look_finish;
	l->result.status = LOOKUP_OK;
	seen_init(&l->result.seen, domain);
	l->result.seen.lab = lk->options.lab;
	l->next = lk->looks;
	l->link = &lk->looks;
	if (l->next)
		l->next->link = &l->next;
	lk->looks = l;

	look_ask(l, domain, RR_MX, on_mx, query_new(l, 0));
	if (lk->options.mx_only)
		return;
	char sts[NAME_TEXT_MAX + 16];
	(void)snprintf(sts, sizeof(sts), "_mta-sts.%s", domain);
	look_ask(l, domain, RR_TXT, look_on_spf, query_new(l, 0));
	look_at_servers(l);
	if (strlen(sts) < NAME_TEXT_MAX)
		look_ask(l, sts, RR_TXT, look_on_sts, query_new(l, 0));
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
	lk->loop = loop;
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

struct resolver *looker_resolver(struct looker *lk)
{
	return lk->resolver;
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
	for (struct look *l = lk->looks, *next; l; l = next) {
		next = l->next;
		look_free(l);
	}
	free(lk);
}
