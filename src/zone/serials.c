#include "zone/serials.h"

#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "dns/resolver.h"
#include "zone/serial.h"

struct asking {
	uv_loop_t loop;
	struct resolver *resolver;
	struct zone_serial *zones;
	size_t count, next, under_way;
};

/* One zone under way; open counts its questions without an answer. */
struct asked {
	struct asking *all;
	struct zone_serial *zone;
	unsigned open;
};

static void start_more(struct asking *a);

static void answered(struct asked *z)
{
	struct asking *a = z->all;
	if (--z->open > 0)
		return;
	free(z);
	a->under_way--;
	start_more(a);
}

static void on_soa(const struct answer *answer, void *arg)
{
	struct asked *z = arg;
	uint32_t serial;
	if (answer->count == 1 && rdata_serial(answer->records[0], &serial)) {
		if (!z->zone->is_known || serial_is_newer(serial, z->zone->highest))
			z->zone->highest = serial;
		z->zone->is_known = true;
	}
	answered(z);
}

static void on_address(const struct answer *answer, void *arg)
{
	struct asked *z = arg;
	struct addr addr;
	for (size_t i = 0; i < answer->count; i++) {
		if (!rdata_addr(answer->records[i], &addr))
			continue;
		z->open++;
		resolver_ask_server(z->all->resolver, addr, DNS_PORT, z->zone->origin,
				    RR_SOA, on_soa, z);
	}
	answered(z);
}

static void on_ns(const struct answer *answer, void *arg)
{
	struct asked *z = arg;
	char name[NAME_TEXT_MAX];
	for (size_t i = 0; i < answer->count; i++) {
		if (!rdata_name(answer->records[i], name))
			continue;
		z->open += 2;
		resolver_ask(z->all->resolver, name, RR_A, on_address, z);
		resolver_ask(z->all->resolver, name, RR_AAAA, on_address, z);
	}
	answered(z);
}

static void start_more(struct asking *a)
{
	while (a->under_way < SERIALS_AT_ONCE && a->next < a->count) {
		struct asked *z = xcalloc(1, sizeof(*z));
		*z = (struct asked){ .all = a, .zone = &a->zones[a->next++], .open = 1 };
		a->under_way++;
		resolver_ask(a->resolver, z->zone->origin, RR_NS, on_ns, z);
	}
}

int serials_ask(struct zone_serial *zones, size_t count,
		const struct resolver_options *resolver, struct error *e)
{
	struct asking a = { .zones = zones, .count = count };
	struct resolver_options o = *resolver;
	o.timeout_ms = 1000;
	o.tries = 1;
	int rc = uv_loop_init(&a.loop);
	if (rc < 0)
		return error_set(e, rc, "cannot begin to ask: %s", uv_strerror(rc));
	rc = resolver_new(&a.loop, &o, &a.resolver, e);
	if (rc == 0) {
		start_more(&a);
		(void)uv_run(&a.loop, UV_RUN_DEFAULT);
		resolver_free(a.resolver);
	}
	(void)uv_run(&a.loop, UV_RUN_DEFAULT); /* its handles close */
	(void)uv_loop_close(&a.loop);
	return rc;
}
