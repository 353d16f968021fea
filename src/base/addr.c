#include "base/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/number.h"

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool addr_is_v4(struct addr a)
{
	return memcmp(a.bytes, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool addr_parse(const char *text, struct addr *ret_addr)
{
	struct addr a;
	memcpy(a.bytes, v4_mapped, sizeof(v4_mapped));
	if (inet_pton(AF_INET, text, a.bytes + 12) != 1 &&
	    inet_pton(AF_INET6, text, a.bytes) != 1)
		return false;
	*ret_addr = a;
	return true;
}

/* The usual form of IPv4 alone, as inet_pton() takes it, in a tenth of its time:
 * every line of a mail log has one. */
static bool parse_v4(const char *text, size_t len, struct addr *ret_addr)
{
	const char *p = text, *end = text + len;
	struct addr a;
	memcpy(a.bytes, v4_mapped, sizeof(v4_mapped));
	for (size_t i = 0; i < 4; i++) {
		unsigned value = 0;
		if (i && (p == end || *p++ != '.'))
			return false;
		const char *first = p;
		for (; p < end && p < first + 3 && *p >= '0' && *p <= '9'; p++)
			value = value * 10 + (unsigned)(*p - '0');
		if (p == first || value > 255 || (*first == '0' && p > first + 1))
			return false;
		a.bytes[12 + i] = (uint8_t)value;
	}
	if (p != end)
		return false;
	*ret_addr = a;
	return true;
}

bool addr_parse_n(const char *text, size_t len, struct addr *ret_addr)
{
	char copy[ADDR_TEXT_MAX];
	if (parse_v4(text, len, ret_addr))
		return true;
	if (len >= sizeof(copy) || memchr(text, '\0', len))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return addr_parse(copy, ret_addr);
}

bool addr_equal(struct addr a, struct addr b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

int addr_compare(struct addr a, struct addr b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes));
}

int addr_compare_any(const void *a, const void *b)
{
	return addr_compare(*(const struct addr *)a, *(const struct addr *)b);
}

uint64_t addr_hash(struct addr a)
{
	return hash_bytes(a.bytes, sizeof(a.bytes));
}

/* One row, one registered block (IANA special-purpose address registries). As
 * bytes: the judge asks for each sender that it may list. */
#define V4(a, b, c)                                                                      \
	{                                                                                \
		{                                                                        \
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, 0             \
		}                                                                        \
	}
#define V6(a, b, c, d)                                                                   \
	{                                                                                \
		{                                                                        \
			a, b, c, d                                                       \
		}                                                                        \
	}
static const struct {
	struct prefix prefix;
	enum addr_kind kind;
} special[] = {
	{ { V4(0, 0, 0), 8 }, ADDR_UNROUTABLE },
	{ { V4(10, 0, 0), 8 }, ADDR_PRIVATE },
	{ { V4(100, 64, 0), 10 }, ADDR_PRIVATE },
	{ { V4(127, 0, 0), 8 }, ADDR_LOOPBACK },
	{ { V4(169, 254, 0), 16 }, ADDR_LINK_LOCAL },
	{ { V4(172, 16, 0), 12 }, ADDR_PRIVATE },
	{ { V4(192, 0, 0), 24 }, ADDR_UNROUTABLE },
	{ { V4(192, 0, 2), 24 }, ADDR_DOCUMENTATION },
	{ { V4(192, 168, 0), 16 }, ADDR_PRIVATE },
	{ { V4(198, 18, 0), 15 }, ADDR_DOCUMENTATION },
	{ { V4(198, 51, 100), 24 }, ADDR_DOCUMENTATION },
	{ { V4(203, 0, 113), 24 }, ADDR_DOCUMENTATION },
	{ { V4(224, 0, 0), 3 }, ADDR_UNROUTABLE },
	{ { { { [15] = 1 } }, 128 }, ADDR_LOOPBACK },
	{ { { { 0 } }, 96 }, ADDR_UNROUTABLE },
	{ { V6(0x01, 0x00, 0, 0), 64 }, ADDR_UNROUTABLE },
	{ { V6(0x20, 0x01, 0x0d, 0xb8), 32 }, ADDR_DOCUMENTATION },
	{ { V6(0x3f, 0xff, 0, 0), 20 }, ADDR_DOCUMENTATION },
	{ { V6(0xfc, 0, 0, 0), 7 }, ADDR_PRIVATE },
	{ { V6(0xfe, 0x80, 0, 0), 10 }, ADDR_LINK_LOCAL },
	{ { V6(0xff, 0, 0, 0), 8 }, ADDR_UNROUTABLE },
};

enum addr_kind addr_kind(struct addr a)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (prefix_has(special[i].prefix, a))
			return special[i].kind;
	return ADDR_PUBLIC;
}

const char *addr_kind_name(enum addr_kind kind)
{
	switch (kind) {
	case ADDR_PUBLIC: return "public";
	case ADDR_LOOPBACK: return "loopback";
	case ADDR_PRIVATE: return "private";
	case ADDR_LINK_LOCAL: return "link-local";
	case ADDR_DOCUMENTATION: return "documentation";
	case ADDR_UNROUTABLE: return "unroutable";
	}
	assert(false);
	return "public";
}

