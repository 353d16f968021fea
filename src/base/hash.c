#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static struct hash_key key;

/* Before main(), so that no call has to ask whether the key is there. */
__attribute__((constructor)) static void draw_key(void)
{
	ssize_t n = getrandom(&key, sizeof(key), 0);
	if (n == (ssize_t)sizeof(key))
		return;
	(void)fputs("fakemx: the kernel gives no random bytes\n", stderr);
	abort();
}

static inline uint64_t rotl(uint64_t x, unsigned b)
{
	return (x << b) | (x >> (64 - b));
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

/* Inlined by order: the state then stays in registers, at half the time. */
__attribute__((always_inline)) static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

__attribute__((always_inline)) static inline void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	s->v0 ^= m;
}

uint64_t hash_bytes(const void *data, size_t len)
{
	return hash_keyed(&key, data, len);
}

uint64_t hash_keyed(const struct hash_key *k, const void *data, size_t len)
{
	struct sip s = { k->k0 ^ UINT64_C(0x736f6d6570736575),
			 k->k1 ^ UINT64_C(0x646f72616e646f6d),
			 k->k0 ^ UINT64_C(0x6c7967656e657261),
			 k->k1 ^ UINT64_C(0x7465646279746573) };
	const uint8_t *p = data;
	size_t left = len;
	for (; left >= 8; left -= 8, p += 8) {
		uint64_t m;
		memcpy(&m, p, 8);
		sip_word(&s, m);
	}
	uint64_t tail = (uint64_t)len << 56;
	for (size_t i = 0; i < left; i++)
		tail |= (uint64_t)p[i] << (8 * i);
	sip_word(&s, tail);
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_stored(const void *data, size_t len)
{
	static const struct hash_key fixed = { 1, 2 };
	return hash_keyed(&fixed, data, len);
}

uint64_t hash_name(const char *name)
{
	char lower[256];
	size_t n = 0;
	for (; name[n] && n < sizeof(lower); n++)
		lower[n] =
		    name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] + 32) : name[n];
	return hash_bytes(lower, n);
}
