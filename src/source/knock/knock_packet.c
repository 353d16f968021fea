#include "source/knock/knock_packet.h"

#include <string.h>

enum { FLAG_SYN = 0x02, FLAG_ACK = 0x10 };
enum { V4_HEADER = 20, V6_HEADER = 40 };

struct bytes {
	const uint8_t *at;
	size_t len;
};

static uint16_t number16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool read_tcp(struct bytes b, struct knock_syn *s)
{
	if (b.len < KNOCK_TCP_BYTES)
		return false;
	if ((b.at[13] & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN)
		return false;
	s->from_port = number16(b.at);
	s->to_port = number16(b.at + 2);
	s->sequence = (uint32_t)number16(b.at + 4) << 16 | number16(b.at + 6);
	return true;
}

static struct addr addr_v4(const uint8_t *at)
{
	struct addr a = { .bytes = { [10] = 0xff, [11] = 0xff } };
	memcpy(a.bytes + 12, at, 4);
	return a;
}

static struct addr addr_v6(const uint8_t *at)
{
	struct addr a;
	memcpy(a.bytes, at, sizeof(a.bytes));
	return a;
}

static bool read_v4(struct bytes b, struct knock_syn *s)
{
	if (b.len < V4_HEADER)
		return false;
	size_t header = (b.at[0] & 15U) * 4U;
	bool is_first = (number16(b.at + 6) & 0x1fff) == 0; /* of its fragments */
	if (header < V4_HEADER || b.len < header || b.at[9] != IPPROTO_TCP || !is_first)
		return false;
	s->from = addr_v4(b.at + 12);
	s->to = addr_v4(b.at + 16);
	return read_tcp((struct bytes){ b.at + header, b.len - header }, s);
}

/* Steps over one extension header. False at what is none, or not the first
 * fragment. */
static bool step_over(struct bytes *b, uint8_t *next)
{
	if (b->len < 8)
		return false;
	size_t len = (b->at[1] + 1U) * 8U;
	switch (*next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS: break;
	case IPPROTO_AH: len = (b->at[1] + 2U) * 4U; break; /* RFC 4302 2.2 */
	case IPPROTO_FRAGMENT:
		if (number16(b->at + 2) & 0xfff8)
			return false;
		len = 8;
		break;
	default: return false;
	}
	if (len > b->len)
		return false;
	*next = b->at[0];
	b->at += len;
	b->len -= len;
	return true;
}

static bool read_v6(struct bytes b, struct knock_syn *s)
{
	if (b.len < V6_HEADER)
		return false;
	uint8_t next = b.at[6];
	s->from = addr_v6(b.at + 8);
	s->to = addr_v6(b.at + 24);
	/* Nobody's on the wire; taken for IPv4 it would name somebody else. */
	if (addr_is_v4(s->from) || addr_is_v4(s->to))
		return false;
	b.at += V6_HEADER;
	b.len -= V6_HEADER;
	for (unsigned i = 0; next != IPPROTO_TCP; i++) {
		if (i == KNOCK_HEADERS_MAX || !step_over(&b, &next))
			return false;
	}
	return read_tcp(b, s);
}

bool knock_read(const void *bytes, size_t len, struct knock_syn *ret_syn)
{
	struct bytes b = { bytes, len };
	struct knock_syn s = { .from_port = 0 };
	bool is_syn = false;
	if (len > 0 && b.at[0] >> 4 == 4)
		is_syn = read_v4(b, &s);
	else if (len > 0 && b.at[0] >> 4 == 6)
		is_syn = read_v6(b, &s);
	if (is_syn)
		*ret_syn = s;
	return is_syn;
}
