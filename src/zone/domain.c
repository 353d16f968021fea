#include "zone/domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "zone/domain_internal.h"
#include "zone/serial.h"

/* Large things that one domain needs at a time, when its answers are in. */
struct scratch {
	struct plan plan;
	struct zone_facts facts;
	struct zone_ranges ranges; /* its records alone */
	struct domain_result result;
	char names[PLAN_MAX_NAMES][NAME_TEXT_MAX];
};

struct domain_planner {
	struct looker *looker;
	struct look_options options;
	struct domain *domains; /* under way */
	struct scratch *scratch;
};

struct domain {
	struct domain_planner *planner;
	struct domain *next, **link;
	char name[NAME_TEXT_MAX];
	const struct plan_want *want;
	struct plan_want reverting; /* revert: what is wanted then */
	bool reverts;
	struct seen seen;
	size_t newest; /* server whose copy is planned on */
	struct domain_told *told;
	size_t told_count;
	struct question *questions; /* without an answer yet */
	struct error error;
	domain_callback *done;
	void *arg;
};

struct question {
	struct domain *domain;
	struct question *next, **link;
	size_t server;
	enum rr_type type;
	char name[NAME_TEXT_MAX];
};

/* ---- the end ---- */

static void domain_free(struct domain *d)
{
	*d->link = d->next;
	if (d->next)
		d->next->link = d->link;
	for (struct question *q = d->questions, *next; q; q = next) {
		next = q->next;
		free(q);
	}
	seen_release(&d->seen);
	for (size_t i = 0; i < d->told_count; i++)
		free(d->told[i].rdata);
	free(d->told);
	free(d);
}

static void end(struct domain *d, enum job_outcome outcome)
{
	struct scratch *s = d->planner->scratch;
	struct domain_result *r = &s->result;
	r->domain = d->name;
	r->zone = d->seen.zone[0] ? d->seen.zone : d->name;
	r->want = d->want;
	r->seen = &d->seen;
	r->job = (struct job_result){ .outcome = outcome,
				      .error = d->error,
				      .plan = &s->plan,
				      .facts = &s->facts,
				      .ranges = &s->ranges,
				      .diff = "" };
	d->done(r, d->arg);
	domain_free(d);
}

static void clear(struct scratch *s)
{
	plan_clear(&s->plan);
	zone_facts_clear(&s->facts);
	ranges_release(&s->ranges);
	s->result.server_count = s->result.differing = 0;
	s->result.is_address_step = false;
}

static void end_early(struct domain *d, enum job_outcome outcome)
{
	clear(d->planner->scratch);
	end(d, outcome);
}

/* ---- the plan ---- */

static bool is_its_address(const struct plan_decoy *decoy, const struct record_range *r)
{
	if (!decoy || decoy->address_count == 0 || r->type == RANGE_TLSA)
		return true;
	for (uint8_t i = 0; i < decoy->address_count; i++)
		if (addr_equal(decoy->addresses[i], r->addr))
			return true;
	return false;
}

/* Once no name server has the decoy as an MX any more, what is left is its
 * own name. An address that is not the declared one is somebody else's. */
static void plan_addresses_away(struct domain *d)
{
	struct scratch *s = d->planner->scratch;
	struct plan *p = &s->plan;
	for (size_t i = 0; i < s->ranges.record_count; i++) {
		const struct record_range *r = &s->ranges.records[i];
		if (!plan_is_of_decoy(d->want, r) ||
		    !name_is_below(r->owner, d->seen.zone) ||
		    !is_its_address(plan_decoy_named(d->want, r->owner), r))
			continue;
		plan_take_out(p, r, p->ttl_before);
	}
	s->result.is_address_step = p->count > 0;
}

/* What the newest copy says, and caches of names outside the zone. */
static void collect_records(struct domain *d)
{
	struct zone_ranges *to = &d->planner->scratch->ranges;
	for (size_t i = 0; i < d->told_count; i++) {
		const struct domain_told *t = &d->told[i];
		if (t->server != d->newest && t->server != DOMAIN_NOBODY)
			continue;
		struct record_range *r = ranges_add(to, t->type, t->owner, t->rdata);
		if (r)
			r->addr = t->addr;
	}
}

