#include "zone/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct planner {
	const struct plan_zone *zone;
	const struct plan_want *want;
	struct plan *out;
	uint32_t ttl;
};

FMX_PRINTF(2, 3) static void refuse(const struct planner *p, const char *fmt, ...)
{
	if (p->out->refusal[0])
		return; /* the first reason is the one to mend first */
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(p->out->refusal, sizeof(p->out->refusal), fmt, ap);
	va_end(ap);
}

static bool has_low(enum layout l)
{
	return l == LAYOUT_LOW || l == LAYOUT_BOTH;
}

static bool has_high(enum layout l)
{
	return l == LAYOUT_HIGH || l == LAYOUT_BOTH;
}

const struct plan_decoy *plan_decoy_named(const struct plan_want *want, const char *name)
{
	if (!name[0])
		return NULL; /* a null MX; and a decoy that is not wanted has no name */
	if (strcmp(want->low.name, name) == 0)
		return &want->low;
	if (strcmp(want->high.name, name) == 0)
		return &want->high;
	for (size_t i = 0; i < want->also_count; i++)
		if (strcmp(want->also[i].name, name) == 0)
			return &want->also[i];
	return NULL;
}

bool plan_is_decoy(const struct plan_want *want, const char *name)
{
	if (!name[0])
		return false;
	if (plan_decoy_named(want, name))
		return true;
	for (size_t i = 0; i < want->former_count; i++)
		if (strcmp(want->former[i], name) == 0)
			return true;
	return false;
}

static size_t add_names(char (*names)[NAME_TEXT_MAX], size_t n, size_t most,
			const char *name)
{
	if (!name[0] || n + 2 > most)
		return n;
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return n;
	(void)str_copy(names[n], NAME_TEXT_MAX, name);
	(void)snprintf(names[n + 1], NAME_TEXT_MAX, "_25._tcp.%.240s", name);
	return n + 2;
}

size_t plan_names(const struct zone_mx *mx, uint32_t mx_count,
		  const struct plan_want *want, char (*ret_names)[NAME_TEXT_MAX],
		  size_t most)
{
	size_t n = 0;
	for (uint32_t i = 0; i < mx_count && i < ZONE_MAX_MX; i++)
		n = add_names(ret_names, n, most, mx[i].exchange);
	for (size_t i = 0; i < want->former_count; i++)
		n = add_names(ret_names, n, most, want->former[i]);
	n = add_names(ret_names, n, most, want->low.name);
	n = add_names(ret_names, n, most, want->high.name);
	for (size_t i = 0; i < want->also_count; i++)
		n = add_names(ret_names, n, most, want->also[i].name);
	return n;
}

/* The name above, within the zone and below its apex; NULL: there is none. */
static const char *next_above(const char *name, const char *origin)
{
	const char *dot = strchr(name, '.');
	return dot && name_is_below(dot + 1, origin) && strcmp(dot + 1, origin) != 0
		   ? dot + 1
		   : NULL;
}

static size_t add_above(char (*names)[NAME_TEXT_MAX], size_t n, const char *decoy,
			const char *origin)
{
	for (const char *p = next_above(decoy, origin); p && n < PLAN_MAX_ABOVE;
	     p = next_above(p, origin))
		(void)str_copy(names[n++], NAME_TEXT_MAX, p);
	return n;
}

size_t plan_names_above(const struct plan_want *want, const char *origin,
			char (*ret_names)[NAME_TEXT_MAX])
{
	size_t n = add_above(ret_names, 0, want->low.name, origin);
	n = add_above(ret_names, n, want->high.name, origin);
	for (size_t i = 0; i < want->also_count; i++)
		n = add_above(ret_names, n, want->also[i].name, origin);
	return n;
}

int plan_high_preference(uint16_t worst)
{
	unsigned top = 9;
	while (top < worst)
		top = top * 10 + 9;
	if (top > UINT16_MAX)
		top = UINT16_MAX;
	if (worst + 10U <= top)
		return (int)(worst + 10U);
	if (worst < top)
		return (int)top;
	return worst < UINT16_MAX - 10 ? worst + 10 : -1;
}

