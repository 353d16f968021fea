/*
 * knock_packet - a SYN out of the bytes of an IP packet
 *
 * A knock is the first packet of a TCP connection: SYN set, ACK not. Bytes are
 * those from the IP header on, however few the kernel kept. Pure.
 *
 * Use:
 *	struct knock_syn s;
 *	if (knock_read(bytes, len, &s))
 *		...
 *
 * Limits: of IPv6, KNOCK_HEADERS_MAX extension headers are walked through
 * (hop-by-hop, routing, destination options, fragment, AH); behind more of
 * them, or behind ESP, nothing is seen. Of a packet in fragments the first is
 * read, if the TCP flags are in it. Checksums are not looked at.
 */
#ifndef FMX_SOURCE_KNOCK_KNOCK_PACKET_H
#define FMX_SOURCE_KNOCK_KNOCK_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum {
	KNOCK_HEADERS_MAX = 8,
	KNOCK_TCP_BYTES = 14, /* of the TCP header, up to the flags */
};

struct knock_syn {
	struct addr from, to;
	uint16_t from_port, to_port;
	uint32_t sequence; /* equal in a retransmission */
};

/* False: it is something else, or cut off before it could be told. */
FMX_MUST_CHECK bool knock_read(const void *bytes, size_t len, struct knock_syn *ret_syn);

#endif
