#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "look/spf.h"
#include "zone/live_internal.h"
#include "zone/serial.h"

enum { POLL_MS = 500 };

static struct live_question *question(struct live_zone *z, const char *name,
				      enum rr_type type)
{
	struct live_question *q = xcalloc(1, sizeof(*q));
	q->zone = z;
	q->type = type;
	(void)str_copy(q->name, sizeof(q->name), name);
	z->open++;
	return q;
}

static void answered(struct live_question *q)
{
	struct live_zone *z = q->zone;
	free(q);
	if (--z->open == 0)
		z->then(z);
}

static void note_failure(struct live_zone *z, const struct live_question *q,
			 const struct answer *a)
{
	char text[ADDR_TEXT_MAX];
	if (z->has_mx_failed)
		return;
	z->has_mx_failed = true;
	(void)error_set(&z->error, -EIO, "asked for %s %s, the server %s@%u: %s",
			rr_type_name(q->type), q->name,
			addr_text(z->live->options->server.addr, text),
			z->live->options->server.port, lookup_status_name(a->status));
}

/* ---- the zone's own records ---- */

static void take_mx(struct live_zone *z, const struct answer *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct zone_mx *mx = &z->facts.mx[z->facts.mx_count];
		if (z->facts.mx_count == ZONE_MAX_MX || a->is_cut) {
			z->has_mx_failed = true;
			(void)error_set(&z->error, FMX_EREFUSED,
					"%s has more than %d MX records", z->job->origin,
					ZONE_MAX_MX);
			return;
		}
		mx->ttl = a->ttl;
		if (rdata_mx(a->records[i], &mx->preference, mx->exchange))
			z->facts.mx_count++;
	}
}

static void add_server(struct live_zone *z, struct endpoint at, const char *name)
{
	if (z->server_count == LIVE_MAX_SERVERS)
		return;
	struct live_server *s = &z->servers[z->server_count++];
	*s = (struct live_server){ .at = at };
	(void)str_copy(s->name, sizeof(s->name), name);
}

static void on_server_address(const struct answer *a, void *arg)
{
	struct live_question *q = arg;
	struct addr addr;
	for (size_t i = 0; i < a->count; i++)
		if (rdata_addr(a->records[i], &addr))
			add_server(q->zone, (struct endpoint){ addr, DNS_PORT }, q->name);
	answered(q);
}

static void take_ns(struct live_zone *z, const struct answer *a)
{
	if (z->live->options->server_count || z->live->options->does == LIVE_PLAN ||
	    z->live->options->does == LIVE_PLAN_REVERT)
		return;
	for (size_t i = 0; i < a->count; i++) {
		char name[NAME_TEXT_MAX];
		if (!rdata_name(a->records[i], name))
			continue;
		resolver_ask(z->live->resolver, name, RR_A, on_server_address,
			     question(z, name, RR_A));
		resolver_ask(z->live->resolver, name, RR_AAAA, on_server_address,
			     question(z, name, RR_AAAA));
	}
}

/* rdata as in a master file; false for what is not of its type. */
static bool write_record(const struct live_question *q, const struct rdata *r,
			 struct buf *to)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;
	switch (q->type) {
	case RR_A:
	case RR_AAAA:
		if (!rdata_addr(*r, &a))
			return false;
		buf_adds(to, addr_text(a, text));
		return true;
	case RR_TLSA: return rdata_tlsa(*r, to);
	default: return false;
	}
}

static void take_records(struct live_question *q, const struct answer *a)
{
	struct zone_ranges *p = &q->zone->ranges;
	struct buf rdata = BUF_INIT(LEX_ENTRY_MAX);
	enum range_type type = q->type == RR_A      ? RANGE_A
			       : q->type == RR_AAAA ? RANGE_AAAA
						    : RANGE_TLSA;
	if (a->is_alias)
		(void)ranges_add(p, RANGE_CNAME, q->name, a->owner);
	/* A primary that answers neither yes nor no has delegated the name. */
	if (a->count == 0 && !a->is_authoritative && q->type == RR_A)
		(void)ranges_add(p, RANGE_NS, q->name, "");
	for (size_t i = 0; !a->is_alias && i < a->count; i++) {
		buf_clear(&rdata);
		if (!write_record(q, &a->records[i], &rdata))
			continue;
		struct record_range *r = ranges_add(p, type, q->name, buf_text(&rdata));
		if (r && type != RANGE_TLSA)
			(void)!addr_parse(r->rdata, &r->addr); /* was made from one */
	}
	buf_release(&rdata);
}

