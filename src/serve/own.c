#include "serve/own.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"

struct probe_note {
	struct addr from;
	uint16_t host;
	bool is_used; /* has explained its visit */
	int64_t began, ended;
};

struct own {
	struct probe_note notes[OWN_KEPT];
	size_t next, count;
};

struct own *own_new(void)
{
	return xcalloc(1, sizeof(struct own));
}

void own_free(struct own *o)
{
	free(o);
}

/* The i-th newest note. */
static struct probe_note *newest(struct own *o, size_t i)
{
	return &o->notes[(o->next + OWN_KEPT - 1 - i) % OWN_KEPT];
}

void own_began(struct own *o, uint16_t host, struct addr from, int64_t now)
{
	o->notes[o->next] = (struct probe_note){
		.from = from, .host = host, .began = now, .ended = STAMP_NEVER
	};
	o->next = (o->next + 1) % OWN_KEPT;
	if (o->count < OWN_KEPT)
		o->count++;
}

void own_ended(struct own *o, uint16_t host, int64_t now)
{
	for (size_t i = 0; i < o->count; i++) {
		struct probe_note *n = newest(o, i);
		if (n->host != host || n->ended != STAMP_NEVER)
			continue;
		n->ended = now;
	}
}

static bool explains(const struct probe_note *n, const struct visit *v)
{
	if (n->is_used || n->host != v->host || !addr_equal(n->from, v->client))
		return false;
	if (v->time + v->precision_us < n->began - OWN_SLACK)
		return false;
	return n->ended == STAMP_NEVER || v->time <= n->ended + OWN_SLACK;
}

bool own_explains(struct own *o, const struct visit *v)
{
	if (v->depth > DEPTH_HELO || v->source == VISIT_SOURCE_DECOY)
		return false;
	/* Oldest first: logs are read in order, so the oldest probe that fits is
	 * the one, and a later visit finds its own. */
	for (size_t i = o->count; i-- > 0;) {
		struct probe_note *n = newest(o, i);
		if (!explains(n, v))
			continue;
		n->is_used = true;
		return true;
	}
	return false;
}

struct addr own_route(struct addr to)
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