static void make_plan(struct domain *d)
{
	struct scratch *s = d->planner->scratch;
	collect_records(d);
	struct plan_zone zone = { .origin = d->name,
				  .zone = d->seen.zone,
				  .mx = s->facts.mx,
				  .mx_count = s->facts.mx_count,
				  .records = s->ranges.records,
				  .record_count = s->ranges.record_count };
	plan_make(&zone, d->want, &s->plan);
	if (s->plan.refusal[0]) {
		(void)error_set(&d->error, FMX_EREFUSED, "%s", s->plan.refusal);
		end(d, JOB_REFUSED);
		return;
	}
	if (s->plan.is_no_mail) {
		end(d, JOB_NO_MAIL);
		return;
	}
	domain_differ(&(struct domain_known){ .seen = &d->seen,
					      .want = d->want,
					      .plan = &s->plan,
					      .told = d->told,
					      .told_count = d->told_count },
		      &s->result);
	if (d->reverts && s->plan.count == 0 && s->result.differing == 0)
		plan_addresses_away(d);
	end(d, s->plan.count ? JOB_CHANGED : JOB_SAME);
}

static int take_facts(struct domain *d)
{
	struct zone_facts *f = &d->planner->scratch->facts;
	const struct seen_server *v = &d->seen.servers[d->newest];
	if (v->mx_count > ZONE_MAX_MX)
		return error_set(&d->error, FMX_EREFUSED,
				 "%s has more than %d MX records", d->name, ZONE_MAX_MX);
	for (size_t i = 0; i < v->mx_count; i++) {
		struct zone_mx *mx = &f->mx[f->mx_count++];
		mx->preference = v->mx[i].preference;
		mx->ttl = v->mx[i].ttl;
		(void)str_copy(mx->exchange, sizeof(mx->exchange), v->mx[i].host);
	}
	f->serial = v->serial;
	f->soa_count = 1;
	return 0;
}

static void finish(struct domain *d)
{
	clear(d->planner->scratch);
	if (d->error.code != 0) {
		end(d, d->error.code == FMX_EREFUSED ? JOB_REFUSED : JOB_FAILED);
		return;
	}
	if (take_facts(d) != 0)
		end(d, JOB_REFUSED);
	else
		make_plan(d);
}

/* ---- names ---- */

static void tell(struct domain *d, size_t server, enum range_type type, const char *owner,
		 const char *rdata, const struct addr *addr)
{
	if (d->told_count == RANGES_MAX_RECORDS)
		return; /* a name with thousands of addresses is no decoy */
	d->told = xrealloc(d->told, d->told_count + 1, sizeof(*d->told));
	struct domain_told *t = &d->told[d->told_count++];
	*t = (struct domain_told){ .server = server,
				   .type = type,
				   .rdata = xstrdup(rdata) };
	if (addr)
		t->addr = *addr;
	(void)str_copy(t->owner, sizeof(t->owner), owner);
}

static void tell_address(struct domain *d, size_t server, const char *owner,
			 const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];
	tell(d, server, addr_is_v4(*addr) ? RANGE_A : RANGE_AAAA, owner,
	     addr_text(*addr, text), addr);
}

static void tell_tlsa(const struct question *q, const struct rdata *r)
{
	struct buf text = BUF_INIT(UINT16_MAX * 4);
	if (rdata_tlsa(*r, &text))
		tell(q->domain, q->server, RANGE_TLSA, q->name, buf_text(&text), NULL);
	buf_release(&text);
}

static void take_answer(const struct question *q, const struct answer *a)
{
	struct addr addr;
	if (a->is_alias) {
		tell(q->domain, q->server, RANGE_CNAME, q->name, a->owner, NULL);
		return;
	}
	/* A name server that answers neither yes nor no has delegated the name. */
	if (a->count == 0 && !a->is_authoritative && q->server != DOMAIN_NOBODY &&
	    q->type == RR_A)
		tell(q->domain, q->server, RANGE_NS, q->name, "", NULL);
	for (size_t i = 0; i < a->count; i++) {
		if (q->type == RR_TLSA)
			tell_tlsa(q, &a->records[i]);
		else if (rdata_addr(a->records[i], &addr))
			tell_address(q->domain, q->server, q->name, &addr);
	}
}