struct zone_change *plan_add(struct plan *p, enum edit_action action, enum edit_type type,
			     const char *owner, uint32_t ttl, const char *rdata)
{
	if (p->count == PLAN_MAX_EDITS) {
		if (!p->refusal[0])
			(void)snprintf(p->refusal, sizeof(p->refusal),
				       "more than %d changes in one zone",
				       PLAN_MAX_EDITS);
		return NULL;
	}
	struct zone_change *c = &p->changes[p->count++];
	*c = (struct zone_change){ .action = action,
				   .type = type,
				   .ttl = ttl,
				   .rdata = rdata ? xstrdup(rdata) : NULL };
	(void)str_copy(c->owner, sizeof(c->owner), owner);
	return c;
}

static void change_mx(struct plan *p, const char *origin, enum edit_action action,
		      const struct zone_mx *mx)
{
	struct zone_change *c = plan_add(p, action, EDIT_MX, origin, mx->ttl, NULL);
	if (!c)
		return;
	c->preference = mx->preference;
	(void)str_copy(c->target, sizeof(c->target), mx->exchange);
}

bool plan_is_of_decoy(const struct plan_want *want, const struct record_range *r)
{
	return r->type == RANGE_TLSA ? plan_is_decoy(want, r->owner + strlen("_25._tcp."))
				     : (r->type == RANGE_A || r->type == RANGE_AAAA) &&
					   plan_is_decoy(want, r->owner);
}

void plan_take_out(struct plan *p, const struct record_range *r, uint32_t ttl)
{
	enum edit_type type = r->type == RANGE_A      ? EDIT_A
			      : r->type == RANGE_AAAA ? EDIT_AAAA
						      : EDIT_TLSA;
	(void)plan_add(p, EDIT_REMOVE, type, r->owner, ttl, r->rdata);
}

bool plan_changes_mx(const struct plan *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->changes[i].type == EDIT_MX)
			return true;
	return false;
}

bool plan_is_first_of_rrset(const struct plan *p, size_t change)
{
	for (size_t i = 0; i < change; i++)
		if (p->changes[i].type == p->changes[change].type &&
		    strcmp(p->changes[i].owner, p->changes[change].owner) == 0)
			return false;
	return true;
}

/* ---- the MX set ---- */

static void want_mx(struct planner *p, uint16_t preference, const char *exchange)
{
	struct plan *out = p->out;
	if (out->after_count == ZONE_MAX_MX) {
		refuse(p, "%s would have more than %d MX records", p->zone->origin,
		       ZONE_MAX_MX);
		return;
	}
	struct zone_mx *mx = &out->after[out->after_count++];
	mx->preference = preference;
	mx->ttl = p->ttl;
	(void)str_copy(mx->exchange, sizeof(mx->exchange), exchange);
}

/* Real hosts at 0 leave no room below; asked to, they move to 10, 20, ... in
 * their order, equal ones together. */
static uint16_t renumbered(const struct planner *p, uint16_t preference)
{
	unsigned ranks = 0;
	for (unsigned q = 0; q <= preference; q++) {
		bool is_used = false;
		for (uint32_t i = 0; i < p->zone->mx_count; i++)
			is_used |= p->zone->mx[i].preference == q &&
				   !plan_is_decoy(p->want, p->zone->mx[i].exchange);
		ranks += is_used;
	}
	return (uint16_t)(ranks * 10);
}

static void want_real(struct planner *p, uint16_t *ret_best, uint16_t *ret_worst)
{
	bool renumber = false;
	for (uint32_t i = 0; i < p->zone->mx_count; i++)
		renumber |= p->want->renumber && p->zone->mx[i].preference == 0 &&
			    !plan_is_decoy(p->want, p->zone->mx[i].exchange);
	*ret_best = UINT16_MAX;
	*ret_worst = 0;
	for (uint32_t i = 0; i < p->zone->mx_count; i++) {
		const struct zone_mx *mx = &p->zone->mx[i];
		if (plan_is_decoy(p->want, mx->exchange))
			continue;
		if (!mx->exchange[0])
			refuse(p,
			       "%s has a null MX, which says that it takes no mail, "
			       "beside other MX records (RFC 7505 3 forbids that): take "
			       "the one or the others out first",
			       p->zone->origin);
		uint16_t preference =
		    renumber ? renumbered(p, mx->preference) : mx->preference;
		want_mx(p, preference, mx->exchange);
		if (preference < *ret_best)
			*ret_best = preference;
		if (preference > *ret_worst)
			*ret_worst = preference;
	}
	if (p->out->after_count == 0)
		refuse(p,
		       "%s has no MX record of a real host: publish one first, else all "
		       "mail would "
		       "go to the decoy",
		       p->zone->origin);
}

