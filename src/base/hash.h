/*
 * hash - one keyed hash for all our tables
 *
 * SipHash-1-3 with a key drawn once per process: whoever chooses source
 * addresses or names must not be able to choose collisions too.
 *
 * Limits: values differ between processes; only those of hash_keyed(), whose key
 * the caller keeps, may be stored.
 */
#ifndef FMX_BASE_HASH_H
#define FMX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

uint64_t hash_bytes(const void *data, size_t len);
uint64_t hash_keyed(const struct hash_key *k, const void *data, size_t len);
/* The same in every process: of what nobody else chooses. */
uint64_t hash_stored(const void *data, size_t len);
/* As hash_bytes, A-Z taken as a-z: for domain names (RFC 4343). */
uint64_t hash_name(const char *name);

#endif
