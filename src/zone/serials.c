#include "zone/serials.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "dns/resolver.h"
#include "zone/serial.h"

struct asking {
	uv_loop_t loop;
	struct resolver *resolver;
	struct zone_serial *zones;
	size_t count, next, under_way;
	size_t answers, failures; /* of the resolver, to the first question of a zone */
	int64_t deadline;         /* no zone is begun after it; 0: none */
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

/* One name server's address that is asked for its serial. */
struct asked_server {
	struct asked *zone;
	struct addr addr;
	char name[NAME_TEXT_MAX];
};

static void on_soa(const struct answer *answer, void *arg)
{
	struct asked_server *s = arg;
	struct zone_serial *zone = s->zone->zone;
	uint32_t serial;
	char text[ADDR_TEXT_MAX];
	if (answer->count == 1 && rdata_serial(answer->records[0], &serial)) {
		if (!zone->is_known || serial_is_newer(serial, zone->highest))
			zone->highest = serial;
		zone->is_known = true;
		char *other = !zone->wanted || serial == zone->wanted ? NULL
			      : serial_is_newer(zone->wanted, serial) ? zone->lagging
								      : zone->ahead;
		if (other)
			(void)snprintf(other, SERIALS_SERVER_MAX, "%s (%s, serial %u)",
				       s->name, addr_text(s->addr, text), serial);
	}
	answered(s->zone);
	free(s);
}

static void on_address(const struct answer *answer, void *arg)
{
	struct asked_server *of = arg;
	struct asked *z = of->zone;
	struct addr addr;
	for (size_t i = 0; i < answer->count; i++) {
		if (!rdata_addr(answer->records[i], &addr))
			continue;
		struct asked_server *s = xcalloc(1, sizeof(*s));
		*s = *of;
		s->addr = addr;
		z->open++;
		resolver_ask_server(z->all->resolver, addr, DNS_PORT, z->zone->origin,
				    RR_SOA, on_soa, s);
	}
	answered(z);
	free(of);
}

static void ask_address(struct asked *z, const char *name, enum rr_type type)
{
	struct asked_server *s = xcalloc(1, sizeof(*s));
	s->zone = z;
	(void)str_copy(s->name, sizeof(s->name), name);
	z->open++;
	resolver_ask(z->all->resolver, name, type, on_address, s);
}

static void on_ns(const struct answer *answer, void *arg)
{
	struct asked *z = arg;
	char name[NAME_TEXT_MAX];
	if (lookup_is_sure(answer->status))
		z->all->answers++;
	else
		z->all->failures++;
	for (size_t i = 0; i < answer->count; i++) {
		if (!rdata_name(answer->records[i], name))
			continue;
		ask_address(z, name, RR_A);
		ask_address(z, name, RR_AAAA);
	}
	answered(z);
}

static bool may_start(const struct asking *a)
{
	bool is_deaf = !a->answers && a->failures >= SERIALS_AT_ONCE;
	return !is_deaf && (!a->deadline || stamp_monotonic() < a->deadline);
}

static void start_more(struct asking *a)
{
	while (may_start(a) && a->under_way < SERIALS_AT_ONCE && a->next < a->count) {
		struct asked *z = xcalloc(1, sizeof(*z));
		*z = (struct asked){ .all = a, .zone = &a->zones[a->next++], .open = 1 };
		a->under_way++;
		resolver_ask(a->resolver, z->zone->origin, RR_NS, on_ns, z);
	}
}

static int ask_until(struct zone_serial *zones, size_t count,
		     const struct resolver_options *resolver, int64_t deadline,
		     struct error *e)
{
	struct asking a = { .zones = zones, .count = count, .deadline = deadline };
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

int serials_ask(struct zone_serial *zones, size_t count,
		const struct resolver_options *resolver, struct error *e)
{
	return ask_until(zones, count, resolver, 0, e);
}

/* The zones that lag are asked again; the others are done. */
static int ask_again(struct zone_serial *zones, size_t count,
		     const struct resolver_options *resolver, size_t *ret_lagging,
		     struct error *e)
{
	struct zone_serial *some = xcalloc(count, sizeof(*some));
	size_t *which = xcalloc(count, sizeof(*which)), n = 0;
	for (size_t i = 0; i < count; i++) {
		if (!zones[i].lagging[0])
			continue;
		which[n] = i;
		some[n++] = (struct zone_serial){ .origin = zones[i].origin,
						  .wanted = zones[i].wanted };
	}
	int rc = serials_ask(some, n, resolver, e);
	*ret_lagging = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		zones[which[i]] = some[i];
		*ret_lagging += some[i].lagging[0] != '\0';
	}
	free(some);
	free(which);
	return rc;
}

int serials_agree(struct zone_serial *zones, size_t count,
		  const struct resolver_options *resolver, struct error *e)
{
	int64_t deadline = stamp_monotonic() + SERIALS_AGREE_US;
	size_t lagging = 0;
	int rc = ask_until(zones, count, resolver, deadline, e);
	for (size_t i = 0; i < count; i++)
		lagging += zones[i].lagging[0] != '\0';
	while (rc == 0 && lagging && stamp_monotonic() < deadline) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
		rc = ask_again(zones, count, resolver, &lagging, e);
	}
	return rc;
}