/* Planning on what nobody knows would add a record that is there already. */
static void note_failure(struct question *q, const struct answer *a)
{
	struct domain *d = q->domain;
	char text[ADDR_TEXT_MAX];
	if (q->server != d->newest || d->error.code != 0)
		return;
	const struct seen_server *v = &d->seen.servers[q->server];
	(void)error_set(&d->error, -EIO, "asked for %s %s, the name server %s (%s): %s",
			rr_type_name(q->type), q->name, v->name,
			addr_text(v->at.addr, text), lookup_status_name(a->status));
}

static void on_answer(const struct answer *a, void *arg)
{
	struct question *q = arg;
	struct domain *d = q->domain;
	if (lookup_is_sure(a->status))
		take_answer(q, a);
	else
		note_failure(q, a);
	*q->link = q->next;
	if (q->next)
		q->next->link = q->link;
	free(q);
	if (!d->questions)
		finish(d);
}

static void ask(struct domain *d, size_t server, const char *name, enum rr_type type)
{
	struct resolver *r = looker_resolver(d->planner->looker);
	struct question *q = xcalloc(1, sizeof(*q));
	*q = (struct question){ .domain = d, .server = server, .type = type };
	(void)str_copy(q->name, sizeof(q->name), name);
	q->next = d->questions;
	q->link = &d->questions;
	if (q->next)
		q->next->link = &q->next;
	d->questions = q;
	if (server == DOMAIN_NOBODY) {
		resolver_ask(r, name, type, on_answer, q);
		return;
	}
	const struct seen_server *v = &d->seen.servers[server];
	resolver_ask_server(r, v->at.addr, v->at.port, name, type, on_answer, q);
}

/* The look has asked for the addresses of the MX hosts that caches know. */
static bool take_from_look(struct domain *d, const char *name)
{
	for (size_t i = 0; i < d->seen.host_count; i++) {
		const struct seen_host *h = &d->seen.hosts[i];
		if (strcmp(h->name, name) != 0 || h->lookup != HOST_FOUND)
			continue;
		for (size_t k = 0; k < h->address_count; k++)
			tell_address(d, DOMAIN_NOBODY, name, &h->addresses[k].addr);
		return true;
	}
	return false;
}

static void ask_name(struct domain *d, const char *name, bool is_tlsa)
{
	bool is_here = name_is_below(name, d->seen.zone);
	bool is_decoy =
	    plan_is_decoy(d->want, is_tlsa ? name + strlen("_25._tcp.") : name);
	if (is_decoy && is_here) { /* of each copy, to say where it is missing */
		for (size_t i = 0; i < d->seen.server_count; i++) {
			const struct seen_server *v = &d->seen.servers[i];
			if (v->state != SERVER_ANSWERS || !v->has_mx ||
			    (is_tlsa && i != d->newest))
				continue;
			if (!is_tlsa)
				ask(d, i, name, RR_A);
			ask(d, i, name, is_tlsa ? RR_TLSA : RR_AAAA);
		}
		return;
	}
	size_t whom = is_here ? d->newest : DOMAIN_NOBODY;
	if (is_tlsa) {
		ask(d, whom, name, RR_TLSA);
	} else if (!take_from_look(d, name)) {
		ask(d, whom, name, RR_A);
		ask(d, whom, name, RR_AAAA);
	}
}

static void ask_names(struct domain *d)
{
	struct scratch *s = d->planner->scratch;
	size_t n =
	    plan_names(s->facts.mx, s->facts.mx_count, d->want, s->names, PLAN_MAX_NAMES);
	for (size_t i = 0; i < n; i++)
		ask_name(d, s->names[i], s->names[i][0] == '_');
	if (!d->questions)
		finish(d);
}

/* ---- the domain's copies ---- */

static bool is_usable(const struct seen_server *v)
{
	return v->state == SERVER_ANSWERS && v->has_serial && v->has_mx;
}

