#include "serve/probe/self_probe.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"

struct note {
	struct addr from;
	uint16_t log;
	bool is_explained; /* its visit was seen */
	bool is_again;     /* and will be seen once more: the log is read again */
	bool was_open;     /* the host took the connection, so its log must show it */
	int64_t began, ended;
};

struct self_probes {
	struct note notes[SELF_PROBE_KEPT];
	uint64_t next; /* name of the next probe */
	struct {
		uint8_t trust; /* probes seen, at most SELF_PROBE_TRUST */
		int64_t proven;
	} logs[UINT16_MAX + 1];
};

struct self_probes *self_probe_new(void)
{
	return xcalloc(1, sizeof(struct self_probes));
}

void self_probe_free(struct self_probes *o)
{
	free(o);
}

static uint64_t oldest(const struct self_probes *o)
{
	return o->next > SELF_PROBE_KEPT ? o->next - SELF_PROBE_KEPT : 0;
}

uint64_t self_probe_began(struct self_probes *o, uint16_t log, struct addr from,
			  int64_t now)
{
	o->notes[o->next % SELF_PROBE_KEPT] =
	    (struct note){ .from = from, .log = log, .began = now, .ended = STAMP_NEVER };
	return o->next++;
}

void self_probe_ended(struct self_probes *o, uint64_t probe, int64_t now, bool was_open)
{
	if (probe < oldest(o))
		return; /* forgotten */
	o->notes[probe % SELF_PROBE_KEPT].ended = now;
	o->notes[probe % SELF_PROBE_KEPT].was_open = was_open;
}

static bool explains(const struct note *n, const struct visit *v)
{
	if ((n->is_explained && !n->is_again) || n->log != v->host ||
	    !addr_equal(n->from, v->client))
		return false;
	if (v->time + v->precision_us < n->began - SELF_PROBE_SLACK)
		return false;
	return n->ended == STAMP_NEVER || v->time <= n->ended + SELF_PROBE_SLACK;
}

bool self_probe_explains(struct self_probes *o, const struct visit *v)
{
	if (v->depth > DEPTH_HELO || v->source == VISIT_SOURCE_DECOY)
		return false;
	struct note *best = NULL;
	int64_t best_apart = 0;
	for (uint64_t i = oldest(o); i < o->next; i++) {
		struct note *n = &o->notes[i % SELF_PROBE_KEPT];
		int64_t apart =
		    n->began > v->time ? n->began - v->time : v->time - n->began;
		if (explains(n, v) && (!best || apart < best_apart)) {
			best = n;
			best_apart = apart;
		}
	}
	if (!best)
		return false;
	best->is_explained = true;
	best->is_again = false;
	if (o->logs[v->host].trust < SELF_PROBE_TRUST)
		o->logs[v->host].trust++;
	if (best->began > o->logs[v->host].proven)
		o->logs[v->host].proven = best->began;
	return true;
}

void self_probe_reread(struct self_probes *o, uint16_t log, int64_t since)
{
	for (uint64_t i = oldest(o); i < o->next; i++) {
		struct note *n = &o->notes[i % SELF_PROBE_KEPT];
		if (n->log == log &&
		    (n->ended == STAMP_NEVER || n->ended + SELF_PROBE_SLACK >= since))
			n->is_again = n->is_explained;
	}
}

int64_t self_probe_proven(const struct self_probes *o, uint16_t log)
{
	return o->logs[log].trust < SELF_PROBE_TRUST ? STAMP_NEVER : o->logs[log].proven;
}

bool self_probe_is_missing(const struct self_probes *o, uint16_t log, int64_t interval,
			   int64_t now)
{
	unsigned missed = 0;
	if (o->logs[log].trust < SELF_PROBE_TRUST)
		return false;
	for (uint64_t i = o->next; i-- > oldest(o);) {
		const struct note *n = &o->notes[i % SELF_PROBE_KEPT];
		if (n->log != log)
			continue;
		if (n->is_explained)
			return false;
		if (!n->was_open || now < n->ended + SELF_PROBE_LATENESS)
			continue;
		if (++missed >= SELF_PROBE_MISSED && now - n->began >= 2 * interval)
			return true;
	}
	return false;
}

struct addr self_probe_route(struct addr to)
{
	struct addr from = { .bytes = { 0 } };
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, 25, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return from;
	/* Connecting a datagram socket only chooses the route. */
	if (connect(fd, (struct sockaddr *)&sa, len) == 0) {
		len = sizeof(sa);
		if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
			from = addr_from_sockaddr((struct sockaddr *)&sa, NULL);
	}
	close(fd);
	return from;
}