/* inet_ntop() asks snprintf(): lists print a million. */
static void v4_text(const uint8_t bytes[4], char *to)
{
	for (int i = 0; i < 4; i++) {
		unsigned n = bytes[i];
		if (n >= 100)
			*to++ = (char)('0' + n / 100);
		if (n >= 10)
			*to++ = (char)('0' + n / 10 % 10);
		*to++ = (char)('0' + n % 10);
		*to++ = i < 3 ? '.' : '\0';
	}
}

const char *addr_text(struct addr a, char text[ADDR_TEXT_MAX])
{
	if (addr_is_v4(a))
		v4_text(a.bytes + 12, text);
	else
		(void)inet_ntop(AF_INET6, a.bytes, text, ADDR_TEXT_MAX);
	return text;
}

struct addr addr_from_sockaddr(const struct sockaddr *sa, uint16_t *ret_port)
{
	struct addr a = { { 0 } };
	uint16_t port = 0;
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof(in));
		memcpy(a.bytes, v4_mapped, sizeof(v4_mapped));
		memcpy(a.bytes + 12, &in.sin_addr, 4);
		port = ntohs(in.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof(in6));
		memcpy(a.bytes, &in6.sin6_addr, 16);
		port = ntohs(in6.sin6_port);
	}
	if (ret_port)
		*ret_port = port;
	return a;
}

socklen_t addr_to_sockaddr(struct addr a, uint16_t port, struct sockaddr_storage *ret_sa)
{
	memset(ret_sa, 0, sizeof(*ret_sa));
	if (addr_is_v4(a)) {
		struct sockaddr_in in = { .sin_family = AF_INET,
					  .sin_port = htons(port) };
		memcpy(&in.sin_addr, a.bytes + 12, 4);
		memcpy(ret_sa, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&in6.sin6_addr, a.bytes, 16);
	memcpy(ret_sa, &in6, sizeof(in6));
	return sizeof(in6);
}

/* The prefix length in the 16 byte form. */
static unsigned wide_bits(struct addr a, uint8_t bits)
{
	return addr_is_v4(a) ? 96U + bits : bits;
}

struct prefix prefix_of(struct addr a, uint8_t bits)
{
	unsigned wide = wide_bits(a, bits);
	assert(wide <= 128);

	struct prefix p = { .addr = a, .bits = bits };
	for (unsigned i = 0; i < 16; i++) {
		unsigned from = i * 8;
		if (from >= wide)
			p.addr.bytes[i] = 0;
		else if (wide - from < 8)
			p.addr.bytes[i] &= (uint8_t)(0xff << (8 - (wide - from)));
	}
	return p;
}

struct prefix prefix_pool(struct addr a)
{
	return prefix_of(a, addr_is_v4(a) ? 24 : 64);
}

void prefix_pool_range(struct addr a, struct addr *ret_low, struct addr *ret_high)
{
	size_t bytes = addr_is_v4(a) ? 15 : 8;
	*ret_low = *ret_high = a;
	memset(ret_low->bytes + bytes, 0, sizeof(a.bytes) - bytes);
	memset(ret_high->bytes + bytes, 0xff, sizeof(a.bytes) - bytes);
}

bool addr_next(struct addr *a)
{
	for (size_t i = sizeof(a->bytes); i-- > 0;)
		if (++a->bytes[i] != 0)
			return true;
	return false;
}

bool prefix_has(struct prefix p, struct addr a)
{
	if (addr_is_v4(a) != addr_is_v4(p.addr))
		return false;
	return addr_equal(prefix_of(a, p.bits).addr, p.addr);
}

bool prefix_parse(const char *text, struct prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	struct addr a;
	if (!addr_parse_n(text, slash ? (size_t)(slash - text) : strlen(text), &a))
		return false;
	uint64_t most = addr_is_v4(a) ? 32 : 128, bits = most;
	if (slash && !number_parse(slash + 1, strlen(slash + 1), most, &bits))
		return false;
	*ret_prefix = prefix_of(a, (uint8_t)bits);
	return true;
}

bool prefix_is_vast(struct prefix p)
{
	return p.bits < (addr_is_v4(p.addr) ? 8 : 16);
}

const char *prefix_text(struct prefix p, char text[PREFIX_TEXT_MAX])
{
	char a[ADDR_TEXT_MAX];
	(void)snprintf(text, PREFIX_TEXT_MAX, "%s/%u", addr_text(p.addr, a), p.bits);
	return text;
}

bool endpoint_parse(const char *text, uint16_t port, struct endpoint *ret_endpoint)
{
	const char *at = strchr(text, '@');
	uint64_t said = port;
	struct addr a;
	if (at && (!number_parse(at + 1, strlen(at + 1), UINT16_MAX, &said) || said == 0))
		return false;
	if (!addr_parse_n(text, at ? (size_t)(at - text) : strlen(text), &a))
		return false;
	*ret_endpoint = (struct endpoint){ .addr = a, .port = (uint16_t)said };
	return true;
}
