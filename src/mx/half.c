#include "mx/half.h"

#include <string.h>

void half_init(struct half *h, const char *seed)
{
	static const struct hash_key first = { 0, 1 }, second = { 0, 2 };
	h->key = (struct hash_key){ hash_keyed(&first, seed, strlen(seed)),
				    hash_keyed(&second, seed, strlen(seed)) };
}

bool half_has(const struct half *h, const char *domain)
{
	return hash_keyed(&h->key, domain, strlen(domain)) & 1;
}
