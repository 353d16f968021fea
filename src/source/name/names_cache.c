#include "source/name/names_cache.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { WAYS = 8, PLACES = NAMES_CACHE_MAX / WAYS };

struct question {
	uint64_t key; /* 0: none */
	int64_t until;
};

struct names_cache {
	struct question all[PLACES][WAYS];
};

struct names_cache *names_cache_new(void)
{
	return xcalloc(1, sizeof(struct names_cache));
}

void names_cache_free(struct names_cache *c)
{
	free(c);
}

static uint64_t key_of(struct addr client, const char *domain)
{
	uint64_t both[2] = { hash_bytes(client.bytes, sizeof(client.bytes)),
			     hash_name(domain) };
	uint64_t key = hash_bytes(both, sizeof(both));
	return key ? key : 1;
}

bool names_cache_is_due(const struct names_cache *c, struct addr client,
			const char *domain, int64_t now)
{
	uint64_t key = key_of(client, domain);
	const struct question *ways = c->all[key % PLACES];
	for (size_t i = 0; i < WAYS; i++) {
		if (ways[i].key == key)
			return ways[i].until <= now;
	}
	return true;
}

void names_cache_set(struct names_cache *c, struct addr client, const char *domain,
		     int64_t until)
{
	uint64_t key = key_of(client, domain);
	struct question *ways = c->all[key % PLACES], *at = ways;
	for (size_t i = 0; i < WAYS && at->key != key; i++) {
		if (ways[i].key == key || ways[i].until < at->until)
			at = &ways[i];
	}
	*at = (struct question){ key, until };
}

void names_cache_clear(struct names_cache *c)
{
	memset(c, 0, sizeof(*c));
}