/* A decoy that already stands worse than all before it stays where it is. */
static int high_preference(const struct planner *p, const char *decoy, uint16_t worst)
{
	for (uint32_t i = 0; i < p->zone->mx_count; i++)
		if (strcmp(p->zone->mx[i].exchange, decoy) == 0 &&
		    p->zone->mx[i].preference > worst)
			return p->zone->mx[i].preference;
	return plan_high_preference(worst);
}

static uint16_t want_high(struct planner *p, const char *decoy, uint16_t worst)
{
	int preference = high_preference(p, decoy, worst);
	if (preference < 0) {
		refuse(p,
		       "the real hosts of %s stand at preference %u: there is no room "
		       "for a decoy above; --renumber moves them to 10, 20, ...",
		       p->zone->origin, worst);
		return worst;
	}
	want_mx(p, (uint16_t)preference, decoy);
	return (uint16_t)preference;
}

static void want_decoys(struct planner *p, uint16_t best, uint16_t worst)
{
	if (has_low(p->want->layout)) {
		if (best == 0)
			refuse(p,
			       "a real host of %s stands at preference 0, so nothing can "
			       "be better: "
			       "--renumber moves the real hosts to 10, 20, ...",
			       p->zone->origin);
		want_mx(p, 0, p->want->low.name);
	}
	if (has_high(p->want->layout)) {
		worst = want_high(p, p->want->high.name, worst);
		for (size_t i = 0; i < p->want->also_count; i++)
			worst = want_high(p, p->want->also[i].name, worst);
	}
}

static bool is_in(const struct zone_mx *set, uint32_t count, const struct zone_mx *mx)
{
	for (uint32_t i = 0; i < count; i++)
		if (set[i].preference == mx->preference && set[i].ttl == mx->ttl &&
		    strcmp(set[i].exchange, mx->exchange) == 0)
			return true;
	return false;
}

void plan_set_mx(const struct plan_zone *zone, struct plan *p)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->count; i++)
		if (p->changes[i].type != EDIT_MX)
			p->changes[kept++] = p->changes[i]; /* MX have no rdata to free */
	p->count = kept;
	for (uint32_t i = 0; i < zone->mx_count; i++)
		if (!is_in(p->after, p->after_count, &zone->mx[i]))
			change_mx(p, zone->origin, EDIT_REMOVE, &zone->mx[i]);
	for (uint32_t i = 0; i < p->after_count; i++)
		if (!is_in(zone->mx, zone->mx_count, &p->after[i]))
			change_mx(p, zone->origin, EDIT_ADD, &p->after[i]);
}

/* ---- the decoys' own records ---- */

static bool is_in_zone(const struct planner *p, const char *name)
{
	return name_is_below(name, p->zone->zone ? p->zone->zone : p->zone->origin);
}

static bool has_address(const struct plan_decoy *d, struct addr a)
{
	for (uint8_t i = 0; i < d->address_count; i++)
		if (addr_equal(d->addresses[i], a))
			return true;
	return false;
}

static const struct record_range *next_record(const struct planner *p, const char *owner,
					      size_t *at)
{
	for (; *at < p->zone->record_count; (*at)++)
		if (strcmp(p->zone->records[*at].owner, owner) == 0)
			return &p->zone->records[(*at)++];
	return NULL;
}

static bool is_address(const struct record_range *r)
{
	return r->type == RANGE_A || r->type == RANGE_AAAA;
}

/* How many addresses the decoy's name has already, of each family; refuses what
 * contradicts. */
static void check_decoy_records(struct planner *p, const struct plan_decoy *d,
				size_t ret_found[2])
{
	size_t at = 0;
	const struct record_range *r;
	char text[ADDR_TEXT_MAX];
	while ((r = next_record(p, d->name, &at))) {
		if (r->type == RANGE_CNAME)
			refuse(p,
			       "%s is an alias (CNAME); the target of an MX must not be "
			       "one (RFC 2181 "
			       "10.3): choose another name for the decoy",
			       d->name);
		if (!is_address(r))
			continue;
		ret_found[r->type == RANGE_AAAA]++;
		if (d->address_count && !has_address(d, r->addr))
			refuse(p,
			       "%s already has the address %s, which is not the decoy's: "
			       "choose "
			       "another name, or take that record out first",
			       d->name, addr_text(r->addr, text));
	}
}

