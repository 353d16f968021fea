/*
 * half - a random half of many domains, the same one whenever it is asked for
 *
 * For a fair comparison: the decoy stands in one half of the domains, and what
 * both halves receive in the same days is counted. Whether a domain is in the
 * half follows from a hash of its name, keyed by the experiment's own word, the
 * seed: nobody chooses, domains that come later choose themselves, and the same
 * seed gives the same half on every machine.
 *
 * Use:
 *	struct half h;
 *	half_init(&h, "autumn");
 *	if (half_has(&h, "example.com")) ...
 *
 * Limits: of few domains it may be more or less than half.
 */
#ifndef FMX_MX_HALF_H
#define FMX_MX_HALF_H

#include "base/attr.h"
#include "base/hash.h"

struct half {
	struct hash_key key;
};

void half_init(struct half *h, const char *seed);
/* domain: lower case, no final dot. */
bool half_has(const struct half *h, const char *domain);

#endif
