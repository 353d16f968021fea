/*
 * knock_ring - one packet socket and the ring that the kernel fills for it
 *
 * A socket of one family, bound to its protocol and to no interface: it sees
 * what the IP stack of this machine sees, in the same place. So tags of VLANs
 * are off, a packet over loopback, a bridge or a bond is seen once, and what
 * leaves this machine not at all (ETH_P_ALL would show all of that twice). A
 * firewall's usual rules come later: what they drop is still seen.
 *
 * Opening needs CAP_NET_RAW; starting, and another filter, do not. The ring is
 * TPACKET_V3: the kernel writes into blocks of shared memory, and hands one
 * over when it is full or KNOCK_RING_DELAY_MS old.
 *
 * Use:
 *	if (knock_ring_open(is_v6, &ring, &e) < 0)
 *		...
 *	knock_ring_set(&ring, &filter, &e);	// starts; again to change it
 *	knock_ring_read(&ring, take, arg);	// when ring.fd is readable
 *	knock_ring_close(&ring);
 *
 * Limits: KNOCK_RING_BYTES, about 130,000 SYNs; what does not fit is dropped
 * and counted. Packets that a filter of tc or nftables' ingress hook drops are
 * not seen, as the IP stack does not see them.
 */
#ifndef FMX_SOURCE_KNOCK_KNOCK_RING_H
#define FMX_SOURCE_KNOCK_KNOCK_RING_H

#include "base/error.h"
#include "base/stamp.h"
#include "source/knock/knock_filter.h"

enum {
	KNOCK_RING_BYTES = 16 * 1024 * 1024,
	KNOCK_RING_BLOCK = 256 * 1024,
	KNOCK_RING_LEAST = 4, /* blocks, when memory is short */
	KNOCK_RING_DELAY_MS = 4,
};
/* A packet may carry the time of its arrival at the interface, a little before
 * it got here. */
#define KNOCK_RING_SLACK (10 * STAMP_MILLISECOND)

struct knock_ring {
	int fd; /* -1: closed */
	bool is_v6;
	uint8_t *map; /* NULL: not started */
	size_t blocks, next;
	int64_t last; /* of the newest packet that was read; 0: none was */
	uint64_t lost;
};

/* -EPERM and -EAFNOSUPPORT with what to do. ret_ring->fd is -1 on error. */
FMX_MUST_CHECK int knock_ring_open(bool is_v6, struct knock_ring *ret_ring,
				   struct error *e);
void knock_ring_close(struct knock_ring *r);
FMX_MUST_CHECK int knock_ring_set(struct knock_ring *r, const struct knock_filter *f,
				  struct error *e);

/* time is the kernel's, of the real clock. */
typedef void (*knock_ring_fn)(void *arg, const void *packet, size_t len, int64_t time);
/* All that the kernel handed over. Returns how many packets. */
size_t knock_ring_read(struct knock_ring *r, knock_ring_fn fn, void *arg);

/* Up to when everything was read, if now is the time and knock_ring_read() was
 * just called; 0 if that cannot be told. Adds to r->lost what was dropped. */
int64_t knock_ring_upto(struct knock_ring *r, int64_t now);

#endif
