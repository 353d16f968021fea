/*
 * names_cache - what was learnt of which client, and until when it is fresh
 *
 * Use:
 *	struct names_cache *c = names_cache_new(100000);
 *	if (names_cache_is_due(c, client, now))
 *		names_cache_asking(c, client);	// not due until the next call
 *	names_cache_learnt(c, &record_name, now + day);
 *
 * Ownership: copies what it keeps.
 *
 * Limits: so many clients as names_cache_new() was told; the one whose entry
 * was written the longest time ago goes first. What goes is asked again.
 */
#ifndef FMX_SOURCE_NAME_NAMES_CACHE_H
#define FMX_SOURCE_NAME_NAMES_CACHE_H

#include "base/stamp.h"
#include "old/record.h"

struct names_cache;
struct names_cache *names_cache_new(uint32_t most);
void names_cache_free(struct names_cache *c);

/* Nothing fresh is known of the client, and nobody asks. */
bool names_cache_is_due(const struct names_cache *c, struct addr client, int64_t now);
void names_cache_asking(struct names_cache *c, struct addr client);
/* All but spf_passes. */
void names_cache_learnt(struct names_cache *c, const struct record_name *n,
			int64_t until);
/* Nothing was learnt: not due before `until`. What was known stays known. */
void names_cache_failed(struct names_cache *c, struct addr client, int64_t until);
/* All of whom nothing was learnt are due. */
void names_cache_retry(struct names_cache *c);
/* SPF passed for it; that goes by itself, whatever names are learnt. */
void names_cache_passed(struct names_cache *c, struct addr client, int64_t until);
/* What is known, of the name also when it is no longer fresh; false if nothing.
 * The texts are lent until the next call. */
FMX_MUST_CHECK bool names_cache_get(const struct names_cache *c, struct addr client,
				    int64_t now, struct record_name *ret_name);
/* An address, or a name or domain with all that lies below. */
void names_cache_forget(struct names_cache *c, const char *what);
uint32_t names_cache_count(const struct names_cache *c);

#endif