static int find_newest(struct domain *d)
{
	const struct seen *s = &d->seen;
	bool found = false;
	for (size_t i = 0; i < s->server_count; i++) {
		if (!is_usable(&s->servers[i]))
			continue;
		if (!found ||
		    serial_is_newer(s->servers[i].serial, s->servers[d->newest].serial))
			d->newest = i;
		found = true;
	}
	if (found)
		return 0;
	char text[ADDR_TEXT_MAX];
	const struct seen_server *v = s->server_count ? &s->servers[0] : NULL;
	if (!v && s->has_inner_servers)
		return error_set(
		    &d->error, -EIO,
		    "no name server of %s has a public address, so none was asked: "
		    "--server ADDRESS says which one is meant",
		    d->name);
	if (!v)
		return error_set(
		    &d->error, -EIO,
		    "the name servers of %s were not found: is it a zone, or "
		    "in one?",
		    d->name);
	return error_set(&d->error, -EIO,
			 "no name server of %s told its MX records; %s (%s): %s", d->name,
			 v->name, addr_text(v->at.addr, text),
			 v->why[0] ? v->why : "not reachable from here");
}

/* Who says revert and names no decoy means those that are called so. */
static void settle_revert(struct domain *d, const struct plan_want *given)
{
	const struct seen_server *v = &d->seen.servers[d->newest];
	d->reverting = *given;
	d->reverting.layout = LAYOUT_NONE;
	d->reverting.renumber = false;
	d->reverting.ttl = -1;
	d->want = &d->reverting;
	if (given->low.name[0] || given->high.name[0] || given->former_count)
		return;
	for (size_t i = 0; i < v->mx_count; i++)
		if (seen_is_called_decoy(v->mx[i].host) &&
		    d->reverting.former_count < PLAN_MAX_FORMER)
			(void)str_copy(d->reverting.former[d->reverting.former_count++],
				       NAME_TEXT_MAX, v->mx[i].host);
}

static void on_look(struct look_result *r, void *arg)
{
	struct domain *d = arg;
	d->seen = r->seen; /* and what it owns */
	r->seen = (struct seen){ .mx = MX_UNKNOWN };
	if (r->status != LOOKUP_OK) {
		(void)error_set(&d->error, -EIO, "%s", r->failure);
		end_early(d, JOB_FAILED);
		return;
	}
	if (find_newest(d) != 0) {
		end_early(d, JOB_FAILED);
		return;
	}
	if (d->seen.servers[d->newest].mx_is_alias) {
		(void)error_set(&d->error, FMX_EREFUSED,
				"%s is an alias (CNAME): its MX records are those of the "
				"name it leads to",
				d->name);
		end_early(d, JOB_REFUSED);
		return;
	}
	if (d->reverts)
		settle_revert(d, d->want);
	clear(d->planner->scratch);
	if (take_facts(d) != 0)
		end_early(d, JOB_REFUSED);
	else
		ask_names(d);
}

/* ---- life ---- */

void domain_plan(struct domain_planner *p, const struct domain_ask *ask,
		 domain_callback *done, void *arg)
{
	struct domain *d = xcalloc(1, sizeof(*d));
	*d = (struct domain){ .planner = p,
			      .want = ask->want,
			      .reverts = ask->reverts,
			      .done = done,
			      .arg = arg };
	(void)str_copy(d->name, sizeof(d->name), ask->domain);
	seen_init(&d->seen, ask->domain);
	d->next = p->domains;
	d->link = &p->domains;
	if (d->next)
		d->next->link = &d->next;
	p->domains = d;
	look_start(p->looker, ask->domain, on_look, d);
}

int domain_planner_new(uv_loop_t *loop, const struct look_options *options,
		       struct domain_planner **ret, struct error *e)
{
	struct domain_planner *p = xcalloc(1, sizeof(*p));
	p->options = *options;
	int rc = looker_new(loop, options, &p->looker, e);
	if (rc != 0) {
		free(p);
		return rc;
	}
	p->scratch = xcalloc(1, sizeof(*p->scratch));
	*ret = p;
	return 0;
}

void domain_planner_free(struct domain_planner *p)
{
	looker_free(p->looker); /* no answer comes any more */
	while (p->domains)
		domain_free(p->domains); /* NOLINT: it takes itself off the list */
	clear(p->scratch);
	free(p->scratch);
	free(p);
}