/* Below a delegation, or a DNAME, this zone's records are not what anybody is
 * told (RFC 1034 4.2.1, RFC 6672 2.4). */
static void check_cuts(const struct planner *p, const char *decoy)
{
	for (size_t i = 0; i < p->zone->record_count; i++) {
		const struct record_range *r = &p->zone->records[i];
		bool is_cut = r->type == RANGE_NS || r->type == RANGE_DNAME;
		bool is_itself = strcmp(r->owner, decoy) == 0;
		if (!is_cut || !name_is_below(decoy, r->owner) ||
		    strcmp(r->owner, p->zone->origin) == 0 ||
		    (is_itself && r->type == RANGE_DNAME))
			continue;
		refuse(
		    p,
		    r->type == RANGE_NS
			? "%s is delegated to other name servers (NS): an address of "
			  "%s must be put there, or choose another name for the decoy"
			: "all names below %s are redirected (DNAME), so %s can have no "
			  "address: choose another name for the decoy",
		    r->owner, decoy);
	}
}

/* `fake1.mx` for fake1.mx.example.com is a domain of Mexico. */
static void check_meant_in_full(const struct planner *p, const struct plan_decoy *d)
{
	char domain[NAME_TEXT_MAX];
	name_registrable(d->name, domain);
	if (!d->is_sure && !name_is_below(d->name, p->zone->origin) &&
	    strcmp(domain, d->name) == 0)
		refuse(p,
		       "is the decoy %s.%s meant, or really %s.? Write the name in full, "
		       "the latter with its final dot",
		       d->name, p->zone->origin, d->name);
}

/* A and AAAA are sets of their own: each is there whole, or is made. */
static void add_family(struct planner *p, const struct plan_decoy *d, bool is_v6,
		       size_t found)
{
	char text[ADDR_TEXT_MAX];
	size_t wanted = 0;
	for (uint8_t i = 0; i < d->address_count; i++)
		wanted += addr_is_v4(d->addresses[i]) != is_v6;
	if (found && found < wanted)
		refuse(p,
		       "%s has %zu of the %zu %s addresses that it is to have: add the "
		       "others by hand, or name those alone that it has",
		       d->name, found, wanted, is_v6 ? "IPv6" : "IPv4");
	for (uint8_t i = 0; !found && i < d->address_count; i++)
		if (addr_is_v4(d->addresses[i]) != is_v6)
			(void)plan_add(p->out, EDIT_ADD, is_v6 ? EDIT_AAAA : EDIT_A,
				       d->name, p->ttl, addr_text(d->addresses[i], text));
}

static void add_addresses(struct planner *p, const struct plan_decoy *d)
{
	size_t found[2] = { 0, 0 };
	bool is_here = is_in_zone(p, d->name);
	if (!is_here)
		return; /* its addresses are another zone's to publish */
	check_decoy_records(p, d, found);
	if (d->address_count == 0 && found[0] + found[1] == 0)
		refuse(p,
		       "%s has no address in the zone and none was given: write "
		       "NAME=ADDRESS",
		       d->name);
	add_family(p, d, false, found[0]);
	add_family(p, d, true, found[1]);
}

/* In a zone whose real hosts have TLSA, a decoy without one could be
 * impersonated in the clear (risks.md row 14): it gets the real host's. */
static void add_tlsa(struct planner *p, const struct plan_decoy *d)
{
	char owner[NAME_TEXT_MAX], theirs[NAME_TEXT_MAX];
	(void)snprintf(owner, sizeof(owner), "_25._tcp.%.240s", d->name);
	size_t at = 0;
	if (!is_in_zone(p, d->name) || next_record(p, owner, &at))
		return;
	for (uint32_t i = 0; i < p->out->after_count; i++) {
		if (plan_is_decoy(p->want, p->out->after[i].exchange))
			continue;
		(void)snprintf(theirs, sizeof(theirs), "_25._tcp.%.240s",
			       p->out->after[i].exchange);
		const struct record_range *r;
		bool added = false;
		for (at = 0; (r = next_record(p, theirs, &at));) {
			if (r->type != RANGE_TLSA)
				continue;
			(void)plan_add(p->out, EDIT_ADD, EDIT_TLSA, owner, p->ttl,
				       r->rdata);
			added = true;
		}
		if (added)
			return;
	}
}

