#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "source/knock/knock_own.h"

enum { TEXT_MAX = 1024 };

void knock_trouble(const struct knock *k, uint16_t host, bool is_over, const char *name,
		   const char *what)
{
	const struct source_sink *s = &k->sink.source;
	char text[TEXT_MAX];
	(void)snprintf(text, sizeof(text), "%s is a closed decoy, and %s", name, what);
	s->trouble(s->arg, host, is_over, text);
}

void knock_drops(const struct knock *k, uint16_t host, bool is_over, const char *name,
		 const char *what)
{
	const struct source_sink *s = &k->sink.source;
	char text[TEXT_MAX];
	(void)snprintf(text, sizeof(text), "%s is a closed decoy, and %s", name, what);
	(k->sink.drops ? k->sink.drops : s->trouble)(s->arg, host, is_over, text);
}

/* Endpoints */

static uint64_t endpoint_hash(struct endpoint at)
{
	return addr_hash(at.addr) + at.port;
}

static bool is_at(const struct knock_target *t, struct endpoint at)
{
	return t->at.port == at.port && addr_equal(t->at.addr, at.addr);
}

struct knock_target *knock_target_find(const struct knock *k, struct endpoint at)
{
	if (k->target_count == 0)
		return NULL;
	if (k->target_count == 1) /* as at most sites */
		return is_at(k->targets, at) ? k->targets : NULL;
	for (uint64_t i = endpoint_hash(at);; i++) {
		uint32_t n = k->index[i & k->index_mask];
		if (n == 0)
			return NULL;
		struct knock_target *t = &k->targets[n - 1];
		if (is_at(t, at))
			return t;
	}
}

static void add_target(struct knock *k, const struct decoy_spec *s)
{
	if (knock_target_find(k, s->at))
		return;
	k->targets[k->target_count++] = (struct knock_target){
		.at = s->at, .site = s->site, .host = s->host, .name = xstrdup(s->name)
	};
	uint64_t i = endpoint_hash(s->at);
	while (k->index[i & k->index_mask] != 0)
		i++;
	k->index[i & k->index_mask] = (uint32_t)k->target_count;
}

static void set_targets(struct knock *k, const struct decoy_spec *specs, size_t count)
{
	struct knock old = *k;
	size_t room = 16;
	while (room < 2 * count)
		room *= 2;
	k->targets = xcalloc(count + 1, sizeof(*k->targets));
	k->index = xcalloc(room, sizeof(*k->index));
	k->index_mask = room - 1;
	k->target_count = 0;
	for (size_t i = 0; i < count; i++)
		if (specs[i].posture == POSTURE_CLOSED)
			add_target(k, &specs[i]);
	for (size_t i = 0; i < k->target_count; i++) {
		struct knock_target *t = &k->targets[i];
		const struct knock_target *was = knock_target_find(&old, t->at);
		if (was)
			t->silent = was->silent;
	}
	for (size_t i = 0; i < old.target_count; i++)
		free(old.targets[i].name);
	free(old.targets);
	free(old.index);
}

/* Hosts */

static struct knock_host *find_host(const struct knock *k, uint16_t id)
{
	for (size_t i = 0; i < k->host_count; i++)
		if (k->hosts[i].id == id)
			return &k->hosts[i];
	return NULL;
}

bool knock_watches(const struct knock *k, uint16_t host)
{
	const struct knock_host *h = find_host(k, host);
	return h && h->is_watched;
}

/* A host's specs stand together. */
static void set_hosts(struct knock *k, const struct decoy_spec *specs, size_t count)
{
	struct knock old = *k;
	size_t used = 0;
	k->hosts = xcalloc(count + 1, sizeof(*k->hosts));
	k->addresses = xcalloc(count + 1, sizeof(*k->addresses));
	k->host_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (specs[i].posture != POSTURE_CLOSED)
			continue;
		struct knock_host *h =
		    k->host_count ? &k->hosts[k->host_count - 1] : NULL;
		if (!h || h->id != specs[i].host) {
			const struct knock_host *was = find_host(&old, specs[i].host);
			h = &k->hosts[k->host_count++];
			*h = was ? *was : (struct knock_host){ .id = specs[i].host };
			h->first = used;
			h->count = 0;
			h->name = xstrdup(specs[i].name);
		}
		k->addresses[used++] = specs[i].at.addr;
		h->count++;
	}
	for (size_t i = 0; i < old.host_count; i++)
		free(old.hosts[i].name);
	free(old.hosts);
	free(old.addresses);
}

void knock_hosts_set(struct knock *k, const struct decoy_spec *specs, size_t count)
{
	set_targets(k, specs, count);
	set_hosts(k, specs, count);
}

void knock_hosts_release(struct knock *k)
{
	knock_hosts_set(k, NULL, 0);
	free(k->targets);
	free(k->index);
	free(k->hosts);
	free(k->addresses);
}

/* To be bound to, an address must be this machine's. */
static bool is_local(struct addr a)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a, 0, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool can = fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0;
	if (fd >= 0)
		close(fd);
	return can;
}

/* The reason why the host cannot be watched; "" if it can. */
static void why_not(const struct knock *k, const struct knock_host *h,
		    char why[KNOCK_WHY_MAX])
{
	char address[ADDR_TEXT_MAX];
	(void)str_copy(why, KNOCK_WHY_MAX, k->why_not);
	for (size_t i = 0; i < h->count && !why[0]; i++) {
		struct addr a = k->addresses[h->first + i];
		if (is_local(a))
			continue;
		(void)snprintf(why, KNOCK_WHY_MAX,
			       "%s is not an address of this machine: run serve where "
			       "it is, or add it to an interface",
			       addr_text(a, address));
	}
}

static void tell_blind(struct knock *k, struct knock_host *h, int64_t now,
		       const char *why)
{
	char text[TEXT_MAX];
	if (why[0]) {
		(void)snprintf(text, sizeof(text), "its knocks are not watched: %s", why);
		knock_trouble(k, h->id, false, h->name, text);
	} else if (h->is_said) {
		knock_trouble(k, h->id, true, h->name, "its knocks are watched again");
	}
	k->sink.blind(k->sink.source.arg, h->id, now, why);
	h->is_watched = !why[0];
	h->is_said = true;
}

void knock_hosts_look(struct knock *k, int64_t now)
{
	char why[KNOCK_WHY_MAX];
	k->counts.hosts = 0;
	for (size_t i = 0; i < k->host_count; i++) {
		struct knock_host *h = &k->hosts[i];
		why_not(k, h, why);
		if (!h->is_said || h->is_watched != !why[0])
			tell_blind(k, h, now, why);
		k->counts.hosts += h->is_watched;
	}
}
