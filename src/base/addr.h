/*
 * addr - IPv4 and IPv6 addresses and prefixes as plain values
 *
 * One 16 byte form for both families: IPv4 is kept IPv4-mapped
 * (::ffff:192.0.2.1, RFC 4291 2.5.5.2), so addresses compare, hash and are
 * stored alike. Text is RFC 5952 for IPv6 and dotted quad for IPv4.
 *
 * Use:
 *	struct addr a;
 *	if (!addr_parse("192.0.2.1", &a))
 *		...
 *	struct prefix pool = prefix_pool(a);	// 192.0.2.0/24
 *
 * Ownership: plain data.
 */
#ifndef FMX_BASE_ADDR_H
#define FMX_BASE_ADDR_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"

enum { ADDR_TEXT_MAX = 46, PREFIX_TEXT_MAX = 50 };

struct addr {
	uint8_t bytes[16];
};

/* bits counts from the start of the family's own form: 0..32 or 0..128. */
struct prefix {
	struct addr addr; /* bits after the prefix are zero */
	uint8_t bits;
};

/* Why an address may not be a public MX's (risks.md row 8). */
enum addr_kind {
	ADDR_PUBLIC,
	ADDR_LOOPBACK,
	ADDR_PRIVATE, /* RFC 1918, RFC 4193, RFC 6598 shared space */
	ADDR_LINK_LOCAL,
	ADDR_DOCUMENTATION, /* RFC 5737, RFC 3849, RFC 2544 benchmarks */
	ADDR_UNROUTABLE,    /* unspecified, multicast, reserved, broadcast */
};

/* Accepts what inet_pton accepts, nothing else: no ports, brackets, names.
 * An IPv4-mapped IPv6 text becomes the IPv4 address it names. */
FMX_MUST_CHECK bool addr_parse(const char *text, struct addr *ret_addr);
FMX_MUST_CHECK bool addr_parse_n(const char *text, size_t len, struct addr *ret_addr);

bool addr_is_v4(struct addr a);
bool addr_equal(struct addr a, struct addr b);
int addr_compare(struct addr a, struct addr b);
int addr_compare_any(const void *a, const void *b); /* for qsort() and bsearch() */
uint64_t addr_hash(struct addr a);
enum addr_kind addr_kind(struct addr a);
const char *addr_kind_name(enum addr_kind kind); /* "private", ... */

/* Writes at most ADDR_TEXT_MAX bytes with the final NUL; returns text. */
const char *addr_text(struct addr a, char text[ADDR_TEXT_MAX]);

/* The address of a connected or accepted socket. *ret_port may be NULL. */
struct addr addr_from_sockaddr(const struct sockaddr *sa, uint16_t *ret_port);
/* Returns the length for bind() or connect(). IPv4 becomes AF_INET. */
socklen_t addr_to_sockaddr(struct addr a, uint16_t port, struct sockaddr_storage *ret_sa);

struct prefix prefix_of(struct addr a, uint8_t bits);
/* The pool of a sender: its /24 or /64 (DESIGN, "pool"). */
struct prefix prefix_pool(struct addr a);
/* The first and the last address of it. */
void prefix_pool_range(struct addr a, struct addr *ret_low, struct addr *ret_high);
/* The address behind it; false: there is none. */
bool addr_next(struct addr *a);
bool prefix_has(struct prefix p, struct addr a);
/* "192.0.2.0/24", or a bare address, which is a whole-length prefix. */
FMX_MUST_CHECK bool prefix_parse(const char *text, struct prefix *ret_prefix);
const char *prefix_text(struct prefix p, char text[PREFIX_TEXT_MAX]);
/* Wider than any one owner's: more than an IPv4 /8 or an IPv6 /16. */
bool prefix_is_vast(struct prefix p);

struct endpoint {
	struct addr addr;
	uint16_t port;
};
/* "192.0.2.1", "192.0.2.1@2525", "2001:db8::1@25"; port: where none is said. */
FMX_MUST_CHECK bool endpoint_parse(const char *text, uint16_t port,
				   struct endpoint *ret_endpoint);

#endif
