#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zone/domain_internal.h"

FMX_PRINTF(2, 3)
static void differ(struct domain_difference *to, const char *fmt, ...)
{
	size_t n = strlen(to->text);
	if (n > 0 && n + 2 < sizeof(to->text)) {
		memcpy(to->text + n, ", ", 3);
		n += 2;
	}
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(to->text + n, sizeof(to->text) - n, fmt, ap);
	va_end(ap);
}

static bool has_mx(const struct seen_server *v, const struct zone_mx *mx)
{
	for (size_t i = 0; i < v->mx_count; i++)
		if (v->mx[i].preference == mx->preference &&
		    strcmp(v->mx[i].host, mx->exchange) == 0)
			return true;
	return false;
}

static bool is_after(const struct plan *p, const struct seen_mx *mx)
{
	for (uint32_t i = 0; i < p->after_count; i++)
		if (p->after[i].preference == mx->preference &&
		    strcmp(p->after[i].exchange, mx->host) == 0)
			return true;
	return false;
}

static void compare_mx(const struct plan *p, const struct seen_server *v,
		       struct domain_difference *to)
{
	for (uint32_t i = 0; i < p->after_count; i++)
		if (!has_mx(v, &p->after[i]))
			differ(to, "no MX %u %s", p->after[i].preference,
			       p->after[i].exchange);
	for (size_t i = 0; i < v->mx_count; i++)
		if (!is_after(p, &v->mx[i]))
			differ(to, "still MX %u %s", v->mx[i].preference, v->mx[i].host);
}

static bool is_told(const struct domain_known *k, size_t server, const char *owner,
		    const struct addr *a)
{
	for (size_t i = 0; i < k->told_count; i++) {
		const struct domain_told *r = &k->told[i];
		if (r->server == server && strcmp(r->owner, owner) == 0 &&
		    (r->type == RANGE_A || r->type == RANGE_AAAA) &&
		    (!a || addr_equal(r->addr, *a)))
			return true;
	}
	return false;
}

static void compare_decoy(const struct domain_known *k, size_t server,
			  const struct plan_decoy *decoy, struct domain_difference *to)
{
	char text[ADDR_TEXT_MAX];
	if (!decoy->name[0] || !name_is_below(decoy->name, k->seen->zone))
		return;
	for (uint8_t i = 0; i < decoy->address_count; i++)
		if (!is_told(k, server, decoy->name, &decoy->addresses[i]))
			differ(to, "no address %s for %s",
			       addr_text(decoy->addresses[i], text), decoy->name);
	if (decoy->address_count == 0 && !is_told(k, server, decoy->name, NULL))
		differ(to, "no address for %s", decoy->name);
}

static void compare_high(const struct domain_known *k, size_t server,
			 struct domain_difference *to)
{
	compare_decoy(k, server, &k->want->high, to);
	for (size_t i = 0; i < k->want->also_count; i++)
		compare_decoy(k, server, &k->want->also[i], to);
}

void domain_differ(const struct domain_known *k, struct domain_result *r)
{
	enum layout l = k->want->layout;
	for (size_t i = 0; i < k->seen->server_count; i++) {
		const struct seen_server *v = &k->seen->servers[i];
		if (v->state != SERVER_ANSWERS || !v->has_mx)
			continue;
		struct domain_difference *to = &r->servers[r->server_count++];
		*to = (struct domain_difference){ .server = v };
		compare_mx(k->plan, v, to);
		if (l == LAYOUT_LOW || l == LAYOUT_BOTH)
			compare_decoy(k, i, &k->want->low, to);
		if (l == LAYOUT_HIGH || l == LAYOUT_BOTH)
			compare_high(k, i, to);
		r->differing += to->text[0] != '\0';
	}
}
