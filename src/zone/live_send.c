#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "zone/live_internal.h"

struct sending {
	struct live_zone *zone;
	void (*then)(struct live_zone *z, const struct update_result *r);
};

static uint16_t type_of(enum edit_type t)
{
	switch (t) {
	case EDIT_MX: return RR_MX;
	case EDIT_A: return RR_A;
	case EDIT_AAAA: return RR_AAAA;
	case EDIT_TLSA: return RR_TLSA;
	}
	return RR_MX;
}

static uint16_t addr_rdata(struct addr a, uint8_t to[UPDATE_RDATA_MAX])
{
	if (addr_is_v4(a)) {
		memcpy(to, a.bytes + 12, 4);
		return 4;
	}
	memcpy(to, a.bytes, 16);
	return 16;
}

/* "3 1 1 abcd...", white space within the digits allowed (RFC 6698 2.2). */
static uint16_t tlsa_rdata(const char *text, uint8_t to[UPDATE_RDATA_MAX])
{
	char *end;
	uint16_t n = 0;
	for (; n < 3; n++) {
		unsigned long field = strtoul(text, &end, 10);
		if (end == text || field > 255)
			return 0;
		to[n] = (uint8_t)field;
		text = end;
	}
	for (; n < UPDATE_RDATA_MAX;) {
		text += strspn(text, " \t()");
		if (!*text)
			return n;
		char pair[3] = { text[0], text[1], '\0' };
		unsigned long byte = strtoul(pair, &end, 16);
		if (end != pair + 2)
			return 0;
		to[n++] = (uint8_t)byte;
		text += 2;
	}
	return 0;
}

static uint16_t change_rdata(const struct zone_change *c, uint8_t to[UPDATE_RDATA_MAX])
{
	struct addr a;
	switch (c->type) {
	case EDIT_MX: return update_mx_rdata(c->preference, c->target, to);
	case EDIT_TLSA: return tlsa_rdata(c->rdata, to);
	case EDIT_A:
	case EDIT_AAAA: return addr_parse(c->rdata, &a) ? addr_rdata(a, to) : 0;
	}
	return 0;
}

/* What the plan saw of one owner and type: all of it, or that there was none. */
static void require_rrset(struct update *u, const struct live_zone *z, const char *owner,
			  enum edit_type type)
{
	uint8_t rdata[UPDATE_RDATA_MAX];
	bool found = false;
	for (size_t i = 0; i < z->ranges.record_count; i++) {
		const struct record_range *r = &z->ranges.records[i];
		if (r->type != edit_range_of(type) || strcmp(r->owner, owner) != 0)
			continue;
		uint16_t len = type == EDIT_TLSA ? tlsa_rdata(r->rdata, rdata)
						 : addr_rdata(r->addr, rdata);
		update_require(u, owner, type_of(type), rdata, len);
		found = true;
	}
	if (!found)
		update_require_none(u, owner, type_of(type));
}

static void require_all(struct update *u, const struct live_zone *z)
{
	uint8_t rdata[UPDATE_RDATA_MAX];
	for (uint32_t i = 0; i < z->facts.mx_count; i++) {
		uint16_t len = update_mx_rdata(z->facts.mx[i].preference,
					       z->facts.mx[i].exchange, rdata);
		update_require(u, z->job->origin, RR_MX, rdata, len);
	}
	for (size_t i = 0; i < z->plan.count; i++)
		if (z->plan.changes[i].type != EDIT_MX &&
		    plan_is_first_of_rrset(&z->plan, i))
			require_rrset(u, z, z->plan.changes[i].owner,
				      z->plan.changes[i].type);
}

/* Deleting before adding: a changed TTL or preference is both. */
static void change_all(struct update *u, const struct live_zone *z)
{
	uint8_t rdata[UPDATE_RDATA_MAX];
	for (int adds = 0; adds < 2; adds++)
		for (size_t i = 0; i < z->plan.count; i++) {
			const struct zone_change *c = &z->plan.changes[i];
			uint16_t len = change_rdata(c, rdata);
			if (c->action == EDIT_ADD && adds)
				update_add(u, c->owner, type_of(c->type), c->ttl, rdata,
					   len);
			else if (c->action == EDIT_REMOVE && !adds)
				update_delete(u, c->owner, type_of(c->type), rdata, len);
		}
}

/* A TLSA record may be longer than an update of ours carries. */
static const struct zone_change *too_long(const struct live_zone *z)
{
	uint8_t rdata[UPDATE_RDATA_MAX];
	for (size_t i = 0; i < z->plan.count; i++)
		if (change_rdata(&z->plan.changes[i], rdata) == 0)
			return &z->plan.changes[i];
	return NULL;
}

static void on_update(const struct update_result *r, void *arg)
{
	struct sending s = *(struct sending *)arg;
	free(arg);
	s.then(s.zone, r);
}

void live_send(struct live_zone *z,
	       void (*then)(struct live_zone *z, const struct update_result *r))
{
	const struct live_options *o = z->live->options;
	const struct zone_change *bad = too_long(z);
	if (bad) {
		struct update_result refused = { .outcome = UPDATE_REFUSED };
		(void)error_set(
		    &refused.error, FMX_EREFUSED,
		    "the %s record of %s is longer than the %d bytes that fakemx "
		    "puts into an update: add it by hand, then apply",
		    edit_type_name(bad->type), bad->owner, UPDATE_RDATA_MAX);
		then(z, &refused);
		return;
	}
	struct update *u = update_new(z->job->origin, o->key);
	struct sending *s = xcalloc(1, sizeof(*s));
	*s = (struct sending){ z, then };
	require_all(u, z);
	change_all(u, z);
	struct update_result failed = { .outcome = UPDATE_FAILED };
	if (update_send(u, &z->live->loop, o->server.addr, o->server.port, on_update, s,
			&failed.error) != 0) {
		free(s);
		then(z, &failed);
	}
}
