/*
 * names_cache - what was asked not long ago, and until when it need not be again
 *
 * A question is a client, for its name, or a client and a domain, for SPF. The
 * answers are in the journal; here is only that they were given.
 *
 * Use:
 *	struct names_cache *c = names_cache_new();
 *	if (names_cache_is_due(c, client, "", now))
 *		names_cache_set(c, client, "", STAMP_NEVER);	// somebody asks
 *	names_cache_set(c, client, "", now + day);		// it was answered
 *
 * Limits: NAMES_CACHE_MAX questions, in NAMES_CACHE_MAX / 8 places by their hash; of
 * the eight of a place the one that is due first goes. What goes is asked again.
 */
#ifndef FMX_SOURCE_NAME_NAMES_CACHE_H
#define FMX_SOURCE_NAME_NAMES_CACHE_H

#include "base/addr.h"
#include "base/stamp.h"

enum { NAMES_CACHE_MAX = 131072 };

struct names_cache;
struct names_cache *names_cache_new(void);
void names_cache_free(struct names_cache *c);
bool names_cache_is_due(const struct names_cache *c, struct addr client,
			const char *domain, int64_t now);
void names_cache_set(struct names_cache *c, struct addr client, const char *domain,
		     int64_t until);
/* Everything is due. */
void names_cache_clear(struct names_cache *c);

#endif