static bool is_real_host(const struct planner *p, const char *name)
{
	bool found = false;
	for (uint32_t i = 0; i < p->zone->mx_count; i++)
		found |= strcmp(p->zone->mx[i].exchange, name) == 0;
	return found && !plan_is_decoy(p->want, name);
}

/* risks.md rows 8 and 11. */
static void check_addresses(struct planner *p, const struct plan_decoy *d)
{
	char text[ADDR_TEXT_MAX];
	for (uint8_t i = 0; i < d->address_count; i++) {
		struct addr a = d->addresses[i];
		enum addr_kind kind = addr_kind(a);
		if (kind != ADDR_PUBLIC && !p->want->lab)
			refuse(p,
			       "the decoy's address %s is not public (%s): senders' "
			       "filters take such an MX for bogus; use a public one "
			       "(--lab allows it for a trial)",
			       addr_text(a, text), addr_kind_name(kind));
		for (size_t k = 0; k < p->zone->record_count; k++) {
			const struct record_range *r = &p->zone->records[k];
			if (is_address(r) && addr_equal(r->addr, a) &&
			    is_real_host(p, r->owner))
				refuse(p,
				       "the decoy's address %s is that of %s, a real "
				       "host: mail would "
				       "loop or bounce; use an address of its own",
				       addr_text(a, text), r->owner);
		}
	}
}

static void check_low(struct planner *p)
{
	const struct plan_decoy *d = &p->want->low;
	if (d->address_count > 1 ||
	    (d->address_count == 1 && !addr_is_v4(d->addresses[0])))
		refuse(p,
		       "the low decoy %s may have one IPv4 address and no other: each "
		       "costs every "
		       "sender an attempt, and some try only two or five",
		       d->name);
	for (uint8_t i = 0; i < p->want->high.address_count; i++)
		if (has_address(d, p->want->high.addresses[i]))
			refuse(p, "the low and the high decoy have the same address: "
				  "they do different "
				  "things, so each needs its own");
}

static void plan_decoy_records(struct planner *p, const struct plan_decoy *d)
{
	if (!name_is_host(d->name)) {
		refuse(p,
		       "\"%s\" is not a host name that an MX can point at; write it in "
		       "full, such as fake1.mx.%s",
		       d->name, p->zone->origin);
		return;
	}
	check_meant_in_full(p, d);
	check_cuts(p, d->name);
	check_addresses(p, d);
	add_addresses(p, d);
	add_tlsa(p, d);
}

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->changes[i].rdata);
	p->count = 0;
	p->after_count = 0;
	p->ttl_before = 0;
	p->is_no_mail = false;
	p->refusal[0] = '\0';
	p->note[0] = '\0';
}

static bool takes_no_mail(const struct plan_zone *zone)
{
	for (uint32_t i = 0; i < zone->mx_count; i++)
		if (zone->mx[i].exchange[0])
			return false;
	return true;
}

void plan_make(const struct plan_zone *zone, const struct plan_want *want,
	       struct plan *ret)
{
	plan_clear(ret);
	struct planner p = { .zone = zone, .want = want, .out = ret };
	for (uint32_t i = 0; i < zone->mx_count; i++)
		if (zone->mx[i].ttl > ret->ttl_before)
			ret->ttl_before = zone->mx[i].ttl;
	/* One RRset has one TTL (RFC 2181 5.2): where they differ, the shortest. */
	p.ttl = zone->mx_count ? zone->mx[0].ttl : 3600;
	for (uint32_t i = 1; i < zone->mx_count; i++)
		if (zone->mx[i].ttl < p.ttl)
			p.ttl = zone->mx[i].ttl;
	if (want->ttl >= 0)
		p.ttl = (uint32_t)want->ttl;

	ret->is_no_mail = takes_no_mail(zone);
	if (ret->is_no_mail)
		return;
	uint16_t best, worst;
	want_real(&p, &best, &worst);
	want_decoys(&p, best, worst);
	plan_set_mx(zone, ret);
	if (has_low(want->layout)) {
		check_low(&p);
		plan_decoy_records(&p, &want->low);
	}
	if (!has_high(want->layout))
		return;
	plan_decoy_records(&p, &want->high);
	for (size_t i = 0; i < want->also_count; i++)
		plan_decoy_records(&p, &want->also[i]);
}