/* For the findings: does it authorise the decoy (RFC 7208 3)? */
static void take_spf(struct live_zone *z, const struct answer *a)
{
	char text[RDATA_TEXT_MAX];
	for (size_t i = 0; i < a->count; i++)
		if (rdata_text(a->records[i], text) && spf_is_record(text))
			(void)str_copy(z->facts.spf, sizeof(z->facts.spf), text);
}

static void on_answer(const struct answer *a, void *arg)
{
	struct live_question *q = arg;
	struct live_zone *z = q->zone;
	if (!lookup_is_sure(a->status)) {
		note_failure(z, q, a);
	} else if (q->type == RR_MX) {
		take_mx(z, a);
	} else if (q->type == RR_TXT) {
		take_spf(z, a);
	} else if (q->type == RR_NS) {
		take_ns(z, a);
	} else if (q->type == RR_SOA) {
		z->facts.soa_count =
		    a->count == 1 && rdata_serial(a->records[0], &z->facts.serial);
		if (!a->is_authoritative || !z->facts.soa_count)
			note_failure(z, q, &(struct answer){ .status = LOOKUP_REFUSED });
	} else {
		take_records(q, a);
	}
	answered(q);
}

void live_ask(struct live_zone *z, const char *name, enum rr_type type)
{
	const struct endpoint *server = &z->live->options->server;
	resolver_ask_server(z->live->resolver, server->addr, server->port, name, type,
			    on_answer, question(z, name, type));
}

void live_ask_zone(struct live_zone *z, void (*then)(struct live_zone *z))
{
	z->then = then;
	zone_facts_clear(&z->facts);
	ranges_release(&z->ranges);
	z->server_count = 0;
	for (size_t i = 0; i < z->live->options->server_count; i++)
		add_server(z, z->live->options->servers[i], "");
	live_ask(z, z->job->origin, RR_SOA);
	live_ask(z, z->job->origin, RR_MX);
	live_ask(z, z->job->origin, RR_TXT);
	live_ask(z, z->job->origin, RR_NS);
}

/* Names outside the zone are not this server's to know. */
void live_ask_names(struct live_zone *z, void (*then)(struct live_zone *z))
{
	if (!z->names)
		z->names = xcalloc(PLAN_MAX_NAMES, sizeof(*z->names));
	size_t n =
	    plan_names(z->facts.mx, z->facts.mx_count, z->want, z->names, PLAN_MAX_NAMES);
	z->then = then;
	z->open++; /* until all are asked */
	for (size_t i = 0; i < n; i++) {
		if (!name_is_below(z->names[i], z->job->origin))
			continue;
		if (z->names[i][0] == '_') {
			live_ask(z, z->names[i], RR_TLSA);
			continue;
		}
		live_ask(z, z->names[i], RR_A);
		live_ask(z, z->names[i], RR_AAAA);
	}
	if (--z->open == 0)
		z->then(z);
}

/* ---- agreement ---- */

static void ask_serials(struct live_zone *z);

static void on_poll(uv_timer_t *t)
{
	ask_serials(t->data);
}

static void judge_agreement(struct live_zone *z, void (*then)(struct live_zone *z))
{
	bool all = true;
	for (size_t i = 0; i < z->server_count; i++)
		all &= z->servers[i].agrees;
	if (all || stamp_monotonic() >= z->deadline)
		then(z);
	else
		(void)uv_timer_start(&z->timer, on_poll, POLL_MS, 0);
}

static void on_serial(const struct answer *a, void *arg)
{
	struct live_question *q = arg;
	struct live_zone *z = q->zone;
	struct live_server *s = q->server;
	s->answered = a->count == 1 && rdata_serial(a->records[0], &s->serial);
	s->agrees = s->answered && !serial_is_newer(z->facts.serial, s->serial);
	free(q);
	if (--z->open == 0)
		judge_agreement(z, z->then);
}

static void ask_serials(struct live_zone *z)
{
	z->open++;
	for (size_t i = 0; i < z->server_count; i++) {
		struct live_server *s = &z->servers[i];
		if (s->agrees)
			continue;
		struct live_question *q = question(z, z->job->origin, RR_SOA);
		q->server = s;
		resolver_ask_server(z->live->resolver, s->at.addr, s->at.port,
				    z->job->origin, RR_SOA, on_serial, q);
	}
	if (--z->open == 0)
		judge_agreement(z, z->then);
}

void live_agree(struct live_zone *z, void (*then)(struct live_zone *z))
{
	int64_t most =
	    z->live->options->agree_us ? z->live->options->agree_us : LIVE_AGREE_US;
	z->then = then;
	z->deadline = stamp_monotonic() + most;
	if (!z->has_timer) {
		(void)uv_timer_init(&z->live->loop, &z->timer);
		z->timer.data = z;
		z->has_timer = true;
	}
	ask_serials(z);
}
