/* What the zone says besides its hosts: SPF, MTA-STS, and what each name server
 * answers by itself. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "look/look_open.h"
#include "look/spf.h"
#include "look/sts.h"

/* ---- SPF and MTA-STS -------------------------------------------------- */

void look_on_spf(const struct answer *ans, void *arg)
{
	struct query *a = arg;
	struct seen *s = &a->look->result.seen;
	for (size_t i = 0; i < ans->count; i++) {
		char text[RDATA_TEXT_MAX];
		if (!rdata_text(ans->records[i], text) || !spf_is_record(text))
			continue;
		s->has_spf = true;
		s->spf_has_mx = spf_has_mx(text, s->domain);
		(void)str_copy(s->spf, sizeof(s->spf), text);
	}
	query_end(a);
}

static void sts_broken(struct seen *s, const char *why)
{
	s->sts = STS_BROKEN;
	(void)str_copy(s->sts_error, sizeof(s->sts_error), why);
}

static void on_policy(const char *body, size_t len, const char *failure, void *arg)
{
	struct query *a = arg;
	struct seen *s = &a->look->result.seen;
	struct error e;
	if (failure)
		sts_broken(s, failure);
	else if (sts_read(body, len, s, &e) != 0)
		sts_broken(s, e.text);
	query_end(a);
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
		    query_new(l, 0));
}

static void on_policy_host(const struct answer *ans, void *arg)
{
	struct query *a = arg;
	struct look *l = a->look;
	for (size_t i = 0; i < ans->count; i++) {
		struct addr addr;
		if (rdata_addr(ans->records[i], &addr) &&
		    look_may_touch(l->looker, addr) &&
		    l->policy_host_count < FETCH_ADDRESSES_MAX)
			l->policy_hosts[l->policy_host_count++] = addr;
	}
	if (--l->policy_open == 0)
		fetch_policy(l);
	query_end(a);
}

void look_on_sts(const struct answer *ans, void *arg)
{
	struct query *a = arg;
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
		look_ask(l, host, RR_A, on_policy_host, query_new(l, 0));
		look_ask(l, host, RR_AAAA, on_policy_host, query_new(l, 0));
	}
	query_end(a);
}

/* ---- name servers ----------------------------------------------------- */

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

static struct seen_server *judge_server(struct query *a, const struct answer *ans)
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
	query_end(arg);
}

static void on_server_mx(const struct answer *ans, void *arg)
{
	struct seen_server *v = judge_server(arg, ans);
	v->has_mx = lookup_is_sure(ans->status) && !ans->is_cut;
	v->mx_is_alias = ans->is_alias;
	for (size_t i = 0; i < ans->count; i++) {
		struct seen_mx mx = { .ttl = ans->ttl };
		if (rdata_mx(ans->records[i], &mx.preference, mx.host))
			seen_add_mx(v, &mx);
	}
	query_end(arg);
}

static void query_server(struct look *l, const char *name, struct endpoint at)
{
	struct looker *lk = l->looker;
	struct seen *s = &l->result.seen;
	if (!seen_add_server(s, name, at) || !has_route(at.addr))
		return;
	size_t i = s->server_count - 1;
	resolver_ask_server(lk->resolver, at.addr, at.port, s->zone, RR_SOA,
			    on_server_soa, query_new(l, i));
	resolver_ask_server(lk->resolver, at.addr, at.port, s->domain, RR_MX,
			    on_server_mx, query_new(l, i));
}

static void on_server_address(const struct answer *ans, void *arg)
{
	struct query *a = arg;
	struct look *l = a->look;
	for (size_t i = 0; i < ans->count; i++) {
		struct endpoint at = { .port = l->looker->options.dns_port };
		if (!rdata_addr(ans->records[i], &at.addr))
			continue;
		if (look_may_touch(l->looker, at.addr))
			query_server(l, a->name, at);
		else
			l->result.seen.has_inner_servers = true;
	}
	query_end(a);
}

static void query_servers(struct look *l, const struct answer *ans)
{
	static const enum rr_type types[] = { RR_A, RR_AAAA };
	const struct look_options *o = &l->looker->options;
	char name[NAME_TEXT_MAX];
	if (o->has_primary) {
		query_server(l, addr_text(o->primary.addr, name), o->primary);
		return;
	}
	for (size_t i = 0; i < ans->count && i < NAME_SERVERS_MAX; i++) {
		if (!rdata_name(ans->records[i], name))
			continue;
		for (size_t t = 0; t < 2; t++) {
			struct query *q = query_new(l, 0);
			(void)str_copy(q->name, sizeof(q->name), name);
			resolver_ask(l->looker->resolver, name, types[t],
				     on_server_address, q);
		}
	}
}

static void on_ns(const struct answer *ans, void *arg);

/* NS records stand where the zone begins, perhaps above the domain. */
static void find_zone(struct look *l, const char *name)
{
	struct query *a = query_new(l, 0);
	const struct look_options *o = &l->looker->options;
	(void)str_copy(a->name, sizeof(a->name), name);
	if (o->has_primary)
		resolver_ask_server(l->looker->resolver, o->primary.addr, o->primary.port,
				    name, RR_NS, on_ns, a);
	else
		resolver_ask(l->looker->resolver, name, RR_NS, on_ns, a);
}

static void on_ns(const struct answer *ans, void *arg)
{
	struct query *a = arg;
	struct look *l = a->look;
	const char *parent = strchr(a->name, '.');
	if (ans->count > 0 && !ans->is_alias) {
		(void)str_copy(l->result.seen.zone, sizeof(l->result.seen.zone), a->name);
		query_servers(l, ans);
	} else if ((ans->status == LOOKUP_NODATA || ans->is_alias) && parent &&
		   strchr(parent + 1, '.')) {
		find_zone(l, parent + 1);
	}
	query_end(a);
}

void look_at_servers(struct look *l)
{
	find_zone(l, l->result.seen.domain);
}
