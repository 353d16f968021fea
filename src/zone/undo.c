#include "zone/undo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Sentences without their final dot, as many as there is room for. */
FMX_PRINTF(2, 3) static void note(struct plan *p, const char *fmt, ...)
{
	char text[NAME_TEXT_MAX + 200];
	size_t n = strlen(p->note);
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n + strlen(text) + 3 < sizeof(p->note))
		(void)snprintf(p->note + n, sizeof(p->note) - n, "%s%s", n ? "; " : "",
			       text);
}

/* ---- the MX set ---- */

static bool is_mx_of(const struct zone_change *c, enum edit_action action,
		     const char *exchange)
{
	return c->type == EDIT_MX && c->action == action &&
	       strcmp(c->target, exchange) == 0;
}

/* What apply put in the place of what: of one exchange at several preferences, each
 * has its own, the same preference first, else in their order. */
static const struct zone_change *replaced_by(const struct plan_undo *u,
					     const struct zone_change *added)
{
	const struct zone_change *found = NULL;
	size_t rank = 0, at = 0;
	for (size_t i = 0; i < u->count; i++) {
		const struct zone_change *c = &u->changes[i];
		if (is_mx_of(c, EDIT_REMOVE, added->target) &&
		    c->preference == added->preference)
			return c;
		rank += c < added && is_mx_of(c, EDIT_ADD, added->target);
	}
	for (size_t i = 0; i < u->count && !found; i++)
		if (is_mx_of(&u->changes[i], EDIT_REMOVE, added->target) && at++ == rank)
			found = &u->changes[i];
	return found;
}

static const struct zone_change *added_as(const struct plan_undo *u,
					  const struct zone_mx *mx)
{
	for (size_t i = 0; i < u->count; i++)
		if (is_mx_of(&u->changes[i], EDIT_ADD, mx->exchange) &&
		    u->changes[i].preference == mx->preference)
			return &u->changes[i];
	return NULL;
}

/* The TTL before apply, of the real hosts that it changed; 0: it changed none. */
static uint32_t former_ttl(const struct plan_undo *u, const struct plan *p,
			   uint32_t *ret_applied)
{
	uint32_t ttl = 0;
	for (uint32_t i = 0; i < p->after_count; i++) {
		const struct zone_change *added = added_as(u, &p->after[i]);
		const struct zone_change *old = added ? replaced_by(u, added) : NULL;
		if (!old || old->ttl == added->ttl)
			continue;
		*ret_applied = added->ttl;
		if (ttl == 0 || old->ttl < ttl)
			ttl = old->ttl;
	}
	return ttl;
}

static void take_back_ttl(const struct plan_zone *zone, const struct plan_undo *u,
			  struct plan *p)
{
	uint32_t applied = 0, ttl = former_ttl(u, p, &applied);
	if (ttl == 0)
		return;
	for (uint32_t i = 0; i < zone->mx_count; i++)
		if (zone->mx[i].ttl != applied) {
			note(p,
			     "the TTL of the MX records stays at %u s: somebody changed "
			     "it after apply",
			     p->after[0].ttl);
			return;
		}
	for (uint32_t i = 0; i < p->after_count; i++)
		p->after[i].ttl = ttl;
}

static int order_of(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

/* Where somebody put a host between them, the numbers of before might be another
 * order. */
static bool is_same_order(const struct plan *p, const uint16_t *former)
{
	for (uint32_t i = 0; i < p->after_count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (order_of(former[i], former[k]) !=
			    order_of(p->after[i].preference, p->after[k].preference))
				return false;
	return true;
}

static void take_back_preferences(const struct plan_undo *u, struct plan *p)
{
	uint16_t former[ZONE_MAX_MX];
	for (uint32_t i = 0; i < p->after_count; i++) {
		const struct zone_change *added = added_as(u, &p->after[i]);
		const struct zone_change *old = added ? replaced_by(u, added) : NULL;
		former[i] = old ? old->preference : p->after[i].preference;
	}
	if (!is_same_order(p, former)) {
		note(p, "the real hosts stay at the preferences that apply gave them: "
			"somebody changed the MX records after it");
		return;
	}
	for (uint32_t i = 0; i < p->after_count; i++)
		p->after[i].preference = former[i];
}

/* ---- the decoys' own records ---- */

/* Somebody may write an address in another way. */
static bool is_same_data(const struct zone_change *c, const struct record_range *r)
{
	struct addr a;
	if (r->type == RANGE_TLSA)
		return strcasecmp(c->rdata, r->rdata) == 0;
	return addr_parse(c->rdata, &a) && addr_equal(a, r->addr);
}

bool undo_is_added(const struct plan_undo *u, const struct record_range *r)
{
	for (size_t i = 0; i < u->count; i++) {
		const struct zone_change *c = &u->changes[i];
		if (c->action == EDIT_ADD && c->type != EDIT_MX &&
		    edit_range_of(c->type) == r->type &&
		    strcmp(c->owner, r->owner) == 0 && is_same_data(c, r))
			return true;
	}
	return false;
}

static void take_back_records(const struct plan_zone *zone, const struct plan_want *want,
			      struct plan *p)
{
	for (size_t i = 0; i < zone->record_count; i++) {
		const struct record_range *r = &zone->records[i];
		bool is_tlsa = r->type == RANGE_TLSA;
		if (!plan_is_of_decoy(want, r))
			continue;
		if (!undo_is_added(want->undo, r))
			note(p, "%s keeps its %s%s: it is not what apply added", r->owner,
			     is_tlsa ? "TLSA record" : "address ",
			     is_tlsa ? "" : r->rdata);
		else if (r->at.depth || r->at.is_generated)
			note(p,
			     "%s keeps its %s%s: it stands in an $INCLUDE or $GENERATE "
			     "now",
			     r->owner, is_tlsa ? "TLSA record" : "address ",
			     is_tlsa ? "" : r->rdata);
		else
			plan_take_out(p, r, r->at.ttl);
	}
}

void undo_make(const struct plan_zone *zone, const struct plan_want *want,
	       struct plan *ret)
{
	const struct plan_undo *u = want->undo;
	plan_make(zone, want, ret);
	if (!u || ret->refusal[0])
		return;
	if (!ret->is_no_mail) {
		take_back_preferences(u, ret);
		take_back_ttl(zone, u, ret);
		plan_set_mx(zone, ret);
	}
	if (!u->keeps_addresses)
		take_back_records(zone, want, ret);
}
